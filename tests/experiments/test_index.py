"""The index of the lectures: whole, up to date, and every way through it leads somewhere.

Nothing is run: the sources are parsed, and the experiments' modules are imported.
"""

import re

import pytest
from latex2mathml.converter import convert

from experiments import __main__ as command
from experiments import framework
from experiments.lectures import index, sources
from experiments.lectures.contents import TITLES
from experiments.lectures.errata import ERRATA
from experiments.lectures.rows import DECKS, ROWS
from experiments.lectures.sources import ROOT, Place

# What rows still lack. A row leaves its list as soon as it has the thing; all three shall be empty.
NO_CODE = ""
NO_TEST = ""
NO_EXPERIMENT = ""

PAGE = index.PATH.read_text(encoding="utf-8")
LINKS = sorted(set(re.findall(r"\]\(([^)#]+)(?:#L(\d+))?\)", PAGE)))
ANCHORS = sorted(set(re.findall(r"\]\(#([^)]+)\)", PAGE)))
QUOTES = r'deck ([A-E]), (?:appendix )?((?:(?:, | and )?"[^"]+")+)'  # in a docstring
CODE = [*sources.documented("jaxmlp")]  # and what all experiments share
CODE += [d for d in sources.documented("experiments") if d.place.path.parent == index.FOLDER]
FORMULAS = [row.formula for row in ROWS.values()]
FORMULAS += [form for e in ERRATA for slip in e.slips for form in (slip.printed, slip.right)]


def test_the_page_is_what_the_command_writes(capsys, monkeypatch, tmp_path):
    """After a change of lines or rows: python -m experiments --index, or make index."""
    monkeypatch.setattr(index, "PATH", tmp_path / "LECTURES.md")
    assert command.main(["--index"]) == 0
    assert "LECTURES.md" in capsys.readouterr().out
    written = (tmp_path / "LECTURES.md").read_text(encoding="utf-8")
    assert written == PAGE, "experiments/LECTURES.md is out of date: python -m experiments --index"


def test_the_rows_are_those_of_the_lectures():
    """11 + 14 + 14 + 13 + 14 of them, numbered from 1 in each deck."""
    counts = {letter: len(deck.rows) for letter, deck in DECKS.items()}
    assert counts == {"A": 11, "B": 14, "C": 14, "D": 13, "E": 14}
    assert list(ROWS) == [f"{letter}{i + 1}" for letter in counts for i in range(counts[letter])]


@pytest.mark.parametrize("deck", DECKS.values(), ids=DECKS.keys())
def test_every_slide_leads_to_a_row(deck):
    taught = {title for row in deck.rows for title in row.sections}
    assert taught == set(deck.sections)
    assert len(deck.sections) == len(set(deck.sections))


def test_what_is_missing_is_known():
    """Each row has code, a test that cites it and, if it claims something, an experiment."""
    claiming = [row.id for row in ROWS.values() if row.claim]
    missing = {
        "NO_CODE": [row.id for row in ROWS.values() if not row.code],
        "NO_TEST": [row for row in ROWS if not index.tests_of(row)],
        "NO_EXPERIMENT": [row for row in claiming if not index.experiments_of(row)],
    }
    assert {name: " ".join(rows) for name, rows in missing.items()} == {
        "NO_CODE": NO_CODE,
        "NO_TEST": NO_TEST,
        "NO_EXPERIMENT": NO_EXPERIMENT,
    }


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_code_of_a_row_cites_it(row):
    """In its own docstring, or in that of its class or module; `locate` fails for no name."""
    citing = {item.name for item in CODE if row.id in item.rows}
    for name in row.code:
        sources.locate(name)
        parts = name.split(".")
        around = {".".join(parts[:end]) for end in range(2, len(parts) + 1)}
        inside = {other for other in citing if other.startswith(f"{name}.")}
        assert citing & around or inside, f"{name} does not cite lecture row {row.id}"


def test_a_citation_in_the_code_is_of_a_row_that_lists_the_name():
    """A module, a class and a private name may stand for what they hold."""
    missing = []
    for item in CODE:
        for row in item.rows:
            assert row in ROWS, f"{item.name} cites lecture row {row}, which does not exist"
            if not any(stands_for(item.name, name) for name in ROWS[row].code):
                missing.append(f"row {row} lacks {item.name} in `code`, which cites it")
    assert not missing


def stands_for(citing: str, listed: str) -> bool:
    """Return whether a docstring belongs to a listed name, or holds it or is part of it."""
    module, _, last = citing.rpartition(".")
    citing = module if last.startswith("_") and not last.startswith("__") else citing
    return listed == citing or listed.startswith(f"{citing}.") or citing.startswith(f"{listed}.")


@pytest.mark.parametrize("folder", ["jaxmlp", "tests", "experiments/lectures"])
def test_every_citation_can_be_read(folder):
    """Rows are cited in the one form that `sources` reads; nothing else looks like a row."""
    for item in sources.documented(folder):
        where = f"{item.name}, {item.place.path.relative_to(ROOT)}:{item.place.line}"
        assert not item.unreadable, f'{where}: write "lecture row {item.unreadable[0]}"'
        assert set(item.rows) <= ROWS.keys(), where
        assert set(item.errata) <= {erratum.number for erratum in ERRATA}, where


@pytest.mark.parametrize("name", framework.names())
def test_an_experiment_quotes_sections_of_its_rows(name):
    """Parts are separated by semicolons; after a colon, words of our own may follow.

    What is newer than the decks quotes a paper instead: authors (year), title.
    """
    about = framework.load(name).ABOUT
    assert set(about.rows) <= ROWS.keys()
    titles = [title for row in about.rows for title in ROWS[row].sections]
    for part in about.section.split(";"):
        quoted = (part, part.rpartition(":")[0])
        found = any(quotes(words, title) for words in quoted for title in titles)
        found = found or re.fullmatch(r"[A-Z].+ \((19|20)\d\d\), .+", part.strip())
        assert found, f"{name}: {part.strip()!r} is no section of rows {about.rows}: {titles}"


@pytest.mark.parametrize("name", framework.names())
def test_an_experiment_s_docstring_quotes_titles_of_the_deck(name):
    for letter, listed in re.findall(QUOTES, spaced(name)):
        for part in re.findall('"([^"]+)"', listed):
            assert any(quotes(part, title) for title in TITLES[letter]), f"{name}: {part!r}"


def spaced(name: str) -> str:
    """Return the docstring of an experiment with one space for each run of white space."""
    return " ".join((framework.load(name).__doc__ or "").split())


def quotes(part: str, title: str) -> bool:
    """Return whether the words of a part are words of a title, in their order."""
    words, rest = (re.findall(r"\w+", text.casefold()) for text in (part, title))
    following = iter(rest)
    return bool(words) and all(word in following for word in words)


def test_links_lead_to_lines_that_define_their_name():
    assert len(LINKS) > 100
    for target, line in LINKS:
        path = (index.FOLDER / target).resolve()
        assert path.exists(), target
        if line:
            text = path.read_text(encoding="utf-8").splitlines()[int(line) - 1]
            names = {
                re.sub(r".*\.", "", name.strip("`"))
                for name in re.findall(rf"\[([^\]]+)\]\({re.escape(target)}#L{line}\)", PAGE)
            }
            assert len(names) == 1
            assert re.match(rf"\s*(async def |def |class )?{names.pop()}\b", text), text


def test_anchors_exist():
    """Headings as GitHub turns them into anchors, and the anchors of the rows."""
    headings = re.findall(r"^#+ (.+)$", PAGE, re.M)
    known = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    known |= set(re.findall(r'<a id="([^"]+)">', PAGE))
    assert set(ANCHORS) <= known
    assert {row.lower() for row in ROWS} <= known


def test_tables_have_as_many_cells_as_columns():
    """No formula and no word contains what ends a cell."""
    for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.M):
        assert len({line.count("|") for line in block.splitlines()}) == 1


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_understood(formula):
    """No command of LaTeX is left as it is."""
    assert "\\" not in convert(formula)
    assert "`" not in formula


def test_a_place_knows_its_link():
    """Up from the folder of the index, or within it; a whole file has no line."""
    code, claim = ROOT / "jaxmlp/nn/losses.py", ROOT / "experiments/claims/dropout.py"
    assert Place(code, 53).link(index.FOLDER) == "../jaxmlp/nn/losses.py#L53"
    assert Place(claim, 0).link(index.FOLDER) == "claims/dropout.py"


@pytest.mark.parametrize("name", ["jaxmlp.nn.losses.no_such_loss", "no_such_package.loss"])
def test_a_name_that_nothing_defines(name):
    with pytest.raises(LookupError, match=f"{name} is not defined"):
        sources.locate(name)


def test_citations_are_read_in_every_form():
    place = Place(ROOT / "jaxmlp/nn/losses.py", 1)
    text = "Lecture rows A3, A4 and B9, erratum 9: row C1 (lecture row B10; errata 2 and 3), D3-D4."
    item = sources.Documented("loss", place, text)
    assert item.rows == ["A3", "A4", "B9", "B10"]
    assert item.errata == [9, 2, 3]
    assert item.unreadable == ["C1", "D3", "D4"]


def test_titles_are_kept_once():
    assert {letter: len(set(titles)) for letter, titles in TITLES.items()} == {
        letter: len(titles) for letter, titles in TITLES.items()
    }
