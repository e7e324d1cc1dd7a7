"""Update rules, each a page of the lectures, as Optax's pair of pure functions.

`init(params) -> state` and `update(gradients, state, params) -> (updates, state)`, where the
updates are added to the parameters. So each can stand wherever one of Optax's can, and the other
way round.

`w` are the parameters, `g` their gradient, `t` the number of updates made before this one, and
`eta_t` the learning rate: a number, or a schedule from `jaxmlp.optim.schedules`. Every rule acts on
each number alone, so it is written for one array and mapped over the tree.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxmlp.optim.schedules import Schedule, check_number, constant, is_size

Tree = Any
Rate = float | Array | Schedule


class Optimizer(NamedTuple):
    """An update rule.

    Attributes:
      init: `params -> state`.
      update: `(gradients, state, params) -> (updates, state)`.
    """

    init: Callable[[Tree], Any]
    update: Callable[..., tuple[Tree, Any]]


class State(NamedTuple):
    """What an optimizer remembers: the number of updates made, and running quantities like `w`.

    Attributes:
      t: number of updates made, int32.
      v: momentum's velocity, or the running mean of the gradient (Adam's `m`); else `()`.
      s: the running sum or mean of the squared gradient; else `()`.
    """

    t: Array
    v: Tree = ()
    s: Tree = ()


def _schedule(rate: Rate, argument: str = "learning rate") -> Schedule:
    return rate if callable(rate) else constant(rate, argument)


def _check_decay(argument: str, value: float | Array) -> None:
    check_number(argument, "in [0, 1)", value, lambda x: 0 <= x < 1)


def _check_epsilon(epsilon: float) -> None:
    check_number("epsilon", "at least 0", epsilon, lambda x: x >= 0)


def _zeros(params: Tree) -> Tree:
    return jax.tree.map(jnp.zeros_like, params)


def _start() -> Array:
    return jnp.zeros((), jnp.int32)


def _each(rule: Callable[..., Array], numbers: tuple[Any, ...], *trees: Tree) -> Tree:
    """Map `rule(*numbers, *leaves)` over the trees, the numbers in each leaf's own type."""

    def on_leaf(*leaves: Array) -> Array:
        return rule(*(jnp.asarray(number, leaves[0].dtype) for number in numbers), *leaves)

    return jax.tree.map(on_leaf, *trees)


def _root(s: Array, epsilon: float, inside: bool) -> Array:
    """Return the divisor, `sqrt(s + epsilon)` or `sqrt(s) + epsilon`."""
    return jnp.sqrt(s + epsilon) if inside else jnp.sqrt(s) + epsilon


def sgd(learning_rate: Rate) -> Optimizer:
    """Gradient descent, `w <- w - eta_t g` (B1, C3, E10).

    Args:
      learning_rate: `eta`, a number or a schedule.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite.
    """
    eta = _schedule(learning_rate)

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        return _each(lambda eta, g: -eta * g, (eta(state.t),), g), State(state.t + 1)

    return Optimizer(lambda params: State(_start()), update)


def momentum(learning_rate: Rate, mu: Rate = 0.9, nesterov: bool = False) -> Optimizer:
    """Gradient descent with momentum, `v <- mu_t v - eta_t g`, `w <- w + v` (C4).

    Nesterov's form steps to where the velocity is about to lead: `w <- w + mu_t v - eta_t g`, with
    `v` the new velocity; the gradient is then the one at the look-ahead point (Sutskever et al.
    2013, rewritten for the shifted parameters). Optax keeps `eta` out of the velocity, which is the
    same for a constant rate and differs where the rate changes.

    Args:
      learning_rate: `eta`, a number or a schedule.
      mu: momentum, a number in [0, 1) or a schedule.
      nesterov: whether to take Nesterov's form.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, or `mu` lies outside [0, 1).
    """
    if not callable(mu):
        _check_decay("momentum", mu)
    eta, mu_of = _schedule(learning_rate), _schedule(mu, "momentum")

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        numbers = eta(state.t), mu_of(state.t)

        def velocity(eta: Array, mu: Array, v: Array, g: Array) -> Array:
            return mu * v - eta * g

        v = _each(velocity, numbers, state.v, g)
        step = _each(velocity, numbers, v, g) if nesterov else v
        return step, State(state.t + 1, v)

    return Optimizer(lambda params: State(_start(), _zeros(params)), update)


def nesterov(learning_rate: Rate, mu: Rate = 0.9) -> Optimizer:
    """Gradient descent with Nesterov's momentum; see `momentum` (C4).

    Args:
      learning_rate: `eta`, a number or a schedule.
      mu: momentum, a number in [0, 1) or a schedule.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, or `mu` lies outside [0, 1).
    """
    return momentum(learning_rate, mu, nesterov=True)


def adagrad(learning_rate: Rate, epsilon: float = 1e-7, epsilon_inside: bool = True) -> Optimizer:
    """AdaGrad, `s <- s + g^2`, `w <- w - eta_t g / sqrt(s + epsilon)` (D10; Duchi et al. 2011).

    As printed, with epsilon inside the root, and `s` starts at 0; Optax starts it at 0.1.

    Args:
      learning_rate: `eta`, a number or a schedule.
      epsilon: keeps the divisor from 0.
      epsilon_inside: divide by `sqrt(s + epsilon)`, or else by `sqrt(s) + epsilon`.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, or epsilon is negative.
    """
    _check_epsilon(epsilon)
    eta = _schedule(learning_rate)

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        s = _each(lambda s, g: s + g * g, (), state.s, g)
        step = _each(
            lambda eta, s, g: -eta * g / _root(s, epsilon, epsilon_inside), (eta(state.t),), s, g
        )
        return step, State(state.t + 1, s=s)

    return Optimizer(lambda params: State(_start(), s=_zeros(params)), update)


def rmsprop(
    learning_rate: Rate, beta: float = 0.9, epsilon: float = 1e-8, epsilon_inside: bool = True
) -> Optimizer:
    """RMSProp, `s <- beta s + (1 - beta) g^2`, `w <- w - eta_t g / sqrt(s + epsilon)` (D10).

    As printed, with epsilon inside the root, as Optax has it by default; others put it outside.

    Args:
      learning_rate: `eta`, a number or a schedule.
      beta: how much of the mean square is kept, in [0, 1).
      epsilon: keeps the divisor from 0.
      epsilon_inside: divide by `sqrt(s + epsilon)`, or else by `sqrt(s) + epsilon`.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, beta lies outside [0, 1), or epsilon is
        negative.
    """
    _check_decay("beta", beta)
    _check_epsilon(epsilon)
    eta = _schedule(learning_rate)

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        s = _each(lambda s, g: beta * s + (1 - beta) * g * g, (), state.s, g)
        step = _each(
            lambda eta, s, g: -eta * g / _root(s, epsilon, epsilon_inside), (eta(state.t),), s, g
        )
        return step, State(state.t + 1, s=s)

    return Optimizer(lambda params: State(_start(), s=_zeros(params)), update)


def adam(
    learning_rate: Rate,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    epsilon_inside: bool = False,
) -> Optimizer:
    """Adam: momentum and RMSProp, both corrected for their start at zero (D10; Kingma and Ba 2015).

    `v <- beta1 v + (1 - beta1) g`, `s <- beta2 s + (1 - beta2) g^2`, then with
    `v' = v / (1 - beta1^(t+1))` and `s' = s / (1 - beta2^(t+1))`:
    `w <- w - eta_t v' / (sqrt(s') + epsilon)`. The lecture prints `sqrt(s' + epsilon)`; the paper
    and Optax have epsilon outside, which is the default here.

    Args:
      learning_rate: `eta`, a number or a schedule.
      beta1: how much of the mean gradient is kept, in [0, 1).
      beta2: how much of the mean square is kept, in [0, 1).
      epsilon: keeps the divisor from 0.
      epsilon_inside: the lecture's form, with epsilon inside the root.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, a beta lies outside [0, 1), or epsilon is
        negative.
    """
    _check_decay("beta1", beta1)
    _check_decay("beta2", beta2)
    _check_epsilon(epsilon)
    eta = _schedule(learning_rate)

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        t = state.t + 1
        power = jnp.asarray(t, float)
        v = _each(lambda v, g: beta1 * v + (1 - beta1) * g, (), state.v, g)
        s = _each(lambda s, g: beta2 * s + (1 - beta2) * g * g, (), state.s, g)

        def step(eta: Array, c1: Array, c2: Array, v: Array, s: Array) -> Array:
            return -eta * (v / c1) / _root(s / c2, epsilon, epsilon_inside)

        return _each(step, (eta(state.t), 1 - beta1**power, 1 - beta2**power), v, s), State(t, v, s)

    return Optimizer(lambda params: State(_start(), _zeros(params), _zeros(params)), update)


def with_weight_decay(optimizer: Optimizer, learning_rate: Rate, weight_decay: float) -> Optimizer:
    """Let kernels shrink as well: `w <- w + update - eta_t lambda w` (Loshchilov and Hutter 2019).

    The decay stands beside the update and not in the gradient ("decoupled"): with Adam this is
    AdamW, with plain gradient descent it equals the L2 penalty `lambda / 2 |w|^2`. Only arrays of
    two or more axes decay, the kernels; biases and slopes are spared.

    Args:
      optimizer: any update rule.
      learning_rate: the rule's own `eta`, a number or a schedule.
      weight_decay: `lambda`.

    Returns:
      An optimizer.

    Raises:
      InputError: if lambda is negative or not finite.
    """
    lam = weight_decay
    check_number("weight decay", "a finite number of at least 0", lam, is_size)
    eta = _schedule(learning_rate)

    def init(params: Tree) -> Any:
        return _start(), optimizer.init(params)

    def update(g: Tree, state: Any, params: Tree) -> tuple[Tree, Any]:
        t, inner = state
        updates, inner = optimizer.update(g, inner, params)

        def shrink(eta: Array, u: Array, w: Array) -> Array:
            return u - eta * lam * w if w.ndim >= 2 else u

        updates = _each(shrink, (eta(t),), updates, params)
        return updates, (t + 1, inner)

    return Optimizer(init, update)
