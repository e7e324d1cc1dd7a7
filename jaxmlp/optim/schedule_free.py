"""Schedule-free descent: an average in place of a falling rate (Defazio et al. 2024).

Three points move together. The rule moves `z`. The network is judged at `x`, the mean of all `z`.
The gradient is taken at `y`, between the two: `y` are the parameters of training. Who evaluates the
network at `y`, as every other rule allows, sees it worse than it is.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmlp.errors import InputError
from jaxmlp.optim.adaptive import adam
from jaxmlp.optim.averaging import copied
from jaxmlp.optim.base import (
    Count,
    Leaf,
    Number,
    Optimizer,
    Pair,
    Params,
    Plain,
    Scalar,
    State,
    Updates,
    accepting_keywords,
    check_decay,
    count_up,
    make_optimizer,
    map_arrays,
    zero_count,
)
from jaxmlp.optim.descent import sgd
from jaxmlp.optim.schedules import Rate, schedule_of
from jaxmlp.optim.wrappers import with_weight_decay


class ScheduleFreeState(NamedTuple):
    """What `schedule_free` remembers.

    Attributes:
      t: number of updates made, int32.
      z: what the inner rule moves, a tree like the parameters.
      x: the weighted mean of all `z`, likewise.
      top: the greatest rate so far.
      total: the sum of the weights so far.
      inner: the state of the inner rule.
    """

    t: Count
    z: Params
    x: Params
    top: Scalar
    total: Scalar
    inner: State

    @property
    def judged(self) -> Params:
        """The parameters by which the network is judged: `x`."""
        return self.x


def schedule_free(optimizer: Pair, learning_rate: Rate, beta: Number = 0.9) -> Optimizer:
    """Any rule without momentum, made free of a schedule (Defazio et al. 2024, algorithm 1).

    With the step of the rule at `y`: `z <- z + step(y)`, `x <- (1 - c_t) x + c_t z` and
    `y <- (1 - beta) z + beta x`. The share `c_t = r_t^2 / sum_{s<=t} r_s^2`, where `r_t` is the
    greatest rate so far, makes `x` the mean of all `z`, weighted less while the rate still rises;
    with a constant rate `c_t = 1 / t`. With `beta = 0` it is the rule itself beside its average,
    and with `beta` near 1 the gradient is taken at the average.

    Args:
      optimizer: an `(init, update)` pair without momentum, which `beta` replaces.
      learning_rate: the rule's own `eta`, a number or a schedule that does not fall.
      beta: the share of `x` in the point of the gradient, in [0, 1).

    Returns:
      An optimizer; its `update` needs the parameters, which are `y`, and hands keywords on.

    Raises:
      InputError: if the rate is negative or not finite, or beta lies outside [0, 1); from `update`,
        if there are no parameters.
    """
    fixed = {"beta": check_decay("beta1", beta)}
    eta_of = schedule_of(learning_rate)
    inner_init, inner_update = optimizer[0], accepting_keywords(optimizer[1])

    def rule(step: Leaf, z: Leaf, x: Leaf, c: Scalar, beta: Plain) -> tuple[Leaf, Leaf, Leaf]:
        z = z + step
        x = (1 - c) * x + c * z
        y = (1 - beta) * z + beta * x
        return y, z, x

    def init(params: Params) -> ScheduleFreeState:
        points = copied(params), copied(params)
        sums = jnp.zeros((), float), jnp.zeros((), float)
        return ScheduleFreeState(zero_count(), *points, *sums, inner_init(params))

    def update(
        gradients: Updates,
        state: ScheduleFreeState,
        params: Params | None = None,
        **further: Any,
    ) -> tuple[Updates, ScheduleFreeState]:
        if params is None:
            raise InputError("schedule_free needs the parameters: update(gradients, state, params)")
        steps, inner = inner_update(gradients, state.inner, params, **further)
        top = jnp.maximum(state.top, eta_of(state.t).astype(state.top.dtype))
        total = state.total + top**2
        numbers = fixed | {"c": top**2 / jnp.maximum(total, jnp.finfo(total.dtype).tiny)}
        y, z, x = map_arrays(rule, steps, state.z, state.x, **numbers)
        updates = jax.tree.map(jnp.subtract, y, params)
        return updates, ScheduleFreeState(count_up(state.t), z, x, top, total, inner)

    return make_optimizer(init, update)


def schedule_free_sgd(
    learning_rate: Rate, beta1: Number = 0.9, weight_decay: Number = 0.0
) -> Optimizer:
    """Gradient descent without a schedule; see `schedule_free`.

    Args:
      learning_rate: `eta`, a number or a schedule that does not fall.
      beta1: the share of `x` in the point of the gradient, in [0, 1).
      weight_decay: `lambda`, of the kernels, at `y`.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, beta lies outside [0, 1), or lambda is
        negative or not finite.
    """
    plain = with_weight_decay(sgd(learning_rate), learning_rate, weight_decay)
    return schedule_free(plain, learning_rate, beta1)


def schedule_free_adamw(
    learning_rate: Rate,
    beta1: Number = 0.9,
    beta2: Number = 0.999,
    epsilon: Number = 1e-8,
    weight_decay: Number = 0.0,
    epsilon_inside: bool = False,
) -> Optimizer:
    """AdamW without a schedule: Adam's second moment, and `schedule_free` for its first.

    Args:
      learning_rate: `eta`, a number or a schedule that does not fall.
      beta1: the share of `x` in the point of the gradient, in [0, 1).
      beta2: decay of the second moment, in [0, 1).
      epsilon: keeps the divisor from 0.
      weight_decay: `lambda`, of the kernels, at `y`.
      epsilon_inside: of Adam, see `adam`.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, a beta lies outside [0, 1), epsilon is
        negative, or lambda is negative or not finite.
    """
    plain = adam(learning_rate, 0.0, beta2, epsilon, epsilon_inside)
    decayed = with_weight_decay(plain, learning_rate, weight_decay)
    return schedule_free(decayed, learning_rate, beta1)
