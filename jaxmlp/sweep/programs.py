"""The compiled programs of a sweep: which runs share one, and how they are spread over the devices.

Numbers that vary, such as the learning rate, are arguments of the program: the trainer is built
inside it, by the same functions as ever, from a recipe and the numbers of one run. What only
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

from jaxmlp.config.factory import build_rules, build_schedule, build_trainer, rates_of_epochs
from jaxmlp.config.options import Config
from jaxmlp.config.problem import (
    example_weights,
    rehearse_step,
    signature_of,
    split_training,
)
from jaxmlp.config.recipe import Numbers, Recipe
from jaxmlp.config.signature import Signature, arrays_from
from jaxmlp.data import Dataset
from jaxmlp.optim.schedules import Schedule
from jaxmlp.training import TASKS, Examples, History, Trainer, begin, shapes_of_start
from jaxmlp.training.judge import count
from jaxmlp.training.lockstep import Member, Moment, Side, fit_side_by_side
from jaxmlp.training.step import Totals, TrainState

START = ("initializer", "initializer_scale", "fan")
POSING = ("loss", "preprocessing", "valid_size", "seed", "class_weights")
SMALL = 10_000  # parameters up to which a processor gains from several runs in one loop
MOST = 32  # runs in one loop
RUNS = "runs"  # the axis of the devices


class PreparedData(NamedTuple):
    """The data as a recipe sees them, on the host.

    Attributes:
      signature: what the network expects and returns.
      rest, held: the indices of the training and the validation part.
      arrays: inputs, targets and weights of both.
    """

    signature: Signature
    rest: np.ndarray
    held: np.ndarray
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray]


def prepare_data(
    recipe: Recipe, dataset: Dataset, known: dict[tuple[Any, ...], PreparedData]
) -> PreparedData:
    """Return the data as a recipe sees them, made once for all that see the same.

    Args:
      recipe: the recipe.
      dataset: the data.
      known: what was made before; gains what is made now.

    Returns:
      Signature, parts and arrays.
    """
    key = tuple(getattr(recipe, name) for name in POSING)
    if key not in known:
        rest, held = split_training(recipe, dataset)
        signature = signature_of(recipe, dataset, rest)
        weights = example_weights(recipe, dataset, rest)
        arrays = arrays_from(signature, dataset.x_train, dataset.y_train, weights)
        known[key] = PreparedData(signature, rest, held, arrays)
    return known[key]


def group_recipes(recipes: Sequence[Recipe]) -> list[tuple[list[int], tuple[str, ...]]]:
    """Return which recipes share a program, and which numbers are its arguments.

    A number that is the same in all runs stays a constant, and so does a rule that is off (0 or
    `None`), since a program without the rule is another one.

    Args:
      recipes: of all runs.

    Returns:
      For each group its members' positions, and the numbers in which they differ.
    """
    columns = zip(*(recipe.numbers for recipe in recipes), strict=True)
    varying = [n for n, column in zip(Numbers._fields, columns, strict=True) if len({*column}) > 1]
    groups: dict[Recipe, tuple[list[int], tuple[str, ...]]] = {}
    usual: dict[str, Any] = {name: getattr(Config(), name) for name in START} | {"seed": 0}
    for i, recipe in enumerate(recipes):
        used = tuple(name for name in varying if getattr(recipe.numbers, name))
        alike = recipe.numbers._replace(**dict.fromkeys(used, -1.0))
        key = dataclasses.replace(recipe, **usual, numbers=alike)
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


class Program:
    """Runs that one compiled program trains.

    Attributes:
      recipes: by the numbers of the runs.
      recipe: of the first run; the others differ in their numbers, their start and their seed.
      task: what is asked of the networks.
    """

    def __init__(
        self,
        recipes: dict[int, Recipe],
        varying: tuple[str, ...],
        dataset: Dataset,
        known: dict[tuple[Any, ...], PreparedData],
    ) -> None:
        """Prepare the data of each run, and see that each can be trained.

        Args:
          recipes: by the numbers of the runs.
          varying: the numbers in which they differ, the arguments of the program.
          dataset: the data.
          known: what `prepare_data` made before.

        Raises:
          InputError: if a recipe cannot be trained.
        """
        self.recipes, self._varying = recipes, varying
        self.data = {i: prepare_data(recipe, dataset, known) for i, recipe in recipes.items()}
        self.recipe, first = next(iter(recipes.values())), next(iter(self.data.values()))
        self._signature = first.signature
        self.task = TASKS[first.signature.task]
        self._steps = math.ceil(len(first.rest) / self.recipe.batch_size)
        raw = first.signature.raw
        inside = [data.signature.preprocessing for data in self.data.values()]
        self._prepared_alike = not raw or len({str(p.to_dict()) for p in inside}) == 1
        weighted = self.recipe.class_weights != "none"
        regression = first.signature.target_preprocessing is not None
        self._stored_alike = raw and not weighted and not regression
        self._starts: dict[tuple[Any, ...], Trainer] = {}
        examples = jax.eval_shape(lambda *arrays: Examples(*arrays), *first.arrays)
        for recipe in recipes.values():
            if self._start_key(recipe) not in self._starts:
                rehearse_step(self._starter(recipe), examples, self.recipe.batch_size)
        self._parameters = count(shapes_of_start(self._starter(self.recipe))[0].params)

    def fit(self, left: list[int], report: Callable[[Moment], bool]) -> None:
        """Train runs of the program, wave after wave.

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
                members,
                width=size,
                epochs=self.recipe.epochs,
                batch_size=self.recipe.batch_size,
            ):
                share = (begun + moment.done * len(wave)) / len(left)
                if not report(moment._replace(done=share)):
                    return

    def _start_key(self, recipe: Recipe) -> tuple[Any, ...]:
        return tuple(getattr(recipe, name) for name in START)

    def _starter(self, recipe: Recipe) -> Trainer:
        """Return the ordinary trainer of one recipe; the seed and rates do not matter."""
        key = self._start_key(recipe)
        if key not in self._starts:
            rate = build_schedule(recipe, recipe.epochs * self._steps)
            self._starts[key] = build_trainer(recipe, self._signature, rate)
        return self._starts[key]

    def _trainer(self, values: dict[str, Any]) -> Trainer:
        """Return the trainer of one run inside the program, from its numbers."""
        signature = self._signature
        if not self._prepared_alike:
            offset, scale = values["offset_and_scale"]
            inside = dataclasses.replace(signature.preprocessing, offset=offset, scale=scale)
            signature = dataclasses.replace(signature, preprocessing=inside)
        numbers = self._numbers(values)
        return build_trainer(self.recipe, signature, self._schedule(numbers), numbers)

    def _numbers(self, values: dict[str, Any]) -> Numbers:
        """Return the numbers of one run inside the program."""
        return self.recipe.numbers._replace(**{name: values[name] for name in self._varying})

    def _schedule(self, numbers: Numbers) -> Schedule:
        steps = self.recipe.epochs * self._steps
        return build_schedule(self.recipe, steps, numbers.learning_rate)

    def _run(self, state: TrainState, given: Any, examples: Examples) -> TrainState:
        values, order, start, stop = given
        return self._trainer(values).run(state, examples, order[None], start, stop)[0]

    def _evaluate(self, params: Any, given: Any, examples: Examples) -> Totals:
        values, order = given
        alone = jax.tree.map(lambda leaf: leaf[None], params)
        totals = self._trainer(values).judge.evaluate(alone, examples, order, 1)
        return jax.tree.map(lambda total: total[0], totals)

    def _values(self, runs: Sequence[int]) -> dict[str, Any]:
        """Return the numbers of several runs, the arguments of the program."""
        values: dict[str, Any] = {
            name: np.array([getattr(self.recipes[i].numbers, name) for i in runs], float)
            for name in self._varying
        }
        if not self._prepared_alike:
            inside = [self.data[i].signature.preprocessing for i in runs]
            values["offset_and_scale"] = tuple(
                np.stack([getattr(p, part) for p in inside]) for part in ("offset", "scale")
            )
        return values

    def _rates(self, runs: Sequence[int]) -> np.ndarray:
        """Return the learning rate at the last step of each epoch, `(runs, epochs)`."""

        def rates(values: dict[str, Any], _: Any) -> jax.Array:
            rate = self._schedule(self._numbers(values))
            return rates_of_epochs(rate, self._steps, self.recipe.epochs)

        each = jax.vmap(rates, in_axes=(0, 0))
        return np.asarray(jax.jit(each)(self._values(runs), np.zeros(len(runs))))

    def _set(self, i: int) -> int:
        """Return by what a run's stored examples differ from those of others, if they do."""
        return 0 if self._stored_alike else self.recipes[i].seed

    def _examples(self, wave: list[int], wanted: list[int], sets: int, mesh: Mesh) -> Examples:
        """Put the examples of a wave on every device, the sets it needs one after the other."""
        owners = {self._set(i): i for i in reversed(wave)}
        padded = [*wanted, *wanted[:1] * (sets - len(wanted))]
        arrays = [self.data[owners[name]].arrays for name in padded]
        whole = arrays[0] if sets == 1 else tuple(map(np.concatenate, zip(*arrays, strict=True)))
        return Examples(*jax.device_put(whole, NamedSharding(mesh, PartitionSpec())))

    def _member(self, i: int, place: int, rates: np.ndarray) -> Member:
        data, recipe = self.data[i], self.recipes[i]
        state, best = begin(self._starter(recipe), recipe.seed)
        targets = data.arrays[1]
        shift = place * len(targets)
        rules = build_rules(self.recipe)
        history = History(self.task, best, lambda epoch: float(rates[epoch - 1]), rules)
        return Member(i, recipe.seed, data.rest, data.held, shift, targets, state, history)

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
