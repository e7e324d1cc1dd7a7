"""Networks that keep their parameters in one floating-point type and compute in another."""

import dataclasses
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from jaxmlp.nn.layers import Cache, Layer, Params, Shape

AnyLayer = TypeVar("AnyLayer", bound=Layer)


def computing_in(layer: AnyLayer, compute: str, keep: str) -> AnyLayer:
    """Return a network whose products are computed in another type than its parameters have.

    A parameter that is kept in float32 still feels the many small updates that bfloat16, with 8
    bits of mantissa, would round away; the products, which take the time, are of the short type
    (Micikevicius et al. 2018). Loss and gradient come back in the type that is kept.

    Args:
      layer: the network.
      compute: the type to compute in, such as `bfloat16`.
      keep: the type of parameters, outputs and gradients, such as `float32`.

    Returns:
      A layer of the same type, name and parts.
    """

    def to(dtype: str, tree: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)

    def init(key: Array, shape: Shape) -> tuple[Params, Shape]:
        params, shape = layer.init(key, shape)
        return to(keep, params), shape

    def forward(params: Params, x: Array, key: Array | None = None) -> tuple[Array, Cache]:
        y, cache = layer.forward(to(compute, params), jnp.asarray(x, compute), key)
        return y.astype(keep), cache

    def backward(params: Params, cache: Cache, dy: Array) -> tuple[Params, Array]:
        return to(keep, layer.backward(to(compute, params), cache, dy.astype(compute)))

    return dataclasses.replace(layer, init=init, forward=forward, backward=backward)
