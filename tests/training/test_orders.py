"""The order of the examples: its streams, and that of the data without shuffling."""

import itertools
import tracemalloc

import jax
import numpy as np
import pytest

from jaxmlp.data import holdout
from jaxmlp.training.orders import Orders, batches, order_of, shuffling

N = 50


def first_words(generator):
    return tuple(generator.integers(2**63, size=4))


def test_no_two_streams_of_a_run_are_the_same():
    """The validation part is drawn by the stream of the seed; so is no epoch, of any seed."""
    seeds = [*range(50), 2**31, 2**32 - 1]
    drawn = [first_words(np.random.default_rng(seed)) for seed in seeds]
    shuffled = [first_words(shuffling(s, e)) for s, e in itertools.product(seeds, range(20))]
    assert len({*drawn, *shuffled}) == len(drawn) + len(shuffled)


@pytest.mark.parametrize("seed", [0, 1, 7, 2**32 - 1])
def test_the_first_order_does_not_tell_who_was_held_out(seed):
    """With one stream, the first order of all examples began with those held out of all."""
    _, held = holdout(np.zeros(N), 10, seed, stratify=False)
    order = order_of(np.arange(N, dtype=np.int32), N, seed, 0)
    assert set(held) == set(np.random.default_rng(seed).permutation(N)[:10])
    assert set(order[0, :10]) != set(held)


def test_epochs_after_the_first_have_the_order_that_version_0_1_gave_them():
    """So a run that it interrupted goes on as it would have."""
    for epoch in (1, 2, 30):
        expected = np.random.default_rng([3, epoch]).permutation(N)
        assert list(order_of(np.arange(N, dtype=np.int32), N, 3, epoch)[0]) == list(expected)


def test_without_shuffling_every_epoch_has_the_data_s_order():
    indices = np.array([2, 3, 5, 7, 11], np.int32)
    orders = Orders(indices, 2, seed=0, room=3, shuffle=False)
    rows = np.asarray(orders.lay_out(4, 3))
    for epoch in range(3):
        np.testing.assert_array_equal(rows[epoch], batches(indices, 2))
    shuffled = np.asarray(Orders(indices, 2, seed=0, room=3).lay_out(0, 3))
    assert any(not np.array_equal(rows[0], shuffled[epoch]) for epoch in range(3))


def test_an_order_lies_in_memory_once():
    """Beside it only its draw: no second copy of the batches, and none for the device."""
    indices = np.arange(1_000_000, dtype=np.int32)
    tracemalloc.start()
    try:
        orders = Orders(indices, 1000, seed=0, room=1)
        jax.block_until_ready(orders.lay_out(0, 1))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(orders.rows[0], order_of(indices, 1000, 0, 0))
    assert most < 2.2 * indices.nbytes
