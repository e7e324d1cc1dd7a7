"""Turn the columns of a table into inputs, and later the columns of new rows in the same way."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from jaxmlp.data.headers import NUMBER_PATTERN, number_columns
from jaxmlp.errors import InputError, listed
from jaxmlp.memory import check_memory

if TYPE_CHECKING:
    import pyarrow as pa

MOST_CATEGORIES = 1000  # in a column of text; each becomes an input


@dataclass(frozen=True)
class Columns:
    """How a table becomes inputs: one for each column of numbers, one for each category of a text.

    Attributes:
      numeric: the names of the columns of numbers, in the order of the inputs.
      categorical: the categories of each column of text; each column is one-hot.
      target: the names of the columns to predict. A table to encode may have or lack them.
      header: whether the table named its columns. If not, they are numbered.
    """

    numeric: tuple[str, ...]
    categorical: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    target: tuple[str, ...] = ()
    header: bool = True

    @property
    def input_names(self) -> tuple[str, ...]:
        """The name of each input: `age` for a number, `colour=red` for a category."""
        return self.numeric + tuple(f"{c}={v}" for c, vs in self.categorical.items() for v in vs)

    def encode(self, table: "pa.Table", where: str) -> np.ndarray:
        """Turn the rows of a table into inputs.

        Args:
          table: has all columns of the inputs, in any order, and no others but the target.
          where: the name of the table in a message, usually its file.

        Returns:
          `float64` inputs `(rows, len(self.input_names))`.

        Raises:
          InputError: if a column is missing or was not in the training table, or a cell is empty,
            is not a finite number, or has an unknown category. The message names the columns, or
            the column and the row, counted from 1 without the header. Also if the inputs need
            more memory than `check_memory` allows.
        """
        self._check_names(table.column_names, where)
        shape = (len(table), len(self.input_names))
        check_memory(8 * math.prod(shape), f"{where}: {shape[0]} rows of {shape[1]} inputs take")
        x = np.zeros(shape)
        for i, name in enumerate(self.numeric):
            x[:, i] = numeric_values(table[name], f"{where}: column {name!r}")
        start, rows = len(self.numeric), np.arange(len(table))
        for name, categories in self.categorical.items():
            codes = category_codes(table[name], categories, f"{where}: column {name!r}")
            x[rows, start + codes] = 1
            start += len(categories)
        return x

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
        every = number_columns(len(self.numeric) + len(self.categorical) + len(self.target))
        inputs = [name for name in every if name not in self.target]
        for names in (every, inputs):
            if len(names) == count:
                return names
        raise InputError(
            f"{where}: expected {len(every)} columns, or {len(inputs)} without the target, "
            f"got {count}"
        )

    def _check_names(self, names: list[str], where: str) -> None:
        wanted, given = {*self.numeric, *self.categorical}, set(names)
        absent = [name for name in (*self.numeric, *self.categorical) if name not in given]
        extra = [name for name in names if name not in wanted and name not in self.target]
        if absent:
            raise InputError(f"{where}: expected {_name_columns(absent)}, got no such column")
        if extra:
            raise InputError(
                f"{where}: expected no columns but those of the training table, "
                f"got {_name_columns(extra)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Convert the columns to plain lists and dictionaries, for JSON.

        Returns:
          The record that `from_dict` reads.
        """
        return {
            "numeric": list(self.numeric),
            "categorical": [[name, list(values)] for name, values in self.categorical.items()],
            "target": list(self.target),
            "header": self.header,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Rebuild the columns from their record.

        Args:
          record: the result of `to_dict`.

        Returns:
          Columns equal to the original ones.

        Raises:
          InputError: if version 0.1.0 wrote the record and lost the order of its text columns.
        """
        pairs = record["categorical"]
        if isinstance(pairs, dict):
            if len(pairs) > 1:
                raise InputError(
                    "jaxmlp 0.1.0 saved this network without the order of its text columns"
                    f" {_quote_names(sorted(pairs))}: continue its run once, with --resume"
                )
            pairs = list(pairs.items())
        categorical = {name: tuple(values) for name, values in pairs}
        header = record.get("header", True)
        return cls(tuple(record["numeric"]), categorical, tuple(record["target"]), header)


def input_places(found: dict[str, Any], wanted: dict[str, Any]) -> np.ndarray | None:
    """Find the inputs of one table among those of another, whose columns may come in another order.

    Args:
      found: the record of `Columns.to_dict` of the table at hand.
      wanted: that of the table that a network was trained on.

    Returns:
      The place of each wanted input among those found, `(inputs,)`; `None` if the tables have other
      columns, categories or targets.
    """
    pairs = [dict(record["categorical"]) for record in (found, wanted)]
    if pairs[0] != pairs[1] or found["target"] != wanted["target"]:
        return None
    if isinstance(wanted["categorical"], dict):  # version 0.1.0 lost their order
        wanted = wanted | {"categorical": found["categorical"]}
    have, want = _inputs_of(found), _inputs_of(wanted)
    if sorted(have) != sorted(want):
        return None
    places = {each: i for i, each in enumerate(have)}
    return np.array([places[each] for each in want])


def _inputs_of(record: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the column of each input, with its category if the column is text."""
    texts = [(name, value) for name, values in record["categorical"] for value in values]
    return [*((name,) for name in record["numeric"]), *texts]


def infer_columns(
    table: "pa.Table", target: tuple[str, ...], where: str, header: bool = True
) -> Columns:
    """Decide how the columns of a table become inputs: text is a category, the rest is a number.

    Args:
      table: the training table.
      target: the names of the columns to predict.
      where: the name of the table in a message.
      header: whether the table names its columns.

    Returns:
      The columns.

    Raises:
      InputError: if a column of text has an empty cell or too many different values, or if the
        table has no column beside the target.
    """
    numeric, categorical = [], {}
    for name in table.column_names:
        if name in target:
            continue
        if is_text(table[name]):
            categorical[name] = _find_categories(table[name], f"{where}: column {name!r}")
        else:
            numeric.append(name)
    if not numeric and not categorical:
        raise InputError(
            f"{where}: expected at least one column beside the target {_quote_names(target)}, "
            "got none"
        )
    return Columns(tuple(numeric), categorical, target, header)


def is_text(column: Any) -> bool:
    """Decide whether a column holds text.

    A column of strings of which at least half are numbers is taken as numbers with bad cells.

    Args:
      column: a column of a table.

    Returns:
      True for text, False for anything else.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return False
    alike = pc.sum(pc.match_substring_regex(column, f"^{NUMBER_PATTERN}$")).as_py() or 0
    return 2 * alike < len(column)


def _find_categories(column: Any, where: str) -> tuple[str, ...]:
    import pyarrow.compute as pc

    check_no_missing_values(column, where)
    values = sorted(pc.unique(column).to_pylist())
    if len(values) > min(MOST_CATEGORIES, max(20, len(column) // 2)):
        raise InputError(
            f"{where}: expected numbers or a few categories, got {len(values)} different texts in "
            f"{len(column)} rows"
        )
    return tuple(values)


def numeric_values(column: Any, where: str) -> np.ndarray:
    """Read a column as numbers.

    Args:
      column: a column of a table.
      where: the name of the column in a message.

    Returns:
      `float64` numbers `(rows,)`.

    Raises:
      InputError: if a cell is empty, not a number or not finite, or if the type of the column is
        neither text nor number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    check_no_missing_values(column, where)
    kind = column.type
    if pa.types.is_string(kind):
        row = _first_true(pc.invert(pc.match_substring_regex(column, f"^{NUMBER_PATTERN}$")))
        if row is not None:
            raise InputError(
                f"{where}, row {row + 1}: expected a number, got {column[row].as_py()!r}"
            )
        values = np.array([float(text) for text in column.to_pylist()])
    elif (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    ):
        values = column.cast(pa.float64(), safe=False).to_numpy()
    else:
        raise InputError(f"{where}: expected numbers or text, got the type {kind}")
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(
            f"{where}, row {bad[0] + 1}: expected a finite number, got {values[bad[0]]}"
        )
    return values


def category_codes(column: Any, categories: tuple[str, ...], where: str) -> np.ndarray:
    """Number the cells of a column by their category.

    Args:
      column: a column of a table.
      categories: the texts that the cells may hold.
      where: the name of the column in a message.

    Returns:
      The index of each cell's text in `categories`, `(rows,)`.

    Raises:
      InputError: if a cell is empty or holds none of the categories.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    check_no_missing_values(column, where)
    column = column.cast(pa.string())
    places = pc.index_in(column, pa.array(categories, pa.string()))
    row = _first_true(pc.is_null(places))
    if row is not None:
        raise InputError(
            f"{where}, row {row + 1}: expected one of {_quote_names(categories)}, "
            f"got {column[row].as_py()!r}"
        )
    return places.to_numpy()


def check_no_missing_values(column: Any, where: str) -> None:
    """Reject a column with a cell that is empty, null or NaN.

    Args:
      column: a column of a table.
      where: the name of the column in a message.

    Raises:
      InputError: if there is one; the message names its row, counted from 1 without the header.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    empty = pc.is_null(column, nan_is_null=True)
    if pa.types.is_string(column.type):
        empty = pc.or_kleene(empty, pc.equal(pc.utf8_trim_whitespace(column), ""))
    row = _first_true(empty)
    if row is not None:
        raise InputError(f"{where}, row {row + 1}: the value is missing")


def _first_true(mask: Any) -> int | None:
    """Return the index of the first true cell, or None."""
    import pyarrow.compute as pc

    row = pc.index(mask, True).as_py()
    return None if row < 0 else row


def _name_columns(names: list[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {_quote_names(names)}"


def _quote_names(names: Iterable[str]) -> str:
    return listed([repr(name) for name in names], 10)
