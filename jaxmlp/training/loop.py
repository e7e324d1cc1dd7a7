"""The training loop: epochs of shuffled batches, each recorded in the run's history.

`fit` is a generator. It yields whenever there is something to show or to save. Its caller prints,
writes files or stops; the loop itself does no input or output. Except for
times, the records depend on the recipe and the data alone.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from typing import NamedTuple

import jax
import numpy as np

from jaxmlp.optim.base import Params
from jaxmlp.training.clock import Clock
from jaxmlp.training.diagnose import Diverged, first_affected
from jaxmlp.training.feed import Feed, Laid, feed_of
from jaxmlp.training.history import Best, History, Record
from jaxmlp.training.judge import Means, means_of_each, sums_over
from jaxmlp.training.mesh import fetch, put_state, put_whole
from jaxmlp.training.parts import Part
from jaxmlp.training.processes import told_number
from jaxmlp.training.step import TrainState
from jaxmlp.training.trainer import Ends, Trainer
from jaxmlp.training.trees import copy_to_host, finite, take_entry


class Progress(NamedTuple):
    """The progress of a run.

    Attributes:
      state: everything needed to go on.
      epoch: the number of complete epochs.
      step: the number of steps taken in the current epoch.
      steps: the number of steps in an epoch.
      record: the record of the last complete epoch, if an epoch has just ended; else `None`.
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
      seed: the seed of the run's root key.

    Returns:
      The state before the first step, and a `Best` to which every epoch is better.
    """
    state = trainer.init(np.uint32(seed))
    # a copy: the next step overwrites the parameters on the device
    best = Best.before(copy_to_host(state.params))
    return put_state(state), best


def shapes_of_start(trainer: Trainer) -> tuple[TrainState, Best]:
    """Return what `begin` returns with shapes and types in place of arrays, without compiling.

    Args:
      trainer: the compiled functions.

    Returns:
      A state and a `Best` of `jax.ShapeDtypeStruct`.
    """
    state = jax.eval_shape(trainer.init, np.uint32(0))
    return state, Best.before(state.params)


def fit(
    trainer: Trainer,
    train: Part,
    valid: Part | None,
    state: TrainState,
    history: History,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    shuffle: bool = True,
    each_alone: bool = False,
) -> Iterator[Progress]:
    """Train a run from its start, or from where it was left (lecture rows B1, C6, E10).

    Each epoch takes the batches of its order, computes their gradients, updates the parameters and
    adds a record to the history. The order depends on the seed and the epoch alone. The history's
    rules may end the run early (lecture row C7) or lower its learning rate (lecture row C5). Short
    epochs share a call of the compiled loop. A part that is larger than memory comes in windows,
    see `jaxmlp.training.feed`; one that lies in memory is a single window.

    Args:
      trainer: the compiled functions.
      train: the part to learn from.
      valid: the part that chooses the best parameters; `None` for the latest.
      state: from `begin` or a checkpoint; its arrays cannot be used afterwards.
      history: the history of the complete epochs; each further epoch is added.
      epochs: the number of epochs of the whole run.
      batch_size: the number of examples in a step.
      seed: the seed for the order of the examples.
      shuffle: whether each epoch has an order of its own; otherwise it takes the data's order.
      each_alone: whether each epoch has a call of its own, so that the state at its end is seen.

    Yields:
      The progress, a few times a second and after every call that completes epochs. The arrays of
      its state can be used until the next one is asked for.

    Raises:
      Diverged: if the loss, the validation loss or, without a validation part, a parameter is not
        finite; it names which, the epoch, the step and the first layer affected.
    """
    with closing(feed_of(train, state.params, batch_size, seed, shuffle)) as feed:
        run, clock = _Run(trainer, train, valid, history, feed), Clock()
        epoch, step = divmod(int(state.step), feed.steps)
        if step == 0:
            history.remember_parameters(fetch(state.judged))
        while epoch < epochs and not history.reason_to_stop():
            most = 1 if each_alone else feed.room
            many = min(most, epochs - epoch, history.epochs_ahead())
            with clock.waiting():
                laid = feed.lay_out(epoch, step, many)
            stop = min(laid.end, step + told_number(clock.steps_until_look()))
            state = _with_rate_factor(state, history.rate_factor())
            with clock:
                ends_at = step - laid.begun, stop - laid.begun
                state, ends = trainer.run(state, laid.examples, laid.orders, *ends_at)
                loss, taken = jax.device_get((state.totals.loss, state.step))  # waits for the steps
            good = np.isfinite(loss)
            reached = int(taken) - epoch * feed.steps - (not good)
            clock.count_steps(reached - step)
            done, step = divmod(reached, feed.steps)
            run.record_epochs(ends, done, clock, laid)
            if not good:
                raise run.divergence(state.params, epoch, reached, laid)
            epoch += done
            yield Progress(state, epoch, step, feed.steps, history.records[-1] if done else None)
            del laid  # the next orders need not lie in memory beside these


def _with_rate_factor(state: TrainState, factor: float) -> TrainState:
    """Return the state with this factor of its updates, sent to the device only if it is new."""
    if factor == float(state.factor):
        return state
    return state._replace(factor=put_whole(np.float32(factor)))


class _Run(NamedTuple):
    """What records the epochs of a run, and names where it diverged."""

    trainer: Trainer
    train: Part
    valid: Part | None
    history: History
    feed: Feed

    def record_epochs(self, ends: Ends, done: int, clock: Clock, laid: Laid) -> None:
        """Judge the epochs that a call has completed, and add them to the history."""
        if not done:
            return
        began, judge, steps = time.perf_counter(), self.trainer.judge, self.feed.steps
        sums = jax.device_get(ends.totals)
        learned = means_of_each(sums, judge.task, self.train.targets, done)
        judged: list[Means | None] = [None] * done
        if self.valid is not None:
            sums = sums_over(judge, ends.params, self.valid, done)
            judged = [*means_of_each(sums, judge.task, self.valid.targets, done)]
        fetched = cache(lambda: fetch(ends.params))
        seconds, pace = clock.close_epochs()
        each = (seconds + time.perf_counter() - began) / done
        for k in range(done):
            params = cache(lambda k=k: take_entry(fetched(), k))
            verdict = judged[k]
            if not finite(params() if verdict is None else verdict.loss):
                first = len(self.history.records) - k
                raise self.breakdown(params(), first, (k + 1) * steps - 1, laid)
            rate = pace / steps * self.feed.size
            self.history.add_epoch(learned[k], verdict, params, each, rate)

    def divergence(self, params: Params, first: int, at: int, laid: Laid) -> Diverged:
        """Return the error for a step, counted from the start of the epoch `first`."""
        epoch, step = divmod(at, self.feed.steps)
        layer = first_affected(self.trainer.judge, params, laid.examples, laid.row(at))
        return Diverged(first + epoch + 1, step + 1, layer)

    def breakdown(self, params: Params, first: int, at: int, laid: Laid) -> Diverged:
        """Return the error for an epoch whose last step broke what follows from it."""
        error = self.divergence(params, first, at, laid)
        if not finite(params):
            return Diverged(error.epoch, error.step, error.layer, "a parameter")
        assert self.valid is not None  # finite parameters are judged by the validation part
        for chunk in self.valid.chunks():
            layer = first_affected(self.trainer.judge, params, chunk.examples, chunk.indices)
            if layer != "the loss":
                break
        return Diverged(error.epoch, error.step, layer, "the validation loss")
