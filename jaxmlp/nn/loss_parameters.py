"""Losses that take a number: each factory returns a loss with its gradient.

`jaxmlp.nn.losses` has the losses without one, the rules for infinite and missing values, and the
names of these.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxmlp.errors import Shown, check, shown
from jaxmlp.nn.activations import softplus
from jaxmlp.nn.mean_loss import Loss, one_hot, times
from jaxmlp.nn.types import Array, Outputs, Targets


def binary_cross_entropy_of(pos_weight: float | Sequence[float]) -> Loss:
    """The binary cross-entropy in which a yes weighs more, or less, than a no.

    `l = -sum_k p_k y_k log a_k + (1 - y_k) log(1 - a_k)` with `a = sigmoid(z)`;
    `dl/dz = (1 - y) a - p y (1 - a)`. If the data have `p` times as many examples of no as of yes,
    both answers weigh alike. The mean is still over the number of examples, as in PyTorch.

    Args:
      pos_weight: `p`, one positive number for all outputs, or one for each.

    Returns:
      A loss.

    Raises:
      InputError: if a weight is not positive and finite; when called, if their number is not that
        of the outputs.
    """
    weights = tuple(np.ravel(pos_weight).tolist())
    good = len(weights) > 0 and all(0 < p < math.inf for p in weights)
    check(good, "pos_weight", "positive and finite", pos_weight)

    def yes_and_no(z: Outputs, y: Targets) -> tuple[Float[Array, "N K"], Float[Array, "N K"]]:
        expected = f"one number, or one for each of {z.shape[1]} outputs"
        got = Shown(f"{len(weights)} numbers")
        check(len(weights) in (1, z.shape[1]), "pos_weight", expected, got)
        p = one_hot(z, y)
        return jnp.asarray(weights, z.dtype)[None, :] * p, 1 - p

    def per_example(z: Outputs, y: Targets) -> Float[Array, "N"]:
        yes, no = yes_and_no(z, y)
        return jnp.sum(times(yes, softplus(-z)) + times(no, softplus(z)), axis=1)

    def gradient(z: Outputs, y: Targets) -> Float[Array, "N K"]:
        yes, no = yes_and_no(z, y)
        return no * jax.nn.sigmoid(z) - yes * jax.nn.sigmoid(-z)

    name = f"binary_cross_entropy, a yes weighs {' '.join(f'{p:g}' for p in weights)}"
    return Loss(name, per_example, gradient, independent=True)


def huber_of(delta: float) -> Loss:
    """The squared error near the target and the absolute error far from it (Huber 1964).

    The sum over the outputs of `r^2 / 2` for `|r| <= delta`, else `delta (|r| - delta / 2)`, with
    `r = z - y`. `dl/dz = c` with `c = r`, clipped to `[-delta, delta]`, and both cases of the loss
    are `c (r - c / 2)`.

    Args:
      delta: the error from which on the loss is linear.

    Returns:
      A loss.

    Raises:
      InputError: if delta is not positive and finite.
    """
    check(0 < delta < math.inf, "delta", "positive and finite", delta)
    delta = float(delta)  # a NumPy number would change the type of the loss

    def clipped(r: Float[Array, "N K"]) -> Float[Array, "N K"]:
        return jnp.where(jnp.abs(r) <= delta, r, delta * jnp.sign(r))

    def per_example(z: Outputs, y: Targets) -> Float[Array, "N"]:
        r = z - one_hot(z, y)
        c = clipped(r)
        return jnp.sum(c * (r - c / 2), axis=1)

    def gradient(z: Outputs, y: Targets) -> Float[Array, "N K"]:
        return clipped(z - one_hot(z, y))

    return Loss("huber" if delta == 1 else f"huber {delta:g}", per_example, gradient)


huber = huber_of(1.0)
"""The Huber loss with `delta = 1`: `r^2 / 2` for `|r| <= 1`, else `|r| - 1/2`."""


def quantile_of(quantiles: Sequence[float]) -> Loss:
    """The quantile loss, whose minimum is a quantile of the targets (Koenker and Bassett 1978).

    With Q quantiles `q`, the outputs of a value are Q in a row, and its target stands Q times in a
    row. The loss is the sum over the outputs of `q r` for `r >= 0`, else `(q - 1) r`, with
    `r = y - z`. It is also called the pinball loss. `dl/dz = -q` below the target, `1 - q` above
    it, and 0 at it. So above its minimum lie as many targets as a share `1 - q`.

    Args:
      quantiles: each in (0, 1).

    Returns:
      A loss.

    Raises:
      InputError: if there is no quantile, or one is outside (0, 1); when called, if the number of
        outputs is not a multiple of theirs.
    """
    q = tuple(float(each) for each in quantiles)
    check(len(q) > 0 and all(0 < each < 1 for each in q), "quantiles", "in (0, 1)", shown(q))

    def slopes(z: Outputs, y: Targets) -> Float[Array, "N K"]:
        expected = f"a multiple of {len(q)}, the number of quantiles"
        check(z.shape[1] % len(q) == 0, "the number of outputs", expected, z.shape[1])
        r, each = one_hot(z, y) - z, jnp.asarray([q * (z.shape[1] // len(q))], z.dtype)
        return jnp.where(r > 0, each, jnp.where(r < 0, each - 1, r))  # r is 0, or NaN

    def per_example(z: Outputs, y: Targets) -> Float[Array, "N"]:
        return jnp.sum(times(slopes(z, y), one_hot(z, y) - z), axis=1)

    def gradient(z: Outputs, y: Targets) -> Float[Array, "N K"]:
        return -slopes(z, y)

    name = "quantile" if q == (0.5,) else f"quantile {' '.join(f'{each:g}' for each in q)}"
    return Loss(name, per_example, gradient)


quantile = quantile_of((0.5,))
"""The quantile loss of the median: half the absolute error."""
