"""The activation with a slope that is learned."""

import math

import jax.numpy as jnp
from jax import lax
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.initializers import constant
from jaxmlp.nn.layers import Layer
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape


def prelu(shared: bool = False, start: float = 0.25) -> Layer:
    """Return a layer that applies the parametric ReLU, whose slope for `z <= 0` is learned (B10).

        a      = z   for z > 0, else alpha z
        dz     = da  for z > 0, else alpha da
        dalpha = sum of z da over all z <= 0 that have this alpha

    The slope at 0 is the one from the left. The lecture writes `a = max(alpha z, z)`, which is the
    same as long as `alpha <= 1`. He, Zhang, Ren and Sun (2015); they advise against weight decay,
    which would pull the slope towards 0, and so to ReLU.

    Args:
      shared: one slope for the whole layer instead of one per unit; in an image, per channel.
      start: the slope before training; 0 starts as ReLU, 0.01 as leaky ReLU.

    Returns:
      A layer that keeps the shape, `(F,)` or `(..., F)`, with the parameter `{"alpha"}`, `(F,)`, or
      `(1,)` if shared.

    Raises:
      InputError: if `start` is not finite, or, when initialised, the input has no axis.
    """
    check(math.isfinite(start), "start", "finite", start)

    def init(key: RandomKey, shape: Shape) -> tuple[Params, Shape]:
        check(len(shape) >= 1, "the input of prelu", "a vector or an image", shape)
        return {"alpha": constant(start)(key, (1,) if shared else shape[-1:])}, shape

    def forward(
        params: Params, z: Float[Array, "*N F"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "*N F"], Cache]:
        a = jnp.where(z > 0, z, _along(params["alpha"], z) * z)
        return a, z

    def backward(
        params: Params, z: Float[Array, "*N F"], da: Float[Array, "*N F"]
    ) -> tuple[Params, Float[Array, "*N F"]]:
        dz = jnp.where(z > 0, da, _along(params["alpha"], z) * da)
        others = tuple(range(z.ndim if shared else z.ndim - 1))
        dalpha = jnp.sum(jnp.where(z > 0, 0, z * da), axis=others)
        return {"alpha": dalpha.reshape(params["alpha"].shape)}, dz

    return Layer(init, forward, backward, "prelu", "prelu")


def shared_prelu() -> Layer:
    """Return `prelu` with one slope for the whole layer."""
    return prelu(shared=True)


def _along(alpha: Float[Array, "f"], z: Float[Array, "..."]) -> Float[Array, "... f"]:
    """Return `alpha`, `(F,)` or `(1,)`, with as many axes as `z`, `(1, ..., F)`."""
    return lax.expand_dims(alpha, range(z.ndim - 1))
