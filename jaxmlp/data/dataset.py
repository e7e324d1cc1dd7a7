"""What a data set is: arrays, the task they pose, and where they came from."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.errors import check

TASKS = ("multiclass", "binary", "multilabel", "regression")


class Source(NamedTuple):
    """What remains to be told of data once they are on their way.

    Attributes:
      name: what the user called them.
      provenance: where they came from.
    """

    name: str
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Dataset:
    """Training and test examples with everything needed to make sense of them.

    Attributes:
      name: what the user called it.
      x_train: inputs, `(N, features)` or `(N, H, W, C)`; images are `uint8`, the rest is floating.
      y_train: targets: `int32` labels `(N,)` in `[0, classes)` for the tasks `multiclass` and
        `binary`, `float32` zeros and ones `(N, labels)` for `multilabel`, `float32` values
        `(N, outputs)` for `regression`.
      x_test: inputs of the test examples, in the form of `x_train`.
      y_test: their targets, in the form of `y_train`.
      task: one of `TASKS` (lecture row E5).
      classes: the name of each class or label; for `regression` the name of each output.
      columns: how the rows of a table became numbers (`jaxmlp.data.columns.Columns.to_dict`), or
        `None` if the inputs never were a table.
      provenance: `source`, `version`, `checksum` and whatever else tells where the data came from.
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

    @property
    def source(self) -> Source:
        """Name and provenance, without the examples."""
        return Source(self.name, self.provenance)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example, without the batch axis."""
        return self.x_train.shape[1:]


def checksum(*arrays: np.ndarray) -> str:
    """Return the SHA-256 of the arrays' shapes, types and bytes, as hexadecimal digits.

    Args:
      arrays: any arrays; their order counts.

    Returns:
      64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def classification_task(classes: Sequence[str]) -> str:
    """Return the task that choosing one of these classes is: `binary` if there are two."""
    return "binary" if len(classes) == 2 else "multiclass"


def make_dataset(
    name: str,
    parts: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    task: str,
    classes: Iterable[str],
    columns: dict[str, Any] | None = None,
    **provenance: Any,
) -> Dataset:
    """Return the data set of four arrays, the checksum of its content in its provenance.

    Args:
      name: what the user called it.
      parts: `x_train, y_train, x_test, y_test`, in the form `Dataset` describes.
      task: one of `TASKS`.
      classes: the name of each class, label or output.
      columns: how the rows of a table became numbers.
      **provenance: `source`, `version` and whatever else tells where the data came from.

    Returns:
      The data set.

    Raises:
      InputError: if the parts do not fit together.
    """
    provenance["checksum"] = checksum(*parts)
    return Dataset(name, *parts, task, tuple(classes), columns, provenance)
