"""`train --watch`: a run that is watched is the same run, and its `watch.jsonl` is always whole."""

import json
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest

import jaxmlp
from jaxmlp import train
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.errors import InputError
from jaxmlp.runs.fit import new_run, train_problem
from jaxmlp.runs.folder import WATCH, Run
from jaxmlp.runs.watching import read_watch
from jaxmlp.training import Diverged
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")
WHOLE = ["iris", "--hidden", "4", "--schedule", "constant", "--quiet"]


def pictures():
    generator = np.random.default_rng(0)
    return generator.random((40, 12, 12, 1)).astype("float32"), np.arange(40) % 2


SAME = {
    "distorted digits": (
        Config(dataset="digits", augment=("shift",), sam=0.1, gradient="autodiff"),
        None,
    ),
    "every layer": (
        Config(dataset="iris", activation=("prelu",), layer_norm=True, embed="piecewise", ema=0.9),
        None,
    ),
    "ensemble": (Config(dataset="iris", ensemble=2, precision="bfloat16"), None),
    "lenet, float64": (Config(model="lenet", precision="float64"), pictures),
}


@pytest.mark.parametrize("name", SAME)
def test_a_run_that_is_watched_is_the_same_to_the_byte(name, tmp_path):
    """All files but the watch are those of the run without it, apart from seconds."""
    config, data = SAME[name]
    config = replace(config, hidden=None if config.model == "lenet" else (4,), epochs=2)
    given = None if data is None else data()
    plain = jaxmlp.fit(config, given, out=tmp_path / "plain")
    seen = jaxmlp.fit(config, given, out=tmp_path / "seen", watch=True)
    for file in ("config.json", "checkpoint.safetensors", "model.safetensors"):
        assert (plain.path / file).read_bytes() == (seen.path / file).read_bytes(), file
    for file in ("metrics.jsonl", "summary.json"):
        texts = [(result.path / file).read_text() for result in (plain, seen)]
        assert len({_without_times(text) for text in texts}) == 1, file
    assert not (plain.path / WATCH).exists()
    assert plain.watched == []
    assert seen.watched == read_watch(Run.open(seen.path))
    assert [line["epoch"] for line in seen.watched] == [*range(len(seen.records) + 1)]
    for line in seen.watched:
        assert ("inputs" in line) == (line["epoch"] == 0)
        weighted = [row for row in line["layers"] if row["weight_norm"] is not None]
        assert all(np.isfinite(row["gradient_norm"]) for row in weighted)
        assert all(row["update_ratio"] > 0 for row in weighted) or line["epoch"]


def _without_times(text):
    def plain(value):
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if "second" not in k}
        return value

    return json.dumps([plain(json.loads(line)) for line in _documents(text)])


def _documents(text):
    return text.splitlines() if "\n{" in text else [text]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of four epochs that was watched from start to end."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert train.main([*WHOLE, "--epochs", "4", "--watch", "--out", str(out)]) == 0
    return out


def test_without_a_folder_the_same_is_seen(whole):
    config = Config(dataset="iris", hidden=(4,), schedule="constant", epochs=4)
    assert jaxmlp.fit(config, watch=True).watched == read_watch(Run.open(whole))


def test_a_run_that_goes_on_ends_with_the_same_file(whole, tmp_path):
    """After two epochs of four; it is watched without asking again."""
    out = str(tmp_path / "run")
    assert train.main([*WHOLE, "--epochs", "2", "--watch", "--out", out]) == 0
    assert train.main(["--resume", out, "--epochs", "4", "--quiet"]) == 0
    assert (tmp_path / "run" / WATCH).read_bytes() == (whole / WATCH).read_bytes()


def test_a_run_interrupted_within_an_epoch_ends_with_the_same_file(whole, tmp_path):
    """And lines beyond its checkpoint, as a killed process leaves them, are written anew."""
    config = Config(dataset="iris", hidden=(4,), schedule="constant", batch_size=60, epochs=2)
    ways = {}
    for name, ends in {"whole": False, "left": True}.items():
        dataset = load("iris")
        problem, path = pose_problem(config, dataset), tmp_path / name
        with new_run(path, problem, False) as run:
            train_problem(
                problem, dataset.source, None, run, time.perf_counter(), True,
                lambda ends=ends: ends, watch=True,
            )  # fmt: skip
        ways[name] = (path / WATCH).read_text()
    assert ways["left"] == ways["whole"].splitlines(keepends=True)[0]
    (tmp_path / "left" / WATCH).write_text(ways["whole"])
    assert train.main(["--resume", str(tmp_path / "left"), "--quiet"]) == 0
    assert (tmp_path / "left" / WATCH).read_text() == ways["whole"]


def test_a_run_can_be_watched_from_a_later_epoch_on(whole, tmp_path):
    out = tmp_path / "run"
    assert train.main([*WHOLE, "--epochs", "2", "--out", str(out)]) == 0
    assert train.main(["--resume", str(out), "--epochs", "4", "--watch", "--quiet"]) == 0
    late, early = read_watch(Run.open(out)), read_watch(Run.open(whole))[2:]
    assert late[0].pop("inputs") == read_watch(Run.open(whole))[0]["inputs"]
    assert late == early


def test_a_run_that_diverges_says_so_in_its_last_line(tmp_path):
    config = Config(dataset="diabetes", optimizer="sgd", learning_rate=1e6, clip_norm=None)
    config = Config(**{**vars(config), "schedule": "constant", "batch_size": 50, "loss": "mse"})
    with pytest.raises(Diverged) as caught:
        jaxmlp.fit(config, out=tmp_path / "run", watch=True)
    first, *_, last = read_watch(Run.open(tmp_path / "run"))
    assert first["epoch"] == 0
    assert last == {"epoch": caught.value.epoch, "diverged": str(caught.value)}


def test_the_command_says_in_a_line_where_to_look(whole, tmp_path, capsys):
    out = str(tmp_path / "run")
    arguments = [word for word in WHOLE if word != "--quiet"]
    assert train.main([*arguments, "--epochs", "1", "--watch", "--out", out]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line == f"watched     `python -m jaxmlp.diagnose {out}` says what went on inside"


def test_a_sweep_says_that_it_is_not_watched(capsys):
    from jaxmlp.sweep.__main__ import main

    arguments = ["--grid", "seed=0,1", "--watch"]
    assert_refused(capsys, "sweep", main, arguments, "--watch is for a single run")


def _edit(line, **changes):
    return json.dumps({**json.loads(line), **changes})


DAMAGED = {
    "cut": (lambda lines: [lines[0], lines[1][:50]], "line 2 is not a whole JSON file"),
    "a word": (lambda lines: ["7"], "line 1 must be an object, got 7"),
    "a gap": (lambda lines: [lines[0], lines[2]], "line 2: epoch must be 1, got 2"),
    "no layers": (
        lambda lines: [_edit(lines[0], layers=[])],
        "line 1: layers must be a list of at least one layer, got 0",
    ),
    "an unknown field": (
        lambda lines: [_edit(lines[0], colour=1)],
        "line 1 has an unknown field 'colour'",
    ),
    "another network": (
        lambda lines: [
            lines[0],
            _edit(lines[1], layers=json.loads(lines[1])["layers"][1:]),
        ],
        "line 2: layers must be those of the line before",
    ),
    "after the end": (
        lambda lines: ['{"epoch": 1, "diverged": "so"}', '{"epoch": 2, "diverged": "so"}'],
        "line 2 follows a line that says that training broke off",
    ),
    "a share above 1": (
        lambda lines: [lines[0].replace('"dead_share": 0', '"dead_share": 2')],
        "dead_share must be in [0, 1], got 2",
    ),
    "an edge too few": (
        lambda lines: [lines[0].replace('"edges": [', '"edges": [], "ends": [')],
        "has an unknown field 'ends'",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_by_line(name, whole, tmp_path):
    spoil, message = DAMAGED[name]
    run = shutil.copytree(whole, tmp_path / "run")
    lines = (run / WATCH).read_text().splitlines()
    (run / WATCH).write_text("\n".join(spoil(lines)) + "\n")
    with pytest.raises(InputError) as caught:
        read_watch(Run.open(run))
    assert message in str(caught.value)


def test_a_file_that_lacks_epochs_is_refused(whole, tmp_path, capsys):
    run = shutil.copytree(whole, tmp_path / "run")
    (run / WATCH).write_text((run / WATCH).read_text().splitlines(keepends=True)[0])
    arguments = ["--resume", str(run), "--epochs", "5", "--quiet"]
    assert_refused(capsys, "train", train.main, arguments, "lacks epochs that checkpoint")
