"""The softmax by hand, with its Jacobian and its vector-Jacobian product.

Lecture rows A1, B10, C3, D7, E6.

Training does not use it: the losses take logits and `jax.nn.log_softmax`, so that no probability is
computed before its logarithm (lecture row A5). It is here to be read, and for the chain rule step
by step, see `jaxmlp.nn.probabilities`.
"""

import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.nn.types import Array


def softmax(z: Float[Array, "*N K"], shifted: bool = True) -> Float[Array, "*N K"]:
    """Return `p_i = e^(z_i - m) / sum_j e^(z_j - m)` over the last axis, with `m = max_j z_j`.

    The shift by `m` multiplies numerator and denominator by `e^-m`, so it changes no probability.
    But the largest exponent is then 0, and nothing overflows. Without it `e^z` is infinite from
    z = 89 on in float32 and from z = 710 on in float64, and infinity over infinity is NaN. Lecture
    rows A1, B10, D7.

    Args:
      z: logits, `(..., K)`.
      shifted: whether to shift; without the shift it is the function as it is defined.

    Returns:
      Probabilities, `(..., K)`, which sum to one.
    """
    if shifted:
        z = z - jnp.max(z, axis=-1, keepdims=True)
    e = jnp.exp(z)
    return e / jnp.sum(e, axis=-1, keepdims=True)


def softmax_jacobian(p: Float[Array, "*N K"]) -> Float[Array, "*N K K"]:
    """Return the Jacobian `dp/dz = diag(p) - p p^T` of each row, `dp_i/dz_j = p_i (d_ij - p_j)`.

    It is symmetric, and each row and column sums to 0, because the probabilities sum to one.
    Lecture rows A3, C3.

    Args:
      p: probabilities that `softmax` returned, `(..., K)`.

    Returns:
      A matrix for each row, `(..., K, K)`.
    """
    unit = jnp.expand_dims(jnp.eye(p.shape[-1], dtype=p.dtype), tuple(range(p.ndim - 1)))
    return p[..., :, None] * (unit - p[..., None, :])


def softmax_vjp(p: Float[Array, "*N K"], dp: Float[Array, "*N K"]) -> Float[Array, "*N K"]:
    """Return `dz = p * (dp - sum_i dp_i p_i)`, the product of `dp` and the Jacobian.

    It takes K multiplications instead of the K^2 of the matrix, which is never formed. Lecture
    rows A3, B7, C3.

    Args:
      p: probabilities that `softmax` returned, `(..., K)`.
      dp: `dl/dp`, of the same shape.

    Returns:
      `dl/dz`, of the same shape.
    """
    return p * (dp - jnp.sum(dp * p, axis=-1, keepdims=True))
