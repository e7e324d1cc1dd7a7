"""Write `experiments/LECTURES.md`, which leads from each slide to all that answers it, and back."""

from collections.abc import Iterable
from pathlib import Path

from experiments import framework
from experiments.lectures import sources
from experiments.lectures.errata import ERRATA
from experiments.lectures.records import Deck, Erratum, Row, Slip
from experiments.lectures.rows import DECKS, ROWS
from experiments.lectures.sources import ROOT, Documented
from jaxmlp.files import write_atomically

FOLDER = ROOT / "experiments"
PATH = FOLDER / "LECTURES.md"
BREAK = "<br>"
HEAD = """\
# The lectures, slide by slide

Five decks, {rows} rows, {errata} errata. Docstrings and tests cite a row as "lecture row B10" and
an erratum as "erratum 9".

- From a slide: find its title in the contents of its deck, which lead to the row, and from there to
  the code, the tests, the experiments and the errata.
- From the code: find the name in [the code and its rows](#the-code-and-its-rows).

Verdicts are those on record; `python -m experiments NAME` puts a claim to the test again. Claims
are in our own words. `make index` writes this page, and a test fails when it is out of date.

{decks}

[Errata](#errata) · [The code and its rows](#the-code-and-its-rows)
"""
ROW_COLUMNS = ("row", "what, where, claim", "formula", "code", "tests", "experiments", "errata")
SLIP_COLUMNS = ("the slide", "right", "case", "the slide gives", "right is")
KINDS = {
    "slip": "",
    "condition": "Right only under a condition that the slide does not name.",
    "reading": "Right as it stands, and easily misread.",
    "claim": "Asserted, not shown.",
    "choice": "A choice, not a mistake.",
    "as extracted": "As extracted: the slide itself may be right.",
}


def write() -> Path:
    """Write the index and return its path."""
    write_atomically(PATH, page())
    return PATH


def page() -> str:
    """Return the index as Markdown."""
    decks = "\n".join(
        f"- [Deck {d.letter}](#deck-{d.letter.lower()}): {d.source}" for d in DECKS.values()
    )
    parts = [HEAD.format(rows=len(ROWS), errata=len(ERRATA), decks=decks)]
    parts += [_deck(deck) for deck in DECKS.values()]
    parts += ["## Errata\n", *(_erratum(erratum) for erratum in ERRATA)]
    parts += ["## The code and its rows\n", _code()]
    return "\n".join(parts)


def experiments_of(row: str) -> list[str]:
    """Return the names of the experiments that test a row, first those that name it first."""
    found = [
        (about_rows(name).index(row), name) for name in framework.names() if row in about_rows(name)
    ]
    return [name for _, name in sorted(found)]


def about_rows(name: str) -> tuple[str, ...]:
    """Return the rows that an experiment tests."""
    return framework.load(name).ABOUT.rows


def tests_of(row: str) -> list[Documented]:
    """Return the tests that cite a row."""
    return [item for item in sources.documented("tests") if row in item.rows]


def errata_of(row: str) -> list[Erratum]:
    """Return the errata that concern a row."""
    return [erratum for erratum in ERRATA if row in erratum.rows]


def _deck(deck: Deck) -> str:
    contents = [
        f"- {title}: {_row_links(row.id for row in deck.rows if title in row.sections)}"
        for title in deck.sections
    ]
    return "\n".join(
        (
            f"## Deck {deck.letter}\n",
            f"{deck.source}.\n",
            _table(ROW_COLUMNS, map(_row, deck.rows)),
            "<details><summary>Table of contents of the deck</summary>\n",
            *contents,
            "\n</details>\n",
        )
    )


def _row(row: Row) -> tuple[str, ...]:
    anchor = f'<a id="{row.id.lower()}"></a>**{row.id}**'
    what = f"**{row.title}** ({'; '.join(row.sections)})"
    return (
        anchor,
        what + (f"{BREAK}*{row.claim}*" if row.claim else ""),
        _formula(row.formula),
        BREAK.join(_code_link(name) for name in row.code),
        BREAK.join(map(_test_link, tests_of(row.id))),
        BREAK.join(map(_experiment_link, experiments_of(row.id))),
        ", ".join(f"[{e.number}](#erratum-{e.number})" for e in errata_of(row.id)),
    )


def _erratum(erratum: Erratum) -> str:
    cited = [d for folder in ("tests", "jaxmlp") for d in sources.documented(folder)]
    places = [_test_link(item) for item in cited if erratum.number in item.errata]
    places += [
        _experiment_link(name)
        for name in framework.names()
        if erratum.number in _claim_module(name).errata
    ]
    lines = (
        f"### Erratum {erratum.number}\n",
        f"**{erratum.title}** ({_row_links(erratum.rows)}: {erratum.section})."
        f" {erratum.words} {KINDS[erratum.kind]}".rstrip()
        + "\n",
        _table(SLIP_COLUMNS, map(_slip, erratum.slips)),
        f"Cited by {', '.join(places)}.\n" if places else "",
    )
    return "\n".join(line for line in lines if line)


def _claim_module(name: str) -> Documented:
    """Return an experiment's module with its docstring."""
    full = f"experiments.claims.{name}"
    return next(item for item in sources.documented("experiments/claims") if item.name == full)


def _slip(slip: Slip) -> tuple[str, ...]:
    return (_formula(slip.printed), _formula(slip.right), slip.case, *slip.values)


def _code() -> str:
    """Return the table from the names of the code back to the rows."""
    rows: dict[str, list[str]] = {}
    for row in ROWS.values():
        for name in row.code:
            rows.setdefault(name, []).append(row.id)
    lines = ((_code_link(name, full=True), _row_links(rows[name])) for name in sorted(rows))
    return _table(("name", "rows"), lines)


def _row_links(rows: Iterable[str]) -> str:
    return ", ".join(f"[{row}](#{row.lower()})" for row in rows)


def _code_link(name: str, full: bool = False) -> str:
    short = name if full else ".".join(name.split(".")[-2:])
    return f"[`{short}`]({sources.locate(name).link(FOLDER)})"


def _test_link(item: Documented) -> str:
    name = item.name.rsplit(".", 1)[1] if item.place.line else item.place.path.name
    return f"[{name}]({item.place.link(FOLDER)})"


def _experiment_link(name: str) -> str:
    module = framework.load(name)
    return f"[{name}](claims/{name}.py): **{module.ABOUT.expected}**"


def _formula(text: str) -> str:
    """Return a formula as GitHub renders it, with nothing in it that Markdown would read."""
    return f"$`{text}`$" if text else ""


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    columns = tuple(columns)
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
