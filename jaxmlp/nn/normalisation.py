"""Layer normalisation, with its gradient by hand."""

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.initializers import ones, zeros
from jaxmlp.nn.layers import Layer, along_last, given
from jaxmlp.nn.types import Array, Cache, Params, RandomKey, Shape


def layer_norm(epsilon: float = 1e-5) -> Layer:
    """A layer that standardises each example's units, then applies a learned gain and shift.

    Over the `F` units of the last axis, with `E` their mean:

        x^ = (x - E[x]) / sigma,    sigma = sqrt(E[(x - E[x])^2] + epsilon)
        y  = gamma x^ + beta

        dgamma = sum dy x^    and    dbeta = sum dy    over all axes but the last
        dx^    = gamma dy
        dx     = (dx^ - E[dx^] - x^ E[dx^ x^]) / sigma

    A shift of `x` does not change `y`, and a factor hardly changes it. So `dx` has no part in these
    two directions: its second and third terms remove them. Ba, Kiros and Hinton (2016).

    Args:
      epsilon: a small number that keeps `sigma` positive where all units are equal.

    Returns:
      A layer that keeps the shape, `(F,)` or `(..., F)`, with parameters `{"gamma", "beta"}`,
      `(F,)`, which start at 1 and 0. In an image each pixel is normalised over its channels.

    Raises:
      InputError: if epsilon is not positive; when initialised, if the last axis has fewer than two
        units, because a single unit would always become 0.
    """
    check(epsilon > 0, "epsilon", "positive", epsilon)
    epsilon = float(epsilon)  # a NumPy number would change the type of the values

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        good = len(shape) >= 1 and shape[-1] >= 2
        check(good, "the input of layer_norm", "of two or more units on its last axis", shape)
        gamma, beta = (start(key, shape[-1:], **given(dtype)) for start in (ones, zeros))
        return {"gamma": gamma, "beta": beta}, shape

    def forward(
        params: Params, x: Float[Array, "*N F"], key: RandomKey | None = None
    ) -> tuple[Float[Array, "*N F"], Cache]:
        centred = x - _mean(x)
        sigma = jnp.sqrt(_mean(centred * centred) + epsilon)  # (N, ..., 1)
        x_hat = centred / sigma
        y = along_last(params["gamma"], x) * x_hat + along_last(params["beta"], x)
        return y, (x_hat, sigma)

    def backward(
        params: Params, cache: Cache, dy: Float[Array, "*N F"]
    ) -> tuple[Params, Float[Array, "*N F"]]:
        x_hat, sigma = cache
        others = tuple(range(dy.ndim - 1))
        dgamma = jnp.sum(dy * x_hat, axis=others)
        dbeta = jnp.sum(dy, axis=others)
        dx_hat = along_last(params["gamma"], dy) * dy
        dx = (dx_hat - _mean(dx_hat) - x_hat * _mean(dx_hat * x_hat)) / sigma
        return {"gamma": dgamma, "beta": dbeta}, dx

    return Layer(init, forward, backward, "layer_norm", "layer_norm", {"epsilon": epsilon})


def _mean(x: Float[Array, "*N F"]) -> Float[Array, "*N 1"]:
    """Return the mean over the last axis, which stays: `(N, ..., F)` becomes `(N, ..., 1)`."""
    return jnp.mean(x, axis=-1, keepdims=True)
