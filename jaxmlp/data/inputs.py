"""Read new inputs for a trained network from pictures, arrays and tables."""

import math
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.data.array_files import ARRAY_SUFFIXES, read_arrays
from jaxmlp.data.array_sets import Role, roles_of_arrays
from jaxmlp.data.columns import Columns
from jaxmlp.data.picture_files import list_pictures
from jaxmlp.data.picture_form import PictureForm, batch_of_examples
from jaxmlp.data.pictures import notes_of, read_picture
from jaxmlp.data.readers import TABLE_SUFFIXES, read_table
from jaxmlp.errors import InputError
from jaxmlp.files import usable_path

if TYPE_CHECKING:
    import pyarrow as pa


class Inputs(NamedTuple):
    """Inputs to predict from.

    Attributes:
      x: inputs `(N, *input_shape)`, not preprocessed: `uint8` for a picture, the type of the file
        for arrays, `float64` for tables.
      names: the name of each example: the file of a picture, else its row, counted from 0 in arrays
        and from 1 in tables.
      notes: messages for the user about changes to the inputs.
    """

    x: np.ndarray
    names: list[str]
    notes: list[str]


def read_inputs(
    path: str | PathLike[str],
    input_shape: tuple[int, ...],
    columns: dict[str, Any] | None = None,
    form: PictureForm | None = None,
) -> Inputs:
    """Read pictures, a `.npy` or `.npz` file, or a table as inputs of a trained network.

    Args:
      path: the file, or a folder of pictures. A `.npz` file holds `x` or `x_test`, or what
        `jaxmlp.data.array_sets` knows as such, or a single array.
      input_shape: the shape of one example. An array holds one example or a batch; it may lack a
        last axis of one channel, or be flat.
      columns: how the training table became numbers (`Dataset.columns`). Without it, a table holds
        only numbers, in as many columns as the network has inputs.
      form: of the training pictures. A picture on the other background is inverted, and arrays on
        another scale are brought to theirs.

    Returns:
      The inputs.

    Raises:
      InputError: if the file is missing, empty or damaged, or does not hold such inputs.
    """
    path = usable_path(path, "the input")
    suffix = path.suffix.lower()
    if suffix in ARRAY_SUFFIXES:
        x, notes = batch_of_examples(_read_array(path), tuple(input_shape), str(path), form)
        return Inputs(x, [f"row {i}" for i in range(len(x))], notes)
    if suffix in TABLE_SUFFIXES:
        x = _read_rows(path, tuple(input_shape), columns)
        return Inputs(x, [f"row {i}" for i in range(1, len(x) + 1)], [])
    files, notes = list_pictures(path) if path.is_dir() else ([path], [])
    read = [read_picture(file, tuple(input_shape), form) for file in files]
    notes += notes_of([changes for _, changes in read], files)
    return Inputs(np.concatenate([x for x, _ in read]), [str(file) for file in files], notes)


def _read_array(path: Path) -> np.ndarray:
    arrays = read_arrays(path)
    roles = roles_of_arrays(arrays)
    for part in ("whole", "test"):
        if name := roles.get(Role(part, "x")):
            return arrays[name]
    if len(arrays) != 1:
        raise InputError(
            f"{path}: expected an array x or x_test, or a single array, "
            f"got {', '.join(arrays) or 'none'}"
        )
    return next(iter(arrays.values()))


def _read_rows(path: Path, shape: tuple[int, ...], columns: dict[str, Any] | None) -> np.ndarray:
    known = Columns.from_dict(columns) if columns else None
    if known is None:
        table = read_table(path)
    else:
        name_columns = partial(known.name_columns, where=str(path))
        table = read_table(path, known.categorical, known.header, name_columns)
    return encode_rows(table.rows, shape, columns, str(path))


def encode_rows(
    table: "pa.Table", shape: tuple[int, ...], columns: dict[str, Any] | None, where: str
) -> np.ndarray:
    """Return the rows of a table as inputs of a trained network.

    Args:
      table: the rows; its columns may come in any order.
      shape: of one example.
      columns: how the table that the network was trained on became numbers; without it, every
        column is a number.
      where: what the table is called in a message.

    Returns:
      `float64` inputs `(N, *shape)`.

    Raises:
      InputError: if there is no row, a column is missing or was never seen, or a cell is not what
        its column holds.
    """
    known = Columns.from_dict(columns) if columns else Columns(tuple(table.column_names))
    if len(table) == 0:
        raise InputError(f"{where}: expected at least one row, got none")
    if len(known.input_names) != math.prod(shape):
        raise InputError(
            f"{where}: expected {math.prod(shape)} columns of numbers, got {len(known.input_names)}"
        )
    return known.encode(table, where).reshape(-1, *shape)
