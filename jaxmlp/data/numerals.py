"""How a file writes numbers: its decimal sign, and what groups the digits of long numbers."""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from jaxmlp.data.gaps import is_gap
from jaxmlp.errors import InputError

GROUPS = (",", ".", " ", "'", "\u2019", "\u00a0", "\u202f", "\u2009")  # that thousands are set by
SIGNS = (",", ".")
ENOUGH = 10  # numbers such as 1.234, all with three digits at their end, show that these are groups

_PLAIN = re.compile(r"[-+]?(\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_ONE_SIGN = re.compile(r"[-+]?(\d*)([.,])(\d*)([eE][-+]?\d+)?", re.ASCII)
_GROUPED = re.compile(
    r"[-+]?\d{1,3}(?:([,.'\u2019 \u00a0\u202f\u2009])\d{3})(?:\1\d{3})*(?:([.,])\d*)?", re.ASCII
)
_INDIAN = re.compile(r"[-+]?\d{1,2}(,)(?:\d{2},)+\d{3}(?:(\.)\d*)?", re.ASCII)


class Numeral(NamedTuple):
    """What one cell says about numbers.

    Attributes:
      decimal: the decimal sign that it shows.
      thousands: what groups its digits.
      either: the sign in it that may be one or the other, as in `1,234`.
      digits: the number of digits, if it has no sign at all.
    """

    decimal: str | None = None
    thousands: str | None = None
    either: str | None = None
    digits: int = 0


def read_numeral(cell: str) -> Numeral | None:
    """Find out what a cell says about numbers.

    Args:
      cell: a cell, without blanks around it.

    Returns:
      What it says; `None` if it is no number in any notation.
    """
    if match := _PLAIN.fullmatch(cell):
        return Numeral(digits=len(match[1]))
    if match := _ONE_SIGN.fullmatch(cell):
        whole, sign, fraction, exponent = match.groups()
        if not fraction and (sign == "," or not whole):
            return None
        short = 1 <= len(whole) <= 3 and not whole.startswith("0") and len(fraction) == 3
        return Numeral(either=sign) if short and not exponent else Numeral(decimal=sign)
    match = _GROUPED.fullmatch(cell) or _INDIAN.fullmatch(cell)
    if match and match[1] != match[2]:
        implied = {",": ".", ".": ","}.get(match[1])
        return Numeral(match[2] or implied, match[1])
    return None


def looks_numeric(cell: str) -> bool:
    """Return whether a cell is a number in any notation."""
    return read_numeral(cell) is not None


class Evidence(NamedTuple):
    """What a column of numbers shows: how many of its cells show each sign in each role."""

    name: str
    decimal: Counter[str]
    thousands: Counter[str]
    either: Counter[str]
    short: int  # whole numbers of up to three digits
    long: int  # longer ones, whose digits are not grouped
    example: str  # a cell that can be read in two ways


def find_numerals(
    columns: Sequence[tuple[str, Sequence[str]]],
    delimiter: str,
    decimal: str | None,
    thousands: str | None,
    where: str,
) -> tuple[str, str]:
    """Decide the decimal sign and the sign of thousands from all columns of numbers.

    A cell such as `1,234` can be read in two ways. The other cells decide: one such as `0,5` has a
    decimal comma, one such as `1,234.5` has commas between thousands.

    Args:
      columns: the name and the cells of each column.
      delimiter: what stands between the cells of the file.
      decimal: what is known of it.
      thousands: what is known of it.
      where: the name of the table in a message.

    Returns:
      The decimal sign, and the sign of thousands, or an empty text where there is none.

    Raises:
      InputError: if numbers can be read in two ways, and nothing decides.
    """
    shown = [seen for name, cells in columns if (seen := _evidence(name, cells))]
    if decimal is None and thousands in SIGNS:
        decimal = {",": ".", ".": ","}[thousands]
    if decimal is None:
        decimal = _find_decimal(shown, delimiter, where)
    if thousands is None:
        groups: Counter[str] = Counter()
        for seen in shown:
            groups.update({sign for sign in (seen.thousands + seen.either) if sign != decimal})
        thousands = max(groups, key=groups.__getitem__, default="")
    return decimal, thousands


def _evidence(name: str, cells: Sequence[str]) -> Evidence | None:
    """Return what a column shows; `None` if most of its cells are no numbers."""
    given = [cell for cell in cells if not is_gap(cell)]
    if all(map(str.isdecimal, given)):
        return None
    known = Counter(numeral for cell in given if (numeral := read_numeral(cell)))
    if 2 * known.total() < len(given):
        return None
    decimal, thousands, either = (
        Counter({sign: _count(known, role, sign) for sign in GROUPS if _count(known, role, sign)})
        for role in range(3)
    )
    short = sum(count for numeral, count in known.items() if 1 <= numeral.digits <= 3)
    long = sum(count for numeral, count in known.items() if numeral.digits > 3)
    example = next((cell for cell in given if (n := read_numeral(cell)) and n.either), "")
    return Evidence(name, decimal, thousands, either, short, long, example)


def _count(known: Counter[Numeral], role: int, sign: str) -> int:
    """Return how many numerals have a sign in one of its roles."""
    return sum(count for numeral, count in known.items() if numeral[role] == sign)


def _find_decimal(shown: list[Evidence], delimiter: str, where: str) -> str:
    """Return the decimal sign that most columns show."""
    votes = Counter(
        seen.decimal.most_common(1)[0][0]
        for seen in shown
        if seen.decimal and not seen.decimal.keys() > {",", "."}
    )
    if votes[","] != votes["."]:
        return max(SIGNS, key=votes.__getitem__)
    if votes["."]:
        return "." if delimiter == "," else ","
    doubtful = [seen for seen in shown if seen.either]
    if not doubtful:
        return "."
    found = {sign for seen in doubtful if (sign := _from_one_column(seen, delimiter))}
    if len(found) == 1:
        return found.pop()
    seen = doubtful[0]
    whole = seen.example.replace(",", "").replace(".", "")
    raise InputError(
        f"{where}: column {seen.name!r}: {seen.example} may be {whole} or"
        f" {seen.example.replace(',', '.')}: say which sign is the decimal one (--decimal)"
    )


def _from_one_column(seen: Evidence, delimiter: str) -> str | None:
    """Return the decimal sign of a column all of whose signs stand before three last digits."""
    if len(seen.either) > 1:
        return None
    (sign, count), *_ = seen.either.items()
    other = "." if sign == "," else ","
    groups = count >= ENOUGH and seen.short > 0 and seen.long == 0
    if sign == ",":
        return other if delimiter == "," or groups else None
    if delimiter == ";" and seen.long == 0:
        return other if groups else None
    return sign


def numbers_of(column: Any, decimal: str = ".", thousands: str = "") -> Any:
    """Read the cells of a column of text as numbers.

    Args:
      column: texts, without blanks around them.
      decimal: the decimal sign.
      thousands: what groups the digits of long numbers; empty for nothing.

    Returns:
      A column of `float64`, with null where a cell is no number in this notation. Where all cells
      are numbers or infinite, it holds the infinities too, so that a message can name them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if decimal == "." and not thousands:
        with suppress(pa.ArrowInvalid):  # a quick way if all are numbers
            return column.cast(pa.float64())
    group, sign = re.escape(thousands), re.escape(decimal)
    whole = rf"(\d+|\d{{1,3}}({group}\d{{3}})+)" if thousands else r"\d+"
    if thousands == ",":  # also as in India
        whole = rf"({whole}|\d{{1,2}}(,\d{{2}})+,\d{{3}})"
    form = rf"^[-+]?({whole}({sign}\d*)?|{sign}\d+)([eE][-+]?\d+)?$"
    good = pc.match_substring_regex(column, form)
    column = pc.if_else(good, column, pa.scalar(None, pa.string()))
    if thousands:
        column = pc.replace_substring(column, thousands, "")
    if decimal != ".":
        column = pc.replace_substring(column, decimal, ".")
    return pc.utf8_ltrim(column, "+").cast(pa.float64())
