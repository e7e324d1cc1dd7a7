"""Turn the arrays of a file into inputs, or into targets and the task that these pose."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxmlp.data.dataset import classification_task
from jaxmlp.errors import InputError
from jaxmlp.memory import check_memory

MOST_CLASSES = 20  # whole numbers of a table with more different values are no labels


class Target(NamedTuple):
    """Targets ready for a `Dataset`.

    Attributes:
      y: the targets, in the form that the task demands.
      task: one of `jaxmlp.data.TASKS` (lecture row E5).
      classes: the name of each class, label or output.
      note: a line about what was decided, or nothing.
    """

    y: np.ndarray
    task: str
    classes: tuple[str, ...]
    note: str = ""


def check_labels(labels: np.ndarray, classes: int, where: str) -> None:
    """Reject integer labels outside `[0, classes)`.

    Args:
      labels: integers, `(N,)`.
      classes: the number of classes.
      where: the name of the labels in a message, usually their file.

    Raises:
      InputError: if a label is outside; the message names the first and its row, counted from 0.
    """
    bad = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(bad):
        row = bad[0]
        raise InputError(
            f"{where}: labels must lie in [0, {classes}), got {labels[row]} at row {row}"
        )


def are_labels(values: np.ndarray, whole: bool, most: int | None = None) -> bool:
    """Decide whether numbers look like class labels, or like values to predict (lecture row E5).

    Whole numbers are labels, but not if they nearly all differ: the number of different values is
    more than half the number of examples. Labels that count from 0 or 1 without a gap may differ
    more often, and two different values are always labels. Of floating-point numbers only zeros and
    ones are labels.

    Args:
      values: numbers, `(N,)`.
      whole: whether their type is that of whole numbers.
      most: the largest number of different labels; `None` for no limit.

    Returns:
      True for labels, False for values.
    """
    different = np.unique(values)
    many = len(different)
    if not whole:
        return many == 2 and different.tolist() == [0, 1]
    if many <= 2:
        return True
    counted = different[0] in (0, 1) and different[-1] - different[0] == many - 1
    fits = most is None or many <= most
    return fits and (2 * many <= len(values) or (bool(counted) and many < len(values)))


def target_from_codes(codes: np.ndarray, classes: Sequence[str], where: str) -> Target:
    """Make the target of a classifier from class numbers (lecture row E5).

    Args:
      codes: the class number of each example, `(N,)`.
      classes: the name of each class.
      where: the name of the target in a message.

    Returns:
      The target: `y` is `int32` `(N,)`, the task `binary` for two classes and else `multiclass`.

    Raises:
      InputError: if there is only one class, or if there are so many that the values cannot be
        class labels: more than 20 and more than half the number of examples.
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
    """Make a target from columns of numbers (lecture rows E3, E5).

    Several columns that hold only zeros and ones are labels that do not exclude each other: the
    task is `multilabel`. If each row holds exactly one 1, they are the classes, in one-hot form.
    Everything else is `regression`.

    Args:
      values: finite numbers, `(N, outputs)`.
      names: the name of each output.

    Returns:
      The target. Its `y` is `(N, outputs)`, `float32` for labels and `float64` for values, or
      `int32` `(N,)` for classes.
    """
    labels = len(names) > 1 and bool(np.isin(values, (0, 1)).all())
    if labels and bool((values.sum(axis=1) == 1).all()):
        note = f"the target has one 1 of {len(names)} in each row: classes"
        y = values.argmax(axis=1).astype(np.int32)
        return Target(y, classification_task(names), tuple(names), note)
    if labels:
        return Target(values.astype(np.float32), "multilabel", tuple(names))
    return Target(values.astype(np.float64), "regression", tuple(names))


def target_from_array(y: np.ndarray, where: str) -> Target:
    """Make the target that the type and shape of an array stand for (lecture row E5).

    Booleans, text, and numbers that look like labels (see `are_labels`), `(N,)` or `(N, 1)`, are
    class labels, numbered in sorted order. Other numbers are values to predict. Several columns are
    values too, or labels if all are 0 or 1, or classes if one of each row is 1.

    Args:
      y: the array.
      where: the name of the array in a message.

    Returns:
      The target.

    Raises:
      InputError: if the array has another type or shape, a value is not finite, or the values
        cannot be class labels.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 1 and y.size and (y.dtype.kind in "bU" or _are_numbers_labels(y)):
        names, codes = np.unique(y, return_inverse=True)
        return target_from_codes(codes, [_name_label(name) for name in names], where)
    if y.ndim not in (1, 2) or y.dtype.kind not in "iubf" or y.size == 0:
        raise InputError(
            f"{where}: expected labels of shape (N,) or numbers of shape (N, outputs), "
            f"got {dtype_and_shape(y)}"
        )
    check_finite(y, where)
    y = y.reshape(len(y), -1)
    found = target_from_numbers(
        y, ["y"] if y.shape[1] == 1 else [f"y{i}" for i in range(y.shape[1])]
    )
    one_hot = found.task in ("multiclass", "binary")
    return found._replace(classes=tuple(map(str, range(y.shape[1])))) if one_hot else found


def _are_numbers_labels(y: np.ndarray) -> bool:
    return y.dtype.kind in "iuf" and are_labels(y, whole=y.dtype.kind != "f")


def _name_label(label: np.generic) -> str:
    """Return the name of a class; a whole number has no decimal point."""
    return str(int(label)) if label.dtype.kind == "f" else str(label)


def inputs_from_array(x: np.ndarray, where: str) -> np.ndarray:
    """Make inputs of an array: check it, and add a channel axis to grey images.

    Args:
      x: numbers, `(N, features)`, `(N, H, W)` or `(N, H, W, C)`.
      where: the name of the array in a message.

    Returns:
      Inputs `(N, features)` or `(N, H, W, C)`, of type `uint8`, `float32` or `float64`.

    Raises:
      InputError: if the array has another type or shape, or a value is not finite.
    """
    if x.ndim not in (2, 3, 4) or x.dtype.kind not in "biuf" or x.size == 0:
        raise InputError(
            f"{where}: expected numbers of shape (N, features), (N, H, W) or (N, H, W, C), "
            f"got {dtype_and_shape(x)}"
        )
    check_finite(x, where)
    return to_input_dtype(x[..., np.newaxis] if x.ndim == 3 else x)


def to_input_dtype(x: np.ndarray) -> np.ndarray:
    """Convert numbers to a type that inputs may have.

    Args:
      x: numbers of any shape.

    Returns:
      The same array if it is `uint8`, `float32` or `float64`, else its numbers as `float64`.

    Raises:
      InputError: if these need more memory than `check_memory` allows.
    """
    if x.dtype in (np.uint8, np.float32, np.float64):
        return x
    check_memory(x.size * 8, f"{x.dtype} inputs of shape {x.shape} become float64 of")
    return x.astype(np.float64)


def check_finite(x: np.ndarray, where: str) -> None:
    """Reject numbers that are NaN or infinite.

    Args:
      x: numbers, `(N, ...)`.
      where: the name of the numbers in a message.

    Raises:
      InputError: if there is one; the message names the first and its row, counted from 0.
    """
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        bad = np.argwhere(~np.isfinite(x))[0]
        raise InputError(f"{where}: expected finite numbers, got {x[tuple(bad)]} at row {bad[0]}")


def dtype_and_shape(array: np.ndarray) -> str:
    """Describe an array for a message by its type and shape.

    Args:
      array: any array.

    Returns:
      A text such as `float32 of shape (20, 2)`.
    """
    return f"{array.dtype} of shape {array.shape}"
