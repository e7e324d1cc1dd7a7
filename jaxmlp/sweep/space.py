"""The search space of a sweep: values on a grid, drawn at random, or chosen by a model.

    --grid learning_rate=1e-3,1e-2 hidden=128,64x64 seed=0,1,2
    --random 20 learning_rate=log:1e-4:1e-1 dropout=uniform:0:0.5 optimizer=adam,sgd
    --search 40 learning_rate=log:1e-4:1e-1 hidden=64,64x64

A point of the space is a dictionary from the fields that vary to their values in one run. The
functions here are pure: they read words of the command line and return points.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxmlp.config.folds import parse_fold
from jaxmlp.errors import InputError, check, shown
from jaxmlp.sweep.axes import format_value, parse_grid, parse_space

SEED, FOLD = "seed", "fold"
REPEATS = (SEED, FOLD)  # runs that differ only in these fields repeat one configuration
MOST = 100_000  # runs
Point = dict[str, Any]


def make_points(
    grid: Sequence[str], random: Sequence[str], seed: int, folds: int | None = None
) -> list[Point]:
    """Make the points of a sweep; seeds and folds of a configuration follow each other.

    Points drawn at random are a random search (lecture row B2), but of settings, not of weights.

    Args:
      grid: words `FIELD=VALUE,VALUE...`; the sweep tries every combination.
      random: a number of draws, then words `FIELD=log:LOW:HIGH`, `FIELD=uniform:LOW:HIGH` or
        `FIELD=VALUE,VALUE...`; every draw is combined with the whole grid.
      seed: the seed of the draws.
      folds: the number of folds, each a run of its own; `None` for no cross-validation.

    Returns:
      The points, all different.

    Raises:
      InputError: if a field or a value is unknown, a field is given twice, or there is nothing to
        try, or there is one fold.
    """
    if folds is not None:
        check(2 <= folds <= MOST, "folds", f"from 2 to {MOST}", folds)
    elif not (grid or random):
        raise InputError("a sweep needs --grid, --random or --search")
    axes = parse_grid(grid)
    seeds = axes.pop(SEED, [])
    draws = _draw_points(random, seed) if random else [{}]
    if SEED in draws[0]:
        raise InputError("seed does not apply to --random: give the seeds to --grid")
    for name in sorted(axes.keys() & draws[0].keys()):
        raise InputError(f"{name} is given twice: to --grid and to --random")
    counts = [*map(len, axes.values()), len(draws), len(seeds) or 1, folds or 1]
    check(math.prod(counts) <= MOST, "the runs of a sweep", f"at most {MOST}", math.prod(counts))
    combined = [
        draw | dict(zip(axes, values, strict=True))
        for values in itertools.product(*axes.values())
        for draw in draws
    ]
    repeats = _repeats(seeds, folds)
    return [point | repeat for point in combined for repeat in repeats]


def _repeats(seeds: Sequence[Any], folds: int | None) -> list[Point]:
    """Return the seeds and folds of each configuration, as points."""
    every = [{SEED: value} for value in seeds] or [{}]
    parts = [{FOLD: f"{k + 1}/{folds}"} for k in range(folds or 0)] or [{}]
    return [one | part for one in every for part in parts]


def repeats_of_search(grid: Sequence[str], folds: int | None) -> list[Point]:
    """Return the seeds and folds with which a search trains each configuration.

    Args:
      grid: words `seed=VALUE,VALUE...`, or none.
      folds: the number of folds; `None` for no cross-validation.

    Returns:
      A point for each run of a configuration.

    Raises:
      InputError: if the grid has another field, or a number of folds is out of its range.
    """
    if folds is not None:
        check(2 <= folds <= MOST, "folds", f"from 2 to {MOST}", folds)
    axes = parse_grid(grid)
    for name in axes:
        if name != SEED:
            raise InputError(
                f"{name} does not apply to --grid with --search, which takes seeds alone: give its"
                " values to --search"
            )
    return _repeats(axes.get(SEED, []), folds)


def folds_of(points: Sequence[Point]) -> int | None:
    """Return into how many folds the examples of a sweep are dealt out; `None` for none.

    Args:
      points: the points of the sweep.

    Returns:
      The number of folds.

    Raises:
      InputError: if a point has no such fold, or they are of different numbers.
    """
    if FOLD not in points[0]:
        return None
    found = {parse_fold(str(point[FOLD])).of for point in points}
    check(len(found) == 1, FOLD, "one of as many in all runs", shown(sorted(found)))
    return found.pop()


def without_repeats(point: Point) -> Point:
    """Return the fields of a configuration that vary, without seed and fold."""
    return {name: value for name, value in point.items() if name not in REPEATS}


def format_point(point: Point) -> str:
    """Return a point as a user would write it: `learning_rate=0.003 seed=1`."""
    return " ".join(f"{name}={format_value(value)}" for name, value in point.items())


def _draw_points(random: Sequence[str], seed: int) -> list[Point]:
    """Return points drawn at random, each once."""
    number = parse_number(random[0], "--random", "draws")
    fields = parse_space(random[1:], "--random")
    rng = np.random.default_rng(seed)
    drawn = [{name: axis.draw(rng) for name, axis in fields.items()} for _ in range(number)]
    return list({format_point(point): point for point in drawn}.values())


def parse_number(word: str, option: str, what: str) -> int:
    """Return the number of points to try, the first word of an option.

    Args:
      word: the number.
      option: the option, for error messages.
      what: what the option calls the points.

    Returns:
      The number.

    Raises:
      InputError: if it is out of its range, or no number.
    """
    good = word.isdecimal() and len(word) <= len(str(MOST)) and 1 <= int(word) <= MOST
    check(good, f"the first word of {option}", f"the number of {what}, from 1 to {MOST}", word)
    return int(word)
