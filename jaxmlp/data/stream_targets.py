"""The targets of data that are larger than memory: found in one pass, and read piece by piece."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.data.array_shards import ArrayShards
from jaxmlp.data.arrays import Target, check_finite, target_from_array
from jaxmlp.data.columns import Columns
from jaxmlp.data.dealing import are_chosen
from jaxmlp.data.digest import MOST_TEXTS, SAMPLE, Different
from jaxmlp.data.shards import TableShards
from jaxmlp.data.spread import Spread, one_by_one
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.table_parts import weights_and_groups
from jaxmlp.data.table_targets import Fitted, read_target
from jaxmlp.data.tables import without_target
from jaxmlp.errors import InputError

LABELLED = ("multiclass", "binary")
MANY = f"more than {MOST_TEXTS:,} different classes"


@dataclass(frozen=True, eq=False)
class Counted:
    """How many rows of each class each block has.

    Attributes:
      counts: `(blocks, classes)`; data without classes have one.
      own: the blocks of the test part, `(blocks,)`: their rows are not numbered.
      known: targets as a data set has them: of the chosen rows, and each different one if few.
    """

    counts: np.ndarray
    own: np.ndarray
    known: np.ndarray

    @property
    def totals(self) -> np.ndarray:
        """The number of rows of each class, `(classes,)`, without those of the test shards."""
        found: np.ndarray = self.counts[~self.own].sum(axis=0)
        return found

    @cached_property
    def before(self) -> np.ndarray:
        """How many rows of each class come before each block, `(blocks, classes)`."""
        numbered = np.where(self.own[:, None], 0, self.counts)
        return np.asarray(np.cumsum(numbered, axis=0) - numbered)


@dataclass(frozen=True, eq=False)
class TableTargets(Counted):
    """The columns to predict of a table.

    Attributes:
      fitted: names the columns, the classes and the task.
      options: what the user says of the table.
      lines: what the user should know of them.
    """

    fitted: Fitted
    options: TableOptions
    lines: tuple[str, ...] = ()

    def of(self, raw: Any, where: str) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return the rows that have a target, their targets, and the class of each.

        Args:
          raw: rows as they were read.
          where: what a message calls them.

        Returns:
          The table, `y` as a data set has it, and `codes` `(rows,)`, all 0 without classes.

        Raises:
          InputError: if a cell is not what its column holds.
        """
        columns = self.fitted.columns
        empty = without_target(raw, columns.target, self.options)
        given = raw.filter(~empty) if empty.any() else raw
        y = read_target(given, columns, where, self.fitted).y
        return given, y, _codes(y, self.fitted.task)

    def weights(self, table: Any, where: str) -> np.ndarray | None:
        """Return how much each of some rows counts in training."""
        return weights_and_groups(table, self.fitted.columns, np.arange(len(table)), where)[0]


@dataclass(frozen=True, eq=False)
class ArrayTargets(Counted):
    """The targets in arrays.

    Attributes:
      target: the task and the names of classes, labels or values; no targets.
      values: the different targets, if they are classes: class k has the k-th.
    """

    target: Target
    values: np.ndarray | None

    def of(self, raw: Any, where: str) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return the inputs, their targets, and the class of each; see `TableTargets.of`."""
        x, y = raw
        y = self.read(y, where)
        return x, y, _codes(y, self.target.task)

    def read(self, y: np.ndarray, where: str) -> np.ndarray:
        """Return targets as a data set has them.

        Args:
          y: as they are stored.
          where: what a message calls them.

        Returns:
          `(n,)` or `(n, outputs)`.

        Raises:
          InputError: if one is not finite.
        """
        if self.values is not None:
            flat = y.reshape(-1)
            places = np.minimum(np.searchsorted(self.values, flat), len(self.values) - 1)
            strange = self.values[places] != flat
            if strange.any():
                raise InputError(f"{where}: expected class labels, got {MANY}")
            return places.astype(np.int32)
        y = y.reshape(len(y), -1)
        check_finite(y, where)
        if self.target.task in LABELLED:
            return np.asarray(y.argmax(axis=1)).astype(np.int32)
        return y.astype(np.float32 if self.target.task == "multilabel" else np.float64)

    def weights(self, table: Any, where: str) -> np.ndarray | None:
        """Return nothing: arrays have no column of weights."""
        return None


Targets = TableTargets | ArrayTargets


def _codes(y: np.ndarray, task: str | None) -> np.ndarray:
    return y if task in LABELLED else np.zeros(len(y), np.int64)


def find_table_targets(
    shards: TableShards,
    columns: Columns,
    options: TableOptions,
    fitted: Fitted | None,
    spread: Spread = one_by_one,
) -> TableTargets:
    """Go through the columns to predict, and number the rows of each class.

    Args:
      shards: the files.
      columns: names the columns to predict.
      options: what the user says of the table.
      fitted: what a trained network expects; `None` to find the classes and the task.
      spread: goes through the blocks.

    Returns:
      The targets.

    Raises:
      InputError: if the columns cannot be predicted, or too few rows have a target.
    """
    names = columns.target
    different = Different(MOST_TEXTS)
    total = sum(block.rows for block in shards.blocks)
    starts = np.cumsum([0, *(block.rows for block in shards.blocks)])

    def look(number: int) -> list[_Cells]:
        found, seen = [], int(starts[number])
        for raw in shards.pieces(shards.blocks[number], names):
            raw = raw.select(list(names))
            empty = without_target(raw, names, options)
            chosen = are_chosen(np.arange(seen, seen + len(raw)), total, min(SAMPLE, total), 0)
            given, counts = raw.filter(~empty), None
            own = different.among(given)
            if own is not None:
                groups = given.group_by(list(names), use_threads=False)
                counts = groups.aggregate([([], "count_all")])
            found.append(_Cells(raw.filter(chosen & ~empty), len(given), own, counts))
            seen += len(raw)
        return found

    sample, by_block, rows = [], [], []
    for found in spread(look, len(shards.blocks)):
        sample += [cells.sample for cells in found]
        rows.append(sum(cells.rows for cells in found))
        for cells in found:
            different.take(cells.different)
        by_block.append([cells.counts for cells in found] if different.few else [])
    left = total - sum(rows)
    if sum(rows) < 2:
        raise InputError(f"{shards.name}: expected a target in at least 2 rows, got {sum(rows)}")
    known = _digest_of(sample, different, total)
    target = read_target(known, columns, shards.name, fitted)
    whole = Fitted(columns, target.classes, target.task)
    own = np.array([block.test for block in shards.blocks])
    counts = np.array(rows, np.int64)[:, None]
    if target.task in LABELLED:
        if not different.few:
            raise InputError(f"{shards.name}: expected class labels, got {MANY}")
        counts = _count_classes(by_block, names, whole, shards)
    lines = (f"{left:,} of {total:,} rows have no target: left out",) if left else ()
    return TableTargets(counts, own, target.y, whole, options, lines)


class _Cells(NamedTuple):
    """What there is to know of the targets of some rows of a table.

    Attributes:
      sample: the targets that are kept.
      rows: the number of rows with a target.
      different: the different ones, see `Different.among`.
      counts: the number of each.
    """

    sample: Any
    rows: int
    different: Any
    counts: Any


def _digest_of(sample: list[Any], different: Different, total: int) -> Any:
    """Return rows that stand for all: the chosen ones, and each different one."""
    import pyarrow as pa

    rows = pa.concat_tables(sample)
    if total <= SAMPLE or different.rows is None:
        return rows
    return pa.concat_tables([rows, different.rows.select(rows.column_names)])


def _count_classes(
    by_block: list[list[Any]], names: Sequence[str], fitted: Fitted, shards: TableShards
) -> np.ndarray:
    counts = np.zeros((len(by_block), len(fitted.classes)), np.int64)
    for number, found in enumerate(by_block):
        for group in found:
            if len(group):
                y = read_target(group, fitted.columns, shards.name, fitted).y
                many = group["count_all"].to_numpy()
                counts[number] += np.bincount(y, many, counts.shape[1]).astype(np.int64)
    return counts


def find_array_targets(shards: ArrayShards, spread: Spread = one_by_one) -> ArrayTargets:
    """Go through the targets of arrays, and number the rows of each class.

    Args:
      shards: the files.
      spread: goes through the blocks.

    Returns:
      The targets.

    Raises:
      InputError: if they cannot be predicted.
    """
    starts = np.cumsum([0, *(block.rows for block in shards.blocks)])
    total, known = int(starts[-1]), _Values()

    def look(number: int) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
        ((_, y),) = shards.pieces(shards.blocks[number], ("y",))
        ranks = np.arange(starts[number], starts[number + 1])
        return y[are_chosen(ranks, total, min(SAMPLE, total), 0)], known.among(y)

    sample, by_block = [], []
    for chosen, found in spread(look, len(shards.blocks)):
        sample.append(chosen)
        known.take(found)
        by_block.append(found)
    digest = np.concatenate(sample if total <= SAMPLE or not known.few else [*sample, known.all])
    target = target_from_array(digest, f"{shards.name}: y")
    own = np.array([block.test for block in shards.blocks])
    counts = np.array([block.rows for block in shards.blocks], np.int64)[:, None]
    one_hot = digest.ndim == 2 and digest.shape[1] > 1
    labelled = target.task in LABELLED
    values = np.unique(digest) if labelled and not one_hot else None
    targets = ArrayTargets(counts, own, target.y, target._replace(y=target.y[:0]), values)
    if not labelled:
        return targets
    if not known.few:
        raise InputError(f"{shards.name}: y: expected class labels, got {MANY}")
    counts = np.zeros((len(by_block), len(target.classes)), np.int64)
    for number, found in enumerate(by_block):
        assert found is not None  # all are known
        codes = targets.read(found[0], shards.name)
        counts[number] = np.bincount(codes, found[1], len(target.classes))
    return replace(targets, counts=counts)


class _Values:
    """The different targets of arrays, as far as few.

    Attributes:
      few: whether all are known.
      all: those that are known, in ascending order.
    """

    def __init__(self) -> None:
        self.few = True
        self.all: np.ndarray | None = None

    def among(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the different ones of some targets, and how often each comes; `None` if many."""
        if not self.few:
            return None
        own, many = np.unique(y, axis=0, return_counts=True)
        return (own, many) if len(own) <= MOST_TEXTS else None

    def take(self, found: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Add what was found among some targets."""
        if found is None or not self.few:
            self.few = False
            return
        own = found[0]
        self.all = own if self.all is None else np.unique(np.concatenate([self.all, own]), axis=0)
        self.few = len(self.all) <= MOST_TEXTS
