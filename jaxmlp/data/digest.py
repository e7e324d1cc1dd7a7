"""A digest of a table that is larger than memory: enough of its rows to decide about its columns.

The digest holds 65,536 rows, chosen evenly by a hash, or all rows if they are fewer. Beside them it
has each different cell of every column that has few: all texts up to 10,000, all numbers up to 22.
So no category is missed, and what holds of all cells, such as that they are alike, holds of the
digest. What is a matter of shares and medians is estimated by the chosen rows: the rank of a median
is right to about 0.2 percent.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.data.cells import is_text
from jaxmlp.data.column_kinds import FEW

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 65_536  # rows
MOST_TEXTS = 10_000  # different cells of a column of texts
MOST_NUMBERS = FEW + 2  # of a column of anything else


class Different:
    """The different cells of a column, or the different rows of some columns, as far as few.

    Attributes:
      few: whether all are known; if there are too many, none is kept.
    """

    def __init__(self, most: int) -> None:
        """Begin with none.

        Args:
          most: the greatest number that is kept.
        """
        self.few, self._most = True, most
        self._found: Any = None

    def among(self, rows: "pa.Table") -> "pa.Table | None":
        """Return what `take` needs to know of some rows; `None` if they are too many."""
        if not self.few:
            return None
        found = different_rows(rows) if len(rows) else rows
        return found if len(found) <= self._most else None

    def take(self, found: "pa.Table | None") -> None:
        """Add what was found among some rows, in their order."""
        import pyarrow as pa

        if found is None or not self.few:
            self.few, self._found = False, None
            return
        if len(found) == 0:
            return
        if self._found is not None:
            found = different_rows(pa.concat_tables([self._found, found]))
        self.few = len(found) <= self._most
        self._found = found if self.few else None

    @property
    def rows(self) -> "pa.Table | None":
        """The different rows, in the order in which they came; `None` if they are too many."""
        return self._found


def different_rows(rows: "pa.Table") -> "pa.Table":
    """Return the different rows of a table, in the order in which they come first."""
    return rows.group_by(rows.column_names, use_threads=False).aggregate([])


class Cells(NamedTuple):
    """What the digest needs to know of some rows.

    Attributes:
      sample: the rows that are kept.
      train: which of these are for training.
      different: the different cells of each column in each part, see `Different.among`.
      numbers: of each column the first and the last number, see `_Counting.among`.
    """

    sample: "pa.Table"
    train: np.ndarray
    different: dict[tuple[str, bool], Any]
    numbers: dict[str, tuple[int, int] | None]


class Digest:
    """The digest of a table, built piece by piece."""

    def __init__(self, schema: Any, rows: int, categorical: Sequence[str]) -> None:
        """Begin with nothing.

        Args:
          schema: of the table.
          rows: the number of its rows.
          categorical: the columns of which every different cell is wanted.
        """
        self._sample: list[pa.Table] = []
        self._trained: list[np.ndarray] = []
        self._counting = {field.name: _Counting() for field in schema}
        self._different = {
            (field.name, train): Different(
                MOST_TEXTS if is_text(field.type) or field.name in categorical else MOST_NUMBERS
            )
            for field in schema
            for train in (True, False)
        }
        self._whole = rows <= SAMPLE
        self._schema = schema

    def among(self, rows: "pa.Table", chosen: np.ndarray, train: np.ndarray) -> Cells:
        """Return what `take` needs to know of some rows.

        Args:
          rows: the rows.
          chosen: which of them are kept, `(rows,)`.
          train: which of them are for training, `(rows,)`.

        Returns:
          What the digest needs to know of them.
        """
        found = Cells(rows.filter(chosen), train[chosen], {}, {})
        if self._whole or len(rows) == 0:
            return found
        for (name, part), different in self._different.items():
            if different.few:
                own = rows.select([name]).filter(train if part else ~train)
                found.different[name, part] = different.among(own)
        for name, counting in self._counting.items():
            found.numbers[name] = counting.among(rows[name])
        return found

    def take(self, found: Cells) -> None:
        """Add what was found among some rows, in their order."""
        self._sample.append(found.sample)
        self._trained.append(found.train)
        for key, cells in found.different.items():
            self._different[key].take(cells)
        for name, ends in found.numbers.items():
            self._counting[name].take(ends)

    def table(self) -> tuple["pa.Table", np.ndarray]:
        """Return the digest, and the indices of its rows that are for training."""
        import pyarrow as pa

        sample = pa.concat_tables(self._sample)
        train = np.concatenate(self._trained)
        if self._whole:
            return sample, np.flatnonzero(train)
        zones = [self._zone(sample, train, part) for part in (True, False)]
        rows = [np.flatnonzero(train), np.arange(len(zones[0])) + len(sample)]
        return self._numbered(pa.concat_tables([sample, *zones])), np.concatenate(rows)

    def _zone(self, sample: "pa.Table", train: np.ndarray, part: bool) -> "pa.Table":
        """Return the different cells of all columns in a part, each filled up with chosen cells."""
        import pyarrow as pa

        own = sample.filter(train == part)
        known = {name: self._different[name, part].rows for name in sample.column_names}
        size = max((len(found) for found in known.values() if found is not None), default=0)
        if len(own) == 0:
            return self._schema.empty_table()
        columns = []
        for name in sample.column_names:
            found = known[name]
            cells = [] if found is None else found[name].chunks
            more = size - sum(map(len, cells))
            even = np.linspace(0, len(own) - 1, more).astype(int)
            fill = own[name].take(even).chunks
            columns.append(pa.chunked_array([*cells, *fill], sample.schema.field(name).type))
        return pa.table(columns, schema=sample.schema)

    def _numbered(self, sample: "pa.Table") -> "pa.Table":
        """Return the digest; a column that numbers all rows numbers those of the digest too."""
        import pyarrow as pa

        for i, field in enumerate(sample.schema):
            first = self._counting[field.name].first
            if first is not None:
                numbers = pa.array(np.arange(len(sample)) + first).cast(field.type)
                sample = sample.set_column(i, field, numbers)
        return sample


class _Counting:
    """Whether a column counts the rows, from 0 or 1 on.

    Attributes:
      first: the number of the first row; `None` if it does not count them.
    """

    def __init__(self) -> None:
        self.first: int | None = None
        self._next: int | None = None
        self._over = False

    def among(self, cells: Any) -> tuple[int, int] | None:
        """Return the first and the last of at least one cell; `None` if they do not count."""
        import pyarrow.types as types

        if self._over or not types.is_integer(cells.type) or cells.null_count:
            return None
        values = cells.to_numpy()
        return None if (np.diff(values) != 1).any() else (int(values[0]), int(values[-1]))

    def take(self, ends: tuple[int, int] | None) -> None:
        """Add what was found among the next cells."""
        expected = (0, 1) if self._next is None else (self._next,)
        if self._over or ends is None or ends[0] not in expected:
            self._over, self.first = True, None
            return
        if self._next is None:
            self.first = ends[0]
        self._next = ends[1] + 1
