"""Render chapters, and find where they place the experiments."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from experiments.book.markdown import anchor, highlight, insert, to_html
from experiments.book.source import Source, source_of
from experiments.framework import names
from experiments.lectures.errata import ERRATA
from experiments.lectures.rows import ROWS
from jaxmlp.cli.page import render
from jaxmlp.errors import check, naming, unknown

HERE = Path(__file__).parent
# the Markdown files, in the order of the book
CHAPTERS = ("a", "b", "c", "d", "e", "since", "errata", "glossary")
CALLS = ("experiment", "code", "rows", "errata", "answer")


class Chapter(NamedTuple):
    """A rendered chapter.

    Attributes:
      title: its heading.
      anchor: where a link leads to it.
      sections: the headings of its sections, and their anchors.
      html: the whole.
      placed: the experiments in it, in order.
    """

    title: str
    anchor: str
    sections: list[tuple[str, str]]
    html: Markup
    placed: list[str]


class Calls:
    """What a chapter can call. HTML is put aside, and a fenced block stands for it.

    Attributes:
      pieces: the HTML.
      placed: the experiments that were called for, in order.
    """

    def __init__(self, show: Callable[[str], str], known: Sequence[str]) -> None:
        self.pieces: list[str] = []
        self.placed: list[str] = []
        self._show = show
        self._known = known  # all experiments

    def _put(self, html: str) -> str:
        self.pieces.append(html)
        return insert(len(self.pieces) - 1)

    def experiment(self, name: str) -> str:
        """Place an experiment."""
        if name not in self._known:
            raise unknown("experiment", name, self._known)
        self.placed.append(name)
        return self._put(self._show(name))

    def code(self, path: str, *inner: str) -> str:
        """Show the source code of a name, or of functions inside it."""
        return self._put(_code(source_of(path, *inner), path))

    def rows(self, *chosen: str) -> str:
        """Link rows of the lectures."""
        for row in chosen:
            if row not in ROWS:
                raise unknown("row of the lectures", row, ROWS)
        return ", ".join(f"[{row}](#row-{row})" for row in chosen)

    def errata(self) -> str:
        """List the errata of the slides."""
        return self._put(render(HERE / "errata.html", errata=ERRATA))

    def answer(self, caller: Callable[[], str]) -> str:
        """Fold the answer to an exercise."""
        return self._put(_fold("Answer", to_html(caller())))


def _code(source: Source, path: str) -> str:
    return render(HERE / "code.html", code=highlight(source.code), source=source, path=path)


def _fold(summary: str, html: Markup) -> str:
    return render(HERE / "fold.html", summary=summary, html=html)


def filled(file: str, calls: object, folder: Path = HERE) -> str:
    """Return the Markdown of a chapter, with what its calls return.

    Args:
      file: the name of the file, without its ending.
      calls: has a method for each of `CALLS`.
      folder: the folder of the file.

    Returns:
      Markdown.
    """
    environment = Environment(loader=FileSystemLoader(folder), undefined=StrictUndefined)
    methods = {call: getattr(calls, call) for call in CALLS}
    return environment.get_template(f"{file}.md").render(methods)


def read(show: Callable[[str], str], folder: Path = HERE) -> list[Chapter]:
    """Render the chapters.

    Args:
      show: returns the HTML of the experiment with a name.
      folder: the folder of the Markdown files.

    Returns:
      The chapters, in the order of the book.

    Raises:
      InputError: if a chapter names an experiment, code or a row that does not exist, or an
        experiment has two places; the message names the chapter.
    """
    known = names()
    chapters: list[Chapter] = []
    for file in CHAPTERS:
        calls = Calls(show, known)
        with naming(f"chapter {file}"):
            text = filled(file, calls, folder)
            for name in calls.placed:
                twice = [*calls.placed, *placed(chapters)].count(name) > 1
                check(not twice, "an experiment", "placed once", name)
        headings = [line for line in text.splitlines() if line.startswith(("# ", "## "))]
        title, *sections = ((head := line.lstrip("# "), anchor(head)) for line in headings)
        chapters.append(Chapter(*title, sections, to_html(text, calls.pieces), calls.placed))
    return chapters


def placed(chapters: Sequence[Chapter]) -> list[str]:
    """Return the experiments that have a place, in the order of the book."""
    return [name for chapter in chapters for name in chapter.placed]


def unplaced() -> list[str]:
    """Return the experiments that no chapter has a place for."""
    found = placed(read(lambda name: ""))
    return [name for name in names() if name not in found]
