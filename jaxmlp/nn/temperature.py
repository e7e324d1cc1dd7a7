"""Temperature scaling: one number that makes a classifier's probabilities as sure as it is right.

A network is often too sure of itself. Its raw outputs are divided by a temperature `T`, so that
`a = softmax(z / T)`, which changes no answer and every probability: `T > 1` makes them less sure,
`T < 1` more (Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks").
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.nn.mean_loss import Loss
from jaxmlp.nn.types import Array, Outputs, Scalar, Targets

LEAST, MOST = 0.01, 100.0  # temperatures
HALVINGS = 60  # of the range of log T: to the last digit of float64


def loss_by_sharpness(
    loss: Loss, z: Outputs, y: Targets
) -> Callable[[Float[Array, ""]], tuple[Scalar, Scalar]]:
    """The loss at a sharpness `b = 1 / T`, and its slope.

    `L(b) = loss(b z, y)`. By the chain rule `dL/db = sum_nk z_nk dL/d(b z_nk)`, with the loss's own
    hand-written gradient. Both cross-entropies are convex in `b`.

    Args:
      loss: of the raw outputs.
      z: raw outputs, `(N, K)`.
      y: targets.

    Returns:
      A function `b -> (L, dL/db)`.
    """

    def value_and_slope(b: Float[Array, ""]) -> tuple[Scalar, Scalar]:
        return loss(b * z, y), jnp.sum(z * loss.gradient(b * z, y))

    return value_and_slope


def best_temperature(loss: Loss, z: Outputs, y: Targets) -> float | None:
    """Return the temperature with the lowest loss.

    The loss is convex in `b = 1 / T`, so its slope changes its sign once, at the minimum. The range
    of `log T` is halved until it is found.

    Args:
      loss: a cross-entropy.
      z: raw outputs of examples that were not trained on, `(N, K)`.
      y: their targets.

    Returns:
      `T`; `None` if no temperature from 0.01 to 100 is best, as where every answer is right.
    """
    function = jax.jit(lambda b: loss_by_sharpness(loss, z, y)(b)[1])

    def too_sharp(log_t: float) -> bool:
        return float(function(jnp.exp(-jnp.asarray(log_t, z.dtype)))) > 0

    low, high = math.log(LEAST), math.log(MOST)
    if not too_sharp(low) or too_sharp(high):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if too_sharp(middle) else (low, middle)
    return math.exp((low + high) / 2)
