"""What a user says about a table: what its columns are for, and which rows are held out."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jaxmlp.data.gaps import MARKERS
from jaxmlp.data.splits import TEST_FRACTION
from jaxmlp.errors import InputError


@dataclass(frozen=True)
class TableOptions:
    """What a user says about a table; the fields are those of the configuration.

    Attributes:
      target: the column to predict, or several with commas between them; `first` or `last` for the
        column there.
      drop: columns that are no inputs.
      keep: columns that are inputs, although they look like identifiers, free text or constants.
      categorical: columns whose values are categories, also if they are numbers.
      numeric: columns of numbers, also if a unit stands beside them.
      missing: further texts that stand in cells that hold nothing.
      weight: the column that tells how much each row counts in the training loss.
      group: the column whose equal cells stay in one part.
      time: the column that orders the rows; the latest are held out.
      test: the file of the test part.
      test_size: the share of rows in the test part, or their number if it is at least 1.
    """

    target: str | None = None
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    weight: str | None = None
    group: str | None = None
    time: str | None = None
    test: str | None = None
    test_size: float | None = None

    @property
    def markers(self) -> tuple[str, ...]:
        """What stands in a cell that holds nothing, in small letters."""
        own = (text.strip().lower() for text in self.missing)
        return tuple(dict.fromkeys((*MARKERS, *own)))

    def held_out(self, rows: int) -> int:
        """Return how many of some rows are for the test part.

        Args:
          rows: the number of rows, at least 2.

        Returns:
          A number from 1 to `rows - 1`.

        Raises:
          InputError: if as many rows or more are asked for.
        """
        size = TEST_FRACTION if self.test_size is None else self.test_size
        if size >= rows or (size < 1 and round(size * rows) >= rows):
            raise InputError(f"test_size must be less than the {rows} examples, got {size:g}")
        return int(size) if size >= 1 else max(1, round(size * rows))

    def check(self, names: Sequence[str], where: str) -> None:
        """Check that every column that is named exists, and is named for one thing.

        Args:
          names: the names of the table's columns.
          where: the name of the table in a message.

        Raises:
          InputError: if there is no such column, or one cannot be both of two things.
        """
        several = {name: getattr(self, name) for name in ("drop", "keep", "categorical", "numeric")}
        single = {name: getattr(self, name) for name in ("weight", "group", "time")}
        for option, given in (several | {k: (v,) for k, v in single.items() if v}).items():
            for name in given:
                check_column(name, names, where, option)
        for first, second in (("drop", "keep"), ("categorical", "numeric"), ("drop", "numeric")):
            both = sorted({*several[first]} & {*several[second]})
            if both:
                raise InputError(f"{where}: {both[0]!r} cannot be in {first} and in {second}")
        if self.group and self.time:
            raise InputError(f"{where}: group and time cannot both choose the test part")
        if self.test and (self.group or self.time or self.test_size is not None):
            raise InputError(
                f"{where}: test names the test part: test_size, group and time do not apply"
            )


def check_column(name: str, names: Iterable[str], where: str, what: str) -> None:
    """Reject the name of a column that is not there, with the nearest one.

    Args:
      name: the name.
      names: the names of the columns.
      where: the name of the table in a message.
      what: what the column should be.

    Raises:
      InputError: if there is no such column.
    """
    names = list(names)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0)[0]
        raise InputError(f"{where}: the {what} {name!r} is not a column; the nearest is {near!r}")
