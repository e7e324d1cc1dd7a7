"""Networks that keep their parameters in one floating-point type and compute in another."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxmlp.nn.layers import Cache, Layer, Params, Shape


def computing_in(layer: Layer, compute: str, keep: str) -> Layer:
    """Return a network whose products are computed in another type than its parameters have.

    A parameter that is kept in float32 still feels the many small updates that bfloat16, with 8
    bits of mantissa, would round away; the products, which take the time, are of the short type
    (Micikevicius et al. 2018). Loss and gradient come back in the type that is kept.

    Args:
      layer: the network.
      compute: the type to compute in, such as `bfloat16`.
      keep: the type of parameters, outputs and gradients, such as `float32`.

    Returns:
      A layer of the same name and parts.
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

    return layer._replace(init=init, forward=forward, backward=backward)
