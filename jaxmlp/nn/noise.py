"""Layers that are random in training, and the identity without a key: dropout and noise."""

import math

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.layers import Layer
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape

ONLY_IN_TRAINING = ("dropout", "gaussian_noise")  # kinds that are the identity without a key


def dropout(rate: float) -> Layer:
    """A layer that drops each element with probability `rate` if it is given a key.

    Lecture row C8.

    With the probability `p = 1 - rate` of keeping an element and `m` drawn from Bernoulli(p):
    `y = m x / p` and `dx = m dy / p`. This is "inverted" dropout: it divides by `p` in training, so
    evaluation needs no correction. The lecture does not divide in training but multiplies the
    weights by `p` afterwards; the expectation is the same.

    Args:
      rate: the probability of dropping an element, in [0, 1).

    Returns:
      A layer without parameters that keeps the shape. Without a key it is the identity.

    Raises:
      InputError: if the rate is outside [0, 1).
    """
    check(0 <= rate < 1, "dropout", "in [0, 1)", rate)
    rate = float(rate)  # a NumPy number would change the type of the values
    p = 1 - rate

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
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


def gaussian_noise(deviation: float) -> Layer:
    """A layer that adds noise to each element if it is given a key.

    `y = x + sigma e` with `e` from N(0, 1), and `dx = dy`. At the inputs of a network such noise
    works like a penalty on the slopes of the outputs (Bishop 1995).

    Args:
      deviation: the standard deviation `sigma` of the noise, at least 0 and finite.

    Returns:
      A layer without parameters that keeps the shape. Without a key it is the identity.

    Raises:
      InputError: if the deviation is negative or not finite.
    """
    check(0 <= deviation < math.inf, "noise", "a finite number >= 0", deviation)
    sigma = float(deviation)  # a NumPy number would change the type of the values

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        return (), shape

    def forward(
        params: Params, x: Float[Array, "*F"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "*F"], Cache]:
        if key is None or sigma == 0:
            return x, None
        return x + sigma * jax.random.normal(key, x.shape, x.dtype), None

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "*F"]
    ) -> tuple[Params, Float[Array, "*F"]]:
        return (), dy

    return Layer(init, forward, backward, f"gaussian_noise {deviation:g}", "gaussian_noise")
