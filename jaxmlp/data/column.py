"""How one column of a table becomes inputs."""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from jaxmlp.data.cells import Notation, numbers_of, texts_of
from jaxmlp.data.times import times_of
from jaxmlp.errors import InputError, naming


@dataclass(frozen=True)
class Column:
    """How one column becomes inputs.

    Attributes:
      name: its name.
      kind: `number`, `category` or `time`.
      gaps: whether cells were missing in training; then the last input says where.
      fill: what a missing cell counts as: the median of a number, or of each part of a time.
      categories: the values of a category, in the order of its inputs.
      parts: the parts of a time, in the order of its inputs; see `jaxmlp.data.times.PARTS`.
      form: the format of a time that is written as text.
      unit: what stands beside each number.
    """

    name: str
    kind: str
    gaps: bool = False
    fill: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    form: str = ""
    unit: str = ""

    @property
    def input_names(self) -> tuple[str, ...]:
        """The name of each input: `age`, `colour=red`, `day (year)`, `age is missing`."""
        own = {
            "number": [self.name],
            "category": [f"{self.name}={value}" for value in self.categories],
            "time": [f"{self.name} ({part})" for part in self.parts],
        }[self.kind]
        return (*own, f"{self.name} is missing") if self.gaps else tuple(own)

    @property
    def binary(self) -> tuple[bool, ...]:
        """Whether each input is 0 or 1 by its meaning."""
        many = len(self.input_names)
        return tuple(self.kind == "category" or (self.gaps and i == many - 1) for i in range(many))

    def to_dict(self) -> dict[str, Any]:
        """Return the record that `from_dict` reads."""
        record: dict[str, Any] = {"name": self.name, "kind": self.kind, "gaps": self.gaps}
        if self.kind == "number":
            return record | {"fill": self.fill[0]} | ({"unit": self.unit} if self.unit else {})
        if self.kind == "category":
            return record | {"categories": list(self.categories)}
        fill = dict(zip(self.parts, self.fill, strict=True))
        return record | {"parts": list(self.parts), "fill": fill, "form": self.form}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """Return the column of a record."""
        fill = record.get("fill", ())
        parts = tuple(record.get("parts", ()))
        fill = tuple(fill[part] for part in parts) if isinstance(fill, Mapping) else fill
        return cls(
            record["name"],
            record["kind"],
            record["gaps"],
            (fill,) if isinstance(fill, int | float) else tuple(fill),
            tuple(record.get("categories", ())),
            parts,
            record.get("form", ""),
            record.get("unit", ""),
        )


def write_numbers(
    part: np.ndarray, column: Column, cells: Any, gaps: np.ndarray, notation: Notation, where: str
) -> None:
    """Write the inputs of a column of numbers into their part `(rows, inputs)`."""
    with naming(where):
        values, bad = numbers_of(cells, gaps, notation, column.unit)
    refuse_cell(cells, bad, where, "a number")
    refuse_cell(cells, np.isinf(values), where, "a finite number")
    if gaps.any() and math.isnan(column.fill[0]):
        row = int(np.argmax(gaps)) + 1
        raise InputError(f"{where}, row {row}: the value is missing, and was in no row of training")
    part[:, 0] = np.where(gaps, column.fill[0], values)


def write_times(part: np.ndarray, column: Column, cells: Any, gaps: np.ndarray, where: str) -> None:
    """Write the inputs of a column of times into their part `(rows, inputs)`."""
    bad, parts = times_of(cells, gaps, column.form, where)
    refuse_cell(cells, bad, where, f"a date or time in the form {column.form or 'ISO 8601'}")
    for i, (name, fill) in enumerate(zip(column.parts, column.fill, strict=True)):
        part[:, i] = np.where(gaps, fill, parts[name])


def write_categories(
    part: np.ndarray, column: Column, cells: Any, gaps: np.ndarray
) -> tuple[int, list[str]]:
    """Write the inputs of a category, and return how many cells were never seen, and which."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts, categories = texts_of(cells), list(column.categories)
    if pa.types.is_boolean(cells.type):  # `true` and `True` are the same
        categories = [value.lower() for value in categories]
    places = pc.index_in(texts, pa.array(categories, pa.string())).to_numpy(zero_copy_only=False)
    known = np.isfinite(places.astype(float)) & ~gaps
    part[np.flatnonzero(known), places[known].astype(int)] = 1
    strange = ~known & ~gaps
    return int(strange.sum()), pc.unique(texts.filter(strange)).sort().to_pylist()


def refuse_cell(cells: Any, bad: np.ndarray, where: str, expected: str, hint: str = "") -> None:
    """Reject a column of which some cells are bad.

    Args:
      cells: the column.
      bad: the cells that are bad, `(rows,)`.
      where: the name of the column in a message.
      expected: what a cell must be.
      hint: the end of the message, with `{cell}` for the cell.

    Raises:
      InputError: if there is a bad cell; names the first, by its row, counted from 1.
    """
    if bad.any():
        row = int(np.argmax(bad))
        got = cells[row].as_py()
        hint = hint.format(cell=shlex.quote(str(got)))
        raise InputError(f"{where}, row {row + 1}: expected {expected}, got {got!r}{hint}")
