"""The training problem in terms that every library understands, and its arrays."""

import functools
import itertools
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """A network, its data and its training, always by Adam on cross-entropy.

    Attributes:
      data: a `.npz` file with uint8 pictures, or `None` for a made-up table.
      rows: the number of training examples, `None` for all; or the length of the table.
      features: number of columns of the made-up table.
      classes: number of classes of the made-up table.
      hidden: the width of each hidden layer.
      batch_size: examples per step.
      learning_rate: the rate, or the peak of the schedule.
      schedule: `constant` or `one_cycle`.
      epochs: the length of the schedule, if there is one.
      dropout: probability of dropping a hidden unit.
      smoothing: share of the target that is spread over all classes.
      seed: seed of the initial weights and of the order.
      tuned: whether to use a library's options for speed that its tutorial does not use.
      precision: `float32`, or `bfloat16` for the products of matrices.
    """

    data: str | None = None
    rows: int | None = None
    features: int = 4
    classes: int = 3
    hidden: tuple[int, ...] = (128,)
    batch_size: int = 128
    learning_rate: float = 1e-3
    schedule: str = "constant"
    epochs: int | None = None
    dropout: float = 0.0
    smoothing: float = 0.0
    seed: int = 0
    tuned: bool = False
    precision: str = "float32"

    def __post_init__(self) -> None:
        """Turn the list that JSON makes of `hidden` back into a tuple."""
        object.__setattr__(self, "hidden", tuple(self.hidden))

    def to_dict(self) -> dict[str, Any]:
        """Return the problem in the form of JSON, without the default values."""
        usual = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def widths(hidden: tuple[int, ...]) -> tuple[int, ...]:
    """Return the widths of a network for digits, from its inputs to its outputs."""
    return (784, *hidden, 10)


def shape(hidden: tuple[int, ...], batch_size: int) -> str:
    """Return the name of a network for digits and its batch size: `784-128-10 at 128`."""
    return f"{'-'.join(map(str, widths(hidden)))} at {batch_size}"


def operations(rows: int, widths: tuple[int, ...]) -> int:
    """Return the floating-point operations of an epoch's matrix products.

    The forward pass takes `2 N sum(in out)`, and the gradients of the kernels take as much. The
    gradients of the inputs take as much again, except in the first layer, which needs none.

    Args:
      rows: the number of examples `N`.
      widths: inputs, hidden layers, outputs.

    Returns:
      The number of multiplications and additions.
    """
    layers = [a * b for a, b in itertools.pairwise(widths)]
    return rows * (6 * sum(layers) - 2 * layers[0])


@functools.cache
def table(rows: int, features: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a made-up table: normal inputs; the class is the largest of the first columns."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, features), np.float32)
    return x, x[:, :classes].argmax(axis=1).astype(np.int32)


@functools.cache
def stored(path: str) -> Arrays:
    """Return `x_train, y_train, x_test, y_test` of a file, with the pictures as stored."""
    with np.load(path) as file:
        x_train, y_train, x_test, y_test = (
            file[name] for name in ("x_train", "y_train", "x_test", "y_test")
        )
    return x_train, y_train, x_test, y_test


@functools.cache
def ready(path: str) -> Arrays:
    """Return the pictures of a file as rows of float32 in [0, 1], and their labels."""
    x_train, y_train, x_test, y_test = stored(path)
    rows = (x.reshape(len(x), -1).astype(np.float32) / 255 for x in (x_train, x_test))
    return next(rows), y_train, next(rows), y_test


def arrays(problem: Problem) -> Arrays:
    """Return a problem's arrays in the form that tutorials use: float32 rows, int32 labels."""
    if problem.data is None:
        assert problem.rows is not None
        x, y = table(problem.rows, problem.features, problem.classes)
        return x, y, x, y
    x_train, y_train, x_test, y_test = ready(problem.data)
    return x_train[: problem.rows], y_train[: problem.rows], x_test, y_test
