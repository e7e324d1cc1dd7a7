"""Load a user's own data: tables, and arrays from `.npz` files."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from jaxmlp.data.array_files import read_arrays
from jaxmlp.data.arrays import dtype_and_shape, inputs_from_array, target_from_array
from jaxmlp.data.dataset import Dataset, make_dataset
from jaxmlp.data.dialects import Reading
from jaxmlp.data.readers import TABLE_SUFFIXES, is_table, is_text_table, read_table
from jaxmlp.data.splits import split_off_test, split_record
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.table_targets import Fitted
from jaxmlp.data.tables import dataset_from_table
from jaxmlp.errors import InputError, check, shown

SPLIT_KEYS = ("x_train", "y_train", "x_test", "y_test")
SUFFIXES = (*TABLE_SUFFIXES, ".npz")
DEFAULT = TableOptions()


def load_user_file(
    path: str | PathLike[str],
    options: TableOptions = DEFAULT,
    reading: Reading | None = None,
    fitted: Fitted | None = None,
) -> Dataset:
    """Load a table or a `.npz` file; a fifth is held out unless it has a test part.

    For a table see `jaxmlp.data.tables.dataset_from_table`. A `.npz` file holds `x` and `y`, or
    `x_train`, `y_train`, `x_test` and `y_test`. Inputs are `(N, features)`, `(N, H, W)` or
    `(N, H, W, C)`. Targets are labels or values `(N,)`, see
    `jaxmlp.data.arrays.target_from_array`, or several values `(N, outputs)`.

    Args:
      path: the file; its path is also the name of the set.
      options: what the user says of a table; of arrays only the size of the test part.
      reading: what is known of how a table of text is written; the rest is found by looking.
        Columns without names are called `column1`, `column2` and so on.
      fitted: what a trained network expects of a table, if it is read for one.

    Returns:
      The data set. Inputs are `uint8` if the arrays are, else floating.

    Raises:
      InputError: if the file is missing or damaged, an option does not apply or names no column, a
        cell does not fit its column, or there are fewer than two examples or classes.
    """
    name, path = str(path), Path(path)
    check(name.lower().endswith(SUFFIXES), "path", "a table or a .npz file", name)
    if is_table(name):
        return _load_table(name, path, options, reading, fitted)
    refuse_table_options(options, f"{name}: ", "a .npz file, where the array y is the target")
    return dataset_from_arrays(read_arrays(path), name, _file_provenance(path), options)


def refuse_table_options(options: TableOptions, where: str, what: str) -> None:
    """Reject what only a table can have, where the data are none.

    Args:
      options: what the user says of the data.
      where: the beginning of the message.
      what: what the data are.

    Raises:
      InputError: if an option beside the size of the test part is given.
    """
    for name, value in vars(replace(options, test_size=None)).items():
        if value != getattr(DEFAULT, name):
            raise InputError(f"{where}{name} does not apply to {what}, got {shown(value)}")


def _load_table(
    name: str,
    path: Path,
    options: TableOptions,
    reading: Reading | None,
    fitted: Fitted | None,
) -> Dataset:
    rows, found = read_table(path, reading)
    test = None
    if options.test is not None:
        test = read_table(options.test, found if is_text_table(options.test) else None).rows
        if not found.header and test.num_columns == rows.num_columns:
            test = test.rename_columns(rows.column_names)
    provenance = _file_provenance(path)
    if found.delimiter is not None:
        provenance["reading"] = found.to_dict()
    return dataset_from_table(
        rows, options, name, provenance, reading=found, test=test, fitted=fitted
    )


def dataset_from_arrays(
    arrays: Mapping[str, np.ndarray],
    name: str,
    provenance: dict[str, Any],
    options: TableOptions = DEFAULT,
) -> Dataset:
    """Make a data set of arrays; a fifth is held out where there is no test part.

    Args:
      arrays: `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`; see `load_user_file`.
      name: of the set, also for messages.
      provenance: where the arrays come from.
      options: the size of the test part.

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
    if len(xs) == 1:
        parts = split_off_test(xs[0], y, options.held_out(n))
        how: Any = split_record(y, options.test_size)
    elif options.test_size is not None:
        raise InputError(f"{name}: test_size does not apply, since there is a test part")
    else:
        parts, how = (xs[0], y[:n], xs[1], y[n:]), "as given"
    return make_dataset(name, parts, task, classes, split=how, **provenance)


def _stored_kind(array: np.ndarray) -> str:
    """Return `i` for integers, signed or not, `f` for floats, `U` for text of any length."""
    return array.dtype.kind.replace("u", "i")


def _file_provenance(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        version = hashlib.file_digest(file, "sha256").hexdigest()
    return {"source": "file", "version": f"sha256:{version}", "files": [str(path)]}
