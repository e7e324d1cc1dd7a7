"""The training loop: epochs of shuffled batches, validation, and the best parameters so far.

`fit` is a generator. It yields whenever there is something to show or to save, and whoever drives
it prints, writes files or stops: the loop itself does no input or output. All it yields is a
function of the configuration and the key alone, but for the seconds.
"""

import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.training.diagnose import Diverged, finite, first_affected
from jaxmlp.training.evaluation import Split, at, epochs_at_once, means_of, sums_over
from jaxmlp.training.step import Ends, Trainer, TrainState, batches
from jaxmlp.training.stopping import Records, Rules, reason_to_stop, saturated, undisturbed
from jaxmlp.training.tasks import Task

PACE = 0.25  # seconds between two looks at a running epoch
NO_RULES = Rules()


class Best(NamedTuple):
    """The parameters that did best on the validation part (the latest, if there is none).

    Attributes:
      params: the parameters.
      epoch: after which epoch, counted from 1; 0 before the first.
      score: their validation score.
      loss: their validation loss.
    """

    params: Any
    epoch: Any
    score: Any
    loss: Any


class Progress(NamedTuple):
    """Where a run is.

    Attributes:
      state: everything needed to go on.
      best: the best parameters so far.
      epoch: the number of complete epochs.
      step: the number of steps taken in the current one.
      steps: the number of steps in an epoch.
      record: the last epoch's line of metrics, if one or several have just been completed.
    """

    state: TrainState
    best: Best
    epoch: int
    step: int
    steps: int
    record: dict[str, Any] | None = None


def begin(trainer: Trainer, seed: int) -> tuple[TrainState, Best]:
    """Return the start of a run.

    Args:
      trainer: the compiled functions.
      seed: of the run's root key.

    Returns:
      The state before the first step, and a `Best` that anything is better than.
    """
    state = trainer.init(np.uint32(seed))
    worst = np.float64(np.finfo(np.float64).max)
    return state, Best(_copy(state.params), np.int64(0), -worst, worst)


def shapes_of_start(trainer: Trainer) -> tuple[TrainState, Best]:
    """Return what `begin` does, but for the numbers: shapes and types alone, without compiling."""
    state = jax.eval_shape(trainer.init, np.uint32(0))
    number = np.float64(0)
    return state, Best(state.params, np.int64(0), number, number)


def fit(
    trainer: Trainer,
    task: Task,
    train: Split,
    valid: Split | None,
    start: tuple[TrainState, Best],
    *,
    epochs: int,
    batch_size: int,
    seed: int,
    learning_rate: Callable[[int], float],
    rules: Rules = NO_RULES,
    records: Records | None = None,
) -> Iterator[Progress]:
    """Train, from the start of a run or from wherever it was left.

    The order of the examples in an epoch is a function of the seed and the epoch. The best
    parameters are those with the highest validation score (C7: the zero-one error, not the loss),
    and among equals the lowest loss.

    Args:
      trainer: the compiled functions.
      task: which names and finishes the score.
      train: the examples to learn from.
      valid: the examples to choose by, or `None`.
      start: the state and the best so far, from `begin` or a checkpoint; the state is used up.
      epochs: the number of epochs of the whole run.
      batch_size: the number of examples in a step.
      seed: of the order of the examples.
      learning_rate: `step -> rate`, for the record.
      rules: when to stop early, and when to lower the rate.
      records: of the epochs that are complete; each further one is appended.

    Yields:
      The progress, a few times a second and after every epoch, or several at once where they are
      short. A state is good until the next one is asked for.

    Raises:
      Diverged: if the loss is not finite; names the epoch, the step and the first layer affected.
    """
    state, best = start
    records = [] if records is None else records
    steps = -(-len(train.indices) // batch_size)
    most = epochs_at_once(train, state.params)
    epoch, step = divmod(int(state.step), steps)
    pace, seconds, taken, before, laid = Pace(), 0.0, 0, None, None
    while epoch < epochs and not reason_to_stop(rules, records, task.score):
        if step == 0:
            before = _copy(state.params) if rules.min_change else None
            if saturated(rules, records):
                state = state._replace(factor=state.factor * rules.factor)
        ahead = min(most, epochs - epoch, undisturbed(rules, records, task.score))
        if laid != epoch:
            order = np.full((most, steps, batch_size), -1, np.int32)
            for k in range(ahead):
                order[k] = order_of(train.indices, batch_size, seed, epoch + k)
            orders, laid = jax.device_put(order), epoch
        since, stop = time.perf_counter(), min(ahead * steps, step + pace.steps())
        state, ends = trainer.run(state, train.examples, orders, step, stop)
        good = np.isfinite(jax.device_get(state.totals).loss)  # waits until the steps are taken
        took = time.perf_counter() - since
        reached = stop if good else int(state.step) - 1 - epoch * steps
        pace.note(reached - step, took)
        seconds, taken = seconds + took, taken + reached - step
        done, step = divmod(reached, steps)
        if done:
            began = time.perf_counter()
            closed = _closed(trainer, task, train, valid, ends, range(epoch + 1, epoch + done + 1))
            times = {
                "seconds": (seconds + time.perf_counter() - began) / done,
                "examples_per_second": taken / steps * len(train.indices) / max(seconds, 1e-9),
            }
            factor = float(state.factor)
            for k, (record, params) in enumerate(closed):
                number = record["epoch"]
                if not finite(record["valid_loss"] if valid else params()):
                    raise _diverged(trainer, params(), train, order[k, -1], number, steps)
                best = better_of(best, record, task, params)
                if rules.min_change:
                    known = before is not None
                    record["parameter_change"] = distance(params(), before) if known else None
                record["rate_factor"] = factor
                record["learning_rate"] = learning_rate(number * steps - 1) * factor
                records.append(record | times)
            epoch, seconds, taken = epoch + done, 0.0, 0
        if not good:
            raise _diverged(trainer, state.params, train, order[done, step], epoch + 1, step + 1)
        yield Progress(state, best, epoch, step, steps, records[-1] if done else None)


def order_of(indices: np.ndarray, batch_size: int, seed: int, epoch: int) -> np.ndarray:
    """Return an epoch's batches, shuffled by seed and epoch."""
    return batches(np.random.default_rng([seed, epoch]).permutation(indices), batch_size)


def _closed(
    trainer: Trainer,
    task: Task,
    train: Split,
    valid: Split | None,
    ends: Ends,
    numbers: range,
) -> list[tuple[dict[str, Any], Callable[[], Any]]]:
    """Return the metrics of each epoch that a call completed, and how to get its parameters."""
    learned = jax.device_get(ends.totals)
    judged = None if valid is None else sums_over(trainer, ends.params, valid, len(numbers))
    fetched = cache(lambda: jax.device_get(ends.params))
    closed: list[tuple[dict[str, Any], Callable[[], Any]]] = []
    for k, number in enumerate(numbers):
        record: dict[str, Any] = {"epoch": number}
        for name, split, sums in (("train", train, learned), ("valid", valid, judged)):
            means = {} if split is None else means_of(at(sums, k), task, split.targets)
            for key in ("loss", task.score):
                record[f"{name}_{key}"] = means.get(key)
        closed.append((record, cache(lambda k=k: at(fetched(), k))))
    return closed


def better_of(best: Best, record: dict[str, Any], task: Task, params: Callable[[], Any]) -> Best:
    """Return what is better, the best so far or an epoch's parameters.

    Args:
      best: the best so far.
      record: the epoch's metrics.
      task: which names the score.
      params: the epoch's parameters, fetched if they are wanted.

    Returns:
      The best, with this epoch; the latest, if nothing is held out to judge by.
    """
    if record["valid_loss"] is None:
        return best._replace(params=params(), epoch=np.int64(record["epoch"]))
    score, loss = np.float64(record[f"valid_{task.score}"]), np.float64(record["valid_loss"])
    if (score, -loss) > (best.score, -best.loss):
        return Best(params(), np.int64(record["epoch"]), score, loss)
    return best


def _diverged(
    trainer: Trainer, params: Any, train: Split, row: np.ndarray, epoch: int, step: int
) -> Diverged:
    return Diverged(epoch, step, first_affected(trainer, params, train.examples, row))


def distance(a: Any, b: Any) -> float:
    """Return `|a - b|` over all parameters."""
    squares = jax.tree.map(lambda a, b: float(np.sum((np.asarray(a) - b) ** 2)), a, b)
    return float(np.sqrt(sum(jax.tree.leaves(squares))))


class Pace:
    """Chooses how many steps to run before the next look, so that looks come at an even pace."""

    def __init__(self) -> None:
        self._rate: float | None = None
        self._compiled = False

    def steps(self) -> int:
        """Return how many steps to run next."""
        return 1 if self._rate is None else max(1, int(self._rate * PACE))

    def note(self, steps: int, seconds: float) -> None:
        """Learn from how long so many steps took."""
        if self._compiled:  # the first run's time is mostly compilation
            self._rate = steps / seconds
        self._compiled = True


def _copy(params: Any) -> Any:
    """Return the parameters in host memory of their own: the next step reuses the device's."""
    return jax.tree.map(lambda leaf: np.array(leaf), params)
