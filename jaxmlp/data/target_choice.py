"""Choose the columns of a table to predict."""

from typing import TYPE_CHECKING

import numpy as np

from jaxmlp.data.cells import Notation, missing_cells
from jaxmlp.data.column_kinds import decide
from jaxmlp.data.columns import Columns
from jaxmlp.data.dialects import Reading
from jaxmlp.data.table_options import TableOptions, check_column
from jaxmlp.data.table_targets import Fitted
from jaxmlp.errors import InputError, listed

if TYPE_CHECKING:
    import pyarrow as pa

TARGETS = ("target", "label", "class", "y")
MOST_GAPS = 0.5  # share of gaps in a column that is predicted unless the user names it


def choose_targets(
    table: "pa.Table",
    options: TableOptions,
    where: str,
    reading: Reading,
    fitted: Fitted | None,
) -> tuple[tuple[str, ...], list[str]]:
    """Choose the columns to predict, as far as their names tell.

    The target is what the options name, else the only column called target, label, class or y, else
    the last that is no identifier, no free text, no time, and mostly given.

    Args:
      table: the rows.
      options: what the user says of the table.
      where: the name of the table in a message.
      reading: how its file was read.
      fitted: what a trained network expects; its target is taken unless the options name another.

    Returns:
      The names, and a line about the choice where it is not the last column, or a doubtful one.

    Raises:
      InputError: if an option names no column, or several columns have the name of a target.
    """
    names = table.column_names
    given = options.target
    if fitted is not None and fitted.task is not None and given is None:
        return fitted.columns.target, []
    if given is None:
        usual = [name for name in names if name.lower() in TARGETS]
        if len(usual) > 1:
            raise InputError(
                f"{where}: expected only one column named {', '.join(TARGETS[:-1])} or "
                f"{TARGETS[-1]}, got {' and '.join(usual)}; name the target"
            )
        if usual:
            return tuple(usual), []
        name, lines = _last_to_predict(table, options, where, reading)
        return (name,), lines
    if given in ("first", "last") and given not in names:
        return (names[0 if given == "first" else -1],), []
    chosen = (given,) if given in names else tuple(part.strip() for part in given.split(","))
    for name in chosen:
        check_column(name, names, where, "target")
    if len(set(chosen)) < len(chosen):
        raise InputError(f"{where}: expected each target column once, got {given!r}")
    return chosen, []


def _last_to_predict(
    table: "pa.Table", options: TableOptions, where: str, reading: Reading
) -> tuple[str, list[str]]:
    """Return the last column that is no identifier, no free text, no time, and mostly given.

    A line names the columns behind it; or if there is no such column, why the last is none.
    """
    used = {*options.drop, options.weight, options.group, options.time}
    names = [name for name in table.column_names if name not in used]
    if not names:
        raise InputError(f"{where}: expected a column to predict, got none")
    passed: dict[str, str] = {}
    for name in reversed(names):
        reason = _why_not_to_predict(table, name, options, where, reading)
        if not reason:
            behind = listed([*reversed(passed)], 3)
            line = f"{name} is predicted, since {behind} cannot be; --target names another"
            return name, [line] if passed else []
        passed[name] = reason
    name, reason = names[-1], passed[names[-1]]
    return name, [
        f"{name} is predicted, although it is no target: {reason}; --target names another"
    ]


def _why_not_to_predict(
    table: "pa.Table", name: str, options: TableOptions, where: str, reading: Reading
) -> str:
    """Return why a column is not predicted unless the user names it, or nothing."""
    if missing_cells(table[name], options.markers).mean() > MOST_GAPS:
        return "most of its cells are missing"
    notation, rows = Notation.of(reading, options.markers), np.arange(len(table))
    header = reading.header is not False
    try:
        found = decide(table, [name], rows, options, notation, where, header)[name]
    except InputError:
        return ""  # its own message is the better one
    if found.column is not None and found.column.kind == "time":
        return "dates or times"
    return found.reason


def line_of_first(columns: Columns, options: TableOptions) -> list[str]:
    """Say that the last column was chosen, where the first could be meant: it is a category."""
    names, target = columns.names, columns.target[0]
    if options.target is not None or target.lower() in TARGETS or columns.header:
        return []
    first = next((c for c in columns.inputs if c.name == names[0]), None)
    if first is None or first.kind != "category":
        return []
    return [f"{target}, the last column, is predicted; --target first predicts {names[0]}"]
