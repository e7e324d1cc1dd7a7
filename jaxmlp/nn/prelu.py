"""PReLU: an activation that learns its slope."""

import math

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.initializers import constant
from jaxmlp.nn.layers import Layer, along_last, given
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape


def prelu(shared: bool = False, start: float = 0.25) -> Layer:
    """A layer that applies the parametric ReLU, which learns its slope for `z <= 0`.

    Lecture row B10.

        a      = z   for z > 0, else alpha z
        dz     = da  for z > 0, else alpha da
        dalpha = sum of z da over all z <= 0 that have this alpha

    At 0 we take the slope from the left. The lecture writes `a = max(alpha z, z)`, which is the
    same if `alpha <= 1`. He, Zhang, Ren and Sun (2015) advise against weight decay for `alpha`,
    because it pulls the slope towards 0 and so the function towards ReLU. The rules of
    `jaxmlp.nn.activations` for NaN and infinity hold here too, for `alpha` and `z` alike; an
    `alpha` of exactly 0 at minus infinity gives NaN.

    Args:
      shared: whether the layer has one slope instead of one per unit (in an image, per channel).
      start: the slope before training; 0 is ReLU, 0.01 is leaky ReLU.

    Returns:
      A layer that keeps the shape, `(F,)` or `(..., F)`, with the parameter `{"alpha"}`, `(F,)`, or
      `(1,)` if shared.

    Raises:
      InputError: if `start` is not finite; when initialised, if the input has no axis.
    """
    check(math.isfinite(start), "start", "finite", start)

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        check(len(shape) >= 1, "the input of prelu", "a vector or an image", shape)
        alpha = constant(start)(key, (1,) if shared else shape[-1:], **given(dtype))
        return {"alpha": alpha}, shape

    def forward(
        params: Params, z: Float[Array, "*N F"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "*N F"], Cache]:
        negative = jnp.where(z > 0, 0, z)  # so that no infinite z > 0 meets alpha
        return jnp.where(z <= 0, along_last(params["alpha"], z) * negative, z * jnp.sign(z)), z

    def backward(
        params: Params, z: Float[Array, "*N F"], da: Float[Array, "*N F"]
    ) -> tuple[Params, Float[Array, "*N F"]]:
        dz = jnp.where(z <= 0, along_last(params["alpha"], z), jnp.sign(z)) * da
        others = tuple(range(z.ndim if shared else z.ndim - 1))
        dalpha = jnp.sum(jnp.where(z > 0, 0, z * da), axis=others)
        return {"alpha": dalpha.reshape(params["alpha"].shape)}, dz

    return Layer(init, forward, backward, "prelu", "prelu")


def shared_prelu() -> Layer:
    """The layer `prelu` with one slope for all its units."""
    return prelu(shared=True)
