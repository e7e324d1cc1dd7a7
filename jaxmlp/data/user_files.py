"""Load a user's own data: tables, and arrays from `.npz` files."""

import difflib
import hashlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.array_files import read_arrays
from jaxmlp.data.arrays import (
    MOST_CLASSES,
    Target,
    are_labels,
    dtype_and_shape,
    inputs_from_array,
    target_from_array,
    target_from_codes,
    target_from_numbers,
)
from jaxmlp.data.columns import category_codes, infer_columns, is_text, numeric_values
from jaxmlp.data.dataset import Dataset, make_dataset
from jaxmlp.data.dialects import Reading
from jaxmlp.data.readers import TABLE_SUFFIXES, is_table, is_text_table, read_table, with_types
from jaxmlp.data.splits import split_off_test, split_record
from jaxmlp.errors import InputError, check

if TYPE_CHECKING:
    import pyarrow as pa

TARGETS = ("target", "label", "class", "y")
SPLIT_KEYS = ("x_train", "y_train", "x_test", "y_test")
SUFFIXES = (*TABLE_SUFFIXES, ".npz")


def load_user_file(
    path: str | PathLike[str], target: str | None = None, reading: Reading | None = None
) -> Dataset:
    """Load a table or a `.npz` file; a fifth is held out unless it has a test part.

    The target of a table is the column that `target` names, else the only one called target, label,
    class or y, else the last. Text, booleans, and numbers that look like labels (see
    `jaxmlp.data.arrays.are_labels`; at most 20 different ones) are class labels. Other numbers are
    values to predict. Several target columns are values, or labels if all are 0 or 1 (lecture rows
    E3, E5). Among the inputs, text is one-hot.

    A `.npz` file holds `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`. Inputs are
    `(N, features)`, `(N, H, W)` or `(N, H, W, C)`. Targets are labels or values `(N,)`, see
    `jaxmlp.data.arrays.target_from_array`, or several values `(N, outputs)`.

    Args:
      path: the file; its path is also the name of the set.
      target: the target column, or several separated by commas; not for `.npz`.
      reading: what the user says about how a table of text is written; see
        `jaxmlp.data.dialects.Reading`. Columns without names are called `column1`, `column2` ...

    Returns:
      The data set. Inputs are `uint8` if the arrays are, else floating.

    Raises:
      InputError: if the file is missing or damaged, the target is not a column, a cell is missing
        or does not fit its column, or there are fewer than two examples or classes.
    """
    name, path = str(path), Path(path)
    check(name.lower().endswith(SUFFIXES), "path", "a table or a .npz file", name)
    if is_table(name):
        return _load_table(name, path, target, reading)
    if target is not None:
        raise InputError(
            f"{name}: target does not apply to a .npz file, where the array y is the target, "
            f"got {target!r}"
        )
    return _load_arrays(name, path)


def _load_table(name: str, path: Path, target: str | None, reading: Reading | None) -> Dataset:
    table = read_table(path, reading)
    found = {"reading": table.reading.to_dict()} if is_text_table(name) else {}
    header = bool(table.reading.header)
    return dataset_from_table(
        with_types(table), target, name, _file_provenance(path) | found, header
    )


def dataset_from_table(
    table: "pa.Table",
    target: str | None,
    name: str,
    provenance: dict[str, Any],
    header: bool = True,
) -> Dataset:
    """Make a data set of the rows of a table; a fifth is held out as the test part.

    Args:
      table: a column for each input and target; see `load_user_file`.
      target: the target column, or several with commas between them.
      name: of the set, also for messages.
      provenance: where the table comes from.
      header: whether it names its columns.

    Returns:
      The data set.

    Raises:
      InputError: if the target is not a column, a cell is missing or not what its column holds, or
        there is too little to learn from.
    """
    if len(table) < 2:
        raise InputError(f"{name}: expected at least 2 rows, got {len(table)}")
    target_columns = _choose_target(table.column_names, target, name)
    columns = infer_columns(table, target_columns, name, header)
    y, task, classes = _read_target(table, columns.target, name)
    parts = split_off_test(columns.encode(table, name), y)
    return make_dataset(
        name, parts, task, classes, columns.to_dict(), split=split_record(y), **provenance
    )


def _choose_target(names: list[str], target: str | None, where: str) -> tuple[str, ...]:
    if target is None:
        usual = [name for name in names if name.lower() in TARGETS]
        if len(usual) > 1:
            raise InputError(
                f"{where}: expected only one column named {', '.join(TARGETS[:-1])} or "
                f"{TARGETS[-1]}, got {' and '.join(usual)}; name the target"
            )
        return tuple(usual or names[-1:])
    chosen = (target,) if target in names else tuple(part.strip() for part in target.split(","))
    for name in chosen:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0)[0]
            raise InputError(
                f"{where}: the target {name!r} is not a column; the nearest is {near!r}"
            )
    if len(set(chosen)) < len(chosen):
        raise InputError(f"{where}: expected each target column once, got {target!r}")
    return chosen


def _read_target(table: "pa.Table", names: tuple[str, ...], where: str) -> Target:
    import pyarrow as pa
    import pyarrow.compute as pc

    column, here = table[names[0]], f"{where}: column {names[0]!r}"
    if len(names) == 1 and (pa.types.is_boolean(column.type) or is_text(column)):
        classes = pc.unique(column).sort().cast(pa.string()).to_pylist()
        return target_from_codes(category_codes(column, classes, here), classes, here)
    values = [numeric_values(table[name], f"{where}: column {name!r}") for name in names]
    if len(names) == 1 and are_labels(values[0], _is_whole(column), MOST_CLASSES):
        exact = column.to_numpy() if pa.types.is_integer(column.type) else values[0]
        different, codes = np.unique(exact, return_inverse=True)
        return target_from_codes(codes, [str(int(label)) for label in different], here)
    return target_from_numbers(np.stack(values, axis=1), names)


def _is_whole(column: Any) -> bool:
    """Return whether the cells are written as whole numbers: by their type, or as texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type):
        return bool(pc.all(pc.match_substring_regex(column, r"^\s*[-+]?\d+\s*$")).as_py())
    return bool(pa.types.is_integer(column.type))


def _load_arrays(name: str, path: Path) -> Dataset:
    return dataset_from_arrays(read_arrays(path), name, _file_provenance(path))


def dataset_from_arrays(
    arrays: Mapping[str, np.ndarray], name: str, provenance: dict[str, Any]
) -> Dataset:
    """Make a data set of arrays; a fifth is held out where there is no test part.

    Args:
      arrays: `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`; see `load_user_file`.
      name: of the set, also for messages.
      provenance: where the arrays come from.

    Returns:
      The data set.

    Raises:
      InputError: if an array is missing, does not fit the others, or has no such type or shape.
    """
    keys = SPLIT_KEYS if set(SPLIT_KEYS) <= arrays.keys() else ("x", "y")
    if not set(keys) <= arrays.keys():
        raise InputError(
            f"{name}: expected the arrays x and y, or {', '.join(SPLIT_KEYS)}, "
            f"got {', '.join(arrays) or 'none'}"
        )
    xs = [inputs_from_array(arrays[key], f"{name}: {key}") for key in keys[::2]]
    ys = [arrays[key] for key in keys[1::2]]
    for x, y, key in zip(xs, ys, keys[1::2], strict=True):
        if len(x) != len(np.atleast_1d(y)):
            raise InputError(f"{name}: {key}: expected {len(x)} targets, got shape {y.shape}")
    for first, second, what in ((xs[0], xs[-1], "inputs"), (ys[0], ys[-1], "targets")):
        if first.shape[1:] != second.shape[1:] or _stored_kind(first) != _stored_kind(second):
            raise InputError(
                f"{name}: expected test {what} like the training {what}, {dtype_and_shape(first)}, "
                f"got {dtype_and_shape(second)}"
            )
    y, task, classes = target_from_array(np.concatenate(ys), f"{name}: {keys[1]}")
    if len(y) < 2:
        raise InputError(f"{name}: expected at least 2 examples, got {len(y)}")
    n = len(xs[0])
    parts = split_off_test(xs[0], y) if len(xs) == 1 else (xs[0], y[:n], xs[1], y[n:])
    how = split_record(y) if len(xs) == 1 else "as given"
    return make_dataset(name, parts, task, classes, split=how, **provenance)


def _stored_kind(array: np.ndarray) -> str:
    """Return `i` for integers, signed or not, `f` for floats, `U` for text of any length."""
    return array.dtype.kind.replace("u", "i")


def _file_provenance(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        version = hashlib.file_digest(file, "sha256").hexdigest()
    return {"source": "file", "version": f"sha256:{version}", "files": [str(path)]}
