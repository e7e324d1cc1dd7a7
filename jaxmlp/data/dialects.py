"""The dialect of a text table: what stands between cells, around them, and inside numbers."""

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

from jaxmlp.data.numerals import GROUPS, looks_numeric
from jaxmlp.errors import check

WORDS = {"tab": "\t", "\\t": "\t", "blanks": " ", "blank": " ", "space": " ", "none": ""}
WORDS |= {
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "colon": ":",
    "point": ".",
    "apostrophe": "'",
}
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
TIERS = ("\t;|,", " ", ":")  # delimiters; those of a tier are tried where no earlier one fits
GLANCE = 1 << 16  # letters that decide the delimiter and the quote
LOOK = 10_000  # rows that decide what is in the cells
FEWEST = 0.8  # of the rows have as many cells as most rows, if the delimiter is right
LONGEST_CELL = 2**31 - 1


@dataclass(frozen=True)
class Reading:
    r"""How a table is read; `None` stands for what is found by looking at the file.

    Attributes:
      header: whether the first line names the columns.
      delimiter: what stands between two cells: one character; a blank means any number of blanks
        and tabs. Words are `tab`, `blanks`, `comma`, `semicolon`, `pipe` and `colon`.
      decimal: the decimal sign of numbers, `.` or `,`.
      thousands: what groups the digits of long numbers, such as `,` or `'`; empty or `none` for
        nothing.
      quote: what stands around a cell that holds a delimiter, `"` or `'`; empty or `none` for
        nothing.
      encoding: the encoding of the letters, such as `utf-8` or `latin-1`.

    Raises:
      InputError: if a value cannot be one of a table.
    """

    header: bool | None = None
    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    quote: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        for name in ("delimiter", "decimal", "thousands", "quote"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, WORDS.get(given, given))
        _check_one_of(self, "decimal", (".", ","), ". or ,")
        _check_one_of(self, "thousands", ("", *GROUPS), "none, or one of , . ' and a blank")
        _check_one_of(self, "quote", ("", '"', "'"), "\", ' or none")
        if self.delimiter is not None:
            good = len(self.delimiter) == 1 and not re.match(r"[\w\"'.\n\r+-]", self.delimiter)
            check(
                good, "delimiter", "one character such as , or ;, or tab or blanks", self.delimiter
            )
        if self.decimal is not None:
            words = f"another character than decimal, {self.decimal!r}"
            check(self.thousands != self.decimal, "thousands", words, self.thousands)
        if self.encoding is not None:
            object.__setattr__(self, "encoding", _encoding_name(self.encoding))

    @property
    def of_text(self) -> dict[str, str]:
        """What is set of it and makes sense for text files alone."""
        return {name: value for name, value in self.to_dict().items() if name != "header"}

    def to_dict(self) -> dict[str, Any]:
        """Return what is decided, for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Rebuild a reading from the result of `to_dict`."""
        return cls(**record)

    def in_words(self) -> str:
        """Describe what is decided, for people."""
        if self.delimiter is None:
            return "typed columns"
        names = {value: word for word, value in reversed(WORDS.items())}
        cells = names.get(self.delimiter, self.delimiter) + " between cells"
        parts = [cells, f"decimal {names.get(self.decimal or '.', self.decimal)}"]
        if self.thousands:
            parts.append(f"thousands by {names.get(self.thousands, repr(self.thousands))}")
        if self.quote:
            parts.append(f"quotes {self.quote}")
        return ", ".join([*parts, str(self.encoding)])


def _check_one_of(reading: Reading, name: str, known: Sequence[str], words: str) -> None:
    value = getattr(reading, name)
    check(value is None or value in known, name, words, value)


def _encoding_name(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "a".encode(name)  # a LookupError where it is an encoding of bytes
    except (LookupError, ValueError):
        name = ""
    check(bool(name), "encoding", "an encoding of text, such as utf-8, utf-16 or latin-1", encoding)
    return name


def find_encoding(content: bytes) -> str | None:
    """Find the encoding of a text: UTF-8 if it can be, then UTF-16, then that of Windows.

    Args:
      content: the whole text.

    Returns:
      The name that Python has for the encoding, or `None` if these bytes are no text.
    """
    for mark, name in BOMS.items():
        if content.startswith(mark):
            return name
    start = content[: 1 << 16]
    zeros = [start[i::2].count(0) for i in (0, 1)]
    if max(zeros) > 0.4 * (len(start) // 2) and min(zeros) <= 0.01 * len(start):
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    if re.search(rb"[\0-\x08\x0e-\x1f]", start):
        return None
    return next(name for name in ("utf-8", "cp1252", "latin-1") if _decodes(content, name))


def _decodes(content: bytes, encoding: str) -> bool:
    decoder, step = codecs.getincrementaldecoder(encoding)(), 1 << 20
    try:
        for start in range(0, len(content), step):
            decoder.decode(content[start : start + step])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


class Layout(NamedTuple):
    """How the cells lie in a text.

    Attributes:
      delimiter: what stands between them.
      quote: what stands around some; empty for nothing.
      start: the number of lines before the first line of the table.
      after: the number of lines before its second line.
      first: the cells of the first line.
      rows: the cells of the rows below, as far as the sample goes.
      comment: the cells of a comment right above the table, if it has one for each column.
      good: the share of the rows that have as many cells as most of them.
    """

    delimiter: str
    quote: str
    start: int
    after: int
    first: list[str]
    rows: list[list[str]]
    comment: list[str]
    good: float

    @property
    def width(self) -> int:
        """The number of cells of a row."""
        return len(self.rows[0]) if self.rows else len(self.first)


def find_layout(sample: str, delimiter: str | None, quote: str | None) -> Layout:
    """Find the delimiter, the quote and the first line of a table.

    A delimiter fits if most rows have the same number of cells, two or more. Of several that fit,
    the one is right that makes the most cells numbers.

    Args:
      sample: the beginning of the text, in whole lines that end with a line feed.
      delimiter: what is known of it.
      quote: what is known of it.

    Returns:
      The layout.
    """
    comments = re.match(r"(?:[ \t]*(?:(?:#|%|//)[^\n]*)?\n)*", sample)
    begin = comments.end() if comments else 0
    if match := re.compile(r"sep=(.)\n").match(sample, begin):
        delimiter, begin = delimiter or match[1], match.end()
    table, above = sample[begin:], sample[:begin]
    if delimiter is None:
        delimiter = _find_delimiter(table[: table.find("\n", GLANCE) + 1 or len(table)], quote)
    found = _lay_out(table, delimiter, quote)
    lines = above.count("\n")
    last = re.sub(r"^\s*(#|%|//)+\s*", "", above.rstrip("\n").rpartition("\n")[2])
    comment = next(iter(read_records(last, found.delimiter, found.quote)), (0, []))[1]
    fits = found.start == 0 and len(comment) == found.width > 1 and not above.endswith("\n\n")
    return found._replace(
        start=found.start + lines, after=found.after + lines, comment=comment if fits else []
    )


def read_records(text: str, delimiter: str, quote: str) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a text with the standard library's reader; blank lines are left out.

    Args:
      text: lines that end with a line feed.
      delimiter: what stands between cells; a blank is any number of blanks and tabs.
      quote: what stands around some cells; empty for nothing.

    Yields:
      The number of lines up to the end of the row, and its cells without blanks around them.
    """
    csv.field_size_limit(LONGEST_CELL)
    lines: Iterator[str] = iter(io.StringIO(text, newline="\n"))
    if delimiter == " ":
        lines = (line.strip().replace("\t", " ") + "\n" for line in lines)
    style: Any = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, **style)
    for cells in reader:
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield reader.line_num, cells


def _find_quote(sample: str, delimiter: str) -> str:
    """Return the quote around cells: the double one, unless more stand in single ones."""
    sign = r"[ \t]" if delimiter == " " else re.escape(delimiter)
    single, double = (
        len(
            re.findall(
                rf"(?:^|{sign})[ \t]*{q}(?:[^{q}\n]|{q}{q})*{q}[ \t]*(?={sign}|$)", sample, re.M
            )
        )
        for q in ("'", '"')
    )
    return "'" if single > double else '"'


def _find_delimiter(sample: str, quote: str | None) -> str:
    for tier in TIERS:
        found = [_lay_out(sample, each, quote) for each in tier]
        if fitting := [each for each in found if _fits(each)]:
            best = max(fitting, key=_rank)
            blanks = _lay_out(sample, " ", quote)
            commas = best.delimiter == "," and _holds_decimal_commas(blanks)
            split = blanks.start < best.start or commas or _holds_lists(best)
            better = split and _fits(blanks)
            return " " if better else best.delimiter
    usual = max(TIERS[0], key=sample.count)
    return usual if usual in sample else ","


def _fits(layout: Layout) -> bool:
    if layout.width < 2 or layout.good < FEWEST:
        return False
    cells = [cell for row in (layout.first, *layout.rows) for cell in row]
    others = [cell for cell in cells if re.search(r"[,;|]", cell) and not looks_numeric(cell)]
    return layout.delimiter in TIERS[0] or len(others) <= (1 - FEWEST) * len(cells)


def _rank(layout: Layout) -> tuple[bool, float, int]:
    """Return what makes a layout better than another that fits."""
    cells = [cell for row in layout.rows or [layout.first] for cell in row]
    numbers = sum(map(looks_numeric, cells)) / len(cells)
    return layout.start == 0, round(numbers, 2), -TIERS[0].find(layout.delimiter)


def _holds_decimal_commas(layout: Layout) -> bool:
    """Return whether every comma in the cells of a layout by blanks stands within a number."""
    cells = [cell for row in layout.rows for cell in row if "," in cell and " " not in cell]
    return bool(cells) and all(map(looks_numeric, cells))


def _holds_lists(layout: Layout) -> bool:
    """Return whether most cells of a column are several numbers with blanks between them."""
    rows = layout.rows or [layout.first]
    lists = [[_is_list(cell) for cell in row] for row in rows]
    return any(sum(column) >= FEWEST * len(rows) for column in zip(*lists, strict=True))


def _is_list(cell: str) -> bool:
    parts = cell.split()
    several = len(parts) > 1 and not looks_numeric(cell)
    return several and all(looks_numeric(part) or part == "?" for part in parts)


def _lay_out(sample: str, delimiter: str, quote: str | None) -> Layout:
    """Return the layout of a text by a delimiter; lines before the table have other lengths."""
    if quote is None:
        quote = _find_quote(sample[:GLANCE], delimiter)
    ends: list[tuple[int, list[str]]] = [(0, [])]
    ends += itertools.islice(read_records(sample, delimiter, quote), LOOK)
    if len(ends) == 1:
        return Layout(delimiter, quote, 0, 0, [], [], [], 0.0)
    widths = Counter(len(cells) for _, cells in ends[1:])
    wide = [width for width in widths if width > 1] or [1]
    width = max(wide, key=lambda each: (widths[each], each))
    least = min(width, 2)
    begin = next(
        (
            place
            for place, (_, cells) in enumerate(ends)
            if len(cells) == width and sum(map(bool, cells)) >= least
        ),
        1,
    )
    first, rest = ends[begin][1], ends[begin + 1 :]
    if _lacks_one(ends[begin - 1][1], width):
        begin, rest = begin - 1, ends[begin:]
        first = _completed(ends[begin][1], [cells for _, cells in rest])
    rows = [cells for _, cells in rest if len(cells) == width]
    good = (len(rows) + 1) / (len(rest) + 1)
    return Layout(delimiter, quote, ends[begin - 1][0], ends[begin][0], first, rows, [], good)


def _lacks_one(cells: list[str], width: int) -> bool:
    """Return whether a line has one cell fewer than the rows below, and can be their names."""
    return 1 < len(cells) == width - 1 and all(cells) and not any(map(looks_numeric, cells))


def _completed(names: list[str], rows: list[list[str]]) -> list[str]:
    """Add an empty name for the names of rows, as R writes them, or for an empty last column."""
    trailing = all(not cells[-1] for cells in rows)
    return [*names, ""] if trailing else ["", *names]
