"""Gradient descent, plain and with momentum (lecture rows B1, C3, C4 and E10).

`w` are the parameters, `dw` their gradient, and `eta_t` the learning rate after `t` updates: a
number, or a schedule from `jaxmlp.optim.schedules`. Every rule acts on each number alone, so it is
written for one array and mapped over the tree.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmlp.optim.base import (
    Count,
    Leaf,
    Optimizer,
    Params,
    Scalar,
    Updates,
    check_decay,
    count_up,
    make_optimizer,
    map_arrays,
    zero_count,
    zeros,
)
from jaxmlp.optim.schedules import Rate, schedule_of


class SGDState(NamedTuple):
    """What `sgd` remembers.

    Attributes:
      t: number of updates made, int32.
    """

    t: Count


def sgd(learning_rate: Rate) -> Optimizer:
    """Gradient descent, `w <- w - eta_t dw` (lecture rows B1, C3, E10).

    Args:
      learning_rate: `eta`, a number or a schedule.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite.
    """
    eta_of = schedule_of(learning_rate)

    def init(params: Params) -> SGDState:
        return SGDState(zero_count())

    def update(
        gradients: Updates, state: SGDState, params: Params | None = None
    ) -> tuple[Updates, SGDState]:
        eta = eta_of(state.t)
        steps = jax.tree.map(lambda dw: -jnp.asarray(eta, dw.dtype) * dw, gradients)
        return steps, SGDState(count_up(state.t))

    return make_optimizer(init, update)


class MomentumState(NamedTuple):
    """What `momentum` and `nesterov` remember.

    Attributes:
      t: number of updates made, int32.
      v: velocity, a tree like the parameters.
    """

    t: Count
    v: Updates


def momentum(learning_rate: Rate, mu: Rate = 0.9, nesterov: bool = False) -> Optimizer:
    """Gradient descent with momentum, `v <- mu_t v - eta_t dw`, `w <- w + v` (lecture row C4).

    Nesterov's form moves one velocity ahead: `w <- w + mu_t v - eta_t dw`, where `v` is the new
    velocity; `w` is then the look-ahead point of Sutskever et al. (2013), and `dw` the gradient
    there. Optax and PyTorch keep `eta` out of the velocity, `v <- mu v + dw`, `w <- w - eta_t v`,
    which differs only where the rate changes; Keras' is ours. PyTorch may weigh the gradient by
    `1 - dampening`, but for the first step, where `v = dw`; its default is 0, as here.

    Args:
      learning_rate: `eta`, a number or a schedule.
      mu: momentum, a number in [0, 1) or a schedule.
      nesterov: use Nesterov's form.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, or `mu` lies outside [0, 1).
    """
    if not callable(mu):
        mu = check_decay("momentum", mu)
    eta_of, mu_of = schedule_of(learning_rate), schedule_of(mu, "momentum")

    def rule(dw: Leaf, v: Leaf, eta: Scalar, mu: Scalar) -> tuple[Leaf, Leaf]:
        v = mu * v - eta * dw
        step = mu * v - eta * dw if nesterov else v
        return step, v

    def init(params: Params) -> MomentumState:
        return MomentumState(zero_count(), v=zeros(params))

    def update(
        gradients: Updates, state: MomentumState, params: Params | None = None
    ) -> tuple[Updates, MomentumState]:
        eta, mu = eta_of(state.t), mu_of(state.t)
        steps, v = map_arrays(rule, gradients, state.v, eta=eta, mu=mu)
        return steps, MomentumState(count_up(state.t), v)

    return make_optimizer(init, update)


def nesterov(learning_rate: Rate, mu: Rate = 0.9) -> Optimizer:
    """Gradient descent with Nesterov's momentum; see `momentum` (lecture row C4).

    Args:
      learning_rate: `eta`, a number or a schedule.
      mu: momentum, a number in [0, 1) or a schedule.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, or `mu` lies outside [0, 1).
    """
    return momentum(learning_rate, mu, nesterov=True)
