"""Runs on data that are larger than memory, from Python and from the command line."""

import json
import os
import shutil
import time
from contextlib import nullcontext

import jax
import numpy as np
import pytest

import jaxmlp
from jaxmlp import train
from jaxmlp.config.options import Config
from jaxmlp.config.streaming import pose_stream
from jaxmlp.data import shards
from jaxmlp.runs.data import open_if_large
from jaxmlp.runs.fit import new_run, train_problem
from jaxmlp.runs.folder import Run
from jaxmlp.runs.summary import save_results
from jaxmlp.training.clock import Clock
from tests.data.shard_files import table, write_arrays, write_parquet
from tests.runs.test_resume import TIMES, Killed

pytestmark = pytest.mark.usefixtures("compile_quickly")
SETTINGS = ["--hidden", "8", "--epochs", "3", "--batch-size", "32", "--quiet"]
WINDOW = ["--window-rows", "96"]


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "LEAST_BLOCK", 40)
        patch.setattr(shards, "FEWEST", 16)
        patch.setattr(shards, "MOST", 16)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_parquet(tmp_path_factory.mktemp("shards") / "t", table(), (300, 1, 399))


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """A run by windows."""
    out = tmp_path_factory.mktemp("runs") / "windows"
    assert train.main([str(folder), *SETTINGS, *WINDOW, "--out", str(out)]) == 0
    return out


def without_times(path):
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMES} for line in lines]


def test_the_run_says_what_it_was_made_of(run):
    config = json.loads((run / "config.json").read_text())
    summary = json.loads((run / "summary.json").read_text())
    assert config["window_rows"] == 96
    assert summary["examples"] == {"train": 504, "valid": 56, "test": 140}
    assert summary["provenance"]["source"] == "shards"
    assert summary["baseline"]["test_accuracy"] < summary["test_accuracy"]


def test_the_same_from_python(folder, run):
    """Compare the doors: the same parameters to the byte."""
    config = Config(hidden=(8,), epochs=3, batch_size=32, window_rows=96)
    found, saved = jaxmlp.fit(config, folder).network, jaxmlp.load(run)
    assert found.signature.columns == saved.signature.columns
    for a, b in zip(jax.tree.leaves(found.params), jax.tree.leaves(saved.params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def posed(folder):
    """A problem by windows, with where its data come from: 16 steps an epoch, 3 a window."""
    config = Config(dataset=str(folder), hidden=(8,), epochs=3, batch_size=32, window_rows=96)
    stream = open_if_large(config)
    return pose_stream(config, stream), stream.source


def train_until(out, posed, most=None, begin=True):
    """Train until the end, or until the process ends after some steps."""
    problem, source = posed
    looks = []

    def look():
        looks.append(0)
        if len(looks) == most:
            raise Killed
        return False

    began = time.perf_counter()
    with new_run(out, problem, False) if begin else nullcontext(Run(out)) as run:
        outcome = train_problem(problem, source, None, run, began, True, interrupted=look)
        save_results(outcome, run)
    return len(looks)


@pytest.mark.parametrize("steps", [1, 2, 3, 15, 16, 17, 20, 46])
def test_a_run_killed_in_mid_epoch_and_resumed_is_the_whole_run(
    posed, tmp_path, steps, monkeypatch
):
    """To the byte, at any step of a window."""
    monkeypatch.setattr(Clock, "steps_until_look", lambda clock: 1)
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr("jaxmlp.runs.fit.CHECKPOINT_EVERY", 0.0)
    whole, out = tmp_path / "whole", tmp_path / "run"
    assert train_until(whole, posed) == 48
    with pytest.raises(Killed):
        train_until(out, posed, steps)
    assert 48 - steps <= train_until(out, posed, begin=False) <= 48  # not each step is saved
    assert without_times(out) == without_times(whole)
    for name in ("model.safetensors", "checkpoint.safetensors", "config.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_run_does_not_go_on_with_other_shards(folder, run, tmp_path, capsys):
    data, copy = shutil.copytree(folder, tmp_path / "t"), tmp_path / "run"
    assert train.main([str(data), *SETTINGS, *WINDOW, "--out", str(copy)]) == 0
    write_parquet(data, table(seed=5), (300, 1, 399))
    assert train.main(["--resume", str(copy), "--quiet", "--epochs", "4"]) == 2
    assert "checksum" in capsys.readouterr().err


def test_what_fits_in_memory_is_loaded_as_a_whole(folder, tmp_path, monkeypatch):
    """And what does not is not; `window_rows 0` asks for the whole."""
    out = tmp_path / "whole"
    assert train.main([str(folder), *SETTINGS, "--out", str(out)]) == 0
    assert json.loads((out / "config.json").read_text())["window_rows"] is None
    monkeypatch.setenv("JAXMLP_MEMORY", "60k")
    found = jaxmlp.fit(Config(hidden=(), epochs=1, batch_size=32), folder)
    assert found.network.recipe.window_rows > 0
    with pytest.raises(jaxmlp.errors.InputError, match="unpacks to"):
        jaxmlp.fit(Config(hidden=(), epochs=1, window_rows=0), folder)


CASES = {
    "classes": (lambda x: (x[:, 0] > 0).astype(int), {}),
    "many classes": (lambda x: (x[:, 0] > 0) + 2 * (x[:, 1] > 0), {"class_weights": "balanced"}),
    "numbers": (lambda x: x[:, 0] * 3 + 5, {}),
    "quantiles": (lambda x: x[:, 0] * 3 + 5, {"loss": "quantile"}),
    "several numbers": (lambda x: x[:, :2] * 3, {"output_activation": "identity"}),
    "labels": (lambda x: (x[:, :3] > 0.3).astype(int), {}),
    "calibrated": (lambda x: (x[:, 0] > 0.3).astype(int), {"calibrate": True}),
    "costs": (lambda x: (x[:, 0] > 0).astype(int), {"false_positive_cost": 3.0}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_run_of_each_task_learns(tmp_path, case):
    """Better than the baseline, with the sizes that it has in memory."""
    target, options = case
    rng = np.random.default_rng(0)
    x = rng.normal(size=(900, 5)).astype(np.float32)
    y = target(x)
    data = write_arrays(tmp_path / "a", x, y, (400, 500))
    config = Config(epochs=8, hidden=(16,), window_rows=128, batch_size=32, **options)
    summary = jaxmlp.fit(config, data).summary
    assert summary["examples"] == {"train": 648, "valid": 72, "test": 180}
    score = "test_r2" if summary["task"] == "regression" else "test_accuracy"
    assert summary[score] > summary["baseline"][score] + 0.1
    assert np.isfinite([*summary["scores"]["test"].values()]).all()


def test_large_parts_are_judged_by_chunks_and_scored_by_some(folder, tmp_path, monkeypatch):
    """The loss is that of all examples; so is that of the baseline."""
    monkeypatch.setattr("jaxmlp.config.streaming.MOST_KEPT", 20)
    config = Config(hidden=(8,), epochs=3, batch_size=32, window_rows=96)
    whole = jaxmlp.fit(config, folder).summary
    monkeypatch.setattr("jaxmlp.config.streaming.LEAST_KEPT", 20)
    some = jaxmlp.fit(config, folder, out=tmp_path / "run", watch=True).summary
    assert some["test_loss"] == pytest.approx(whole["test_loss"], rel=1e-5)
    assert some["valid_accuracy"] == pytest.approx(whole["valid_accuracy"])
    assert some["baseline"] == whole["baseline"]
    assert some["scores"]["test"] != whole["scores"]["test"]


BAD = {
    "a window smaller than a batch": (
        ["--window-rows", "31"],
        "window_rows must be at least 32, as many as a batch has, got 31",
    ),
    "a fold": ([*WINDOW, "--fold", "1/3"], "fold does not apply to data that are read window by"),
    "another network": ([*WINDOW, "--init-from", "x"], "init_from does not apply"),
    "reading of text": ([*WINDOW, "--decimal", ","], "decimal does not apply to shards, got ','"),
    "a negative number": (["--window-rows", "-1"], "must be at least 0, got -1"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_options_that_do_not_go_with_windows_are_refused(folder, case, capsys, tmp_path):
    options, message = case
    assert train.main([str(folder), *SETTINGS, *options, "--out", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "r").exists()


def test_windows_are_for_shards(capsys, tmp_path):
    assert train.main(["digits", *WINDOW, "--quiet", "--out", str(tmp_path / "r")]) == 2
    assert "window_rows applies only to .parquet, .npy and .npz shards" in capsys.readouterr().err


def test_a_shard_that_is_damaged_ends_the_command_with_one_line(folder, tmp_path, capsys):
    data = shutil.copytree(folder, tmp_path / "t")
    file = data / "part-02.parquet"
    file.write_bytes(file.read_bytes()[:-9])
    for window in ([], WINDOW):
        assert train.main([str(data), *SETTINGS, *window, "--out", str(tmp_path / "r")]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "part-02.parquet: the file cannot be read as a Parquet table" in error
