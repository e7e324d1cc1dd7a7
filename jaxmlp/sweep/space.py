"""Which configurations a sweep tries: values on a grid, or drawn at random.

    --grid learning_rate=1e-3,1e-2 hidden=128,64x64 seed=0,1,2
    --random 20 learning_rate=log:1e-4:1e-1 dropout=uniform:0:0.5 optimizer=adam,sgd

Pure functions from words to points; a point maps fields of the configuration to values.
"""

import dataclasses
import itertools
import math
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check, unknown

SEED = "seed"  # its values are repetitions of one and the same configuration
FIXED = ("dataset", "data_dir", "target", "task")  # a sweep is about one problem
SCALES = ("log", "uniform")
Point = dict[str, Any]
Draw = Callable[[np.random.Generator], Any]


def points(grid: Sequence[str], random: Sequence[str], seed: int) -> list[Point]:
    """Return the points of a sweep, the seeds of a configuration next to each other.

    Args:
      grid: words `FIELD=VALUE,VALUE...`; every combination is tried.
      random: a number of draws, then words `FIELD=log:LOW:HIGH`, `FIELD=uniform:LOW:HIGH` or
        `FIELD=VALUE,VALUE...`; every draw is combined with the whole grid.
      seed: of the draws.

    Returns:
      The points, without repetition.

    Raises:
      InputError: if a field or a value is not known, or there is nothing to try.
    """
    axes = dict(_axis(word) for word in _distinct(grid, "--grid"))
    seeds = axes.pop(SEED, [])
    draws = _draws(random, seed) if random else [{}]
    check(bool(axes or seeds or random), "--grid or --random", "given", "neither")
    twice = sorted({SEED, *axes} & draws[0].keys())
    if twice:
        raise InputError(f"{twice[0]} must be given once, in --grid" + _only_seed(twice[0]))
    combined = [
        draw | dict(zip(axes, values, strict=True))
        for values in itertools.product(*axes.values())
        for draw in draws
    ]
    found: list[Point] = []
    for point in combined:
        found += [point | {SEED: value} for value in seeds] if seeds else [point]
    return found


def _only_seed(name: str) -> str:
    return " (seeds repeat a configuration, they are not drawn)" if name == SEED else ""


def words(point: Point) -> str:
    """Return a point as a user would write it."""
    return " ".join(f"{name}={text(value)}" for name, value in point.items())


def text(value: Any) -> str:
    """Return a value as it is written in a grid and in a table: `64x64`, `0.003`, `none`."""
    if isinstance(value, tuple):
        mark = "x" if all(isinstance(part, int) for part in value) else "+"
        return mark.join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def parse(name: str, word: str) -> Any:
    """Return the value that a word stands for.

    Args:
      name: of the field.
      word: as in `text`.

    Returns:
      The value, of the field's type.

    Raises:
      InputError: if it is none.
    """
    kind, many, optional = _kind(name)
    if word == "none" and (optional or many):
        return () if many else None
    if many:
        return tuple(_one(name, kind, part) for part in word.split("x" if kind is int else "+"))
    return _one(name, kind, word)


def _one(name: str, kind: Callable[[str], Any], word: str) -> Any:
    if kind is bool:
        check(word in ("yes", "no"), name, "yes or no", word)
        return word == "yes"
    try:
        return kind(word)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise InputError(f"{name} must be {what}, got {word!r}") from None


def _kind(name: str) -> tuple[Any, bool, bool]:
    """Return the element type of a field, whether it holds several, and whether it may be None."""
    hint = typing.get_type_hints(Config)[name]
    optional = isinstance(hint, types.UnionType)
    if optional:
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True, optional
    return hint, False, optional


def _named(word: str) -> tuple[str, str]:
    """Split `FIELD=VALUES`."""
    name, equals, values = word.partition("=")
    name = name.strip("-").replace("-", "_")
    check(bool(equals and values), "a field to vary", "FIELD=VALUE,VALUE...", word)
    known = [f.name for f in dataclasses.fields(Config) if f.name not in FIXED]
    if name in FIXED:
        raise InputError(f"{name} must be the same in all of a sweep, as an option --{name}")
    if name not in known:
        raise unknown("field", name, known)
    return name, values


def _distinct(given: Sequence[str], where: str) -> Sequence[str]:
    names = [_named(word)[0] for word in given]
    for name in names:
        check(names.count(name) == 1, where, f"given {name} once", f"{names.count(name)} times")
    return given


def _axis(word: str) -> tuple[str, list[Any]]:
    name, values = _named(word)
    found = [parse(name, value) for value in values.split(",")]
    repeated = [value for value in found if found.count(value) > 1]
    check(not repeated, name, "given different values", values)
    return name, found


def _draws(random: Sequence[str], seed: int) -> list[Point]:
    """Return so many points drawn at random, each once."""
    number, *fields = random
    good = number.isdecimal() and int(number) >= 1
    check(good, "--random", "a number of draws, then FIELD=..., beginning", number)
    check(bool(fields), "--random", "given fields to draw, FIELD=log:LOW:HIGH", "none")
    scales = dict(_scale(word) for word in _distinct(fields, "--random"))
    rng = np.random.default_rng(seed)
    drawn = [{name: draw(rng) for name, draw in scales.items()} for _ in range(int(number))]
    return list({words(point): point for point in drawn}.values())


def _scale(word: str) -> tuple[str, Draw]:
    """Return a field, and how a value of it is drawn."""
    name, values = _named(word)
    scale, colon, bounds = values.partition(":")
    if not colon:
        choices = _axis(word)[1]
        return name, lambda rng: choices[rng.integers(len(choices))]
    if scale not in SCALES:
        raise unknown(f"scale of {name}", scale, SCALES)
    kind, many, _ = _kind(name)
    check(kind in (int, float) and not many, name, "VALUE,VALUE..., it is no single number", values)
    parts = bounds.split(":")
    check(len(parts) == 2, name, f"{scale}:LOW:HIGH", values)
    low, high = (_one(name, float, part) for part in parts)
    least = 0 if scale == "log" else -math.inf
    check(least < low < high < math.inf, name, f"{scale}:LOW:HIGH with LOW < HIGH", values)

    def draw(rng: np.random.Generator) -> Any:
        if scale == "log":
            value = math.exp(rng.uniform(math.log(low), math.log(high)))
        else:
            value = rng.uniform(low, high)
        return round(value) if kind is int else float(f"{value:.6g}")

    return name, draw
