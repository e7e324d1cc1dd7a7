"""Read a table of text: all cells come out as they stand in the file."""

import functools
import gzip
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmlp.data.dialects import Layout, Reading, find_encoding, find_layout, read_records
from jaxmlp.data.headers import count_votes, looks_like_example, name_columns, number_columns
from jaxmlp.data.numerals import MISSING, find_numerals, looks_numeric
from jaxmlp.errors import InputError
from jaxmlp.memory import check_memory

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 1 << 20  # bytes of a table that tell how it is written
BLOCK = 16 << 20  # bytes; a table is parsed in blocks of this size, each longer than a line
GZIP = b"\x1f\x8b"
STEP = 1 << 20  # bytes that are unpacked at once
BATCH = 10_000  # rows that are Python's lists at one time
NULLS = [*{form(mark) for mark in MISSING for form in (str.lower, str.upper, str.title)}, "NaN"]


def read_text_table(
    path: Path, reading: Reading, numbers: Iterable[str] = ()
) -> tuple["pa.Table", Reading]:
    """Read a table of text, plain or gzipped.

    Args:
      path: the file.
      reading: what is known of how it is written; the rest is found by looking.
      numbers: columns to read as `float64` numbers, with the usual marks of missing values as
        nulls. If a cell is neither, all columns come out as text.

    Returns:
      The table, and how it was read, with nothing left open.

    Raises:
      InputError: if the file holds no text or no table, a row has another length than the others,
        or nothing tells how its numbers are written.
    """
    text, encoding = _read_text(path, reading.encoding)
    sample = text[: text.find(b"\n", SAMPLE) + 1 or len(text)].decode()
    layout = find_layout(sample, reading.delimiter, reading.quote)
    if not layout.first:
        raise InputError(f"{path}: expected a table, got blank lines")
    names, header, start = _decide_header(layout, reading.header)
    rows = layout.rows if start == layout.after else [layout.first, *layout.rows]
    columns = list(zip(names, zip(*rows, strict=True), strict=True)) if rows else []
    decimal, thousands = find_numerals(
        columns, layout.delimiter, reading.decimal, reading.thousands, str(path)
    )
    known = Reading(header, layout.delimiter, decimal, thousands, layout.quote, encoding)
    body = text[len("\n".join(["", *sample.split("\n")[:start]]).encode()) :]
    del text
    table = _parse(path, body, names, known, [] if thousands else [*numbers], start)
    if not layout.first[-1] or not header:
        table = _without_empty_last(table)
    return table, known


def _read_text(path: Path, encoding: str | None) -> tuple[bytes, str]:
    """Return the text of a file in UTF-8 with line feeds alone, and the encoding that it had."""
    content = _unpacked(path)
    found = encoding or find_encoding(content)
    if found is None:
        raise InputError(f"{path}: expected a table of text, got bytes that are no text")
    if encoding or found != "utf-8":
        try:
            content = content.decode(found).encode()
        except UnicodeError as error:
            raise InputError(f"{path}: the file is not in {found}: {error}") from None
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content.removeprefix(b"\xef\xbb\xbf"), found


def _unpacked(path: Path) -> bytes:
    """Return the content of a file, and check before that it does not fill the memory."""
    packed = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(SAMPLE)
        if not start.startswith(GZIP):
            _check_cells(start, packed, path)
            return start + file.read()
    parts, size = [], 0
    with gzip.open(path) as file:
        while part := file.read(STEP):
            size += len(part)
            check_memory(size, f"{path} unpacks to", packed)
            parts.append(part)
    content = b"".join(parts)
    _check_cells(content[:SAMPLE], size, path)
    return content


def _check_cells(start: bytes, size: int, path: Path) -> None:
    """Check that the cells of a table do not fill the memory once they are numbers."""
    cells = max(map(start.count, (b",", b";", b"\t", b"|", b" "))) + start.count(b"\n")
    need = size * max(8 * cells, len(start)) // max(1, len(start))
    check_memory(need, f"{path} holds about")


def _decide_header(layout: Layout, header: bool | None) -> tuple[list[str], bool, int]:
    """Return the names of the columns, whether the file has them, and the lines before the rows."""
    if layout.comment and header is not False and _is_header(layout):
        return name_columns(layout.comment), True, layout.start
    if header is None:
        header = not looks_like_example(layout.first, layout.rows)
    if header:
        return name_columns(layout.first), True, layout.after
    return number_columns(layout.width), False, layout.start


def _is_header(layout: Layout) -> bool:
    """Return whether the comment above a table names the columns, as the first line does not."""
    if any(map(looks_numeric, layout.comment)):
        return False
    numbers = all(map(looks_numeric, layout.first))
    return numbers or count_votes(layout.first, layout.rows).names == 0


def _parse(
    path: Path, body: bytes, names: list[str], reading: Reading, numbers: list[str], line: int
) -> "pa.Table":
    """Parse the rows: with pyarrow, or where it cannot, with the standard library."""
    import pyarrow as pa

    quote, delimiter = (reading.quote or "").encode(), (reading.delimiter or "").encode()
    quoted = bool(quote) and quote in body
    if not body.strip():
        return pa.table([pa.array([], pa.string()) for _ in names], names)
    if quoted and (delimiter == b" " or delimiter + b" " + quote in body):
        return _parse_slowly(path, body, names, reading, line)
    if delimiter == b" ":
        body = re.sub(rb"[ \t]+", b"\t", body).replace(b"\n\t", b"\n").replace(b"\t\n", b"\n")
        body = body.strip(b"\t")
        reading = Reading(**reading.to_dict() | {"delimiter": "\t"})
    table = _parse_quickly(body, names, reading, numbers, quoted)
    if table is None and numbers:
        table = _parse_quickly(body, names, reading, [], quoted)
    if table is None:
        raise _error_in_row(path, body, len(names), reading, line)
    return _trimmed(path, table, body, reading)


def _parse_quickly(
    body: bytes, names: list[str], reading: Reading, numbers: list[str], quoted: bool
) -> "pa.Table | None":
    """Parse rows with pyarrow; `None` if one is too long or too short, or no number."""
    import pyarrow as pa
    from pyarrow import csv

    def is_blank(row: Any) -> str:
        return "skip" if _is_no_row(row.text) else "error"

    parse = csv.ParseOptions(
        delimiter=reading.delimiter,
        quote_char=reading.quote or False,
        newlines_in_values=quoted,
        invalid_row_handler=is_blank,
    )
    types = {name: pa.float64() if name in numbers else pa.string() for name in names}
    convert = csv.ConvertOptions(
        column_types=types, null_values=NULLS, decimal_point=reading.decimal
    )
    read = csv.ReadOptions(column_names=names, block_size=BLOCK)
    try:
        return csv.read_csv(
            pa.BufferReader(body), read_options=read, parse_options=parse, convert_options=convert
        )
    except pa.ArrowInvalid:
        return None


def _is_no_row(text: str) -> bool:
    """Return whether a line is blank, or a comment."""
    return not text.strip() or text.lstrip().startswith("#")


def _trimmed(path: Path, table: "pa.Table", body: bytes, reading: Reading) -> "pa.Table":
    """Return the table without rows of empty cells, and without blanks around its cells."""
    import pyarrow as pa
    import pyarrow.compute as pc

    quote, delimiter = (reading.quote or "").encode(), (reading.delimiter or "").encode()
    last = [str(cell) for cell in table.slice(len(table) - 1).to_pylist()[0].values()]
    if quote and body.count(quote) % 2 and any("\n" in cell for cell in last):
        raise InputError(
            f"{path}: a quote {reading.quote} opens and does not close; its row is "
            f"{len(table)}: mend it, or set quote to none"
        )
    if any(blank in body for blank in (b" ", b"\t", b"\xc2\xa0")):
        columns = [
            pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column
            for column in table.columns
        ]
        table = pa.table(columns, table.column_names)
    empty = delimiter * (table.num_columns - 1)
    if (
        body.startswith(empty + b"\n")
        or b"\n" + empty + b"\n" in body
        or body.endswith(b"\n" + empty)
    ):
        table = _without_empty_rows(table)
    return table


def _without_empty_rows(table: "pa.Table") -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    if table.num_columns < 2:
        return table
    filled = [
        pc.not_equal(column, "") if pa.types.is_string(column.type) else pc.is_valid(column)
        for column in table.columns
    ]
    return table.filter(functools.reduce(pc.or_, filled))


def _without_empty_last(table: "pa.Table") -> "pa.Table":
    """Return the table without its last column if that is empty: each line ends in a delimiter."""
    import pyarrow as pa
    import pyarrow.compute as pc

    last = table.columns[-1]
    gone = table.num_columns > 1 and len(table) and pa.types.is_string(last.type)
    if gone and pc.all(pc.equal(last, "")).as_py():
        return table.select(table.column_names[:-1])
    return table


def _parse_slowly(
    path: Path, body: bytes, names: list[str], reading: Reading, line: int
) -> "pa.Table":
    """Parse rows with the standard library, which knows blanks before a quote."""
    import pyarrow as pa

    parts, batch = [], []
    for _, cells in read_records(body.decode(), reading.delimiter or ",", reading.quote or ""):
        if len(cells) != len(names):
            if _is_no_row(cells[0]):
                continue
            raise _error_in_row(path, body, len(names), reading, line)
        batch.append(cells)
        if len(batch) == BATCH:
            parts.append(_batch_table(batch, names))
            batch = []
    if batch or not parts:
        parts.append(_batch_table(batch, names))
    return pa.concat_tables(parts)


def _batch_table(rows: list[list[str]], names: list[str]) -> "pa.Table":
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.table([pa.array(column, pa.string()) for column in columns], names)


def _error_in_row(path: Path, body: bytes, width: int, reading: Reading, line: int) -> InputError:
    """Return the error that names the first line of another length."""
    for end, cells in read_records(body.decode(), reading.delimiter or ",", reading.quote or ""):
        if len(cells) != width and not _is_no_row(cells[0]):
            return InputError(
                f"{path}: line {line + end}: expected {width} cells as in the other rows,"
                f" got {len(cells)}"
            )
    return InputError(f"{path}: the file cannot be read as a table of rows of {width} cells")
