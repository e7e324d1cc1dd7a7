"""Activation functions, each beside its derivative.

An activation acts on every element of `z` alone, so its Jacobian is diagonal and one number per
element says it all: `da/dz`. Where a function has a kink at 0 we take the slope from the left (0
for ReLU, as `jax.nn.relu` does; lecture C, appendix, takes the slope from the right, which is as
good a subgradient).

All of them hold for `|z|` up to 1e4 in float32. Lecture rows B10, B11, D3, E4.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxmlp.errors import InputError


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of one number, applied to every element, and its derivative.

    Attributes:
      name: the name it is known by.
      value: `z -> a`.
      derivative: `(z, a) -> da/dz`; it is given both, so that it may use the cheaper one.
    """

    name: str
    value: Callable[[Array], Array] = field(repr=False)
    derivative: Callable[[Array, Array], Array] = field(repr=False)

    def __call__(self, z: Array) -> Array:
        """Return `a = value(z)`."""
        return self.value(z)


def with_derivative(
    derivative: Callable[[Array, Array], Array],
) -> Callable[[Callable[[Array], Array]], Activation]:
    """Make the decorated function an `Activation` with this derivative `(z, a) -> da/dz`."""

    def decorate(value: Callable[[Array], Array]) -> Activation:
        made = Activation(value.__name__, value, derivative)
        object.__setattr__(made, "__doc__", value.__doc__)
        return made

    return decorate


def without_derivative(function: Callable[[Array], Array], name: str) -> Callable[[Array], Array]:
    """Return the function of one array, with an error in place of a derivative that says nothing.

    Args:
      function: piecewise constant, so that JAX would differentiate it to zero without a word.
      name: what to call it.

    Returns:
      A function of the same values. Differentiating it, by hand or by machine, raises `InputError`.
    """
    guarded = jax.custom_jvp(function)

    @guarded.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        raise InputError(f"{name} has no derivative to learn from; take a smooth relative of it")

    return guarded


@with_derivative(lambda z, a: jnp.ones_like(z))
def identity(z: Array) -> Array:
    """Return `a = z`; `da/dz = 1` (B10 "linear", E5)."""
    return z


@with_derivative(lambda z, a: jnp.where(z <= 0, 0, jnp.ones_like(z)))
def relu(z: Array) -> Array:
    """Return `a = max(0, z)`; `da/dz = 1` for `z > 0`, else 0 (B10, C appendix)."""
    return jnp.where(z <= 0, 0, z)  # and not (z > 0, z, 0), which would turn NaN into 0


@with_derivative(lambda z, a: jnp.where(z > 0, jnp.ones_like(z), 0.01))
def leaky_relu(z: Array) -> Array:
    """Return `a = z` for `z > 0`, else `0.01 z`; `da/dz` is 1 or 0.01 (B10)."""
    return jnp.where(z > 0, z, 0.01 * z)


@with_derivative(lambda z, a: jnp.exp(jnp.where(z > 0, 0, z)))
def elu(z: Array) -> Array:
    """Return `a = z` for `z > 0`, else `e^z - 1`; `da/dz` is 1 or `e^z` (B10, with alpha = 1)."""
    return jnp.where(z > 0, z, jnp.expm1(jnp.where(z > 0, 0, z)))


@with_derivative(lambda z, a: a * (1 - a))
def sigmoid(z: Array) -> Array:
    """Return `a = 1 / (1 + e^-z)`, in (0, 1); `da/dz = a (1 - a)` (B6, B10, E4)."""
    return jax.nn.sigmoid(z)


@with_derivative(lambda z, a: 1 - a * a)
def tanh(z: Array) -> Array:
    """Return `a = (e^z - e^-z) / (e^z + e^-z)`, in (-1, 1); `da/dz = 1 - a^2` (B10, E4)."""
    return jnp.tanh(z)


@with_derivative(lambda z, a: jax.nn.sigmoid(z))
def softplus(z: Array) -> Array:
    """Return `a = log(1 + e^z)`, a smooth ReLU; `da/dz = sigmoid(z)` (E4)."""
    return jnp.logaddexp(z, jnp.zeros_like(z))


@with_derivative(lambda z, a: _normal_cdf(z) + z * jnp.exp(-z * z / 2) / jnp.sqrt(2 * jnp.pi))
def gelu(z: Array) -> Array:
    """Return `a = z Phi(z)`, Phi the normal distribution function; `da/dz = Phi(z) + z phi(z)`.

    Hendrycks and Gimpel (2016), the exact form and not the tanh approximation.
    """
    return z * _normal_cdf(z)


@with_derivative(lambda z, a: jax.nn.sigmoid(z) * (1 + z * jax.nn.sigmoid(-z)))
def silu(z: Array) -> Array:
    """Return `a = z sigmoid(z)`; `da/dz = sigmoid(z) (1 + z sigmoid(-z))`.

    Elfwing, Uchibe and Doya (2017), also known as swish.
    """
    return z * jax.nn.sigmoid(z)


def _no_slope(z: Array, a: Array) -> Array:
    raise InputError(
        "the step function has no derivative to learn from; use sigmoid, or perceptron"
    )


@with_derivative(_no_slope)
def step(z: Array) -> Array:
    """Return `a = 1` for `z >= 0`, else 0, the neuron that fires or not (D1, E1, E4).

    Forward only: its derivative is 0 wherever it has one, so asking for it is an error.
    """
    return _step(z)


_step = without_derivative(lambda z: (z >= 0).astype(z.dtype), "the step function")


def _normal_cdf(z: Array) -> Array:
    return jax.scipy.special.erfc(-z / jnp.sqrt(2)) / 2
