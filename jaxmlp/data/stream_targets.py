"""The targets of data that are larger than memory: found in one pass, and read piece by piece."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxmlp.data.array_shards import ArrayShards
from jaxmlp.data.arrays import Target, check_finite, target_from_array
from jaxmlp.data.columns import Columns
from jaxmlp.data.dealing import are_chosen
from jaxmlp.data.digest import MOST_TEXTS, SAMPLE, Different
from jaxmlp.data.shards import TableShards
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

    @property
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
) -> TableTargets:
    """Go through the columns to predict, and number the rows of each class.

    Args:
      shards: the files.
      columns: names the columns to predict.
      options: what the user says of the table.
      fitted: what a trained network expects; `None` to find the classes and the task.

    Returns:
      The targets.

    Raises:
      InputError: if the columns cannot be predicted, or too few rows have a target.
    """
    names = columns.target
    different = Different(MOST_TEXTS)
    total = sum(block.rows for block in shards.blocks)
    sample, by_block, rows, left, seen = [], [], [], 0, 0
    for block in shards.blocks:
        found: list[Any] = []
        count = 0
        for raw in shards.pieces(block, names):
            raw = raw.select(list(names))
            empty = without_target(raw, names, options)
            chosen = are_chosen(np.arange(seen, seen + len(raw)), total, min(SAMPLE, total), 0)
            seen, left = seen + len(raw), left + int(empty.sum())
            sample.append(raw.filter(chosen & ~empty))
            given = raw.filter(~empty)
            count += len(given)
            different.add(given)
            if different.few:
                found.append(
                    given.group_by(list(names), use_threads=False).aggregate([([], "count_all")])
                )
        by_block.append(found)
        rows.append(count)
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


def find_array_targets(shards: ArrayShards) -> ArrayTargets:
    """Go through the targets of arrays, and number the rows of each class.

    Args:
      shards: the files.

    Returns:
      The targets.

    Raises:
      InputError: if they cannot be predicted.
    """
    total, seen = sum(block.rows for block in shards.blocks), 0
    sample, few = [], True
    known: np.ndarray | None = None
    by_block: list[tuple[np.ndarray, np.ndarray]] = []
    for block in shards.blocks:
        for _, y in shards.pieces(block, ("y",)):
            chosen = are_chosen(np.arange(seen, seen + len(y)), total, min(SAMPLE, total), 0)
            seen += len(y)
            sample.append(y[chosen])
            if few:
                own, many = np.unique(y, axis=0, return_counts=True)
                known = own if known is None else np.unique(np.concatenate([known, own]), axis=0)
                few = len(known) <= MOST_TEXTS
                by_block.append((own, many))
    digest = np.concatenate(sample if total <= SAMPLE or not few else [*sample, known])
    target = target_from_array(digest, f"{shards.name}: y")
    own = np.array([block.test for block in shards.blocks])
    counts = np.array([block.rows for block in shards.blocks], np.int64)[:, None]
    one_hot = digest.ndim == 2 and digest.shape[1] > 1
    labelled = target.task in LABELLED
    values = np.unique(digest) if labelled and not one_hot else None
    found = ArrayTargets(counts, own, target.y, target._replace(y=target.y[:0]), values)
    if not labelled:
        return found
    if not few:
        raise InputError(f"{shards.name}: y: expected class labels, got {MANY}")
    counts = np.zeros((len(by_block), len(target.classes)), np.int64)
    for number, (rows, many) in enumerate(by_block):
        codes = found.read(rows, shards.name)
        counts[number] = np.bincount(codes, many, len(target.classes))
    return ArrayTargets(counts, own, target.y, found.target, values)
