"""The form of an exercise: what is to be written, what is right, and which mistakes are usual."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Case = dict[str, Any]  # the arguments of one call, by name
Leaves = dict[str, np.ndarray]  # what a call returns, by name


@dataclass(frozen=True)
class Exercise:
    """One function to write.

    Attributes:
      name: the name of the function, and of its file.
      row: the row of the lectures that teaches it, a letter and a number.
      title: what it is, in a line.
      formula: what is to be computed; the forward pass, where the backward pass is the task.
      arguments: a line with the shape for each argument.
      results: a line with the shape for each array that the function returns.
      hint: where to begin.
      referee: what decides, such as "jax.grad".
      cases: makes the calls that are tried; their sizes differ.
      truth: what is right, computed by the referee: `(**case) -> leaves`.
      wrongs: usual mistakes: why it is wrong, and what one then gets, `(**case) -> leaves`; a
        dictionary may have some of the leaves only.
      needs: the names of the exercises that teach what this one uses.
      batch: the argument and the axis that count the examples, if there are several.
      measure: computes what is compared from what the function returned, if that is not the same.
    """

    name: str
    row: str
    title: str
    formula: str
    arguments: Mapping[str, str]
    results: Mapping[str, str]
    hint: str
    referee: str
    cases: Callable[[], Sequence[Case]]
    truth: Callable[..., Any]
    wrongs: Mapping[str, Callable[..., Any]]
    needs: tuple[str, ...] = ()
    batch: tuple[str, int] | None = None
    measure: Callable[..., Any] | None = field(default=None, repr=False)

    def leaves(self, value: Any) -> Leaves:
        """Return arrays by name, from a dictionary, a tuple in the order of `results`, or one."""
        if not isinstance(value, dict):
            several = isinstance(value, tuple)
            value = dict(zip(self.results, value if several else (value,), strict=True))
        return {name: np.asarray(leaf, np.float64) for name, leaf in value.items()}


def draw(seed: int, **shapes: tuple[int, ...]) -> Case:
    """Return arrays of standard normal numbers, by name.

    Args:
      seed: of the random numbers.
      **shapes: the shape of each array.

    Returns:
      The arrays.
    """
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def one_hot(seed: int, n: int, classes: int) -> np.ndarray:
    """Return random targets, `(n, classes)`, with a single 1 in each row."""
    return np.eye(classes)[np.random.default_rng(seed).integers(classes, size=n)]
