"""Parse the rows of a text table: with pyarrow, or where it cannot, with the standard library."""

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxmlp.data.dialects import Reading
from jaxmlp.data.gaps import MARKERS
from jaxmlp.data.layouts import read_records
from jaxmlp.data.numerals import looks_numeric
from jaxmlp.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 16 << 20  # bytes; a table is parsed in blocks of this size, each longer than a line
BATCH = 10_000  # rows that are Python's lists at one time
NULLS = [*{form(mark) for mark in MARKERS for form in (str.lower, str.upper, str.title)}, "NaN"]


class Body(NamedTuple):
    """The rows of a text table, before they are parsed.

    Attributes:
      path: the file, for messages.
      text: the lines, in UTF-8.
      names: the names of the columns.
      reading: how the file is written.
      line: the number of lines above.
    """

    path: Path
    text: bytes
    names: list[str]
    reading: Reading
    line: int

    @property
    def quote(self) -> bytes:
        """What stands around cells, if anything does."""
        quote = (self.reading.quote or "").encode()
        return quote if quote in self.text else b""

    @property
    def delimiter(self) -> bytes:
        """What stands between cells."""
        return (self.reading.delimiter or ",").encode()


def parse_rows(body: Body, numbers: list[str]) -> tuple["pa.Table", list[str]]:
    """Parse the rows of a text table.

    Args:
      body: the rows.
      numbers: the columns to read as numbers, if all of their cells are.

    Returns:
      The rows, and the lines among and below them that are none: comments, and notes at the end.

    Raises:
      InputError: if a row is longer or shorter than the others, or a quote does not close.
    """
    import pyarrow as pa

    if not body.text or body.text.isspace():
        return pa.table([pa.array([], pa.string()) for _ in body.names], body.names), []
    if body.quote and (body.delimiter == b" " or body.delimiter + b" " + body.quote in body.text):
        return _parse_slowly(body)
    if body.delimiter == b" ":
        text = re.sub(rb"[ \t]+", b"\t", body.text)
        text = text.replace(b"\n\t", b"\n").replace(b"\t\n", b"\n").strip(b"\t")
        reading = Reading(**body.reading.to_dict() | {"delimiter": "\t"})
        body = body._replace(text=text, reading=reading)
    found = _parse_quickly(body, numbers) or (numbers and _parse_quickly(body, []))
    if not found:
        raise _error_in_row(body)
    _check_notes(body, found[1])
    return _trimmed(body, found[0]), found[1]


def _parse_quickly(body: Body, numbers: list[str]) -> tuple["pa.Table", list[str]] | None:
    """Parse rows with pyarrow; `None` if one is too long or too short, or no number."""
    import pyarrow as pa
    from pyarrow import csv

    others: list[str] = []

    def judge(row: Any) -> str:
        if not _is_no_row(row.text, row.actual_columns):
            return "error"
        if row.text.strip():
            others.append(row.text)
        return "skip"

    parse = csv.ParseOptions(
        delimiter=body.delimiter.decode(),
        quote_char=body.reading.quote or False,
        newlines_in_values=bool(body.quote),
        invalid_row_handler=judge,
    )
    types = {name: pa.float64() if name in numbers else pa.string() for name in body.names}
    decimal = body.reading.decimal
    convert = csv.ConvertOptions(column_types=types, null_values=NULLS, decimal_point=decimal)
    read = csv.ReadOptions(column_names=body.names, block_size=BLOCK)
    source = pa.BufferReader(body.text)
    try:
        table = csv.read_csv(
            source, read_options=read, parse_options=parse, convert_options=convert
        )
    except pa.ArrowInvalid:
        return None
    return table, others


def _parse_slowly(body: Body) -> tuple["pa.Table", list[str]]:
    """Parse rows with the standard library, which knows blanks before a quote."""
    import pyarrow as pa

    parts: list[pa.Table] = []
    batch: list[list[str]] = []
    others: list[str] = []
    for _, cells in _records(body):
        if len(cells) == len(body.names):
            batch.append(cells)
        elif _is_no_row(body.delimiter.decode().join(cells), len(cells)):
            others.append(cells[0])
        else:
            raise _error_in_row(body)
        if len(batch) == BATCH:
            parts.append(_batch_table(batch, body.names))
            batch = []
    _check_notes(body, others)
    return pa.concat_tables([*parts, _batch_table(batch, body.names)]), others


def _records(body: Body) -> Any:
    return read_records(body.text.decode(), body.delimiter.decode(), body.reading.quote or "")


def _batch_table(rows: list[list[str]], names: list[str]) -> "pa.Table":
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.table([pa.array(column, pa.string()) for column in columns], names)


def _is_no_row(text: str, cells: int) -> bool:
    """Return whether a line of another length is no row: blank, ruled, a comment, maybe a note."""
    maybe_note = cells == 1 and not looks_numeric(text.strip())
    return maybe_note or not re.search(r"\w", text) or _is_comment(text)


def _is_comment(text: str) -> bool:
    return text.lstrip().startswith("#")


def _check_notes(body: Body, others: list[str]) -> None:
    """Check that lines of one cell are notes: they stand below the table, and one has blanks."""
    notes = {text.strip() for text in others if re.search(r"\w", text) and not _is_comment(text)}
    if not notes:
        return
    if not any(" " in note for note in notes):
        raise _error_in_row(body)
    end = ""
    for _, cells in _records(body):
        text = cells[0] if len(cells) == 1 else ""
        if end and len(cells) == len(body.names):
            raise _error_in_row(body)
        end = text if re.search(r"\w", text) and not _is_comment(text) else end


def _error_in_row(body: Body) -> InputError:
    """Return the error that names the first line of another length."""
    width = len(body.names)
    for end, cells in _records(body):
        text = body.delimiter.decode().join(cells)
        if len(cells) != width and re.search(r"\w", text) and not _is_comment(text):
            return InputError(
                f"{body.path}: line {body.line + end}: expected {width} cells as in the other rows,"
                f" got {len(cells)}"
            )
    return InputError(f"{body.path}: the file cannot be read as a table of {width} columns")


def _trimmed(body: Body, table: "pa.Table") -> "pa.Table":
    """Return the table without rows of empty cells, and without blanks around its cells."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text, last = body.text, table.slice(max(0, len(table) - 1)).to_pylist()
    broken = any("\n" in str(cell) for row in last for cell in row.values())
    if body.quote and broken and text.count(body.quote) % 2:
        raise InputError(
            f"{body.path}: a quote {body.reading.quote} opens and does not close; its row is "
            f"{len(table)}: mend it, or set quote to none"
        )
    if any(blank in text for blank in (b" ", b"\t", b"\xc2\xa0")):
        columns = [
            pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column
            for column in table.columns
        ]
        table = pa.table(columns, table.column_names)
    empty = body.delimiter * (table.num_columns - 1)
    if (
        text.startswith(empty + b"\n")
        or b"\n" + empty + b"\n" in text
        or text.endswith(b"\n" + empty)
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


def without_empty_end(table: "pa.Table", first: list[str]) -> "pa.Table":
    """Return a table without empty columns at its end, as where lines end in delimiters.

    Args:
      table: the table.
      first: the cells of its header; a column with a name stays.

    Returns:
      The table.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    count = table.num_columns
    while count > 1 and not first[count - 1] and pa.types.is_string(table.columns[count - 1].type):
        if not len(table) or not pc.all(pc.equal(table.columns[count - 1], "")).as_py():
            break
        count -= 1
    return table.select(table.column_names[:count])
