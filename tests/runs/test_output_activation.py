"""A regression whose answers are never negative, by every door (lecture rows E5, E13)."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from safetensors.numpy import load_file

import jaxmlp
from jaxmlp import Config, evaluate, fit, predict, train
from jaxmlp.config.signature import Signature
from jaxmlp.errors import InputError
from jaxmlp.explain import __main__ as explain
from jaxmlp.export import __main__ as export
from jaxmlp.sweep import __main__ as sweep
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")

NAMES = ("relu", "softplus")
RNG = np.random.default_rng(0)
SIZE = RNG.uniform(0, 2, size=400)
AGE = np.maximum(0, 6 * (SIZE - 0.8) + RNG.normal(size=400))  # many newborn animals


def npz(folder, y=AGE):
    np.savez(folder / "my.npz", x=SIZE[:, None], y=y)
    training = ["--epochs", "40", "--learning-rate", "0.03", "--hidden", "8"]
    return ["--dataset", str(folder / "my.npz"), "--quiet", *training]


@pytest.fixture(scope="module", params=NAMES)
def run(request, tmp_path_factory):
    """A run whose output activation has this name."""
    folder = tmp_path_factory.mktemp(request.param)
    out = folder / "run"
    options = ["--output-activation", request.param, "--out", str(out)]
    assert train.main([*npz(folder), *options]) == 0
    return request.param, out


def test_no_answer_is_negative(run):
    """Far below the training part too; the ReLU says 0 there, the identity would say -9 or less."""
    name, out = run
    network = jaxmlp.load(out)
    said = network.predict(np.array([[-3.0], [-100.0], [0.0], [1.8]]))
    assert (said >= 0).all()
    assert said[3] == pytest.approx(6, abs=1.5)
    if name == "relu":
        assert said[1] == 0
    assert network.signature.output_activation == name
    z = np.asarray(
        network.model(
            network.params, network.signature.preprocessing(np.array([[-100.0]], np.float32))
        )
    )
    target = network.signature.target_preprocessing
    assert target.undo(z.astype(np.float64))[0, 0] < -1  # what the raw output alone would say


def test_the_answer_is_the_activation_in_the_target_s_unit(run):
    """By hand, from the saved weights and numbers: s f(z + m / s)."""
    name, out = run
    network = jaxmlp.load(out)
    arrays = load_file(out / "model.safetensors")
    x = np.linspace(-1, 2, 7)[:, None]
    z = np.asarray(
        network.model(network.params, network.signature.preprocessing(x.astype(np.float32)))
    ).astype(np.float64)
    assert len(arrays) >= 4
    target = network.signature.target_preprocessing
    mean, deviation = target.offset, 1 / target.scale
    u = z + mean / deviation
    f = np.maximum(u, 0) if name == "relu" else np.log1p(np.exp(u))
    np.testing.assert_allclose(network.predict(x), (deviation * f)[:, 0], rtol=1e-6, atol=1e-6)


def test_all_doors_agree(run, tmp_path, capsys):
    """What `predict`, `evaluate`, the summary, `explain` and the exports say."""
    name, out = run
    np.save(tmp_path / "new.npy", np.array([[-2.0], [0.5], [1.9]]))
    said = jaxmlp.load(out).predict(np.array([[-2.0], [0.5], [1.9]]))
    assert predict.main([str(out), str(tmp_path / "new.npy"), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["prediction"]["y"] for line in lines] == pytest.approx(said.tolist())
    summary = json.loads((out / "summary.json").read_text())
    assert f"{name} behind the output" in summary["recipe"]
    assert evaluate.main([str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["r2"] == pytest.approx(summary["test_r2"], rel=1e-5)
    assert found["loss"] == pytest.approx(summary["test_loss"], rel=1e-5)
    assert explain.main(["--run", str(out), "--example", "3"]) == 0
    text = capsys.readouterr().out
    assert f"Backward: mse of {name}" in text
    assert "δ[2] = ∂L/∂z[2] = ∂L/∂ŷ ⊙ ∂ŷ/∂z[2] = " in text
    assert export.main([str(out), str(tmp_path / "m.py"), str(tmp_path / "m.onnx")]) == 0
    code = {}
    exec((tmp_path / "m.py").read_text(), code)  # it compared itself with the run, too
    found = code["predict"](np.array([[-2.0], [0.5], [1.9]], np.float32))
    np.testing.assert_allclose(found, said, rtol=1e-5, atol=1e-5)
    assert (found >= 0).all()


@pytest.mark.parametrize("quantiles", [(), (0.5,), (0.1, 0.5, 0.9)])
def test_scores_are_those_of_the_answers(quantiles):
    """R2 of a part, by the compiled judge, is that of the answers; no quantile is below 0."""
    config = Config(output_activation="relu", quantiles=quantiles, epochs=10, hidden=(8,),
                    loss="quantile" if quantiles else None)  # fmt: skip
    parts = (SIZE[:300, None], AGE[:300]), (SIZE[300:, None], AGE[300:])
    result = fit(config, parts)
    answers = result.network.predict(SIZE[300:, None]).reshape(100, -1)
    assert (answers >= 0).all()
    assert (np.diff(answers, axis=1) >= 0).all()
    middle = answers[:, answers.shape[1] // 2]
    r2 = 1 - np.mean((middle - AGE[300:]) ** 2) / np.var(AGE[300:])
    assert result.summary["test_r2"] == pytest.approx(r2, rel=1e-4)


def test_a_sweep_trains_each_run_with_its_own_mean(tmp_path):
    """Seeds draw other validation parts, so means and deviations differ; as runs by themselves."""
    options = [*npz(tmp_path), "--output-activation", "softplus", "--schedule", "constant"]
    assert sweep.main([*options, "--grid", "seed=0,1", "--out", str(tmp_path / "sweep")]) == 0
    with open(tmp_path / "sweep" / "results.csv", encoding="utf-8", newline="") as file:
        found = {row["seed"]: row for row in csv.DictReader(file)}
    means = []
    for seed in ("0", "1"):
        out = tmp_path / seed
        assert train.main([*options, "--seed", seed, "--out", str(out)]) == 0
        records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        best = max(records, key=lambda r: (r["valid_r2"], -r["valid_loss"]))
        for name in ("train_loss", "valid_loss", "valid_r2"):
            assert float(found[seed][name]) == pytest.approx(best[name], rel=2e-5), name
        means.append(jaxmlp.load(out).signature.target_preprocessing.offset[0])
    assert means[0] != means[1]


@pytest.mark.parametrize(
    ("y", "more", "message"),
    [
        (AGE, "sigmoid", "unknown output activation 'sigmoid', expected one of identity, relu"),
        (AGE - 1, "relu", "the target with output_activation relu must be at least 0, got -1.0"),
        (
            1e6 + AGE,
            "softplus",
            "the mean of the target with output_activation softplus must be below 1000 deviations",
        ),
        (
            (AGE > 2).astype(int),
            "relu",
            "output_activation is for regression, got relu for binary data",
        ),
    ],
)
def test_what_is_refused(capsys, tmp_path, y, more, message):
    """A sigmoid is no choice; and what the activation contradicts, or never meets.

    Lecture row E13.
    """
    arguments = [*npz(tmp_path, y), "--output-activation", more, "--out", str(tmp_path / "run")]
    assert_refused(capsys, "train", train.main, arguments, message)
    assert not (tmp_path / "run").exists()


def test_a_signature_says_it_and_an_old_one_does_not(run):
    """A run that lacks the field has the identity; a wrong one is named."""
    name, out = run
    saved = json.loads(json.dumps(jaxmlp.load(out).signature.to_dict()))
    assert saved["output_activation"] == name
    old = {key: value for key, value in saved.items() if key != "output_activation"}
    assert Signature.from_dict(old, "f").output_activation == "identity"
    with pytest.raises(InputError, match=r"f: spec\.output_activation"):
        Signature.from_dict(saved | {"output_activation": "sigmoid"}, "f")
    classes = saved | {"task": "multiclass", "loss": "cross_entropy", "target_preprocessing": None}
    with pytest.raises(InputError, match="must be identity for classes and labels, got 'relu'"):
        Signature.from_dict(classes | {"output_activation": "relu"}, "f")


def test_another_run_can_start_from_it(run, tmp_path):
    """The weights and the scaling are taken over; the new run chooses its activation."""
    _, out = run
    options = [*npz(tmp_path), "--init-from", str(out), "--out", str(tmp_path / "next")]
    assert train.main(options) == 0
    network = jaxmlp.load(tmp_path / "next")
    then, now = (n.signature.target_preprocessing for n in (jaxmlp.load(out), network))
    assert dataclasses.asdict(then) == dataclasses.asdict(now)
    assert network.signature.output_activation == "identity"
