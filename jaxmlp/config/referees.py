"""JAX's differentiation and Optax's optimizers, under our names and arguments.

Each can replace the hand-written one, and the tests compare the two. No other module of the library
imports `optax` or differentiates with JAX.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmlp import nn, optim
from jaxmlp.errors import InputError
from jaxmlp.nn.backprop import ValueAndGrad, ValueAndGrads
from jaxmlp.optim.muon import EPSILON, ROOT_MEAN_SQUARE, is_hidden


def autodiff(model: nn.Layer, loss: nn.Loss) -> ValueAndGrad:
    """The gradient of the objective by `jax.value_and_grad`; see `jaxmlp.nn.value_and_grad`."""
    return jax.value_and_grad(nn.objective(model, loss), has_aux=True)


def autodiff_of_both(model: nn.Layer, loss: nn.Loss) -> ValueAndGrads:
    """The gradients by `jax.value_and_grad`; see `jaxmlp.nn.value_and_grads`."""
    return jax.value_and_grad(nn.objective(model, loss), (0, 1), has_aux=True)


def gradient(f: Callable[[Any], jax.Array]) -> Callable[[Any], Any]:
    """The gradient of a scalar function of a tree, by `jax.grad`, compiled."""
    compiled: Callable[[Any], Any] = jax.jit(jax.grad(f))
    return compiled


def slopes(f: Callable[..., jax.Array], *at: np.ndarray) -> tuple[jax.Array, ...]:
    """Return `df/dx` by `jax.grad` for each argument x of a function with a scalar value."""
    return _gradient(f, len(at))(*at)


@functools.lru_cache(maxsize=4)  # a function that comes again is not compiled again
def _gradient(f: Callable[..., jax.Array], n: int) -> Callable[..., tuple[jax.Array, ...]]:
    compiled: Callable[..., tuple[jax.Array, ...]] = jax.jit(jax.grad(f, tuple(range(n))))
    return compiled


def jacobian(f: Callable[[jax.Array], jax.Array], at: np.ndarray) -> jax.Array:
    """Return the matrix `df_i/dx_j` by `jax.jacobian`."""
    matrix: jax.Array = jax.jit(jax.jacobian(f))(at)
    return matrix


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
    placed = _placed(epsilon, epsilon_inside)
    return optax.adamw(
        learning_rate, beta1, beta2, **placed, weight_decay=weight_decay, mask=_kernels
    )


def _kernels(params: Any) -> Any:
    """Return which arrays decay."""
    return jax.tree.map(lambda leaf: leaf.ndim >= 2, params)


def lion(
    learning_rate: Any, beta1: float = 0.9, beta2: float = 0.99, weight_decay: float = 0.0
) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.lion`, with biases spared."""
    return optax.lion(learning_rate, beta1, beta2, weight_decay=weight_decay, mask=_kernels)


def sign_sgd(learning_rate: Any) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.sign_sgd`."""
    return optax.sign_sgd(learning_rate)


def muon(
    learning_rate: Any,
    mu: float = 0.95,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.1,
    epsilon_inside: bool = False,
) -> optax.GradientTransformation:
    """Optax's counterpart of `jaxmlp.optim.muon`, made of its parts.

    `optax.contrib.muon` corrects the momentum for its start at zero, and takes Nesterov's form of
    Adam for the other arrays.
    """
    form = optax.contrib.MuonDimensionNumbers
    forms = {2: form(0, 1), 4: form((0, 1, 2), 3)}

    def labels(params: Any) -> Any:
        names = ["hidden" if hidden else "other" for _, hidden in is_hidden(params)]
        return jax.tree.unflatten(jax.tree.structure(params), names)

    orthogonal = optax.contrib.muon(
        learning_rate,
        beta=0.0,
        eps=EPSILON,
        weight_decay=weight_decay,
        nesterov=False,
        muon_weight_dimension_numbers=lambda tree: jax.tree.map(lambda w: forms[w.ndim], tree),
        consistent_rms=ROOT_MEAN_SQUARE,
    )
    hidden = optax.chain(optax.trace(mu, nesterov=True), orthogonal)
    others = adamw(learning_rate, beta1, beta2, epsilon, weight_decay, epsilon_inside)
    return optax.partition({"hidden": hidden, "other": others}, labels)


class _Evaluated(NamedTuple):
    """The state of Optax's schedule-free rule, and the parameters that it is judged by."""

    inner: Any
    judged: Any


def _schedule_free(
    rule: optax.GradientTransformation, learning_rate: Any, beta1: float
) -> optim.Optimizer:
    """Optax's counterpart of `jaxmlp.optim.schedule_free`."""
    rate = learning_rate if callable(learning_rate) else optax.constant_schedule(learning_rate)
    # Optax weighs a step by the rate of the next one
    free = optax.contrib.schedule_free(rule, lambda t: rate(t - 1), beta1)

    def init(params: Any) -> _Evaluated:
        return _Evaluated(free.init(params), jax.tree.map(jnp.copy, params))

    def update(gradients: Any, state: _Evaluated, params: Any) -> tuple[Any, _Evaluated]:
        updates, inner = free.update(gradients, state.inner, params)
        y = optax.apply_updates(params, updates)
        return updates, _Evaluated(inner, optax.contrib.schedule_free_eval_params(inner, y))

    return optim.Optimizer(init, update)


def schedule_free_sgd(
    learning_rate: Any, beta1: float = 0.9, weight_decay: float = 0.0
) -> optim.Optimizer:
    """Optax's counterpart of `jaxmlp.optim.schedule_free_sgd`, with biases spared."""
    decay = optax.add_decayed_weights(weight_decay, _kernels)
    return _schedule_free(optax.chain(decay, optax.sgd(learning_rate)), learning_rate, beta1)


def schedule_free_adamw(
    learning_rate: Any,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    epsilon_inside: bool = False,
) -> optim.Optimizer:
    """Optax's counterpart of `jaxmlp.optim.schedule_free_adamw`, with biases spared."""
    rule = adamw(learning_rate, 0.0, beta2, epsilon, weight_decay, epsilon_inside)
    return _schedule_free(rule, learning_rate, beta1)
