"""Backpropagation by hand: the gradient of a network's loss, layer by layer.

`value_and_grad(model, loss)` has the signature and the result of
`jax.value_and_grad(objective(model, loss), has_aux=True)`, which differentiates the same function
automatically. So the trainer can use either.
"""

from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Float

from jaxmlp.errors import check
from jaxmlp.nn.layers import Layer, in_order
from jaxmlp.nn.losses import Loss
from jaxmlp.nn.types import Array, Outputs, Params, RandomKey, Scalar, Targets, Weights


@runtime_checkable  # so that the tests can check what is annotated with it
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
          weights: one per example `(N,)`; with `None` all weights are equal.
          key: with a key dropout drops, as in training; without one nothing is random.
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
    """The function that training minimises, `L(params) = loss(model(params, x), targets)`.

    Args:
      model: the network.
      loss: the loss of its raw outputs.

    Returns:
      A function `(params, x, targets, weights=None, key=None) -> (value, outputs)`.
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


@runtime_checkable
class ValueAndGrads(Protocol):
    """`(params, x, targets, weights, key) -> ((value, outputs), (dparams, dx))`."""

    def __call__(
        self,
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[tuple[Scalar, Outputs], tuple[Params, Float[Array, "N ..."]]]:
        """Return what the objective returns, and its gradients: of the parameters, of `x`."""


def value_and_grad(model: Layer, loss: Loss) -> ValueAndGrad:
    """The objective with its gradient by hand (lecture rows B7, D8, E6).

    Args:
      model: the network.
      loss: the loss of its raw outputs.

    Returns:
      A function `(params, x, targets, weights=None, key=None) -> ((value, outputs), dparams)`. It
      raises `InputError` as `value_and_grads` does, of which it leaves out `dx`; a compiler does
      not compute what is left out.
    """
    both = value_and_grads(model, loss)

    def value_and_gradient(
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[tuple[Scalar, Outputs], Params]:
        value, (dparams, _) = both(params, x, targets, weights, key)
        return value, dparams

    return value_and_gradient


def value_and_grads(model: Layer, loss: Loss) -> ValueAndGrads:
    """The objective with its gradients by hand, of the parameters and of the inputs.

    Three steps: forward through the layers, which keep their caches; `delta = dL/doutputs` from the
    loss; backward through the layers.

    Args:
      model: the network.
      loss: the loss of its raw outputs.

    Returns:
      A function `(params, x, targets, weights=None, key=None) -> ((value, outputs), (dparams,
      dx))`. It raises `InputError` if a layer's `backward` returns a gradient of another shape than
      the parameter; shapes are known when the function is traced, so the check costs nothing.
    """

    def value_and_gradients(
        params: Params,
        x: Float[Array, "N ..."],
        targets: Targets,
        weights: Weights | None = None,
        key: RandomKey | None = None,
    ) -> tuple[tuple[Scalar, Outputs], tuple[Params, Float[Array, "N ..."]]]:
        outputs, caches = model.forward(params, x, key)
        delta = loss.gradient(outputs, targets, weights)
        dparams, dx = model.backward(params, caches, delta)
        _check_shapes(model, params, dparams)
        return (loss(outputs, targets, weights), outputs), (dparams, dx)

    return value_and_gradients


def _check_shapes(model: Layer, params: Params, dparams: Params) -> None:
    """Reject the gradient of a layer that has another shape than its parameters."""
    pairs = zip(in_order(model, params), in_order(model, dparams), strict=True)
    for number, ((layer, w), (_, dw)) in enumerate(pairs, 1):
        what = f"the gradient of layer {number} ({layer.name})"
        structure: Any = jax.tree.structure(dw)
        same = jax.tree.structure(w) == structure
        check(same, what, "a tree like the layer's parameters", str(structure))
        leaves, _ = jax.tree_util.tree_flatten_with_path(w)
        for (path, leaf), slope in zip(leaves, jax.tree.leaves(dw), strict=True):
            name = jax.tree_util.keystr(path, simple=True, separator=".")
            shape, got = jnp.shape(leaf), jnp.shape(slope)
            check(got == shape, f"{what} with respect to {name}", f"of shape {shape}", got)
