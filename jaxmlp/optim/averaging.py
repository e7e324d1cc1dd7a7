"""Parameters that are judged beside those that are trained: an average of the weights.

The last steps of descent jump about a minimum, and their average lies nearer to it. A rule that
keeps such an average holds it in a state with an attribute `judged`. Training goes on from the
parameters; evaluation, the choice of the best epoch and the saved network take `judged_params`.
"""

from typing import Any, NamedTuple

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
    Plain,
    State,
    Updates,
    accepting_keywords,
    check_decay,
    count_up,
    make_optimizer,
    zero_count,
)


def judged_params(params: Params, state: State) -> Params:
    """Return the parameters that a network is judged by and saved with.

    Args:
      params: the parameters that are trained.
      state: the state of the optimizer.

    Returns:
      The average that the rule keeps (`with_average`, `schedule_free`); if it keeps none, the
      parameters themselves.
    """

    def keeps_one(node: Any) -> bool:
        return hasattr(node, "judged")

    nodes = jax.tree.leaves(state, is_leaf=keeps_one)
    return next((node.judged for node in nodes if keeps_one(node)), params)


class AverageState(NamedTuple):
    """What `with_average` remembers.

    Attributes:
      t: number of updates made, int32.
      judged: the average, a tree like the parameters; before the first update these themselves.
      inner: the state of the rule.
    """

    t: Count
    judged: Params
    inner: State


def with_average(optimizer: Pair, decay: Number) -> Optimizer:
    """An optimizer that keeps an average of the weights (EMA), by which the network is judged.

    `a_t = (1 - d) / (1 - d^t) sum_{s=1}^t d^(t-s) w_s`: a weighted mean, in which the past fades
    with the decay `d`. The factor makes the weights sum to 1, as in Adam's corrected moments. It is
    computed as `a <- a + alpha_t (w_t - a)` with `alpha_t = (1 - d) / (1 - d^t)`, so `a_1 = w_1`.
    The rule itself goes on from `w_t`, as if there were no average (Polyak and Juditsky 1992;
    Tarvainen and Valpola 2017).

    Args:
      optimizer: any `(init, update)` pair.
      decay: `d`, in [0, 1); about the last `1 / (1 - d)` updates count.

    Returns:
      An optimizer. Its `update` needs the parameters; a keyword `factor` tells what the updates are
      multiplied by before they are added. It hands all keywords on.

    Raises:
      InputError: if the decay lies outside [0, 1); from `update`, if there are no parameters.
    """
    new = 1 - check_decay("ema", decay)
    inner_init, inner_update = optimizer[0], accepting_keywords(optimizer[1])

    def init(params: Params) -> AverageState:
        return AverageState(zero_count(), copied(params), inner_init(params))

    def update(
        gradients: Updates,
        state: AverageState,
        params: Params | None = None,
        factor: Number = 1.0,
        **further: Any,
    ) -> tuple[Updates, AverageState]:
        if params is None:
            raise InputError("an average needs the parameters: update(gradients, state, params)")
        updates, inner = inner_update(gradients, state.inner, params, factor=factor, **further)
        t = count_up(state.t)
        alpha = _share(new, t)

        def rule(a: Leaf, w: Leaf, u: Leaf) -> Leaf:
            w = w + jnp.asarray(factor, w.dtype) * u  # as the step has it
            return a + alpha.astype(a.dtype) * (w - a)

        judged = jax.tree.map(rule, state.judged, params, updates)
        return updates, AverageState(t, judged, inner)

    return make_optimizer(init, update)


def _share(new: Plain, t: Count) -> jax.Array:
    """Return `(1 - d) / (1 - d^t)` for `new = 1 - d`, exact also where `d` is almost 1."""
    return new / -jnp.expm1(jnp.asarray(t, float) * jnp.log1p(-new))


def copied(params: Params) -> Params:
    """Return a copy: a step may overwrite the memory of its arguments, each of them once."""
    return jax.tree.map(lambda w: jnp.array(w, copy=True), params)
