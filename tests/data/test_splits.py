"""Held-out examples and folds: their exact number, their proportions by class, their seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from jaxmlp.data import holdout, k_folds, k_folds_of_groups
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


def deal(y, count, seed, stratify=True):
    folds = k_folds(y, count, seed, stratify)
    assert folds.shape == (len(y),)
    assert set(folds) == set(range(count))  # each example has one fold, and each fold examples
    return folds


@given(st.lists(st.integers(2, 20), min_size=1, max_size=6), st.data())
def test_folds_spread_examples_and_classes_evenly(counts, drawn):
    y = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    count = drawn.draw(st.integers(2, min(counts)))
    seed, stratify = drawn.draw(st.integers(0, 9)), drawn.draw(st.booleans())
    folds = deal(y, count, seed, stratify)
    np.testing.assert_array_equal(folds, deal(y, count, seed, stratify))
    assert np.ptp(np.bincount(folds)) <= 1
    if stratify:
        assert all(np.ptp(np.bincount(folds[y == label], minlength=count)) <= 1 for label in set(y))


@given(st.lists(st.integers(1, 9), min_size=2, max_size=12), st.data())
def test_folds_keep_groups_together(sizes, drawn):
    groups = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)) * 7, sizes))
    count, seed = drawn.draw(st.integers(2, len(sizes))), drawn.draw(st.integers(0, 9))
    folds = k_folds_of_groups(groups, count, seed)
    np.testing.assert_array_equal(folds, k_folds_of_groups(groups, count, seed))
    assert set(folds) == set(range(count))
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))
    assert np.ptp(np.bincount(folds)) <= max(sizes)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_folds_have_the_sizes_of_scikit_learn_s(count):
    """`KFold`, the strata of `StratifiedKFold`, and `GroupKFold`: how many, not which."""
    y = np.repeat([0, 1, 2], (31, 8, 20))
    groups = np.repeat(np.arange(9), (9, 1, 4, 4, 12, 3, 7, 2, 17))

    def strata(splits, labels):
        return sorted(tuple(np.bincount(labels[held], minlength=3)) for _, held in splits)

    def ours(folds, labels):
        return sorted(tuple(np.bincount(labels[folds == k], minlength=3)) for k in range(count))

    alike = np.zeros(59, int)
    split = KFold(count).split(y)
    assert ours(k_folds(np.linspace(0, 1, 59), count, 0), alike) == strata(split, alike)
    assert ours(k_folds(y, count, 3, stratify=False), alike) == strata(KFold(count).split(y), alike)
    assert ours(k_folds(y, count, 3), y) == strata(StratifiedKFold(count).split(y, y), y)
    split = GroupKFold(count).split(groups, groups=groups)
    assert ours(k_folds_of_groups(groups, count, 3), alike) == strata(split, alike)


def test_the_seed_draws_the_folds():
    y, groups = np.arange(100) % 4, np.arange(100) // 5
    for draw in (lambda s: k_folds(y, 5, s), lambda s: k_folds_of_groups(groups, 5, s)):
        assert not np.array_equal(draw(0), draw(1))


@pytest.mark.parametrize(
    ("deal_out", "values", "count", "message"),
    [
        (k_folds, np.arange(9) % 2, 1, "folds must be at least 2, got 1"),
        (k_folds, np.zeros((4, 2)), 5, "folds must be at most 4, the number of training examples"),
        (k_folds, np.array([0, 0, 0, 1, 1]), 3, "at most 2, the size of the smallest class, got 3"),
        (k_folds_of_groups, np.arange(9), 0, "folds must be at least 2, got 0"),
        (k_folds_of_groups, np.arange(9) // 3, 4, "at most 3, the number of groups, got 4"),
    ],
)
def test_folds_that_cannot_be(deal_out, values, count, message):
    with pytest.raises(InputError, match=message):
        deal_out(values, count, 0)
