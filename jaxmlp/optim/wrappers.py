"""What can be put around any update rule, ours or Optax's."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxmlp.optim.base import Optimizer, Rate, Tree, schedule_of, zero_count
from jaxmlp.optim.schedules import check_number, is_size


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
    eta_of = schedule_of(learning_rate)

    def init(params: Tree) -> Any:
        return zero_count(), optimizer.init(params)

    def update(dw: Tree, state: Any, params: Tree) -> tuple[Tree, Any]:
        t, inner = state
        updates, inner = optimizer.update(dw, inner, params)
        eta = eta_of(t)

        def shrink(u: Array, w: Array) -> Array:
            return u - jnp.asarray(eta, u.dtype) * lam * w if w.ndim >= 2 else u

        return jax.tree.map(shrink, updates, params), (t + 1, inner)

    return Optimizer(init, update)


def with_clipping(optimizer: Optimizer, norm: float) -> Optimizer:
    """Shorten gradients that are too long: `dw <- dw min(1, norm / |dw|)`.

    `|dw|` is taken over all parameters. Pascanu, Mikolov and Bengio (2013); it keeps one bad
    batch from throwing the weights far off.

    Args:
      optimizer: any update rule.
      norm: the greatest length.

    Returns:
      An optimizer.

    Raises:
      InputError: if the norm is not positive.
    """
    check_number("clip_norm", "positive", norm, lambda x: x > 0)

    def update(dw: Tree, state: Any, params: Tree = None) -> tuple[Tree, Any]:
        length = jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(dw)))
        share = jnp.minimum(1, norm / jnp.maximum(length, jnp.finfo(length.dtype).tiny))
        shorter = jax.tree.map(lambda leaf: share.astype(leaf.dtype) * leaf, dw)
        return optimizer.update(shorter, state, params)

    return Optimizer(optimizer.init, update)
