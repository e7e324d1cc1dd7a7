"""JAX's differentiation and Optax's optimizers, under our names and arguments.

Each can replace the hand-written one, and the tests compare the two. No other module of the library
imports `optax` or differentiates with JAX.
"""

from typing import Any

import jax
import optax

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn.backprop import ValueAndGrad


def autodiff(model: nn.Layer, loss: nn.Loss) -> ValueAndGrad:
    """The gradient of the objective by `jax.value_and_grad`; see `jaxmlp.nn.value_and_grad`."""
    return jax.value_and_grad(nn.objective(model, loss), has_aux=True)


def sgd(learning_rate: Any) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.sgd`."""
    return optax.sgd(learning_rate)


def momentum(learning_rate: Any, mu: float = 0.9) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.momentum`.

    `optax.sgd(momentum=mu)` scales after the trace; with a changing rate that is another rule.
    """
    return optax.chain(optax.scale_by_learning_rate(learning_rate), optax.trace(mu))


def nesterov(learning_rate: Any, mu: float = 0.9) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.nesterov`."""
    scale = optax.scale_by_learning_rate(learning_rate)
    return optax.chain(scale, optax.trace(mu, nesterov=True))


def adagrad(
    learning_rate: Any, epsilon: float = 1e-7, epsilon_inside: bool = True
) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.adagrad`, its accumulator started at 0.

    Raises:
      InputError: if epsilon is to stand outside of the root, which Optax does not have.
    """
    if not epsilon_inside:
        raise InputError("the adagrad of optax has epsilon inside the root only; use ours")
    return optax.adagrad(learning_rate, initial_accumulator_value=0.0, eps=epsilon)


def rmsprop(
    learning_rate: Any, beta: float = 0.9, epsilon: float = 1e-8, epsilon_inside: bool = True
) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.rmsprop`."""
    return optax.rmsprop(learning_rate, beta, epsilon, eps_in_sqrt=epsilon_inside)


def adam(
    learning_rate: Any,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    epsilon_inside: bool = False,
) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.adam`."""
    return optax.adam(learning_rate, beta1, beta2, **_placed(epsilon, epsilon_inside))


def _placed(epsilon: float, inside: bool) -> dict[str, float]:
    """Return epsilon by Optax's names: `eps_root` is inside the root, `eps` outside of it."""
    return {"eps": 0.0, "eps_root": epsilon} if inside else {"eps": epsilon}


def adamw(
    learning_rate: Any,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
    epsilon_inside: bool = False,
) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.adamw`, with biases spared."""

    def kernels(params: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.ndim >= 2, params)

    placed = _placed(epsilon, epsilon_inside)
    return optax.adamw(
        learning_rate, beta1, beta2, **placed, weight_decay=weight_decay, mask=kernels
    )
