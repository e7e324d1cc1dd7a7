"""Training longer and on: more epochs, the weights of another run, automatic names, the list."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import jaxmlp
from jaxmlp import Config, compare, fit, train
from jaxmlp.config.start import Start
from jaxmlp.errors import InputError
from jaxmlp.optim.schedules import one_cycle
from jaxmlp.runs.checkpoints import load_metadata
from jaxmlp.runs.folder import Run
from jaxmlp.runs.output import free_name

pytestmark = pytest.mark.usefixtures("compile_quickly")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
TWO = np.where(X[:, 0] > 0, "b", "a")
THREE = np.array(["p", "q", "r"])[np.digitize(X[:, 0], [-0.5, 0.5])]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run on two classes, read and never changed."""
    out = tmp_path_factory.mktemp("made") / "two"
    file = out.parent / "two.npz"
    np.savez(file, x=X, y=(TWO == "b").astype(int))
    line = "--hidden 4 --epochs 2 --optimizer adam --quiet"
    assert train.main(["--dataset", str(file), *line.split(), "--out", str(out)]) == 0
    return out


def metadata(run):
    return load_metadata(run / "checkpoint.safetensors")


def test_a_run_is_given_more_epochs(made, tmp_path, capsys):
    """What was done stays; the rate follows the longer schedule; the run says what it is."""
    run = shutil.copytree(made, tmp_path / "run")
    before = Run.open(run).read_metrics()
    assert train.main(["--resume", str(run), "--epochs", "5"]) == 0
    assert "from 2 to 5 epochs; the rate goes on as one_cycle has it" in capsys.readouterr().out
    after = Run.open(run).read_metrics()
    assert after[:2] == before
    config = json.loads((run / "config.json").read_text())
    assert config["epochs"] == 5
    rates = one_cycle(config["learning_rate"], 5)(np.arange(2, 5))  # a step in each epoch
    assert [r["learning_rate"] for r in after[2:]] == pytest.approx(rates.tolist())
    assert json.loads((run / "summary.json").read_text())["lengthened"] == [2]
    # killed between the configuration and the checkpoint: it goes on all the same
    (run / "config.json").write_text(json.dumps(config | {"epochs": 6}))
    assert train.main(["--resume", str(run), "--quiet"]) == 0
    assert (len(Run.open(run).read_metrics()), metadata(run)["lengthened"]) == (6, [2, 5])
    assert train.main(["--resume", str(run), "--epochs", "3", "--quiet"]) == 2
    assert "more epochs; changed: epochs (was 6, now 3)" in capsys.readouterr().err


def test_fine_tuning_starts_at_the_weights_of_a_run(made):
    """With a rate of almost nothing, the network is that of the run; also its scaling."""
    config = Config(epochs=1, learning_rate=1e-30, init_from=str(made), valid_size=0)
    old, moved = jaxmlp.load(made), 7 + 3 * X
    new = fit(config, (moved, (TWO == "b").astype(int))).network
    np.testing.assert_allclose(new.predict_proba(X), old.predict_proba(X), rtol=1e-6)
    assert new.recipe.hidden == (4,)


def test_fine_tuning_with_other_classes(made, tmp_path, capsys):
    """The last layer is begun anew, which a line says; it goes on without the other run."""
    start = shutil.copytree(made, tmp_path / "start")
    np.savez(tmp_path / "three.npz", x=X, y=np.digitize(X[:, 0], [-0.5, 0.5]))
    line = ["--init-from", str(start), "--dataset", str(tmp_path / "three.npz"), "--epochs", "1"]
    line += ["--learning-rate", "1e-30", "--out", str(tmp_path / "run")]
    assert train.main(line) == 0
    words = f"{start}; the last layer is begun anew: it answered '0', '1', now '0', '1', '2'"
    assert words in capsys.readouterr().out
    old, new = (load_file(run / "model.safetensors") for run in (start, tmp_path / "run"))
    first, last = sorted(name for name in new if name.endswith("/W"))
    np.testing.assert_allclose(new[first], old[first])
    assert new[last].shape == (4, 3)
    shutil.rmtree(start)
    assert train.main(["--resume", str(tmp_path / "run"), "--epochs", "2", "--quiet"]) == 0
    network = jaxmlp.load(tmp_path / "run")
    assert network.signature.preprocessing.offset == pytest.approx(
        metadata(tmp_path / "run")["taken_over"]["preprocessing"]["offset"]
    )


@pytest.mark.parametrize(
    ("fields", "x", "message"),
    [
        ({"hidden": (5,)}, X, r"hidden is that of the network in \S+, 4, got 5"),
        ({}, X[:, :2], r"an example with init_from \S+ must be \(3,\), as there, got \(2,\)"),
        ({"init_from": "nowhere"}, X, "there is no run folder .*nowhere"),
        ({"optimizer": "sgd", "model": "lenet"}, X, "model is that of the network"),
    ],
)
def test_a_start_that_does_not_fit(made, fields, x, message):
    with pytest.raises(InputError, match=message):
        fit(Config(**{"init_from": str(made)} | fields), (x, TWO))


def test_a_start_with_other_layers(made):
    """Of the same classes, all layers must be alike; of others, all but the last."""
    network = jaxmlp.load(made)
    start, fresh = Start("there", network.signature, network.params), network.params
    np.testing.assert_array_equal(start.place(fresh, network.signature)[1]["W"], fresh[1]["W"])
    for other in (fresh[:-1], (*fresh[:-1], {"W": np.ones((4, 2)), "b": np.ones(2)})):
        with pytest.raises(InputError, match="init_from there has other layers than this network"):
            start.place(other, network.signature)


def test_names_are_found_where_none_is_given(made, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = ["--dataset", "xor", "--epochs", "1"]
    shutil.copytree(made, "runs/xor-seed0")
    assert train.main(line) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("folder  runs/xor-seed0-2, because runs/xor-seed0 is there; --out")
    assert {path.name for path in Path("runs").iterdir()} == {"xor-seed0", "xor-seed0-2"}
    assert train.main([*line, "--quiet", "--out", "runs/xor-seed0"]) == 2
    assert "replace the run with --overwrite" in capsys.readouterr().err
    assert free_name(tmp_path / "runs" / "xor-seed0").name == "xor-seed0-3"


def test_runs_are_listed(made, tmp_path, capsys):
    """The best of each data set first, what is damaged in a line, an earlier version's as well."""
    runs = tmp_path / "runs"
    for name, score in (("low", 0.25), ("high", 0.75), ("sweep/best", 0.5)):
        copy = shutil.copytree(made, runs / name)
        summary = json.loads((copy / "summary.json").read_text()) | {"valid_accuracy": score}
        (copy / "summary.json").write_text(json.dumps(summary))
    shutil.copytree("tests/runs/version_0_1_0", runs / "earlier")
    for name, content in (("torn", "{"), ("unfinished", None)):
        copy = shutil.copytree(made, runs / name)
        (copy / "summary.json").unlink()
        if content:
            (copy / "summary.json").write_text(content)
    assert compare.main([str(runs)]) == 0
    shown, said = capsys.readouterr()
    names = [line.split()[0].removeprefix(f"{runs}/") for line in shown.splitlines()[1:]]
    own = ["high", "sweep/best", "low"]
    assert [name for name in names if name in own] == own
    assert {"earlier/whole", "earlier/interrupted", "unfinished"} == {*names} - {*own}
    assert said.startswith(f"WARNING: damaged: {runs}/torn/summary.json is not a whole JSON file")
    assert compare.main([str(runs), "--json", "--sort", "name"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["run"].removeprefix(f"{runs}/"): row for row in found["runs"]}
    assert [*rows] == sorted(rows)
    assert (rows["high"]["epochs"], rows["high"]["valid_score"]) == (2, 0.75)
    assert rows["unfinished"]["state"] == "unfinished"
    assert rows["earlier/interrupted"]["state"] == "interrupted"
    (tmp_path / "empty").mkdir()
    for name, message in (("no", "there is no folder"), ("empty", "there is no run in")):
        assert compare.main([str(tmp_path / name)]) == 2
        assert message in capsys.readouterr().err
