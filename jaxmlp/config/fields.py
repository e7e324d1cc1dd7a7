"""How a field of a configuration is declared, and what a value of it must be."""

import dataclasses
import math
import numbers
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jaxmlp.config.own_parts import is_own
from jaxmlp.errors import check, unknown


class Bound(NamedTuple):
    """What a number must be: in words that follow "must be", as a test, and the most it can be."""

    words: str
    holds: Callable[[float], bool]
    most: float = math.inf


POSITIVE = Bound("a finite positive number", lambda x: 0 < x < math.inf)
NOT_NEGATIVE = Bound("a finite number >= 0", lambda x: 0 <= x < math.inf)
INSIDE = Bound("in (0, 1)", lambda x: 0 < x < 1)
SHARE = Bound("in [0, 1)", lambda x: 0 <= x < 1)
SEED = Bound("in [0, 2^32)", lambda x: 0 <= x < 2**32)


MOST = 2**31 - 1  # that a counter on the device can hold


def at_least(least: int) -> Bound:
    """The bound of a count: `least`, up to what an int32 holds."""
    return Bound(f"at least {least}", lambda x: x >= least, MOST)


def between(least: int, most: int) -> Bound:
    """The bound of a count that has a greatest value too."""
    return Bound(f"from {least} to {most}", lambda x: least <= x <= most)


def option(
    default: Any,
    text: str,
    choices: Sequence[str] = (),
    group: str = "",
    must_be: Bound | None = None,
    many: int = 100,
    own: bool = False,
) -> Any:
    """Declare a field that is also a command-line option.

    Args:
      default: its default.
      text: its help.
      choices: the names it accepts, if it accepts names.
      group: the heading of the help it starts, if it is the first of a group.
      must_be: what its value must be, or each of its values.
      many: the most values it holds, if it holds several.
      own: whether it takes a part of the user's own too, `FILE.py:NAME`.

    Returns:
      What `dataclasses.field` returns.
    """
    metadata: dict[str, Any] = {"help": text, "choices": tuple(choices), "group": group}
    metadata |= {"must_be": must_be, "many": many, "own": own}
    return dataclasses.field(default=default, metadata=metadata)


class Kind(NamedTuple):
    """The type of a field: of its element, whether it holds several, and whether it may be None."""

    element: type
    several: bool
    optional: bool


def kinds_of(cls: type) -> dict[str, Kind]:
    """Return the kind of each field of a dataclass such as `Config`."""
    return {name: _kind(hint) for name, hint in typing.get_type_hints(cls).items()}


def _kind(hint: Any) -> Kind:
    optional = isinstance(hint, types.UnionType)
    if optional:
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    several = typing.get_origin(hint) is tuple
    return Kind(typing.get_args(hint)[0] if several else hint, several, optional)


_ACCEPTED = {str: str, int: numbers.Integral, float: numbers.Real, bool: bool}
WORDS: dict[Any, str] = {
    str: "a name",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}

_PLURALS = {str: "names", int: "whole numbers", float: "numbers"}


def of_kind(name: str, value: Any, kind: Kind) -> Any:
    """Convert a value to its field's type: a NumPy number to a Python number, a list to a tuple.

    Args:
      name: the field's name.
      value: what a user gave for it.
      kind: the field's kind.

    Returns:
      The value.

    Raises:
      InputError: if the value is of another type.
    """
    if kind.several:
        check(isinstance(value, list | tuple), name, f"a list of {_PLURALS[kind.element]}", value)
        return tuple(of_kind(name, part, kind._replace(several=False)) for part in value)
    if is_own(value) and kind.element is str:
        return value
    good = isinstance(value, _ACCEPTED[kind.element])
    good = good and isinstance(value, bool) == (kind.element is bool)
    check(good, name, WORDS[kind.element], value)
    try:
        return kind.element(value)
    except OverflowError:
        check(False, name, "a number that float64 holds", value)


def check_values(field: Any, values: tuple[Any, ...]) -> None:
    """Reject a value that is not among a field's choices or within its bound.

    Args:
      field: a field that `option` declares.
      values: the value, or each of several.

    Raises:
      InputError: names the field, what it must be, and what came.
    """
    choices, must_be, many = (field.metadata[name] for name in ("choices", "must_be", "many"))
    check(len(values) <= many, field.name, f"at most {many} values", len(values))
    for value in values:
        if choices and value not in choices and not (is_own(value) and field.metadata["own"]):
            raise unknown(field.name.replace("_", " "), value, choices)
        if must_be is not None:
            check(must_be.holds(value), field.name, must_be.words, value)
            check(value <= must_be.most, field.name, f"at most {must_be.most}", value)
