"""The path of a run: bounded, evenly spread, and the same in a run that was interrupted."""

import time
from itertools import pairwise

import jax
import numpy as np
import pytest

import jaxmlp
from jaxmlp import train
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.errors import InputError
from jaxmlp.runs import path
from jaxmlp.runs.checkpoints import load_metadata, save_tree
from jaxmlp.runs.fit import new_run, train_problem
from jaxmlp.runs.folder import PATH, Run
from jaxmlp.runs.path import kept_epochs, read_path, room_for
from tests.helpers import assert_trees_identical

pytestmark = pytest.mark.usefixtures("compile_quickly")
FEW = 5  # epochs that have room in these tests
CONFIG = Config(dataset="iris", hidden=(4,), schedule="constant", batch_size=60, epochs=11)


@pytest.mark.parametrize(
    ("last", "room", "epochs"),
    [
        (0, 3, (0,)),
        (2, 3, (0, 1, 2)),
        (3, 3, (0, 2, 3)),
        (4, 3, (0, 2, 4)),
        (5, 3, (0, 4, 5)),
        (9, 5, (0, 4, 8, 9)),
        (11, 5, (0, 4, 8, 11)),
        (499, 500, tuple(range(500))),
        (500, 500, (*range(0, 500, 2), 500)),
    ],
)
def test_which_epochs_are_kept(last, room, epochs):
    assert kept_epochs(last, room) == epochs


@pytest.mark.parametrize("room", [3, 4, 7, 100])
def test_they_are_evenly_spread_and_at_least_half_of_the_room_is_used(room):
    """And an epoch that a longer run keeps was never dropped before."""
    for last in range(300):
        epochs = kept_epochs(last, room)
        assert (epochs[0], epochs[-1]) == (0, last)
        assert min(last + 1, room // 2) <= len(epochs) <= room
        apart = {b - a for a, b in pairwise(epochs[:-1])}
        assert len(apart) <= 1
        assert {*epochs} - {last} <= {*kept_epochs(max(last - 1, 0), room)}


@pytest.mark.parametrize(
    ("shape", "room"),
    [((100,), 500), ((784 * 128 + 128 + 1290,), 164), ((5_000_000,), 3), ((6_000_000,), 0)],
)
def test_all_epochs_together_are_bounded(shape, room):
    like = {"W": jax.ShapeDtypeStruct(shape, np.float32)}
    assert room_for(like) == room
    assert 4 * shape[0] * room <= 64 * 2**20


@pytest.fixture
def little_room(monkeypatch):
    monkeypatch.setattr(path, "MOST_EPOCHS", FEW)


def start(out, ends=lambda: False):
    dataset = load("iris")
    problem = pose_problem(CONFIG, dataset)
    with new_run(out, problem, False) as run:
        began = time.perf_counter()
        outcome = train_problem(problem, dataset.source, None, run, began, True, ends, watch=True)
    return problem, outcome


def test_the_parameters_are_those_of_the_epochs(tmp_path):
    """The start is the run's own, each epoch that of a shorter run, and the best one is kept."""
    problem, outcome = start(tmp_path / "run")
    found = read_path(Run.open(tmp_path / "run"), outcome.state.params)
    assert found.epochs == tuple(range(12))
    assert_trees_identical(found.at(0), jax.device_get(problem.begin()[0].params))
    assert_trees_identical(found.at(11), jax.device_get(outcome.state.params))
    best = outcome.history.best
    assert_trees_identical(found.at(int(best.epoch)), jax.device_get(best.params))


def test_an_interrupted_run_ends_with_the_same_path(tmp_path, little_room, monkeypatch):
    """Left within epochs again and again; also where the file is ahead of the checkpoint."""
    start(tmp_path / "whole")
    whole = (tmp_path / "whole" / PATH).read_bytes()
    left, steps = tmp_path / "left", []

    def third():
        steps.append(1)
        return len(steps) % 3 == 0

    problem, _ = start(left, third)
    dataset, ahead = load("iris"), (tmp_path / "whole" / PATH).read_bytes()
    while (left / PATH).read_bytes() != whole:
        assert len(steps) < 100
        if len(steps) == 6:  # a process killed between the path and the checkpoint
            (left / PATH).write_bytes(ahead)
        with Run.held(left) as run:
            train_problem(problem, dataset.source, None, run, time.perf_counter(), True, third)
    epochs = load_metadata(left / PATH)["epochs"]
    assert tuple(epochs) == kept_epochs(11, FEW)


def test_a_run_made_longer_has_the_path_of_a_long_run(tmp_path, little_room):
    """With a constant rate the long run takes the same steps."""
    line = ["iris", "--hidden", "4", "--schedule", "constant", "--quiet", "--watch", "--epochs"]
    assert train.main([*line, "9", "--out", str(tmp_path / "long")]) == 0
    assert train.main([*line, "4", "--out", str(tmp_path / "run")]) == 0
    again = ["--resume", str(tmp_path / "run"), "--epochs", "9", "--quiet"]
    assert train.main(again) == 0
    files = [(tmp_path / name / PATH).read_bytes() for name in ("long", "run")]
    assert files[0] == files[1]


def test_without_a_watch_or_for_a_large_network_there_is_none(tmp_path, monkeypatch):
    config = Config(dataset="iris", hidden=(4,), epochs=1)
    plain = jaxmlp.fit(config, out=tmp_path / "plain")
    monkeypatch.setattr(path, "MOST_BYTES", 100)
    large = jaxmlp.fit(config, out=tmp_path / "large", watch=True)
    for result in (plain, large):
        assert not (result.path / PATH).exists()
        assert read_path(Run.open(result.path), result.network.params) is None


def _with_epochs(*epochs):
    def spoil(file, like):
        stacked = jax.tree.map(lambda leaf: np.stack([leaf] * len(epochs)), like)
        save_tree(file, stacked, {"epochs": list(epochs)})

    return spoil


DAMAGED = {
    "cut": (lambda file, _: file.write_bytes(b"torn"), "is not a whole safetensors file"),
    "backwards": (_with_epochs(2, 1), "epochs must be one or more that rise, got '2, 1'"),
    "a word": (
        lambda file, like: save_tree(file, like, {"epochs": "all"}),
        "epochs must be a list",
    ),
    "another network": (
        lambda file, like: save_tree(file, {"W": np.zeros((1, 2))}, {"epochs": [0]}),
        "does not fit the model",
    ),
    "too few": (
        lambda file, like: save_tree(file, like, {"epochs": [0, 1]}),
        "does not fit the model",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused(name, tmp_path):
    spoil, message = DAMAGED[name]
    like = {"W": np.zeros((3, 2), np.float32)}
    spoil(tmp_path / PATH, like)
    with pytest.raises(InputError) as caught:
        read_path(Run(tmp_path), like)
    assert message in str(caught.value)
    assert str(tmp_path / PATH) in str(caught.value)
