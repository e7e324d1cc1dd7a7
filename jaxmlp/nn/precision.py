"""Networks that keep their parameters in one floating-point type and compute in another."""

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


def computing_in(layer: AnyLayer, compute: str, keep: str) -> AnyLayer:
    """The same network, computed in another type than that of its parameters.

    Parameters in float32 keep the many small updates that bfloat16, with 8 bits of mantissa, would
    round to nothing. The products, which take most of the time, are in the short type (Micikevicius
    et al. 2018). Outputs and gradients have the type of the parameters.

    Args:
      layer: the network.
      compute: the type of the computation, such as `bfloat16`.
      keep: the type of parameters, outputs and gradients, such as `float32`.

    Returns:
      A layer of the same type, name and parts.

    Raises:
      InputError: when initialised, if `dtype` is given and is not `keep`.
    """

    def to(dtype: str, tree: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        kept = dtype is None or jnp.dtype(dtype) == keep
        check(kept, "dtype", f"{keep}, in which the parameters are kept", dtype)
        params, shape = layer.init(key, shape, **given(dtype))
        return to(keep, params), shape

    def forward(
        params: Params, x: Float[Array, "N ..."], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N ..."], Cache]:
        y, cache = layer.forward(to(compute, params), jnp.asarray(x, compute), key)
        return y.astype(keep), cache

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "N ..."]
    ) -> tuple[Params, Float[Array, "N ..."]]:
        return to(keep, layer.backward(to(compute, params), cache, dy.astype(compute)))

    return dataclasses.replace(layer, init=init, forward=forward, backward=backward)
