"""Lay examples out for training: what a sample weight means, and in which order rows are shuffled.

A weight that is a whole number is a number of repetitions: 2 is the same as two equal rows, and 0
as none. Rows are shuffled from an order that their content decides, so data give the same network
whether rows are repeated or weighted, and in whatever order they come.
"""

from typing import Any, NamedTuple

import numpy as np

from jaxmlp.errors import check

MOST_REPEATED = 10  # rows for each given one; beyond, weights stay factors
FEW, FEW_INPUTS = 256, 8  # fewer rows or inputs share a compiled program
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: Knuth's multiplier


class Layout(NamedTuple):
    """How rows are used in training.

    Attributes:
      indices: the rows of an epoch before they are shuffled; a row may come several times.
      weights: how much each row counts when it comes, `(n,)`; `None` for all alike.
    """

    indices: np.ndarray
    weights: np.ndarray | None


def checked_weights(weights: np.ndarray) -> np.ndarray:
    """Reject weights that no loss can be made of.

    Args:
      weights: finite numbers, one for each row.

    Returns:
      The weights.

    Raises:
      InputError: if a weight is negative, or all are zero.
    """
    least = int(np.argmin(weights))
    check(bool(weights[least] >= 0), f"sample_weight of row {least}", ">= 0", weights[least])
    check(bool(weights.any()), "sample_weight", "non-zero for some rows", "all weights zero")
    return weights


def lay_out(
    x: np.ndarray,
    targets: np.ndarray,
    sample_weight: np.ndarray | None,
    factors: np.ndarray | None,
    shuffle: bool,
) -> Layout:
    """Return which rows an epoch takes, and how much each counts.

    Args:
      x: inputs, `(n, features)`, of a floating type.
      targets: `(n, ...)`.
      sample_weight: positive weights of the rows, `(n,)`; `None` for all alike.
      factors: further weights that are never repetitions, of the classes, `(n,)`, or `None`.
      shuffle: whether the rows will be shuffled; otherwise they keep their order.

    Returns:
      The layout.

    Raises:
      InputError: if all factors are zero.
    """
    n = len(x)
    check(factors is None or bool(factors.any()), "class_weight", "positive for some rows", "zeros")
    indices, weights = np.arange(n, dtype=np.int32), factors
    repeats = None if sample_weight is None else _repetitions(sample_weight)
    if sample_weight is not None and repeats is None:
        weights = sample_weight if factors is None else sample_weight * factors
    if shuffle:
        indices = _order_of_content([x, targets, *([] if weights is None else [weights])])
    if repeats is not None:
        indices = np.repeat(indices, repeats[indices])
    return Layout(indices, weights)


def _repetitions(weights: np.ndarray) -> np.ndarray | None:
    """Return weights as numbers of repetitions, if they are whole and not too many."""
    if (weights != np.floor(weights)).any() or weights.sum() > MOST_REPEATED * len(weights):
        return None
    return weights.astype(np.int64)


def _order_of_content(columns: list[np.ndarray]) -> np.ndarray:
    """Return the rows in an order that depends on what stands in them, and not on their places."""
    key = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        for part in column.reshape(len(column), -1).T:
            key = _mixed(key * _ODD + _mixed(_bits(part)))
    return np.argsort(key, kind="stable").astype(np.int32)


def _bits(numbers: np.ndarray) -> np.ndarray:
    """Return the bits of numbers; equal numbers have equal bits, also 0 and minus 0."""
    wide = np.asarray(numbers, np.float64) + 0.0
    return wide.view(np.uint64)


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Return bits of which each depends on many of the given ones (splitmix64)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def padded(array: np.ndarray, *sizes: int) -> np.ndarray:
    """Return an array with zeros added at the end of its first axes, `(*sizes, ...)`."""
    full = np.zeros((*sizes, *array.shape[len(sizes) :]), array.dtype)
    full[tuple(map(slice, array.shape))] = array
    return full


def room_for(n: int, least: int = FEW) -> int:
    """Return a number of places for `n` rows or inputs, `n` or a little more.

    Data of about the same size, such as the parts of a cross-validation or the steps of a feature
    selection, get the same number, and so the same compiled program.

    Args:
      n: the number of rows or of inputs.
      least: the least number of places, a power of two.

    Returns:
      A multiple of `least`, or of the greatest power of two up to an eighth of `n`.
    """
    step = max(least, 1 << max(0, (n - 1).bit_length() - 4))
    return -(-n // step) * step


def room_for_inputs(n: int) -> int:
    """Return a number of inputs, at least `n`; those added are zeros, and so are their weights."""
    return room_for(n, FEW_INPUTS)


def dense(x: Any) -> np.ndarray:
    """Return an array of rows; of a sparse matrix, with its zeros written out."""
    return x.toarray() if hasattr(x, "toarray") else np.asarray(x)
