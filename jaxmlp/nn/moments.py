"""Variances of samples, and moments of activations under a normal distribution.

He's rule, `Var(W) = gain / fan`, keeps the variance of `z = a W` from layer to layer if the gain is
`1 / E[f(z)^2]` for a `z` of mean 0 and variance 1 (lecture rows A6, A7, A10). For ReLU this is 2,
since half of `z^2` is lost. ReLU and leaky ReLU scale with their input, so their gain holds at any
variance of `z`. Those of ELU, GELU, tanh and others hold at the variance 1, which they keep.

The integrals are sums over 64 Gauss-Legendre points in each unit of [-12, 12], halves apart at 0,
where activations have their kink. They are exact to 1e-12 for functions that are smooth elsewhere.
Lecture rows A6, A10, A11, B13, B14.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.activations import Activation
from jaxmlp.nn.initializers import Initializer, variance_scaling
from jaxmlp.nn.types import Array

END = 12  # beyond it lies less than 1e-32 of a standard normal distribution
POINTS = 64  # of the rule in each unit


def population_variance(
    x: Float[Array, "n ..."], mean: Float[Array, "..."] | float | None = None
) -> Float[Array, "..."]:
    """Return `sum_i (x_i - m)^2 / n`, along the first axis (lecture row A11).

    It is the variance of the numbers themselves: right if they are the whole population, or if
    the mean `m` is known. As the estimate for a distribution from which `x` was drawn, with the
    numbers' own mean for `m`, it is too small by the factor `(n - 1) / n` on average, because that
    mean lies nearer to them than the true one does.

    Args:
      x: the numbers, `(n, ...)`.
      mean: `m`; the mean of the numbers if it is `None`.

    Returns:
      The variance, without the first axis.

    Raises:
      InputError: if there is no number.
    """
    check(len(x) >= 1, "the number of values", "at least 1", len(x))
    centre = jnp.mean(x, axis=0) if mean is None else jnp.asarray(mean, x.dtype)
    return jnp.mean((x - jnp.broadcast_to(centre, x.shape[1:])[None]) ** 2, axis=0)


def sample_variance(x: Float[Array, "n ..."]) -> Float[Array, "..."]:
    """Return `sum_i (x_i - mean)^2 / (n - 1)`, along the first axis (lecture row A11).

    It is the unbiased estimate of the variance of the distribution from which the numbers were
    drawn, one by one. Every spread over seeds or runs that this project prints is its root.

    Args:
      x: the numbers, `(n, ...)`.

    Returns:
      The variance, without the first axis.

    Raises:
      InputError: if there are fewer than two numbers.
    """
    n = len(x)
    check(n >= 2, "the number of values", "at least 2", n)
    return population_variance(x) * n / (n - 1)


def normal_mean(
    function: Callable[[Array], Array], mean: float = 0.0, deviation: float = 1.0
) -> float:
    """Return `E[f(z)]` for a `z` with a normal distribution, in float64.

    Args:
      function: acts on every element; it may have a kink at 0.
      mean: that of `z`.
      deviation: the standard deviation of `z`.

    Returns:
      The mean.

    Raises:
      InputError: if the deviation is not positive and finite.
    """
    check(0 < deviation < math.inf, "deviation", "a finite positive number", deviation)
    nodes, weights = np.polynomial.legendre.leggauss(POINTS)
    kink = -mean / deviation  # of f, in units of the deviation
    edges = np.unique(np.clip(np.append(np.arange(-END, END + 1.0), kink), -END, END))
    half = np.diff(edges)[:, None] / 2
    u = half * nodes + edges[:-1, None] + half
    density = np.exp(-u * u / 2) / math.sqrt(2 * math.pi)
    with jax.enable_x64(True):
        values = np.asarray(function(jnp.asarray(mean + deviation * u)))
    return float(np.sum(half * weights * density * values))


def mean_activation(function: Activation, mean: float = 0.0, deviation: float = 1.0) -> float:
    """Return `E[f(z)]`, the bias that a unit adds to the next layer (lecture rows B13, B14).

    For `z` of mean 0 and deviation s it is `s / sqrt(2 pi)` for ReLU and 0 for tanh. For ELU it is
    `s / sqrt(2 pi) + alpha (e^(s^2 / 2) Phi(-s) - 1/2)`, nearer to 0 than ReLU's, because its
    negative values make up for a part of the positive ones.

    Args:
      function: the activation.
      mean: that of `z`.
      deviation: the standard deviation of `z`.

    Returns:
      The mean.

    Raises:
      InputError: if the deviation is not positive and finite.
    """
    return normal_mean(function, mean, deviation)


def gain_of(function: Activation, backward: bool = False) -> float:
    """Return the gain of He's rule for an activation, `1 / E[f(z)^2]` at the variance 1.

    Lecture row A10.

    2 for ReLU, `2 / (1 + alpha^2)` for leaky ReLU, 1 for the identity. Backward, the variance of
    `dz = da f'(z)` is kept by `1 / E[f'(z)^2]`, which is the same for these three, and another
    number for the others. PyTorch's `calculate_gain` is the root of a gain; its 5/3 for tanh is a
    convention, and here tanh has 2.537, whose root is 1.593.

    Args:
      function: the activation.
      backward: whether the variance of the gradient is to be kept, with `fan_out`.

    Returns:
      The gain.

    Raises:
      InputError: if the activation has no derivative, and backward is asked for.
    """

    def square(z: Array) -> Array:
        a = function(z)
        return (function.derivative(z, a) if backward else a) ** 2

    return 1 / normal_mean(square)


def he_for(function: Activation, mode: str = "fan_in", distribution: str = "normal") -> Initializer:
    """He's initializer with the gain of an activation, `Var(W) = gain / fan`.

    Lecture rows A6, A7, A10.

    `fan_in` keeps the variance forward, with the gain of the values; `fan_out` keeps it backward,
    with the gain of the slopes. `he_for(relu)` is `he_normal`.

    Args:
      function: the activation that follows the kernel.
      mode: `fan_in`, `fan_out` or `fan_avg`; the last has the mean of the two gains.
      distribution: as in `variance_scaling`.

    Returns:
      An initializer.

    Raises:
      InputError: if the mode or the distribution is unknown.
    """
    wanted = {"fan_in": (False,), "fan_out": (True,)}.get(mode, (False, True))
    gains = [gain_of(function, backward) for backward in wanted]
    return variance_scaling(sum(gains) / len(gains), mode, distribution)
