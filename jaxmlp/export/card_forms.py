"""The forms of a model card: a page for a browser, and Markdown."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxmlp.cli.page import render
from jaxmlp.errors import printable

MOST = 30  # names of columns or classes, and rows of classes
TEMPLATE = Path(__file__).with_name("card.html")


class Table(NamedTuple):
    """A table of a card."""

    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


class Section(NamedTuple):
    """A part of a card: sentences and tables under a title."""

    title: str
    items: list[str | Table]


def as_page(title: str, sections: Sequence[Section]) -> str:
    """Return a card as a page for a browser."""
    return render(TEMPLATE, title=title, sections=sections)


def as_markdown(title: str, sections: Sequence[Section]) -> str:
    """Return a card as Markdown; no name of a column or class commands the reader's program."""
    lines = [f"# {_escaped(title)}"]
    for section in sections:
        lines += ["", f"## {section.title}"]
        for item in section.items:
            lines.append("")
            lines += [_escaped(item)] if isinstance(item, str) else _table_in_markdown(item)
    return "\n".join(lines) + "\n"


def _table_in_markdown(table: Table) -> list[str]:
    width = len(table.rows[0]) if table.rows else len(table.header)
    header = table.header or ("",) * width
    rows = [header, ("---",) * width, *(tuple(map(_escaped, row)) for row in table.rows)]
    return [f"| {' | '.join(row)} |" for row in rows]


def _escaped(text: str) -> str:
    r"""Return a text whose signs of Markdown and HTML stand behind a `\`."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]<>#|&!" else sign for sign in printable(text))
