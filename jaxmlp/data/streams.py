"""Data that are larger than memory: what they are, and their rows, part by part and piece by piece.

Two passes come before the first example is read: one over the targets, which numbers the rows of
each class, and one over a table's rows, which decides how columns become inputs. Neither holds more
than a digest (`jaxmlp.data.digest`).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.data.arrays import inputs_from_array
from jaxmlp.data.columns import Columns
from jaxmlp.data.dataset import Dataset, Source
from jaxmlp.data.dealing import TEST, TRAIN, VALID, Deal
from jaxmlp.data.ranges import Ranges
from jaxmlp.data.shard_folders import Shards
from jaxmlp.data.shards import Block
from jaxmlp.data.splits import TEST_SEED, quotas
from jaxmlp.data.spread import Spread, one_by_one
from jaxmlp.data.stream_targets import Targets
from jaxmlp.errors import InputError, check


class Rows(NamedTuple):
    """Some rows of a part.

    Attributes:
      x: inputs, as a `Dataset` has them.
      y: targets, as a `Dataset` has them.
      weights: how much each counts in training; `None` for all alike.
      raw: the rows as they were read, of a table.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    raw: Any = None


class Dealt(NamedTuple):
    """Some rows of a block, with the part of each.

    Attributes:
      given: the rows of a table that have a target, or inputs.
      y: their targets.
      parts: `TRAIN`, `VALID` or `TEST`, see `jaxmlp.data.dealing`.
      where: what a message calls the block.
      read: the number of rows of the block before these.
    """

    given: Any
    y: np.ndarray
    parts: np.ndarray
    where: str
    read: int


@contextmanager
def _renumbering(read: int, chosen: np.ndarray | None) -> Iterator[None]:
    """Count a row that a message names from the beginning of its block."""

    def place(found: re.Match[str]) -> str:
        row = int(found[1]) - 1
        return f", row {read + 1 + (row if chosen is None else int(chosen[row]))}:"

    try:
        yield
    except InputError as error:
        raise InputError(re.sub(r", row (\d+):", place, str(error), count=1)) from None


@dataclass(frozen=True, eq=False)
class Stream:
    """Data that are larger than memory, with everything needed to make sense of them.

    Attributes:
      name: the name that the user gave.
      shards: the files.
      targets: how their targets are read, and how many rows of each class each block has.
      task: one of `jaxmlp.data.TASKS`.
      classes: the name of each class, label or output.
      columns: how the rows of a table become inputs; `None` for arrays.
      provenance: where the data came from.
      test_size: the number of rows that are held out as the test part.
      valid_size: the number of training rows that validate.
      seed: the seed that chooses them.
      change: what converts targets to another task; `None` if they stay as they are.
      spread: how passes over the data go through the blocks, see `jaxmlp.data.spread`.
    """

    name: str
    shards: Shards
    targets: Targets
    task: str
    classes: tuple[str, ...]
    columns: Columns | None
    provenance: dict[str, Any]
    test_size: int
    valid_size: int = 0
    seed: int = 0
    change: Callable[[np.ndarray], np.ndarray] | None = None
    spread: Spread = one_by_one

    @property
    def source(self) -> Source:
        """Name and provenance."""
        return Source(self.name, self.provenance)

    @property
    def blocks(self) -> list[Block]:
        """What is read in one go."""
        return self.shards.blocks

    def with_valid(self, size: int, seed: int) -> "Stream":
        """Return the same data with a validation part.

        Args:
          size: the number of its rows.
          seed: the seed that chooses them.
        """
        return replace(self, valid_size=size, seed=seed)

    @cached_property
    def deal(self) -> Deal:
        """How the rows are dealt out to parts."""
        totals = self.targets.totals
        test = quotas(totals, self.test_size)
        valid = quotas(totals - test, self.valid_size)
        return Deal(totals, test, valid, TEST_SEED, self.seed)

    @cached_property
    def counts(self) -> np.ndarray:
        """The number of rows of each block in the training, validation and test part, `(B, 3)`."""
        own = np.array([block.test for block in self.blocks])
        counts, before = self.targets.counts, self.targets.before
        found = self.deal.counts_before(before + counts) - self.deal.counts_before(before)
        found[own] = 0
        found[own, TEST] = counts[own].sum(axis=1)
        return found

    @cached_property
    def before(self) -> np.ndarray:
        """The number of rows of each part before each block, `(B, 3)`."""
        return np.asarray(np.cumsum(self.counts, axis=0) - self.counts)

    def size(self, part: int) -> int:
        """Return the number of rows of a part."""
        return int(self.counts[:, part].sum())

    def read(
        self, part: int, order: np.ndarray | None = None, ranges: np.ndarray | None = None
    ) -> Iterator[Rows]:
        """Read the rows of a part, and no block that has none of them.

        Args:
          part: `TRAIN`, `VALID` or `TEST`, see `jaxmlp.data.dealing`.
          order: the blocks to read, in this order; `None` for all.
          ranges: the rows to read, counted in this order: where ranges of them begin and end,
            `(n, 2)`, ascending; `None` for all.

        Yields:
          The rows, some thousands at a time.

        Raises:
          InputError: if a shard is damaged, or a cell does not fit its column; it names the shard.
        """
        order = np.arange(len(self.blocks)) if order is None else order
        wanted = Ranges(np.array([[0, self.size(part)]]) if ranges is None else ranges)
        ends = np.cumsum(self.counts[order, part])
        for number, end in zip(order.tolist(), ends.tolist(), strict=True):
            at = end - int(self.counts[number, part])
            if len(wanted.within(at, end)) == 0:
                continue
            for dealt in self.dealt(number):
                chosen = np.flatnonzero(dealt.parts == part)
                places = wanted.places(at, at + len(chosen))
                at += len(chosen)
                if len(places):
                    yield self._rows(dealt, chosen[places])
                if len(wanted.within(at, end)) == 0:
                    break

    def read_all(self, numbers: Iterable[int] | None = None) -> Iterator[tuple[int, Rows]]:
        """Read the rows of all parts.

        Args:
          numbers: the blocks to read, in this order; `None` for all.

        Yields:
          A part, and some of its rows.

        Raises:
          InputError: see `read`.
        """
        for number in range(len(self.blocks)) if numbers is None else numbers:
            for dealt in self.dealt(number):
                for part in (TRAIN, VALID, TEST):
                    chosen = np.flatnonzero(dealt.parts == part)
                    if len(chosen):
                        yield part, self._rows(dealt, chosen)

    def read_targets(
        self, number: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
        """Read the targets of all parts, and nothing else.

        Args:
          number: of the block.

        Yields:
          The parts of some rows, their targets as a `Dataset` has them, and their weights.
        """
        names: tuple[str, ...] = ("y",)
        if self.columns is not None:
            roles = (*self.columns.target, self.columns.weight)
            names = tuple(name for name in roles if name is not None)
        for dealt in self.dealt(number, names):
            weights = None
            if self.columns is not None and self.columns.weight:
                weights = self.targets.weights(dealt.given, dealt.where)
            yield dealt.parts, self._changed(dealt.y), weights

    def dealt(self, number: int, names: tuple[str, ...] | None = None) -> Iterator[Dealt]:
        """Read a block, and tell the part of each row.

        Args:
          number: of the block.
          names: the columns to read; `None` for all.

        Yields:
          The rows, some thousands at a time.

        Raises:
          InputError: see `read`.
        """
        before, block = self.targets.before[number].copy(), self.blocks[number]
        where = self.shards.where(block)
        read = 0
        for raw in self.shards.pieces(block, names):
            with _renumbering(read, None):
                given, y, codes = self.targets.of(raw, where)
            parts = np.full(len(codes), TEST, np.int8)
            if not block.test:
                parts = self.deal.parts(codes, before)
                before += np.bincount(codes, minlength=len(before))
            yield Dealt(given, y, parts, where, read)
            read += len(raw) if self.columns is not None else len(y)

    def _rows(self, dealt: Dealt, chosen: np.ndarray) -> Rows:
        y = self._changed(dealt.y[chosen])
        if self.columns is None:
            return Rows(inputs_from_array(dealt.given[chosen], dealt.where), y, None)
        table, weights = dealt.given.take(chosen), None
        with _renumbering(dealt.read, chosen):
            if self.columns.weight:
                weights = self.targets.weights(table, dealt.where)
            return Rows(self.columns.encode(table, dealt.where).x, y, weights, table)

    def _changed(self, y: np.ndarray) -> np.ndarray:
        return y if self.change is None else self.change(y)

    @cached_property
    def first(self) -> np.ndarray:
        """An example, `(1, ...)`."""
        for part in range(3):
            for rows in self.read(part):
                return rows.x[:1]
        raise InputError(f"{self.name}: expected at least one example, got none")

    def outline(self) -> Dataset:
        """Return a data set of the same sizes whose numbers are all 0; it takes no memory.

        What a run chooses by itself depends on sizes and types alone.
        """
        train, test = self.size(0) + self.size(1), self.size(TEST)
        check(train >= 2, f"{self.name}: the number of training rows", "at least 2", train)
        check(test >= 1, f"{self.name}: the number of test rows", "at least 1", test)
        classes = self.task in ("multiclass", "binary")
        y = np.zeros(1, np.int32) if classes else np.zeros((1, len(self.classes)), np.float64)
        x_parts = (
            np.broadcast_to(self.first[:1], (n, *self.first.shape[1:])) for n in (train, test)
        )
        y_parts = (np.broadcast_to(y, (n, *y.shape[1:])) for n in (train, test))
        (x_train, x_test), (y_train, y_test) = x_parts, y_parts
        columns = None if self.columns is None else self.columns.to_dict()
        return Dataset(
            self.name,
            *(x_train, y_train, x_test, y_test),
            self.task,
            self.classes,
            columns,
            self.provenance,
        )
