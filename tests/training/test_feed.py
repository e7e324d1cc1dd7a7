"""What feeds a run: the windows of a part that is larger than memory, or all in one."""

from dataclasses import replace
from itertools import chain

import jax
import numpy as np
import pytest

from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.training import Diverged, Examples, Split, StreamedPart
from jaxmlp.training.clock import Clock
from jaxmlp.training.feed import WindowFeed
from jaxmlp.training.parts import CHUNK, Piece, Pieces, StopReading
from jaxmlp.training.tally import Tally
from tests.helpers import assert_trees_identical
from tests.training.short_runs import solve

CASES = {  # the sizes of blocks, of a window, of a batch, of a piece
    "one window": ((7, 5), 100, 4, 3),
    "blocks smaller than a window": ((5, 3, 8, 1, 6, 7), 12, 4, 3),
    "a block larger than a window": ((40, 3), 8, 4, 5),
    "a window that is no multiple of a batch": ((9, 9, 9), 11, 4, 9),
    "a window of one batch": ((9, 9, 9), 4, 4, 2),
    "whole batches": ((8, 8, 8), 8, 4, 8),
    "blocks without examples": ((0, 9, 0, 4), 8, 4, 3),
    "one example": ((1,), 8, 4, 3),
}


def part_of(split, blocks, window, piece):
    """Return a part in memory as one that is read from blocks."""
    arrays = [np.asarray(a)[split.indices] for a in split.examples]
    ends = np.cumsum(blocks)

    def read(order, ranges):
        rows = np.concatenate([np.arange(ends[b] - blocks[b], ends[b]) for b in order])
        rows = np.concatenate([rows[start:stop] for start, stop in ranges])
        for start in range(0, len(rows), piece):
            yield Piece(*(a[rows[start : start + piece]] for a in arrays))

    assert ends[-1] == len(split.indices)
    return StreamedPart(Tally.of(split.targets), np.array(blocks), window, read, split)


def numbered(blocks, window, piece):
    """Return a part whose inputs are the numbers of the examples."""
    n, ends = sum(blocks), np.cumsum(blocks)
    x = np.arange(n, dtype=np.float32)[:, None]

    def read(order, ranges):
        rows = np.concatenate([np.arange(ends[b] - blocks[b], ends[b]) for b in order])
        rows = np.concatenate([rows[start:stop] for start, stop in ranges])
        for start in range(0, len(rows), piece):
            own = rows[start : start + piece]
            yield Piece(x[own], own.astype(np.int32), np.ones(len(own), np.float32))

    targets = np.arange(n, dtype=np.int32)
    sample = Split(Examples(x, targets, np.ones(n, np.float32)), targets, n)
    return StreamedPart(Tally.of(targets), np.array(blocks), window, read, sample)


def epoch_of(feed, epoch, step=0):
    """Return the examples of each step of an epoch, from a step on."""
    found = []
    while step < feed.steps:
        laid = feed.lay_out(epoch, step, 1)
        for i in range(step, laid.end):
            row = laid.row(i)
            assert (np.asarray(laid.orders)[0, i - laid.begun] == row).all()
            found.append(np.asarray(laid.examples.x)[row[row >= 0], 0].astype(int).tolist())
        step = laid.end
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_example_once_an_epoch_and_only_the_last_batch_partial(case):
    blocks, window, batch, piece = case
    feed = WindowFeed(numbered(blocks, window, piece), batch, 3)
    orders = [epoch_of(feed, epoch) for epoch in range(3)]
    feed.close()
    for order in orders:
        assert sorted(chain(*order)) == list(range(sum(blocks)))
        assert all(len(row) == batch for row in order[:-1])
        assert len(order) == feed.steps
    assert sum(blocks) < 4 or orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_order_is_a_function_of_seed_and_epoch_from_any_step(case):
    """As a run needs that goes on in mid-epoch; pieces do not matter, the seed does."""
    blocks, window, batch, piece = case
    orders = []
    for own in (piece, 1, 1000):
        feed = WindowFeed(numbered(blocks, window, own), batch, 3)
        orders.append([epoch_of(feed, epoch) for epoch in (0, 1)])
        feed.close()
    assert orders[0] == orders[1] == orders[2]
    for step in range(feed.steps):
        feed = WindowFeed(numbered(blocks, window, piece), batch, 3)
        assert epoch_of(feed, 1, step) == orders[0][1][step:]
        assert epoch_of(feed, 0) == orders[0][0]  # back, as no run does
        feed.close()
    feed = WindowFeed(numbered(blocks, window, piece), batch, 4)
    assert sum(blocks) < 4 or epoch_of(feed, 1) != orders[0][1]
    feed.close()


def test_without_shuffling_the_examples_come_in_their_order():
    feed = WindowFeed(numbered((5, 9, 3), 8, 2), 4, 0, shuffle=False)
    assert [*chain(*epoch_of(feed, 1))] == list(range(17))
    feed.close()


def test_blocks_far_apart_meet_in_a_window():
    """The order of the blocks is shuffled, not only the examples within a window."""
    feed = WindowFeed(numbered((4,) * 50, 16, 4), 16, 0)
    spans = [max(row) - min(row) for row in epoch_of(feed, 0)]
    feed.close()
    assert np.median(spans) > 60


def test_a_feed_that_is_closed_reads_no_further():
    read = []

    one = Piece(np.zeros((1, 1)), np.zeros(1, int), np.ones(1))

    def endless():
        while True:
            read.append(0)
            yield one

    pieces = Pieces(endless(), one)
    with pytest.raises(StopReading):
        pieces.take(10**9, 1000, lambda: len(read) == 5)
    assert len(read) == 5


def test_what_fails_in_the_thread_fails_in_the_run():
    def broken(order, ranges):
        raise ZeroDivisionError
        yield

    feed = WindowFeed(replace(numbered((8,), 4, 2), read=broken), 4, 0)
    with pytest.raises(ZeroDivisionError):
        feed.lay_out(0, 0, 1)
    feed.close()


SETTINGS = {"hidden": (8,), "epochs": 3, "batch_size": 7, "valid_size": 20, "dropout": 0.2}


@pytest.fixture(scope="module")
def in_order(small):
    """A problem whose examples come in the order of the data: so all doors have the same order."""
    config = Config(**SETTINGS, optimizer="adam", schedule="one_cycle", shuffle=False)
    return pose_problem(config, small)


@pytest.mark.parametrize("window", [7, 15, 1000])
@pytest.mark.parametrize("judged", ["in memory", "by chunks"])
def test_a_run_by_windows_is_the_run_in_memory(in_order, window, judged, monkeypatch):
    """Compare the doors: the same state, best and records, to the byte, but for the seconds."""
    monkeypatch.setattr(Clock, "steps_until_look", lambda clock: 2)
    whole = solve(in_order)
    train = part_of(in_order.train, (13, 20, 7), window, 6)
    valid = in_order.valid if judged == "in memory" else part_of(in_order.valid, (20,), 1, 3)
    outcome = solve(replace(in_order, train=train, valid=valid))
    for field in ("params", "opt_state", "step", "totals"):
        assert_trees_identical(getattr(outcome[0].state, field), getattr(whole[0].state, field))
    assert_trees_identical(outcome[1].best.params, whole[1].best.params)
    assert outcome[1].best.epoch == whole[1].best.epoch
    for own, known in zip(outcome[1].records, whole[1].records, strict=True):
        assert own.train == known.train
        assert own.valid == pytest.approx(known.valid, abs=1e-6)  # summed in other batches


def test_a_divergence_within_a_later_window_is_named_by_its_step(in_order):
    """As in memory: epoch, step and layer."""
    weights = np.array(in_order.train.examples.weights)
    weights[in_order.train.indices[30]] = np.inf
    examples = in_order.train.examples._replace(weights=weights)
    broken = in_order.train._replace(examples=examples)
    errors = []
    for train in (broken, part_of(broken, (13, 20, 7), 15, 6)):
        with pytest.raises(Diverged) as error:
            solve(replace(in_order, train=train))
        errors.append(str(error.value))
    assert errors[0] == errors[1]
    assert "step 5" in errors[0]


def test_chunks_hold_every_example_once():
    part = numbered((CHUNK, 3, 500), 10, 700)
    chunks = [(np.asarray(c.examples.x)[c.indices, 0], c.examples) for c in part.chunks()]
    assert np.concatenate([x for x, _ in chunks]).tolist() == list(range(part.size))
    assert {examples.x.shape for _, examples in chunks} == {(CHUNK, 1)}


@pytest.mark.parametrize("targets", [[[0.5, 2], [1, 7], [4, 4]], [[1.0], [1], [1]]])
def test_two_examples_stand_for_the_mean_and_the_variance_of_all(targets):
    targets = np.array(targets)
    short = Tally.of(targets).in_short()
    np.testing.assert_allclose(short.mean(axis=0), targets.mean(axis=0))
    np.testing.assert_allclose(short.var(axis=0), targets.var(axis=0))


@pytest.mark.parametrize(
    ("targets", "labels"),
    [
        (np.array([2, 0, 2], np.int32), [1, 0, 2]),
        (np.array([[1.0], [0], [1]]), [1, 2]),
        (np.array([[1.5], [0], [1]]), []),
        (np.array([[1.0, 0], [1, 1]]), []),
    ],
)
def test_a_tally_counts_the_examples_of_each_class(targets, labels):
    assert Tally.of(targets).labels.tolist() == labels


def test_the_window_lies_where_a_processor_need_not_copy_it():
    piece = Piece(np.ones((3, 5), np.float32), np.ones((3, 2)), np.ones(3))
    window = Pieces(iter([piece]), piece).take(3, 4)
    assert all(a.ctypes.data % 64 == 0 for a in window)
    assert all((a[3] == 0).all() for a in window)
    assert isinstance(jax.device_put(window.x), jax.Array)
