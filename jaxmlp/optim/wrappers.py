"""Optimizers made from another one, ours or Optax's: with weight decay, clipping, a max-norm."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxmlp.errors import InputError
from jaxmlp.optim.base import (
    Count,
    Leaf,
    Number,
    Optimizer,
    Pair,
    Params,
    State,
    Updates,
    accepting_keywords,
    check_not_negative,
    check_number,
    count_up,
    length_of,
    make_optimizer,
    zero_count,
)
from jaxmlp.optim.schedules import Rate, schedule_of


def with_weight_decay(optimizer: Pair, learning_rate: Rate, weight_decay: Number) -> Optimizer:
    """An optimizer with weight decay, `w <- w + update - eta_t lambda w`.

    The decay is added to the update and not to the gradient ("decoupled", Loshchilov and Hutter
    2019): with Adam this is AdamW, with plain gradient descent it equals the L2 penalty
    `lambda / 2 |w|^2`. Only kernels decay, arrays of two or more axes; biases and slopes do not.

    Args:
      optimizer: any `(init, update)` pair.
      learning_rate: the rule's own `eta`, a number or a schedule.
      weight_decay: `lambda`.

    Returns:
      An optimizer; its `update` needs the parameters, and hands further keywords on.

    Raises:
      InputError: if lambda is negative or not finite; from `update`, if there are no parameters.
    """
    lam = check_not_negative("weight decay", weight_decay)
    eta_of = schedule_of(learning_rate)
    inner_init, inner_update = optimizer[0], accepting_keywords(optimizer[1])

    def init(params: Params) -> tuple[Count, State]:
        return zero_count(), inner_init(params)

    def update(
        gradients: Updates,
        state: tuple[Count, State],
        params: Params | None = None,
        **further: Any,
    ) -> tuple[Updates, tuple[Count, State]]:
        if params is None:
            raise InputError("weight decay needs the parameters: update(gradients, state, params)")
        t, inner = state
        updates, inner = inner_update(gradients, inner, params, **further)
        eta = eta_of(t)

        def shrink(u: Leaf, w: Leaf) -> Leaf:
            if jnp.ndim(w) < 2:
                return u
            rate, share = (jnp.asarray(number, u.dtype) for number in (eta, lam))
            return u - rate * share * jnp.asarray(w, u.dtype)

        return jax.tree.map(shrink, updates, params), (count_up(t), inner)

    return make_optimizer(init, update)


def with_clipping(optimizer: Pair, norm: Number) -> Optimizer:
    """An optimizer with clipped gradients, `dw <- dw min(1, norm / |dw|)`.

    `|dw|` is the length over all parameters together. Clipping keeps one bad batch from throwing
    the weights far off (Pascanu, Mikolov and Bengio 2013).

    Args:
      optimizer: any `(init, update)` pair.
      norm: the greatest length, positive.

    Returns:
      An optimizer; its `update` hands further keywords on.

    Raises:
      InputError: if the norm is not positive.
    """
    norm = check_number("clip_norm", "positive", norm, lambda x: x > 0)
    inner_init, inner_update = optimizer[0], accepting_keywords(optimizer[1])

    def update(
        gradients: Updates, state: State, params: Params | None = None, **further: Any
    ) -> tuple[Updates, State]:
        length = length_of(gradients)
        wide = length.dtype
        share = jnp.asarray(norm, wide) / jnp.maximum(length, jnp.finfo(wide).tiny)
        share = jnp.minimum(1, share)
        shorter = jax.tree.map(lambda dw: share.astype(jnp.result_type(dw)) * dw, gradients)
        return inner_update(shorter, state, params, **further)

    return make_optimizer(inner_init, update)


def with_max_norm(optimizer: Pair, radius: Number) -> Optimizer:
    """An optimizer that bounds the weights of each unit, `w_j <- w_j min(1, c / |w_j|)`.

    After every update the vector `w_j` of the weights that lead into unit `j` is projected onto the
    ball of radius `c`: where it is longer, it is scaled down. So a high rate can explore without
    weights that blow up, which helps dropout (Srivastava et al. 2014, section 5.1).

    The vectors are the columns of a dense kernel `(in, out)`, and the windows of a convolution
    `(k, k', C, O)`. Arrays of other numbers of axes stay: biases, slopes and embeddings. Updates
    that a step multiplies by a factor below 1 keep the vectors in the ball too, since it is convex.

    Args:
      optimizer: any `(init, update)` pair whose parameters are those that training moves; not a
        schedule-free one, which moves them between two points of its own.
      radius: `c`, the greatest length, positive.

    Returns:
      An optimizer; its `update` needs the parameters, and hands further keywords on.

    Raises:
      InputError: if the radius is not finite and positive; from `update`, if there are no
        parameters.
    """
    expected = "a finite positive number"
    c = check_number("max_norm", expected, radius, lambda x: 0 < x < math.inf)
    inner_init, inner_update = optimizer[0], accepting_keywords(optimizer[1])

    def update(
        gradients: Updates, state: State, params: Params | None = None, **further: Any
    ) -> tuple[Updates, State]:
        if params is None:
            raise InputError("max_norm needs the parameters: update(gradients, state, params)")
        updates, state = inner_update(gradients, state, params, **further)

        def project(u: Leaf, w: Leaf) -> Leaf:
            if jnp.ndim(w) not in (2, 4):
                return u
            moved = jnp.asarray(w, u.dtype) + u
            lengths = jax.vmap(length_of, -1)(moved)  # one for each unit
            wide = lengths.dtype
            share = jnp.asarray(c, wide) / jnp.maximum(lengths, jnp.finfo(wide).tiny)
            beyond = jax.lax.expand_dims(1 - jnp.minimum(1, share), range(moved.ndim - 1))
            return u - beyond.astype(u.dtype) * moved  # in the ball u is not touched by rounding

        return jax.tree.map(project, updates, params), state

    return make_optimizer(inner_init, update)


def side_by_side(optimizer: Pair) -> Optimizer:
    """An optimizer of several networks, each updated as if it were alone.

    A first axis of every array counts the networks. Each has a state of its own, so that what
    looks at a whole network, such as clipping, looks at one of them.

    Args:
      optimizer: any `(init, update)` pair that needs no more than gradients and parameters.

    Returns:
      An optimizer.
    """
    init_alone, update_alone = optimizer

    def update(
        gradients: Updates, state: State, params: Params | None = None
    ) -> tuple[Updates, State]:
        axes = (0, 0, None if params is None else 0)
        return jax.vmap(update_alone, axes)(gradients, state, params)

    return make_optimizer(jax.vmap(init_alone), update)
