"""What all update rules are made of."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxmlp.optim.schedules import Schedule, check_number, constant

Tree = Any
Rate = float | Array | Schedule


class Optimizer(NamedTuple):
    """An update rule.

    Attributes:
      init: `params -> state`.
      update: `(gradients, state, params) -> (updates, state)`.
    """

    init: Callable[[Tree], Any]
    update: Callable[..., tuple[Tree, Any]]


def schedule_of(rate: Rate, argument: str = "learning rate") -> Schedule:
    """Return a schedule as it is, and a number as the constant schedule."""
    return rate if callable(rate) else constant(rate, argument)


def check_decay(argument: str, value: float | Array) -> None:
    """Reject what is no share that can be kept."""
    check_number(argument, "in [0, 1)", value, lambda x: 0 <= x < 1)


def check_epsilon(epsilon: float) -> None:
    """Reject a negative epsilon."""
    check_number("epsilon", "at least 0", epsilon, lambda x: x >= 0)


def zeros(params: Tree) -> Tree:
    """Return a tree of zeros in the form of the parameters."""
    return jax.tree.map(jnp.zeros_like, params)


def zero_count() -> Array:
    """Return the number of updates made before the first."""
    return jnp.zeros((), jnp.int32)


def map_arrays(
    rule: Callable[..., tuple[Array, ...]], *trees: Tree, **numbers: Any
) -> tuple[Tree, ...]:
    """Apply a rule for one array to every array of the trees.

    Args:
      rule: `(*arrays, **numbers) -> arrays`, which returns as many arrays as it takes.
      trees: trees of one form, which the rule takes one array of each from.
      numbers: scalars, which the rule takes in the type of its first array.

    Returns:
      As many trees of the same form.
    """

    def on_one(*arrays: Array) -> tuple[Array, ...]:
        own = {name: jnp.asarray(number, arrays[0].dtype) for name, number in numbers.items()}
        return rule(*arrays, **own)

    def part(i: int) -> Tree:
        return jax.tree.map(lambda _, result: result[i], trees[0], results)

    results = jax.tree.map(on_one, *trees)
    return tuple(part(i) for i in range(len(trees)))
