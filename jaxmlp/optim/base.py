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

from jaxmlp.errors import Shown, check

Scalar = Float[Array, ""]
Count = Int[Array, ""]
Number = int | float | np.floating | Float[np.ndarray, ""] | Scalar
Plain = float | Scalar  # a number that has passed its check
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
    """An optimizer from the two functions of a rule: of real numbers, with any keywords.

    Args:
      init: `params -> state`.
      update: `(gradients, state, params) -> (updates, state)`, maybe with keywords of its own.

    Returns:
      The optimizer. Its functions raise `InputError` if parameters or gradients are not real
      floating-point numbers; types are known when they are traced, so the check costs nothing.
    """
    inner = accepting_keywords(update)

    def init_checked(params: PyTree[Any]) -> State:
        check_real("the parameters", params)
        return init(params)

    def update_checked(
        gradients: PyTree[Any], state: State, params: Params | None = None, **further: Any
    ) -> tuple[Updates, State]:
        check_real("the gradients", gradients)
        return inner(gradients, state, params, **further)

    return Optimizer(init_checked, update_checked)


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
) -> Plain:
    """Reject a number that fails a test; a traced number passes, since its value is not known yet.

    Args:
      argument: its name in the message.
      expected: what it must be, to follow "must be".
      value: the number.
      good: the test.

    Returns:
      The number as Python's, which takes the type of the array that it meets. A traced number
      cannot be Python's; it is a float of JAX's default type.

    Raises:
      InputError: if the number fails the test.
    """
    if isinstance(value, jax.core.Tracer):
        return jnp.asarray(value, float)
    check(good(float(value)), argument, expected, float(value))
    return float(value)


def check_not_negative(argument: str, value: Number) -> Plain:
    """Return a number as `check_number` does; reject one that is negative or not finite."""
    expected = "a finite number of at least 0"
    return check_number(argument, expected, value, lambda x: 0 <= x < math.inf)


def check_decay(argument: str, value: Number) -> Plain:
    """Return a number as `check_number` does; reject a decay outside [0, 1)."""
    return check_number(argument, "in [0, 1)", value, lambda x: 0 <= x < 1)


def check_epsilon(epsilon: Number) -> Plain:
    """Return a number as `check_number` does; reject a negative epsilon."""
    return check_number("epsilon", "at least 0", epsilon, lambda x: x >= 0)


def check_real(what: str, tree: PyTree[Any]) -> None:
    """Reject a tree with an array that is not of a real floating-point type.

    The rules square the gradient where they mean the square of its length, so complex numbers would
    train wrongly; whole numbers would round every update to 0.

    Args:
      what: the name of the tree in the message.
      tree: arrays, traced ones too, or numbers.

    Raises:
      InputError: names the array and its type.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        dtype = leaf.dtype if hasattr(leaf, "dtype") else jnp.result_type(leaf)
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        place = f"{what} ({name})" if name else what
        check(
            jnp.issubdtype(dtype, jnp.floating), place, "real floating-point numbers", Shown(dtype)
        )


def zeros(params: Params) -> Updates:
    """Return a tree of zeros like the parameters."""
    return jax.tree.map(jnp.zeros_like, params)


def length_of(tree: Updates) -> Scalar:
    """Return the Euclidean length over all leaves, `|dw|`, in the widest of their types."""
    leaves = [jnp.asarray(dw) for dw in jax.tree.leaves(tree)]
    types = [jnp.dtype("float32"), *(dw.dtype for dw in leaves)]
    wide = max(types, key=lambda dtype: dtype.itemsize)
    squares = [jnp.sum(dw.astype(wide) ** 2) for dw in leaves]
    return jnp.sqrt(sum(squares, jnp.zeros((), wide)))


def zero_count() -> Count:
    """Return the number of updates made before the first, 0."""
    return jnp.zeros((), jnp.int32)


def count_up(t: Count) -> Count:
    """Return `t + 1`, and `t` once it is the greatest number of its type, 2^31 - 1 for int32."""
    return jnp.minimum(t, jnp.iinfo(t.dtype).max - 1) + 1


def map_arrays(
    rule: Callable[..., tuple[Array, ...]], *trees: Updates, **numbers: Number
) -> tuple[Updates, ...]:
    """Apply a rule for one array to every array of the trees.

    Args:
      rule: `(*arrays, **numbers) -> arrays`; it returns as many arrays as it takes.
      trees: trees of the same structure; the rule takes one array from each.
      numbers: scalars; the rule takes them in the type of its arrays.

    Returns:
      As many trees of the same structure and types; a gradient of another type than what the rule
      remembers takes that type.
    """

    def apply(*arrays: Array) -> tuple[Array, ...]:
        dtype = arrays[-1].dtype  # of what is remembered, if anything is
        cast = {
            name: number if isinstance(number, float) else jnp.asarray(number, dtype)
            for name, number in numbers.items()
        }
        return rule(jnp.asarray(arrays[0], dtype), *arrays[1:], **cast)

    def part(i: int) -> Updates:
        return jax.tree.map(lambda _, result: result[i], trees[0], results)

    results = jax.tree.map(apply, *trees)
    return tuple(part(i) for i in range(len(trees)))
