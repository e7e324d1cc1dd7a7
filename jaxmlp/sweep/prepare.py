"""What a sweep needs before it trains: its plan and data, the recipes of its runs, the programs."""

import argparse
import dataclasses
import itertools
from collections.abc import Hashable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp.config.complete import complete
from jaxmlp.config.factory import arithmetic
from jaxmlp.config.folds import fold_parts
from jaxmlp.config.options import Config, config_from, names_data
from jaxmlp.config.own_files import files_from
from jaxmlp.config.own_parts import FIELDS
from jaxmlp.config.recipe import Recipe
from jaxmlp.data import Dataset, with_task
from jaxmlp.errors import InputError, check, naming
from jaxmlp.runs.data import load_or_stand_in, with_whole_paths
from jaxmlp.runs.facts import Facts
from jaxmlp.sweep.examples import DataCache
from jaxmlp.sweep.halving import Halving, check_halving
from jaxmlp.sweep.members import check_count, kind_of
from jaxmlp.sweep.plan import SWEEP, Plan, read_plan
from jaxmlp.sweep.programs import Program, group_recipes
from jaxmlp.sweep.search import Search, load_optuna, new_search
from jaxmlp.sweep.space import (
    MOST,
    Point,
    format_point,
    make_points,
    parse_number,
    repeats_of_search,
)

NEW = (  # the options of a new sweep only
    *("grid", "random", "folds", "best_as_ensemble", "config", "out", "overwrite", "plan"),
    *("halving", "first_epochs", "search", "search_batch"),
)


class Runs(NamedTuple):
    """Runs of a sweep that can be trained.

    Attributes:
      recipes: the recipe of each run.
      programs: which train the runs.
      kinds: what each run must have in common with others to be members of one ensemble.
    """

    recipes: list[Recipe]
    programs: list[Program]
    kinds: list[Hashable]


class Prepared(NamedTuple):
    """A sweep that can be trained.

    Attributes:
      plan: what it tries.
      dataset: its data.
      facts: what is known of the data of its first run.
      score: the name of the task's score.
      runs: its runs; of a search those that were asked for so far.
      cache: prepares the data of more runs.
    """

    plan: Plan
    dataset: Dataset
    facts: Facts
    score: str
    runs: Runs
    cache: DataCache


def prepare_sweep(control: argparse.Namespace, given: dict[str, Any]) -> Prepared:
    """Prepare a new sweep, or one that is there, and check that each of its runs can be trained.

    Args:
      control: the options of the sweep.
      given: the fields of the configuration that all runs share.

    Returns:
      The sweep.

    Raises:
      InputError: if something is wrong with an option, the folder or the data.
    """
    old = control.resume or control.join
    plan, dataset = (_reopen_plan if old else _make_plan)(control, given)
    with naming(Path(old)) if old else nullcontext():
        data = with_task(dataset, plan.base.task)
        if plan.search is not None and not plan.search.complete:
            repeat = plan.points[0]
            _complete_recipes(plan, data, [repeat | corner for corner in plan.search.corners()])
        cache = DataCache(data)
        batches = [prepare_batch(plan, cache, numbers) for numbers in plan.batches]
    recipes, programs, kinds = (
        list(itertools.chain.from_iterable(part)) for part in zip(*batches, strict=True)
    )
    check_count(plan.ensemble, kinds, recipes, plan.runs)
    check_halving(plan.halving, plan.points, recipes)
    facts, score = programs[0].facts(data), programs[0].task.score
    return Prepared(plan, dataset, facts, score, Runs(recipes, programs, kinds), cache)


def prepare_batch(plan: Plan, cache: DataCache, numbers: range) -> Runs:
    """Prepare runs whose programs are made at one time, and check that they can be trained.

    Args:
      plan: what the sweep tries.
      cache: prepares the data.
      numbers: of the runs.

    Returns:
      The runs.

    Raises:
      InputError: if a run cannot be trained.
    """
    if not numbers:
        return Runs([], [], [])
    points = plan.points[numbers.start : numbers.stop]
    recipes = _complete_recipes(plan, cache.dataset, points)
    programs = []
    for own, varying in group_recipes(recipes, len(cache.dataset.x_train)):
        with naming(format_point(points[own[0]])), arithmetic(recipes[own[0]].precision):
            programs.append(Program({numbers[k]: recipes[k] for k in own}, varying, cache))
    owner = {i: program for program in programs for i in program.recipes}
    kinds = [kind_of(recipe, owner[i].data[i]) for i, recipe in zip(numbers, recipes, strict=True)]
    return Runs(recipes, programs, kinds)


def _make_plan(control: argparse.Namespace, given: dict[str, Any]) -> tuple[Plan, Dataset]:
    """Make the plan of a new sweep, and load its data."""
    base = with_whole_paths(config_from(given, control.config, files_from(given)))
    if base.init_from is not None:
        raise InputError(f"a sweep starts by itself, got init_from {base.init_from}")
    search, points = _points(control, base.seed)
    for name in (name for name in points[0] if name in given):
        option = name.replace("_", "-")
        raise InputError(f"{name} is given twice: by --{option} and as a field that varies")
    if control.folds is not None:
        base = _without_validation_part(base, {*given, *points[0]})
    points = [_with_parts(base, point) for point in points]
    dataset, wanted = load_or_stand_in(base, names_data(given, control.config))
    base = dataclasses.replace(base, dataset=dataset.name if wanted else base.dataset)
    origin = {"checksum": dataset.provenance["checksum"], "dataset_wanted": wanted}
    plan = Plan(base, points, origin, control.best_as_ensemble, _halving(control), search)
    return plan, dataset


def _points(control: argparse.Namespace, seed: int) -> tuple[Search | None, list[Point]]:
    """Return the search of a new sweep, if it is one, and the points of all runs or of a batch."""
    if not control.search:
        return None, make_points(control.grid, control.random, seed, control.folds)
    trials = parse_number(control.search[0], "--search", "trials")
    search = new_search(trials, control.search_batch, control.search[1:])
    repeats = repeats_of_search(control.grid, control.folds)
    runs = trials * len(repeats)
    check(runs <= MOST, "the runs of a sweep", f"at most {MOST}", runs)
    search, configs = search.ask([], seed)
    return search, [config | repeat for config in configs for repeat in repeats]


def _halving(control: argparse.Namespace) -> Halving | None:
    """Return how a new sweep halves its runs, if it does."""
    if control.halving is None:
        if control.first_epochs is not None:
            raise InputError("--first-epochs needs --halving: it is the first rung")
        return None
    first = 1 if control.first_epochs is None else control.first_epochs
    return Halving(control.halving, first)


def _with_parts(base: Config, point: dict[str, Any]) -> dict[str, Any]:
    """Return a point with its parts of one's own loaded, as the configuration of its run has it."""
    own = {name: value for name, value in point.items() if name in FIELDS}
    with naming(format_point(point)):
        loaded = dataclasses.replace(base, **own)
    return {**point, **{name: getattr(loaded, name) for name in own}}


def _without_validation_part(base: Config, given: set[str]) -> Config:
    """Return the base of a sweep with folds, without what a run says of its own part."""
    for name in ("valid_size", "monitor"):
        if name in given:
            raise InputError(f"{name} does not apply with --folds: each fold validates in its turn")
    return dataclasses.replace(base, valid_size=None, monitor=None, fold=None)


def _reopen_plan(control: argparse.Namespace, given: dict[str, Any]) -> tuple[Plan, Dataset]:
    """Read the plan of the sweep to continue or to take part in, and load its data."""
    option, path = ("--join", control.join) if control.join else ("--resume", control.resume)
    parts = files_from(given)
    for name in (*given, *(name for name in NEW if getattr(control, name))):
        other = name.replace("_", "-")
        raise InputError(f"{option} continues the same sweep: --{other} does not apply")
    if not Path(path).is_dir():
        raise InputError(f"there is no folder {path}: this machine sees no sweep there")
    plan = read_plan(Path(path)).with_parts(parts)
    if plan.search is not None:
        if control.join:
            raise InputError(f"{path} is a search, which is not shared: continue it with --resume")
        load_optuna()
    with naming(f"{Path(path) / SWEEP}: base"):
        dataset, _ = load_or_stand_in(plan.base, named=True)
    if dataset.provenance["checksum"] != plan.origin["checksum"]:
        raise InputError(f"{path} was started on other data: their checksum has changed")
    return plan, dataset


def _complete_recipes(plan: Plan, dataset: Dataset, points: list[Point]) -> list[Recipe]:
    """Return the recipe of each point's run."""
    recipes = []
    if plan.folds is not None:  # what is wrong with all folds is said without the name of one
        fold_parts(dataset, f"1/{plan.folds}", plan.base.seed)
    for point in points:
        with naming(format_point(point)):
            recipe = complete(plan.config(point), dataset)
        if recipe.fold is not None:
            with naming("after the folds, all training examples are learned"):
                complete(plan.final_config(point), dataset)
        need = "at least 1 in a sweep, which compares validation scores"
        check(recipe.valid_size > 0, "valid_size", need, recipe.valid_size)
        recipes.append(recipe)
    return recipes
