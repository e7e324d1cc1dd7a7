"""The compiled training of a network: its start, and the loop of steps over several epochs.

Everything here is a pure function, which `jax.jit` compiles for the devices that hold the data.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.nn.backprop import ValueAndGrad
from jaxmlp.optim.base import Pair, Params, State
from jaxmlp.training.augment import Augment
from jaxmlp.training.judge import Judge
from jaxmlp.training.mesh import keep_state, keep_whole
from jaxmlp.training.step import Examples, Step, Totals, TrainState, make_step, take
from jaxmlp.training.trees import put_entry
from jaxmlp.training.types import AnyArray, Array, Count, Orders, Truth, Whole


class Ends(NamedTuple):
    """The ends of a call's epochs; a first axis counts them, with zeros for epochs not begun.

    Attributes:
      params: the parameters after the epoch by which the network is judged.
      totals: the sums over the epoch's steps.
    """

    params: Params
    totals: Totals


Carry = tuple[Count, TrainState] | tuple[Count, TrainState, Ends]


class Trainer(NamedTuple):
    """The compiled functions of a training problem.

    Attributes:
      init: `seed -> state`, the state at the start of a run.
      run: `(state, examples, orders, start, stop) -> (state, ends)`. It takes the steps from
        `start` up to `stop`, counted over all orders, `(epochs, steps, batch)`. It stops after a
        step whose loss is not finite; that step changes no parameter. The arrays of the given
        state cannot be used afterwards.
      judge: the same network without an optimizer.
      init_optimizer: `params -> opt_state`, for a run that starts from other parameters.
      objective: what is minimised, with its gradient; not compiled.
      step: one step, `(state, batch) -> state`; not compiled.
    """

    init: Callable[[int | np.uint32], TrainState]
    run: Callable[[TrainState, Examples, AnyArray, int, int], tuple[TrainState, Ends]]
    judge: Judge
    init_optimizer: Callable[[Params], State]
    objective: ValueAndGrad
    step: Step


def make_trainer(
    judge: Judge,
    value_and_grad: ValueAndGrad,
    optimizer: Pair,
    input_shape: tuple[int, ...],
    augment: Augment | None = None,
) -> Trainer:
    """The compiled functions of a training problem.

    Args:
      judge: the network with its task, from `jaxmlp.training.judge.make_judge`.
      value_and_grad: the objective with its gradient, by hand or by machine:
        `(params, x, targets, weights, key) -> ((value, outputs), gradient)`.
      optimizer: an `(init, update)` pair, ours or Optax's.
      input_shape: the shape of one prepared example.
      augment: `(key, x) -> x`, a random distortion of a step's prepared inputs; `None` for none.

    Returns:
      The trainer.
    """
    init_optimizer, _ = optimizer

    def of_whole(
        params: Params, x: Array, targets: Array, weights: Any = None, key: Any = None
    ) -> tuple[tuple[Array, Array], Params]:
        value, gradient = value_and_grad(keep_whole(params), x, targets, weights, key)
        return value, keep_state(gradient)

    def init(seed: Whole) -> TrainState:
        key = jax.random.key(seed, impl="threefry2x32")
        params, _ = judge.model.init(jax.random.fold_in(key, 0), input_shape)
        zero = jnp.zeros((), jnp.int32)
        run_key = jax.random.fold_in(key, 1)
        one = jnp.ones((), jnp.float32)
        return TrainState(params, init_optimizer(params), run_key, zero, Totals.zero(), one)

    step = make_step(of_whole, optimizer, judge.task.score_each, judge.prepare, augment)
    # the start runs once; at a lower level it compiles in a third of the time on a processor
    quickly = {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else None
    return Trainer(
        jax.jit(init, compiler_options=quickly),
        jax.jit(_run_of(step), donate_argnums=0),
        judge,
        init_optimizer,
        value_and_grad,
        step,
    )


def _run_of(step: Step) -> Callable[..., tuple[TrainState, Ends]]:
    """The loop of steps, epoch by epoch, that `Trainer.run` describes."""

    def run(
        state: TrainState, examples: Examples, orders: Orders, start: Whole, stop: Whole
    ) -> tuple[TrainState, Ends]:
        epochs, steps, _ = orders.shape

        def unfinished(end: Whole) -> Callable[[Carry], Truth]:
            return lambda carry: (carry[0] < end) & jnp.isfinite(carry[1].totals.loss)

        def run_epoch(carry: tuple[Count, TrainState, Ends]) -> tuple[Count, TrainState, Ends]:
            i, state, ends = carry
            number = jax.lax.div(i, jnp.int32(steps))
            begun = number * steps
            order = orders[number]

            def take_step(carry: tuple[Count, TrainState]) -> tuple[Count, TrainState]:
                i, state = carry
                return i + 1, keep_state(step(state, take(examples, order[i - begun])))

            sums = jax.tree.map(lambda total: jnp.where(i == begun, 0, total), state.totals)
            end = jnp.minimum(stop, begun + steps)
            first = i, state._replace(totals=sums)
            i, state = jax.lax.while_loop(unfinished(end), take_step, first)
            return i, state, put_entry(ends, number, Ends(state.judged, state.totals))

        ends = Ends(state.judged, state.totals)
        ends = jax.tree.map(lambda a: jnp.zeros((epochs, *a.shape), a.dtype), ends)
        first = (jnp.asarray(start, jnp.int32), state, ends)
        return jax.lax.while_loop(unfinished(stop), run_epoch, first)[1:]

    return run
