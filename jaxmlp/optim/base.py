"""The types, checks and helpers that all update rules and schedules share."""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int, PyTree

from jaxmlp.errors import check

Scalar = Float[Array, ""]
Count = Int[Array, ""]
Number = int | float | np.floating | Scalar
Leaf = Float[Array, "*leaf"]  # one array of a tree; all leaves of one call have the same shape
Params: TypeAlias = PyTree[Float[ArrayLike, "..."]]
Updates: TypeAlias = PyTree[Float[ArrayLike, "..."]]  # like the parameters: gradients, moments
State: TypeAlias = PyTree[ArrayLike]  # what a rule remembers, of a type of its own


class Optimizer(NamedTuple):
    """An update rule.

    Attributes:
      init: `params -> state`.
      update: `(gradients, state, params) -> (updates, state)`.
    """

    init: Callable[[Params], State]
    update: Callable[..., tuple[Updates, State]]


def check_number(
    argument: str, expected: str, value: Number, good: Callable[[float], bool]
) -> None:
    """Reject a number that fails a test; a traced number passes, since its value is not known yet.

    Args:
      argument: its name in the message.
      expected: what it must be, to follow "must be".
      value: the number.
      good: the test.

    Raises:
      InputError: if the number fails the test.
    """
    if not isinstance(value, jax.core.Tracer):
        check(good(float(value)), argument, expected, float(value))


def check_not_negative(argument: str, value: Number) -> None:
    """Reject a number that is negative or not finite."""
    check_number(argument, "a finite number of at least 0", value, lambda x: 0 <= x < math.inf)


def check_decay(argument: str, value: Number) -> None:
    """Reject a decay outside [0, 1)."""
    check_number(argument, "in [0, 1)", value, lambda x: 0 <= x < 1)


def check_epsilon(epsilon: Number) -> None:
    """Reject a negative epsilon."""
    check_number("epsilon", "at least 0", epsilon, lambda x: x >= 0)


def zeros(params: Params) -> Updates:
    """Return a tree of zeros like the parameters."""
    return jax.tree.map(jnp.zeros_like, params)


def zero_count() -> Count:
    """Return the number of updates made before the first, 0."""
    return jnp.zeros((), jnp.int32)


def map_arrays(
    rule: Callable[..., tuple[Array, ...]], *trees: Updates, **numbers: Number
) -> tuple[Updates, ...]:
    """Apply a rule for one array to every array of the trees.

    Args:
      rule: `(*arrays, **numbers) -> arrays`; it returns as many arrays as it takes.
      trees: trees of the same structure; the rule takes one array from each.
      numbers: scalars; the rule takes them in the type of its first array.

    Returns:
      As many trees of the same structure.
    """

    def apply(*arrays: Array) -> tuple[Array, ...]:
        cast = {name: jnp.asarray(number, arrays[0].dtype) for name, number in numbers.items()}
        return rule(*arrays, **cast)

    def part(i: int) -> Updates:
        return jax.tree.map(lambda _, result: result[i], trees[0], results)

    results = jax.tree.map(apply, *trees)
    return tuple(part(i) for i in range(len(trees)))
