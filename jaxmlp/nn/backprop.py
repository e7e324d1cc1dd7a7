"""Backpropagation by hand: the gradient of a network's loss, layer by layer.

`value_and_grad(model, loss)` has the signature and the result of
`jax.value_and_grad(objective(model, loss), has_aux=True)`, which differentiates the same function
by machine, so the trainer takes either.
"""

from typing import Protocol, runtime_checkable

from jaxtyping import Float

from jaxmlp.nn.layers import Layer
from jaxmlp.nn.losses import Loss
from jaxmlp.nn.types import Array, Outputs, Params, RandomKey, Scalar, Targets, Weights


@runtime_checkable
class Objective(Protocol):
    """`(params, x, targets, weights, key) -> (value, outputs)`."""

    def __call__(
        self,
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[Scalar, Outputs]:
        """Return the loss, and the network's raw outputs `(N, K)`.

        Args:
          params: the model's parameters.
          x: inputs `(N, ...)`.
          targets: labels `(N,)` or numbers `(N, K)`.
          weights: one per example `(N,)`; `None` weighs all alike.
          key: with a key the network is trained (dropout drops), without it is evaluated.
        """


@runtime_checkable
class ValueAndGrad(Protocol):
    """`(params, x, targets, weights, key) -> ((value, outputs), dparams)`."""

    def __call__(
        self,
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[tuple[Scalar, Outputs], Params]:
        """Return what the objective returns, and its gradient, a tree like the parameters."""


def objective(model: Layer, loss: Loss) -> Objective:
    """Return the function that training minimises, `L(params) = loss(model(params, x), targets)`.

    Args:
      model: the network.
      loss: the loss of its raw outputs.

    Returns:
      A function `(params, x, targets, weights=None, key=None) -> (value, outputs)`; with a key the
      network is trained (dropout drops), without it is evaluated.
    """

    def value(
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[Scalar, Outputs]:
        outputs, _ = model.forward(params, x, key)
        return loss(outputs, targets, weights), outputs

    return value


def value_and_grad(model: Layer, loss: Loss) -> ValueAndGrad:
    """Return the function that computes the objective and, by hand, its gradient (B7, D8, E6).

    Forward, keeping every layer's cache; then `delta = dL/doutputs` from the loss; then backward
    through the layers.

    Args:
      model: the network.
      loss: the loss of its raw outputs.

    Returns:
      A function `(params, x, targets, weights=None, key=None) -> ((value, outputs), dparams)`.
    """

    def value_and_gradient(
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[tuple[Scalar, Outputs], Params]:
        outputs, caches = model.forward(params, x, key)
        delta = loss.gradient(outputs, targets, weights)
        dparams, _ = model.backward(params, caches, delta)
        return (loss(outputs, targets, weights), outputs), dparams

    return value_and_gradient
