"""Convert the targets of a data set to another task."""

import dataclasses
from collections.abc import Callable

import numpy as np

from jaxmlp.data.dataset import TASKS, Dataset, classification_task
from jaxmlp.errors import InputError, check, unknown


def with_task(dataset: Dataset, task: str | None) -> Dataset:
    """Make a copy of a data set whose targets have the form of another task (lecture rows E3, E5).

    Class labels become one yes-or-no answer for each class (`multilabel`), or the numbers that the
    classes are named after (`regression`). Numbers become class labels named after them.

    Args:
      dataset: the data set.
      task: one of `jaxmlp.data.TASKS`, or `None` to keep the present one.

    Returns:
      The converted data set, or the same one if it has this task already.

    Raises:
      InputError: if there is no such task, or the targets cannot be converted.
    """
    if task is None or task == dataset.task:
        return dataset
    names = tuple(dataset.columns["target"]) if dataset.columns else ("y",)
    y = np.concatenate([dataset.y_train, dataset.y_test])
    task, classes, change = conversion(
        dataset.task, dataset.classes, names, y, len(dataset.y_train), task
    )
    if change is None:
        return dataclasses.replace(dataset, task=task)
    return dataclasses.replace(
        dataset,
        task=task,
        classes=classes,
        y_train=change(dataset.y_train),
        y_test=change(dataset.y_test),
    )


Change = Callable[[np.ndarray], np.ndarray]


def conversion(
    given: str,
    classes: tuple[str, ...],
    names: tuple[str, ...],
    y: np.ndarray,
    examples: int,
    task: str,
) -> tuple[str, tuple[str, ...], Change | None]:
    """Return how targets take the form of another task; see `with_task`.

    Args:
      given: the task that they have.
      classes: the names of their classes, labels or values.
      names: the names of the columns to predict.
      y: all of them, or all that differ.
      examples: the number of training examples.
      task: the other task.

    Returns:
      The task, the names of classes, labels or values, and what converts targets; `None` if they
      stay as they are.

    Raises:
      InputError: if there is no such task, or the targets cannot be converted.
    """
    if task not in TASKS:
        raise unknown("task", task, TASKS)
    labelled = given in ("multiclass", "binary")
    if labelled and task in ("multiclass", "binary"):
        count = len(classes)
        check(count == 2 or task == "multiclass", "task", f"multiclass for {count} classes", task)
        return task, classes, None
    if labelled and task == "multilabel":
        rows = np.eye(len(classes), dtype=np.float32)
        return task, classes, lambda y: rows[y]
    if labelled:
        numbers = _numbers_of(classes, given)
        return "regression", names, lambda y: numbers[y][:, None]
    if given == "regression" and y.shape[1] == 1 and task != "multilabel":
        own, values = _classes_of(y, examples, task)
        task, own, _ = conversion(classification_task(own), own, names, y, examples, task)
        return task, own, lambda y: np.searchsorted(values, y[:, 0]).astype(np.int32)
    raise InputError(f"task must be {given} for these targets, got {task!r}")


def _numbers_of(classes: tuple[str, ...], task: str) -> np.ndarray:
    """Return the numbers that classes are named after."""
    try:
        return np.array([float(name) for name in classes])
    except ValueError:
        names = ", ".join(classes[:3])
        raise InputError(
            f"task must be {task}, because the names of the classes are not numbers "
            f"({names}), got 'regression'"
        ) from None


def _classes_of(y: np.ndarray, n: int, task: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the classes that are named after numbers, and the numbers."""
    values = np.unique(y)
    check(
        len(values) <= n // 2,
        "task",
        f"regression, because the target has {len(values)} different values for {n} examples",
        task,
    )
    check(len(values) >= 2, "the number of different targets", "at least 2", len(values))
    return tuple(f"{value:g}" for value in values), values
