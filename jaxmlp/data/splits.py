"""Choose the examples that are held out: a network is judged on them and never learns from them."""

import heapq
from typing import Any

import numpy as np

from jaxmlp.errors import check

TEST_FRACTION = 0.2
TEST_SEED = 0  # fixed, so that all runs are judged on the same test examples


def holdout(
    y: np.ndarray, size: int, seed: int, stratify: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Choose `size` examples to hold out; by default every class keeps its proportion.

    A class of `n_c` examples out of `n` contributes `n_c size / n`, rounded down; the places still
    open go to the classes with the largest remainders. Targets that are not integer labels `(N,)`
    are drawn at random. Early stopping (lecture row C7) judges by examples held out in this way.

    Args:
      y: targets, `(N,)` or `(N, outputs)`.
      size: the number of examples to hold out, from 0 to N - 1.
      seed: the seed of the draw; the same seed holds out the same examples.
      stratify: whether every class of integer labels keeps its proportion.

    Returns:
      The indices of the examples that stay, and of those held out, each in ascending order.

    Raises:
      InputError: if `size` is not an integer from 0 to N - 1.
    """
    n = len(y)
    whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    check(whole and 0 <= size < n, "size", f"an integer from 0 to {n - 1}", size)
    if size == 0:
        return np.arange(n), np.arange(0)
    order = np.random.default_rng(seed).permutation(n)
    if stratify and _are_labels(y):
        order = order[_stratified_order(y[order], size)]
    held = np.zeros(n, bool)
    held[order[:size]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def _stratified_order(y: np.ndarray, size: int) -> np.ndarray:
    """Return positions in `y`; the first `size` of them have every class in proportion."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    quota = quotas(counts, size)
    by_class = np.argsort(codes, kind="stable")
    rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)  # within its class
    chosen = rank < np.repeat(quota, counts)
    return np.concatenate([by_class[chosen], by_class[~chosen]])


def quotas(counts: np.ndarray, size: int) -> np.ndarray:
    """Return how many examples of each class are held out, so that each keeps its proportion.

    A class of `n_c` examples out of `n` contributes `n_c size / n`, rounded down; the places still
    open go to the classes with the largest remainders.

    Args:
      counts: the number of examples of each class, `(classes,)`.
      size: the number of examples to hold out.

    Returns:
      `(classes,)`; the sum is `size`.
    """
    quota, remainder = np.divmod(counts * size, counts.sum())
    quota[np.argsort(-remainder, kind="stable")[: size - quota.sum()]] += 1
    return np.asarray(quota)


def holdout_groups(groups: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose whole groups to hold out, drawn one after the other until there are `size` examples.

    Args:
      groups: the group of each example, `(N,)`.
      size: the least number of examples to hold out, from 0 to N - 1.
      seed: the seed of the draw.

    Returns:
      The indices of the examples that stay, and of those held out, each in ascending order.

    Raises:
      InputError: if no group would stay.
    """
    if size == 0:
        return np.arange(len(groups)), np.arange(0)
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    check(len(counts) > 1, "the number of groups", "at least 2, to hold one out", len(counts))
    order = np.random.default_rng(seed).permutation(len(counts))
    many = int(np.searchsorted(np.cumsum(counts[order]), size)) + 1
    chosen = np.isin(codes, order[: min(many, len(counts) - 1)])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def holdout_latest(times: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Hold out the latest examples.

    Args:
      times: numbers that order the examples, `(N,)`.
      size: the number of examples to hold out, from 0 to N - 1.

    Returns:
      The indices of the examples that stay, and of those held out, each from early to late.
    """
    order = np.argsort(times, kind="stable")
    return order[: len(order) - size], order[len(order) - size :]


def k_folds(y: np.ndarray, count: int, seed: int, stratify: bool = True) -> np.ndarray:
    """Deal the examples out to folds; by default every class is spread evenly over all of them.

    Each example has one fold, in which it validates, and is learned in all others: the folds of
    cross-validation (lecture row C5). The sizes of two folds differ by at most 1, and so do their
    numbers of examples of a class. Targets that are not integer labels `(N,)` are dealt out at
    random.

    Args:
      y: targets, `(N,)` or `(N, outputs)`.
      count: the number of folds, at least 2.
      seed: the seed of the draw; the same seed makes the same folds.
      stratify: whether every class of integer labels is spread evenly.

    Returns:
      The fold of each example, `(N,)`, from 0 to `count - 1`.

    Raises:
      InputError: if there are fewer than 2 folds, or more than examples, or more than the smallest
        class has examples.
    """
    check(count >= 2, "folds", "at least 2", count)
    check(count <= len(y), "folds", f"at most {len(y)}, the number of training examples", count)
    order = np.random.default_rng(seed).permutation(len(y))
    if stratify and _are_labels(y):
        least = int(np.unique(y, return_counts=True)[1].min())
        check(count <= least, "folds", f"at most {least}, the size of the smallest class", count)
        order = order[np.argsort(y[order], kind="stable")]
    folds = np.empty(len(y), np.int32)
    folds[order] = np.arange(len(y)) % count  # class after class, like cards
    return folds


def k_folds_of_groups(groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Deal whole groups out to folds, the largest first, each to the smallest fold so far.

    Args:
      groups: the group of each example, `(N,)`.
      count: the number of folds, at least 2.
      seed: the seed of the draw, which decides between groups of the same size.

    Returns:
      The fold of each example, `(N,)`, from 0 to `count - 1`.

    Raises:
      InputError: if there are fewer than 2 folds, or more than groups.
    """
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    check(count >= 2, "folds", "at least 2", count)
    check(count <= len(sizes), "folds", f"at most {len(sizes)}, the number of groups", count)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of = np.empty(len(sizes), np.int32)
    filled = [(0, fold) for fold in range(count)]
    for group in order:
        size, fold = filled[0]
        fold_of[group] = fold
        heapq.heapreplace(filled, (size + int(sizes[group]), fold))
    return fold_of[codes]


def split_off_test(
    x: np.ndarray, y: np.ndarray, size: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split examples into a training part and a test part, with a fixed seed.

    Args:
      x: inputs, `(N, ...)`.
      y: targets, `(N,)` or `(N, outputs)`.
      size: the number of examples in the test part; `None` for a fifth.

    Returns:
      `x_train, y_train, x_test, y_test`.

    Raises:
      InputError: if there are fewer than two examples.
    """
    size = max(1, round(TEST_FRACTION * len(y))) if size is None else size
    rest, held = holdout(y, size, TEST_SEED)
    return x[rest], y[rest], x[held], y[held]


def split_record(y: np.ndarray, size: float | None = None) -> dict[str, Any]:
    """Describe the split by `split_off_test`, for the provenance of a data set.

    Args:
      y: the targets that are split.
      size: the fraction or the number of test examples, if the user chose it.

    Returns:
      The fraction or the number of test examples, the seed, and whether every class keeps its
      proportion.
    """
    size = TEST_FRACTION if size is None else size
    return {"test": size, "seed": TEST_SEED, "stratified": _are_labels(y)}


def _are_labels(y: np.ndarray) -> bool:
    return y.ndim == 1 and y.dtype.kind in "iu"
