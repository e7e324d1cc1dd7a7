"""The layout of a text table: its delimiter, its quote, and where its rows begin."""

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from jaxmlp.data.numerals import looks_numeric

TIERS = ("\t;|,", " ", ":^~")  # delimiters; those of a tier are tried where no earlier one fits
GLANCE = 1 << 16  # letters that decide the delimiter and the quote
LOOK = 5_000  # rows that decide what is in the cells
FEWEST = 0.8  # of the rows have as many cells as most rows, if the delimiter is right
LONGEST_CELL = 2**31 - 1


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
      above: the cells of a line of another length right above the table.
      good: the share of the rows that have as many cells as most of them.
    """

    delimiter: str
    quote: str
    start: int
    after: int
    first: list[str]
    rows: list[list[str]]
    comment: list[str]
    above: list[str]
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
            worse = best.start > blanks.start or best.good < blanks.good or _holds_lists(best)
            better = _fits(blanks) and (commas or worse)
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
        return Layout(delimiter, quote, 0, 0, [], [], [], [], 0.0)
    widths = Counter(len(cells) for _, cells in ends[1:])
    wide = [width for width in widths if width > 1] or [1]
    width = max(wide, key=lambda each: (widths[each], each))
    least = 2 if width > 2 else 1  # a title may be padded with delimiters
    begin = next(
        (
            place
            for place, (_, cells) in enumerate(ends)
            if len(cells) == width and sum(map(bool, cells)) >= least
        ),
        1,
    )
    first, rest = ends[begin][1], ends[begin + 1 :]
    names = _names_above(ends[begin - 1][1], [first, *(cells for _, cells in rest)])
    if names:
        begin, first, rest = begin - 1, names, ends[begin:]
    rest = [end for end in rest if len(end[1]) == width or re.search(r"\w", "".join(end[1]))]
    rows = [cells for _, cells in rest if len(cells) == width]
    good = (len(rows) + 1) / (len(rest) + 1)
    start, after = ends[begin - 1][0], ends[begin][0]
    above = ends[begin - 1][1] if after == start + 1 else []
    return Layout(delimiter, quote, start, after, first, rows, [], above, good)


def _names_above(cells: list[str], rows: list[list[str]]) -> list[str]:
    """Return the names of the columns in a line with one cell more or fewer than the rows below.

    R writes no name above the names of the rows; where each line ends in a delimiter, the names or
    the rows may not.
    """
    if any(map(looks_numeric, cells)):
        return []
    width = len(rows[0])
    if len(cells) == width + 1 and not cells[-1]:
        return cells[:-1]
    if not 1 < len(cells) == width - 1 or not all(cells):
        return []
    trailing = all(not row[-1] for row in rows if len(row) == width)
    return [*cells, ""] if trailing else ["", *cells]
