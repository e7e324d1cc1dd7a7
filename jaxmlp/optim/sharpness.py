"""Sharpness-aware minimisation (SAM): the gradient at the worst point nearby."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxmlp.optim.base import Number, Params, Updates, check_number, length_of

ValueAndGrad: TypeAlias = Callable[..., tuple[Any, Updates]]


def sharpness_aware(value_and_grad: ValueAndGrad, radius: Number) -> ValueAndGrad:
    """An objective whose gradient is taken where the loss nearby is greatest (Foret et al. 2021).

    `dw_SAM = dL/dw (w + rho dw / |dw|)`, with `dw` the gradient at `w` and `|dw|` its length over
    all parameters. To first order `rho dw / |dw|` is the step of length `rho` that raises the loss
    most, so descent looks for a region in which all neighbours are low. The derivative of the
    inner step is left out, as in the paper. The value stays that at `w`. It costs two gradients.

    Args:
      value_and_grad: the objective with its gradient, `(params, ...) -> (value, gradient)`.
      radius: `rho`, positive.

    Returns:
      A function of the same arguments. Both gradients see the same examples and the same dropout.

    Raises:
      InputError: if the radius is not positive and finite.
    """
    rho = check_number("sam", "a finite positive number", radius, lambda x: 0 < x < math.inf)

    def value_and_gradient(params: Params, *further: Any, **named: Any) -> tuple[Any, Updates]:
        value, dw = value_and_grad(params, *further, **named)
        length = length_of(dw)
        share = jnp.asarray(rho, length.dtype) / jnp.maximum(length, jnp.finfo(length.dtype).tiny)
        nearby = jax.tree.map(lambda w, d: w + share.astype(d.dtype) * d, params, dw)
        return value, value_and_grad(nearby, *further, **named)[1]

    return value_and_gradient
