"""The parts of the index: decks, rows and errata."""

from collections.abc import Callable
from typing import NamedTuple

Case = Callable[[], tuple[float | str, float | str]]  # the value of a slide and the right one


class Row(NamedTuple):
    """A row of the lectures: a thing that a deck teaches, and what the project has of it.

    Attributes:
      id: the letter of the deck and a number, as docstrings and tests cite it: `"B10"`.
      title: what it is.
      sections: the sections of the deck that teach it, as the deck names them.
      formula: in LaTeX.
      code: the dotted names of what computes it, in the order in which to read them; a module where
        all of it counts.
      claim: what the deck claims, in our words; empty where there is nothing to put to the test.
    """

    id: str
    title: str
    sections: tuple[str, ...]
    formula: str
    code: tuple[str, ...]
    claim: str = ""


class Deck(NamedTuple):
    """A lecture.

    Attributes:
      letter: with which the rows of the deck begin.
      source: author, title, place and year.
      sections: the titles of its slides or sections, in their order, each once.
      rows: its rows.
    """

    letter: str
    source: str
    sections: tuple[str, ...]
    rows: tuple[Row, ...]


class Slip(NamedTuple):
    """One printed form beside the right one, with a case in which the two differ.

    Attributes:
      printed: the form of the slide in our transcription, in LaTeX.
      right: the right form, in LaTeX.
      case: the numbers that are put in, in words.
      values: what the printed and the right form give there, as the index shows it; a test computes
        both by `cases`.
    """

    printed: str
    right: str
    case: str
    values: tuple[str, str]


class Erratum(NamedTuple):
    """A place where a deck says something that does not hold as it stands.

    Attributes:
      number: under which docstrings and tests cite it.
      title: what it is about.
      rows: the rows that it concerns.
      section: the section of the deck.
      words: what is printed, what is right and why it matters.
      slips: the printed forms beside the right ones.
      kind: `"slip"`, `"condition"` (right only under a condition that is not named), `"choice"`
        (one of several right conventions), `"reading"` (right, but easily misread), `"claim"`
        (asserted, not shown) or `"as extracted"` (the fault may be one of the extraction of the
        text and not of the slide).
    """

    number: int
    title: str
    rows: tuple[str, ...]
    section: str
    words: str
    slips: tuple[Slip, ...]
    kind: str = "slip"
