"""Load a user's own data: tables, and arrays from `.npz` files."""

import hashlib
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from jaxmlp.data.array_files import read_arrays
from jaxmlp.data.array_sets import dataset_from_arrays
from jaxmlp.data.dataset import Dataset
from jaxmlp.data.dialects import Reading
from jaxmlp.data.readers import TABLE_SUFFIXES, is_table, is_text_table, read_table
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.table_targets import Fitted
from jaxmlp.data.tables import dataset_from_table
from jaxmlp.errors import InputError, check, shown

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
    `x_train`, `y_train`, `x_test` and `y_test`, or other names that `jaxmlp.data.array_sets` knows.
    Inputs are `(N, features)`, `(N, H, W)`, `(N, H, W, C)` or `(N, C, H, W)`. Targets are labels or
    values `(N,)`, see `jaxmlp.data.arrays.target_from_array`, or several values `(N, outputs)`.

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


def _file_provenance(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        version = hashlib.file_digest(file, "sha256").hexdigest()
    return {"source": "file", "version": f"sha256:{version}", "files": [str(path)]}
