"""What a run says of its data: target, task, baseline and warnings; the expected values by hand."""

import json
import warnings

import numpy as np
import pytest

from jaxmlp import Config, fit, train
from jaxmlp.data import Dataset
from jaxmlp.errors import DataWarning
from jaxmlp.sweep import __main__ as sweep

pytestmark = pytest.mark.usefixtures("compile_quickly")

QUICK = ["--epochs", "1", "--hidden"]  # no hidden layer: what is said of data needs none


def table(tmp_path, target, cells):
    path = tmp_path / "my.csv"
    path.write_text(f"x,{target}\n" + "".join(f"{i / 7},{cell}\n" for i, cell in enumerate(cells)))
    return str(path)


def split(x, y, test):
    """Return data with their last examples as the test part."""
    return (x[:-test], y[:-test]), (x[-test:], y[-test:])


CASES = {  # cells of the target, task, classes, the first line's end
    "no and yes": (["no"] * 30 + ["yes"] * 10, "binary", 2, "always 'no' is right for 75.00 %"),
    "zeros and ones": (["0.0"] * 30 + ["1.0"] * 10, "binary", 2, "always '0' is right for 75.00 %"),
    "three": (["a", "b", "b", "c"] * 10, "multiclass", 3, "always 'b' is right for 50.00 %"),
    "salaries": (range(10_000, 26_000, 1_000), "regression", None, "): regression"),
}


@pytest.mark.parametrize(("cells", "task", "classes", "end"), CASES.values(), ids=CASES)
def test_target_task_and_baseline_are_shown(tmp_path, capsys, cells, task, classes, end):
    """They stand in the first lines, in the last table and in the summary."""
    out = tmp_path / "run"
    data = table(tmp_path, "kind", cells)
    options = [*QUICK, "--valid-size", "0", "--out", str(out)]
    assert train.main(["--dataset", data, *options]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    shown = [line for line in lines if line.startswith("target")]
    assert len(shown) == 2
    assert lines.index(shown[0]) == 3
    assert all(line.endswith(end) and "kind" in line for line in shown)
    assert lines[1].endswith("x, kind (named in the first line)")
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["task"], summary["target"], summary["classes"]) == (task, ["kind"], classes)


def test_baseline_is_the_score_of_one_answer():
    """The most frequent class of the training part, or its mean, is judged on the test part."""
    x = np.random.default_rng(0).normal(size=(40, 2))
    y = np.array(["a"] * 20 + ["b"] * 10 + ["a", "b", "b", "b", "a", "b", "b", "b", "b", "b"])
    config = Config(epochs=1, hidden=(), valid_size=0)
    found = fit(config, split(x, y, 10)).summary["baseline"]
    assert found["answer"] == "always 'a'"
    assert (found["train_accuracy"], found["test_accuracy"]) == pytest.approx((2 / 3, 0.2))
    y = np.arange(40.0)
    found = fit(config, split(x, y, 10)).summary["baseline"]
    mean, test = np.mean(y[:30]), y[30:]
    r2 = 1 - np.mean((test - mean) ** 2) / np.var(test)
    assert found["train_r2"] == pytest.approx(0, abs=1e-6)
    assert found["test_r2"] == pytest.approx(r2, rel=1e-5)
    labels = np.array([[0, 1], [0, 1], [0, 0], [1, 1]] * 10)
    found = fit(config, split(x, labels, 8)).summary["baseline"]
    assert found["test_accuracy"] == pytest.approx(0.75)


NORMAL = np.random.default_rng(1).normal(size=(200, 3))
HALVES = np.array([0, 1] * 100)
PICTURES = np.random.default_rng(2).integers(0, 255, (200, 3, 5, 6), dtype=np.uint8)
PICTURES_AS_GIVEN = (PICTURES[:150], HALVES[:150], PICTURES[150:], HALVES[150:])
WARNINGS = {  # data, configuration, the beginning of each warning
    "nothing": (split(NORMAL, HALVES, 50), {}, []),
    "three in two hundred": (
        split(NORMAL, np.array([1] * 3 + [0] * 197), 50),
        {"valid_size": 0},
        ["98.00 % of the training part is '0': look at the balanced accuracy"],
    ),
    "a class of the test part": (
        split(NORMAL, np.array(["a", "b"] * 75 + ["a", "c"] * 25), 50),
        {},
        ["the training part has no example of 'c'"],
    ),
    "channels first": (
        Dataset("given", *PICTURES_AS_GIVEN, "binary", ("0", "1")),
        {},
        ["pictures of shape (3, 5, 6) seem to have their channels first"],
    ),
    "one validation row": (
        split(NORMAL, HALVES, 50),
        {"valid_size": 1},
        ["the validation part has only 1 example: its score says little"],
    ),
    "three test rows": (split(NORMAL, HALVES, 3), {}, ["the test part has only 3 examples"]),
}


@pytest.mark.parametrize(("data", "fields", "begin"), WARNINGS.values(), ids=WARNINGS)
def test_warnings(data, fields, begin):
    """One for each, in Python and in the summary."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        summary = fit(Config(epochs=1, hidden=(), **fields), data).summary
    assert [line[: len(b)] for line, b in zip(summary["warnings"], begin, strict=True)] == begin
    said = [str(w.message) for w in caught if w.category is DataWarning]
    assert said == summary["warnings"]


def test_a_quiet_command_prints_them(tmp_path, capsys):
    path = table(tmp_path, "kind", ["a", "b"] * 8)
    options = [*QUICK, "--quiet", "--out", str(tmp_path / "run")]
    assert train.main(["--dataset", path, *options]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    few = ("the validation part has only 1 example", "the test part has only 3 examples")
    assert printed.err.splitlines() == [f"WARNING: {part}: its score says little" for part in few]


def test_a_truth_table_is_whole(capsys):
    """The four examples of a gate are all there are: no warning."""
    assert fit(Config(dataset="xor", epochs=1, hidden=())).summary["warnings"] == []


def test_balanced_accuracy_is_the_same_by_every_door(tmp_path, capsys):
    """The summary, `evaluate` and scikit-learn agree on the answers of `predict`."""
    from sklearn.metrics import balanced_accuracy_score

    from jaxmlp import evaluate
    from jaxmlp.data import load

    path = table(tmp_path, "kind", ["a", "b", "b", "b"] * 20)
    found = fit(Config(epochs=3), path, out=tmp_path / "run")
    dataset = load(path)
    answers = found.network.answers(dataset.x_test).argmax(axis=1)
    expected = balanced_accuracy_score(dataset.y_test, answers)
    assert found.summary["test_balanced_accuracy"] == pytest.approx(expected, abs=1e-12)
    assert evaluate.main([str(tmp_path / "run"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["balanced_accuracy"] == pytest.approx(expected, abs=1e-12)


def test_a_sweep_shows_the_same_lines(tmp_path, capsys):
    """The facts of a sweep are those of a run with the same data."""
    path = table(tmp_path, "kind", ["a", "b", "b", "b"] * 20)
    assert train.main(["--dataset", path, *QUICK, "--out", str(tmp_path / "run")]) == 0
    lines = capsys.readouterr().out.splitlines()[:3]
    options = [*QUICK, "--out", str(tmp_path / "sweep")]
    assert sweep.main(["--dataset", path, "--grid", "seed=0,1", *options]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == lines
