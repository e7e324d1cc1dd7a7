"""The training loop: epochs of shuffled batches, validation, and the best parameters so far.

`fit` is a generator. It yields whenever there is something to show or to save, and whoever drives
it prints, writes files or stops: the loop itself does no input or output. All it yields is a
function of the configuration and the key alone, but for the seconds.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.training.diagnose import Diverged, finite, first_affected
from jaxmlp.training.step import Examples, Totals, Trainer, TrainState, batches
from jaxmlp.training.stopping import Records, Rules, reason_to_stop, saturated
from jaxmlp.training.tasks import Task

PACE = 0.25  # seconds between two looks at a running epoch
EVALUATION_BATCH = 1000
NO_RULES = Rules()


class Split(NamedTuple):
    """A part of the examples on the device: training and validation part share them.

    Attributes:
      examples: all examples, of this part and maybe of others.
      indices: which of them are this part's, `(n,)`.
    """

    examples: Examples
    indices: np.ndarray

    @property
    def targets(self) -> np.ndarray:
        """The part's encoded targets."""
        return np.asarray(self.examples.targets)[self.indices]


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
      record: the epoch's line of metrics, if one has just been completed.
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
    state = trainer.init(jax.random.key(seed, impl="threefry2x32"))
    worst = np.float64(np.finfo(np.float64).max)
    return state, Best(_copy(state.params), np.int64(0), -worst, worst)


def shapes_of_start(trainer: Trainer) -> tuple[TrainState, Best]:
    """Return what `begin` does, but for the numbers: shapes and types alone, without compiling."""
    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    state = jax.eval_shape(trainer.init, key)
    number = np.float64(0)
    return state, Best(state.params, np.int64(0), number, number)


def measure(trainer: Trainer, task: Task, params: Any, split: Split) -> dict[str, float]:
    """Return the loss and the task's score over all examples of a split, weighing all alike.

    Args:
      trainer: the compiled functions.
      task: which names and finishes the score.
      params: the network's parameters.
      split: the examples.

    Returns:
      `{"loss": ..., task.score: ...}`.
    """
    # one batch at a time, so that all parts of the same examples share a compiled program
    order = batches(split.indices, min(EVALUATION_BATCH, len(split.examples.weights)))
    plain = split.examples._replace(weights=jnp.ones_like(split.examples.weights))
    parts = jax.device_get([trainer.evaluate(params, plain, row[None]) for row in order])
    totals = jax.tree.map(lambda *sums: sum(sums), *parts)
    return means_of(totals, task, split.targets)


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
      The progress, a few times a second and after every epoch. A state is good until the next one
      is asked for.

    Raises:
      Diverged: if the loss is not finite; names the epoch, the step and the first layer affected.
    """
    state, best = start
    records = [] if records is None else records
    steps = -(-len(train.indices) // batch_size)
    first, step = divmod(int(state.step), steps)
    pace, seconds, began_at, before = Pace(), 0.0, step, None
    for epoch in range(first, epochs):
        if reason_to_stop(rules, records, task.score):
            return
        if step == 0:
            before = _copy(state.params) if rules.min_change else None
            if saturated(rules, records):
                state = state._replace(factor=state.factor * rules.factor)
        order = jax.device_put(order_of(train.indices, batch_size, seed, epoch))
        while step < steps:
            stop = min(steps, step + pace.steps())
            since = time.perf_counter()
            state = trainer.run(state, train.examples, order, step, stop)
            totals = jax.device_get(state.totals)  # waits until the steps are taken
            took = time.perf_counter() - since
            if not np.isfinite(totals.loss):
                raise _diverged(trainer, state, train, order, epoch, steps)
            pace.note(stop - step, took)
            seconds, step = seconds + took, stop
            if step < steps:
                yield Progress(state, best, epoch, step, steps)
        began = time.perf_counter()
        record, best = _close(trainer, task, train, valid, state, totals, best, epoch + 1)
        if not finite(record["valid_loss"] if valid else state.params):
            raise _diverged(trainer, state, train, order, epoch, steps)
        if rules.min_change:
            known = before is not None
            record["parameter_change"] = distance(state.params, before) if known else None
        record["rate_factor"] = float(state.factor)
        record["learning_rate"] = learning_rate(int(state.step) - 1) * float(state.factor)
        record["seconds"] = seconds + time.perf_counter() - began
        share = (steps - began_at) / steps  # of the epoch, the rest ran before a resume
        record["examples_per_second"] = share * len(train.indices) / max(seconds, 1e-9)
        seconds, step, began_at, before = 0.0, 0, 0, None
        records.append(record)
        yield Progress(state, best, epoch + 1, 0, steps, record)


def order_of(indices: np.ndarray, batch_size: int, seed: int, epoch: int) -> np.ndarray:
    """Return an epoch's batches, shuffled by seed and epoch."""
    return batches(np.random.default_rng([seed, epoch]).permutation(indices), batch_size)


def _close(
    trainer: Trainer,
    task: Task,
    train: Split,
    valid: Split | None,
    state: TrainState,
    totals: Totals,
    best: Best,
    epoch: int,
) -> tuple[dict[str, Any], Best]:
    """Return the metrics of an epoch, and the best parameters with it."""
    means = means_of(totals, task, train.targets)
    record: dict[str, Any] = {"epoch": epoch} | {f"train_{k}": v for k, v in means.items()}
    if valid is None:
        record |= {"valid_loss": None, f"valid_{task.score}": None}
        return record, best._replace(params=_copy(state.params), epoch=np.int64(epoch))
    means = measure(trainer, task, state.params, valid)
    record |= {f"valid_{k}": v for k, v in means.items()}
    return record, better_of(best, record, task, lambda: _copy(state.params))


def better_of(best: Best, record: dict[str, Any], task: Task, params: Callable[[], Any]) -> Best:
    """Return what is better, the best so far or an epoch's parameters.

    Args:
      best: the best so far.
      record: the epoch's metrics.
      task: which names the score.
      params: the epoch's parameters, fetched if they are wanted.

    Returns:
      The best, with this epoch.
    """
    score, loss = np.float64(record[f"valid_{task.score}"]), np.float64(record["valid_loss"])
    if (score, -loss) > (best.score, -best.loss):
        return Best(params(), np.int64(record["epoch"]), score, loss)
    return best


def _diverged(
    trainer: Trainer, state: TrainState, train: Split, order: Any, epoch: int, steps: int
) -> Diverged:
    at = int(state.step) - epoch * steps
    layer = first_affected(trainer, state.params, train.examples, order[at - 1])
    return Diverged(epoch + 1, at, layer)


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


def means_of(totals: Totals, task: Task, targets: np.ndarray) -> dict[str, float]:
    """Return the loss and the score that sums over examples with such targets amount to."""
    loss, score, weight = (float(x) for x in totals)
    return {"loss": loss / weight, task.score: task.finish(score / weight, targets)}


def _copy(params: Any) -> Any:
    """Return the parameters in host memory of their own: the next step reuses the device's."""
    return jax.tree.map(lambda leaf: np.array(leaf), params)
