"""Which examples are held out, to be judged on and never learned from."""

from typing import Any

import numpy as np

from jaxmlp.errors import check

TEST_FRACTION = 0.2
TEST_SEED = 0  # its own, so that every run of every configuration is judged on the same examples


def holdout(
    y: np.ndarray, size: int, seed: int, stratify: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Choose `size` examples to hold out, by default with every class in its due proportion.

    Class `c` of `n_c` examples gives `n_c * size / n`, rounded down; the places still open go to
    the largest remainders. Targets that are not integer labels `(N,)` are drawn at random.

    Args:
      y: targets, `(N,)` or `(N, outputs)`.
      size: how many examples to hold out, from 0 to N - 1.
      seed: of the draw; the same seed holds out the same examples.
      stratify: whether integer labels are held out class by class.

    Returns:
      The indices that stay and those held out, each in ascending order; together they are 0..N-1.

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
    """Return positions in `y`, the first `size` of them with every class in proportion."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    quota, remainder = np.divmod(counts * size, len(y))
    short = size - quota.sum()
    quota[np.argsort(-remainder, kind="stable")[:short]] += 1

    by_class = np.argsort(codes, kind="stable")
    rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)  # within its class
    chosen = rank < np.repeat(quota, counts)
    return np.concatenate([by_class[chosen], by_class[~chosen]])


def split_off_test(
    x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return `x_train, y_train, x_test, y_test`, a fifth held out with the fixed test seed."""
    rest, held = holdout(y, max(1, round(TEST_FRACTION * len(y))), TEST_SEED)
    return x[rest], y[rest], x[held], y[held]


def split_record(y: np.ndarray) -> dict[str, Any]:
    """Return what a provenance record says about a `split` with these targets."""
    return {"test": TEST_FRACTION, "seed": TEST_SEED, "stratified": _are_labels(y)}


def _are_labels(y: np.ndarray) -> bool:
    return y.ndim == 1 and y.dtype.kind in "iu"
