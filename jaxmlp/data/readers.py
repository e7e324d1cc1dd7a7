"""Read arrays and tables from a user's files; every failure becomes an error of one line."""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from jaxmlp.data.headers import looks_like_example, number_columns
from jaxmlp.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

ARRAY_SUFFIXES = (".npy", ".npz")
TABLE_SUFFIXES = (".csv", ".parquet")


def existing_file(path: str | PathLike[str]) -> Path:
    """Check that a path is a file with content.

    Args:
      path: the path.

    Returns:
      The path.

    Raises:
      InputError: if there is no such file, it is a folder, or it is empty.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: expected a file, got a folder")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")
    return path


@contextmanager
def report_read_errors(path: Path, what: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn an error that a library or the system raises while reading into an `InputError`.

    Args:
      path: the file.
      what: what the file should be, with its article, such as "a picture".
      *errors: the errors that the library raises, besides `OSError`.

    Yields:
      Nothing; the file is read in the body of the `with` statement.

    Raises:
      InputError: if the body raises one of these errors.
    """
    expected: tuple[type[Exception], ...] = (OSError, *errors)
    try:
        yield
    except expected as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: the file cannot be read as {what}: {reason}") from error


def read_arrays(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Read a `.npy` or `.npz` file without unpickling anything.

    Args:
      path: the file.

    Returns:
      The arrays by name; the array of a `.npy` file is called `x`.

    Raises:
      InputError: if the file is missing, empty or damaged, or holds pickled objects.
    """
    path = existing_file(path)
    damage = (ValueError, EOFError, BadZipFile, zlib.error)
    with report_read_errors(path, "NumPy arrays", *damage), path.open("rb") as file:
        content = np.load(file, allow_pickle=False)
        return {"x": content} if isinstance(content, np.ndarray) else dict(content)


class Table(NamedTuple):
    """A table as it was read.

    Attributes:
      rows: the rows; text of every kind has the type `string`.
      header: whether the file names the columns. If not, they are `column1`, `column2` and so on.
    """

    rows: "pa.Table"
    header: bool


def read_table(
    path: str | PathLike[str],
    text: Iterable[str] = (),
    header: bool | None = None,
    name_columns: Callable[[int], Sequence[str]] = number_columns,
) -> Table:
    """Read a `.csv` or a `.parquet` file.

    Args:
      path: the file.
      text: columns of a `.csv` file that stay text even if they look like numbers.
      header: whether the first line of a `.csv` file names the columns; `None` to decide by
        `jaxmlp.data.headers.looks_like_example`.
      name_columns: from the number of columns to their names, where the file has no header.

    Returns:
      The table.

    Raises:
      InputError: if the file is missing, empty or damaged, rows differ in length, or column names
        are missing or not different.
    """
    path = existing_file(path)
    if path.suffix.lower() == ".parquet":
        return Table(plain_table(_read_parquet(path), str(path)), True)
    rows = _read_csv(path, text)
    header = not looks_like_example(rows) if header is None else header
    if not header:
        rows = _read_csv(path, text, name_columns(len(rows.column_names)))
    return Table(plain_table(rows, str(path)), header)


def plain_table(table: "pa.Table", where: str) -> "pa.Table":
    """Return a table with every kind of text as `string`.

    Args:
      table: any table.
      where: what it is called in a message.

    Returns:
      The table.

    Raises:
      InputError: if column names are missing or not different.
    """
    import pyarrow as pa

    _check_names(table.column_names, where)
    return pa.table({name: _plain(table[name]) for name in table.column_names})


def _check_names(names: list[str], path: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(
                f"{path}: expected a different name for each column, got {name!r} {count} times"
            )
    for position, name in enumerate(names, 1):
        if re.fullmatch(r"|__index_level_\d+__", name):
            raise InputError(
                f"{path}: column {position}, {name!r}, is an index that pandas wrote; "
                "save the table with index=False"
            )


def _read_parquet(path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    with (
        report_read_errors(path, "a Parquet table", pa.ArrowException),
        pq.ParquetFile(path) as file,
    ):
        return file.read()


def _read_csv(path: Path, text: Iterable[str], names: Sequence[str] | None = None) -> "pa.Table":
    """Read a CSV file; the first line names the columns, unless names are given."""
    import pyarrow as pa
    from pyarrow import csv

    parse = csv.ParseOptions(newlines_in_values=True)
    convert = csv.ConvertOptions(column_types=dict.fromkeys(text, pa.string()))
    with report_read_errors(path, "a CSV table", pa.ArrowException, ValueError):
        read = csv.ReadOptions(column_names=names)
        return csv.read_csv(path, read, parse, convert)


def _plain(column: Any) -> Any:
    """Return the column with dictionaries decoded and every kind of text as `string`."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    return column
