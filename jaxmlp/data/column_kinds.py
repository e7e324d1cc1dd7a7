"""Decide how each column of a training table is read: as numbers, categories, times, or not at all.

Nothing is filled, taken apart or left out without a line that says so.
"""

import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.data.cells import (
    PARTS,
    Notation,
    is_text,
    is_time,
    missing_cells,
    numbers_of,
    texts_of,
    time_format,
    times_of,
    unit_of,
)
from jaxmlp.data.columns import Column, refuse_cell
from jaxmlp.data.table_options import TableOptions
from jaxmlp.errors import listed, naming

if TYPE_CHECKING:
    import pyarrow as pa

FEW = 20  # different values that are categories in a table of any size
MOST_CATEGORIES = 1000  # of one column; each becomes an input
LEAST_SHARE = 0.5  # of cells that are numbers, in a column of numbers
SURE_SHARE = 0.95  # the same, where the other cells are of many kinds
MOST_ODD = 3  # different texts that may stand among numbers
ODD_SHARE = 0.02  # of such texts, if they are categories and no mistakes
LONG = 40  # letters of a text that is read and not looked up
IDENTIFIER = re.compile(
    r"(unnamed(: ?\d+)?|row ?names?|rownum|index|idx|id|key|uuid|guid|serial|x"
    r"|.*[ _.-](id|idx|uuid)|id[ _.-].*|.*[a-z](Id|ID|Idx)|(case|obs)([ _.-]?(no|number))?)?",
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


def read_as(
    cells: "pa.ChunkedArray",
    name: str,
    rows: np.ndarray,
    options: TableOptions,
    notation: Notation,
    where: str,
) -> Reading:
    """Decide how a column becomes inputs.

    The first that fits counts: nothing or always the same (left out), dates and times, numbers,
    numbers with a unit (left out), a different value in every row (left out), texts longer than
    40 letters or of which most differ (left out), categories. A column of which most cells are
    numbers is one of numbers with bad cells, unless its different values are few and each is
    frequent, such as `0`, `1`, `2` and `3+`.

    Args:
      cells: the column.
      name: its name.
      rows: the training part, to which medians and categories are fitted.
      options: what the user says of the table.
      notation: how it writes numbers and gaps.
      where: the name of the table in a message.

    Returns:
      The decision.

    Raises:
      InputError: if a cell of a column of numbers is none; names its row.
    """
    here = f"{where}: column {name!r}"
    gaps = missing_cells(cells, notation.markers)
    kept = name in (*options.keep, *options.categorical, *options.numeric)
    if gaps.all():
        return _left_out(name, "every cell is empty")
    if name in options.categorical:
        return _as_category(cells, name, gaps, rows)
    if name in options.numeric:
        unit = unit_of(cells, gaps) if is_text(cells.type) else ""
        return _as_number(cells, name, gaps, rows, notation, here, unit)
    values = cells.filter(~gaps)
    different = len(values.unique())
    if different == 1 and not kept and not gaps.any():
        return _left_out(name, f"every cell is {_shown(values[0])}", name)
    if is_time(cells.type):
        return _as_time(cells, name, gaps, rows, "", here)
    if is_text(cells.type):
        return _read_text(cells, name, gaps, rows, notation, here, kept)
    if str(cells.type) == "bool":
        return _as_category(cells, name, gaps, rows)
    return _read_numbers(cells, name, gaps, rows, notation, here, kept)


def _read_text(
    cells: Any,
    name: str,
    gaps: np.ndarray,
    rows: np.ndarray,
    notation: Notation,
    where: str,
    kept: bool,
) -> Reading:
    texts = texts_of(cells).filter(~gaps)
    _, bad = numbers_of(cells, gaps, notation)
    share = 1 - bad.sum() / len(texts)
    if share == 1 and not _are_codes(texts):
        return _read_numbers(cells, name, gaps, rows, notation, where, kept)
    odd = cells.filter(bad).unique().to_pylist()
    mixed = share >= LEAST_SHARE and len(odd) <= MOST_ODD
    if mixed and 1 - share >= ODD_SHARE and len(texts.unique()) <= min(FEW, len(texts) // 3):
        found = _as_category(cells, name, gaps, rows)
        line = f"{name}: each value is a category, since {_listed(odd)} among them are no numbers"
        return found._replace(line="; ".join(filter(None, (line, found.line))))
    if mixed or SURE_SHARE <= share < 1:
        hint = f"; --missing {{cell}} reads it as a gap, --categorical {_quoted(name)} takes all"
        refuse_cell(cells, bad, where, "a number", hint)
    form = time_format(cells, gaps)
    if form:
        return _as_time(cells, name, gaps, rows, form, where)
    if not kept:
        unit = unit_of(cells, gaps)
        if unit:
            sample = _shown(texts[0])
            reason = f"numbers with the unit {unit!r}, such as {sample}"
            return _left_out(name, reason, name, "--numeric")
        reason = _why_no_category(texts, name)
        if reason:
            return _left_out(name, reason, name)
    return _as_category(cells, name, gaps, rows)


def _are_codes(texts: Any) -> bool:
    """Return whether numbers are written with zeros before them, as codes are: `00501`."""
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(texts, r"^0\d")).as_py())


def _why_no_category(texts: Any, name: str) -> str:
    """Return why texts are no categories, or nothing."""
    import pyarrow.compute as pc

    rows, different = len(texts), len(texts.unique())
    if different == rows and rows > 4:
        words = pc.mean(pc.count_substring(texts, " ")).as_py()
        return "free text" if words >= 3 else "an identifier, with another value in every row"
    if different > FEW and pc.mean(pc.utf8_length(texts)).as_py() > LONG:
        return "free text"
    if different > FEW and IDENTIFIER.fullmatch(name) and 2 * different > rows:
        return f"an identifier, with {different:,} different values"
    if different > min(MOST_CATEGORIES, max(FEW, rows // 2)):
        return f"{different:,} different texts in {rows:,} rows"
    return ""


def _read_numbers(
    cells: Any,
    name: str,
    gaps: np.ndarray,
    rows: np.ndarray,
    notation: Notation,
    where: str,
    kept: bool,
) -> Reading:
    if not kept:
        with naming(where):
            values, _ = numbers_of(cells, gaps, notation)
        reason = _why_no_number(values, name)
        if reason:
            return _left_out(name, reason, name)
    return _as_number(cells, name, gaps, rows, notation, where)


def _why_no_number(values: np.ndarray, name: str) -> str:
    """Return why numbers are no quantity but an identifier, or nothing."""
    seen = values[~np.isnan(values)]
    whole = bool(np.isfinite(seen).all() and (seen == np.round(seen)).all())
    if not whole or len(seen) <= 4:
        return ""
    different = len(np.unique(seen))
    named = IDENTIFIER.fullmatch(name) is not None and name.lower() != "x"
    counted = (
        len(seen) == len(values) and abs(seen[0] - 0.5) == 0.5 and bool((np.diff(seen) == 1).all())
    )
    if different == len(seen) and (counted or named):
        return "an identifier, which numbers the rows" if counted else "an identifier"
    if named and different > FEW:
        return f"an identifier, with {different:,} different values"
    return ""


def _as_number(
    cells: Any,
    name: str,
    gaps: np.ndarray,
    rows: np.ndarray,
    notation: Notation,
    where: str,
    unit: str = "",
) -> Reading:
    with naming(where):
        values, bad = numbers_of(cells, gaps, notation, unit)
    refuse_cell(cells, bad, where, "a number", "; --missing {cell} reads it as a gap")
    refuse_cell(
        cells, np.isinf(values), where, "a finite number", "; --missing {cell} reads it as a gap"
    )
    fill, has_gaps, line = _filled(values[rows], gaps, rows, name)
    unit_line = f"{name}: read without its unit {unit!r}" if unit else ""
    column = Column(name, "number", has_gaps, (fill,), unit=unit)
    return Reading(column, line="; ".join(filter(None, (unit_line, line))))


def _filled(
    values: np.ndarray, gaps: np.ndarray, rows: np.ndarray, name: str
) -> tuple[float, bool, str]:
    """Return the median, whether the training part has gaps, and a line about the gaps."""
    seen = values[~np.isnan(values)]
    fill = float(np.median(seen)) if len(seen) else 0.0
    if not gaps.any():
        return fill, False, ""
    has_gaps = bool(gaps[rows].any())
    count = f"{name}: {gaps.sum():,} of {len(gaps):,} cells are missing"
    further = ", and an input that says so" if has_gaps else ""
    return fill, has_gaps, f"{count}: the median of the training part, {fill:.6g}{further}"


def _as_time(
    cells: Any, name: str, gaps: np.ndarray, rows: np.ndarray, form: str, where: str
) -> Reading:
    _, found = times_of(cells, gaps, form, where)
    train = {part: values[rows][~gaps[rows]] for part, values in found.items()}
    varied = [part for part in PARTS if len(np.unique(train[part])) > 1]
    if str(cells.type).startswith("time") or (
        form and "d" not in form and form != "ISO 8601" and "m" not in form
    ):
        varied = [part for part in varied if part == "hour"]  # a time of day
    if varied == ["days", "hour"]:
        varied = ["hour"]
    if not varied:
        return _left_out(name, "every time of the training part is the same", name)
    has_gaps = bool(gaps[rows].any())
    column = Column(
        name,
        "time",
        has_gaps,
        tuple(float(np.median(train[part])) for part in varied),
        parts=tuple(varied),
        form=form,
    )
    written = f" in the form {form}" if form and form != "ISO 8601" else ""
    line = f"{name}: dates or times{written}, as numbers: {', '.join(varied)}"
    if gaps.any():
        line += f"; {gaps.sum():,} missing cells count as the median of the training part"
    return Reading(column, line=line)


def _as_category(cells: Any, name: str, gaps: np.ndarray, rows: np.ndarray) -> Reading:
    texts = texts_of(cells)
    part = texts.take(rows).filter(~gaps[rows])
    categories = tuple(sorted(part.unique().to_pylist()))
    has_gaps = bool(gaps[rows].any())
    line = ""
    if gaps.any():
        own = "a category of their own" if has_gaps else "no category"
        line = f"{name}: {gaps.sum():,} of {len(gaps):,} cells are missing: {own}"
    if not categories:
        return _left_out(name, "every cell of the training part is empty", name)
    return Reading(Column(name, "category", has_gaps, categories=categories), line=line)


def _left_out(name: str, reason: str, option_for: str = "", option: str = "--keep") -> Reading:
    remedy = f" ({option} {_quoted(option_for)} takes it)" if option_for else ""
    return Reading(None, reason, f"{name}: left out: {reason}{remedy}")


def _listed(texts: Sequence[str]) -> str:
    return listed([repr(text) for text in texts], MOST_ODD)


def _shown(cell: Any) -> str:
    value = cell.as_py()
    return repr(value) if isinstance(value, str) else str(value)


def _quoted(name: str) -> str:
    return shlex.quote(name)


def decide(
    table: "pa.Table",
    names: Sequence[str],
    rows: np.ndarray,
    options: TableOptions,
    notation: Notation,
    where: str,
) -> dict[str, Reading]:
    """Decide how each of some columns becomes inputs; see `read_as`.

    A column that numbers the rows is taken all the same if it is the only one.

    Args:
      table: the table.
      names: the columns.
      rows: the training part.
      options: what the user says of the table.
      notation: how it writes numbers and gaps.
      where: the name of the table in a message.

    Returns:
      The decision for each column.

    Raises:
      InputError: if a cell of a column of numbers is none.
    """
    found = {name: read_as(table[name], name, rows, options, notation, where) for name in names}
    if len(names) == 1 and "numbers the rows" in found[names[0]].reason:
        kept = TableOptions(keep=tuple(names), missing=options.missing)
        return {name: read_as(table[name], name, rows, kept, notation, where) for name in names}
    return found
