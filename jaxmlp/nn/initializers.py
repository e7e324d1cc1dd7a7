"""Initial values of kernels: how to start a network so that signals neither die nor explode.

For a layer `z = x W` with independent, centred entries, `Var(z) = fan_in Var(W) Var(x)` (A7), and
backwards `Var(dx) = fan_out Var(W) Var(dz)`. ReLU passes half of the second moment. So
`Var(W) = gain / fan` with gain 2 for ReLU (He) and 1 for the identity, and for tanh near 0 (LeCun,
Xavier) keeps the variance through the depth; `fan_in` keeps it forward, `fan_out` backward, and
their mean, `fan_avg`, is the compromise of Glorot and Bengio (2010).

Lecture rows A6-A8, B8, D9, E9. An initializer is a function `(key, shape, dtype) -> array`; the
last axis of the shape counts the outputs, the one before it the inputs, and those before a window.
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
    """Return how many inputs feed an output, how many outputs an input feeds, and their mean.

    Args:
      shape: of a kernel, `(in, out)` or `(height, width, in, out)`.

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
    """Return an initializer with `E[W] = 0` and `Var(W) = gain / fan`.

    Args:
      gain: 2 for ReLU (He), 1 for the identity and for tanh (LeCun, Xavier).
      mode: `fan_in`, `fan_out` or `fan_avg`.
      distribution: `normal`, `N(0, gain / fan)`, or `uniform`, `U(-r, r)` with
        `r = sqrt(3 gain / fan)`, since `Var U(-r, r) = r^2 / 3`.

    Returns:
      An initializer.

    Raises:
      InputError: if the gain is not positive, or mode or distribution have another name.
    """
    check(gain > 0, "gain", "positive", gain)
    check(mode in ("fan_in", "fan_out", "fan_avg"), "mode", "fan_in, fan_out or fan_avg", mode)
    check(distribution in ("normal", "uniform"), "distribution", "normal or uniform", distribution)

    def initialize(
        key: RandomKey, shape: Shape, dtype: DTypeLike = jnp.float32
    ) -> Float[Array, "..."]:
        variance = gain / fans(shape)[mode]
        if distribution == "normal":
            return math.sqrt(variance) * jax.random.normal(key, shape, dtype)
        r = math.sqrt(3 * variance)
        return jax.random.uniform(key, shape, dtype, minval=-r, maxval=r)

    return initialize


def constant(value: float) -> Initializer:
    """Return an initializer that sets every entry to one value, which leaves all units alike (D9).

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
    """Return an initializer that draws from `N(0, std^2)`, whatever the layer's size (A8, B8, D9).

    Args:
      std: the standard deviation.

    Returns:
      An initializer.

    Raises:
      InputError: if the standard deviation is not positive.
    """
    check(std > 0, "std", "positive", std)
    return lambda key, shape, dtype=jnp.float32: std * jax.random.normal(key, shape, dtype)


def uniform(bound: float) -> Initializer:
    """Return an initializer that draws from `U(-bound, bound)`, whatever the layer's size (D9).

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


def orthogonal(key: RandomKey, shape: Shape, dtype: DTypeLike = jnp.float32) -> Float[Array, "..."]:
    """Draw a kernel whose columns (or rows, if there are fewer) are orthonormal.

    `Q` of the QR decomposition of a normal matrix, its signs fixed by `R` so that it is uniform
    over all such matrices: norms pass unchanged, forward and backward (Saxe et al. 2014).

    Args:
      key: random key.
      shape: of the kernel; all axes but the last are taken as one.
      dtype: of its elements.

    Returns:
      The kernel.

    Raises:
      InputError: if the shape has fewer than two axes.
    """
    fans(shape)
    rows, columns = math.prod(shape[:-1]), shape[-1]
    tall = jax.random.normal(key, (max(rows, columns), min(rows, columns)), dtype)
    q, r = jnp.linalg.qr(tall)
    q = q * jnp.sign(jnp.diagonal(r))[None, :]
    return (q if rows >= columns else q.T).reshape(shape)


zeros = constant(0.0)
ones = constant(1.0)
lecun_normal = variance_scaling(1.0, "fan_in", "normal")
lecun_uniform = variance_scaling(1.0, "fan_in", "uniform")
xavier_normal = variance_scaling(1.0, "fan_avg", "normal")
xavier_uniform = variance_scaling(1.0, "fan_avg", "uniform")
he_normal = variance_scaling(2.0, "fan_in", "normal")
he_uniform = variance_scaling(2.0, "fan_in", "uniform")

GAINS = {"lecun": 1.0, "xavier": 1.0, "he": 2.0}  # of the families, for another choice of fan
