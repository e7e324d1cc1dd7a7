"""Read tables from a user's files; every failure of any reader becomes an error of one line."""

import codecs
import re
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.data.headers import looks_like_example, number_columns
from jaxmlp.errors import InputError
from jaxmlp.memory import check_memory

if TYPE_CHECKING:
    import pyarrow as pa

TABLE_SUFFIXES = (".csv", ".parquet")
SAMPLE = 1 << 20  # bytes of a table that tell how many cells it has
LONGEST_LINE = 16 << 20  # bytes; a table is parsed in blocks of this size


def existing_file(path: str | PathLike[str]) -> Path:
    """Check that a path is a file with content.

    Args:
      path: the path.

    Returns:
      The path.

    Raises:
      InputError: if there is no such file, it cannot be looked at, it is a folder, a device or a
        pipe, or it is empty.
    """
    path = Path(path)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise InputError(f"{path}: no such file") from None
    except OSError as error:  # such as a name that is too long, or a folder of somebody else
        raise InputError(f"{path}: the file cannot be read: {error.strerror}") from None
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path}: expected a file, got a folder")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: expected a file, got a device or a pipe")
    if found.st_size == 0:
        raise InputError(f"{path}: the file is empty")
    return path


@contextmanager
def report_read_errors(path: Path | str, what: str) -> Iterator[None]:
    """Turn an error that a library or the system raises while reading into an `InputError`.

    A damaged file makes a library raise errors of any type, also those of its own bugs, and warn.
    Therefore the body only reads.

    Args:
      path: the file; a text is the name of something else.
      what: what it should be, with its article, such as "a picture".

    Yields:
      Nothing; the file is read in the body of the `with` statement.

    Raises:
      InputError: if the body raises any error.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if isinstance(error, UnicodeDecodeError):
            reason = f"byte {error.object[error.start]:#x} is not UTF-8; save it in UTF-8"
        subject = "the file " if isinstance(path, Path) else ""
        raise InputError(f"{path}: {subject}cannot be read as {what}: {reason}") from error


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
        with report_read_errors(path, "a Parquet table"):
            rows, header = _read_parquet(path), True
    else:
        with report_read_errors(path, "a CSV table"):
            _check_text(path)
            rows = _read_csv(path, text)
            header = not looks_like_example(rows) if header is None else header
            if not header:
                rows = _read_csv(path, text, name_columns(len(rows.column_names)))
    return Table(plain_table(rows, str(path), path.stat().st_size), header)


def plain_table(table: "pa.Table", where: str, packed: int | None = None) -> "pa.Table":
    """Return a table with every kind of text as `string`, checked to be UTF-8.

    Args:
      table: any table.
      where: what it is called in a message.
      packed: the size of its file on the disk, if it has one.

    Returns:
      The table.

    Raises:
      InputError: if column names are missing or not different, a column holds neither numbers nor
        text, or the text of repeated cells needs more memory than `check_memory` allows.
    """
    import pyarrow as pa

    with report_read_errors(where, "a table"):
        names = table.column_names
        _check_names(names, where)
        for name, kind in zip(names, table.schema.types, strict=True):
            _check_kind(kind, f"{where}: column {name!r}")
        columns = [_plain(column, where, packed) for column in table.columns]
        table = pa.table(columns, names)
        table.validate(full=True)
        return table


def _check_kind(kind: Any, where: str) -> None:
    """Reject the type of a column that holds neither numbers nor text."""
    import pyarrow.types as types

    value = kind.value_type if types.is_dictionary(kind) else kind
    known = (
        *(types.is_integer, types.is_floating, types.is_boolean, types.is_decimal),
        *(types.is_string, types.is_large_string, types.is_string_view, types.is_null),
    )
    if not any(is_known(value) for is_known in known):
        hint = "; save text in UTF-8" if types.is_binary(value) else ""
        raise InputError(f"{where}: expected numbers or text, got the type {kind}{hint}")


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
    """Read a Parquet file; text stays numbered, as a few texts can be repeated in many rows."""
    import pyarrow.parquet as pq
    import pyarrow.types as types

    with pq.ParquetFile(path) as file:
        rows, schema = file.metadata.num_rows, file.schema_arrow
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    _check_names(schema.names, str(path))
    for field in schema:
        _check_kind(field.type, f"{path}: column {field.name!r}")
    unpacked = sum(max(0, group.total_byte_size) for group in groups)
    most = max(rows, sum(max(0, group.num_rows) for group in groups))
    size = unpacked + most * len(schema) * np.dtype(np.float64).itemsize
    check_memory(size, f"{path} unpacks to", path.stat().st_size)
    texts = [field.name for field in schema if not types.is_primitive(field.type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        return file.read()


def _check_text(path: Path) -> None:
    """Check that the beginning of a file is UTF-8, and that the table does not fill the memory."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(SAMPLE)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in start:
        raise InputError(f"{path}: expected a table in UTF-8, got UTF-16 or no text")
    codecs.getincrementaldecoder("utf-8")().decode(start)
    cells = start.count(b",") + start.count(b"\n")
    numbers = cells * np.dtype(np.float64).itemsize
    check_memory(size * max(numbers, len(start)) // len(start), f"{path} holds about")


def _read_csv(path: Path, text: Iterable[str], names: Sequence[str] | None = None) -> "pa.Table":
    """Read a CSV file; the first line names the columns, unless names are given."""
    import pyarrow as pa
    from pyarrow import csv

    read = csv.ReadOptions(block_size=LONGEST_LINE, column_names=names)
    parse = csv.ParseOptions(newlines_in_values=True)
    convert = csv.ConvertOptions(column_types=dict.fromkeys(text, pa.string()))
    return csv.read_csv(path, read_options=read, parse_options=parse, convert_options=convert)


def _plain(column: Any, where: str, packed: int | None) -> Any:
    """Return the column with dictionaries decoded and every kind of text as `string`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type):
            lengths = [
                pc.binary_length(part.dictionary).take(part.indices) for part in column.chunks
            ]
            size = sum(pc.sum(part).as_py() or 0 for part in lengths)
            check_memory(size, f"{where} unpacks to", packed)
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    return column
