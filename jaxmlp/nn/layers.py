"""Layers as three pure functions, and their composition, where the chain rule is written once.

The lectures write a layer as `z = W x + b` for one example in a column; here examples are rows,
`x` is `(N, in)`, a kernel `W` is `(in, out)` and `z = x W + b`.

`forward` hands `backward` a cache: whatever of the forward pass the derivative needs. `backward`
turns `dy = dL/dy` into `dL/dparams` and `dx = dL/dx`, a vector-Jacobian product; no Jacobian is
ever formed (B7).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.activations import Activation
from jaxmlp.nn.initializers import Initializer, he_normal, zeros
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape


@dataclass(frozen=True, eq=False)  # not a tuple: jax.jit(layer) needs a weak reference
class Layer:
    """Three pure functions, a name for people and a kind for programs.

    A layer has no state that changes. (So there is no batch normalisation, which keeps running
    means; the lectures have none.)

    Attributes:
      init: `(key, input_shape) -> (params, output_shape)`, shapes without the batch axis.
      forward: `(params, x, key=None) -> (y, cache)`. Without a key nothing is random: this is how
        a network is evaluated, and there is no training mode to forget.
      backward: `(params, cache, dy) -> (dparams, dx)`.
      name: what the layer is, in a word or two, with its numbers: "dense 128".
      kind: what the layer is, without them: "dense"; empty if no program needs to know.
    """

    init: Callable[[RandomKey, Shape], tuple[Params, Shape]] = field(repr=False)
    forward: Callable[..., tuple[Array, Cache]] = field(repr=False)
    backward: Callable[[Params, Cache, Array], tuple[Params, Array]] = field(repr=False)
    name: str
    kind: str = ""

    def __call__(self, params: Params, x: Float[Array, "N ..."]) -> Float[Array, "N ..."]:
        """Return the layer's output, evaluated without randomness."""
        return self.forward(params, x)[0]


@dataclass(frozen=True, eq=False)
class Chain(Layer):
    """A layer that is composed of others, as `sequential` makes it.

    Attributes:
      layers: the layers, first to last; the chain's parameters are the tuple of theirs.
    """

    layers: tuple[Layer, ...] = field(kw_only=True)


def parts(model: Layer) -> tuple[Layer, ...]:
    """Return the layers of a chain, first to last; a layer that is no chain is its only one."""
    return model.layers if isinstance(model, Chain) else (model,)


def in_order(model: Layer, params: Params) -> list[tuple[Layer, Params]]:
    """Return each of the model's layers, first to last, with its own parameters.

    Args:
      model: a chain, or a single layer.
      params: the model's parameters.

    Returns:
      Pairs of a layer and its parameters; a single layer is a list of one.
    """
    own = params if isinstance(model, Chain) else (params,)
    return list(zip(parts(model), own, strict=True))


def dense(units: int, kernel: Initializer = he_normal, bias: Initializer = zeros) -> Layer:
    """Return a fully connected layer, `z = x W + b` (D3, B6, E6).

    With `dz = dL/dz`: `dW = x^T dz`, `db = sum_n dz_n`, `dx = dz W^T`.

    Args:
      units: the number of outputs.
      kernel: initializer of `W`, `(in, units)`.
      bias: initializer of `b`, `(units,)`.

    Returns:
      A layer from `(in,)` to `(units,)` with parameters `{"W", "b"}`.

    Raises:
      InputError: if `units` is not positive, or, when initialised, the input is not a vector.
    """
    check(units >= 1, "units", "at least 1", units)

    def init(key: RandomKey, shape: Shape) -> tuple[Params, Shape]:
        check(len(shape) == 1, "the input of a dense layer", "a vector", shape)
        W = kernel(jax.random.fold_in(key, 0), (*shape, units))
        b = bias(jax.random.fold_in(key, 1), (units,))
        return {"W": W, "b": b}, (units,)

    def forward(
        params: Params, x: Float[Array, "N in"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N out"], Cache]:
        z = x @ params["W"] + params["b"][None, :]  # (N, in) (in, out) + (1, out)
        return z, x

    def backward(
        params: Params, x: Float[Array, "N in"], dz: Float[Array, "N out"]
    ) -> tuple[Params, Float[Array, "N in"]]:
        dW = x.T @ dz  # (in, N) (N, out)
        db = jnp.sum(dz, axis=0)
        dx = dz @ params["W"].T  # (N, out) (out, in)
        return {"W": dW, "b": db}, dx

    return Layer(init, forward, backward, f"dense {units}", "dense")


def activation(function: Activation) -> Layer:
    """Return a layer that applies an activation to every element, `a = f(z)` (B10, D3, E4).

    `dz = da * f'(z)`: the Jacobian is diagonal.

    Args:
      function: one of `jaxmlp.nn.activations`.

    Returns:
      A layer without parameters that keeps the shape.
    """

    def init(key: RandomKey, shape: Shape) -> tuple[Params, Shape]:
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

    return Layer(init, forward, backward, function.name, function.name)


Nonlinearity = Activation | Callable[[], Layer]


def nonlinearity(choice: Nonlinearity) -> Layer:
    """Return the layer of an activation, or the one that a function such as `prelu` makes."""
    return activation(choice) if isinstance(choice, Activation) else choice()


def dropout(rate: float) -> Layer:
    """Return a layer that, given a key, drops each element with probability `rate` (C8).

    With `p = 1 - rate` the chance to be kept and `m` drawn from Bernoulli(p): `y = m x / p` and
    `dx = m dy / p`. Dividing by `p` in training ("inverted" dropout) leaves nothing to do
    afterwards; the lecture drops without dividing and multiplies the weights by `p` in the end,
    which gives the same expectation.

    Args:
      rate: the probability to be dropped, in [0, 1).

    Returns:
      A layer without parameters that keeps the shape, and is the identity without a key.

    Raises:
      InputError: if the rate lies outside [0, 1).
    """
    check(0 <= rate < 1, "dropout", "in [0, 1)", rate)
    p = 1 - rate

    def init(key: RandomKey, shape: Shape) -> tuple[Params, Shape]:
        return (), shape

    def forward(
        params: Params, x: Float[Array, "*F"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "*F"], Cache]:
        if key is None or rate == 0:
            return x, None
        m = jax.random.bernoulli(key, p, x.shape)
        return jnp.where(m, x / p, 0), m

    def backward(
        params: Params, m: Cache, dy: Float[Array, "*F"]
    ) -> tuple[Params, Float[Array, "*F"]]:
        return (), dy if m is None else jnp.where(m, dy / p, 0)

    return Layer(init, forward, backward, f"dropout {rate:g}", "dropout")


def flatten() -> Layer:
    """Return a layer that lays each example out as one vector, and its gradient back again.

    Returns:
      A layer without parameters, from any shape to `(product of its axes,)`.
    """

    def init(key: RandomKey, shape: Shape) -> tuple[Params, Shape]:
        size = 1
        for axis in shape:
            size *= axis
        return (), (size,)

    def forward(
        params: Params, x: Float[Array, "N ..."], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N F"], Cache]:
        return x.reshape(len(x), -1), x.shape

    def backward(
        params: Params, shape: Cache, dy: Float[Array, "N F"]
    ) -> tuple[Params, Float[Array, "N ..."]]:
        return (), dy.reshape(shape)

    return Layer(init, forward, backward, "flatten", "flatten")


def sequential(*layers: Layer) -> Chain:
    """Return the composition of layers, `f = f_K o ... o f_1`, itself a layer (B7, C3, D8).

    Backwards the chain rule passes `delta = dL/dx_k` from the last layer to the first, and each
    layer takes its own gradient from it on the way.

    Args:
      *layers: any layers, first to last.

    Returns:
      A layer whose parameters are the tuple of theirs.

    Raises:
      InputError: if there is no layer.
    """
    check(len(layers) > 0, "sequential", "given at least one layer", len(layers))

    def init(key: RandomKey, shape: Shape) -> tuple[Params, Shape]:
        params = []
        for k, layer in enumerate(layers):
            p, shape = layer.init(jax.random.fold_in(key, k), shape)
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
