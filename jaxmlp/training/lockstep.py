"""Several runs side by side: epochs of the same number of steps, each run with its own numbers.

The counterpart of `fit` for runs that share a compiled program. Batches, metrics, the best
parameters and the rules that end a run are those of `fit`; a run that has ended takes no more
steps, and the others go on.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.training.diagnose import finite
from jaxmlp.training.evaluation import EVALUATION_BATCH, at, means_of
from jaxmlp.training.loop import Best, Pace, better_of, distance, order_of
from jaxmlp.training.step import Totals, TrainState, batches
from jaxmlp.training.stopping import Rules, reason_to_stop, saturated
from jaxmlp.training.tasks import Task

OK, DIVERGED = "ok", "diverged"


@dataclass
class Member:
    """One of the runs that train side by side.

    Attributes:
      number: by which the caller knows it.
      seed: of the order of its examples.
      train, valid: the indices of its examples.
      shift: what is added to them to find the examples on the device.
      targets: all its encoded targets.
      rates: the learning rate at the end of each epoch, for the record.
      state: where it starts and, once it has ended, where it ended.
      best: the best parameters so far.
      records: a line of metrics per epoch.
      status: `ok` or `diverged` once it has ended.
    """

    number: int
    seed: int
    train: np.ndarray
    valid: np.ndarray
    shift: int
    targets: np.ndarray
    rates: np.ndarray
    state: TrainState
    best: Best
    records: list[dict[str, Any]] = field(default_factory=list)
    status: str | None = None


class Side(NamedTuple):
    """The compiled functions of runs side by side; the first axis of every array counts the runs.

    Attributes:
      put: from arrays on the host to the devices that the runs are spread over.
      run: `(states, orders, starts, stops) -> states`, for each run the steps of one epoch.
      evaluate: `(params, orders) -> Totals`, for each run over the examples of its order.
    """

    put: Callable[[Any], Any]
    run: Callable[..., TrainState]
    evaluate: Callable[[Any, Any], Totals]


class Moment(NamedTuple):
    """Where runs side by side are.

    Attributes:
      done: how much of all epochs is done, from 0 to 1.
      ended: the runs that have just ended.
    """

    done: float
    ended: list[Member]


def fit_side_by_side(
    side: Side,
    task: Task,
    members: list[Member],
    *,
    width: int,
    epochs: int,
    batch_size: int,
    rules: Rules,
) -> Iterator[Moment]:
    """Train runs side by side, until each has ended.

    Args:
      side: the compiled functions.
      task: which names and finishes the score.
      members: the runs, from their start; the parts of their data are of equal sizes.
      width: how many runs the functions are compiled for; places left over stand still.
      epochs: the number of epochs.
      batch_size: the number of examples in a step.
      rules: when a run stops early, and when its rate falls.

    Yields:
      The progress, a few times a second and whenever runs have ended.
    """
    places = [*members, *members[:1] * (width - len(members))]
    states = side.put(_stack([m.state for m in places]))
    shifted = [batches(m.valid, min(EVALUATION_BATCH, len(m.valid))) for m in places]
    judged = side.put(_shift(places, shifted))
    steps = -(-len(members[0].train) // batch_size)
    pace, before = Pace(), [m.state.params for m in members]
    for epoch in range(epochs):
        going = [i for i, m in enumerate(members) if m.status is None]
        if not going:
            return
        began = time.perf_counter()
        goes = np.isin(np.arange(width), going)
        factors = np.array([_factor(rules, m) for m in places], states.factor.dtype)
        states = states._replace(factor=side.put(factors))
        orders = [order_of(m.train, batch_size, m.seed, epoch) for m in places]
        orders = side.put(_shift(places, orders))
        step = 0
        while step < steps:
            stop = min(steps, step + pace.steps())
            since = time.perf_counter()
            bounds = side.put((np.full(width, step, np.int32), (stop * goes).astype(np.int32)))
            states = jax.block_until_ready(side.run(states, orders, *bounds))
            pace.note(stop - step, time.perf_counter() - since)
            step = stop
            yield Moment((epoch + step / (steps + 1)) / epochs, [])
        learned, found = jax.device_get((states.totals, side.evaluate(states.params, judged)))
        params = jax.device_get(states.params)
        share = (time.perf_counter() - began) / len(going)
        for i in going:
            m = members[i]
            sums = at(learned, i), at(found, i)
            _close(m, task, rules, epoch, sums, partial(at, params, i), before[i])
            if m.status is None:
                m.records[-1] |= {
                    "seconds": share,
                    "examples_per_second": len(m.train) / max(share, 1e-9),
                }
                over = reason_to_stop(rules, m.records, task.score) or epoch + 1 == epochs
                m.status = OK if over else None
        if rules.min_change:
            before = [at(params, i) for i in range(len(members))]
        ended = [i for i in going if members[i].status is not None]
        _take_out(states, [(i, members[i]) for i in ended])
        yield Moment((epoch + 1) / epochs, [members[i] for i in ended])


def _close(
    m: Member,
    task: Task,
    rules: Rules,
    epoch: int,
    sums: tuple[Totals, Totals],
    params: Callable[[], Any],
    before: Any,
) -> None:
    """Add an epoch to a run's records, or mark the run as diverged."""
    parts = {"train": (sums[0], m.train), "valid": (sums[1], m.valid)}
    if not finite((sums[0].loss, sums[1].loss)):
        m.status = DIVERGED
        return
    record: dict[str, Any] = {"epoch": epoch + 1}
    for name, (totals, indices) in parts.items():
        means = means_of(totals, task, m.targets[indices])
        record |= {f"{name}_{key}": value for key, value in means.items()}
    m.best = better_of(m.best, record, task, params)
    if rules.min_change:
        record["parameter_change"] = distance(params(), before)
    factor = _factor(rules, m)
    record["rate_factor"] = factor
    record["learning_rate"] = float(m.rates[epoch]) * factor
    m.records.append(record)


def _factor(rules: Rules, m: Member) -> float:
    """Return what a run's learning rate is multiplied by in the coming epoch."""
    factor = m.records[-1]["rate_factor"] if m.records else 1.0
    lower = np.float32(factor) * np.float32(rules.factor)
    return float(lower) if saturated(rules, m.records) else factor


def _shift(places: list[Member], orders: list[np.ndarray]) -> np.ndarray:
    """Stack orders, each moved to its run's examples; the filling stays."""
    pairs = zip(places, orders, strict=True)
    return np.stack([np.where(order < 0, order, order + m.shift) for m, order in pairs])


def _stack(states: list[TrainState]) -> TrainState:
    """Return the states as one on the host, the runs along a new first axis."""
    stacked: TrainState = jax.tree.map(lambda *leaves: np.stack(leaves), *map(_bare, states))
    key = jax.random.wrap_key_data(stacked.key, impl=jax.random.key_impl(states[0].key))
    return stacked._replace(key=key)


def _bare(state: TrainState) -> TrainState:
    """Return a state, or several, in NumPy arrays, which know no random keys."""
    bare: TrainState = jax.device_get(state._replace(key=jax.random.key_data(state.key)))
    return bare


def _take_out(states: TrainState, ended: list[tuple[int, Member]]) -> None:
    """Give each run that has ended its own state, on the host."""
    if not ended:
        return
    bare = _bare(states)
    bare = bare._replace(totals=jax.tree.map(np.zeros_like, bare.totals))
    for i, m in ended:
        m.state = at(bare, i)._replace(key=m.state.key)
