"""Make a data set of a table: its target, its test part, its inputs, and what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.cells import Notation, missing_cells
from jaxmlp.data.column_kinds import COUNTS, decide, is_identifier
from jaxmlp.data.column_kinds import Reading as ColumnReading
from jaxmlp.data.columns import Columns, name_columns
from jaxmlp.data.dataset import Dataset, make_dataset
from jaxmlp.data.dialects import Reading
from jaxmlp.data.gaps import MARKERS, UNWRITTEN
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.table_parts import split_rows, weights_and_groups
from jaxmlp.data.table_targets import Fitted, read_target
from jaxmlp.data.target_choice import choose_targets, line_of_first
from jaxmlp.errors import InputError, listed

if TYPE_CHECKING:
    import pyarrow as pa

NAMED_COLUMNS = Reading(header=True)
NAMED = 10  # classes that a message names


def dataset_from_table(
    table: "pa.Table",
    options: TableOptions,
    name: str,
    provenance: Mapping[str, Any],
    *,
    reading: Reading = NAMED_COLUMNS,
    test: "pa.Table | None" = None,
    fitted: Fitted | None = None,
) -> Dataset:
    """Make a data set of the rows of a table; a fifth is held out as the test part.

    The target is the column that the options name, else the only one called target, label, class or
    y, else the last that can be predicted. Text, booleans, and numbers that look like labels
    (`jaxmlp.data.arrays.are_labels`; at most 20 different ones) are classes. Other numbers are
    values to predict. Several columns of 0 and 1 with a single 1 in each row are classes; other
    columns of 0 and 1 are labels that do not exclude each other (lecture rows E3, E5).

    Args:
      table: a column for each input and target.
      options: what the user says of it.
      name: of the set, also for messages.
      provenance: where the table comes from.
      reading: how its file was read.
      test: the rows of the test part, if they come from a table of their own.
      fitted: what a trained network expects; then nothing is decided anew.

    Returns:
      The data set. Its provenance holds the lines about what was decided.

    Raises:
      InputError: if an option names no column, the target cannot be predicted, a cell is not what
        its column holds, or there is too little to learn from.
    """
    options.check(table.column_names, name)
    if len(table) < 2:
        raise InputError(f"{name}: expected at least 2 rows, got {len(table)}")
    targets, chosen = choose_targets(table, options, name, reading, fitted)
    table, lines = _with_targets(table, targets, options, name)
    if test is not None:
        test, more = _with_targets(test, targets, options, f"{name}: test part")
        lines += more
    if len(table) < 2:
        raise InputError(f"{name}: expected at least 2 rows, got {len(table)}")
    columns, decided = columns_before(table, targets, options, name, reading, fitted)
    target = read_target(table, columns, name, fitted)
    if test is None:
        rest, held, how = split_rows(table, target.y, options, columns.notation, name)
    else:
        rest, held, how = np.arange(len(table)), np.arange(0), {"test": options.test}
    if fitted is None:
        columns, more = fit_columns(table, columns, decided, rest, options, name)
        lines = [*(chosen or line_of_first(columns, options)), *lines, *more]
    x, notes = columns.encode(table, name)
    y = target.y
    part, parts = f"{name}: ", (x[rest], y[rest], x[held], y[held])
    if test is not None:
        theirs = Fitted(columns, target.classes, target.task)
        own = rows_of(test, theirs, f"{name}: test part")
        part += "test part: "
        parts = (x, y, own.x, own.y)
        notes = own.notes
    unseen = [note for note in notes if "not seen" in note]
    if unseen and fitted is None:
        lines.append(f"the test part has {unseen[0].removeprefix(part)}")
    weights, groups = weights_and_groups(table, columns, rest, name)
    known: dict[str, Any] = {**provenance, "split": how, "decisions": lines}
    made = make_dataset(name, parts, target.task, target.classes, columns.to_dict(), **known)
    return replace(made, weights=weights, groups=groups, ordered=columns.time is not None)


@dataclass(frozen=True)
class Rows:
    """Rows with their targets, encoded for a trained network.

    Attributes:
      x: inputs, `(N, inputs)`.
      y: targets, in the form of the network's task.
      notes: what the user should know of them.
    """

    x: np.ndarray
    y: np.ndarray
    notes: list[str]


def rows_of(
    table: "pa.Table", fitted: Fitted, where: str, notation: Notation | None = None
) -> Rows:
    """Return all rows of a table with their targets, as a trained network takes them.

    Args:
      table: the rows, with the columns to predict.
      fitted: what the network expects.
      where: the name of the table in a message.
      notation: how the table writes numbers; `None` for the training table's.

    Returns:
      Inputs and targets. Rows without a target are left out, with a note.

    Raises:
      InputError: if a column is missing, or a cell is not what its column holds.
    """
    columns = fitted.columns
    absent = [name for name in columns.target if name not in table.column_names]
    if absent:
        raise InputError(
            f"{where}: expected {name_columns(absent)} to compare with, got no such column"
        )
    options = TableOptions(missing=columns.markers)
    table, lines = _with_targets(table, columns.target, options, where)
    if len(table) == 0:
        raise InputError(f"{where}: expected at least one row, got none")
    encoded = columns.encode(table, where, notation)
    target = read_target(table, columns, where, fitted, notation)
    return Rows(encoded.x, target.y, [*lines, *encoded.notes])


def without_target(
    table: "pa.Table", targets: tuple[str, ...], options: TableOptions
) -> np.ndarray:
    """Return which rows of a table have no target, `(rows,)`.

    Args:
      table: the rows.
      targets: the columns to predict; one that is missing is passed over.
      options: what the user says of gaps.

    Returns:
      bool.
    """
    empty = np.zeros(len(table), bool)
    own = (text for text in options.markers if text not in MARKERS)  # `-` may be a class
    for name in targets:
        if name in table.column_names:
            empty |= missing_cells(table[name], (*UNWRITTEN, *own))
    return empty


def _with_targets(
    table: "pa.Table", targets: tuple[str, ...], options: TableOptions, where: str
) -> tuple["pa.Table", list[str]]:
    """Return the rows that have a target, and a line about the others."""
    empty = without_target(table, targets, options)
    if not empty.any() or len(table) == 0:
        return table, []
    if empty.all():
        raise InputError(
            f"{where}: expected a target in some rows, got none in {name_columns(list(targets))}"
        )
    first = int(np.argmax(empty)) + 1
    words = f"{empty.sum():,} of {len(table):,} rows have no target, row {first} first: left out"
    return table.filter(~empty), [words]


def columns_before(
    table: "pa.Table",
    targets: tuple[str, ...],
    options: TableOptions,
    where: str,
    reading: Reading,
    fitted: Fitted | None,
) -> tuple[Columns, list[str]]:
    """Return what is known of the columns before they are fitted, and which may be inputs."""
    names = table.column_names
    roles = {"weight": options.weight, "group": options.group, "time": options.time}
    for role, name in roles.items():
        if name in targets:
            raise InputError(f"{where}: {name!r} cannot be the target and the {role}")
    if fitted is not None:
        return replace(fitted.columns, target=targets), []
    out = {name: "dropped" for name in options.drop if name not in targets}
    out |= {name: f"the {role}" for role, name in roles.items() if name and role != "time"}
    left = [name for name in names if name not in targets and name not in out]
    if not left:
        raise InputError(
            f"{where}: expected at least one column beside the target"
            f" {listed([*map(repr, targets)], NAMED)}, got none"
        )
    columns = Columns(
        (), targets, tuple(names), out, **roles, markers=options.markers, reading=reading.to_dict()
    )
    return columns, left


def _decide_inputs(
    table: "pa.Table",
    columns: Columns,
    left: list[str],
    rows: np.ndarray,
    options: TableOptions,
    where: str,
) -> dict[str, ColumnReading]:
    """Decide how columns become inputs; if none does, take those that only number the rows.

    Such a column may be a time that is counted from 1. One without the name of an identifier goes
    before the others.
    """
    found = decide(table, left, rows, options, columns.notation, where, columns.header)
    if any(reading.column for reading in found.values()):
        return found
    counts = [name for name, reading in found.items() if reading.reason == COUNTS]
    kept = [name for name in counts if not is_identifier(name, columns.header)] or counts
    keep = replace(options, keep=(*options.keep, *kept))
    return found | decide(table, kept, rows, keep, columns.notation, where, columns.header)


def fit_columns(
    table: "pa.Table",
    columns: Columns,
    left: list[str],
    rows: np.ndarray,
    options: TableOptions,
    where: str,
) -> tuple[Columns, list[str]]:
    """Return the columns fitted to the training part, and a line for each decision."""
    found = _decide_inputs(table, columns, left, rows, options, where)
    inputs = [reading.column for reading in found.values() if reading.column is not None]
    if not inputs:
        reasons = [f"{name} ({reading.reason})" for name, reading in found.items()]
        raise InputError(f"{where}: expected at least one input, but left out {listed(reasons, 5)}")
    inputs.sort(key=lambda column: column.kind == "category")  # numbers first, as ever
    out = {name: r.reason for name, r in found.items() if r.column is None}
    fitted = replace(columns, inputs=tuple(inputs), left_out={**columns.left_out, **out})
    lines = [f"{name}: left out: {reason}" for name, reason in columns.left_out.items()]
    return fitted, [*lines, *(reading.line for reading in found.values() if reading.line)]
