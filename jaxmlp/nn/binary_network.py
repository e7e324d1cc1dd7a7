"""The three-layer binary network of lecture E, in the matrices of its slides.

Lecture rows E6, E12, D11.

Examples are columns here, as on the slides: `x` is `(features, n)`, `W_l` has one row per unit, and
`z_l = W_l a_{l-1} + b_l` with a column `b_l`. The rest of the library has examples as rows. With
`a_l = g(z_l)` in the two hidden layers and `a_3 = sigmoid(z_3)`:

    delta_3 = a_3 - y
    delta_2 = W_3^T delta_3 * g'(z_2)
    delta_1 = W_2^T delta_2 * g'(z_1)
    dL/dW_l = delta_l a_{l-1}^T / n        dL/db_l = delta_l 1 / n

The slides write `dL/dW_2 = (a_3 - y) w_3 g'(z_2) a_1`, and dL/dW_1 alike. This holds for one unit
in each layer. With more units the shapes do not fit: the transposes of `W_3` and `a_1` and the
elementwise product `*` are missing (erratum 23).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.nn.activations import Activation, sigmoid
from jaxmlp.nn.types import Array, Scalar

Columns = Float[Array, "units n"]  # one example in each column
Inputs = Float[Array, "features n"]
Row = Float[Array, "1 n"]


class Weights(NamedTuple):
    """The kernels and biases of the three layers, or their gradients.

    Attributes:
      W1, W2, W3: `(units, inputs of the layer)`; `W3` has one row.
      b1, b2, b3: `(units, 1)`.
    """

    W1: Float[Array, "h1 features"]
    b1: Float[Array, "h1 1"]
    W2: Float[Array, "h2 h1"]
    b2: Float[Array, "h2 1"]
    W3: Float[Array, "1 h2"]
    b3: Float[Array, "1 1"]


class Values(NamedTuple):
    """What the forward pass computes, `(units, n)` each."""

    z1: Float[Array, "h1 n"]
    a1: Float[Array, "h1 n"]
    z2: Float[Array, "h2 n"]
    a2: Float[Array, "h2 n"]
    z3: Row
    a3: Row


def forward(w: Weights, x: Inputs, g: Activation = sigmoid) -> Values:
    """Return every value of the forward pass (lecture row E6).

    Args:
      w: the weights.
      x: inputs, `(features, n)`.
      g: the activation of the two hidden layers.

    Returns:
      The values; `a3` is the prediction, `(1, n)`.
    """
    z1 = w.W1 @ x + w.b1
    a1 = g(z1)
    z2 = w.W2 @ a1 + w.b2
    a2 = g(z2)
    z3 = w.W3 @ a2 + w.b3
    return Values(z1, a1, z2, a2, z3, jax.nn.sigmoid(z3))


def loss(v: Values, y: Row) -> Scalar:
    """Return `L = -mean((1 - y) log(1 - a_3) + y log a_3)`, from `z_3` (lecture row E6).

    Args:
      v: the values of the forward pass.
      y: 0 or 1 of each example, `(1, n)`.

    Returns:
      A scalar.
    """
    zero = jnp.zeros_like(v.z3)
    return jnp.mean(y * jnp.logaddexp(-v.z3, zero) + (1 - y) * jnp.logaddexp(v.z3, zero))


def dw3(delta3: Row, a2: Float[Array, "h2 n"]) -> Float[Array, "1 h2"]:
    """Return `dL/dW_3 = (a_3 - y) a_2^T / n`, for `delta3 = a_3 - y` (lecture row E6)."""
    return delta3 @ a2.T / a2.shape[1]


def delta_below(
    W: Float[Array, "above units"], delta: Float[Array, "above n"], slope: Columns
) -> Float[Array, "units n"]:
    """Return `delta_{l-1} = W_l^T delta_l * g'(z_{l-1})`, with an elementwise product.

    Lecture rows E6, D8.

    Args:
      W: the kernel of layer l.
      delta: `dL/dz_l`.
      slope: `g'(z_{l-1})`.

    Returns:
      `dL/dz_{l-1}`.
    """
    return (W.T @ delta) * slope


def dw2(
    W3: Float[Array, "1 h2"],
    delta3: Row,
    slope2: Float[Array, "h2 n"],
    a1: Float[Array, "h1 n"],
) -> Float[Array, "h2 h1"]:
    """Return `dL/dW_2 = (W_3^T (a_3 - y) * g'(z_2)) a_1^T / n` (lecture row E6)."""
    return delta_below(W3, delta3, slope2) @ a1.T / a1.shape[1]


def dw1(
    W2: Float[Array, "h2 h1"],
    W3: Float[Array, "1 h2"],
    delta3: Row,
    slopes: tuple[Float[Array, "h1 n"], Float[Array, "h2 n"]],
    x: Inputs,
) -> Float[Array, "h1 features"]:
    """Return `dL/dW_1 = (W_2^T (W_3^T (a_3 - y) * g'(z_2)) * g'(z_1)) x^T / n` (lecture row E6).

    Args:
      W2: the kernel of the second layer.
      W3: the kernel of the third layer.
      delta3: `a_3 - y`.
      slopes: `g'(z_1)` and `g'(z_2)`.
      x: inputs.

    Returns:
      `(h1, features)`.
    """
    delta2 = delta_below(W3, delta3, slopes[1])
    return delta_below(W2, delta2, slopes[0]) @ x.T / x.shape[1]


def db(delta: Columns) -> Float[Array, "units 1"]:
    """Return `dL/db_l = delta_l 1 / n`: the sum over the examples (lecture rows D11, E6).

    Forward, the one column of the bias is broadcast to all n columns of `z`. Each copy gets a
    gradient of its own, and the gradients of copies add up (lecture row B5).
    """
    return jnp.sum(delta, axis=1, keepdims=True) / delta.shape[1]


def gradient(w: Weights, x: Inputs, y: Row, g: Activation = sigmoid) -> Weights:
    """Return the gradient of the loss with respect to all weights (lecture row E6).

    Args:
      w: the weights.
      x: inputs, `(features, n)`.
      y: 0 or 1 of each example, `(1, n)`.
      g: the activation of the two hidden layers.

    Returns:
      A gradient of the shape of each weight.
    """
    v = forward(w, x, g)
    slope1, slope2 = g.derivative(v.z1, v.a1), g.derivative(v.z2, v.a2)
    delta3 = v.a3 - y
    delta2 = delta_below(w.W3, delta3, slope2)
    return Weights(
        dw1(w.W2, w.W3, delta3, (slope1, slope2), x),
        db(delta_below(w.W2, delta2, slope1)),
        dw2(w.W3, delta3, slope2, v.a1),
        db(delta2),
        dw3(delta3, v.a2),
        db(delta3),
    )


def step(w: Weights, x: Inputs, y: Row, rate: float | Scalar, g: Activation = sigmoid) -> Weights:
    """Return the weights after a step of gradient descent, all from the old values.

    Lecture rows E6, E12.

    The gradients are formed in the order `W_3, W_2, W_1`, because each needs the delta above it.
    All of them belong to the old weights; only then are the weights replaced. So the order in which
    they are replaced does not matter.

    Args:
      w: the weights.
      x: inputs, `(features, n)`.
      y: 0 or 1 of each example, `(1, n)`.
      rate: the learning rate alpha.
      g: the activation of the two hidden layers.

    Returns:
      `w - alpha dL/dw`.
    """
    return jax.tree.map(lambda p, d: p - rate * d, w, gradient(w, x, y, g))


def step_layer_by_layer(
    w: Weights, x: Inputs, y: Row, rate: float | Scalar, g: Activation = sigmoid
) -> Weights:
    """Return the weights if each layer is replaced before the gradient below it is formed.

    Lecture row E12.

    This is the mistake to which the order `W_3, W_2, W_1` invites: `dL/dW_2` then sees the new
    `W_3`, and `dL/dW_1` the new `W_3` and `W_2`. It is not a step along the gradient of any one
    point.

    Args:
      w: the weights.
      x: inputs, `(features, n)`.
      y: 0 or 1 of each example, `(1, n)`.
      rate: the learning rate alpha.
      g: the activation of the two hidden layers.

    Returns:
      Weights that differ from those of `step` in the first two layers.
    """
    v = forward(w, x, g)
    slope1, slope2 = g.derivative(v.z1, v.a1), g.derivative(v.z2, v.a2)
    delta3 = v.a3 - y
    w = w._replace(W3=w.W3 - rate * dw3(delta3, v.a2), b3=w.b3 - rate * db(delta3))
    delta2 = delta_below(w.W3, delta3, slope2)
    w = w._replace(W2=w.W2 - rate * dw2(w.W3, delta3, slope2, v.a1), b2=w.b2 - rate * db(delta2))
    delta1 = delta_below(w.W2, delta2, slope1)
    W1 = w.W1 - rate * dw1(w.W2, w.W3, delta3, (slope1, slope2), x)
    return w._replace(W1=W1, b1=w.b1 - rate * db(delta1))
