"""The fields that vary in a sweep, and their values, as words of the command line.

learning_rate=1e-3,1e-2   hidden=128,64x64   learning_rate=log:1e-4:1e-1   dropout=uniform:0:0.5
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.config.data_options import ABOUT_DATA
from jaxmlp.config.fields import kinds_of
from jaxmlp.config.options import Config
from jaxmlp.config.own_parts import Part, looks_own
from jaxmlp.errors import InputError, check, shown, unknown

# all runs of a sweep solve the same problem
FIXED = ("dataset", *ABOUT_DATA, "init_from")
DISTRIBUTIONS = ("log", "uniform")


class Range(NamedTuple):
    """The numbers from `low` to `high`.

    Attributes:
      low, high: the ends.
      log: whether the numbers are even in the logarithm.
      whole: whether they are whole numbers.
    """

    low: float
    high: float
    log: bool
    whole: bool

    @property
    def ends(self) -> tuple[Any, ...]:
        """The first and the last value."""
        return self.rounded(self.low), self.rounded(self.high)

    def draw(self, rng: np.random.Generator) -> Any:
        """Return a value drawn at random."""
        if self.log:
            return self.rounded(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))
        return self.rounded(rng.uniform(self.low, self.high))

    def rounded(self, value: float) -> Any:
        """Return a value as a run has it: a whole number, or one of six digits."""
        return round(value) if self.whole else float(f"{value:.6g}")


class Choices(NamedTuple):
    """Values that are listed.

    Attributes:
      words: the values as the user writes them.
      values: what they stand for.
    """

    words: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        """All values."""
        return self.values

    def draw(self, rng: np.random.Generator) -> Any:
        """Return a value drawn at random."""
        return self.values[rng.integers(len(self.values))]


Axis = Range | Choices


def parse_space(words: Sequence[str], option: str) -> dict[str, Axis]:
    """Return the fields to vary, and from what their values are taken.

    Args:
      words: `FIELD=log:LOW:HIGH`, `FIELD=uniform:LOW:HIGH` or `FIELD=VALUE,VALUE...`.
      option: the option, for error messages.

    Returns:
      The values of each field.

    Raises:
      InputError: if there is no word, a field is given twice, or a field or value is unknown.
    """
    if not words:
        raise InputError(f"{option} needs fields to vary, such as learning_rate=log:1e-4:1e-1")
    _reject_repeated(words, option)
    return dict(_parse_axis(word) for word in words)


def _parse_axis(word: str) -> tuple[str, Axis]:
    """Return the field of a word of `--random` or `--search`, and from what its values are."""
    name, values = _split_word(word)
    distribution, colon, bounds = values.partition(":")
    if not colon or looks_own(values):
        return _parse_choices(word)
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
    return name, Range(low, high, distribution == "log", kind.element is int)


def parse_grid(grid: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Return the values of each field of a grid.

    Args:
      grid: words `FIELD=VALUE,VALUE...`.

    Returns:
      The values.

    Raises:
      InputError: if a field is given twice, or a field or value is unknown.
    """
    _reject_repeated(grid, "--grid")
    return {name: axis.values for name, axis in map(_parse_choices, grid)}


def _parse_choices(word: str) -> tuple[str, Choices]:
    """Return the field of `FIELD=VALUE,VALUE...` and its values."""
    name, values = _split_word(word)
    words = values.split(",")
    found = tuple(parse_value(name, value) for value in words)
    check(len({*found}) == len(found), f"the values of {name}", "different", shown(words))
    return name, Choices(tuple(words), found)


def _split_word(word: str) -> tuple[str, str]:
    """Return the field and the values of `FIELD=VALUES`."""
    name, equals, values = word.partition("=")
    name = name.strip("-").replace("-", "_")
    if name == "fold":
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
