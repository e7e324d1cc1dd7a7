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
    if task not in TASKS:
        raise unknown("task", task, TASKS)
    labelled = dataset.task in ("multiclass", "binary")
    if labelled and task in ("multiclass", "binary"):
        classes = len(dataset.classes)
        check(
            task == "multiclass" or classes == 2, "task", f"multiclass for {classes} classes", task
        )
        return dataclasses.replace(dataset, task=task)
    if labelled and task == "multilabel":
        rows = np.eye(len(dataset.classes), dtype=np.float32)
        return _with_targets(dataset, task, dataset.classes, lambda y: rows[y])
    if labelled:
        return _labels_to_numbers(dataset)
    if dataset.task == "regression" and dataset.y_train.shape[1] == 1 and task != "multilabel":
        return with_task(_numbers_to_labels(dataset, task), task)
    raise InputError(f"task must be {dataset.task} for these targets, got {task!r}")


def _with_targets(
    dataset: Dataset,
    task: str,
    classes: tuple[str, ...],
    change: Callable[[np.ndarray], np.ndarray],
) -> Dataset:
    return dataclasses.replace(
        dataset,
        task=task,
        classes=classes,
        y_train=change(dataset.y_train),
        y_test=change(dataset.y_test),
    )


def _labels_to_numbers(dataset: Dataset) -> Dataset:
    try:
        numbers = np.array([float(name) for name in dataset.classes])
    except ValueError:
        names = ", ".join(dataset.classes[:3])
        raise InputError(
            f"task must be {dataset.task}, because the names of the classes are not numbers "
            f"({names}), got 'regression'"
        ) from None
    name = dataset.columns["target"] if dataset.columns else ["y"]
    return _with_targets(dataset, "regression", tuple(name), lambda y: numbers[y][:, None])


def _numbers_to_labels(dataset: Dataset, task: str) -> Dataset:
    values = np.unique(np.concatenate([dataset.y_train, dataset.y_test]))
    n = len(dataset.y_train)
    check(
        len(values) <= n // 2,
        "task",
        f"regression, because the target has {len(values)} different values for {n} examples",
        task,
    )
    check(len(values) >= 2, "the number of different targets", "at least 2", len(values))
    classes = tuple(f"{value:g}" for value in values)
    return _with_targets(
        dataset,
        classification_task(classes),
        classes,
        lambda y: np.searchsorted(values, y[:, 0]).astype(np.int32),
    )
