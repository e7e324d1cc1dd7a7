"""Training of several runs side by side, in one compiled program.

The counterpart of `fit` for a sweep. Each run has its own numbers, such as the learning rate, and
its own `History`; batches and rules are those of `fit`. All epochs have the same number of steps. A
run that has ended takes no more steps, and the others go on.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from jaxmlp.optim.base import Params
from jaxmlp.training.clock import Clock
from jaxmlp.training.history import History
from jaxmlp.training.judge import EVALUATION_BATCH, means_of
from jaxmlp.training.orders import batches, order_of
from jaxmlp.training.step import Totals, TrainState
from jaxmlp.training.trees import finite, take_entry
from jaxmlp.training.types import AnyArray, AnyTree, HostOrder, HostTargets

Part = Int[np.ndarray, "_"]
RunOrders = Int[AnyArray, "runs steps batch"]
Bounds = Int[AnyArray, "runs"]
TRAINING, OK, DIVERGED = "training", "ok", "diverged"


@dataclass
class Member:
    """One of the runs that train side by side.

    Attributes:
      number: the run's number in the sweep.
      seed: the seed for the order of its examples.
      train, valid: the indices of its training and validation examples.
      shift: added to the indices to find the examples on the device.
      targets: the encoded targets of all its examples.
      state: the state at its start and, once it has ended, at its end.
      history: its records, its best parameters and its rules.
      status: `training`, and `ok` or `diverged` once it has ended.
    """

    number: int
    seed: int
    train: Part
    valid: Part
    shift: int
    targets: HostTargets
    state: TrainState
    history: History
    status: str = TRAINING


class Side(NamedTuple):
    """The compiled functions of runs side by side; the first axis of every array counts the runs.

    Attributes:
      put: moves arrays from the host to the devices of the runs.
      run: `(states, orders, starts, stops) -> states`; each run takes steps of one epoch, from its
        start up to its stop.
      evaluate: `(params, orders) -> Totals`, the sums of each run over the examples of its order.
      devices: the number of devices that share the runs.
    """

    put: Callable[[AnyTree], Any]
    run: Callable[[TrainState, RunOrders, Bounds, Bounds], TrainState]
    evaluate: Callable[[Params, RunOrders], Totals]
    devices: int


class Moment(NamedTuple):
    """The progress of runs side by side.

    Attributes:
      done: the share of all epochs that is done, from 0 to 1.
      ended: the runs that have just ended.
    """

    done: float
    ended: list[Member]


def fit_side_by_side(
    side: Side,
    members: list[Member],
    *,
    width: int,
    epochs: int,
    batch_size: int,
    shuffle: bool = True,
    longest: int = 0,
    begun: int = 0,
) -> Iterator[Moment]:
    """Train runs side by side until each has ended.

    A run that diverges is marked and ends alone.

    Args:
      side: the compiled functions.
      members: the runs, all at their start or after `begun` epochs; an epoch of each has as many
        steps.
      width: the number of runs that the functions are compiled for; unused places take no steps.
      epochs: the number of epochs, with those that are complete.
      batch_size: the number of examples in a step.
      shuffle: whether each epoch has an order of its own; otherwise it takes the data's order.
      longest: the size of the largest validation part of all runs, also of those that train at
        another time: so that no run depends on which others train beside it.
      begun: the number of complete epochs.

    Yields:
      The progress, a few times a second and after every epoch.
    """
    places = [*members, *members[:1] * (width - len(members))]
    states = side.put(_stack([m.state for m in places]))
    validation = side.put(_validation_orders(places, width == side.devices, longest))
    for m in members:
        if not begun:
            m.history.remember_parameters(m.state.judged)
    clock = Clock()
    for epoch in range(begun, epochs):
        going = [i for i, m in enumerate(members) if m.status == TRAINING]
        if not going:
            return
        began = time.perf_counter()
        order = partial(_training_order, batch_size=batch_size, epoch=epoch, shuffle=shuffle)
        orders = side.put(_orders(places, order))
        states = _with_rate_factors(states, places, side)
        for reached, done in _take_steps(states, orders, going, side, clock):
            states = reached
            yield Moment((epoch - begun + done) / (epochs - begun), [])
        sums = jax.device_get((states.totals, side.evaluate(states.judged, validation)))
        _record_epoch(states, sums, {i: members[i] for i in going}, began)
        ended = _end_runs(states, {i: members[i] for i in going}, last=epoch + 1 == epochs)
        yield Moment((epoch - begun + 1) / (epochs - begun), ended)


def _with_rate_factors(states: TrainState, places: list[Member], side: Side) -> TrainState:
    """Return the states with the factor of each run's updates in the coming epoch."""
    factors = np.array([m.history.rate_factor() for m in places], states.factor.dtype)
    return states._replace(factor=side.put(factors))


def _take_steps(
    states: TrainState, orders: RunOrders, going: list[int], side: Side, clock: Clock
) -> Iterator[tuple[TrainState, float]]:
    """Take an epoch's steps, and yield the states with the share of the epoch that is done.

    The share stays below 1, since the evaluation follows.
    """
    width, steps, _ = orders.shape
    goes, step = np.isin(np.arange(width), going), 0
    while step < steps:
        stop = min(steps, step + clock.steps_until_look())
        bounds = side.put((np.full(width, step, np.int32), (stop * goes).astype(np.int32)))
        with clock:
            states = jax.block_until_ready(side.run(states, orders, *bounds))
        clock.count_steps(stop - step)
        step = stop
        yield states, step / (steps + 1)


def _record_epoch(
    states: TrainState, sums: tuple[Totals, Totals], going: dict[int, Member], began: float
) -> None:
    """Add an epoch to the history of each run, or mark the run as diverged."""
    params = jax.device_get(states.judged)
    seconds = (time.perf_counter() - began) / len(going)
    for i, m in going.items():
        learned, found = take_entry(sums, i)
        if not finite((learned.loss, found.loss)):
            m.status = DIVERGED
            continue
        train, valid = (
            means_of(totals, m.history.task, m.targets[indices])
            for totals, indices in ((learned, m.train), (found, m.valid))
        )
        own, rate = partial(take_entry, params, i), len(m.train) / max(seconds, 1e-9)
        m.history.add_epoch(train, valid, own, seconds, rate)


def _end_runs(states: TrainState, going: dict[int, Member], last: bool) -> list[Member]:
    """Mark the runs that end with this epoch, give each its state, and return them."""
    for m in going.values():
        if m.status == TRAINING and (last or m.history.reason_to_stop()):
            m.status = OK
    ended = {i: m for i, m in going.items() if m.status != TRAINING}
    if ended:
        bare = _bare(states)
        for i, m in ended.items():
            m.state = take_entry(bare, i)._replace(key=m.state.key)
    return list(ended.values())


def _training_order(m: Member, batch_size: int, epoch: int, shuffle: bool) -> HostOrder:
    """Return the batches of a run's epoch."""
    return order_of(m.train, batch_size, m.seed, epoch, shuffle)


def _validation_orders(places: list[Member], alone: bool, longest: int) -> RunOrders:
    """Return the batches of the runs' validation parts; of runs alone, of the size `fit` takes.

    Sums over batches of another size are rounded in another way. A part that is smaller than the
    largest one is filled up with -1.
    """
    longest = max(longest, *(len(m.valid) for m in places))
    every = len(places[0].valid) + len(places[0].train)
    size = min(EVALUATION_BATCH, every if alone else longest)

    def order(m: Member) -> HostOrder:
        return batches(np.pad(m.valid, (0, longest - len(m.valid)), constant_values=-1), size)

    return _orders(places, order)


def _orders(places: list[Member], order: Callable[[Member], HostOrder]) -> RunOrders:
    """Return the orders of all runs, with indices that point to each run's examples."""
    pairs = [(m.shift, order(m)) for m in places]
    return np.stack([np.where(rows < 0, rows, rows + shift) for shift, rows in pairs])


def _stack(states: list[TrainState]) -> TrainState:
    """Return one state on the host; a new first axis counts the runs."""
    stacked: TrainState = jax.tree.map(lambda *leaves: np.stack(leaves), *map(_bare, states))
    key = jax.random.wrap_key_data(stacked.key, impl=jax.random.key_impl(states[0].key))
    return stacked._replace(key=key)


def _bare(state: TrainState) -> TrainState:
    """Return a state in NumPy arrays, with the data of its random keys."""
    bare: TrainState = jax.device_get(state._replace(key=jax.random.key_data(state.key)))
    return bare
