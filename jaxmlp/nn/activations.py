"""Activation functions, each with its derivative below it.

An activation acts on every element of `z` by itself. So its Jacobian is diagonal, and one number
per element describes it: `da/dz`.

Where a function has a kink, its slopes from the left and from the right bound the subgradients.
Each of them is right there, and we choose one, by hand as by machine (lecture rows C9, C12, erratum
6):

| at the kink                         | from the left | from the right | ours                 |
|-------------------------------------|---------------|----------------|----------------------|
| `relu` at 0                         | 0             | 1              | 0, as `jax.nn.relu`  |
| `leaky_relu`, `elu`, `prelu` at 0   | alpha         | 1              | alpha                |
| max gate, `max_pool`: equal inputs  | 0             | 1              | 1 to the first input |
| `mae`; `quantile`: no error         | -1; -q        | 1; 1 - q       | 0                    |
| `perceptron` at `z = 0`             | -y            | 1 - y          | 1 - y                |

Lecture C, appendix, takes the slope 1 for ReLU at 0, which is also a subgradient.

At the ends, value and derivative hold these rules, by hand as by machine:

- A NaN stays visible: where `z` is NaN, so are `a` and `da/dz` (but the derivative of the identity
  is 1 everywhere). To have this from `jax.grad` too, a function of pieces says `z sign(z)` for
  `z > 0`: its slope is `sign(z)`, which is NaN for NaN.
- At `z = +-inf` they are the limits: 0, 1, -1, the slope of a piece, or an infinite value.
- Numbers below the smallest normal one, 1e-38 in float32, count as 0 where the machine treats
  them so, as XLA does on a CPU.

All functions are accurate for `|z|` up to 1e4 in float32. Lecture rows B10, B11, D3, E4.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Float, PyTree

from jaxmlp.errors import InputError, check
from jaxmlp.nn.types import Array

Elementwise = Callable[[Array], Array]
Derivative = Callable[[Array, Array], Array]


def _not_defined(z: Array, a: Array) -> Array:
    raise InputError("this activation has no derivative yet; define it by defderivative")


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of one number, applied to every element, and its derivative.

    Attributes:
      name: the name it is known by, with its number where that is not the usual one.
      value: `z -> a`.
      derivative: `(z, a) -> da/dz`, given here or below the function by `defderivative`. It takes
        both `z` and `a`, so that it can use the cheaper one.
      kind: its name without a number; empty if that is `name`.
      settings: its numbers, such as `{"alpha": 0.01}`.
    """

    name: str
    value: Elementwise = field(repr=False)
    derivative: Derivative = field(repr=False, default=_not_defined)
    kind: str = field(repr=False, default="")
    settings: dict[str, float] = field(repr=False, default_factory=dict)

    def __call__(self, z: Float[Array, "*F"]) -> Float[Array, "*F"]:
        """Return `a = value(z)`."""
        return self.value(z)

    @property
    def has_derivative(self) -> bool:
        """Whether the derivative is defined."""
        return self.derivative is not _not_defined

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


def _positive(argument: str, number: float) -> float:
    """Return Python's number, which takes the type of the array that it meets."""
    check(0 < number < math.inf, argument, "a finite positive number", number)
    return float(number)


def leaky_relu_of(alpha: float) -> Activation:
    """Leaky ReLU: `a = z` for `z > 0`, else `alpha z`; `da/dz` is 1 or alpha.

    Lecture rows B10, E4.

    The lecture writes `a = max(alpha z, z)`, which is the same if `alpha <= 1` (erratum 16).

    Args:
      alpha: the slope for `z <= 0`.

    Returns:
      An activation.

    Raises:
      InputError: if alpha is not positive and finite.
    """
    alpha = _positive("alpha", alpha)

    def value(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
        return jnp.where(z <= 0, alpha * z, z * jnp.sign(z))

    def derivative(z: Float[Array, "*F"], a: Float[Array, "*F"]) -> Float[Array, "*F"]:
        return jnp.where(z <= 0, alpha, jnp.sign(z))

    name = "leaky_relu" if alpha == 0.01 else f"leaky_relu {alpha:g}"
    return Activation(name, value, derivative, "leaky_relu", {"alpha": alpha})


leaky_relu = leaky_relu_of(0.01)
"""Leaky ReLU with the lecture's slope: `a = z` for `z > 0`, else `0.01 z` (lecture row B10)."""


def elu_of(alpha: float) -> Activation:
    """ELU: `a = z` for `z > 0`, else `alpha (e^z - 1)`; `da/dz` is 1 or `alpha e^z`.

    Lecture row B10.

    Far below 0 it tends to `-alpha`. Only with `alpha = 1` is its slope continuous at 0 (Clevert,
    Unterthiner and Hochreiter 2015).

    Args:
      alpha: the slope at 0 from the left, and the bound far below.

    Returns:
      An activation.

    Raises:
      InputError: if alpha is not positive and finite.
    """
    alpha = _positive("alpha", alpha)

    def value(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
        return jnp.where(z > 0, z, alpha * jnp.expm1(jnp.where(z > 0, 0, z)))

    def derivative(z: Float[Array, "*F"], a: Float[Array, "*F"]) -> Float[Array, "*F"]:
        return jnp.where(z > 0, 1, alpha * jnp.exp(jnp.where(z > 0, 0, z)))

    name = "elu" if alpha == 1 else f"elu {alpha:g}"
    return Activation(name, value, derivative, "elu", {"alpha": alpha})


elu = elu_of(1.0)
"""ELU with the lecture's alpha: `a = z` for `z > 0`, else `e^z - 1` (lecture row B10)."""


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


def softplus_of(beta: float) -> Activation:
    """ReLU with a rounded cusp, `a = log(1 + e^(beta z)) / beta`; `da/dz = sigmoid(beta z)`.

    Lecture row C12.

    It lies above ReLU, by `log(2) / beta` at `z = 0` and by less elsewhere, so it tends to ReLU as
    beta grows, everywhere alike. Its slope at 0 is 1/2 for every beta; at every other `z` it tends
    to that of ReLU, and differs from it by at most `e^(-beta |z|)`.

    Args:
      beta: how sharp the bend is.

    Returns:
      An activation.

    Raises:
      InputError: if beta is not positive and finite.
    """
    beta = _positive("beta", beta)

    def value(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
        return softplus(beta * z) / beta

    def derivative(z: Float[Array, "*F"], a: Float[Array, "*F"]) -> Float[Array, "*F"]:
        return jax.nn.sigmoid(beta * z)

    return Activation(f"rounded_relu {beta:g}", value, derivative, "rounded_relu", {"beta": beta})


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


def fires(z: Array) -> Array:
    """Return 1 for `z >= 0`, else 0, and NaN for NaN, which JAX 0.8's `heaviside` takes for 1."""
    return jnp.where(jnp.isnan(z), z, (z >= 0).astype(z.dtype))


_step = without_derivative(fires, "the step function")


FAR = 1000.0  # beyond it Phi and the sigmoid are 0 or 1 in every type, and phi is 0


def _gated(z: Float[Array, "*F"], gate: Elementwise) -> Float[Array, "*F"]:
    """Return `z gate(z)`, which is 0 at minus infinity, where the product would be NaN."""
    near = _clipped(z)
    return jnp.where(z >= FAR, z, near * gate(near))


def _clipped(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    return jnp.clip(z, -FAR, FAR)


def _normal_cdf(z: Float[Array, "*F"]) -> Float[Array, "*F"]:
    return jax.scipy.special.erfc(-z / jnp.sqrt(2)) / 2
