"""Read new inputs for a trained network from pictures, arrays and tables."""

import math
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.data.array_files import ARRAY_SUFFIXES, read_arrays
from jaxmlp.data.array_sets import Role, roles_of_arrays
from jaxmlp.data.cells import Notation
from jaxmlp.data.columns import Columns, Encoded, columns_of_numbers
from jaxmlp.data.dialects import Reading
from jaxmlp.data.picture_files import list_pictures
from jaxmlp.data.picture_form import PictureForm, batch_of_examples
from jaxmlp.data.pictures import notes_of, read_picture
from jaxmlp.data.readers import is_table, is_text_table, read_table
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
      rows: the table that the inputs come from, if they come from one.
    """

    x: np.ndarray
    names: list[str]
    notes: list[str]
    rows: "pa.Table | None" = None


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
    if is_table(path.name):
        known = Columns.from_dict(columns) if columns else None
        rows, notation = read_rows(path, known)
        found = encode_rows(rows, tuple(input_shape), columns, str(path), notation)
        names = [f"row {i}" for i in range(1, len(rows) + 1)]
        return Inputs(found.x.reshape(-1, *input_shape), names, found.notes, rows)
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


def read_rows(path: str | PathLike[str], columns: Columns | None) -> tuple["pa.Table", Notation]:
    """Read the file of new rows for a trained network.

    Args:
      path: the file.
      columns: how the training table became inputs; `None` for a network of plain numbers.

    Returns:
      The rows, and how the file writes numbers.

    Raises:
      InputError: if the file is missing or damaged, or has another number of columns where neither
        table names them.
    """
    if columns is None:
        rows, found = read_table(path)
        return rows, Notation.of(found)
    known = Reading.from_dict(dict(columns.reading))
    given = Reading(header=known.header, decimal=known.decimal, thousands=known.thousands)
    text = is_text_table(str(path))
    numbers = [one.name for one in columns.inputs if one.kind == "number" and not one.unit]
    rows, found = read_table(path, given if text and known.delimiter else None, numbers)
    if text and not columns.header:
        rows = rows.rename_columns(columns.name_columns(rows.num_columns, str(path)))
    return rows, Notation.of(found, columns.markers)


def encode_rows(
    table: "pa.Table",
    shape: tuple[int, ...],
    columns: dict[str, Any] | None,
    where: str,
    notation: Notation | None = None,
) -> Encoded:
    """Return the rows of a table as inputs of a trained network.

    Args:
      table: the rows; its columns may come in any order, and others are passed over.
      shape: of one example.
      columns: how the table that the network was trained on became numbers; without it, every
        column is a number.
      where: what the table is called in a message.
      notation: how the table writes numbers; `None` for the training table's.

    Returns:
      `float64` inputs `(N, inputs)`, and what the user should know of them.

    Raises:
      InputError: if there is no row, a column is missing, or a cell is not what its column holds.
    """
    known = Columns.from_dict(columns) if columns else columns_of_numbers(table.column_names)
    if len(table) == 0:
        raise InputError(f"{where}: expected at least one row, got none")
    if len(known.input_names) != math.prod(shape):
        raise InputError(
            f"{where}: expected {math.prod(shape)} columns of numbers, got {len(known.input_names)}"
        )
    return known.encode(table, where, notation)
