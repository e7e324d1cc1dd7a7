"""A regression that answers with quantiles: trained, judged, predicted from, by every door."""

import json

import numpy as np
import pytest
from sklearn import metrics

import jaxmlp
from jaxmlp import Config, evaluate, fit, predict, train
from jaxmlp.config.complete import complete
from jaxmlp.config.signature import Signature
from jaxmlp.data import Preprocessing, load
from jaxmlp.errors import InputError
from jaxmlp.runs.scores import share_crossed
from jaxmlp.training import quantile_task

pytestmark = pytest.mark.usefixtures("compile_quickly")

RNG = np.random.default_rng(0)
X = RNG.uniform(1, 3, size=(2000, 1))
Y = 500 + 40 * X[:, 0] * RNG.exponential(size=2000)  # skewed, and wider for a large x


def test_quantiles_by_every_door(tmp_path, capsys):
    """The learned quantiles are those of the distribution; a value's interval has its coverage."""
    np.savez(tmp_path / "my.npz", x=X, y=Y)
    np.save(tmp_path / "new.npy", np.array([[1.0], [2.0], [3.0]]))
    line = f"--dataset {tmp_path}/my.npz --loss quantile --quantiles 0.1 0.5 0.9 --quiet"
    line += " --epochs 60 --learning-rate 0.003"
    out = tmp_path / "run"
    assert train.main([*line.split(), "--out", str(out)]) == 0
    summary = json.loads((out / "summary.json").read_text())
    network = jaxmlp.load(out)
    assert network.classes == ("y 0.1 quantile", "y 0.5 quantile", "y 0.9 quantile")
    said = network.predict([[1.0], [2.0], [3.0]])
    true = 500 - 40 * np.log(1 - np.array([0.1, 0.5, 0.9])) * np.array([[1.0], [2.0], [3.0]])
    np.testing.assert_allclose(said, true, atol=25)
    assert np.all(np.diff(said, axis=1) >= 0)
    assert predict.main([str(out), str(tmp_path / "new.npy"), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [[*line["prediction"].values()] for line in lines] == said.tolist()
    assert [*lines[0]["prediction"]] == [*network.classes]
    assert evaluate.main([str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    scores = summary["scores"]["test"]
    assert {name: found[name] for name in scores} == pytest.approx(scores, rel=1e-5)
    assert found["expected_coverage"] == pytest.approx(0.8)
    assert found["coverage y"] == pytest.approx(0.8, abs=0.06)
    assert found["r2"] == pytest.approx(summary["test_r2"], rel=1e-5, abs=1e-6)
    assert 0 <= found["quantiles_crossed"] < 0.05


def test_several_values_and_their_scores():
    """Two values with two quantiles each; by scikit-learn, the loss in deviations."""
    y = np.stack([Y, -Y + X[:, 0]], axis=1)
    config = Config(
        loss="quantile", quantiles=(0.25, 0.75), epochs=30, learning_rate=0.1, hidden=()
    )
    result = fit(config, ((X[:1500], y[:1500]), (X[1500:], y[1500:])))
    network, truth = result.network, y[1500:]
    said = network.predict(X[1500:])
    assert said.shape == (500, 4)
    scores = network.scores(X[1500:], truth)
    assert scores == pytest.approx(result.summary["scores"]["test"], rel=1e-4)
    losses = []
    for k, name in enumerate(network.signature.classes):
        low, high = said[:, 2 * k], said[:, 2 * k + 1]
        inside = (low <= truth[:, k]) & (truth[:, k] <= high)
        assert scores[f"coverage {name}"] == pytest.approx(inside.mean())
        pinball = [
            metrics.mean_pinball_loss(truth[:, k], answers, alpha=q)
            for answers, q in ((low, 0.25), (high, 0.75))
        ]
        assert scores[f"pinball {name}"] == pytest.approx(np.mean(pinball))
        losses.append(sum(pinball) / network.deviations[2 * k])
    assert result.summary["test_loss"] == pytest.approx(sum(losses), rel=1e-3)


def test_quantiles_that_cross_are_sorted_and_counted():
    scaling = Preprocessing("zscore", np.array([10.0, 0.0]), np.array([0.5, 1.0]))
    signature = Signature((2,), "regression", "quantile", ("a", "b"), scaling, quantiles=(0.2, 0.7))
    signature = Signature(**vars(signature) | {"target_preprocessing": scaling})
    outputs = np.array([[0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 2.0, 3.0]])
    assert signature.values_of(outputs).tolist() == [[10, 12, 2, 3], [10, 12, 2, 3]]
    assert signature.middle(outputs).tolist() == [[1, 3], [0, 3]]
    assert share_crossed(signature, outputs) == 0.5
    saved = json.loads(json.dumps(signature.to_dict()))
    assert Signature.from_dict(saved, "here").quantiles == (0.2, 0.7)
    for wrong in ([], [0.7, 0.2], [0.2, 0.2]):
        with pytest.raises(InputError, match=r"spec\.quantiles must be ascending with the loss"):
            Signature.from_dict(saved | {"quantiles": wrong}, "here")


def test_the_score_is_that_of_the_sorted_answers():
    """Where outputs cross, the judge compares what the network would answer."""
    outputs, targets = np.array([[3.0, 1.0, 2.0]]), np.array([[2.0, 2.0, 2.0]])
    assert np.asarray(quantile_task((0.1, 0.5, 0.9)).score_each(outputs, targets)).tolist() == [0]


def test_a_given_monitor_is_kept():
    data = load("diabetes")
    assert complete(Config(loss="quantile"), data).monitor == "loss"
    assert complete(Config(loss="quantile", monitor="score"), data).monitor == "score"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"quantiles": (0.1,)}, "quantiles applies only to the loss quantile, got 0.1 with mse"),
        (
            {"loss": "quantile", "quantiles": (0.9, 0.1)},
            "ascending, each once, got 0.9 0.1",
        ),
        ({"loss": "quantile", "quantiles": (0.5, 1.0)}, r"quantiles must be in \(0, 1\), got 1.0"),
        ({"loss": "quantile", "task": "multiclass"}, "loss for multiclass data must be cross"),
    ],
)
def test_quantiles_that_cannot_be_learned(fields, message):
    y = np.digitize(Y, [510, 540]) if "task" in fields else Y
    with pytest.raises(InputError, match=message):
        fit(Config(**fields), (X, y))
