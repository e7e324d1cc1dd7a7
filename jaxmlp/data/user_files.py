"""Load a user's own data: tables from `.csv` and `.parquet` files, arrays from `.npz` files."""

import difflib
import hashlib
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.array_files import read_arrays
from jaxmlp.data.array_sets import dataset_from_arrays
from jaxmlp.data.arrays import (
    MOST_CLASSES,
    Target,
    are_labels,
    target_from_codes,
    target_from_numbers,
)
from jaxmlp.data.columns import category_codes, infer_columns, is_text, numeric_values
from jaxmlp.data.dataset import Dataset, make_dataset
from jaxmlp.data.readers import TABLE_SUFFIXES, read_table
from jaxmlp.data.splits import split_off_test, split_record
from jaxmlp.errors import InputError, check

if TYPE_CHECKING:
    import pyarrow as pa

TARGETS = ("target", "label", "class", "y")
SUFFIXES = (*TABLE_SUFFIXES, ".npz")


def load_user_file(
    path: str | PathLike[str], target: str | None = None, header: bool | None = None
) -> Dataset:
    """Load a `.csv`, `.parquet` or `.npz` file; a fifth is held out unless it has a test part.

    The target of a table is the column that `target` names, else the only one called target, label,
    class or y, else the last. Text, booleans, and numbers that look like labels (see
    `jaxmlp.data.arrays.are_labels`; at most 20 different ones) are class labels. Other numbers are
    values to predict. Several target columns are values, or labels if all are 0 or 1 (lecture rows
    E3, E5). Among the inputs, text is one-hot.

    A `.npz` file holds `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`, or other names
    that `jaxmlp.data.array_sets` knows. Inputs are `(N, features)`, `(N, H, W)`, `(N, H, W, C)` or
    `(N, C, H, W)`. Targets are labels or values `(N,)`, see
    `jaxmlp.data.arrays.target_from_array`, or several values `(N, outputs)`.

    Args:
      path: the file; its path is also the name of the set.
      target: the target column, or several separated by commas; not for `.npz`.
      header: whether the first line of a `.csv` file names the columns; `None` to decide by looking
        at it. Columns without names are called `column1`, `column2` and so on.

    Returns:
      The data set. Inputs are `uint8` if the arrays are, else floating.

    Raises:
      InputError: if the file is missing or damaged, the target is not a column, a cell is missing
        or does not fit its column, or there are fewer than two examples or classes.
    """
    name, path = str(path), Path(path)
    suffix = path.suffix.lower()
    check(suffix in SUFFIXES, "path", "a .csv, .parquet or .npz file", name)
    if suffix != ".npz":
        return _load_table(name, path, target, header)
    if target is not None:
        raise InputError(
            f"{name}: target does not apply to a .npz file, where the array y is the target, "
            f"got {target!r}"
        )
    return _load_arrays(name, path)


def _load_table(name: str, path: Path, target: str | None, header: bool | None) -> Dataset:
    rows, header = read_table(path, header=header)
    found = {"header": header} if path.suffix.lower() == ".csv" else {}
    return dataset_from_table(rows, target, name, _file_provenance(path) | found, header)


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
    y, task, classes, note = _read_target(table, columns.target, name)
    parts = split_off_test(columns.encode(table, name), y)
    provenance = provenance | ({"notes": [note]} if note else {})
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


def _file_provenance(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        version = hashlib.file_digest(file, "sha256").hexdigest()
    return {"source": "file", "version": f"sha256:{version}", "files": [str(path)]}
