"""Decide how each column of a training table is read: as numbers, categories, times, or not at all.

Nothing is filled, taken apart or left out without a line that says so.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.data.cells import (
    Notation,
    is_text,
    missing_cells,
    numbers_of,
    texts_of,
    unit_of,
)
from jaxmlp.data.column import Column, refuse_cell
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.times import PARTS, is_time, is_time_of_day, time_format, times_of
from jaxmlp.errors import listed, naming

if TYPE_CHECKING:
    import pyarrow as pa

FEW = 20  # different values that are categories in a table of any size
MOST_CATEGORIES = 1000  # of one column; each becomes an input
LEAST_SHARE = 0.5  # of cells that are numbers, in a column of numbers
SURE_SHARE = 0.95  # the same, where the other cells are of many kinds
MOST_ODD = 3  # different texts that may stand among numbers
ODD_SHARE = 0.01  # of such texts, if they are categories and no mistakes
LONG = 40  # letters of a text that is read and not looked up
AS_A_GAP = "; --missing {cell} reads it as a gap"
COUNTS = "an identifier, which numbers the rows"
IDENTIFIER = (
    r"((?i:unnamed(: ?\d+)?|row ?names?|rownum|index|idx|id|key|uuid|guid|serial"
    r"|.*[ _.-](id|idx|uuid)|id[ _.-].*|(case|obs)([ _.-]?(no|number))?)|.*[a-z](Id|ID|Idx))?"
)


class Reading(NamedTuple):
    """How one column is read, or why it is left out.

    Attributes:
      column: how it becomes inputs; `None` if it is left out.
      reason: why it is left out.
      line: what the user should know; may be empty.
    """

    column: Column | None
    reason: str = ""
    line: str = ""


@dataclass(frozen=True)
class _Subject:
    """A column to decide about.

    Attributes:
      cells: the column.
      name: its name.
      gaps: the cells that hold nothing, `(rows,)`.
      rows: the training part, to which medians and categories are fitted.
      notation: how the table writes numbers and gaps.
      where: the name of the column in a message.
      kept: whether the user wants it as an input.
      unnamed: whether it has the name of an identifier, or none.
    """

    cells: Any
    name: str
    gaps: np.ndarray
    rows: np.ndarray
    notation: Notation
    where: str
    kept: bool
    unnamed: bool

    @property
    def given(self) -> Any:
        """The cells that hold something."""
        return self.cells.filter(~self.gaps)

    @property
    def has_gaps(self) -> bool:
        """Whether cells of the training part hold nothing."""
        return bool(self.gaps[self.rows].any())

    def left_out(self, reason: str, option: str = "--keep") -> Reading:
        """Return that it is no input, with the option that takes it."""
        remedy = f" ({option} {shlex.quote(self.name)} takes it)" if option else ""
        return Reading(None, reason, f"{self.name}: left out: {reason}{remedy}")


def decide(
    table: "pa.Table",
    names: Sequence[str],
    rows: np.ndarray,
    options: TableOptions,
    notation: Notation,
    where: str,
    header: bool,
) -> dict[str, Reading]:
    """Decide how each of some columns becomes inputs.

    The first that fits counts: nothing or always the same (left out), dates and times, numbers,
    numbers with a unit (left out), a different value in every row (left out), texts longer than
    40 letters or of which most differ (left out), categories. A column of which most cells are
    numbers is one of numbers with bad cells, unless its different values are few and each is
    frequent, such as `0`, `1`, `2` and `3+`.

    Args:
      table: the table.
      names: the columns.
      rows: the training part, to which medians and categories are fitted.
      options: what the user says of the table.
      notation: how it writes numbers and gaps.
      where: the name of the table in a message.
      header: whether the table names its columns.

    Returns:
      The decision for each column.

    Raises:
      InputError: if a cell of a column of numbers is none; names its row.
    """

    def subject(name: str) -> _Subject:
        gaps = missing_cells(table[name], notation.markers)
        here = f"{where}: column {name!r}"
        unnamed = is_identifier(name, header)
        return _Subject(table[name], name, gaps, rows, notation, here, name in wanted, unnamed)

    wanted = {*options.keep, *options.categorical, *options.numeric}
    return {name: _read(subject(name), options) for name in names}


def is_identifier(name: str, header: bool) -> bool:
    """Return whether a column has the name of an identifier, or none in a table with a header."""
    pattern = rf"({IDENTIFIER})|column\d+" if header else IDENTIFIER
    return re.fullmatch(pattern, name) is not None


def _read(s: _Subject, options: TableOptions) -> Reading:
    import pyarrow.types as types

    if s.gaps.all():
        return s.left_out("every cell is empty", option="")
    if s.name in options.categorical:
        return _as_category(s)
    text = is_text(s.cells.type)
    if s.name in options.numeric:
        return _as_number(s, unit_of(s.cells, s.gaps) if text else "")
    if not s.kept and not s.gaps.any() and len(s.cells.unique()) == 1:
        return s.left_out(f"every cell is {_shown(s.cells[0])}")
    if is_time(s.cells.type):
        return _as_time(s)
    if types.is_boolean(s.cells.type):
        return _as_category(s)
    return _read_text(s) if text else _read_numbers(s)


def _read_text(s: _Subject) -> Reading:
    texts = texts_of(s.given)
    _, bad = numbers_of(s.cells, s.gaps, s.notation)
    share = 1 - bad.sum() / len(texts)
    if share == 1 and not _are_codes(texts):
        return _read_numbers(s)
    odd = s.cells.filter(bad).unique().to_pylist()
    mixed = share >= LEAST_SHARE and len(odd) <= MOST_ODD
    if mixed and 1 - share >= ODD_SHARE and len(texts.unique()) <= min(FEW, len(texts) // 3):
        found = _as_category(s)
        among = listed([repr(text) for text in odd], MOST_ODD)
        line = f"{s.name}: each value is a category, since {among} among them are no numbers"
        return found._replace(line="; ".join(filter(None, (line, found.line))))
    if mixed or SURE_SHARE <= share < 1:
        takes = f"--categorical {shlex.quote(s.name)} takes all"
        refuse_cell(s.cells, bad, s.where, "a number", f"{AS_A_GAP}, {takes}")
    form = time_format(s.cells, s.gaps)
    if form:
        return _as_time(s, form)
    if not s.kept:
        unit = unit_of(s.cells, s.gaps)
        if unit:
            reason = f"numbers with the unit {unit!r}, such as {_shown(texts[0])}"
            return s.left_out(reason, "--numeric")
        reason = _why_no_category(texts, s.unnamed)
        if reason:
            return s.left_out(reason)
    return _as_category(s)


def _are_codes(texts: Any) -> bool:
    """Return whether numbers are written with zeros before them, as codes are: `00501`."""
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(texts, r"^0\d")).as_py())


def _why_no_category(texts: Any, unnamed: bool) -> str:
    """Return why texts are no categories, or nothing."""
    import pyarrow.compute as pc

    rows, different = len(texts), len(texts.unique())
    if different == rows and rows > 4:
        words = pc.mean(pc.count_substring(texts, " ")).as_py()
        return "free text" if words >= 3 else "an identifier, with another value in every row"
    if different > FEW and pc.mean(pc.utf8_length(texts)).as_py() > LONG:
        return "free text"
    if different > FEW and unnamed and 2 * different > rows:
        return f"an identifier, with {different:,} different values"
    if different > min(MOST_CATEGORIES, max(FEW, rows // 2)):
        return f"{different:,} different texts in {rows:,} rows"
    return ""


def _read_numbers(s: _Subject) -> Reading:
    if not s.kept:
        with naming(s.where):
            values, _ = numbers_of(s.cells, s.gaps, s.notation)
        reason = _why_no_number(values, s.unnamed)
        if reason:
            return s.left_out(reason)
    return _as_number(s)


def _why_no_number(values: np.ndarray, unnamed: bool) -> str:
    """Return why numbers are no quantity but an identifier, or nothing."""
    seen = values[~np.isnan(values)]
    whole = bool(np.isfinite(seen).all() and (seen == np.round(seen)).all())
    if not whole or len(seen) <= 4:
        return ""
    different = len(np.unique(seen))
    counted = len(seen) == len(values) and seen[0] in (0, 1) and bool((np.diff(seen) == 1).all())
    if counted:
        return COUNTS
    if unnamed and different == len(seen):
        return "an identifier"
    if unnamed and different > FEW:
        return f"an identifier, with {different:,} different values"
    return ""


def _as_number(s: _Subject, unit: str = "") -> Reading:
    with naming(s.where):
        values, bad = numbers_of(s.cells, s.gaps, s.notation, unit)
    refuse_cell(s.cells, bad, s.where, "a number", AS_A_GAP)
    refuse_cell(s.cells, np.isinf(values), s.where, "a finite number", AS_A_GAP)
    seen = values[s.rows][~s.gaps[s.rows]]
    fill = float(np.median(seen)) if len(seen) else 0.0
    lines = [f"{s.name}: read without its unit {unit!r}"] if unit else []
    if s.gaps.any():
        further = ", and an input that says so" if s.has_gaps else ""
        lines.append(f"{_missing(s)}: the median of the training part, {fill:.6g}{further}")
    column = Column(s.name, "number", s.has_gaps, (fill,), unit=unit)
    return Reading(column, line="; ".join(lines))


def _as_time(s: _Subject, form: str = "") -> Reading:
    _, found = times_of(s.cells, s.gaps, form, s.where)
    train = {part: values[s.rows][~s.gaps[s.rows]] for part, values in found.items()}
    varied = [part for part in PARTS if len(np.unique(train[part])) > 1]
    if is_time_of_day(s.cells.type, form):
        varied = [part for part in varied if part == "hour"]
    if not varied:
        return s.left_out("every time of the training part is the same")
    fill = tuple(float(np.median(train[part])) for part in varied)
    column = Column(s.name, "time", s.has_gaps, fill, parts=tuple(varied), form=form)
    written = f" in the form {form}" if "%" in form else ""
    line = f"{s.name}: dates or times{written}, as numbers: {', '.join(varied)}"
    if s.gaps.any():
        line += f"; {_missing(s)}: the median of the training part"
    return Reading(column, line=line)


def _as_category(s: _Subject) -> Reading:
    texts = texts_of(s.cells).take(s.rows).filter(~s.gaps[s.rows])
    categories = tuple(sorted(texts.unique().to_pylist()))
    if not categories:
        return s.left_out("every cell of the training part is empty")
    line = ""
    if s.gaps.any():
        line = f"{_missing(s)}: {'a category of their own' if s.has_gaps else 'no category'}"
    return Reading(Column(s.name, "category", s.has_gaps, categories=categories), line=line)


def _missing(s: _Subject) -> str:
    return f"{s.name}: {s.gaps.sum():,} of {len(s.gaps):,} cells are missing"


def _shown(cell: Any) -> str:
    value = cell.as_py()
    return repr(value) if isinstance(value, str) else str(value)
