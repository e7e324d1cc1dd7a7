"""Choose the rows of a table that are held out, and read the columns that weigh and group them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.cells import Notation, is_text, missing_cells, numbers_of, texts_of
from jaxmlp.data.column import refuse_cell
from jaxmlp.data.columns import Columns
from jaxmlp.data.splits import TEST_SEED, holdout, holdout_groups, holdout_latest, split_record
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.table_targets import checked_numbers
from jaxmlp.data.times import is_time, time_format, times_of

if TYPE_CHECKING:
    import pyarrow as pa


def split_rows(
    table: "pa.Table", y: np.ndarray, options: TableOptions, notation: Notation, where: str
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the indices of the training and of the test part, and how they were chosen."""
    size = options.held_out(len(table))
    if options.time:
        order = _times(table[options.time], notation, f"{where}: column {options.time!r}")
        rest, held = holdout_latest(order, size)
        return rest, held, {"test": size / len(table), "latest": options.time}
    if options.group:
        groups = _groups(table[options.group])
        rest, held = holdout_groups(groups, size, TEST_SEED)
        return rest, held, {"test": size / len(table), "seed": TEST_SEED, "groups": options.group}
    rest, held = holdout(y, size, TEST_SEED)
    return rest, held, split_record(y, options.test_size)


def _times(cells: Any, notation: Notation, where: str) -> np.ndarray:
    """Return numbers that order the rows by a column of times or numbers."""
    gaps = missing_cells(cells, notation.markers)
    form = time_format(cells, gaps) if is_text(cells.type) else ""
    if form or is_time(cells.type):
        values = times_of(cells, gaps, form, where)[1]["days"]
    else:
        values, bad = numbers_of(cells, gaps, notation)
        refuse_cell(cells, bad, where, "a date, a time or a number")
    refuse_cell(cells, np.isnan(values), where, "a date, a time or a number to order the rows")
    return values


def _groups(cells: Any) -> np.ndarray:
    import pyarrow.compute as pc

    texts = pc.fill_null(texts_of(cells), "")
    return np.unique(texts.to_numpy(zero_copy_only=False).astype(str), return_inverse=True)[1]


def weights_and_groups(
    table: "pa.Table", columns: Columns, rest: np.ndarray, where: str
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the weight and the group of each training row, where columns tell them."""
    weights = groups = None
    if columns.weight:
        cells = table[columns.weight]
        here = f"{where}: column {columns.weight!r}"
        weights = checked_numbers(cells, columns.notation, here)
        refuse_cell(cells, weights < 0, here, "a weight >= 0")
        weights = weights[rest]
    if columns.group:
        groups = _groups(table[columns.group])[rest]
    return weights, groups
