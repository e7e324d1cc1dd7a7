"""What the cells of a table mean: gaps, numbers, numbers with a unit, texts."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.data import numerals
from jaxmlp.data.dialects import Reading
from jaxmlp.data.gaps import MARKERS
from jaxmlp.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

CURRENCIES = "AUD|CAD|CHF|CNY|DKK|EUR|GBP|INR|JPY|NOK|NZD|PLN|Rs|SEK|US|USD"


class Notation(NamedTuple):
    """How numbers and gaps are written in a table.

    Attributes:
      decimal: the sign before the fraction, `.` or `,`.
      thousands: the sign between groups of three digits, or nothing.
      markers: what stands in a cell that holds nothing, in small letters.
    """

    decimal: str = "."
    thousands: str = ""
    markers: tuple[str, ...] = MARKERS

    @classmethod
    def of(cls, reading: Reading, markers: tuple[str, ...] = MARKERS) -> "Notation":
        """Return how a file writes numbers, and what stands in its empty cells."""
        return cls(reading.decimal or ".", reading.thousands or "", markers)


def is_text(kind: Any) -> bool:
    """Return whether a type of pyarrow's is that of text."""
    import pyarrow.types as types

    return types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind)


def trimmed(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return a column of text without blanks around the cells."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(column.cast(pa.string()))


def missing_cells(column: "pa.ChunkedArray", markers: Sequence[str] = MARKERS) -> np.ndarray:
    """Find the cells of a column that hold nothing.

    Args:
      column: a column of any type.
      markers: the texts that stand for nothing, in small letters.

    Returns:
      True for each cell that is null, NaN or a marker, `(rows,)`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    empty = pc.is_null(column, nan_is_null=True)
    if is_text(column.type):
        lower = pc.utf8_lower(trimmed(column))
        empty = pc.or_(empty, pc.is_in(lower, pa.array(markers, pa.string())))
    return empty.to_numpy()


def numbers_of(
    column: "pa.ChunkedArray", gaps: np.ndarray, notation: Notation, unit: str = ""
) -> tuple[np.ndarray, np.ndarray]:
    """Read the cells of a column as numbers.

    Args:
      column: a column of numbers or of text.
      gaps: the cells that hold nothing, `(rows,)`.
      notation: how the table writes numbers.
      unit: what stands before or after each number, as `unit_of` found it.

    Returns:
      The numbers, `float64` `(rows,)`, NaN where there is none, and the cells that hold something
      else, `(rows,)`.

    Raises:
      InputError: if the column holds neither numbers nor text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_text(column.type):
        kinds = ("integer", "floating", "decimal", "boolean", "duration")
        if not any(getattr(pa.types, f"is_{kind}")(column.type) for kind in kinds):
            raise InputError(f"expected numbers, got the type {column.type}")
        if pa.types.is_duration(column.type):
            column = column.cast(pa.duration("us")).cast(pa.int64())
            return floats(column, gaps) / 10**6, np.zeros(len(column), bool)
        return floats(column, gaps), np.zeros(len(column), bool)
    texts = trimmed(column)
    if unit:
        texts = pc.utf8_trim_whitespace(pc.replace_substring(texts, unit, "", max_replacements=1))
    values = numerals.numbers_of(emptied(texts, gaps), notation.decimal, notation.thousands)
    none = pc.is_null(values).to_numpy()
    return floats(values, none), none & ~gaps


def emptied(column: Any, gaps: np.ndarray) -> Any:
    """Return a column with null in some cells, `(rows,)`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pa.array(gaps), pa.scalar(None, column.type), column)


def floats(column: Any, gaps: np.ndarray) -> np.ndarray:
    """Return the cells of a column of numbers as `float64`, NaN where there is none."""
    import pyarrow as pa

    values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.where(gaps, np.nan, values)


def unit_of(column: "pa.ChunkedArray", gaps: np.ndarray) -> str:
    """Return what stands beside the number in every cell of a column of text, such as `$` or `kg`.

    Before the number it is a sign or the code of a currency: `A1` is no number with a unit.

    Args:
      column: a column of text.
      gaps: the cells that hold nothing.

    Returns:
      The unit; empty if the cells are no numbers with a common unit.
    """
    import pyarrow.compute as pc

    texts = pc.unique(trimmed(column).filter(~gaps))
    rest = pc.unique(
        pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, r"[-+]?\d[\d.,' ]*", "#"))
    )
    if len(rest) != 1:
        return ""
    form = rest[0].as_py()
    unit = form.replace("#", "", 1).strip()
    before = form.endswith("#") and re.fullmatch(rf"\W+|({CURRENCIES})\W*", unit)
    good = unit and "#" not in unit and len(unit) <= 12 and (form.startswith("#") or before)
    return unit if good else ""


def texts_of(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return the cells of a column as texts; whole numbers have no decimal point."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_text(column.type):
        return trimmed(column)
    if pa.types.is_floating(column.type):
        whole = pc.all(pc.equal(column, pc.round(column))).as_py()
        column = column.cast(pa.int64(), safe=False) if whole else column
    return column.cast(pa.string())
