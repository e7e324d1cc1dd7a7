"""Descent by the sign alone: sign descent and Lion, both younger than the decks.

`w` are the parameters, `dw` their gradient, and `eta_t` the learning rate after `t` updates: a
number, or a schedule from `jaxmlp.optim.schedules`. Every number moves by exactly `eta_t`, up or
down, however large its gradient is. So the rates are about those of Adam, or smaller.
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmlp.optim.base import (
    Count,
    Leaf,
    Number,
    Optimizer,
    Params,
    Plain,
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
from jaxmlp.optim.wrappers import with_weight_decay


class SignState(NamedTuple):
    """What `sign_sgd` remembers.

    Attributes:
      t: number of updates made, int32.
    """

    t: Count


def sign_sgd(learning_rate: Rate) -> Optimizer:
    """Sign descent, `w <- w - eta_t sign(dw)` (Bernstein et al. 2018, "signSGD").

    It is Adam with `beta1 = beta2 = epsilon = 0`. The loss times any positive constant leads to the
    same path. The sign of 0 is 0.

    Args:
      learning_rate: `eta`, a number or a schedule.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite.
    """
    eta_of = schedule_of(learning_rate)

    def rule(dw: Leaf, eta: Scalar) -> tuple[Leaf]:
        return (-eta * jnp.sign(dw),)

    def init(params: Params) -> SignState:
        return SignState(zero_count())

    def update(
        gradients: Updates, state: SignState, params: Params | None = None
    ) -> tuple[Updates, SignState]:
        (steps,) = map_arrays(rule, gradients, eta=eta_of(state.t))
        return steps, SignState(count_up(state.t))

    return make_optimizer(init, update)


class LionState(NamedTuple):
    """What `lion` remembers.

    Attributes:
      t: number of updates made, int32.
      m: momentum, the running mean of the gradient, a tree like the parameters.
    """

    t: Count
    m: Updates


def lion(
    learning_rate: Rate, beta1: Number = 0.9, beta2: Number = 0.99, weight_decay: Number = 0.0
) -> Optimizer:
    """Lion, the sign of a momentum (Chen et al. 2023, algorithm 2).

    `c = beta1 m + (1 - beta1) dw`, `w <- w - eta_t (sign(c) + lambda w)` and
    `m <- beta2 m + (1 - beta2) dw`; only kernels decay. The step weighs the newest gradient more
    than the momentum does. The paper recommends a rate three to ten times smaller than that of
    AdamW, and a weight decay larger by the same factor.

    Args:
      learning_rate: `eta`, a number or a schedule.
      beta1: the share of the momentum in the step, in [0, 1).
      beta2: decay of the momentum, in [0, 1).
      weight_decay: `lambda`, of the kernels.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, a beta lies outside [0, 1), or lambda is
        negative or not finite.
    """
    fixed = {"beta1": check_decay("beta1", beta1), "beta2": check_decay("beta2", beta2)}
    eta_of = schedule_of(learning_rate)

    def rule(dw: Leaf, m: Leaf, eta: Scalar, beta1: Plain, beta2: Plain) -> tuple[Leaf, Leaf]:
        c = beta1 * m + (1 - beta1) * dw
        m = beta2 * m + (1 - beta2) * dw
        step = -eta * jnp.sign(c)
        return step, m

    def init(params: Params) -> LionState:
        return LionState(zero_count(), m=zeros(params))

    def update(
        gradients: Updates, state: LionState, params: Params | None = None
    ) -> tuple[Updates, LionState]:
        numbers = fixed | {"eta": eta_of(state.t)}
        steps, m = map_arrays(rule, gradients, state.m, **numbers)
        return steps, LionState(count_up(state.t), m)

    return with_weight_decay(make_optimizer(init, update), learning_rate, weight_decay)
