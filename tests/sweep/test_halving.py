"""Successive halving: who is promoted, and that a promoted run is the run trained straight on."""

import csv
import json
import random
import shutil
from itertools import pairwise

import pytest

from jaxmlp import train
from jaxmlp.runs.folder import Run
from jaxmlp.sweep import __main__ as sweep
from jaxmlp.sweep.halving import Halving, next_tasks
from jaxmlp.sweep.ladder import HalvingSweep
from jaxmlp.sweep.results import RunResult

GRID = ["--grid", "learning_rate=" + ",".join(f"{0.001 * 2**k:g}" for k in range(9))]
LINE = ["--dataset", "iris", "--hidden", "1500", "--batch-size", "32", "--epochs", "9", "--quiet"]


class Stop(Exception):
    """The end of a process, in a test."""


def rows_of(out):
    with open(out / "results.csv", encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """Nine runs of one epoch, the best three of three, and the best of all nine."""
    out = tmp_path_factory.mktemp("sweeps") / "halved"
    assert sweep.main([*LINE, "--halving", "3", *GRID, "--out", str(out)]) == 0
    return out


def test_one_of_three_is_trained_for_three_times_as_long(halved):
    epochs = sorted(int(row["epochs"]) for row in rows_of(halved))
    assert len(epochs) == 9
    assert epochs.count(9) >= 1
    assert epochs.count(1) <= 6
    assert {*epochs} <= {1, 3, 9}
    assert {file.name for file in halved.iterdir()} >= {"best", "results.csv", "summary.json"}
    assert not (halved / "workers").exists()
    assert not (halved / "runs").exists()


def test_a_promoted_run_is_the_run_of_a_sweep_without_halving(halved, tmp_path):
    """To the last bit of each result, at each length that ended on the last rung."""
    out = tmp_path / "whole"
    assert sweep.main([*LINE, *GRID, "--out", str(out)]) == 0
    whole = {row["run"]: row for row in rows_of(out)}
    full = [row for row in rows_of(halved) if row["epochs"] == "9"]
    assert full
    for row in full:
        assert row == whole[row["run"]] | {"rung": "9"}


def test_a_promoted_run_has_the_bytes_of_train(tmp_path):
    """Where no number varies, which in a sweep is an argument of the program."""
    out, alone = tmp_path / "sweep", tmp_path / "alone"
    grid = ["--grid", "initializer=he_normal,xavier_normal,lecun_normal"]
    assert sweep.main([*LINE, "--halving", "3", *grid, "--out", str(out)]) == 0
    best = out / "best"
    assert len(Run.open(best).read_metrics()) == 9
    config = ["--config", str(best / "config.json")]
    assert train.main([*config, "--quiet", "--out", str(alone)]) == 0
    for name in ("config.json", "model.safetensors", "checkpoint.safetensors"):
        assert (best / name).read_bytes() == (alone / name).read_bytes(), name


def test_it_is_repeatable(halved, tmp_path):
    out = tmp_path / "again"
    out.mkdir()
    shutil.copy(halved / "sweep.json", out)
    assert sweep.main(["--join", str(out), "--quiet"]) == 0
    assert rows_of(out) == rows_of(halved)
    model = (halved / "best" / "model.safetensors").read_bytes()
    assert (out / "best" / "model.safetensors").read_bytes() == model


def test_it_goes_on_where_a_worker_was_stopped(halved, tmp_path, monkeypatch):
    """After any published result the process ends; the next one continues from the checkpoints."""
    out, add_runs, calls = tmp_path / "sweep", HalvingSweep.add_runs, []
    out.mkdir()
    shutil.copy(halved / "sweep.json", out)

    def add_and_stop(folder, ended, recipes):
        add_runs(folder, ended, recipes)
        calls.append(len(ended))
        raise Stop

    monkeypatch.setattr(HalvingSweep, "add_runs", add_and_stop)
    for _ in range(40):
        try:
            assert sweep.main(["--join", str(out), "--quiet"]) == 0
        except Stop:
            continue
        break
    assert len(calls) > 9
    assert rows_of(out) == rows_of(halved)


def ok(score):
    return RunResult("ok", {"valid_score": score, "valid_loss": 1 - score})


def test_who_is_promoted():
    """By hand, factor 2: one of three, the better two of four, and the best one at the end."""
    first = {0: ok(0.1), 1: ok(0.3), 2: ok(0.2)}
    assert next_tasks([first, {}, {}], 2, 4) == [(1, 1), (3, 0)]
    first[3] = ok(0.4)  # later and better: both are promoted
    assert next_tasks([first, {}, {}], 2, 4) == [(3, 1), (1, 1)]
    second = {3: ok(0.4), 1: ok(0.5)}
    assert next_tasks([first, second, {}], 2, 4) == [(1, 2)]
    assert next_tasks([first, second, {1: ok(0.5)}], 2, 4) == []
    alone = {0: ok(0.1), 1: RunResult("diverged", {})}
    assert next_tasks([alone, {}, {}], 3, 2) == [(0, 1)]
    assert next_tasks([{0: RunResult("diverged", {})}, {}], 2, 1) == []


@pytest.mark.parametrize("seed", range(5))
def test_every_course_ends_with_the_best_run_at_the_top(seed):
    """Workers that finish in any order, scores that never fall: the best run is trained fully."""
    rng = random.Random(seed)
    runs, factor = 20, 3
    rungs = [{} for _ in Halving(factor, 1).ladder(27)]
    scores = [sorted(rng.random() for _ in rungs) for _ in range(runs)]
    for _ in range(1000):
        tasks = next_tasks(rungs, factor, runs)
        if not tasks:
            break
        i, rung = rng.choice(tasks)
        rungs[rung][i] = ok(scores[i][rung])
    assert len(rungs[0]) == runs
    assert rungs[-1]
    reached = {i: max(k for k, rung in enumerate(rungs) if i in rung) for i in range(runs)}
    best = max(range(runs), key=lambda i: scores[i][reached[i]])
    assert reached[best] == len(rungs) - 1
    for low, high in pairwise(rungs):
        assert len(high) >= len(low) // factor
        assert high.keys() <= low.keys()


def test_the_ladder():
    assert Halving(3, 1).ladder(27) == [1, 3, 9, 27]
    assert Halving(3, 2).ladder(20) == [2, 6, 18, 20]
    assert Halving(2, 5).ladder(6) == [5, 6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--halving 1 --grid dropout=0.1,0.2", "--halving must be at least 2, got 1"),
        ("--halving 3 --first-epochs 5 --epochs 5 --grid dropout=0.1", "must be from 1 to 4, less"),
        ("--halving 3 --first-epochs 0 --epochs 5 --grid dropout=0.1", "must be from 1 to 4, less"),
        ("--first-epochs 2 --grid dropout=0.1", "--first-epochs needs --halving: it is the first"),
        ("--halving 3 --grid seed=0,1", "--halving compares single runs of one length: seed"),
        ("--halving 3 --grid epochs=3,9", "--halving compares single runs of one length: epochs"),
        ("--halving 3 --folds 3", "--halving compares single runs of one length: fold cannot"),
        ("--resume nowhere --halving 3", "continues the same sweep: --halving does not apply"),
    ],
)
def test_mistakes(capsys, tmp_path, options, message):
    out = [] if "--resume" in options else ["--dataset", "iris", "--out", str(tmp_path / "sweep")]
    assert sweep.main([*out, *options.split()]) == 2
    printed, err = capsys.readouterr()
    assert (printed, err.count("\n")) == ("", 1)
    assert message in err
    assert not (tmp_path / "sweep").exists()


def test_a_plan_that_was_changed(halved, tmp_path, capsys):
    saved = json.loads((halved / "sweep.json").read_text())
    saved["halving"]["first"] = 9
    (tmp_path / "sweep.json").write_text(json.dumps(saved))
    assert sweep.main(["--join", str(tmp_path), "--quiet"]) == 2
    assert (
        "--first-epochs must be from 1 to 8, less than all epochs, got 9" in capsys.readouterr().err
    )


@pytest.mark.parametrize("first", [2, 3])
def test_a_run_that_a_rule_has_stopped_takes_no_more_steps(tmp_path, first):
    """Before the end of a rung or with it: it is promoted with the result that it has."""
    line = [*LINE, "--min-decrease", "100", "--grid", "initializer=he_normal,xavier_normal"]
    out = tmp_path / "sweep"
    halving = ["--halving", "2", "--first-epochs", str(first)]
    assert sweep.main([*line, *halving, "--out", str(out)]) == 0
    assert [row["epochs"] for row in rows_of(out)] == ["2", "2"]
    assert [row["rung"] for row in rows_of(out)].count("9") == 1
    assert Run.open(out / "best").read_json("summary.json")["stopped_early"]
