"""The benchmark of quality: its scores and comparisons, and two tables end to end."""

import json

import numpy as np
import pytest

from experiments.bench.quality import __main__ as command
from experiments.bench.quality import scores, sources

TABLES = [*sources.REPORTED, *sources.CHOICE]


def found(**values):
    """Return scores `{method: {split: {"log_loss": value}}}` of lists of values."""
    return {m: {str(k): {"log_loss": v} for k, v in enumerate(vs)} for m, vs in values.items()}


def test_choices_are_made_on_other_tables_than_those_reported():
    names = [{table.name.lower() for table in part} for part in (sources.REPORTED, sources.CHOICE)]
    assert not names[0] & names[1]
    assert len(names[0]) >= 15
    assert len(TABLES) == len({table.name for table in TABLES})


def test_a_difference_is_taken_within_a_split():
    both = found(ours=[1.0, 2.0, 3.0], other=[2.0, 2.5, 3.3])  # differences -1, -0.5, -0.3
    d = scores.difference(both, "ours", "other", "log_loss")
    assert d.mean == pytest.approx(-0.6)
    assert d.error == pytest.approx(np.std([-1, -0.5, -0.3], ddof=1) / np.sqrt(3))
    assert scores.difference(both, "ours", "nobody", "log_loss") is None


def test_ranks_are_means_over_tables_and_ties_share():
    tables = [found(a=[1.0], b=[2.0], c=[3.0]), found(a=[5.0], b=[4.0], c=[4.0])]
    assert scores.ranks(tables, ["a", "b", "c"], "log_loss") == {"a": 2.0, "b": 1.75, "c": 2.25}
    assert scores.ranks(tables, ["a", "b"], "rmse") == {}


def test_better_alike_and_worse_are_told_by_the_standard_error():
    tables = {
        "better": {"scores": found(a=[1.0, 1.1], b=[2.0, 2.0])},
        "alike": {"scores": found(a=[1.0, 3.0], b=[2.0, 2.1])},
        "worse": {"scores": found(a=[3.0, 3.1], b=[2.0, 2.0])},
    }
    assert scores.losses(tables, "a", "b", "log_loss") == (1, 1, 1)


def test_scores_are_those_of_their_definitions():
    y, p = np.array([0, 1, 1]), np.array([[0.8, 0.2], [0.4, 0.6], [1.0, 0.0]])
    judged = scores.judge(p, y, classes=True)
    expected = -(np.log(0.8) + np.log(0.6) + np.log(1e-15)) / 3
    assert judged == {"log_loss": pytest.approx(expected), "auc": 0.5}
    numbers = scores.judge(np.array([1.0, 2.0]), np.array([1.0, 4.0]), classes=False)
    assert numbers == {"rmse": pytest.approx(np.sqrt(2))}


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_a_split_leaves_no_row_out_and_no_gap(name):
    table = next(table for table in sources.REPORTED if table.name == name)
    problem = sources.pose(table)
    problem.x[::7, 0] = np.nan
    x_train, y_train, x_test, y_test = sources.split(problem, table.classes, 3)
    assert len(y_train) + len(y_test) == problem.rows
    assert np.isfinite(x_train).all()
    assert np.isfinite(x_test).all()


def test_a_table_end_to_end(tmp_path, capsys):
    """What is on file is not measured again; a table shows every method with its losses."""
    asked = ["--tables", "iris", "--splits", "1", "--out", str(tmp_path)]
    assert command.main([*asked, "--methods", "ours", "linear"]) == 0
    first = json.loads((tmp_path / "quality_reported.json").read_text())
    assert command.main([*asked, "--methods", "linear"]) == 0
    again = json.loads((tmp_path / "quality_reported.json").read_text())
    assert again["iris"]["scores"] == first["iris"]["scores"]
    said = capsys.readouterr().out
    for words in ("Log-loss of ours", "AUC of ours", "mean rank", "logistic or ridge", "iris"):
        assert words in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tables", "irus"], "irus"),
        (["--methods", "lineer"], "lineer"),
        (["--splits", "0"], "--splits must be at least 1, got 0"),
        (["--options", "dropout"], "--options must be FIELD=VALUE, got 'dropout'"),
    ],
)
def test_bad_options(arguments, message, tmp_path, capsys):
    assert command.main([*arguments, "--out", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
