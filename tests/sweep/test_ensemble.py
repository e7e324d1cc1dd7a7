"""The mean of the best runs of a sweep: its answers are theirs, and it is a run like any other."""

import csv
import json
import shutil
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np
import onnxruntime
import pytest

import jaxmlp
from jaxmlp import compare, evaluate, predict, train
from jaxmlp.data import load
from jaxmlp.diagnose import __main__ as diagnose
from jaxmlp.explain import __main__ as explain
from jaxmlp.export import __main__ as export
from jaxmlp.runs.folder import Run
from jaxmlp.sweep import __main__ as sweep
from jaxmlp.sweep.members import candidates
from jaxmlp.sweep.results import RunResult

pytestmark = pytest.mark.usefixtures("compile_quickly")
COMMON = ["--hidden", "4", "--batch-size", "32", "--epochs", "3", "--quiet"]
CASES = {  # task: the data and what varies, and whether all runs have one validation part
    "multiclass": ("iris", ["learning_rate=0.03,0.1,0.3,1e30"], True),
    "binary": ("breast_cancer", ["optimizer=adam,sgd", "learning_rate=0.01,0.03"], True),
    "regression": ("diabetes", ["learning_rate=0.03,0.1,0.3,0.01"], True),
    "pictures": ("digits", ["seed=0,1,2,3"], False),
}


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module", params=CASES)
def found(request, tmp_path_factory):
    """A sweep of four runs with the mean of the best three of them."""
    data, grid, alike = CASES[request.param]
    out = tmp_path_factory.mktemp("sweeps") / data
    schedule = ["--schedule", "constant", "--optimizer", "sgd"] if data == "iris" else []
    line = ["--dataset", data, *COMMON, *schedule, "--grid", *grid, "--best-as-ensemble", "3"]
    assert sweep.main([*line, "--out", str(out)]) == 0
    return data, out, alike


def points_of(out):
    return json.loads((out / "sweep.json").read_text())


def test_its_answers_are_the_mean_of_those_of_its_members(found):
    """Each member trained again by `fit`, and their answers averaged example by example."""
    data, out, _ = found
    members = json.loads((out / "ensemble" / "members.json").read_text())
    with open(out / "results.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "ok"]
    score = "valid_r2" if data == "diabetes" else "valid_accuracy"
    rows.sort(key=lambda row: (-float(row[score]), float(row["valid_loss"]), int(row["run"])))
    assert [member["run"] for member in members] == [int(row["run"]) for row in rows[:3]]
    saved, answers, x = points_of(out), [], load(data).x_test
    for member in members:
        values = saved["base"] | saved["points"][member["run"] - 1]
        answers.append(jaxmlp.fit(jaxmlp.Config.from_dict(values, "run")).network.answers(x))
    mixed = jaxmlp.load(out / "ensemble").answers(x)
    np.testing.assert_allclose(mixed, np.mean(answers, axis=0), rtol=2e-4, atol=1e-5)


def test_it_is_a_run_like_any_other(found, tmp_path, capsys):
    data, out, alike = found
    run, seen = out / "ensemble", summary(out)
    assert Run.open(run).config.ensemble == 3
    assert summary(run)["members"] == seen["ensemble"]["members"]
    assert (summary(run)["valid_loss"] is not None) == alike  # else each has learned the others'
    assert evaluate.main([str(run), "--json"]) == 0
    name = "r2" if data == "diabetes" else "accuracy"
    value = json.loads(capsys.readouterr().out)[name]
    assert value == pytest.approx(seen["ensemble"][f"test_{name}"])
    assert compare.main([str(out), "--json"]) == 0
    states = {row["run"]: row["state"] for row in json.loads(capsys.readouterr().out)["runs"]}
    assert states[str(run)] in ("complete", "stopped early")
    x = tmp_path / "x.npy"
    np.save(x, load(data).x_test[:3])
    assert predict.main([str(run), str(x)]) == 0
    assert capsys.readouterr().out
    assert export.main([str(run), str(tmp_path / "card.md")]) == 0
    assert train.main(["--resume", str(run)]) == 2
    assert "is the mean of other runs: there is nothing to continue" in capsys.readouterr().err


def test_what_is_exported_answers_as_predict_does(found, tmp_path, capsys):
    """Example by example: the graph of ONNX in its runtime, and the module of NumPy."""
    data, out, _ = found
    run, x = out / "ensemble", load(data).x_test
    files = [tmp_path / "model.onnx", tmp_path / "model.py", tmp_path / "model.js"]
    assert export.main([str(run), *map(str, files)]) == 0
    assert "onnxruntime" in capsys.readouterr().out
    network = jaxmlp.load(run)
    session = onnxruntime.InferenceSession(files[0])
    names = [one.name for one in session.get_inputs()]
    kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64}
    columns = [x] if names == ["x"] else np.split(x, x.shape[1], axis=1)
    inputs = {
        one.name: column.astype(kinds[one.type])
        for one, column in zip(session.get_inputs(), columns, strict=True)
    }
    answers = session.run(None, inputs)
    spec = spec_from_file_location("model", files[1])
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = x if names == ["x"] else dict(zip(names, x.T.tolist(), strict=True))
    if data == "diabetes":
        for got in (answers[0][:, 0], module.predict(rows)):
            np.testing.assert_allclose(got, network.predict(x), rtol=1e-5)
        return
    assert answers[0].tolist() == network.predict(x).tolist() == module.predict(rows).tolist()
    for got in (answers[1], module.predict_proba(rows)):
        np.testing.assert_allclose(got, network.predict_proba(x), atol=1e-5)


def test_it_is_diagnosed_and_explained(found, tmp_path, capsys):
    """It had no training of its own that could be judged; its pictures are drawn."""
    data, out, _ = found
    run = out / "ensemble"
    assert diagnose.main([str(run), "--out", str(tmp_path / "pictures")]) == 0
    said, err = capsys.readouterr()
    assert "nothing of its training can be judged: it is the mean of other runs" in said
    assert "suspicious" not in said
    assert err == ""
    made = {file.name for file in (tmp_path / "pictures").iterdir()}
    assert made >= {"weights.png", "surface.png"}
    assert diagnose.main([str(run), "--out", str(tmp_path / "pictures"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["members"], told["verdict"], told["complete"]) == (3, [], True)
    assert told["unseen"].startswith("it is the mean of other runs")
    assert explain.main(["--run", str(run), "--summary"]) == 0
    assert "3" in capsys.readouterr().out
    if data == "iris":  # the others are too wide to be printed
        assert explain.main(["--run", str(run)]) == 0
        assert "each member of an ensemble has an optimizer of its own" in capsys.readouterr().out


def test_a_finished_sweep_keeps_it(found, capsys):
    _, out, _ = found
    before = (out / "ensemble" / "model.safetensors").stat().st_mtime_ns
    assert sweep.main(["--resume", str(out)]) == 0
    assert f"ensemble  {out}/ensemble/, mean of the runs" in capsys.readouterr().out
    assert (out / "ensemble" / "model.safetensors").stat().st_mtime_ns == before


def test_workers_make_the_same(found, tmp_path):
    _, out, _ = found
    shared = tmp_path / "shared"
    shared.mkdir()
    shutil.copy(out / "sweep.json", shared)
    assert sweep.main(["--join", str(shared), "--quiet"]) == 0
    for name in ("model.safetensors", "members.json", "config.json"):
        made = (shared / "ensemble" / name).read_bytes()
        assert made == (out / "ensemble" / name).read_bytes(), name


def test_too_many_runs_diverge(tmp_path, capsys):
    out, grid = tmp_path / "sweep", ["learning_rate=0.03,1e30,1e31"]
    line = ["--dataset", "iris", *COMMON, "--optimizer", "sgd", "--schedule", "constant"]
    assert sweep.main([*line, "--grid", *grid, "--best-as-ensemble", "2", "--out", str(out)]) == 0
    assert "WARNING: no ensemble: fewer than 2 runs of one form" in capsys.readouterr().err
    assert not (out / "ensemble").exists()
    assert summary(out)["ensemble"] is None


def test_which_runs_are_chosen():
    """By score, then loss, then number; of two kinds that with the better mean."""

    def ok(score, loss):
        return RunResult("ok", {"valid_score": score, "valid_loss": loss})

    results = {0: ok(0.9, 1), 1: ok(0.8, 1), 2: ok(0.9, 0.5), 3: ok(0.9, 0.5), 4: ok(0.95, 1)}
    results[5] = RunResult("diverged", {})
    first, second = candidates(2, ["a"] * 4 + ["b"] * 2, results)
    assert first.runs == (2, 3)
    assert second.runs == (4,)  # of the other kind one has diverged
    assert [c.runs for c in candidates(2, "aabbcc", results)] == [(2, 3), (0, 1), (4,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--grid seed=0,1,2 --best-as-ensemble 2", "from 2 to 1, the runs with one form and one"),
        ("--grid learning_rate=1,2 --best-as-ensemble 3", "from 2 to 2, the runs with one form"),
        ("--grid learning_rate=1,2 --best-as-ensemble 1", "must be from 2 to 2, the runs with"),
        ("--grid hidden=4,5 --best-as-ensemble 2", "from 2 to 1, the runs with one form and one"),
        ("--grid learning_rate=1,2 --best-as-ensemble 2 --ensemble 2", "must be 1, got 2"),
        ("--folds 3 --best-as-ensemble 3", "does not apply with --folds: the best learns them"),
        ("--grid seed=0,1 --best-as-ensemble x", "invalid int value: 'x'"),
    ],
)
def test_mistakes(capsys, tmp_path, options, message):
    line = ["--dataset", "iris", *options.split(), "--out", str(tmp_path / "sweep")]
    try:
        status = sweep.main(line)
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not (tmp_path / "sweep").exists()
