"""The types, checks and helpers that all update rules and schedules share."""

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

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
Update = Callable[..., tuple[Updates, State]]


class Optimizer(NamedTuple):
    """An update rule.

    Attributes:
      init: `params -> state`.
      update: `(gradients, state, params, **further) -> (updates, state)`. Optax has rules that need
        further keywords, such as `value`; a rule that needs none ignores them.
    """

    init: Callable[[Params], State]
    update: Update


Pair = tuple[Callable[[Params], State], Update]  # ours or Optax's


def make_optimizer(init: Callable[[Params], State], update: Update) -> Optimizer:
    """An optimizer from the two functions of a rule, which take any keywords.

    Args:
      init: `params -> state`.
      update: `(gradients, state, params) -> (updates, state)`, maybe with keywords of its own.

    Returns:
      The optimizer.
    """
    return Optimizer(init, accepting_keywords(update))


def accepting_keywords(update: Update) -> Update:
    """An update function that takes any keywords and hands on those that the given one takes.

    Optax's rules differ: most take none, some need one (`value` in `polyak_sgd`), and a chain takes
    all. The signature tells which.

    Args:
      update: `(gradients, state, params) -> (updates, state)`, maybe with further keywords.

    Returns:
      A function `(gradients, state, params=None, **further) -> (updates, state)`.
    """
    arguments = inspect.signature(update).parameters.values()
    if any(argument.kind is argument.VAR_KEYWORD for argument in arguments):
        return update
    taken = {argument.name for argument in list(arguments)[3:]}

    def update_with(
        gradients: Updates, state: State, params: Params | None = None, **further: Any
    ) -> tuple[Updates, State]:
        given = {name: value for name, value in further.items() if name in taken}
        return update(gradients, state, params, **given)

    return update_with


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
