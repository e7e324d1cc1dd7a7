"""Held-out examples: their exact number, their proportions by class, and their seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmlp.data import holdout
from jaxmlp.data.splits import split_off_test
from jaxmlp.errors import InputError


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
    st.floats(0, 1, exclude_max=True),
    st.booleans(),
)
def test_holdout_parts_the_examples(counts, fraction, stratify):
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    size = int(fraction * len(y))
    rest, held = holdout(y, size, seed=0, stratify=stratify)
    assert len(held) == size
    assert np.array_equal(np.sort(np.concatenate([rest, held])), np.arange(len(y)))
    assert (np.diff(held) > 0).all()
    assert (np.diff(rest) > 0).all()
    if stratify:  # each class gets its quota, rounded down or up
        quota = np.array(counts) * size / len(y)
        got = np.bincount(y[held], minlength=len(counts))
        assert (np.abs(got - quota) < 1).all()


@pytest.mark.parametrize(
    ("counts", "size", "expected"),
    [
        ((50, 30, 20), 10, (5, 3, 2)),  # quotas are whole
        ((1, 1, 98), 10, (0, 0, 10)),  # 0.1, 0.1, 9.8
        ((3, 8, 4), 7, (1, 4, 2)),  # 1.40, 3.73, 1.87: two places left
        ((7, 2, 1), 5, (4, 1, 0)),  # 3.5, 1.0, 0.5: the first of equals
        ((5, 5), 0, (0, 0)),
    ],
)
def test_largest_remainders_get_the_places_left(counts, size, expected):
    y = np.repeat(np.arange(len(counts)), counts)
    _, held = holdout(y, size, seed=3)
    assert tuple(np.bincount(y[held], minlength=len(counts))) == expected


def test_seed_decides():
    y = np.arange(1000) % 10
    first, again, other = (holdout(y, 100, seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_labels_need_not_be_sorted_or_start_at_zero():
    y = np.array([9, -4] * 50)
    _, held = holdout(y, 20, seed=0)
    assert (y[held] == 9).sum() == 10


@pytest.mark.parametrize("y", [np.linspace(0, 1, 40), np.zeros((40, 3), np.float32)])
def test_values_are_held_out_at_random(y):
    rest, held = holdout(y, 8, seed=0)
    assert (len(rest), len(held)) == (32, 8)
    assert not np.array_equal(held, np.arange(8))


@pytest.mark.parametrize("size", [-1, 10, 11, 2.0, True, None])
def test_holdout_rejects_a_size(size):
    with pytest.raises(InputError, match=r"size must be an integer from 0 to 9, got"):
        holdout(np.arange(10), size, seed=0)


def test_split_holds_out_a_fifth():
    x, y = np.arange(50)[:, None], np.repeat(np.arange(5), 10)
    x_train, y_train, x_test, y_test = split_off_test(x, y)
    assert len(x_test) == 10
    assert np.bincount(y_test).tolist() == [2] * 5
    assert np.array_equal(x_test[:, 0] // 10, y_test)
    assert np.array_equal(x_train[:, 0] // 10, y_train)
    assert len(split_off_test(x[:2], y[:2])[2]) == 1


@pytest.mark.parametrize("n", [0, 1])
def test_split_needs_two_examples(n):
    with pytest.raises(InputError, match=r"size must be an integer from 0 to"):
        split_off_test(np.zeros((n, 2)), np.zeros(n, np.int32))
