"""The search space of a sweep: values on a grid, or drawn at random.

    --grid learning_rate=1e-3,1e-2 hidden=128,64x64 seed=0,1,2
    --random 20 learning_rate=log:1e-4:1e-1 dropout=uniform:0:0.5 optimizer=adam,sgd

A point of the space is a dictionary from the fields that vary to their values in one run. The
functions here are pure: they read words of the command line and return points.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxmlp.config.data_options import ABOUT_DATA
from jaxmlp.config.fields import kinds_of
from jaxmlp.config.folds import parse_fold
from jaxmlp.config.options import Config
from jaxmlp.config.own_parts import Part, looks_own
from jaxmlp.errors import InputError, check, shown, unknown

SEED, FOLD = "seed", "fold"
REPEATS = (SEED, FOLD)  # runs that differ only in these fields repeat one configuration
# all runs of a sweep solve the same problem
FIXED = ("dataset", *ABOUT_DATA, "init_from")
DISTRIBUTIONS = ("log", "uniform")
MOST = 100_000  # runs
Point = dict[str, Any]
Draw = Callable[[np.random.Generator], Any]


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
        raise InputError("a sweep needs --grid or --random")
    _reject_repeated(grid, "--grid")
    axes = dict(_parse_values(word) for word in grid)
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
    every = [{SEED: value} for value in seeds] or [{}]
    parts = [{FOLD: f"{k + 1}/{folds}"} for k in range(folds or 0)] or [{}]
    repeats = [one | part for one in every for part in parts]
    return [point | repeat for point in combined for repeat in repeats]


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


def format_point(point: Point) -> str:
    """Return a point as a user would write it: `learning_rate=0.003 seed=1`."""
    return " ".join(f"{name}={format_value(value)}" for name, value in point.items())


def format_value(value: Any) -> str:
    """Return a value as it is written in a grid and in a table: `64x64`, `0.003`, `none`."""
    if isinstance(value, tuple):
        mark = "x" if all(isinstance(part, int) for part in value) else "+"
        return mark.join(map(_word, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:.6g}" if isinstance(value, float) else _word(value)


def _word(value: Any) -> str:
    return value.short if isinstance(value, Part) else str(value)


def parse_value(name: str, word: str) -> Any:
    """Return the value that a word stands for, the inverse of `format_value`.

    Args:
      name: the field.
      word: the value as the user writes it.

    Returns:
      The value, in the field's type.

    Raises:
      InputError: if the word is not a value of this type.
    """
    kind = kinds_of(Config)[name]
    if word == "none" and (kind.optional or kind.several):
        return () if kind.several else None
    if kind.several:
        parts = word.split("x" if kind.element is int else "+")
        return tuple(_parse_scalar(name, kind.element, part) for part in parts)
    return _parse_scalar(name, kind.element, word)


def _parse_scalar(name: str, kind: Callable[[str], Any], word: str) -> Any:
    if kind is bool:
        check(word in ("yes", "no"), name, "yes or no", word)
        return word == "yes"
    try:
        return kind(word)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise InputError(f"{name} must be {what}, got {word!r}") from None


def _split_word(word: str) -> tuple[str, str]:
    """Return the field and the values of `FIELD=VALUES`."""
    name, equals, values = word.partition("=")
    name = name.strip("-").replace("-", "_")
    if name == FOLD:
        raise InputError("fold does not apply to a sweep: --folds K tries all of K folds")
    check(bool(equals and values), "a field to vary", "written FIELD=VALUE,VALUE...", word)
    check_varies(name)
    return name, values


def check_varies(name: str) -> None:
    """Reject the name of a field that cannot vary within a sweep, or does not exist."""
    if name in FIXED:
        option = name.replace("_", "-")
        raise InputError(f"{name} cannot vary within a sweep: give it once, with --{option}")
    known = [field.name for field in dataclasses.fields(Config) if field.name not in FIXED]
    if name not in known:
        raise unknown("field", name, known)


def _reject_repeated(words: Sequence[str], option: str) -> None:
    names = [_split_word(word)[0] for word in words]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{option} has {name} more than once: give all its values together")


def _parse_values(word: str) -> tuple[str, list[Any]]:
    """Return the field of `FIELD=VALUE,VALUE...` and its values."""
    name, values = _split_word(word)
    found = [parse_value(name, value) for value in values.split(",")]
    different = len({*found}) == len(found)
    check(different, f"the values of {name}", "different", shown(values.split(",")))
    return name, found


def _draw_points(random: Sequence[str], seed: int) -> list[Point]:
    """Return points drawn at random, each once."""
    number, *words = random
    good = number.isdecimal() and len(number) <= len(str(MOST)) and 1 <= int(number) <= MOST
    check(good, "the first word of --random", f"the number of draws, from 1 to {MOST}", number)
    if not words:
        raise InputError("--random needs fields to draw, such as learning_rate=log:1e-4:1e-1")
    _reject_repeated(words, "--random")
    fields = dict(_parse_distribution(word) for word in words)
    rng = np.random.default_rng(seed)
    drawn = [{name: draw(rng) for name, draw in fields.items()} for _ in range(int(number))]
    return list({format_point(point): point for point in drawn}.values())


def _parse_distribution(word: str) -> tuple[str, Draw]:
    """Return the field of a word of `--random`, and the function that draws a value of it."""
    name, values = _split_word(word)
    distribution, colon, bounds = values.partition(":")
    if not colon or looks_own(values):
        choices = _parse_values(word)[1]
        return name, lambda rng: choices[rng.integers(len(choices))]
    if distribution not in DISTRIBUTIONS:
        raise unknown(f"distribution of {name}", distribution, DISTRIBUTIONS)
    kind = kinds_of(Config)[name]
    if kind.element not in (int, float) or kind.several:
        raise InputError(f"{distribution} does not apply to {name}: its values are not numbers")
    parts = bounds.split(":")
    check(len(parts) == 2, name, f"{distribution}:LOW:HIGH", values)
    low, high = (_parse_scalar(name, float, part) for part in parts)
    least = 0 if distribution == "log" else -math.inf
    order = "0 < LOW < HIGH" if distribution == "log" else "LOW < HIGH"
    check(least < low < high < math.inf, name, f"{distribution}:LOW:HIGH with {order}", values)

    def draw(rng: np.random.Generator) -> Any:
        if distribution == "log":
            value = math.exp(rng.uniform(math.log(low), math.log(high)))
        else:
            value = rng.uniform(low, high)
        return round(value) if kind.element is int else float(f"{value:.6g}")

    return name, draw
