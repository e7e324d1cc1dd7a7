"""The training loop: epochs of shuffled batches, each recorded in the run's history.

`fit` is a generator. It yields whenever there is something to show or to save, and whoever drives
it prints, writes files or stops: the loop itself does no input or output. All it yields is a
function of the recipe and the key alone, but for the seconds.
"""

import time
from collections.abc import Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.training.diagnose import Diverged, finite, first_affected
from jaxmlp.training.history import Best, History, Record
from jaxmlp.training.judge import (
    Means,
    Split,
    epochs_at_once,
    means_of_each,
    sums_over,
    take_entry,
)
from jaxmlp.training.step import TrainState, batches
from jaxmlp.training.trainer import Ends, Trainer

PACE = 0.25  # seconds between two looks at a running epoch


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
    return state, Best.before(jax.tree.map(lambda leaf: np.array(leaf), state.params))


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
    steps, clock = -(-len(train.indices) // batch_size), Clock()
    orders = _Orders(train.indices, batch_size, seed, epochs_at_once(train, state.params))
    epoch, step = divmod(int(state.step), steps)
    if step == 0:
        history.remember_parameters(state.params)
    while epoch < epochs and not history.reason_to_stop():
        if step == 0:
            state = _with_rate_factor(state, history.rate_factor())
        ahead = min(orders.room, epochs - epoch, history.undisturbed())
        order = orders.lay_out(epoch, ahead)
        stop = min(ahead * steps, step + clock.steps())
        with clock:
            state, ends = trainer.run(state, train.examples, order, step, stop)
            good = np.isfinite(jax.device_get(state.totals).loss)  # waits for the steps
        reached = stop if good else int(state.step) - 1 - epoch * steps
        clock.note(reached - step)
        done, step = divmod(reached, steps)
        if done:
            _close_epochs(trainer, train, valid, history, ends, done, orders, clock)
            epoch += done
        if not good:
            row = orders.rows[done, step]
            raise _divergence(trainer, state.params, train, row, epoch + 1, step + 1)
        yield Progress(state, epoch, step, steps, history.records[-1] if done else None)


def _with_rate_factor(state: TrainState, factor: float) -> TrainState:
    """Return the state with what its updates are multiplied by, sent only where it changes."""
    if factor == float(state.factor):
        return state
    return state._replace(factor=jax.device_put(np.float32(factor)))


def order_of(indices: np.ndarray, batch_size: int, seed: int, epoch: int) -> np.ndarray:
    """Return an epoch's batches, shuffled by seed and epoch."""
    return batches(np.random.default_rng([seed, epoch]).permutation(indices), batch_size)


class _Orders:
    """The orders of the coming epochs, laid out once and kept on the device.

    Attributes:
      room: how many epochs they have room for.
      rows: the orders on the host, `(room, steps, batch)`.
    """

    def __init__(self, indices: np.ndarray, batch_size: int, seed: int, room: int) -> None:
        self.room, self._draw = room, (indices, batch_size, seed)
        self._first: int | None = None

    def lay_out(self, first: int, many: int) -> jax.Array:
        """Return the orders of `many` epochs from `first` on, on the device."""
        if self._first != first:
            drawn = [order_of(*self._draw, first + k) for k in range(many)]
            self.rows = np.full((self.room, *drawn[0].shape), -1, np.int32)
            self.rows[:many] = drawn
            self._on_device, self._first = jax.device_put(self.rows), first
        return self._on_device


def _close_epochs(
    trainer: Trainer,
    train: Split,
    valid: Split | None,
    history: History,
    ends: Ends,
    done: int,
    orders: _Orders,
    clock: "Clock",
) -> None:
    """Judge the epochs that a call has completed, and add them to the history."""
    began, judge = time.perf_counter(), trainer.judge
    learned = means_of_each(jax.device_get(ends.totals), judge.task, train.targets, done)
    judged: list[Means | None] = [None] * done
    if valid is not None:
        sums = sums_over(judge, ends.params, valid, done)
        judged = [*means_of_each(sums, judge.task, valid.targets, done)]
    fetched = cache(lambda: jax.device_get(ends.params))
    times = clock.share(done, time.perf_counter() - began, train, orders.rows.shape[1])
    for k, (means, verdict) in enumerate(zip(learned, judged, strict=True)):
        params = cache(partial(lambda k: take_entry(fetched(), k), k))
        if not finite(params() if verdict is None else verdict.loss):
            row, epoch = orders.rows[k, -1], len(history.records) + 1
            raise _divergence(trainer, params(), train, row, epoch, orders.rows.shape[1])
        history.add_epoch(means, verdict, params, *times)


def _divergence(
    trainer: Trainer, params: Any, train: Split, row: np.ndarray, epoch: int, step: int
) -> Diverged:
    return Diverged(epoch, step, first_affected(trainer.judge, params, train.examples, row))


class Clock:
    """The time that steps take, and how many to run before the next look."""

    def __init__(self) -> None:
        self._rate: float | None = None  # steps a second
        self._compiled = False
        self._began = self._last = self._seconds = 0.0
        self._taken = 0  # steps since the last complete epoch

    def __enter__(self) -> "Clock":
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._last = time.perf_counter() - self._began

    def steps(self) -> int:
        """Return how many steps to run next, so that looks come at an even pace."""
        return 1 if self._rate is None else max(1, int(self._rate * PACE))

    def note(self, steps: int) -> None:
        """Count the steps that were taken under the clock."""
        if self._compiled:  # the first run's time is mostly compilation
            self._rate = steps / self._last
        self._compiled = True
        self._seconds, self._taken = self._seconds + self._last, self._taken + steps

    def share(self, epochs: int, judging: float, train: Split, steps: int) -> tuple[float, float]:
        """Return the seconds of each epoch and the examples a second, and begin anew.

        Args:
          epochs: how many have just been completed.
          judging: the seconds it took to judge them.
          train: the examples that an epoch learns from.
          steps: the number of steps in an epoch.
        """
        seconds, examples = self._seconds, self._taken / steps * len(train.indices)
        self._seconds, self._taken = 0.0, 0
        return (seconds + judging) / epochs, examples / max(seconds, 1e-9)
