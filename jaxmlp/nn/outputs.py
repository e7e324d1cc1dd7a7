"""An output activation for a target that is never negative, such as an age (lecture rows E5, E13).

The raw output is any number. A ReLU or a softplus behind it makes a prediction that is not
negative. A sigmoid is no choice: it never says more than 1.
"""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.nn.activations import Activation
from jaxmlp.nn.mean_loss import Loss
from jaxmlp.nn.types import Array, Outputs, Targets


def standardised(activation: Activation, shift: Float[Array, "K"]) -> Activation:
    """An activation of the target's own unit, for a network that learns standardised targets.

    A target `u` with mean m and deviation s is learned as `t = (u - m) / s`, and `u >= 0` is
    `t >= -c` with `c = m / s`. So the activation must not end at `t = 0`, which is the mean, but at
    `t = -c`: the prediction is

        a = f(z + c) - c,        da/dz = f'(z + c),

    and in the target's unit `m + s a = s f(z + c)`, which is not negative. Where `z + c` is large
    it is the identity, and a fresh network, whose outputs are near 0, predicts about the mean.

    Args:
      activation: `f`, a ReLU or a softplus, for which `f(x) - f(-x) = x`.
      shift: `c` of each output.

    Returns:
      An activation of `(N, K)`.
    """

    def moved(z: Outputs) -> Outputs:
        return z + jnp.asarray(shift, z.dtype)[None, :]

    def value(z: Outputs) -> Outputs:
        a = activation(moved(z)) - jnp.asarray(shift, z.dtype)[None, :]
        # f(x) = x + f(-x), for both: far above the bend a is z to the last bit, however large c is
        return jnp.where(moved(z) > 0, z + activation(-moved(z)), a)

    def derivative(z: Outputs, a: Outputs) -> Outputs:
        return activation.derivative(moved(z), activation(moved(z)))  # a + c would be rounded

    return Activation(activation.name, value, derivative)


def behind(activation: Activation, loss: Loss) -> Loss:
    """The loss of the prediction `a = f(z)`, as a loss of the raw output z.

    `l(z, y) = l(f(z), y)` and `dl/dz = dl/da f'(z)`. So a network still returns raw outputs, as
    with the losses that contain a softmax or a sigmoid.

    Args:
      activation: `f`.
      loss: a loss of the prediction.

    Returns:
      A loss of the raw output.
    """

    def per_example(z: Outputs, y: Targets) -> Float[Array, "N"]:
        return loss.per_example(activation(z), y)

    def gradient(z: Outputs, y: Targets) -> Outputs:
        a = activation(z)
        return loss.per_example_gradient(a, y) * activation.derivative(z, a)

    return dataclasses.replace(
        loss,
        name=f"{loss.name} of {activation.name}",
        per_example=per_example,
        per_example_gradient=gradient,
    )
