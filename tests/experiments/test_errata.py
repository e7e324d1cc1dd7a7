"""The errata: their numbers are those that code computes, and each can be found and read."""

import pytest

from experiments.lectures import index
from experiments.lectures.cases import CASES
from experiments.lectures.contents import TITLES
from experiments.lectures.errata import ERRATA
from experiments.lectures.rows import ROWS

pytestmark = pytest.mark.usefixtures("compile_quickly")

SLIPS = {
    f"{erratum.number}, {case.__name__}": (slip.values, case)
    for erratum in ERRATA
    for slip, case in zip(erratum.slips, CASES[erratum.number], strict=True)
}


def as_shown(value, text):
    """Return a value with as many digits as its text has."""
    return value if isinstance(value, str) else f"{value:.{len(text.partition('.')[2])}f}"


def test_code_computes_both_numbers():
    """The slide's form and the right one give what the index shows, and not the same."""
    shown = {name: values for name, (values, _) in SLIPS.items()}
    computed = {
        name: tuple(map(as_shown, case(), values)) for name, (values, case) in SLIPS.items()
    }
    assert computed == shown
    assert all(slide != right for slide, right in shown.values())


def test_numbers_name_one_erratum_each():
    numbers = [erratum.number for erratum in ERRATA]
    assert numbers == list(range(1, len(ERRATA) + 1))
    assert CASES.keys() == set(numbers)


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: str(erratum.number))
def test_an_erratum_names_its_place(erratum):
    """Its rows exist, and its sections are sections of their decks."""
    assert erratum.rows
    assert set(erratum.rows) <= ROWS.keys()
    titles = {title for row in erratum.rows for title in TITLES[row[0]]}
    assert set(erratum.section.split("; ")) <= titles
    assert erratum.kind in index.KINDS
    assert erratum.words.endswith(".")
