"""A disk that is full or read-only: one line, what was there stays, the pictures come last."""

import errno
import json
import os
import time

import pytest

from jaxmlp import evaluate, train
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.runs import figures
from jaxmlp.runs.fit import new_run, train_problem
from jaxmlp.runs.folder import Run
from jaxmlp.runs.summary import save_results

pytestmark = pytest.mark.usefixtures("compile_quickly")


def test_full_at_any_write(tmp_path, monkeypatch):
    """The error names the file, and the run can be resumed or does not exist."""
    data = load("iris")
    problem = pose_problem(Config(dataset="iris", hidden=(3,), epochs=2, batch_size=64), data)

    def write(run):
        outcome = train_problem(
            problem, data.source, None, run, time.perf_counter(), True, lambda: False
        )
        save_results(outcome, run)

    for good in range(30):
        path, calls = tmp_path / str(good), []

        def sync(handle, calls=calls, good=good):
            calls.append(handle)
            if len(calls) > good:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", sync)
        try:
            with new_run(path, problem, overwrite=False) as run:
                write(run)
            break
        except (OSError, ValueError) as error:
            words = str(error)
        assert str(path) in words
        assert "No space left on device" in words
        assert "\n" not in words
        monkeypatch.setattr(os, "fsync", lambda handle: None)
        assert not list(tmp_path.rglob(".*"))
        if path.exists():
            with Run.held(path) as run:
                write(run)
            assert Run.open(path).read_json("summary.json")["epochs"] == 2
    assert 10 < good < 29


def full(figure, path):
    raise OSError(errno.ENOSPC, "No space left on device", str(path))


def read_only(figure, path):
    raise OSError(errno.EROFS, "Read-only file system", str(path))


def test_a_picture_that_cannot_be_written_loses_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(figures, "save", full)
    line = ["--dataset", "iris", "--hidden", "3", "--epochs", "1", "--quiet"]
    assert train.main([*line, "--out", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert err.startswith(
        "WARNING: not all pictures were drawn: [Errno 28] No space left on device"
    )
    assert err.count("\n") == 1
    assert {"model.safetensors", "summary.json"} <= {
        file.name for file in Run(tmp_path / "run").path.iterdir()
    }


@pytest.mark.usefixtures("drawn")
def test_a_run_that_cannot_be_written_to_is_evaluated(digits_copy, tmp_path, monkeypatch, capsys):
    out = tmp_path / "elsewhere" / "pictures"
    assert evaluate.main([str(digits_copy), "--json", "--out", str(out)]) == 0
    expected = json.loads(capsys.readouterr().out)
    names = {f"test-{name}.png" for name in ("calibration", "confusion", "mistakes")}
    assert {file.name for file in out.iterdir()} == names
    assert not (digits_copy / "evaluation").exists()
    monkeypatch.setattr(figures, "save", read_only)
    assert evaluate.main([str(digits_copy), "--json"]) == 0
    shown, err = capsys.readouterr()
    assert json.loads(shown) == expected
    assert err.startswith("WARNING: not all pictures were drawn: ")
    assert err.count("\n") == 1
    assert evaluate.main([str(digits_copy), "--json", "--out", str(out)]) == 2
    monkeypatch.setattr(figures, "save", full)
    assert evaluate.main([str(digits_copy)]) == 2
    assert "pictures in" not in capsys.readouterr().out
