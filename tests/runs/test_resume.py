"""A run that was stopped at any instant and resumed ends with the files of the whole run."""

import json
import os
import shutil
import time

import pytest

from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.runs import folder
from jaxmlp.runs.checkpoints import save_tree
from jaxmlp.runs.fit import new_run, train_problem
from jaxmlp.runs.folder import Run
from jaxmlp.runs.summary import save_results
from jaxmlp.training.clock import Clock

BASE = {"dataset": "iris", "hidden": (3,), "batch_size": 48, "epochs": 5, "valid_size": 12}
BASE |= {"schedule": "constant", "optimizer": "sgd", "learning_rate": 0.5}
BASE |= {"preprocessing": "zscore", "monitor": "score", "dropout": 0.0}  # so that each rule acts
RULES = {  # the rules of early stopping and of lowering the rate, each where it acts
    "none": {"epochs": 4, "optimizer": "adam", "learning_rate": 0.05, "dropout": 0.2},
    "min_change": {"min_change": 0.5},
    "min_decrease": {"min_decrease": 0.05},
    "patience": {"patience": 2},
    "plateau": {"epochs": 7, "schedule": "plateau", "plateau_patience": 1, "learning_rate": 4.0},
    "min_change without a validation part": {"min_change": 0.5, "valid_size": 0},
}
TIMES = ("seconds", "seconds_training", "examples_per_second")


class Killed(BaseException):
    """The end of a process."""


@pytest.fixture(params=RULES)
def problem_and_source(request, monkeypatch):
    monkeypatch.setattr(Clock, "steps_until_look", lambda clock: 1)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no power is cut
    config, data = Config(**BASE | RULES[request.param]), load("iris")
    return pose_problem(config, data), data.source


def train(run, problem, source, most=None):
    """Train until the end, or until Ctrl-C after some steps; return the number of steps."""
    looks = []

    def interrupted():
        looks.append(0)
        return len(looks) == most

    outcome = train_problem(
        problem, source, None, run, time.perf_counter(), quiet=True, interrupted=interrupted
    )
    save_results(outcome, run)
    return len(looks)


def files_of(path):
    """Return what is determined in the files of a run."""

    def bare(record):
        return {name: value for name, value in record.items() if name not in TIMES}

    lines = [bare(line) for line in Run.open(path).read_metrics()]
    summary = bare(Run.open(path).read_json("summary.json"))
    names = ("config.json", "checkpoint.safetensors", "model.safetensors")
    return lines, summary, *((path / name).read_bytes() for name in names)


def resume(path, problem, source):
    with Run.held(path) as run:
        train(run, problem, source)


def test_stopped_at_any_step_and_resumed(tmp_path, problem_and_source, monkeypatch):
    """By Ctrl-C after each step; killed two steps later, between the metrics and the checkpoint."""
    problem, source = problem_and_source
    recipe = problem.recipe
    with new_run(tmp_path / "whole", problem, overwrite=False) as run:
        steps = train(run, problem, source)
    whole = files_of(tmp_path / "whole")
    stops = recipe.min_change or recipe.min_decrease or recipe.patience
    assert (whole[1]["stopped_early"] is not None) == bool(stops)
    assert (whole[0][-1]["rate_factor"] < 1) == (recipe.schedule == "plateau")
    assert all((line["parameter_change"] is None) == (not recipe.min_change) for line in whole[0])
    for most in range(1, steps + 1):
        path = tmp_path / f"run-{most}"
        with new_run(path, problem, overwrite=False) as run:
            assert train(run, problem, source, most) == most
        copy = shutil.copytree(path, tmp_path / f"killed-{most}")
        resume(path, problem, source)
        assert files_of(path) == whole, most
        saved = []

        def save_once(*arguments, saved=saved):
            if saved:  # the first save repeats what was loaded
                raise Killed
            saved.append(save_tree(*arguments))

        with monkeypatch.context() as patch:
            patch.setattr(folder, "save_tree", save_once)
            with pytest.raises(Killed), Run.held(copy) as run:
                train(run, problem, source, 2)
        resume(copy, problem, source)
        assert files_of(copy) == whole, most


def test_a_run_stopped_twice_in_one_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(Clock, "steps_until_look", lambda clock: 1)
    data = load("iris")
    problem = pose_problem(Config(**BASE | RULES["min_change"]), data)
    with new_run(tmp_path / "whole", problem, overwrite=False) as run:
        train(run, problem, data.source)
    with new_run(tmp_path / "run", problem, overwrite=False) as run:
        train(run, problem, data.source, 4)
    with Run.held(tmp_path / "run") as run:
        train(run, problem, data.source, 1)
    resume(tmp_path / "run", problem, data.source)
    assert files_of(tmp_path / "run") == files_of(tmp_path / "whole")


def test_the_start_of_an_epoch_that_an_earlier_version_did_not_save(tmp_path, monkeypatch):
    """The change of the parameters in that epoch is unknown: null, and the rule waits."""
    monkeypatch.setattr(Clock, "steps_until_look", lambda clock: 1)
    data = load("iris")
    problem = pose_problem(Config(**BASE | RULES["min_change"]), data)
    with new_run(tmp_path / "run", problem, overwrite=False) as run:
        monkeypatch.setattr(folder, "save_tree", lambda p, t, r: save_as_earlier(p, t, r))
        train(run, problem, data.source, 4)
    monkeypatch.undo()
    resume(tmp_path / "run", problem, data.source)
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    changes = [json.loads(line)["parameter_change"] for line in lines]
    assert changes[1] is None
    assert None not in (changes[0], *changes[2:])


def save_as_earlier(path, tree, record):
    """Write a checkpoint as version 0.1 did."""
    record = {name: value for name, value in record.items() if name not in ("config", "version")}
    save_tree(path, {name: tree[name] for name in ("state", "best")}, record)
