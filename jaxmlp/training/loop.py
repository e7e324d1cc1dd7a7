"""The training loop: epochs of shuffled batches, each recorded in the run's history.

`fit` is a generator. It yields whenever there is something to show or to save, and whoever drives
it prints, writes files or stops: the loop itself does no input or output. All it yields is a
function of the recipe and the key alone, but for the seconds.
"""

import time
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import jax
import numpy as np

from jaxmlp.optim.base import Params
from jaxmlp.training.clock import Clock
from jaxmlp.training.diagnose import Diverged, first_affected
from jaxmlp.training.history import Best, History, Record
from jaxmlp.training.judge import Means, Split, epochs_at_once, means_of_each, sums_over
from jaxmlp.training.orders import Orders
from jaxmlp.training.step import TrainState
from jaxmlp.training.trainer import Ends, Trainer
from jaxmlp.training.trees import copy_to_host, finite, take_entry


class Progress(NamedTuple):
    """Where a run is.

    Attributes:
      state: everything needed to go on.
      epoch: the number of complete epochs.
      step: the number of steps taken in the current one.
      steps: the number of steps in an epoch.
      record: the last epoch's record, if one or several have just been completed.
    """

    state: TrainState
    epoch: int
    step: int
    steps: int
    record: Record | None = None


def begin(trainer: Trainer, seed: int) -> tuple[TrainState, Best]:
    """Return the start of a run.

    Args:
      trainer: the compiled functions.
      seed: of the run's root key.

    Returns:
      The state before the first step, and a `Best` that anything is better than.
    """
    state = trainer.init(np.uint32(seed))
    # in host memory of their own: the next step reuses the device's
    return state, Best.before(copy_to_host(state.params))


def shapes_of_start(trainer: Trainer) -> tuple[TrainState, Best]:
    """Return the shapes and types of what `begin` returns, without compiling."""
    state = jax.eval_shape(trainer.init, np.uint32(0))
    return state, Best.before(state.params)


def fit(
    trainer: Trainer,
    train: Split,
    valid: Split | None,
    state: TrainState,
    history: History,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
) -> Iterator[Progress]:
    """Train, from the start of a run or from wherever it was left.

    The order of the examples in an epoch is a function of the seed and the epoch.

    Args:
      trainer: the compiled functions.
      train: the examples to learn from.
      valid: the examples to choose by, or `None`.
      state: from `begin` or a checkpoint; it is used up.
      history: of the complete epochs; each further one is added.
      epochs: the number of epochs of the whole run.
      batch_size: the number of examples in a step.
      seed: of the order of the examples.

    Yields:
      The progress, a few times a second and after every epoch, or several at once where they are
      short. A state is good until the next one is asked for.

    Raises:
      Diverged: if the loss is not finite; names the epoch, the step and the first layer affected.
    """
    orders = Orders(train.indices, batch_size, seed, epochs_at_once(train, state.params))
    run, clock = _Run(trainer, train, valid, history, orders), Clock()
    epoch, step = divmod(int(state.step), orders.steps)
    if step == 0:
        history.remember_parameters(state.params)
    while epoch < epochs and not history.reason_to_stop():
        many = min(orders.room, epochs - epoch, history.epochs_ahead())
        order = orders.lay_out(epoch, many)
        stop = min(many * orders.steps, step + clock.steps_until_look())
        state = _with_rate_factor(state, history.rate_factor())
        with clock:
            state, ends = trainer.run(state, train.examples, order, step, stop)
            loss, taken = jax.device_get((state.totals.loss, state.step))  # waits for the steps
        good = np.isfinite(loss)
        reached = int(taken) - epoch * orders.steps - (not good)
        clock.count_steps(reached - step)
        done, step = divmod(reached, orders.steps)
        run.record_epochs(ends, done, clock)
        if not good:
            raise run.divergence(state.params, reached)
        epoch += done
        yield Progress(state, epoch, step, orders.steps, history.records[-1] if done else None)


def _with_rate_factor(state: TrainState, factor: float) -> TrainState:
    """Return the state with this factor of its updates, sent to the device only if it is new."""
    if factor == float(state.factor):
        return state
    return state._replace(factor=jax.device_put(np.float32(factor)))


class _Run(NamedTuple):
    """What records the epochs of a run, and names where it diverged."""

    trainer: Trainer
    train: Split
    valid: Split | None
    history: History
    orders: Orders

    def record_epochs(self, ends: Ends, done: int, clock: Clock) -> None:
        """Judge the epochs that a call has completed, and add them to the history."""
        if not done:
            return
        began, judge, steps = time.perf_counter(), self.trainer.judge, self.orders.steps
        sums = jax.device_get(ends.totals)
        learned = means_of_each(sums, judge.task, self.train.targets, done)
        judged: list[Means | None] = [None] * done
        if self.valid is not None:
            sums = sums_over(judge, ends.params, self.valid, done)
            judged = [*means_of_each(sums, judge.task, self.valid.targets, done)]
        fetched = cache(lambda: jax.device_get(ends.params))
        seconds, pace = clock.close_epochs()
        each = (seconds + time.perf_counter() - began) / done
        for k in range(done):
            params = cache(lambda k=k: take_entry(fetched(), k))
            verdict = judged[k]
            if not finite(params() if verdict is None else verdict.loss):
                raise self.divergence(params(), (k + 1) * steps - 1)
            rate = pace / steps * len(self.train.indices)
            self.history.add_epoch(learned[k], verdict, params, each, rate)

    def divergence(self, params: Params, at: int) -> Diverged:
        """Return the error for a step, counted from the first of the orders laid out."""
        epoch, step = divmod(at, self.orders.steps)
        row = self.orders.rows[epoch, step]
        layer = first_affected(self.trainer.judge, params, self.train.examples, row)
        return Diverged(self.orders.first + epoch + 1, step + 1, layer)
