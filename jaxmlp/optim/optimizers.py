"""Update rules, each a page of the lectures, as Optax's pair of pure functions.

`init(params) -> state` and `update(gradients, state, params) -> (updates, state)`, where the
updates are added to the parameters. So each can stand wherever one of Optax's can, and the other
way round.

`w` are the parameters, `g` their gradient, `t` the number of updates made before this one, and
`eta_t` the learning rate: a number, or a schedule from `jaxmlp.optim.schedules`. Every rule acts on
each number alone, so it is written for one array and mapped over the tree.
"""

import jax.numpy as jnp
from jax import Array

from jaxmlp.optim.base import (
    Optimizer,
    Rate,
    State,
    Tree,
    check_decay,
    check_epsilon,
    each,
    root,
    schedule_of,
    start,
    zeros,
)
from jaxmlp.optim.wrappers import with_weight_decay


def sgd(learning_rate: Rate) -> Optimizer:
    """Gradient descent, `w <- w - eta_t g` (B1, C3, E10).

    Args:
      learning_rate: `eta`, a number or a schedule.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite.
    """
    eta = schedule_of(learning_rate)

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        return each(lambda eta, g: -eta * g, (eta(state.t),), g), State(state.t + 1)

    return Optimizer(lambda params: State(start()), update)


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
        check_decay("momentum", mu)
    eta, mu_of = schedule_of(learning_rate), schedule_of(mu, "momentum")

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        numbers = eta(state.t), mu_of(state.t)

        def velocity(eta: Array, mu: Array, v: Array, g: Array) -> Array:
            return mu * v - eta * g

        v = each(velocity, numbers, state.v, g)
        step = each(velocity, numbers, v, g) if nesterov else v
        return step, State(state.t + 1, v)

    return Optimizer(lambda params: State(start(), zeros(params)), update)


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
    check_epsilon(epsilon)
    eta = schedule_of(learning_rate)

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        s = each(lambda s, g: s + g * g, (), state.s, g)
        step = each(
            lambda eta, s, g: -eta * g / root(s, epsilon, epsilon_inside), (eta(state.t),), s, g
        )
        return step, State(state.t + 1, s=s)

    return Optimizer(lambda params: State(start(), s=zeros(params)), update)


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
    check_decay("beta", beta)
    check_epsilon(epsilon)
    eta = schedule_of(learning_rate)

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        s = each(lambda s, g: beta * s + (1 - beta) * g * g, (), state.s, g)
        step = each(
            lambda eta, s, g: -eta * g / root(s, epsilon, epsilon_inside), (eta(state.t),), s, g
        )
        return step, State(state.t + 1, s=s)

    return Optimizer(lambda params: State(start(), s=zeros(params)), update)


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
    check_decay("beta1", beta1)
    check_decay("beta2", beta2)
    check_epsilon(epsilon)
    eta = schedule_of(learning_rate)

    def update(g: Tree, state: State, params: Tree = None) -> tuple[Tree, State]:
        t = state.t + 1
        power = jnp.asarray(t, float)
        v = each(lambda v, g: beta1 * v + (1 - beta1) * g, (), state.v, g)
        s = each(lambda s, g: beta2 * s + (1 - beta2) * g * g, (), state.s, g)

        def step(eta: Array, c1: Array, c2: Array, v: Array, s: Array) -> Array:
            return -eta * (c1 * v) / root(c2 * s, epsilon, epsilon_inside)

        # the reciprocals once, for a division of every number takes long
        corrections = 1 / (1 - beta1**power), 1 / (1 - beta2**power)
        return each(step, (eta(state.t), *corrections), v, s), State(t, v, s)

    return Optimizer(lambda params: State(start(), zeros(params), zeros(params)), update)


def adamw(
    learning_rate: Rate,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Optimizer:
    """Adam with decoupled weight decay; see `adam` and `with_weight_decay`.

    Loshchilov and Hutter (2019).

    Args:
      learning_rate: `eta`, a number or a schedule.
      beta1: how much of the mean gradient is kept, in [0, 1).
      beta2: how much of the mean square is kept, in [0, 1).
      epsilon: keeps the divisor from 0.
      weight_decay: `lambda`.

    Returns:
      An optimizer.

    Raises:
      InputError: as those two do.
    """
    plain = adam(learning_rate, beta1, beta2, epsilon)
    return with_weight_decay(plain, learning_rate, weight_decay)
