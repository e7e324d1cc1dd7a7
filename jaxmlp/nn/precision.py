"""Networks that compute in another type than float32: all of it, or their products alone."""

import dataclasses
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float, PyTree

from jaxmlp.errors import check
from jaxmlp.nn.layers import Chain, Layer, given
from jaxmlp.nn.products import Operands, operands_in
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


def multiplying_in(layer: AnyLayer, operands: Operands) -> AnyLayer:
    """The same network, with the operands of its matrix products in a shorter type.

    Products take most of the time, and are up to twice as fast in bfloat16. Parameters stay in
    float32, where they keep the many small updates that 8 bits of mantissa would round to nothing
    (Micikevicius et al. 2018); so do sums, activations and gradients. Layers that multiply by
    `jaxmlp.nn.product` follow; those that write `x @ W` stay as they are.

    Args:
      layer: the network.
      operands: the type of the operands.

    Returns:
      A layer of the same type, name and parts.
    """

    def forward(
        params: Params, x: Float[Array, "N ..."], key: RandomKey | None = None
    ) -> tuple[Float[Array, "N ..."], Cache]:
        with operands_in(operands):
            return layer.forward(params, x, key)

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "N ..."]
    ) -> tuple[Params, Float[Array, "N ..."]]:
        with operands_in(operands):
            return layer.backward(params, cache, dy)

    short = dataclasses.replace(layer, forward=forward, backward=backward)
    if not isinstance(short, Chain):
        return short
    own = tuple(multiplying_in(part, operands) for part in short.layers)
    return dataclasses.replace(short, layers=own)  # for those who go through them one by one
