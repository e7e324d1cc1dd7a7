"""Decide whether the first line of a table names the columns, or is an example already."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from jaxmlp.data.gaps import WORDS, is_gap
from jaxmlp.data.numerals import looks_numeric

NUMBER_PATTERN = r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*"
MOST = 0.8  # of the cells of a column are alike, if it is a column of numbers, or of one form
LOOK = 2_000  # rows that are compared with the first line
FEW_NUMBERS = 8  # a row of fewer numbers may ascend by chance


def number_columns(count: int) -> list[str]:
    """Return names for the columns of a table without a header: `column1`, `column2`, ...

    Args:
      count: the number of columns.

    Returns:
      The names.
    """
    return [f"column{i}" for i in range(1, count + 1)]


def name_columns(cells: Sequence[str]) -> list[str]:
    """Return a different name for each column of a table with a header.

    An empty cell becomes `columnK`, with its place K counted from 1; a name that was there before
    gets `.1`, `.2` and so on behind it.

    Args:
      cells: the cells of the header.

    Returns:
      The names.
    """
    taken = {cell for cell in cells if cell}
    names: list[str] = []
    for place, cell in enumerate(cells, 1):
        name, count = cell or f"column{place}", 0
        while name in names or (count and name in taken) or (not cell and name in taken):
            count += 1
            name = f"{cell or f'column{place}'}.{count}"
        names.append(name)
    return names


class Votes(NamedTuple):
    """How many cells of a first line look like names of their columns, and how many like cells."""

    names: int
    cells: int


def count_votes(first: Sequence[str], rows: Sequence[Sequence[str]]) -> Votes:
    """Compare each cell of the first line with its column.

    A text above numbers is a name. So is a text above cells of one form, such as dates, that has
    another form, and an empty first cell above the names of rows. A number above numbers is a cell,
    unless the numbers of the line are names, see `_are_names`. A text that stands also below is a
    cell. Other texts say nothing.

    Args:
      first: the cells of the first line.
      rows: the cells of the rows below.

    Returns:
      The votes.
    """
    rows = [row for row in rows[:LOOK] if [*row] != [*first]]  # a header may be there twice
    numbers = [cell for cell in first if looks_numeric(cell)]
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in first]
    votes = [_vote(cell, column) for cell, column in zip(first, columns, strict=True)]
    if rows and not first[0] and all(columns[0]):
        votes[0] = 1
    if numbers and _are_names(first, rows, beside_names=1 in votes):
        votes = [0 if looks_numeric(c) else v for c, v in zip(first, votes, strict=True)]
        if len(numbers) == len(first):
            return Votes(len(first), 0)
    return Votes(votes.count(1), votes.count(-1))


def looks_like_example(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Decide whether the first line of a table is a row of it.

    Args:
      first: the cells of the first line.
      rows: the cells of the rows below.

    Returns:
      True if more of its cells look like cells of their columns than like names.
    """
    votes = count_votes(first, rows)
    return votes.cells > votes.names


def _vote(cell: str, column: Sequence[str]) -> int:
    """Return 1 if a cell looks like the name of a column, -1 if like a cell of it, else 0."""
    given = [each for each in column if not is_gap(each)]
    if not cell or not given:
        return 0
    numeric = sum(map(looks_numeric, given)) >= MOST * len(given)
    if numeric and cell.lower() in WORDS:
        return 0
    if numeric:
        return -1 if looks_numeric(cell) or is_gap(cell) else 1
    if cell.lower() in {each.lower() for each in given}:
        return -1
    form = _form(given[0])
    alike = sum(_form(each) == form for each in given) >= MOST * len(given)
    if alike and form[0] in "9-+($€£":
        return -1 if _form(cell) == form else 1
    return 0


def _form(cell: str) -> str:
    """Return the form of a cell: `9-9-9` for a date, `9 a` for a number with a unit."""
    return re.sub(r"[^\W\d]+", "a", re.sub(r"\d+", "9", cell))


def _are_names(first: Sequence[str], rows: Sequence[Sequence[str]], beside_names: bool) -> bool:
    """Decide whether the numbers of a first line name columns, such as pixels or wavelengths.

    They do if they count from 0, or if they ascend and stand beside names. Else they have to
    ascend at equal distances where most rows do not, or be many that ascend where most do not.
    """
    places = [place for place, cell in enumerate(first) if looks_numeric(cell)]
    numbers = _plain_numbers([first[place] for place in places])
    if len(numbers) < 2 or numbers != sorted(set(numbers)):
        return False
    if beside_names or (numbers == [*range(len(numbers))] and len(numbers) > 2):
        return True
    below = [_plain_numbers([row[place] for place in places]) for row in rows]
    if _is_even(numbers):
        return 2 * sum(map(_is_even, below)) <= len(rows)
    if numbers == [0, 1]:  # as pandas numbers two columns
        return any("." in row[place] for row in rows for place in places)
    ascending = sum(len(row) > 1 and row == sorted(set(row)) for row in below)
    return len(numbers) >= FEW_NUMBERS and 2 * ascending <= len(rows)


def _is_even(numbers: list[float]) -> bool:
    """Return whether three numbers or more have equal distances, as years do."""
    return len(numbers) > 2 and len({b - a for a, b in pairwise(numbers)}) == 1


def _plain_numbers(cells: Sequence[str]) -> list[float]:
    """Return the numbers of cells; none if one is written in another way than Python's."""
    good = all(re.fullmatch(NUMBER_PATTERN, cell) for cell in cells)
    return [float(cell) for cell in cells] if good else []
