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


class State(NamedTuple):
    """What an optimizer remembers: the number of updates made, and running quantities like `w`.

    Attributes:
      t: number of updates made, int32.
      v: momentum's velocity, or the running mean of the gradient (Adam's `m`); else `()`.
      s: the running sum or mean of the squared gradient; else `()`.
    """

    t: Array
    v: Tree = ()
    s: Tree = ()


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


def start() -> Array:
    """Return the number of updates made before the first."""
    return jnp.zeros((), jnp.int32)


def each(rule: Callable[..., Array], numbers: tuple[Any, ...], *trees: Tree) -> Tree:
    """Map `rule(*numbers, *leaves)` over the trees, the numbers in each leaf's own type."""

    def on_leaf(*leaves: Array) -> Array:
        return rule(*(jnp.asarray(number, leaves[0].dtype) for number in numbers), *leaves)

    return jax.tree.map(on_leaf, *trees)


def root(s: Array, epsilon: float, inside: bool) -> Array:
    """Return the divisor, `sqrt(s + epsilon)` or `sqrt(s) + epsilon`."""
    return jnp.sqrt(s + epsilon) if inside else jnp.sqrt(s) + epsilon
