"""Configurations that one compiled program trains, and how they are spread over the devices.

Numbers that vary, such as the learning rate, are arguments of the program: the trainer is built
inside it, by the same functions as ever, from a configuration that holds traced values. What only
changes the start (the initializer, the seed) needs no program of its own either. All else does.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmlp.config.factory import rates_of_epochs, rules_from, schedule_from
from jaxmlp.config.options import Config
from jaxmlp.config.problem import (
    rehearse,
    spec_from,
    split_training,
    trainer_from,
    weights_from,
)
from jaxmlp.config.signature import Spec, arrays_from
from jaxmlp.data import Dataset
from jaxmlp.training import TASKS, Examples, Trainer, begin, shapes_of_start
from jaxmlp.training.evaluation import count
from jaxmlp.training.lockstep import Member, Moment, Side, fit_side_by_side
from jaxmlp.training.step import Totals, TrainState

NUMBERS = (
    "learning_rate",
    "weight_decay",
    "momentum",
    "decay",
    "beta1",
    "beta2",
    "epsilon",
    "clip_norm",
)  # fields that may be arguments of a program; 0 and None are rules left out, and stay constants
START = ("initializer", "initializer_scale", "fan")
POSING = ("loss", "preprocessing", "valid_size", "seed", "class_weights")
SMALL = 10_000  # parameters up to which a processor gains from several runs in one loop
MOST = 32  # runs in one loop
RUNS = "runs"  # the axis of the devices


class Posed(NamedTuple):
    """The data as a configuration sees them, on the host.

    Attributes:
      spec: what the network expects and returns.
      rest, held: the indices of the training and the validation part.
      arrays: inputs, targets and weights of both.
    """

    spec: Spec
    rest: np.ndarray
    held: np.ndarray
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray]


def pose(config: Config, dataset: Dataset, known: dict[tuple[Any, ...], Posed]) -> Posed:
    """Return the data as a complete configuration sees them, made once for all that see the same.

    Args:
      config: the configuration.
      dataset: the data.
      known: what was made before; gains what is made now.

    Returns:
      Specification, parts and arrays.
    """
    key = tuple(getattr(config, name) for name in POSING)
    if key not in known:
        rest, held = split_training(config, dataset)
        spec, weights = spec_from(config, dataset, rest), weights_from(config, dataset, rest)
        arrays = arrays_from(spec, dataset.x_train, dataset.y_train, weights)
        known[key] = Posed(spec, rest, held, arrays)
    return known[key]


def with_values(config: Config, values: dict[str, Any]) -> Config:
    """Return a copy with numbers that are known only at run time, and so cannot be checked."""
    copied = object.__new__(Config)
    for field in dataclasses.fields(config):
        value = values.get(field.name, getattr(config, field.name))
        object.__setattr__(copied, field.name, value)
    return copied


def grouped(configs: Sequence[Config]) -> list[tuple[list[int], tuple[str, ...]]]:
    """Return which configurations share a program, and which numbers are its arguments.

    Args:
      configs: complete configurations.

    Returns:
      For each group its members' positions, and the fields in which they differ.
    """
    varying = [n for n in NUMBERS if len({getattr(config, n) for config in configs}) > 1]
    groups: dict[Config, tuple[list[int], tuple[str, ...]]] = {}
    usual = {name: getattr(Config(), name) for name in START} | {"seed": 0}
    for i, config in enumerate(configs):
        used = tuple(name for name in varying if getattr(config, name))
        key = with_values(dataclasses.replace(config, **usual), dict.fromkeys(used, -1.0))
        groups.setdefault(key, ([], used))[0].append(i)
    return list(groups.values())


def width_for(parameters: int, runs: int, devices: int, platform: str) -> int:
    """Return how many runs a device trains in one loop.

    A processor does best with one network in a loop, unless it is so small that the loop itself
    takes most of the time; other devices want as much work at once as there is.

    Args:
      parameters: of one network.
      runs: how many there are to do.
      devices: how many devices share them.
      platform: of the devices, `cpu` or another.

    Returns:
      The smallest number that needs no more rounds than the largest would.
    """
    most = MOST if platform != "cpu" or parameters <= SMALL else 1
    rounds = math.ceil(runs / (devices * most))
    return math.ceil(runs / (devices * rounds))


def _spread(f: Callable[..., Any], mesh: Mesh, width: int) -> Callable[..., Any]:
    """Return `f(a, b, shared)` for a, b of many runs: `width` of them at once on each device."""

    def here(a: Any, b: Any, shared: Any) -> Any:
        if width > 1:
            return jax.vmap(f, in_axes=(0, 0, None))(a, b, shared)
        # alone, without vmap, whose loop would choose between old and new state in every step
        first = jax.tree.map(lambda leaf: leaf[0], (a, b))
        return jax.tree.map(lambda leaf: leaf[None], f(*first, shared))

    runs, all_of_it = PartitionSpec(RUNS), PartitionSpec()
    return jax.shard_map(
        here, mesh=mesh, in_specs=(runs, runs, all_of_it), out_specs=runs, check_vma=False
    )


class Group:
    """Configurations that one compiled program trains."""

    def __init__(
        self,
        configs: dict[int, Config],
        numbers: tuple[str, ...],
        dataset: Dataset,
        known: dict[tuple[Any, ...], Posed],
    ) -> None:
        """Pose the problem of each configuration, and see that each can be trained.

        Args:
          configs: complete configurations by the numbers of their runs.
          numbers: the fields in which they differ that are arguments of the program.
          dataset: the data.
          known: what `pose` made before.

        Raises:
          InputError: if a configuration cannot be trained.
        """
        self.configs, self._numbers = configs, numbers
        self.posed = {i: pose(config, dataset, known) for i, config in configs.items()}
        self.config, first = next(iter(configs.items()))[1], next(iter(self.posed.values()))
        self.task, self._spec = TASKS[first.spec.task], first.spec
        assert self.config.batch_size is not None
        assert self.config.epochs is not None
        self._batch_size, self._epochs = self.config.batch_size, self.config.epochs
        self._steps = math.ceil(len(first.rest) / self._batch_size)
        raw = first.spec.raw
        inside = [p.spec.preprocessing for p in self.posed.values()]
        self._prepared_alike = not raw or len({str(p.to_dict()) for p in inside}) == 1
        weighted = self.config.class_weights != "none"
        regression = first.spec.target_preprocessing is not None
        self._stored_alike = raw and not weighted and not regression
        self._starts: dict[tuple[Any, ...], Trainer] = {}
        examples = jax.eval_shape(lambda *arrays: Examples(*arrays), *first.arrays)
        for config in configs.values():
            if self._start_key(config) not in self._starts:
                rehearse(self._starter(config), examples, self._batch_size)
        self._parameters = count(shapes_of_start(self._starter(self.config))[0].params)

    def fit(self, left: list[int], report: Callable[[Moment], bool]) -> None:
        """Train runs of the group, wave after wave.

        Args:
          left: the numbers of the runs.
          report: is told of the progress, and says whether to go on.
        """
        devices = jax.devices()[: len(left)]
        width = width_for(self._parameters, len(left), len(devices), devices[0].platform)
        auto = (jax.sharding.AxisType.Auto,)
        mesh = jax.make_mesh((len(devices),), (RUNS,), axis_types=auto, devices=devices)
        run = jax.jit(_spread(self._run, mesh, width), donate_argnums=0)
        evaluate = jax.jit(_spread(self._evaluate, mesh, width))
        size, rates = width * len(devices), self._rates(left)
        sets = 1 if self._stored_alike else min(size, len({self._set(i) for i in left}))
        shared: tuple[list[int], Any] = ([], None)
        for begun in range(0, len(left), size):
            wave = left[begun : begun + size]
            wanted = list(dict.fromkeys(self._set(i) for i in wave))
            if wanted != shared[0]:
                shared = wanted, self._examples(wave, wanted, sets, mesh)
            members = [
                self._member(i, wanted.index(self._set(i)), rates[begun + k])
                for k, i in enumerate(wave)
            ]
            side = self._side(wave, size, mesh, run, evaluate, shared[1])
            for moment in fit_side_by_side(
                side,
                self.task,
                members,
                width=size,
                epochs=self._epochs,
                batch_size=self._batch_size,
                rules=rules_from(self.config),
            ):
                share = (begun + moment.done * len(wave)) / len(left)
                if not report(moment._replace(done=share)):
                    return

    def _start_key(self, config: Config) -> tuple[Any, ...]:
        return tuple(getattr(config, name) for name in START)

    def _starter(self, config: Config) -> Trainer:
        """Return the ordinary trainer of one configuration; the seed and rates do not matter."""
        key = self._start_key(config)
        if key not in self._starts:
            rate = schedule_from(config, self._epochs * self._steps)
            self._starts[key] = trainer_from(config, self._spec, rate)
        return self._starts[key]

    def _trainer(self, values: dict[str, Any]) -> Trainer:
        """Return the trainer of one run inside the program, from its numbers."""
        config, spec = with_values(self.config, values), self._spec
        if not self._prepared_alike:
            offset, scale = values["offset_and_scale"]
            inside = dataclasses.replace(spec.preprocessing, offset=offset, scale=scale)
            spec = dataclasses.replace(spec, preprocessing=inside)
        return trainer_from(config, spec, schedule_from(config, self._epochs * self._steps))

    def _run(self, state: TrainState, given: Any, examples: Examples) -> TrainState:
        values, order, start, stop = given
        return self._trainer(values).run(state, examples, order[None], start, stop)[0]

    def _evaluate(self, params: Any, given: Any, examples: Examples) -> Totals:
        values, order = given
        alone = jax.tree.map(lambda leaf: leaf[None], params)
        totals = self._trainer(values).evaluate(alone, examples, order, 1)
        return jax.tree.map(lambda total: total[0], totals)

    def _values(self, runs: Sequence[int]) -> dict[str, Any]:
        """Return the numbers of several runs, the arguments of the program."""
        configs = [self.configs[i] for i in runs]
        values: dict[str, Any] = {
            name: np.array([getattr(config, name) for config in configs], float)
            for name in self._numbers
        }
        if not self._prepared_alike:
            inside = [self.posed[i].spec.preprocessing for i in runs]
            values["offset_and_scale"] = tuple(
                np.stack([getattr(p, part) for p in inside]) for part in ("offset", "scale")
            )
        return values

    def _rates(self, runs: Sequence[int]) -> np.ndarray:
        """Return the learning rate at the last step of each epoch, `(runs, epochs)`."""

        def rates(values: dict[str, Any], _: Any) -> jax.Array:
            config = with_values(self.config, values)
            rate = schedule_from(config, self._epochs * self._steps)
            return rates_of_epochs(rate, self._steps, self._epochs)

        each = jax.vmap(rates, in_axes=(0, 0))
        return np.asarray(jax.jit(each)(self._values(runs), np.zeros(len(runs))))

    def _set(self, i: int) -> int:
        """Return by what a run's stored examples differ from those of others, if they do."""
        return 0 if self._stored_alike else self.configs[i].seed

    def _examples(self, wave: list[int], wanted: list[int], sets: int, mesh: Mesh) -> Examples:
        """Put the examples of a wave on every device, the sets it needs one after the other."""
        owners = {self._set(i): i for i in reversed(wave)}
        padded = [*wanted, *wanted[:1] * (sets - len(wanted))]
        arrays = [self.posed[owners[name]].arrays for name in padded]
        whole = arrays[0] if sets == 1 else tuple(map(np.concatenate, zip(*arrays, strict=True)))
        return Examples(*jax.device_put(whole, NamedSharding(mesh, PartitionSpec())))

    def _member(self, i: int, place: int, rates: np.ndarray) -> Member:
        posed, config = self.posed[i], self.configs[i]
        state, best = begin(self._starter(config), config.seed)
        targets = posed.arrays[1]
        shift = place * len(targets)
        held = posed.held
        return Member(i, config.seed, posed.rest, held, shift, targets, rates, state, best)

    def _side(
        self,
        wave: list[int],
        size: int,
        mesh: Mesh,
        run: Callable[..., TrainState],
        evaluate: Callable[..., Totals],
        examples: Examples,
    ) -> Side:
        put = partial(jax.device_put, device=NamedSharding(mesh, PartitionSpec(RUNS)))
        values = put(self._values([*wave, *wave[:1] * (size - len(wave))]))
        return Side(
            put,
            lambda state, *order: run(state, (values, *order), examples),
            lambda params, order: evaluate(params, (values, order), examples),
        )
