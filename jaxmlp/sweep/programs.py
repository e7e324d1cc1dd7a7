"""The compiled programs of a sweep: which runs share one, and how it trains them.

Numbers that vary, such as the learning rate, are arguments of a program. It builds the trainer of a
run from a recipe and the numbers of that run, by the same functions as `jaxmlp.train`. Fields that
change only the start of a run (the initializer, the seed) or its examples (the fold) may differ
within a program as well, as long as an epoch has as many steps. Runs that differ in any other field
have programs of their own.
"""

import dataclasses
import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmlp.config.factory import build_rules, build_schedule, build_trainer, rates_of_epochs
from jaxmlp.config.options import Config
from jaxmlp.config.problem import rehearse_step
from jaxmlp.config.recipe import Numbers, Recipe
from jaxmlp.config.signature import encoded, task_of
from jaxmlp.data import Dataset
from jaxmlp.optim.schedules import Schedule
from jaxmlp.runs.facts import Facts
from jaxmlp.runs.folder import Run, Saved
from jaxmlp.sweep.devices import RUNS, loop_width, make_mesh, map_runs
from jaxmlp.sweep.examples import DataCache, ExampleStore
from jaxmlp.training import Examples, History, Trainer, begin, shapes_of_start
from jaxmlp.training.lockstep import OK, Member, Moment, Side, fit_side_by_side
from jaxmlp.training.step import Totals, TrainState
from jaxmlp.training.trees import count

START = ("initializer", "initializer_scale", "fan")  # fields that change only the first parameters


class Part(NamedTuple):
    """A part of the epochs of runs that train side by side.

    Attributes:
      begun: the number of complete epochs.
      epochs: the number of epochs at the end of this part.
      left: where each run was left, by its number; nothing before the first epoch.
    """

    begun: int
    epochs: int
    left: dict[int, Saved]


# Trains runs of one wave, all their epochs or a part of them, and yields the progress.
TrainWave = Callable[[list[int], Part | None], Iterator[Moment]]


def group_recipes(
    recipes: Sequence[Recipe], examples: int
) -> list[tuple[list[int], tuple[str, ...]]]:
    """Group the recipes that share a program, and find the numbers that are its arguments.

    A number that is the same in all runs is a constant of the program. So is a number that turns
    its rule off (0 or `None`), because a program without the rule is a different program.

    Args:
      recipes: the recipes of all runs.
      examples: the number of training and validation examples together.

    Returns:
      For each group the positions of its recipes, and the names of the numbers that vary in it.
    """
    columns = zip(*(recipe.numbers for recipe in recipes), strict=True)
    varying = [
        n for n, column in zip(Numbers._fields, columns, strict=True) if len({*column} - {None}) > 1
    ]
    groups: dict[Recipe, tuple[list[int], tuple[str, ...]]] = {}
    usual: dict[str, Any] = {name: getattr(Config(), name) for name in (*START, "fold")}
    for i, recipe in enumerate(recipes):
        used = tuple(name for name in varying if getattr(recipe.numbers, name))
        alike = recipe.numbers._replace(**dict.fromkeys(used, -1.0))
        steps = math.ceil((examples - recipe.valid_size) / recipe.batch_size)
        # the number of steps stands in the place of the size, which may differ
        key = dataclasses.replace(recipe, **usual, seed=0, valid_size=steps, numbers=alike)
        groups.setdefault(key, ([], used))[0].append(i)
    return list(groups.values())


class Program:
    """The runs that one compiled program trains.

    Attributes:
      recipes: the recipe of each run, by its number.
      recipe: the first of them; the others differ in their numbers, their start, their seed and
        their examples.
      data: the data of each run, by its number.
      task: what the networks predict, and how they are scored.
    """

    def __init__(
        self, recipes: dict[int, Recipe], varying: tuple[str, ...], cache: DataCache
    ) -> None:
        """Prepare the data of each run, and check that each run can be trained.

        Args:
          recipes: the recipe of each run, by its number.
          varying: the names of the numbers that vary, which are arguments of the program.
          cache: prepares the data.

        Raises:
          InputError: if a recipe cannot be trained.
        """
        self.recipes, self._varying = recipes, varying
        self.data = {i: cache.prepare(recipe) for i, recipe in recipes.items()}
        self.recipe, first = next(iter(recipes.values())), next(iter(self.data.values()))
        self._signature = first.signature
        self.task = task_of(first.signature)
        self._steps = math.ceil(len(first.train) / self.recipe.batch_size)
        raw = first.signature.raw
        inside = [data.signature.preprocessing for data in self.data.values()]
        self._same_preprocessing = not raw or len({str(p.to_dict()) for p in inside}) == 1
        weighted = self.recipe.class_weights != "none"
        regression = first.signature.target_preprocessing is not None
        self._same_examples = raw and not weighted and not regression
        self._start_trainers: dict[tuple[Any, ...], Trainer] = {}
        examples = jax.eval_shape(lambda *arrays: Examples(*arrays), *first.arrays)
        for recipe in recipes.values():
            if self._start_key(recipe) not in self._start_trainers:
                rehearse_step(self._start_trainer(recipe), examples, self.recipe.batch_size)
        self._parameters = count(shapes_of_start(self._start_trainer(self.recipe))[0].params)

    def facts(self, dataset: Dataset) -> Facts:
        """Return what is known of the data of the program's first run.

        Args:
          dataset: the data.
        """
        data = next(iter(self.data.values()))
        targets = {
            part: data.arrays[1][i] for part, i in (("train", data.train), ("valid", data.valid))
        }
        targets["test"] = encoded(data.signature, dataset.y_test)
        return Facts(dataset.source, data.signature, targets)

    def waves(self) -> list[list[int]]:
        """Return the numbers of all runs in waves, each as many as the devices hold at once."""
        runs, size = [*self.recipes], self._width * len(self._devices)
        return [runs[begun : begun + size] for begun in range(0, len(runs), size)]

    @property
    def _devices(self) -> list[jax.Device]:
        return jax.devices()[: len(self.recipes)]

    @property
    def _width(self) -> int:
        """How many runs a device trains at once.

        It depends on all runs of the program, not on those that are left: a run has the same bytes
        in whatever company it trains.
        """
        devices = self._devices
        return loop_width(self._parameters, len(self.recipes), len(devices), devices[0].platform)

    def fit(self, runs: list[int], report: Callable[[Moment], bool]) -> None:
        """Train runs of the program, as many at once as the devices hold, wave after wave.

        Args:
          runs: the numbers of the runs.
          report: takes the progress, and returns whether training continues.
        """
        begun, train_wave = 0, self.ready()
        for wave in self.waves():
            left = [i for i in wave if i in runs]
            for moment in train_wave(left, None):
                share = (begun + moment.done * len(left)) / len(runs)
                if not report(moment._replace(done=share)):
                    return
            begun += len(left)

    def ready(self) -> TrainWave:
        """Return a function that trains runs of one wave, and yields the progress.

        It holds the compiled program and the examples on the devices.
        """
        devices, runs = self._devices, [*self.recipes]
        mesh, size = make_mesh(devices), self._width * len(devices)
        make_side = self._compile(mesh, self._width)
        sets = {i: 0 if self._same_examples else self._set_of(i) for i in runs}
        store = ExampleStore(self.data, sets, size, mesh)
        rates = self._rates(runs)
        rate_of = {i: partial(_one_of, rates, place) for place, i in enumerate(runs)}
        common = {name: getattr(self.recipe, name) for name in ("batch_size", "shuffle")}
        longest = max(len(data.valid) for data in self.data.values())

        def train_wave(wave: list[int], part: Part | None) -> Iterator[Moment]:
            if not wave:
                return
            begun, epochs, left = part or Part(0, self.recipe.epochs, {})
            examples, shifts = store.load(wave)
            members = [
                self._member(i, n, rate_of[i], left.get(i))
                for i, n in zip(wave, shifts, strict=True)
            ]
            side, own = make_side(wave, examples), {"begun": begun, "epochs": epochs, **common}
            yield from fit_side_by_side(side, members, width=size, longest=longest, **own)

        return train_wave

    def train(self, runs: list[int]) -> list[Member]:
        """Train runs of the program to their ends, and return them.

        Args:
          runs: the numbers of the runs.
        """
        ended: list[Member] = []

        def keep(moment: Moment) -> bool:
            ended.extend(moment.ended)
            return True

        self.fit(runs, keep)
        return ended

    def _set_of(self, i: int) -> Hashable:
        """Return the label of the examples that a run sees, in the form in which it sees them."""
        recipe = self.recipes[i]
        return recipe.seed, recipe.fold, recipe.valid_size

    def _start_key(self, recipe: Recipe) -> tuple[Any, ...]:
        return tuple(getattr(recipe, name) for name in START)

    def _start_trainer(self, recipe: Recipe) -> Trainer:
        """Return the trainer that begins a run; its seed and rates do not matter."""
        key = self._start_key(recipe)
        if key not in self._start_trainers:
            rate = build_schedule(recipe, recipe.epochs * self._steps)
            self._start_trainers[key] = build_trainer(recipe, self._signature, rate)
        return self._start_trainers[key]

    def _trainer(self, values: dict[str, Any]) -> Trainer:
        """Build the trainer of one run inside the program, from its numbers."""
        signature = self._signature
        if not self._same_preprocessing:
            offset, scale = values["offset_and_scale"]
            inside = dataclasses.replace(signature.preprocessing, offset=offset, scale=scale)
            signature = dataclasses.replace(signature, preprocessing=inside)
        if "target_offset_and_scale" in values:
            offset, scale = values["target_offset_and_scale"]
            own: Any = signature.target_preprocessing
            target = dataclasses.replace(own, offset=offset, scale=scale)
            signature = dataclasses.replace(signature, target_preprocessing=target)
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
        """Return the arguments of the program that vary from run to run."""
        values: dict[str, Any] = {
            name: np.array([getattr(self.recipes[i].numbers, name) for i in runs], float)
            for name in self._varying
        }
        if not self._same_preprocessing:
            inside = [self.data[i].signature.preprocessing for i in runs]
            values["offset_and_scale"] = tuple(
                np.stack([getattr(p, part) for p in inside]) for part in ("offset", "scale")
            )
        if self._signature.output_activation != "identity":  # which is at home in the target's unit
            targets: Any = [self.data[i].signature.target_preprocessing for i in runs]
            values["target_offset_and_scale"] = tuple(
                np.stack([getattr(p, part) for p in targets]) for part in ("offset", "scale")
            )
        return values

    def _rates(self, runs: Sequence[int]) -> Callable[[int], np.ndarray]:
        """Return the learning rates of an epoch as a function of the epoch, `(runs,)`."""

        def rates(values: dict[str, Any], _: Any, t: jax.Array) -> jax.Array:
            return jnp.broadcast_to(self._schedule(self._numbers(values))(t), t.shape)

        each, values = jax.vmap(rates, in_axes=(0, 0, None)), self._values(runs)
        many = partial(each, values, np.zeros(len(runs)))
        return rates_of_epochs(many, self._steps, self.recipe.epochs)

    def where_left(self, i: int, run: Run, checksum: str) -> Saved:
        """Return where a run was left.

        Args:
          i: its number.
          run: its folder.
          checksum: of the data.

        Raises:
          InputError: if its checkpoint is damaged or does not fit.
        """
        run.begin(checksum, None)
        state, best = shapes_of_start(self._start_trainer(self.recipes[i]))
        start = Saved(state, best, [], best.params if self.recipe.min_change else None)
        return run.load_checkpoint(start, self.task.score)

    def ended(self, i: int, left: Saved) -> Member:
        """Return a run that a rule has stopped before, as it was left."""
        member = self._member(i, 0, lambda _: 0.0, left)
        member.status = OK
        return member

    def _member(
        self, i: int, shift: int, rate_of: Callable[[int], float], left: Saved | None
    ) -> Member:
        """Begin or continue a run; `shift` finds its examples, `rate_of` the rate of an epoch."""
        data, recipe = self.data[i], self.recipes[i]
        if left is None:
            left = Saved(*begin(self._start_trainer(recipe), recipe.seed), [], None)
        state, best, records, epoch_start = left
        history = History(self.task, best, rate_of, build_rules(self.recipe), records, epoch_start)
        targets = data.arrays[1]
        return Member(i, recipe.seed, data.train, data.valid, shift, targets, state, history)

    def _compile(self, mesh: Mesh, width: int) -> Callable[[list[int], Examples], Side]:
        """Return a function that makes the `Side` of a wave; all waves share compiled code."""
        run = jax.jit(map_runs(self._run, mesh, width), donate_argnums=0)
        evaluate = jax.jit(map_runs(self._evaluate, mesh, width))
        put = partial(jax.device_put, device=NamedSharding(mesh, PartitionSpec(RUNS)))
        size = width * mesh.size

        def make_side(wave: list[int], examples: Examples) -> Side:
            values = put(self._values([*wave, *wave[:1] * (size - len(wave))]))
            return Side(
                put,
                lambda state, *order: run(state, (values, *order), examples),
                lambda params, order: evaluate(params, (values, order), examples),
                mesh.size,
            )

        return make_side


def _one_of(rates: Callable[[int], np.ndarray], place: int, epoch: int) -> float:
    return float(rates(epoch)[place])
