"""What the files of runs and sweeps hold: a shape for each, and the function that checks them all.

A shape is one of

- a type: `str`, `int`, `float` (finite), `bool`, `str | None`, `list[int]`, `tuple[str, ...]`,
  `dict[str, int]`, `Literal["dark", "light"]`, `Annotated[int, BOUND]`, or `Any`;
- a dictionary from names to shapes: an object with these fields. A field whose name ends in `?` may
  be missing;
- a function of a value and its name, which checks by itself.
"""

import math
import types
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np

from jaxmlp.config.fields import INSIDE, NOT_NEGATIVE, POSITIVE, WORDS, Bound, Kind, of_kind
from jaxmlp.config.names import OUTPUT_ACTIVATIONS, TASKS
from jaxmlp.data import KINDS
from jaxmlp.data.times import PARTS
from jaxmlp.errors import InputError, Shown, check, nearest, unknown

Shape = Any
Count = Annotated[int, Bound("in [0, 2^31)", lambda x: 0 <= x < 2**31)]
Size = Annotated[int, Bound("in [1, 2^31)", lambda x: 1 <= x < 2**31)]
Inside = Annotated[float, INSIDE]
Positive = Annotated[float, POSITIVE]
NotNegative = Annotated[float, NOT_NEGATIVE]
Share = Annotated[float, Bound("in [0, 1]", lambda x: 0 <= x <= 1)]
White = Annotated[float, Bound("in [0, 65535]", lambda x: 0 <= x <= 65535)]


def checked(value: Any, shape: Shape, where: object, path: str = "") -> Any:
    """Check a value that was read from a file.

    Args:
      value: the value.
      shape: what it must be, see above.
      where: the file, for error messages.
      path: the field within it, for error messages.

    Returns:
      The value, its tuples as tuples.

    Raises:
      InputError: names the file, the field, what it must be, and what came.
    """
    name = _named(where, path)
    if isinstance(shape, types.FunctionType):
        return shape(value, name)
    if isinstance(shape, dict):
        return _object(value, shape, where, path)
    parts: Any = get_args(shape)
    origin: Any = get_origin(shape)
    if origin is Annotated:
        value = checked(value, parts[0], where, path)
        check(parts[1].holds(value), name, parts[1].words, value)
        return value
    if origin is types.UnionType:  # with None
        return None if value is None else checked(value, parts[0], where, path)
    if origin is Literal:
        if value not in parts:
            raise unknown(name, _got(value), parts)
        return value
    if origin in (list, tuple):
        _check_type(isinstance(value, list), name, "a list", value)
        return origin(checked(v, parts[0], where, f"{path}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        _check_type(isinstance(value, dict), name, "an object", value)
        return {key: checked(v, parts[1], where, _inside(path, key)) for key, v in value.items()}
    return value if shape is Any else _element(value, shape, name)


def _object(value: Any, shape: dict[str, Shape], where: object, path: str) -> dict[str, Any]:
    """Check an object: its fields are those of the shape, and no others."""
    name = _named(where, path)
    _check_type(isinstance(value, dict), name, "an object", value)
    known = {field.removesuffix("?"): inner for field, inner in shape.items()}
    for field in value:
        if field not in known:
            raise InputError(f"{name} has an unknown field {field!r}{nearest(field, known)}")
    for field in shape:
        if field in known and field not in value:
            raise InputError(f"{name} lacks the field {field!r}")
    return {
        field: checked(inner, known[field], where, _inside(path, field))
        for field, inner in value.items()
    }


def _named(where: object, path: str) -> str:
    return f"{where}: {path}" if path else str(where)


def _inside(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def _element(value: Any, kind: Any, name: str) -> Any:
    if isinstance(value, dict | list):
        raise InputError(f"{name} must be {WORDS[kind]}, got {_got(value)}")
    small = not isinstance(value, int) or abs(value) < 2**1023
    check(small, name, "a finite number", Shown("one of too many digits"))
    value = of_kind(name, value, Kind(kind, several=False, optional=False))
    check(kind is not float or math.isfinite(value), name, "a finite number", value)
    return value


def _check_type(good: bool, name: str, expected: str, got: Any) -> None:
    check(good, name, expected, _got(got))


def _got(value: Any) -> Any:
    """Return a value for a message; of a list or an object, only that it is one."""
    kinds: dict[Any, str] = {dict: "an object", list: "a list"}
    return Shown(kinds[type(value)]) if type(value) in kinds else value


def _numbers(value: Any, name: str) -> Any:
    """Check a number, or a list of numbers of any depth whose parts have equal sizes."""

    def whole(part: Any) -> Any:
        if isinstance(part, list):
            return [whole(inner) for inner in part]
        return _element(part, float, name)

    try:
        return np.asarray(whole(value), np.float64).tolist()
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} must have rows of equal lengths") from None


def _categories(value: Any, name: str) -> Any:
    """Check the categories of each column of text: pairs, or the object of version 0.1."""
    if isinstance(value, dict):
        return checked(value, dict[str, list[str]], name)
    pairs = checked(value, list[list[Any]], name)
    for pair in pairs:
        check(len(pair) == 2, name, "a list of pairs", Shown(f"a list of {len(pair)}"))
        checked(pair[0], str, name)
        checked(pair[1], list[str], name)
    return pairs


def _pair(value: Any, name: str) -> Any:
    """Check two numbers."""
    pair = checked(value, tuple[float, ...], name)
    check(len(pair) == 2, name, "two numbers", Shown(f"a list of {len(pair)}"))
    return pair


def or_null(shape: Shape) -> Shape:
    """Return the shape of a value that may be null."""

    def check_it(value: Any, name: str) -> Any:
        return None if value is None else checked(value, shape, name)

    return check_it


# the part of a safetensors file's metadata that is ours
HEADER: Shape = {"keys": dict[str, str], "record": dict[str, Any]}
MODEL: Shape = {"config": dict[str, Any], "spec": dict[str, Any]}
CHECKPOINT: Shape = {
    "epoch": Count,
    "checksum": str,
    "dataset_wanted": str | None,
    "version?": str,  # these two since 0.2
    "config?": dict[str, Any],
    "taken_over?": dict[str, Any],  # the signature of the network that init_from names
    "lengthened?": list[Count],  # after which epochs the run was given more of them
}
PATH: Shape = {"epochs": tuple[Count, ...]}
PREPROCESSING: Shape = {"kind": Literal[KINDS], "offset": _numbers, "scale": _numbers}
Part: Shape = Literal[PARTS]
_EARLY_COLUMNS: Shape = {  # of versions 0.1 and 0.2
    "numeric": list[str],
    "categorical": _categories,
    "target": list[str],
    "header?": bool,  # since 0.2
}
_INPUTS: dict[str, Shape] = {  # a column of each kind
    "number": {"name": str, "kind": str, "gaps": bool, "fill": float, "unit?": str},
    "category": {"name": str, "kind": str, "gaps": bool, "categories": list[str]},
    "time": {
        "name": str,
        "kind": str,
        "gaps": bool,
        "form": str,
        "parts": list[Part],
        "fill": dict[str, float],
    },
}
_COLUMNS: Shape = {
    "inputs": list[Any],
    "target": list[str],
    "names": list[str],
    "left_out": dict[str, str],
    "weight": str | None,
    "group": str | None,
    "time": str | None,
    "markers": list[str],
    "reading": dict[str, Any],
}


def _columns(value: Any, name: str) -> Any:
    """Check the record of a table's columns, of this version or of an earlier one."""
    if isinstance(value, dict) and "numeric" in value:
        return checked(value, _EARLY_COLUMNS, name)
    record = checked(value, _COLUMNS, name)
    for i, column in enumerate(record["inputs"]):
        place = f"inputs[{i}]"
        _check_type(isinstance(column, dict), f"{name}.{place}", "an object", column)
        kind = checked(column.get("kind"), Literal[tuple(_INPUTS)], name, f"{place}.kind")
        checked(column, _INPUTS[kind], name, place)
        if kind == "time":
            parts, filled = column["parts"], sorted(column["fill"])
            check(filled == sorted(parts), f"{name}.{place}.fill", f"for {sorted(parts)}", filled)
    checked(record["reading"].get("header"), bool, name, "reading.header")
    return record


SIGNATURE: Shape = {
    "input_shape": tuple[Size, ...],
    "task": Literal[TASKS],
    "loss": str,
    "classes": tuple[str, ...],
    "preprocessing": PREPROCESSING,
    "raw?": bool,
    "target_preprocessing?": or_null(PREPROCESSING),
    "columns?": or_null(_columns),
    "background?": Literal["dark", "light", None],
    "white?": White,
    "scaled?": bool,  # these three since 0.3
    "channels_first?": bool,
    "drawing?": or_null({"box": Size, "by_mass": bool, "centre": _pair}),
    "temperature?": Positive,
    "threshold?": Inside,
    "quantiles?": tuple[Inside, ...],
    "output_activation?": Literal[OUTPUT_ACTIVATIONS.names],
}
SWEEP: Shape = {
    "format": int,
    "base": dict[str, Any],
    "points": list[dict[str, Any]],
    "origin": {"checksum": str, "dataset_wanted": str | None},
    "ensemble?": Size,
    "halving?": {"factor": Size, "first": Size},
    "search?": {"trials": Size, "batch": Size, "space": list[str], "asked": list[Count]},
}


def metrics(score: str) -> Shape:
    """Return the shape of a line of `metrics.jsonl`.

    Args:
      score: the name of the task's score.
    """
    scored = Share if score == "accuracy" else float
    return {
        "epoch": Size,
        "train_loss": NotNegative,
        f"train_{score}": scored,
        "valid_loss": or_null(NotNegative),
        f"valid_{score}": or_null(scored),
        "parameter_change?": or_null(NotNegative),  # always since 0.2
        "rate_factor": Annotated[float, Bound("in (0, 1]", lambda x: 0 < x <= 1)],
        "learning_rate": NotNegative,
        "seconds": NotNegative,
        "examples_per_second": NotNegative,
    }
