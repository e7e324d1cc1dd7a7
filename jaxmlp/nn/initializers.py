"""Initial values of kernels, chosen so that signals neither vanish nor explode.

For a layer `z = x W` with independent entries of mean 0, `Var(z) = fan_in Var(W) Var(x)` (lecture
row A7), and backward `Var(dx) = fan_out Var(W) Var(dz)`. ReLU passes half of the second moment. So
`Var(W) = gain / fan` keeps the variance from layer to layer, with the gain 2 for ReLU (He) and 1
for the identity and for tanh near 0 (LeCun, Xavier). `fan_in` keeps the variance forward, `fan_out`
backward, and their mean, `fan_avg`, is the compromise of Glorot and Bengio (2010).

A normal distribution here is the whole one. Keras cuts its `he_normal` and the like off at two
standard deviations and widens what remains to the same variance; `truncated_normal` does that.

The gain of any activation, such as `2 / (1 + alpha^2)` for leaky ReLU, computes
`jaxmlp.nn.moments.gain_of`; `he_for` there is the initializer with it (lecture row A10).

Lecture rows A6, A7, A8, B8, D9, E9. An initializer is a function `(key, shape, dtype) -> array`.
The last axis of the shape counts the outputs, the axis before it the inputs; axes before these two
are the window of a convolution.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.types import Array, RandomKey, Shape

Initializer = Callable[..., Array]


def fans(shape: Shape) -> dict[str, float]:
    """Return the number of inputs per output, that of outputs per input, and their mean.

    Args:
      shape: the shape of a kernel, `(in, out)` or `(height, width, in, out)`.

    Returns:
      `fan_in`, `fan_out` and `fan_avg`.

    Raises:
      InputError: if the shape has fewer than two axes.
    """
    check(len(shape) >= 2, "the shape of a kernel", "of two or more axes", shape)
    window = math.prod(shape[:-2])
    fan_in, fan_out = window * shape[-2], window * shape[-1]
    return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}


def variance_scaling(gain: float, mode: str, distribution: str) -> Initializer:
    """An initializer with `E[W] = 0` and `Var(W) = gain / fan`.

    Args:
      gain: 2 for ReLU (He), 1 for the identity and for tanh (LeCun, Xavier).
      mode: `fan_in`, `fan_out` or `fan_avg`.
      distribution: `normal`, `N(0, gain / fan)`, or `uniform`, `U(-r, r)` with
        `r = sqrt(3 gain / fan)`, since `Var U(-r, r) = r^2 / 3`, or `truncated_normal`, with the
        same variance as both.

    Returns:
      An initializer.

    Raises:
      InputError: if the gain is not positive, or the mode or the distribution is unknown.
    """
    check(gain > 0, "gain", "positive", gain)
    check(mode in ("fan_in", "fan_out", "fan_avg"), "mode", "fan_in, fan_out or fan_avg", mode)
    known = distribution in ("normal", "uniform", "truncated_normal")
    check(known, "distribution", "normal, uniform or truncated_normal", distribution)

    def initialize(
        key: RandomKey, shape: Shape, dtype: DTypeLike = jnp.float32
    ) -> Float[Array, "..."]:
        variance = gain / fans(shape)[mode]
        if distribution == "normal":
            return math.sqrt(variance) * jax.random.normal(key, shape, dtype)
        if distribution == "truncated_normal":
            return truncated_normal(math.sqrt(variance))(key, shape, dtype)
        r = math.sqrt(3 * variance)
        return jax.random.uniform(key, shape, dtype, minval=-r, maxval=r)

    return initialize


def constant(value: float) -> Initializer:
    """An initializer that sets every entry to one value; all units stay equal (lecture row D9).

    Args:
      value: any finite number.

    Returns:
      An initializer.

    Raises:
      InputError: if the value is not finite.
    """
    check(math.isfinite(value), "value", "finite", value)
    return lambda key, shape, dtype=jnp.float32: jnp.full(shape, value, dtype)


def normal(std: float) -> Initializer:
    """An initializer that draws from `N(0, std^2)` for every size of layer.

    Lecture rows A8, B8, D9.

    Args:
      std: the standard deviation.

    Returns:
      An initializer.

    Raises:
      InputError: if the standard deviation is not positive.
    """
    check(std > 0, "std", "positive", std)
    return lambda key, shape, dtype=jnp.float32: float(std) * jax.random.normal(key, shape, dtype)


CUT = 2.0  # where a normal distribution is cut off, in deviations of the whole one
CUT_DEVIATION = (
    0.87962566103423978  # of what remains of N(0, 1), sqrt(1 - 2 c phi(c) / (2 Phi(c) - 1))
)


def truncated_normal(std: float) -> Initializer:
    """An initializer that draws from a normal distribution without its tails.

    `N(0, s^2)` is cut off at `+-2 s`, and `s = std / 0.8796`, because the cut takes 12 % of the
    deviation. So the entries have the standard deviation `std` and are at most `2.27 std` large.
    JAX's and Keras's initializers of a given variance do the same; their plain `truncated_normal`
    and PyTorch's `trunc_normal_` leave the smaller deviation as it is.

    Args:
      std: the standard deviation of the entries.

    Returns:
      An initializer.

    Raises:
      InputError: if the standard deviation is not positive.
    """
    check(std > 0, "std", "positive", std)

    def initialize(
        key: RandomKey, shape: Shape, dtype: DTypeLike = jnp.float32
    ) -> Float[Array, "..."]:
        whole = jax.random.truncated_normal(key, -CUT, CUT, shape, dtype)
        return float(std) / CUT_DEVIATION * whole

    return initialize


def uniform(bound: float) -> Initializer:
    """An initializer that draws from `U(-bound, bound)` for every size of layer (lecture row D9).

    Args:
      bound: the largest absolute value.

    Returns:
      An initializer.

    Raises:
      InputError: if the bound is not positive.
    """
    check(bound > 0, "bound", "positive", bound)
    return lambda key, shape, dtype=jnp.float32: jax.random.uniform(
        key, shape, dtype, minval=-bound, maxval=bound
    )


def orthogonal(
    key: RandomKey, shape: Shape, dtype: DTypeLike = jnp.float32, gain: float = 1.0
) -> Float[Array, "..."]:
    """Draw a kernel whose columns (or rows, if there are fewer) are orthonormal.

    It is `Q` of the QR decomposition of a normal matrix, with signs from the diagonal of `R`, so
    that the distribution is uniform over all such matrices, times the gain. With the gain 1 norms
    do not change, forward and backward (Saxe et al. 2014); before a ReLU the gain is `sqrt(2)`. As
    an initializer with a gain: `functools.partial(orthogonal, gain=1.4)`.

    Args:
      key: random key.
      shape: the shape of the kernel; all axes but the last count as one.
      dtype: the type of its elements; the decomposition is at least in float32.
      gain: the factor of the orthonormal kernel.

    Returns:
      The kernel.

    Raises:
      InputError: if the shape has fewer than two axes, or the gain is not positive.
    """
    fans(shape)
    check(gain > 0, "gain", "positive", gain)
    rows, columns = math.prod(shape[:-1]), shape[-1]
    precise = dtype if jnp.finfo(dtype).bits >= 32 else jnp.float32
    tall = jax.random.normal(key, (max(rows, columns), min(rows, columns)), precise)
    q, r = jnp.linalg.qr(tall)
    q = q * jnp.sign(jnp.diagonal(r))[None, :]
    return (float(gain) * (q if rows >= columns else q.T).reshape(shape)).astype(dtype)


zeros = constant(0.0)
ones = constant(1.0)
lecun_normal = variance_scaling(1.0, "fan_in", "normal")
lecun_uniform = variance_scaling(1.0, "fan_in", "uniform")
xavier_normal = variance_scaling(1.0, "fan_avg", "normal")
xavier_uniform = variance_scaling(1.0, "fan_avg", "uniform")
he_normal = variance_scaling(2.0, "fan_in", "normal")
he_uniform = variance_scaling(2.0, "fan_in", "uniform")

GAINS = {"lecun": 1.0, "xavier": 1.0, "he": 2.0}  # of the families, for another choice of fan
