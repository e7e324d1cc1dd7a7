"""Activation functions, each with its derivative below it.

An activation acts on every element of `z` by itself. So its Jacobian is diagonal, and one number
per element describes it: `da/dz`. Where a function has a kink at 0 we take the slope from the left
(0 for ReLU, as in `jax.nn.relu`). Lecture C, appendix, takes the slope from the right, which is
also a subgradient.

At the ends, value and derivative hold these rules, by hand as by machine:

- A NaN stays visible: where `z` is NaN, so are `a` and `da/dz` (but the derivative of the identity
  is 1 everywhere). To have this from `jax.grad` too, a function of pieces says `z sign(z)` for
  `z > 0`: its slope is `sign(z)`, which is NaN for NaN.
- At `z = +-inf` they are the limits: 0, 1, -1, the slope of a piece, or an infinite value.
- Numbers below the smallest normal one, 1e-38 in float32, count as 0 where the machine treats
  them so, as XLA does on a CPU.

All functions are accurate for `|z|` up to 1e4 in float32. Lecture rows B10, B11, D3, E4.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Float, PyTree

from jaxmlp.errors import InputError
from jaxmlp.nn.types import Array

Elementwise = Callable[[Array], Array]
Derivative = Callable[[Array, Array], Array]


def _not_defined(z: Array, a: Array) -> Array:
    raise InputError("this activation has no derivative yet; define it by defderivative")


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of one number, applied to every element, and its derivative.

    Attributes:
      name: the name it is known by.
      value: `z -> a`.
      derivative: `(z, a) -> da/dz`, given here or below the function by `defderivative`. It takes
        both `z` and `a`, so that it can use the cheaper one.
    """

    name: str
    value: Elementwise = field(repr=False)
    derivative: Derivative = field(repr=False, default=_not_defined)

    def __call__(self, z: Float[Array, "*F"]) -> Float[Array, "*F"]:
        """Return `a = value(z)`."""
        return self.value(z)

    def defderivative(self, derivative: Derivative) -> Derivative:
        """Define the derivative `(z, a) -> da/dz`, once, below the function.

        Args:
          derivative: the derivative at every element.

        Returns:
          The same function, so that this can be its decorator.
        """
        object.__setattr__(self, "derivative", derivative)
        return derivative


def elementwise(value: Elementwise) -> Activation:
    """Make the decorated function an `Activation`; its derivative follows below."""
    made = Activation(value.__name__, value)
    object.__setattr__(made, "__doc__", value.__doc__)
    return made


def without_derivative(function: Elementwise, name: str) -> Elementwise:
    """The same function, but an error where JAX differentiates it.

    Args:
      function: a function of one array that is piecewise constant: JAX would return the derivative
        0 without a warning.
      name: its name in the error.

    Returns:
      A function with the same values. JAX raises `InputError` when it differentiates it.
    """
    guarded = jax.custom_jvp(function)

    @guarded.defjvp
    def _(primals: PyTree, tangents: PyTree) -> PyTree:
        raise InputError(f"{name} has no derivative to learn from; use a smooth function")

    return guarded


@elementwise
def identity(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = z`; `da/dz = 1` (lecture rows B10, D4, E5: "linear")."""
    return z


identity.defderivative(lambda z, a: jnp.ones_like(z))


@elementwise
def relu(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = max(0, z)`; `da/dz = 1` for `z > 0`, else 0 (lecture row B10, C appendix)."""
    return jnp.where(z <= 0, 0, z * jnp.sign(z))  # not (z > 0, z, 0): it would turn NaN into 0


relu.defderivative(lambda z, a: jnp.sign(a))


@elementwise
def leaky_relu(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = z` for `z > 0`, else `0.01 z`; `da/dz` is 1 or 0.01 (lecture row B10)."""
    return jnp.where(z <= 0, 0.01 * z, z * jnp.sign(z))


leaky_relu.defderivative(lambda z, a: jnp.where(z <= 0, 0.01, jnp.sign(z)))


@elementwise
def elu(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = z` for `z > 0`, else `e^z - 1`; `da/dz` is 1 or `e^z`.

    Lecture row B10, with alpha = 1.
    """
    return jnp.where(z > 0, z, jnp.expm1(jnp.where(z > 0, 0, z)))


elu.defderivative(lambda z, a: jnp.exp(jnp.where(z > 0, 0, z)))


@elementwise
def sigmoid(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = 1 / (1 + e^-z)`, in (0, 1); `da/dz = a (1 - a)` (lecture rows B6, B10, E4)."""
    return jax.nn.sigmoid(z)


sigmoid.defderivative(lambda z, a: a * (1 - a))


@elementwise
def tanh(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = (e^z - e^-z) / (e^z + e^-z)`, in (-1, 1); `da/dz = 1 - a^2`.

    Lecture rows B10, E4.
    """
    return jnp.tanh(z)


tanh.defderivative(lambda z, a: 1 - a * a)


@elementwise
def softplus(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = log(1 + e^z)`, a smooth ReLU; `da/dz = sigmoid(z)` (lecture row E4)."""
    return jnp.logaddexp(z, jnp.zeros_like(z))


softplus.defderivative(lambda z, a: jax.nn.sigmoid(z))


@elementwise
def gelu(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = z Phi(z)`, Phi the normal distribution function; `da/dz = Phi(z) + z phi(z)`.

    Hendrycks and Gimpel (2016), in the exact form, not the tanh approximation.
    """
    return _gated(z, _normal_cdf)


@gelu.defderivative
def _(z: Float[Array, "*F"], a: Float[Array, "*F"]) -> Float[Array, "*F"]:
    z = _clipped(z)
    return _normal_cdf(z) + z * jnp.exp(-z * z / 2) / jnp.sqrt(2 * jnp.pi)


@elementwise
def silu(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = z sigmoid(z)`; `da/dz = sigmoid(z) (1 + z sigmoid(-z))`.

    Elfwing, Uchibe and Doya (2017); its other name is swish.
    """
    return _gated(z, jax.nn.sigmoid)


@silu.defderivative
def _(z: Float[Array, "*F"], a: Float[Array, "*F"]) -> Float[Array, "*F"]:
    z = _clipped(z)
    return jax.nn.sigmoid(z) * (1 + z * jax.nn.sigmoid(-z))


@elementwise
def step(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    """Return `a = 1` for `z >= 0`, else 0: a neuron that fires or does not.

    Lecture rows D1, E1, E4.

    Forward only. Its derivative is 0 wherever it exists, so to ask for it is an error.
    """
    return _step(z)


@step.defderivative
def _(z: Array, a: Array) -> Array:
    raise InputError(
        "the step function has no derivative to learn from; use sigmoid or the perceptron loss"
    )


_step = without_derivative(lambda z: jnp.heaviside(z, 1), "the step function")


FAR = 1000.0  # beyond it Phi and the sigmoid are 0 or 1 in every type, and phi is 0


def _gated(z: Float[Array, "*F"], gate: Elementwise) -> Float[Array, "*F"]:
    """Return `z gate(z)`, which is 0 at minus infinity, where the product would be NaN."""
    near = _clipped(z)
    return jnp.where(z >= FAR, z, near * gate(near))


def _clipped(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    return jnp.clip(z, -FAR, FAR)


def _normal_cdf(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    return jax.scipy.special.erfc(-z / jnp.sqrt(2)) / 2
