"""The kinds of parts that a user may write, and how one becomes what the library takes.

| part | what the user writes |
|---|---|
| activation | an `nn.Activation`: `z -> a`, with `(z, a) -> da/dz`; or `() -> nn.Layer` |
| loss | an `nn.Loss`: a function `(outputs, targets) -> (N,)`, with its gradient `(N, K)` |
| optimizer | a function `rate -> (init, update)`; `rate` is the rate of the step, a number |
| initializer | a function `(key, shape, dtype) -> array` |
| model | a function `outputs -> nn.Layer`, where `outputs` is the number of raw outputs |

A plain function may stand for an activation or a loss where nothing asks for its derivative: with
`--gradient autodiff`. What a part returns is held against its contract where JAX traces it, so a
wrong part is one line, and a right one costs nothing.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxmlp import nn, optim
from jaxmlp.config.source import error_in_line
from jaxmlp.errors import InputError, Shown, check, shown
from jaxmlp.nn.types import Array, Params, RandomKey, Shape
from jaxmlp.optim.base import accepting_keywords, count_up, zero_count
from jaxmlp.optim.schedules import Rate, schedule_of

EXPECTED = {
    "activation": "an nn.Activation, a function of z, or a function that makes an nn.Layer",
    "loss": "an nn.Loss, or a function of (outputs, targets)",
    "optimizer": "a function of the rate that returns (init, update)",
    "initializer": "a function of (key, shape, dtype)",
    "model": "a function of the number of outputs that returns an nn.Layer",
    "layer": "an nn.Layer",
}


ARGUMENTS = {  # how many a function takes by their places, without a default
    "activation": (0, 1),
    "loss": (2,),
    "optimizer": (0, 1),
    "initializer": (2, 3),
    "model": (0, 1),
}


def without_derivative(name: str) -> str:
    """Return the line for an activation that cannot be trained by hand."""
    return (
        f"{name} has no derivative: put @jaxmlp.nn.activations.elementwise above the function and"
        f" @{name.rpartition(':')[2]}.defderivative above (z, a) -> da/dz, or train with --gradient"
        " autodiff"
    )


def without_gradient(name: str) -> str:
    """Return the line for a loss that cannot be trained by hand."""
    return (
        f"{name} has no gradient: put @jaxmlp.nn.losses.loss above the function and"
        f" @{name.rpartition(':')[2]}.defgradient above (outputs, targets) -> dl/dz, or train with"
        " --gradient autodiff"
    )


def kind_of(part: Any, name: str) -> str:
    """Return what kind of part an object is.

    Args:
      part: the object.
      name: how messages call it.

    Returns:
      activation, layer, model, loss, optimizer or initializer.

    Raises:
      InputError: if it is none, or it cannot be told.
    """
    known = {nn.Activation: "activation", nn.Loss: "loss", nn.Layer: "layer"}
    for cls, kind in known.items():
        if isinstance(part, cls):
            return kind
    count = required(part)
    if is_pair(part):
        return "optimizer"
    if count is None or inspect.isclass(part):
        words = "an activation, a layer, a loss, a model, an optimizer or an initializer"
        check(False, name, words, in_words(part))
    names = [*inspect.signature(part).parameters]
    if count in (2, 3) and names[0] in ("key", "rng", "rng_key"):
        return "initializer"
    if count == 2:
        return "loss"
    try:
        made = part(1) if count else part()
    except Exception:  # a function of an array, maybe: then it lacks its derivative
        return "activation"
    if isinstance(made, nn.Layer):
        return "model" if count else "layer"
    return "optimizer" if is_pair(made) else "activation"


def required(function: Any) -> int | None:
    """Return how many arguments a function needs by their places, or `None` if it is none."""
    if not callable(function) or isinstance(function, nn.Activation | nn.Loss | nn.Layer):
        return None
    try:
        arguments = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of a builtin
        return None
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(a.kind in places and a.default is a.empty for a in arguments)


def in_words(part: Any) -> Shown:
    """Return what an object is, for a message."""
    names = {nn.Activation: "an activation", nn.Loss: "a loss", nn.Layer: "a layer"}
    for cls, words in names.items():
        if isinstance(part, cls):
            return Shown(words)
    if is_pair(part):
        return Shown("a pair (init, update)")
    if isinstance(part, tuple | list | dict):
        return Shown(f"a {type(part).__name__} of {len(part)}")
    if not callable(part):
        return shown(part)
    count = required(part)
    if count is not None and not inspect.isclass(part):
        return Shown(f"a function of {count} argument{'' if count == 1 else 's'}")
    return Shown(f"{'the class' if inspect.isclass(part) else 'a'} {_type_name(part)}")


def _type_name(part: Any) -> str:
    return part.__name__ if inspect.isclass(part) else type(part).__name__


def is_pair(part: Any) -> bool:
    """Return whether an object is an optimizer, `(init, update)`."""
    return isinstance(part, tuple) and len(part) == 2 and all(map(callable, part))


def as_field(field: str, part: Any, name: str, path: str) -> Any:
    """Return a part as a field of the configuration takes it.

    Args:
      field: what the part is to be: activation, loss, optimizer, initializer or model.
      part: what the user's file has under the name.
      name: how messages call it.
      path: the file, for the line of an error in it.

    Returns:
      An `nn.Activation` or a function that makes a layer; an `nn.Loss`; `rate -> Optimizer`; an
      initializer; or `outputs -> Layer`.

    Raises:
      InputError: if the part is of another kind.
    """
    whole = {"activation": nn.Activation, "loss": nn.Loss}.get(field)
    good = required(part) in ARGUMENTS[field] and not inspect.isclass(part)
    good = good or (whole is not None and isinstance(part, whole))
    check(good, name, EXPECTED[field], in_words(part))
    guard = Guard(name, path)
    if field == "activation":
        return _activation(part, guard)
    makers: dict[str, Any] = {
        "loss": _loss,
        "optimizer": _optimizer,
        "initializer": _initializer,
        "model": _model,
    }
    return makers[field](part, guard)


@dataclasses.dataclass(frozen=True)
class Guard:
    """What turns an error in a user's part into one line with the part's name.

    Attributes:
      name: of the part.
      path: its file.
    """

    name: str
    path: str

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its errors as `InputError`."""

        def guarded(*arguments: Any, **more: Any) -> Any:
            try:
                return function(*arguments, **more)
            except InputError as error:
                text = str(error)
                raise InputError(text if self.name in text else f"{self.name}: {text}") from None
            except SystemExit:
                raise InputError(f"{self.name} exits; a part only returns") from None
            except Exception as error:
                raise InputError(f"{self.name}: {error_in_line(error, self.path)}") from error

        return guarded

    def shaped(self, what: str, array: Any, shape: Shape, dtype: DTypeLike | None = None) -> Any:
        """Return an array that a part has made, if it is one of this shape and type."""
        is_array = hasattr(array, "shape") and hasattr(array, "dtype")
        check(is_array, f"{self.name}: {what}", "an array", in_words(array))
        check(array.shape == shape, f"{self.name}: {what}", f"of shape {shape}", array.shape)
        if dtype is not None:
            good, wanted = array.dtype == dtype, jnp.dtype(dtype).name
            check(good, f"{self.name}: {what}", f"of type {wanted}", Shown(array.dtype))
        return jnp.asarray(array)


def _activation(part: Any, guard: Guard) -> Any:
    if not isinstance(part, nn.Activation) and required(part) == 0:
        make = guard(part)

        def layer() -> nn.Layer:
            return _layer(make(), guard)

        return layer
    value = guard(part.value if isinstance(part, nn.Activation) else part)

    def checked_value(z: Array) -> Array:
        return guard.shaped("a", value(z), z.shape, z.dtype)

    def missing(z: Array, a: Array) -> Array:
        raise InputError(without_derivative(guard.name))

    derivative = missing
    if isinstance(part, nn.Activation) and part.has_derivative:
        slope = guard(part.derivative)

        def derivative(z: Array, a: Array) -> Array:
            found = slope(z, a)
            return found if jnp.shape(found) == () else guard.shaped("da/dz", found, z.shape)

    return nn.Activation(guard.name, checked_value, derivative)


def _loss(part: Any, guard: Guard) -> nn.Loss:
    whole = part if isinstance(part, nn.Loss) else nn.Loss(guard.name, part)
    each, slope = guard(whole.per_example), guard(whole.per_example_gradient)

    def per_example(z: Array, y: Array) -> Array:
        return guard.shaped("the loss of each example", each(z, y), z.shape[:1], z.dtype)

    def gradient(z: Array, y: Array) -> Array:
        if not whole.has_gradient:
            raise InputError(without_gradient(guard.name))
        return guard.shaped("dl/dz", slope(z, y), z.shape)

    return dataclasses.replace(
        whole, name=guard.name, per_example=per_example, per_example_gradient=gradient
    )


def _layer(part: Any, guard: Guard) -> nn.Layer:
    good = isinstance(part, nn.Layer)
    check(good, f"what {guard.name} makes", "an nn.Layer", in_words(part))
    own = {name: guard(getattr(part, name)) for name in ("init", "forward", "backward")}
    made: nn.Layer = dataclasses.replace(part, **own)
    return made


def _model(part: Any, guard: Guard) -> Callable[[int], nn.Layer]:
    make = guard(part)

    def model(outputs: int) -> nn.Layer:
        layer = _layer(make(outputs), guard)

        def init(key: RandomKey, shape: Shape, *more: Any, **named: Any) -> tuple[Params, Shape]:
            params, found = layer.init(key, shape, *more, **named)
            what = f"{guard.name}: its output for {outputs} outputs"
            check(tuple(found) == (outputs,), what, f"of shape ({outputs},)", tuple(found))
            return params, found

        return dataclasses.replace(layer, init=init)

    return model


def _initializer(part: Any, guard: Guard) -> nn.Initializer:
    draw = guard(part)

    def initialize(key: RandomKey, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
        return guard.shaped("the kernel", draw(key, shape, dtype), shape, dtype)

    return initialize


def _optimizer(part: Any, guard: Guard) -> Callable[[Rate], optim.Optimizer]:
    """Return `rate -> Optimizer`: the rule is made anew in each step, with the rate of the step."""
    make = guard(part)

    def rule(rate: Any) -> Any:
        made = make(rate)
        check(is_pair(made), f"{guard.name}(rate)", "a pair (init, update)", in_words(made))
        return guard(made[0]), accepting_keywords(_like_its_arguments(made[1], guard))

    def optimizer(rate: Rate) -> optim.Optimizer:
        rate_of = schedule_of(rate)

        def init(params: Params) -> Any:
            t = zero_count()
            return t, rule(rate_of(t))[0](params)

        def update(gradients: Any, state: Any, params: Any = None, **further: Any) -> Any:
            t, inner = state
            updates, inner = rule(rate_of(t))[1](gradients, inner, params, **further)
            return updates, (count_up(t), inner)

        return optim.Optimizer(init, update)

    return optimizer


def _like_its_arguments(update: Callable[..., Any], guard: Guard) -> Callable[..., Any]:
    """Return an update whose result is a pair, like the gradients and the state before."""
    guarded = guard(update)

    @functools.wraps(update)  # whose arguments tell which keywords it takes
    def checked(gradients: Any, state: Any, *more: Any, **further: Any) -> Any:
        found = guarded(gradients, state, *more, **further)
        good = isinstance(found, tuple) and len(found) == 2
        check(good, f"{guard.name}: update", "a pair (updates, state)", in_words(found))
        for what, new, old in (("updates", found[0], gradients), ("state", found[1], state)):
            check_alike(f"{guard.name}: the {what}", new, old)
        return found

    return checked


def check_alike(what: str, new: Any, old: Any) -> None:
    """Reject a tree that has not the structure, shapes and types of another one."""
    structures: list[Any] = [jax.tree.structure(tree) for tree in (new, old)]
    got, like = (str(structure).removeprefix("PyTreeDef") for structure in structures)
    check(structures[0] == structures[1], what, f"a tree like {like}", Shown(got))
    leaves, _ = jax.tree_util.tree_flatten_with_path(new)
    for (path, leaf), like in zip(leaves, jax.tree.leaves(old), strict=True):
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        got, wanted = (f"{jnp.result_type(a)} of shape {jnp.shape(a)}" for a in (leaf, like))
        check(got == wanted, f"{what} ({name})" if name else what, wanted, Shown(got))
