"""The inputs of a network that has one or two of them: a line or a plane, in the user's own unit.

A network takes inputs as the data set has them and preprocesses them itself, so every point here,
and every axis of a picture, is in the unit of the data.
"""

from typing import NamedTuple

import numpy as np

from jaxmlp.config.signature import Signature
from jaxmlp.data import Columns
from jaxmlp.errors import listed

MARGIN = 0.08  # of the range of the examples, that a picture shows beyond them
FEW, WIDE = 16, 0.3  # examples, and the margin around so few


class Axes(NamedTuple):
    """The numbers that a network takes, one or two.

    Attributes:
      names: of the numbers.
      places: their places among the inputs.
      inputs: the number of inputs. The others are 0: they say that a number is missing.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    inputs: int


class Grid(NamedTuple):
    """Points of a line or a plane.

    Attributes:
      ticks: the values along each axis.
      points: inputs of the network, `(ticks of all axes multiplied, inputs)`; the first axis of a
        plane changes fastest.
    """

    ticks: tuple[np.ndarray, ...]
    points: np.ndarray

    @property
    def ends(self) -> tuple[float, float, float, float]:
        """The ends of the axes, `left, right, bottom, top`; of a line, the same twice."""
        left, right, *more = (float(tick[k]) for tick in self.ticks for k in (0, -1))
        bottom, top = more or (left, right)
        return left, right, bottom, top


def axes_of(signature: Signature) -> Axes | str:
    """Return the axes of a network with one or two inputs, or why it has none.

    Args:
      signature: what the network expects.

    Returns:
      The axes; or the reason, in one line.
    """
    shape, record = signature.input_shape, signature.columns
    if len(shape) != 1:
        return f"it needs one or two inputs; this run takes pictures of shape {shape}"
    if record is None:
        if shape[0] > 2:
            return f"it needs one or two inputs; this run has {shape[0]}"
        plain = [("x",), ("x1", "x2")][shape[0] - 1]
        return Axes(plain, tuple(range(shape[0])), shape[0])
    columns = Columns.from_dict(record)
    other = [column.name for column in columns.inputs if column.kind != "number"]
    if len(columns.inputs) > 2 or other:
        named = listed([column.name for column in columns.inputs], 4)
        return f"it needs one or two columns of numbers; this run has {named}"
    names = tuple(column.name for column in columns.inputs)
    places = tuple(columns.input_names.index(name) for name in names)
    return Axes(names, places, shape[0])


def present(axes: Axes, x: np.ndarray) -> np.ndarray:
    """Return which examples have all of their numbers, `(N,)`."""
    markers = [k for k in range(axes.inputs) if k not in axes.places]
    return np.asarray((x[:, markers] == 0).all(axis=1))


def grid_over(axes: Axes, x: np.ndarray, size: int) -> Grid:
    """Return a grid that covers examples with a margin.

    Args:
      axes: the numbers that the grid spans.
      x: the examples, `(N, inputs)`.
      size: the number of points along each axis.

    Returns:
      The grid.
    """
    margin = WIDE if len(np.unique(x, axis=0)) <= FEW else MARGIN
    ticks = []
    for place in axes.places:
        low, high = (float(end) for end in (x[:, place].min(), x[:, place].max()))
        beyond = margin * (high - low) or 1.0
        ticks.append(np.linspace(low - beyond, high + beyond, size))
    kind = np.result_type(x.dtype, np.float32)  # there are points between whole numbers
    points = np.zeros((size ** len(ticks), axes.inputs), kind)
    for place, values in zip(axes.places, np.meshgrid(*ticks), strict=True):
        points[:, place] = values.ravel()
    return Grid(tuple(ticks), points)
