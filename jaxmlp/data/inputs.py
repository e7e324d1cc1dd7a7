"""Read new inputs for a trained network from pictures, arrays and tables."""

import math
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.data.array_files import ARRAY_SUFFIXES, read_arrays
from jaxmlp.data.arrays import check_finite, dtype_and_shape, to_input_dtype
from jaxmlp.data.cells import Notation
from jaxmlp.data.columns import Columns, Encoded, columns_of_numbers
from jaxmlp.data.dialects import Reading
from jaxmlp.data.pictures import read_picture
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
    background: str | None = None,
    white: int = 255,
) -> Inputs:
    """Read a picture, a `.npy` or `.npz` file, or a table as inputs of a trained network.

    Args:
      path: the file. A `.npz` file holds `x`, or `x_test`, or a single array.
      input_shape: the shape of one example. An array holds one example or a batch; it may lack a
        last axis of one channel, or be flat.
      columns: how the training table became numbers (`Dataset.columns`). Without it, a table holds
        only numbers, in as many columns as the network has inputs.
      background: the background of the training images, `dark` or `light`
        (`jaxmlp.data.background`). A picture on the other background is inverted.
      white: the largest value of the training images.

    Returns:
      The inputs.

    Raises:
      InputError: if the file is missing, empty or damaged, or does not hold such inputs.
    """
    path = usable_path(path, "the input")
    suffix = path.suffix.lower()
    if suffix in ARRAY_SUFFIXES:
        x = batch_of_examples(_read_array(path), tuple(input_shape), str(path))
        return Inputs(x, [f"row {i}" for i in range(len(x))], [])
    if is_table(path.name):
        known = Columns.from_dict(columns) if columns else None
        rows, notation = read_rows(path, known)
        found = encode_rows(rows, tuple(input_shape), columns, str(path), notation)
        names = [f"row {i}" for i in range(1, len(rows) + 1)]
        return Inputs(found.x.reshape(-1, *input_shape), names, found.notes, rows)
    x, inverted = read_picture(path, tuple(input_shape), background, white)
    note = f"{path}: inverted, because the training images have a {background} background"
    return Inputs(x, [str(path)], [note] if inverted else [])


def _read_array(path: Path) -> np.ndarray:
    arrays = read_arrays(path)
    for key in ("x", "x_test"):
        if key in arrays:
            return arrays[key]
    if len(arrays) != 1:
        raise InputError(
            f"{path}: expected an array x or x_test, or a single array, "
            f"got {', '.join(arrays) or 'none'}"
        )
    return next(iter(arrays.values()))


def batch_of_examples(x: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Return an array as a batch of examples.

    Args:
      x: one example or several; they may leave out a last axis of one channel, or be flat.
      shape: of one example.
      where: what the array is called in a message.

    Returns:
      `(N, *shape)`.

    Raises:
      InputError: if the array holds no numbers, numbers that are not finite, or other shapes.
    """
    if x.dtype.kind not in "biuf":
        raise InputError(f"{where}: expected numbers, got {dtype_and_shape(x)}")
    forms = [shape, (math.prod(shape),)]
    if len(shape) == 3 and shape[-1] == 1:
        forms.append(shape[:-1])
    if x.size == 0 or not any(form in (x.shape, x.shape[1:]) for form in forms):
        raise InputError(
            f"{where}: expected examples of shape {shape}, got an array of shape {x.shape}"
        )
    check_finite(x, where)
    return to_input_dtype(x.reshape(-1, *shape))


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
    rows, found = read_table(path, given if text and known.delimiter else None)
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
