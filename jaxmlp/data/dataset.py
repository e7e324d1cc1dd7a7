"""A data set: its arrays, the task that they pose, and where they came from."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.errors import check

TASKS = ("multiclass", "binary", "multilabel", "regression")


class Source(NamedTuple):
    """Name and provenance of a data set, kept when its arrays are no longer needed.

    Attributes:
      name: the name that the user gave.
      provenance: where the data came from.
    """

    name: str
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Dataset:
    """Training and test examples, with everything needed to make sense of them.

    Attributes:
      name: the name that the user gave.
      x_train: inputs, `(N, features)` or `(N, H, W, C)`; images are `uint8`, the rest is floating.
      y_train: targets: `int32` labels `(N,)` in `[0, classes)` for the tasks `multiclass` and
        `binary`, `float32` zeros and ones `(N, labels)` for `multilabel`, floating values
        `(N, outputs)` for `regression`; values of a table are `float64`, and are standardised
        before they become `float32`.
      x_test: inputs of the test examples, in the form of `x_train`.
      y_test: targets of the test examples, in the form of `y_train`.
      task: one of `TASKS` (lecture row E5).
      classes: the name of each class or label; for `regression` the name of each output.
      columns: how the rows of a table became numbers (`jaxmlp.data.columns.Columns.to_dict`), or
        `None` if the inputs do not come from a table.
      provenance: where the data came from: `source`, `version`, `checksum` and more.
      valid: how many examples at the end of the training part are the data's own validation part; 0
        where one is drawn.
      weights: how much each training example counts in the training loss, `(N,)`; `None` for all
        alike. The scores count all examples alike.
      groups: the group of each training example, `(N,)`; those of a group stay in one part.
      ordered: whether the training examples are ordered in time: the latest validate.

    Raises:
      InputError: if the task is unknown, a part has no examples, inputs and targets differ in
        number, the two parts differ in the shape of an example, the validation part is the whole
        training part, or the weights are not one finite number of at least 0 for each training
        example, of which some are positive.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    task: str
    classes: tuple[str, ...]
    columns: dict[str, Any] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    weights: np.ndarray | None = None
    groups: np.ndarray | None = None
    ordered: bool = False
    valid: int = 0

    def __post_init__(self) -> None:
        check(self.task in TASKS, "task", f"one of {', '.join(TASKS)}", self.task)
        for part, x, y in (
            ("training", self.x_train, self.y_train),
            ("test", self.x_test, self.y_test),
        ):
            check(len(x) > 0, f"the number of {part} examples", "at least 1", len(x))
            check(
                len(x) == len(y),
                f"the number of {part} targets",
                f"{len(x)}, one for each example",
                len(y),
            )
        shape = self.x_train.shape[1:]
        check(
            self.x_test.shape[1:] == shape,
            "the shape of a test input",
            f"{shape}, as in the training part",
            self.x_test.shape[1:],
        )
        most = len(self.x_train) - 1
        check(0 <= self.valid <= most, "valid", f"from 0 to {most}", self.valid)
        if self.weights is not None:
            check_weights(self.weights, len(self.x_train))

    @property
    def source(self) -> Source:
        """Name and provenance, without the examples."""
        return Source(self.name, self.provenance)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example, without the batch axis."""
        return self.x_train.shape[1:]


def check_weights(weights: np.ndarray, examples: int) -> None:
    """Reject weights that no training loss can be made of.

    Args:
      weights: how much each example counts.
      examples: the number of examples.

    Raises:
      InputError: if they are not one finite number of at least 0 for each example, or all are 0.
    """
    check(weights.shape == (examples,), "the shape of weights", f"{(examples,)}", weights.shape)
    good = np.isfinite(weights) & (weights >= 0)
    if not good.all():
        row = int(np.argmin(good))
        check(False, f"the weight of example {row}", "a finite number >= 0", weights[row])
    check(bool(weights.any()), "weights", "positive for some examples", "all 0")


def checksum(*arrays: np.ndarray) -> str:
    """Compute the SHA-256 checksum of the arrays' types, shapes and bytes.

    Args:
      *arrays: any arrays; their order counts.

    Returns:
      64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def classification_task(classes: Sequence[str]) -> str:
    """Choose the task for a set of classes (lecture row E5).

    Args:
      classes: the name of each class.

    Returns:
      `binary` for two classes, else `multiclass`.
    """
    return "binary" if len(classes) == 2 else "multiclass"


def make_dataset(
    name: str,
    parts: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    task: str,
    classes: Iterable[str],
    columns: dict[str, Any] | None = None,
    *,
    valid: int = 0,
    **provenance: Any,
) -> Dataset:
    """Make a data set of four arrays, and record the checksum of its content in its provenance.

    Args:
      name: the name that the user gave.
      parts: `x_train, y_train, x_test, y_test`, in the form that `Dataset` describes.
      task: one of `TASKS`.
      classes: the name of each class, label or output.
      columns: how the rows of a table became numbers.
      valid: how many examples at the end of the training part are its validation part.
      **provenance: `source`, `version` and whatever else tells where the data came from.

    Returns:
      The data set.

    Raises:
      InputError: if the parts do not fit together.
    """
    x_train, y_train, x_test, y_test = parts
    if task == "regression":  # as versions before 0.3 kept them
        y_train, y_test = y_train.astype(np.float32), y_test.astype(np.float32)
    provenance["checksum"] = checksum(x_train, y_train, x_test, y_test)
    return Dataset(name, *parts, task, tuple(classes), columns, provenance, valid=valid)
