"""Networks that compute in another type than float32; for products alone see `products`."""

import dataclasses
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float, PyTree

from jaxmlp.errors import check
from jaxmlp.nn.layers import Layer, given
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape

AnyLayer = TypeVar("AnyLayer", bound=Layer)


def computing_in(layer: AnyLayer, kind: str) -> AnyLayer:
    """The same network, with parameters, inputs, outputs and gradients of one type.

    Args:
      layer: the network.
      kind: the type, such as `float64`.

    Returns:
      A layer of the same type, name and parts.

    Raises:
      InputError: when initialised, if `dtype` is given and is another type.
    """

    def to(tree: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, kind), tree)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        same = dtype is None or jnp.dtype(dtype) == kind
        check(same, "dtype", f"{kind}, in which the network computes", dtype)
        params, shape = layer.init(key, shape, **given(dtype))
        return to(params), shape

    def forward(
        params: Params, x: Float[Array, "N ..."], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N ..."], Cache]:
        return layer.forward(to(params), to(x), key)

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "N ..."]
    ) -> tuple[Params, Float[Array, "N ..."]]:
        return layer.backward(to(params), cache, to(dy))

    return dataclasses.replace(layer, init=init, forward=forward, backward=backward)
