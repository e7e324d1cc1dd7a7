"""Read tables from a user's files; every failure of any reader becomes an error of one line."""

import stat
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.data.dialects import Reading
from jaxmlp.data.headers import name_columns
from jaxmlp.data.text_tables import read_text_table
from jaxmlp.errors import InputError
from jaxmlp.memory import check_memory

if TYPE_CHECKING:
    import pyarrow as pa

_TEXTS = (".csv", ".tsv", ".txt", ".data", ".dat")
TEXT_SUFFIXES = (*_TEXTS, *(f"{suffix}.gz" for suffix in _TEXTS))
TABLE_SUFFIXES = (*TEXT_SUFFIXES, ".parquet", ".feather", ".arrow")


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
        with _without_warnings():
            yield
    except InputError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if isinstance(error, UnicodeDecodeError):
            reason = f"byte {error.object[error.start]:#x} is not UTF-8; save it in UTF-8"
        subject = "the file " if isinstance(path, Path) else ""
        raise InputError(f"{path}: {subject}cannot be read as {what}: {reason}") from error


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Ignore warnings; not in a thread of its own, since all threads share what is ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Table(NamedTuple):
    """A table as it was read.

    Attributes:
      rows: the rows; text of every kind has the type `string`.
      reading: how the file was read, with nothing of it left open.
    """

    rows: "pa.Table"
    reading: Reading


def is_table(name: str) -> bool:
    """Return whether a file is a table, by its name."""
    return name.lower().endswith(TABLE_SUFFIXES)


def is_text_table(name: str) -> bool:
    """Return whether a file is a table of text, by its name."""
    return name.lower().endswith(TEXT_SUFFIXES)


def read_table(
    path: str | PathLike[str], reading: Reading | None = None, numbers: Iterable[str] = ()
) -> Table:
    """Read a table of text, plain or gzipped, or a Parquet or Feather file.

    The cells of a text table come out as texts, as they stand in the file but for quotes and blanks
    around them. Columns without a name are called `columnK`, K counted from 1; the second of the
    same name gets `.1` behind it.

    Args:
      path: the file.
      reading: what the user says about how the text is written; the rest is found by looking.
      numbers: columns of a text to read as `float64` numbers at once, which is quicker, with null
        for the usual marks of missing values. If a cell is neither, all columns come out as text.

    Returns:
      The table.

    Raises:
      InputError: if the file is missing, empty or damaged, rows differ in length, or nothing tells
        how the numbers are written.
    """
    path = existing_file(path)
    if is_text_table(path.name):
        with report_read_errors(path, "a table of text"):
            rows, known = read_text_table(path, reading or Reading(), numbers)
        return Table(plain_table(rows, str(path), path.stat().st_size), known)
    parquet = path.suffix.lower() == ".parquet"
    with report_read_errors(path, f"a {'Parquet' if parquet else 'Feather'} table"):
        rows = _read_parquet(path) if parquet else _read_feather(path)
    return Table(plain_table(rows, str(path), path.stat().st_size), Reading(header=True))


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
        names = name_columns(table.column_names)
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
        *(types.is_date, types.is_time, types.is_timestamp),
    )
    if not any(is_known(value) for is_known in known):
        hint = "; save text in UTF-8" if types.is_binary(value) else ""
        raise InputError(f"{where}: expected numbers or text, got the type {kind}{hint}")


def _read_parquet(path: Path) -> "pa.Table":
    """Read a Parquet file; text stays numbered, as a few texts can be repeated in many rows."""
    import pyarrow.parquet as pq
    import pyarrow.types as types

    with pq.ParquetFile(path) as file:
        rows, schema = file.metadata.num_rows, file.schema_arrow
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    for field in schema:
        _check_kind(field.type, f"{path}: column {field.name!r}")
    unpacked = sum(max(0, group.total_byte_size) for group in groups)
    most = max(rows, sum(max(0, group.num_rows) for group in groups))
    size = unpacked + most * len(schema) * np.dtype(np.float64).itemsize
    check_memory(size, f"{path} unpacks to", path.stat().st_size)
    texts = [field.name for field in schema if not types.is_primitive(field.type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        return file.read()


def _read_feather(path: Path) -> "pa.Table":
    """Read a Feather file, or one in the format of Arrow, which may be a stream."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        try:
            source: Any = pa.ipc.open_file(file)
            batches = [source.get_batch(i) for i in range(source.num_record_batches)]
        except pa.ArrowInvalid:
            file.seek(0)
            source = pa.ipc.open_stream(file)
            batches = [*source]
        for field in source.schema:
            _check_kind(field.type, f"{path}: column {field.name!r}")
        rows = sum(batch.num_rows for batch in batches)
        size = max(sum(batch.nbytes for batch in batches), rows * len(source.schema) * 8)
        check_memory(size, f"{path} unpacks to", path.stat().st_size)
        return pa.Table.from_batches(batches, source.schema)


def _plain(column: Any, where: str, packed: int | None) -> Any:
    """Return the column with dictionaries decoded, text as `string`, and halves as `float32`.

    pyarrow does not count different halves, or only from version 25 on.
    """
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
    return column.cast(pa.float32()) if pa.types.is_float16(kind) else column
