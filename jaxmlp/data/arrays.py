"""What the arrays of a file mean: inputs, or targets and the task they pose."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxmlp.data.dataset import classification_task
from jaxmlp.errors import InputError

MOST_CLASSES = 20  # integers with at most this many different values are class labels in a table


class Target(NamedTuple):
    """Targets ready for a `Dataset`: `y`, the task, and the name of each class or output."""

    y: np.ndarray
    task: str
    classes: tuple[str, ...]


def check_labels(labels: np.ndarray, classes: int, where: str) -> None:
    """Reject integer labels outside `[0, classes)`.

    Args:
      labels: integers, `(N,)`.
      classes: how many classes there are.
      where: what the labels are called in the message, usually their file.

    Raises:
      InputError: naming the first bad label and its row, counted from 0.
    """
    bad = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(bad):
        row = bad[0]
        raise InputError(
            f"{where}: labels must lie in [0, {classes}), got {labels[row]} at row {row}"
        )


def target_from_codes(codes: np.ndarray, classes: Sequence[str], where: str) -> Target:
    """Return labels found in data as the target of a classifier.

    Args:
      codes: the number of each example's class, `(N,)`.
      classes: the name of each class.
      where: what the target is called in a message.

    Returns:
      The target, `y` of type `int32`.

    Raises:
      InputError: if there is only one class, or nearly every example has a class of its own.
    """
    if len(classes) < 2:
        raise InputError(f"{where}: expected at least two classes, got only {classes[0]!r}")
    if len(classes) > max(MOST_CLASSES, len(codes) // 2):
        raise InputError(
            f"{where}: expected class labels, got {len(classes)} different values in "
            f"{len(codes)} rows"
        )
    return Target(codes.astype(np.int32), classification_task(classes), tuple(classes))


def target_from_numbers(values: np.ndarray, names: Sequence[str]) -> Target:
    """Return columns of numbers as a target: several of zeros and ones are `multilabel`.

    Args:
      values: finite numbers, `(N, outputs)`.
      names: the name of each output.

    Returns:
      The target, `y` of type `float32`; its task is `multilabel` or `regression`.
    """
    labels = len(names) > 1 and bool(np.isin(values, (0, 1)).all())
    return Target(values.astype(np.float32), "multilabel" if labels else "regression", tuple(names))


def target_from_array(y: np.ndarray, where: str) -> Target:
    """Return the target that an array means by its type and shape.

    Integers, booleans and text `(N,)` or `(N, 1)` are class labels, numbered in sorted order;
    floats are values to predict; several columns are values, or labels if all are 0 or 1.

    Args:
      y: the array.
      where: what it is called in a message.

    Returns:
      The target.

    Raises:
      InputError: if the array has no such type or shape, or a value is not finite.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 1 and y.size and y.dtype.kind in "iubU":
        names, codes = np.unique(y, return_inverse=True)
        return target_from_codes(codes, [str(name) for name in names], where)
    if y.ndim not in (1, 2) or y.dtype.kind not in "iubf" or y.size == 0:
        raise InputError(
            f"{where}: expected labels of shape (N,) or numbers of shape (N, outputs), "
            f"got {dtype_and_shape(y)}"
        )
    check_finite(y, where)
    y = y.reshape(len(y), -1)
    return target_from_numbers(
        y, ["y"] if y.shape[1] == 1 else [f"y{i}" for i in range(y.shape[1])]
    )


def inputs_from_array(x: np.ndarray, where: str) -> np.ndarray:
    """Return an array as inputs `(N, features)` or `(N, H, W, C)`, `uint8` or floating.

    Args:
      x: numbers `(N, features)`, `(N, H, W)` or `(N, H, W, C)`.
      where: what it is called in a message.

    Raises:
      InputError: if the array has no such type or shape, or a value is not finite.
    """
    if x.ndim not in (2, 3, 4) or x.dtype.kind not in "biuf" or x.size == 0:
        raise InputError(
            f"{where}: expected numbers of shape (N, features), (N, H, W) or (N, H, W, C), "
            f"got {dtype_and_shape(x)}"
        )
    check_finite(x, where)
    return to_input_dtype(x[..., np.newaxis] if x.ndim == 3 else x)


def to_input_dtype(x: np.ndarray) -> np.ndarray:
    """Return numbers as `uint8`, `float32` or `float64`: other types become the last."""
    return x if x.dtype in (np.uint8, np.float32, np.float64) else x.astype(np.float64)


def check_finite(x: np.ndarray, where: str) -> None:
    """Reject numbers that are NaN or infinite.

    Args:
      x: numbers `(N, ...)`.
      where: what they are called in a message.

    Raises:
      InputError: naming the first such number and its row, counted from 0.
    """
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        bad = np.argwhere(~np.isfinite(x))[0]
        raise InputError(f"{where}: expected finite numbers, got {x[tuple(bad)]} at row {bad[0]}")


def dtype_and_shape(array: np.ndarray) -> str:
    """Return type and shape of an array, for a message."""
    return f"{array.dtype} of shape {array.shape}"
