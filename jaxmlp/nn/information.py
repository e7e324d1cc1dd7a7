"""Entropy, cross-entropy and divergence of distributions, in bits or any other unit.

Lecture row C10.

`q` is the true distribution, and `p` is the distribution that one believes in. A code made for `p`
takes `H(q, p) >= H(q)` units per symbol. The difference, `KL(q || p)`, is the cost of the wrong
code.
"""

import math

import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.types import Array


def entropy(q: Float[Array, "*N K"], base: float = 2.0) -> Float[Array, "*N"]:
    """Return `H(q) = -sum_i q_i log q_i` over the last axis, with `0 log 0 = 0`.

    Args:
      q: distributions, `(..., K)`.
      base: the base of the logarithm, 2 for bits, e for nats.

    Returns:
      One number per distribution, `(...)`.

    Raises:
      InputError: if the base is not positive or is 1.
    """
    return cross_entropy(q, q, base)


def cross_entropy(
    q: Float[Array, "*N K"], p: Float[Array, "..."], base: float = 2.0
) -> Float[Array, "*N"]:
    """Return `H(q, p) = -sum_i q_i log p_i` over the last axis; infinite if `p` excludes `q`.

    Args:
      q: true distributions, `(..., K)`.
      p: believed distributions, of the same shape.
      base: the base of the logarithm.

    Returns:
      One number per distribution, `(...)`.

    Raises:
      InputError: if the shapes differ, or the base is not positive or is 1.
    """
    check(base > 0 and base != 1, "base", "positive and not 1", base)
    check(q.shape == p.shape, "p", f"of the shape of q, {q.shape}", p.shape)
    surprise = -jnp.log(jnp.where(q > 0, p, 1))
    return jnp.sum(jnp.where(q > 0, q * surprise, 0), axis=-1) / math.log(base)


def kl_divergence(
    q: Float[Array, "*N K"], p: Float[Array, "..."], base: float = 2.0
) -> Float[Array, "*N"]:
    """Return `KL(q || p) = H(q, p) - H(q)`, which is 0 if they are equal and else positive.

    Args:
      q: true distributions, `(..., K)`.
      p: believed distributions, of the same shape.
      base: the base of the logarithm.

    Returns:
      One number per distribution, `(...)`.

    Raises:
      InputError: if the shapes differ, or the base is not positive or is 1.
    """
    return cross_entropy(q, p, base) - entropy(q, base)
