"""Read a table of text: all cells come out as they stand in the file."""

import gzip
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jaxmlp.data.dialects import Reading, find_encoding
from jaxmlp.data.headers import count_votes, looks_like_example, name_columns, number_columns
from jaxmlp.data.layouts import Layout, find_layout
from jaxmlp.data.numerals import find_numerals, looks_numeric
from jaxmlp.data.text_rows import Body, parse_rows, without_empty_end
from jaxmlp.errors import InputError, naming
from jaxmlp.memory import check_memory

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 1 << 20  # bytes of a table that tell how it is written
GZIP = b"\x1f\x8b"
STEP = 1 << 20  # bytes that are unpacked at once


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
    with naming(path):
        names, header, start = _decide_header(layout, reading.header)
    rows = layout.rows if start == layout.after else [layout.first, *layout.rows]
    columns = list(zip(names, zip(*rows, strict=True), strict=True)) if rows else []
    decimal, thousands = find_numerals(
        columns, layout.delimiter, reading.decimal, reading.thousands, str(path)
    )
    known = Reading(header, layout.delimiter, decimal, thousands, layout.quote, encoding)
    above = sample.split("\n")[:start]
    text = text[len("\n".join(["", *above]).encode()) :]
    table, others = parse_rows(
        Body(path, text, names, known, start), [] if thousands else [*numbers]
    )
    skipped = len(others) + sum(map(bool, map(str.strip, above))) - header
    named = layout.first if header else [""] * layout.width
    return without_empty_end(table, named), replace(known, skipped=skipped or None)


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
    if not header and len(layout.above) > 1 and not any(map(looks_numeric, layout.above)):
        raise InputError(
            f"line {layout.start}: expected {layout.width} cells as in the rows below,"
            f" got {len(layout.above)}"
        )
    if header:
        return name_columns(layout.first), True, layout.after
    return number_columns(layout.width), False, layout.start


def _is_header(layout: Layout) -> bool:
    """Return whether the comment above a table names the columns, as the first line does not."""
    if any(map(looks_numeric, layout.comment)):
        return False
    numbers = all(map(looks_numeric, layout.first))
    return numbers or count_votes(layout.first, layout.rows).names == 0
