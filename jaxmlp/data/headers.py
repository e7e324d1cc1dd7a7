"""Decide whether the first line of a CSV table names the columns, or is an example already."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER_PATTERN = r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*"


def number_columns(count: int) -> list[str]:
    """Return names for the columns of a table without a header: `column1`, `column2`, ...

    Args:
      count: the number of columns.

    Returns:
      The names.
    """
    return [f"column{i}" for i in range(1, count + 1)]


def looks_like_example(table: "pa.Table") -> bool:
    """Decide whether the names of a table's columns look like a row of it.

    A name is a cell if it is a number, or if its column holds the same text or number. Numbers that
    ascend may be names, such as wavelengths, unless their columns hold them too. Numbers that count
    from 0 or 1, such as those of pixels, are always names.

    Args:
      table: a table whose first line was taken for the names of its columns.

    Returns:
      True if more than half of the names are cells.
    """
    names = table.column_names
    numbers = [float(name) for name in names if _is_number(name)]
    ascend = numbers == sorted(set(numbers))
    counted = numbers in ([*range(len(numbers))], [*range(1, len(numbers) + 1)])
    cells = 0
    for name, column in zip(names, table.columns, strict=True):
        if _is_number(name) and (counted or not ascend):
            cells += not counted
        else:
            cells += _holds(column, name)
    return 2 * cells > len(names)


def _is_number(name: str) -> bool:
    return re.fullmatch(NUMBER_PATTERN, name) is not None


def _holds(column: Any, name: str) -> bool:
    """Return whether a column of text or numbers holds a name as a value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_string(kind):
        value = pa.scalar(name)
    elif _is_number(name) and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        column, value = column.cast(pa.float64(), safe=False), pa.scalar(float(name))
    else:
        return bool(pa.types.is_boolean(kind) and name.lower() in ("true", "false"))
    return bool(pc.index(column, value).as_py() >= 0)
