"""Read dates and times of a table as numbers: the days since 1970, the year, the month, ..."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.cells import emptied, floats, is_text, trimmed
from jaxmlp.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

DAY = 86_400 * 10**6  # microseconds
PARTS = ("days", "year", "month", "weekday", "hour")
DATES = (
    *("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *(
        "%d-%b-%Y",
        "%b-%d-%Y",
        "%d %b %Y",
        "%b %d %Y",
        "%b %d, %Y",
        "%d %B %Y",
        "%B %d, %Y",
        "%B %d %Y",
    ),
    *("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%y", "%d-%B-%Y"),
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
MONTHS = {"%Y-%m": "-%d", "%Y/%m": "/%d", "%b %Y": " %d", "%B %Y": " %d", "%b-%Y": " %d"}
TIMES_OF_DAY = ("%H:%M", "%H:%M:%S", "%I:%M %p")
ISO = "ISO 8601"
_ISO = r"\d{4}-\d\d-\d\d([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?"
_ZONE = r"(Z|[+-]\d\d:?\d\d)"
_FIELDS = {
    "%Y": r"\d{4}",
    "%y": r"\d{2}",
    "%m": r"\d{1,2}",
    "%d": r"(?P<day>\d{1,2})",
    "%b": "[A-Za-z]{3}",
    "%B": "[A-Za-z]{3,9}",
    "%H": r"\d{1,2}",
    "%I": r"\d{1,2}",
    "%M": r"\d{2}",
    "%S": r"\d{2}",
    "%p": "[AaPp][Mm]",
}


def time_format(column: "pa.ChunkedArray", gaps: np.ndarray) -> str:
    """Return the format in which every cell of a column of text is a date or a time.

    Where all cells fit both, month/day/year goes before day/month/year.

    Args:
      column: a column of text.
      gaps: the cells that hold nothing.

    Returns:
      `ISO 8601`, a format of `strptime`, or "" if there is none.
    """
    texts = trimmed(column).filter(~gaps)
    if len(texts) == 0:
        return ""
    clocks = [date + clock for date in DATES for clock in CLOCKS]
    for form in (ISO, *clocks, *MONTHS, *TIMES_OF_DAY):
        few = texts.slice(0, 100)
        if _matches(few, form) and _matches(texts, form) and not _parsed(texts, form).null_count:
            return form
    return ""


def _matches(texts: Any, form: str) -> bool:
    import pyarrow.compute as pc

    if form == ISO:
        return any(
            pc.all(pc.match_substring_regex(texts, f"^{p}$")).as_py() for p in (_ISO, _ISO + _ZONE)
        )
    return bool(pc.all(pc.match_substring_regex(texts, f"^{_pattern(form)}$")).as_py())


def _parsed(texts: Any, form: str) -> Any:
    """Return times in microseconds, null where a text is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if form == ISO:
        good = pc.match_substring_regex(texts, f"^{_ISO}{_ZONE}?$")
        texts = pc.if_else(good, texts, pa.scalar(None, pa.string()))
        zoned = pc.any(
            pc.match_substring_regex(texts, rf":\d\d(\.\d+)?{_ZONE}$|\d\d:\d\d{_ZONE}$")
        ).as_py()
        real = _parsed(pc.utf8_slice_codeunits(texts, 0, 10), "%Y-%m-%d")
        texts = pc.if_else(pc.is_null(real), pa.scalar(None, pa.string()), texts)
        times = texts.cast(pa.timestamp("us", "UTC" if zoned else None))
        return times.cast(pa.timestamp("us")) if zoned else times
    if form in MONTHS:
        end = MONTHS[form]
        texts = pc.binary_join_element_wise(texts, end.replace("%d", "01"), "")
        form += end
    if form in TIMES_OF_DAY:
        texts, form = pc.binary_join_element_wise("1970-01-01 ", texts, ""), "%Y-%m-%d " + form
    times = pc.strptime(texts, format=form, unit="us", error_is_null=True)
    if "%d" in form:  # a 31st of February would become a day of March
        day = pc.struct_field(pc.extract_regex(texts, f"^{_pattern(form)}$"), "day")
        day = day.cast(pa.int64())
        times = pc.if_else(pc.equal(day, pc.day(times)), times, pa.scalar(None, times.type))
    return times


def _pattern(form: str) -> str:
    """Return the pattern of the texts that have a format of `strptime`."""
    plain = re.escape(form).replace(r"\ ", " ")
    return re.sub("%[a-zA-Z]", lambda field: _FIELDS[field[0]], plain)


def times_of(
    column: "pa.ChunkedArray", gaps: np.ndarray, form: str, where: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Read the cells of a column as dates and times.

    Args:
      column: a column of dates, of times, or of text.
      gaps: the cells that hold nothing, `(rows,)`.
      form: the format of text, as `time_format` found it.
      where: the name of the column in a message.

    Returns:
      The cells that hold something else, `(rows,)`, and `float64` numbers `(rows,)` for each of
      `PARTS`: days since 1970 with their fraction, the year, the month from 1, the day of the week
      with Monday 0, and the hour with its fraction. NaN where a cell holds nothing.

    Raises:
      InputError: if the column holds neither times nor text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if is_text(kind):
        times = _parsed(emptied(trimmed(column), gaps), form or ISO)
    elif pa.types.is_time(kind):
        times = column.cast(pa.time64("us")).cast(pa.int64()).cast(pa.timestamp("us"))
    elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        times = column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False)
        times = times.cast(pa.timestamp("us"))
    else:
        raise InputError(f"{where}: expected dates or times, got the type {kind}")
    since = times.cast(pa.int64())
    clock = pc.subtract(since, pc.floor_temporal(times, unit="day").cast(pa.int64()))
    found = {
        "days": floats(since, gaps) / DAY,
        **{
            name: floats(part(times), gaps)
            for name, part in (("year", pc.year), ("month", pc.month), ("weekday", pc.day_of_week))
        },
        "hour": floats(clock, gaps) / (DAY / 24),
    }
    return pc.is_null(times).to_numpy() & ~gaps, found


def is_time(kind: Any) -> bool:
    """Return whether a type of pyarrow's is that of dates or times."""
    import pyarrow.types as types

    return types.is_temporal(kind) and not types.is_duration(kind)


def is_time_of_day(kind: Any, form: str) -> bool:
    """Return whether times have no date: by their type, or by the format of text."""
    import pyarrow.types as types

    return form in TIMES_OF_DAY or types.is_time(kind)
