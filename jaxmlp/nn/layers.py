"""Layers as three pure functions, and their composition, which states the chain rule once.

The lectures write a layer as `z = W x + b` for one example in a column; here examples are rows,
`x` is `(N, in)`, a kernel `W` is `(in, out)` and `z = x W + b`.

`forward` keeps a cache for `backward`: what the derivative needs of the forward pass. `backward`
turns `dy = dL/dy` into `dL/dparams` and `dx = dL/dx`, a vector-Jacobian product. It never forms a
Jacobian matrix (lecture row B7).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.activations import Activation
from jaxmlp.nn.initializers import Initializer, he_normal, zeros
from jaxmlp.nn.products import product
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape


@dataclass(frozen=True, eq=False)  # not a tuple: jax.jit(layer) needs a weak reference
class Layer:
    """Three pure functions, with a name for people and a kind for programs.

    A layer has no state that changes. So there is no batch normalisation, which keeps running
    means; the lectures do not have it either.

    Attributes:
      init: `(key, input_shape, dtype=None) -> (params, output_shape)`, shapes without the batch
        axis. The parameters are float32, or of the type `dtype`. A layer that takes no `dtype` can
        stand in a chain as long as none is given.
      forward: `(params, x, key=None) -> (y, cache)`. Without a key nothing is random. This is how
        a network is evaluated, so there is no training mode that one could forget to leave.
      backward: `(params, cache, dy) -> (dparams, dx)`.
      name: what the layer is, with its numbers, such as "dense 128".
      kind: what the layer is, without numbers, such as "dense"; empty if no program asks for it.
      settings: what a program needs beside the parameters to compute the layer, such as the
        windows of a convolution, or the member of an ensemble.
    """

    init: Callable[..., tuple[Params, Shape]] = field(repr=False)
    forward: Callable[..., tuple[Array, Cache]] = field(repr=False)
    backward: Callable[[Params, Cache, Array], tuple[Params, Array]] = field(repr=False)
    name: str
    kind: str = ""
    settings: dict[str, Any] = field(repr=False, default_factory=dict)

    def __call__(self, params: Params, x: Float[Array, "N ..."]) -> Float[Array, "N ..."]:
        """Return the layer's output `y` without randomness."""
        return self.forward(params, x)[0]


@dataclass(frozen=True, eq=False)
class Chain(Layer):
    """A layer that is a sequence of layers, as `sequential` makes it.

    Attributes:
      layers: the layers, first to last; the chain's parameters are the tuple of theirs.
    """

    layers: tuple[Layer, ...] = field(kw_only=True)


def parts(model: Layer) -> tuple[Layer, ...]:
    """Return the layers of a chain, first to last; of a single layer, the layer itself."""
    return model.layers if isinstance(model, Chain) else (model,)


def in_order(model: Layer, params: Params) -> list[tuple[Layer, Params]]:
    """Return the model's layers, first to last, each with its own parameters.

    Args:
      model: a chain, or a single layer.
      params: the model's parameters.

    Returns:
      A list of pairs `(layer, params)`; one pair for a single layer.
    """
    own = params if isinstance(model, Chain) else (params,)
    return list(zip(parts(model), own, strict=True))


def along_last(w: Float[Array, "F"], x: Float[Array, "..."]) -> Float[Array, "... F"]:
    """Return `w`, `(F,)` or `(1,)`, with the number of axes of `x`, as `(1, ..., F)`."""
    return jax.lax.expand_dims(w, range(x.ndim - 1))


def given(dtype: DTypeLike | None) -> dict[str, DTypeLike]:
    """Return a type as a keyword of `init` or of an initializer, if it is given."""
    return {} if dtype is None else {"dtype": dtype}


def check_bias(bias: Initializer | Literal[False]) -> None:
    """Reject what is neither an initializer nor `False`."""
    check(bias is False or callable(bias), "bias", "an initializer, or False for none", bias)


def kernel_and_bias(
    kernel: Initializer,
    bias: Initializer | Literal[False],
    key: RandomKey,
    shape: Shape,
    dtype: DTypeLike | None,
) -> Params:
    """Draw `{"W", "b"}`, or `{"W"}` without a bias; `W` has this shape, `b` its last axis."""
    params = {"W": kernel(jax.random.fold_in(key, 0), shape, **given(dtype))}
    if bias is not False:
        params["b"] = bias(jax.random.fold_in(key, 1), shape[-1:], **given(dtype))
    return params


def dense(
    units: int, kernel: Initializer = he_normal, bias: Initializer | Literal[False] = zeros
) -> Layer:
    """A fully connected layer, `z = x W + b` (lecture rows D3, B6, E6).

    With `dz = dL/dz`: `dW = x^T dz`, `db = sum_n dz_n`, `dx = dz W^T`.

    Args:
      units: the number of outputs.
      kernel: initializer of `W`, `(in, units)`.
      bias: initializer of `b`, `(units,)`; `False` for a layer without it, `z = x W`.

    Returns:
      A layer from `(in,)` to `(units,)` with parameters `{"W", "b"}`, or `{"W"}`.

    Raises:
      InputError: if `units` is below 1, or the bias is no initializer; when initialised, if the
        input is not a vector.
    """
    check(units >= 1, "units", "at least 1", units)
    check_bias(bias)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        check(len(shape) == 1, "the input of a dense layer", "a vector", shape)
        return kernel_and_bias(kernel, bias, key, (*shape, units), dtype), (units,)

    def forward(
        params: Params, x: Float[Array, "N in"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N out"], Cache]:
        check(x.ndim == 2, "the input of a dense layer", "of shape (N, in)", x.shape)
        z = product(x, params["W"])  # (N, in) (in, out)
        return (z + params["b"][None, :] if "b" in params else z), x

    def backward(
        params: Params, x: Float[Array, "N in"], dz: Float[Array, "N out"]
    ) -> tuple[Params, Float[Array, "N in"]]:
        dparams = {"W": product(x.T, dz)}  # (in, N) (N, out)
        if "b" in params:
            dparams["b"] = jnp.sum(dz, axis=0)
        dx = product(dz, params["W"].T)  # (N, out) (out, in)
        return dparams, dx

    return Layer(init, forward, backward, f"dense {units}", "dense")


def activation(function: Activation) -> Layer:
    """A layer that applies an activation to every element, `a = f(z)` (lecture rows B10, D3, E4).

    `dz = da f'(z)`, element by element, because the Jacobian is diagonal.

    Args:
      function: one of `jaxmlp.nn.activations`.

    Returns:
      A layer without parameters that keeps the shape.
    """

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        return (), shape

    def forward(
        params: Params, z: Float[Array, "*F"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "*F"], Cache]:
        a = function(z)
        return a, (z, a)

    def backward(
        params: Params, cache: Cache, da: Float[Array, "*F"]
    ) -> tuple[Params, Float[Array, "*F"]]:
        return (), da * function.derivative(*cache)

    kind = function.kind or function.name
    return Layer(init, forward, backward, function.name, kind, {**function.settings})


Nonlinearity = Activation | Callable[[], Layer]


def nonlinearity(choice: Nonlinearity) -> Layer:
    """The layer of an activation, or the layer that a factory such as `prelu` makes."""
    return activation(choice) if isinstance(choice, Activation) else choice()


def flatten() -> Layer:
    """A layer that reshapes each example to one vector; backward, it restores the shape.

    Returns:
      A layer without parameters, from any shape to `(product of its axes,)`.
    """

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        size = 1
        for axis in shape:
            size *= axis
        return (), (size,)

    def forward(
        params: Params, x: Float[Array, "N ..."], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N F"], Cache]:
        return x.reshape(x.shape[0], math.prod(x.shape[1:])), x.shape

    def backward(
        params: Params, shape: Cache, dy: Float[Array, "N F"]
    ) -> tuple[Params, Float[Array, "N ..."]]:
        return (), dy.reshape(shape)

    return Layer(init, forward, backward, "flatten", "flatten")


def sequential(*layers: Layer) -> Chain:
    """The composition of layers, `f = f_K o ... o f_1`, which is a layer too.

    Lecture rows B7, C3, D4, D8, E8.

    Backward, the chain rule passes `delta = dL/dx_k` from the last layer to the first. Each layer
    computes its own gradient from it.

    Args:
      *layers: any layers, first to last.

    Returns:
      A chain; its parameters are the tuple of the layers' parameters.

    Raises:
      InputError: if there is no layer.
    """
    check(len(layers) > 0, "sequential", "given at least one layer", len(layers))

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        params = []
        for k, layer in enumerate(layers):
            p, shape = layer.init(jax.random.fold_in(key, k), shape, **given(dtype))
            params.append(p)
        return tuple(params), shape

    def forward(
        params: Params, x: Float[Array, "N ..."], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N ..."], Cache]:
        caches = []
        for k, (layer, p) in enumerate(zip(layers, params, strict=True)):
            x, cache = layer.forward(p, x, None if key is None else jax.random.fold_in(key, k))
            caches.append(cache)
        return x, tuple(caches)

    def backward(
        params: Params, caches: Cache, delta: Float[Array, "N ..."]
    ) -> tuple[Params, Float[Array, "N ..."]]:
        gradients = []
        for layer, p, cache in reversed(list(zip(layers, params, caches, strict=True))):
            dp, delta = layer.backward(p, cache, delta)
            gradients.append(dp)
        return tuple(reversed(gradients)), delta

    return Chain(init, forward, backward, "sequential", "sequential", layers=layers)
