"""Make a data set of a table: its target, its test part, its inputs, and what was decided."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.arrays import (
    MOST_CLASSES,
    Target,
    are_labels,
    target_from_codes,
    target_from_numbers,
)
from jaxmlp.data.cells import UNWRITTEN, Notation, is_text, missing_cells, numbers_of, texts_of
from jaxmlp.data.column_kinds import FEW, ODD_SHARE, decide
from jaxmlp.data.columns import Columns, name_columns, refuse_cell
from jaxmlp.data.dataset import Dataset, classification_task, make_dataset
from jaxmlp.data.dialects import Reading as TableReading
from jaxmlp.data.splits import TEST_SEED, holdout, holdout_groups, holdout_latest, split_record
from jaxmlp.data.table_options import TableOptions, check_column
from jaxmlp.errors import InputError, listed

if TYPE_CHECKING:
    import pyarrow as pa

TARGETS = ("target", "label", "class", "y")
NAMED_COLUMNS = TableReading(header=True)
NAMED = 10  # classes that a message names


@dataclass(frozen=True)
class Fitted:
    """What a trained network expects of a table, and what it answers.

    Attributes:
      columns: how rows become inputs.
      classes: the names of its classes, labels or values.
      task: what is asked of it.
    """

    columns: Columns
    classes: tuple[str, ...]
    task: str


def dataset_from_table(
    table: "pa.Table",
    options: TableOptions,
    name: str,
    provenance: Mapping[str, Any],
    *,
    reading: TableReading = NAMED_COLUMNS,
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
    names = table.column_names
    options.check(names, name)
    targets = _targets(table, options, name, fitted)
    table, lines = _with_targets(table, targets, options, name)
    if test is not None:
        test, more = _with_targets(test, targets, options, f"{name}: test part")
        lines += more
    if len(table) < 2:
        raise InputError(f"{name}: expected at least 2 rows, got {len(table)}")
    columns, decided = _columns(table, targets, options, name, reading, fitted)
    target = read_target(table, columns, name, fitted)
    if test is None:
        rest, held, how = _split(table, target.y, options, name)
    else:
        rest, held, how = np.arange(len(table)), np.arange(0), {"test": options.test}
    if fitted is None:
        columns, more = _fit(table, columns, decided, rest, options, name)
        lines = [*_line_of_target(table, columns, options), *lines, *more]
    x, notes = columns.encode(table, name)
    y = target.y
    parts = (x[rest], y[rest], x[held], y[held])
    if test is not None:
        theirs = Fitted(columns, target.classes, target.task)
        own = rows_of(test, theirs, f"{name}: test part")
        parts = (x, y, own.x, own.y)
        notes = own.notes
    unseen = [note for note in notes if "not seen" in note]
    if unseen and fitted is None:
        lines.append(f"the test part has{unseen[0].removeprefix(name).partition(':')[2]}")
    weights, groups = _roles(table, columns, rest, name)
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


def _targets(
    table: "pa.Table", options: TableOptions, where: str, fitted: Fitted | None
) -> tuple[str, ...]:
    """Return the names of the columns to predict, as far as their names tell."""
    names = table.column_names
    given = options.target
    if fitted is not None and given is None:
        return fitted.columns.target
    if given is None:
        usual = [name for name in names if name.lower() in TARGETS]
        if len(usual) > 1:
            raise InputError(
                f"{where}: expected only one column named {', '.join(TARGETS[:-1])} or "
                f"{TARGETS[-1]}, got {' and '.join(usual)}; name the target"
            )
        return tuple(usual) or (_last_to_predict(table, options, where),)
    if given in ("first", "last") and given not in names:
        return (names[0 if given == "first" else -1],)
    chosen = (given,) if given in names else tuple(part.strip() for part in given.split(","))
    for name in chosen:
        check_column(name, names, where, "target")
    if len(set(chosen)) < len(chosen):
        raise InputError(f"{where}: expected each target column once, got {given!r}")
    return chosen


def _last_to_predict(table: "pa.Table", options: TableOptions, where: str) -> str:
    """Return the last column that is neither an identifier nor free text, nor always the same."""
    used = {*options.drop, options.weight, options.group, options.time}
    names = [name for name in table.column_names if name not in used]
    if not names:
        raise InputError(f"{where}: expected a column to predict, got none")
    notation = Notation(markers=options.markers)
    for name in reversed(names):
        cells = table[name]
        rows = np.arange(len(table))
        try:
            found = decide(table, [name, name], rows, options, notation, where)[name]
        except InputError:
            return name  # its own message is the better one
        if found.column is not None and found.column.kind != "time":
            return name
        del cells
    return names[-1]


def _with_targets(
    table: "pa.Table", targets: tuple[str, ...], options: TableOptions, where: str
) -> tuple["pa.Table", list[str]]:
    """Return the rows that have a target, and a line about the others."""
    empty = np.zeros(len(table), bool)
    own = tuple(
        text.strip().lower()
        for text in options.missing
        if text.strip().lower() not in ("-", ".", "none", "nil", "--")
    )
    for name in targets:
        if name in table.column_names:
            empty |= missing_cells(table[name], (*UNWRITTEN, *own))
    if not empty.any() or len(table) == 0:
        return table, []
    if empty.all():
        raise InputError(
            f"{where}: expected a target in some rows, got none in {name_columns(list(targets))}"
        )
    first = int(np.argmax(empty)) + 1
    words = f"{empty.sum():,} of {len(table):,} rows have no target, row {first} first: left out"
    return table.filter(~empty), [words]


def _columns(
    table: "pa.Table",
    targets: tuple[str, ...],
    options: TableOptions,
    where: str,
    reading: TableReading,
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


def _fit(
    table: "pa.Table",
    columns: Columns,
    left: list[str],
    rows: np.ndarray,
    options: TableOptions,
    where: str,
) -> tuple[Columns, list[str]]:
    """Return the columns fitted to the training part, and a line for each decision."""
    found = decide(table, left, rows, options, columns.notation, where)
    inputs = [reading.column for reading in found.values() if reading.column is not None]
    if not inputs:
        reasons = [f"{name} ({reading.reason})" for name, reading in found.items()]
        raise InputError(f"{where}: expected at least one input, but left out {listed(reasons, 5)}")
    inputs.sort(key=lambda column: column.kind == "category")  # numbers first, as ever
    out = {name: r.reason for name, r in found.items() if r.column is None}
    fitted = replace(columns, inputs=tuple(inputs), left_out={**columns.left_out, **out})
    lines = [f"{name}: left out: {reason}" for name, reason in columns.left_out.items()]
    return fitted, [*lines, *(reading.line for reading in found.values() if reading.line)]


def _line_of_target(table: "pa.Table", columns: Columns, options: TableOptions) -> list[str]:
    """Say that a column was chosen, where the first column could be meant instead of the last."""
    names, target = columns.names, columns.target[0]
    if options.target is not None or target.lower() in TARGETS or len(names) < 2:
        return []
    passed = [name for name in names[names.index(target) + 1 :] if name in columns.left_out]
    if passed:
        return [
            f"{target} is predicted, since {listed(passed, 3)} cannot be; --target names another"
        ]
    first = next((c for c in columns.inputs if c.name == names[0]), None)
    if first is not None and first.kind == "category" and not columns.header:
        return [f"{target}, the last column, is predicted; --target first predicts {names[0]}"]
    return []


def read_target(
    table: "pa.Table",
    columns: Columns,
    where: str,
    fitted: Fitted | None = None,
    notation: Notation | None = None,
) -> Target:
    """Read the columns to predict.

    Args:
      table: the rows, none without a target.
      columns: names the target and how the table writes numbers.
      where: the name of the table in a message.
      fitted: the classes and the task of a trained network; `None` to find them.
      notation: how the table writes numbers; `None` for the training table's.

    Returns:
      The target.

    Raises:
      InputError: if a cell is neither a number nor a class, or not one of the network's classes.
    """
    names, notation = columns.target, (notation or columns.notation)
    if fitted is not None:
        return _target_again(table, fitted, names, where, notation)
    here = f"{where}: column {names[0]!r}"
    cells = table[names[0]]
    if len(names) == 1:
        numbers, bad = _numbers(cells, notation)
        texts = is_text(cells.type) and 2 * bad.sum() > len(bad)
        if str(cells.type) == "bool" or texts or _few_texts(cells, bad):
            return _classes(texts_of(cells), here)
        refuse_cell(cells, bad, here, "a number", "; --missing {cell} leaves such rows out")
        _refuse_infinite(cells, numbers, here)
        if are_labels(numbers, _are_whole(cells), MOST_CLASSES):
            different, codes = np.unique(numbers, return_inverse=True)
            return target_from_codes(codes, [str(int(label)) for label in different], here)
        return target_from_numbers(numbers[:, None], names)
    values = np.stack(
        [_checked_numbers(table[n], notation, f"{where}: column {n!r}") for n in names], 1
    )
    if np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all():  # one-hot rows
        return Target(values.argmax(axis=1).astype(np.int32), classification_task(names), names)
    return target_from_numbers(values, names)


def _few_texts(cells: Any, bad: np.ndarray) -> bool:
    """Return whether texts among numbers are classes, such as `1`, `2`, `3+`: all frequent."""
    frequent = bad.mean() >= ODD_SHARE and len(cells.unique()) <= min(FEW, len(cells) // 3)
    return bool(bad.any()) and frequent


def _classes(texts: Any, where: str) -> Target:
    import pyarrow as pa
    import pyarrow.compute as pc

    classes = pc.unique(texts).sort().to_pylist()
    codes = pc.index_in(texts, pa.array(classes, pa.string())).to_numpy(zero_copy_only=False)
    return target_from_codes(codes, classes, where)


def _numbers(cells: Any, notation: Notation) -> tuple[np.ndarray, np.ndarray]:
    return numbers_of(cells, np.zeros(len(cells), bool), notation)


def _checked_numbers(cells: Any, notation: Notation, where: str) -> np.ndarray:
    values, bad = _numbers(cells, notation)
    refuse_cell(cells, bad, where, "a number")
    _refuse_infinite(cells, values, where)
    return values


def _refuse_infinite(cells: Any, values: np.ndarray, where: str) -> None:
    refuse_cell(cells, ~np.isfinite(values), where, "a finite number")


def _are_whole(cells: Any) -> bool:
    """Return whether the cells are written as whole numbers: by their type, or as texts."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    if is_text(cells.type):
        return bool(pc.all(pc.match_substring_regex(cells, r"^\s*[-+]?\d+\s*$")).as_py())
    return bool(types.is_integer(cells.type))


def _target_again(
    table: "pa.Table", fitted: Fitted, names: tuple[str, ...], where: str, notation: Notation
) -> Target:
    """Read the targets of rows as those of a trained network."""
    task, classes = fitted.task, fitted.classes
    if task == "regression" or (task == "multilabel" and len(names) > 1):
        values = [_checked_numbers(table[n], notation, f"{where}: column {n!r}") for n in names]
        y = np.stack(values, axis=1)
        return Target(y.astype(np.float32) if task == "multilabel" else y, task, classes)
    if len(names) > 1:
        values = [_checked_numbers(table[n], notation, f"{where}: column {n!r}") for n in names]
        codes = np.stack(values, axis=1).argmax(axis=1)
    else:
        codes = _codes(table[names[0]], classes, f"{where}: column {names[0]!r}")
    if task == "multilabel":
        return Target(np.eye(len(classes), dtype=np.float32)[codes], task, classes)
    return Target(codes.astype(np.int32), task, classes)


def _codes(cells: Any, classes: tuple[str, ...], where: str) -> np.ndarray:
    """Number cells by the classes of a trained network; 1.0 is the class 1."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = texts_of(cells)
    if all(re.fullmatch(r"-?\d+", name) for name in classes):
        texts = pc.replace_substring_regex(texts, r"^\+|\.0*$", "")
    known = pa.array([name.lower() if str(cells.type) == "bool" else name for name in classes])
    places = pc.index_in(texts, known)
    refuse_cell(cells, pc.is_null(places).to_numpy(), where, f"one of {_listed(classes)}")
    return places.to_numpy(zero_copy_only=False)


def _listed(names: tuple[str, ...]) -> str:
    return listed([repr(name) for name in names], NAMED)


def _split(
    table: "pa.Table", y: np.ndarray, options: TableOptions, where: str
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the indices of the training and of the test part, and how they were chosen."""
    size = options.held_out(len(table))
    if options.time:
        order = _times(table[options.time], options, f"{where}: column {options.time!r}")
        rest, held = holdout_latest(order, size)
        return rest, held, {"test": size / len(table), "latest": options.time}
    if options.group:
        groups = _groups(table[options.group])
        rest, held = holdout_groups(groups, size, TEST_SEED)
        return rest, held, {"test": size / len(table), "seed": TEST_SEED, "groups": options.group}
    rest, held = holdout(y, size, TEST_SEED)
    return rest, held, split_record(y, options.test_size)


def _times(cells: Any, options: TableOptions, where: str) -> np.ndarray:
    """Return numbers that order the rows by a column of times or numbers."""
    from jaxmlp.data.cells import is_time, time_format, times_of

    gaps = missing_cells(cells, options.markers)
    form = time_format(cells, gaps) if is_text(cells.type) else ""
    if form or is_time(cells.type):
        values = times_of(cells, gaps, form, where)[1]["days"]
    else:
        values, bad = numbers_of(cells, gaps, Notation(markers=options.markers))
        refuse_cell(cells, bad, where, "a date, a time or a number")
    refuse_cell(cells, np.isnan(values), where, "a date, a time or a number to order the rows")
    return values


def _groups(cells: Any) -> np.ndarray:
    import pyarrow.compute as pc

    texts = pc.fill_null(texts_of(cells), "")
    return np.unique(texts.to_numpy(zero_copy_only=False).astype(str), return_inverse=True)[1]


def _roles(
    table: "pa.Table", columns: Columns, rest: np.ndarray, where: str
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the weight and the group of each training row, where columns tell them."""
    weights = groups = None
    if columns.weight:
        cells = table[columns.weight]
        here = f"{where}: column {columns.weight!r}"
        weights = _checked_numbers(cells, columns.notation, here)
        refuse_cell(cells, weights < 0, here, "a weight >= 0")
        weights = weights[rest]
    if columns.group:
        groups = _groups(table[columns.group])[rest]
    return weights, groups
