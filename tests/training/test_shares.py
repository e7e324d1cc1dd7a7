"""How the rows of windows and parts are shared among processes, here played one after another.

`tests/test_shards_of_processes.py` holds the same of real processes.
"""

from dataclasses import replace
from itertools import chain

import jax
import numpy as np
import pytest

from jaxmlp.training import feed as feed_module
from jaxmlp.training import parts as parts_module
from jaxmlp.training.feed import WindowFeed
from jaxmlp.training.shares import places_of, share_bounds, window_ranges
from tests.training.test_feed import CASES, epoch_of, numbered

UNUSED = -1  # what lies where another process has its rows


@pytest.mark.parametrize(("rows", "many"), [(0, 3), (1, 1), (2, 5), (12, 4), (13, 4), (10**9, 7)])
def test_shares_are_equal_and_hold_every_row_once(rows, many):
    counts = np.diff(share_bounds(rows, many))
    assert counts.sum() == rows
    assert counts.max() - counts.min() <= 1


def test_places_follow_each_other_share_by_share():
    assert places_of(np.array([2, 0, 3]), 3).tolist() == [0, 1, 6, 7, 8]


def test_the_ranges_of_all_processes_are_all_rows_of_the_windows():
    ranges = [window_ranges(8, 30, 8, own, 3) for own in range(3)]
    assert [each.tolist() for each in ranges] == [
        [[8, 10], [16, 18], [24, 26]],
        [[10, 13], [18, 21], [26, 28]],
        [[13, 16], [21, 24], [28, 30]],
    ]


@pytest.fixture
def played(monkeypatch):
    """Play a process among several: `(number, many, rows of its devices)`."""

    def play(own, many, devices=1):
        def put(arrays):
            def lay(array):
                held = -(-len(array) // devices) * devices
                whole = np.full((many * held, *array.shape[1:]), UNUSED, array.dtype)
                whole[own * held : own * held + len(array)] = array
                return whole

            return jax.tree.map(lay, arrays)

        for module in (feed_module, parts_module):
            monkeypatch.setattr(module, "own_share", lambda: (own, many))
            monkeypatch.setattr(module, "put_share", put)

    return play


def counted(part, known):
    """Return the same part, which notes the examples that are read of it."""

    def read(order, ranges):
        for piece in part.read(order, ranges):
            known.extend(piece.targets.tolist())
            yield piece

    return replace(part, read=read)


@pytest.mark.parametrize("many", [2, 3, 16])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_processes_train_in_the_order_of_one(case, many, played):
    """From any step; each row lies with one process alone, where all look for it."""
    blocks, window, batch, piece = case
    alone = WindowFeed(numbered(blocks, window, piece), batch, 3)
    known, last = epoch_of(alone, 1), alone.steps - 1
    alone.close()
    for step in sorted({0, last // 2, last}):
        shares = []
        for own in range(many):
            played(own, many, devices=2)
            feed = WindowFeed(numbered(blocks, window, piece), batch, 3)
            shares.append(epoch_of(feed, 1, step))
            feed.close()
        for k, row in enumerate(known[step:]):
            found = np.array([share[k] for share in shares])
            assert (found > UNUSED).sum(axis=0).tolist() == [1] * len(row)
            assert found.max(axis=0).tolist() == row


@pytest.mark.parametrize("many", [1, 2, 3])
def test_chunks_of_processes_hold_every_example_once(many, played, monkeypatch):
    monkeypatch.setattr(parts_module, "CHUNK", 10)
    shares, reads = [], []
    for own in range(many):
        played(own, many)
        reads.append([])
        part = counted(numbered((13, 3, 5), 10, 4), reads[-1])
        chunks = [np.asarray(c.examples.x)[c.indices, 0] for c in part.chunks()]
        shares.append(np.concatenate(chunks).astype(int))
    assert sorted(np.max(shares, axis=0).tolist()) == list(range(21))
    assert sorted(chain(*reads)) == list(range(21))
    assert max(map(len, reads)) == -(-21 // many)
