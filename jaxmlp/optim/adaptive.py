"""Adaptive learning rates, "different learning rates in different directions" (lecture row D10).

`w` are the parameters, `dw` their gradient, and `eta_t` the learning rate after `t` updates: a
number, or a schedule from `jaxmlp.optim.schedules`. `g` is the sum or the mean of the squared
gradient, as on the slides; the paper on Adam writes `g` for the gradient. Every rule acts on each
number alone, so it is written for one array and mapped over the tree.
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
    check_epsilon,
    count_up,
    make_optimizer,
    map_arrays,
    zero_count,
    zeros,
)
from jaxmlp.optim.schedules import Rate, schedule_of
from jaxmlp.optim.wrappers import with_weight_decay


class AdaGradState(NamedTuple):
    """What `adagrad` remembers.

    Attributes:
      t: number of updates made, int32.
      g: sum of the squared gradients, a tree like the parameters.
    """

    t: Count
    g: Updates


def adagrad(learning_rate: Rate, epsilon: Number = 1e-7, epsilon_inside: bool = True) -> Optimizer:
    """AdaGrad, `g <- g + dw^2`, `w <- w - eta_t dw / sqrt(g + epsilon)`.

    Lecture row D10; Duchi et al. 2011.

    As on the slide, epsilon stands inside the root and `g` starts at 0; Optax and Keras start it at
    0.1. With `epsilon_inside=False` it is PyTorch's rule, whose epsilon is 1e-10.

    Args:
      learning_rate: `eta`, a number or a schedule.
      epsilon: keeps the divisor from 0.
      epsilon_inside: divide by `sqrt(g + epsilon)` instead of `sqrt(g) + epsilon`.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, or epsilon is negative.
    """
    fixed = {"epsilon": check_epsilon(epsilon)}
    eta_of = schedule_of(learning_rate)

    def rule(dw: Leaf, g: Leaf, eta: Scalar, epsilon: Plain) -> tuple[Leaf, Leaf]:
        g = g + dw * dw
        divisor = jnp.sqrt(g + epsilon) if epsilon_inside else jnp.sqrt(g) + epsilon
        step = -eta * dw / divisor
        return step, g

    def init(params: Params) -> AdaGradState:
        return AdaGradState(zero_count(), g=zeros(params))

    def update(
        gradients: Updates, state: AdaGradState, params: Params | None = None
    ) -> tuple[Updates, AdaGradState]:
        numbers = fixed | {"eta": eta_of(state.t)}
        steps, g = map_arrays(rule, gradients, state.g, **numbers)
        return steps, AdaGradState(count_up(state.t), g)

    return make_optimizer(init, update)


class RMSPropState(NamedTuple):
    """What `rmsprop` remembers.

    Attributes:
      t: number of updates made, int32.
      g: running mean of the squared gradient, a tree like the parameters.
    """

    t: Count
    g: Updates


def rmsprop(
    learning_rate: Rate, beta: Number = 0.9, epsilon: Number = 1e-8, epsilon_inside: bool = True
) -> Optimizer:
    """RMSProp, `g <- beta g + (1 - beta) dw^2`, `w <- w - eta_t dw / sqrt(g + epsilon)`.

    Lecture row D10.

    As on the slide and by default in Optax, epsilon stands inside the root, and in Keras, too. With
    `epsilon_inside=False` it is PyTorch's rule, whose `alpha` is our `beta` and 0.99 by default.
    PyTorch and Optax have further forms, centred or with momentum, which are not here.

    Args:
      learning_rate: `eta`, a number or a schedule.
      beta: decay of the mean square, in [0, 1).
      epsilon: keeps the divisor from 0.
      epsilon_inside: divide by `sqrt(g + epsilon)` instead of `sqrt(g) + epsilon`.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, beta lies outside [0, 1), or epsilon is
        negative.
    """
    fixed = {"beta": check_decay("beta", beta), "epsilon": check_epsilon(epsilon)}
    eta_of = schedule_of(learning_rate)

    def rule(dw: Leaf, g: Leaf, eta: Scalar, beta: Plain, epsilon: Plain) -> tuple[Leaf, Leaf]:
        g = beta * g + (1 - beta) * dw * dw
        divisor = jnp.sqrt(g + epsilon) if epsilon_inside else jnp.sqrt(g) + epsilon
        step = -eta * dw / divisor
        return step, g

    def init(params: Params) -> RMSPropState:
        return RMSPropState(zero_count(), g=zeros(params))

    def update(
        gradients: Updates, state: RMSPropState, params: Params | None = None
    ) -> tuple[Updates, RMSPropState]:
        numbers = fixed | {"eta": eta_of(state.t)}
        steps, g = map_arrays(rule, gradients, state.g, **numbers)
        return steps, RMSPropState(count_up(state.t), g)

    return make_optimizer(init, update)


class AdamState(NamedTuple):
    """What `adam` remembers.

    Attributes:
      t: number of updates made, int32.
      m: first moment, the running mean of the gradient, a tree like the parameters.
      v: second moment, the running mean of the squared gradient, likewise.
    """

    t: Count
    m: Updates
    v: Updates


def adam(
    learning_rate: Rate,
    beta1: Number = 0.9,
    beta2: Number = 0.999,
    epsilon: Number = 1e-8,
    epsilon_inside: bool = False,
) -> Optimizer:
    """Adam: momentum and RMSProp, both corrected for their start at zero.

    Lecture row D10; Kingma and Ba 2015.

    `m <- beta1 m + (1 - beta1) dw`, `v <- beta2 v + (1 - beta2) dw^2`,
    `m_hat = m / (1 - beta1^t)`, `v_hat = v / (1 - beta2^t)` with `t` counted from 1, and
    `w <- w - eta m_hat / (sqrt(v_hat) + epsilon)`. The slide writes `g` for `v` and prints
    `sqrt(v_hat + epsilon)`; the paper, PyTorch and Optax have epsilon outside of the root of the
    corrected `v_hat`, which is the default here.

    Keras, TensorFlow and scikit-learn have the paper's other form, with "epsilon hat":
    `w <- w - eta_hat m / (sqrt(v) + e)`, `eta_hat = eta sqrt(1 - beta2^t) / (1 - beta1^t)`. It
    equals ours with `epsilon = e / sqrt(1 - beta2^t)`: greater in the first steps (32 `e` at t = 1
    for `beta2` = 0.999), and `e` later. Their `e` is 1e-7 in Keras and 1e-8 in scikit-learn.

    Args:
      learning_rate: `eta`, a number or a schedule.
      beta1: decay of the first moment, in [0, 1).
      beta2: decay of the second moment, in [0, 1).
      epsilon: keeps the divisor from 0.
      epsilon_inside: divide by `sqrt(v_hat + epsilon)`, as on the slide.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, a beta lies outside [0, 1), or epsilon is
        negative.
    """
    fixed = {
        "beta1": check_decay("beta1", beta1),
        "beta2": check_decay("beta2", beta2),
        "epsilon": check_epsilon(epsilon),
    }
    eta_of = schedule_of(learning_rate)

    def rule(
        dw: Leaf,
        m: Leaf,
        v: Leaf,
        beta1: Plain,
        beta2: Plain,
        epsilon: Plain,
        eta: Scalar,
        c1: Scalar,
        c2: Scalar,
    ) -> tuple[Leaf, Leaf, Leaf]:
        m = beta1 * m + (1 - beta1) * dw
        v = beta2 * v + (1 - beta2) * dw * dw
        m_hat = c1 * m  # m / (1 - beta1^t)
        v_hat = c2 * v  # v / (1 - beta2^t)
        divisor = jnp.sqrt(v_hat + epsilon) if epsilon_inside else jnp.sqrt(v_hat) + epsilon
        step = -eta * m_hat / divisor
        return step, m, v

    def init(params: Params) -> AdamState:
        return AdamState(zero_count(), m=zeros(params), v=zeros(params))

    def update(
        gradients: Updates, state: AdamState, params: Params | None = None
    ) -> tuple[Updates, AdamState]:
        t = count_up(state.t)
        power = jnp.asarray(t, float)
        # one reciprocal: multiplying is cheaper than dividing every entry
        c1, c2 = (1 / (1 - fixed[name] ** power) for name in ("beta1", "beta2"))
        numbers = fixed | {"eta": eta_of(state.t), "c1": c1, "c2": c2}
        steps, m, v = map_arrays(rule, gradients, state.m, state.v, **numbers)
        return steps, AdamState(t, m, v)

    return make_optimizer(init, update)


def adamw(
    learning_rate: Rate,
    beta1: Number = 0.9,
    beta2: Number = 0.999,
    epsilon: Number = 1e-8,
    weight_decay: Number = 0.01,
    epsilon_inside: bool = False,
) -> Optimizer:
    """Adam with decoupled weight decay, Adam's step and `w <- w - eta_t lambda w` (kernels only).

    See `adam` and `with_weight_decay`; Loshchilov and Hutter (2019). PyTorch's `AdamW` and Optax's
    without a mask let biases decay as well.

    Args:
      learning_rate: `eta`, a number or a schedule.
      beta1: decay of the first moment, in [0, 1).
      beta2: decay of the second moment, in [0, 1).
      epsilon: keeps the divisor from 0.
      weight_decay: `lambda`.
      epsilon_inside: divide by `sqrt(v_hat + epsilon)`, as on the slide.

    Returns:
      An optimizer.

    Raises:
      InputError: if the rate is negative or not finite, a beta lies outside [0, 1), epsilon is
        negative, or lambda is negative or not finite.
    """
    plain = adam(learning_rate, beta1, beta2, epsilon, epsilon_inside)
    return with_weight_decay(plain, learning_rate, weight_decay)
