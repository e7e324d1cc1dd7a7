"""Data given in Python: arrays and tables as a data set, or as inputs of a trained network."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.array_sets import SPLIT_KEYS, dataset_from_arrays, holds_examples, roles_of_arrays
from jaxmlp.data.dataset import Dataset, checksum
from jaxmlp.data.inputs import Inputs, encode_rows, read_inputs
from jaxmlp.data.picture_form import PictureForm, batch_of_examples
from jaxmlp.data.pictures import fit_picture, notes_of
from jaxmlp.data.readers import plain_table
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.tables import dataset_from_table
from jaxmlp.data.user_files import DEFAULT, refuse_table_options
from jaxmlp.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "data in memory"
PICTURE = "the picture"


def dataset_in_memory(data: Any, options: TableOptions = DEFAULT) -> Dataset:
    """Make a data set of arrays or of a table.

    Args:
      data: a `Dataset`, which is returned as it is; arrays `(x, y)`, or
        `((x_train, y_train), (x_test, y_test))`, or a mapping with these or other usual names
        (`jaxmlp.data.array_sets`); or a table: a
        `pyarrow.Table`, a data frame of pandas or polars, a mapping from names to columns, or a
        list of rows, each a mapping. Without a test part a fifth is held out.
      options: what the user says of a table: its target, its columns, its test part.

    Returns:
      The data set.

    Raises:
      InputError: if the data are none of these, or there is too little to learn from.
    """
    if isinstance(data, Dataset):
        return _with_provenance(data)
    source = {"source": "memory", "version": None}
    arrays = _named_arrays(data)
    if arrays is not None:
        refuse_table_options(options, "", "arrays, whose target is y")
        return dataset_from_arrays(arrays, NAME, source, options)
    table = table_in_memory(data)
    if table is None:
        raise InputError(
            "data must be the name of a data set, arrays (x, y) or a table, got"
            f" {type(data).__name__}"
        )
    if options.test is not None:
        raise InputError("test is the file of a test part, and the data are in memory")
    return dataset_from_table(table, options, NAME, source)


def inputs_in_memory(
    given: Any,
    input_shape: tuple[int, ...],
    columns: dict[str, Any] | None = None,
    form: PictureForm | None = None,
) -> Inputs:
    """Return what a user gives as inputs of a trained network.

    Args:
      given: one example or a batch as an array; a table as for `dataset_in_memory`; a picture (a
        `PIL.Image.Image`), the path of a file, or a list of pictures and paths.
      input_shape: the shape of one example.
      columns: how the table that the network was trained on became numbers.
      form: of the training pictures.

    Returns:
      Inputs, not preprocessed, and a line for each change to them.

    Raises:
      InputError: if there is nothing of the kind, or it does not fit the network.
    """
    several = given if isinstance(given, list | tuple) else [given]
    if several and all(isinstance(one, str | os.PathLike) or _is_picture(one) for one in several):
        read = [_read_one(one, input_shape, columns, form) for one in several]
        return Inputs(
            np.concatenate([one.x for one in read]),
            [name for one in read for name in one.names],
            notes_of([one.notes for one in read], [one.names[0] for one in read]),
        )
    table = table_in_memory(given)
    notes: list[str] = []
    if table is not None:
        encoded = encode_rows(table, input_shape, columns, NAME)
        x, notes = encoded.x.reshape(-1, *input_shape), encoded.notes
    else:
        x, notes = batch_of_examples(_as_array(given, NAME), input_shape, NAME, form)
    return Inputs(x, [f"row {i}" for i in range(len(x))], notes)


def _with_provenance(data: Dataset) -> Dataset:
    """Return a data set that says where it comes from, as every run records it."""
    arrays = (data.x_train, data.y_train, data.x_test, data.y_test)
    known = {"source": "memory", "version": None, **data.provenance}
    if "checksum" not in known:
        known["checksum"] = checksum(*arrays)
    return dataclasses.replace(data, provenance=known)


def _as_array(value: Any, where: str) -> np.ndarray:
    """Return an array of numbers or of text; text of pandas comes as objects."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(f"{where}: expected rows of the same length") from None
    except Exception as error:  # what an object of another library raises
        raise InputError(f"{where}: not readable as an array: {error}") from error
    if array.dtype == object and all(isinstance(one, str) for one in array.ravel()):
        return array.astype(str)
    return array


def _read_one(
    one: Any,
    input_shape: tuple[int, ...],
    columns: dict[str, Any] | None,
    form: PictureForm | None,
) -> Inputs:
    if _is_picture(one):
        x, notes = fit_picture(one, input_shape, form, PICTURE)
        return Inputs(x, [PICTURE], notes)
    return read_inputs(Path(one), input_shape, columns, form)


def _is_picture(value: Any) -> bool:
    """Return whether a value is a picture of Pillow's, without importing Pillow."""
    return any(cls.__module__ == "PIL.Image" for cls in type(value).__mro__)


def _named_arrays(data: Any) -> dict[str, np.ndarray] | None:
    """Return arrays by the names that a `.npz` file has for them; `None` if they are a table."""
    if isinstance(data, Mapping) and _holds_arrays(data):
        used = set(roles_of_arrays(data).values())
        where = f"{NAME}: "
        return {k: _as_array(v, where + k) if k in used else v for k, v in data.items()}
    if not isinstance(data, tuple) or len(data) != 2:
        return None
    if all(isinstance(part, tuple) and len(part) == 2 for part in data):
        pairs = zip(SPLIT_KEYS, (*data[0], *data[1]), strict=True)
    else:
        pairs = zip(("x", "y"), data, strict=True)
    return {name: _as_array(array, f"{NAME}: {name}") for name, array in pairs}


def _holds_arrays(data: Mapping[Any, Any]) -> bool:
    """Return whether a mapping holds the arrays of a data set, and not the columns of a table."""
    if not all(isinstance(name, str) for name in data):
        return False
    if {"x", "y"} == set(data) or set(SPLIT_KEYS) <= set(data):
        return True
    inputs = [data[name] for role, name in roles_of_arrays(data).items() if role.kind == "x"]
    return holds_examples(data) and all(np.ndim(one) > 1 for one in inputs)


def table_in_memory(data: Any) -> "pa.Table | None":
    """Return a table of any library as pyarrow's, or `None` if it is not one.

    Args:
      data: a `pyarrow.Table`, a data frame of pandas or polars, a mapping from names to columns, or
        a list of rows, each a mapping.

    Returns:
      The table.

    Raises:
      InputError: if it cannot be read.
    """
    import pyarrow as pa

    try:
        if isinstance(data, pa.Table):
            return plain_table(data, NAME)
        if hasattr(data, "to_arrow"):  # polars
            return plain_table(data.to_arrow(), NAME)
        if hasattr(data, "iloc") and hasattr(data, "columns"):  # pandas
            return plain_table(pa.Table.from_pandas(data, preserve_index=False), NAME)
        if isinstance(data, Mapping):
            return plain_table(pa.table(dict(data)), NAME)
        rows = isinstance(data, Sequence) and not isinstance(data, str)
        if rows and data and all(isinstance(row, Mapping) for row in data):
            names = dict.fromkeys(name for row in data for name in row)
            return plain_table(pa.table({n: [row.get(n) for row in data] for n in names}), NAME)
    except InputError:
        raise
    except Exception as error:  # what the other libraries raise has many types
        raise InputError(f"{NAME}: not readable as a table: {error}") from error
    return None
