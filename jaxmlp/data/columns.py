"""Turn the rows of a table into inputs: how each column was read in training, and again later.

A number is one input, a category one input of 0 or 1 for each of its values, a date or a time one
number for each of its parts. Where cells were missing in training, a further input of 0 or 1 says
so; a missing number counts as the median of the training part.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from jaxmlp.data.cells import Notation, missing_cells
from jaxmlp.data.column import Column, write_categories, write_numbers, write_times
from jaxmlp.data.dialects import Reading
from jaxmlp.data.gaps import MARKERS
from jaxmlp.errors import InputError, listed
from jaxmlp.memory import check_memory

if TYPE_CHECKING:
    import pyarrow as pa

NAMED = 10  # columns and categories that a message names


class Encoded(NamedTuple):
    """The rows of a table as inputs.

    Attributes:
      x: `float64` inputs `(rows, inputs)`.
      notes: a line for missing cells, and one for categories that training has not seen.
    """

    x: np.ndarray
    notes: list[str]


@dataclass(frozen=True)
class Columns:
    """How a table becomes inputs.

    Attributes:
      inputs: the columns that become inputs, in their order.
      target: the names of the columns to predict. New rows may lack them.
      names: the names of all columns of the training table, in its order.
      left_out: the columns that are no inputs, each with the reason.
      weight: the column that tells how much each row counts in training.
      group: the column whose equal cells were kept in one part.
      time: the column whose latest rows were the test part.
      markers: what stands in a cell that holds nothing, in small letters.
      reading: how the file was read; `header` tells whether it names its columns.
    """

    inputs: tuple[Column, ...]
    target: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    weight: str | None = None
    group: str | None = None
    time: str | None = None
    markers: tuple[str, ...] = MARKERS
    reading: Mapping[str, Any] = field(default_factory=lambda: {"header": True})

    @property
    def input_names(self) -> tuple[str, ...]:
        """The name of each input."""
        return tuple(name for column in self.inputs for name in column.input_names)

    @property
    def binary(self) -> np.ndarray:
        """Whether each input is 0 or 1 by its meaning, `(inputs,)`."""
        return np.array([one for column in self.inputs for one in column.binary], bool)

    @property
    def header(self) -> bool:
        """Whether the training table named its columns."""
        return bool(self.reading["header"])

    @property
    def notation(self) -> Notation:
        """How the training table wrote numbers and gaps."""
        return Notation.of(Reading.from_dict(dict(self.reading)), self.markers)

    def encode(self, table: "pa.Table", where: str, notation: Notation | None = None) -> Encoded:
        """Turn the rows of a table into inputs.

        Args:
          table: has all columns of the inputs, in any order; others are passed over.
          where: the name of the table in a message, usually its file.
          notation: how the table writes numbers; `None` for the training table's.

        Returns:
          The inputs, and what the user should know of them. A category that training has not seen
          is 0 for all values.

        Raises:
          InputError: if a column is missing, or a cell holds something else than its column. The
            message names the columns, or the column and the row, counted from 1 without the
            header. Also if the inputs need more memory than `check_memory` allows.
        """
        self._check_names(table.column_names, where)
        shape = (len(table), len(self.input_names))
        check_memory(8 * math.prod(shape), f"{where}: {shape[0]} rows of {shape[1]} inputs take")
        x, start = np.zeros(shape), 0
        missing: Counter[str] = Counter()
        unseen: dict[str, tuple[int, list[str]]] = {}
        for column in self.inputs:
            end = start + len(column.input_names)
            cells, place = table[column.name], f"{where}: column {column.name!r}"
            gaps = missing_cells(cells, self.markers)
            missing[column.name] = int(gaps.sum())
            part = x[:, start:end]
            if column.kind == "category":
                unseen[column.name] = write_categories(part, column, cells, gaps)
            elif column.kind == "number":
                write_numbers(part, column, cells, gaps, notation or self.notation, place)
            else:
                write_times(part, column, cells, gaps, place)
            if column.gaps:
                part[:, -1] = gaps
            start = end
        return Encoded(x, [*_missing_in_words(missing, where), *_unseen_in_words(unseen, where)])

    def name_columns(self, count: int, where: str) -> list[str]:
        """Name the columns of new rows of a table without a header.

        Args:
          count: the number of columns of the rows. They may lack the columns to predict.
          where: the name of the rows in a message, usually their file.

        Returns:
          The names, in the order of the training table.

        Raises:
          InputError: if the rows have another number of columns.
        """
        every = list(self.names)
        inputs = [name for name in every if name not in self.target]
        for names in (every, inputs):
            if len(names) == count:
                return names
        raise InputError(
            f"{where}: expected {len(every)} columns, or {len(inputs)} without the target, "
            f"got {count}"
        )

    def _check_names(self, names: list[str], where: str) -> None:
        given = set(names)
        absent = [column.name for column in self.inputs if column.name not in given]
        if absent:
            raise InputError(f"{where}: expected {name_columns(absent)}, got no such column")

    def to_dict(self) -> dict[str, Any]:
        """Convert the columns to plain lists and dictionaries, for JSON.

        Returns:
          The record that `from_dict` reads.
        """
        return {
            "inputs": [column.to_dict() for column in self.inputs],
            "target": list(self.target),
            "names": list(self.names),
            "left_out": dict(self.left_out),
            "weight": self.weight,
            "group": self.group,
            "time": self.time,
            "markers": list(self.markers),
            "reading": dict(self.reading),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """Rebuild the columns from their record.

        Args:
          record: the result of `to_dict`, or a record of version 0.1 or 0.2: `numeric`,
            `categorical`, `target` and perhaps `header`.

        Returns:
          Columns equal to the original ones.

        Raises:
          InputError: if version 0.1.0 wrote the record and lost the order of its text columns.
        """
        if "numeric" in record:
            return cls._from_early(record)
        values: dict[str, Any] = {
            name: tuple(record[name]) for name in ("target", "names", "markers")
        }
        inputs = tuple(Column.from_dict(column) for column in record["inputs"])
        rest = {name: record[name] for name in ("left_out", "weight", "group", "time", "reading")}
        return cls(inputs, **values, **rest)

    @classmethod
    def _from_early(cls, record: Mapping[str, Any]) -> Self:
        pairs = record["categorical"]
        if isinstance(pairs, dict):
            if len(pairs) > 1:
                raise InputError(
                    "jaxmlp 0.1.0 saved this network without the order of its text columns"
                    f" {_quoted(sorted(pairs))}: continue its run once, with --resume"
                )
            pairs = list(pairs.items())
        numbers = [Column(name, "number", fill=(math.nan,)) for name in record["numeric"]]
        texts = [Column(name, "category", categories=tuple(values)) for name, values in pairs]
        header, target = record.get("header", True), tuple(record["target"])
        every = (*(column.name for column in (*numbers, *texts)), *target)
        if not header:
            every = tuple(sorted(every, key=lambda name: int(name.removeprefix("column"))))
        return cls((*numbers, *texts), target, every, markers=("",), reading={"header": header})


def columns_of_numbers(
    names: Iterable[str], target: tuple[str, ...] = (), x: np.ndarray | None = None
) -> Columns:
    """Return the columns of a table of plain numbers.

    Args:
      names: of the inputs.
      target: the names of the columns to predict.
      x: the inputs of the training part; without them no cell may be missing.

    Returns:
      The columns.
    """
    names = tuple(names)
    fill = [math.nan] * len(names) if x is None else np.median(x, axis=0).tolist()
    inputs = (Column(name, "number", fill=(one,)) for name, one in zip(names, fill, strict=True))
    return Columns(tuple(inputs), target, (*names, *target))


def _missing_in_words(missing: Counter[str], where: str) -> list[str]:
    found = [f"{name} {count:,}" for name, count in missing.items() if count]
    if not found:
        return []
    return [
        f"{where}: {_cells(missing.total(), 'missing ')} ({listed(found, NAMED)}): the median of"
        " the training part for a number, a category of its own for a text"
    ]


def _unseen_in_words(unseen: Mapping[str, tuple[int, list[str]]], where: str) -> list[str]:
    found = {name: each for name, each in unseen.items() if each[0]}
    if not found:
        return []
    total = sum(count for count, _ in found.values())
    words = [f"{name}: {_quoted(texts, 3)}" for name, (_, texts) in found.items()]
    return [
        f"{where}: {_cells(total)} of categories that training has not seen ({listed(words, 5)})"
    ]


def _cells(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}cell{'s' if count > 1 else ''}"


def name_columns(names: list[str]) -> str:
    """Return the names of columns as a message has them."""
    return f"the column{'s' if len(names) > 1 else ''} {_quoted(names)}"


def _quoted(names: Iterable[str], most: int = NAMED) -> str:
    return listed([repr(name) for name in names], most)
