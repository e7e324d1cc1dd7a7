"""The chapters as notebooks that run: prose, source code with examples, and the experiments."""

import importlib
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from experiments.book import chapter
from experiments.book.examples import EXAMPLES
from experiments.book.markdown import INSERT, insert
from experiments.book.source import ROOT, source_of
from experiments.framework import claim, load, names
from experiments.lectures.errata import ERRATA
from experiments.lectures.index import KINDS
from experiments.lectures.records import Erratum
from experiments.lectures.rows import ROWS
from jaxmlp.errors import unknown
from jaxmlp.exercise.kit import notebook_of, write_notebooks

SETUP = """\
# `experiments` is no installed package: its folder is that of the project
import sys
from pathlib import Path

sys.path.insert(0, str(Path({root!r}).resolve()))

from experiments.book import cells"""
PLACES = re.compile(rf"\n```{INSERT}\n(\d+)\n```\n")
SECTIONS = re.compile(r"^(?=## )", re.MULTILINE)


class Calls:
    """What a chapter can call. Cells are put aside, and a fenced block stands for them.

    Attributes:
      pieces: the cells of each place: pairs of the kind and the source.
    """

    def __init__(self, root: str) -> None:
        self.pieces: list[list[tuple[str, str]]] = []
        self._root = root  # the path from the notebook to the project

    def _put(self, *cells: tuple[str, str]) -> str:
        self.pieces.append([*cells])
        return insert(len(self.pieces) - 1)

    def experiment(self, name: str) -> str:
        """Place an experiment: its claim, and a cell that runs it."""
        if name not in names():
            raise unknown("experiment", name, names())
        return self._put(("markdown", self._claim(name)), ("code", f'cells.experiment("{name}")'))

    def _claim(self, name: str) -> str:
        module = load(name)
        about = module.ABOUT
        return (
            f"### {claim(module)}\n\nLecture rows {self.rows(*about.rows)}: {about.section}\n\n"
            f"$${about.formula}$$\n\n**Threshold:** {about.threshold}\n\n"
            f"The cell runs it quickly; `python -m experiments {name}` takes"
            f" {about.seconds:.0f} s."
        )

    def code(self, path: str, *inner: str) -> str:
        """Show the source code of a name, and call it."""
        source_of(path, *inner)  # rejects what does not exist
        quoted = ", ".join(f'"{word}"' for word in (path, *inner))
        shown = f"{imported(path)}\n\ncells.source({quoted})"
        return self._put(("code", shown), ("code", EXAMPLES[path].strip()))

    def rows(self, *chosen: str) -> str:
        """Link rows of the lectures."""
        for row in chosen:
            if row not in ROWS:
                raise unknown("row of the lectures", row, ROWS)
        page = f"{self._root}/experiments/LECTURES.md"
        return ", ".join(f"[{row}]({page}#{row.lower()})" for row in chosen)

    def errata(self) -> str:
        """List the errata of the slides."""
        return self._put(*(("markdown", self._erratum(erratum)) for erratum in ERRATA))

    def _erratum(self, erratum: Erratum) -> str:
        kind = f" {KINDS[erratum.kind]}" if KINDS[erratum.kind] else ""
        lines = [
            f"### {erratum.number}. {erratum.title}",
            f"Lecture rows {self.rows(*erratum.rows)}: {erratum.section}.{kind}",
            erratum.words,
        ]
        for slip in erratum.slips:
            for word, formula, value in zip(
                ("printed", "right"), (slip.printed, slip.right), slip.values, strict=True
            ):
                lines.append(f"{word}: $\\displaystyle {formula}$ ({slip.case}: {value})")
        return "\n\n".join(lines)

    def answer(self, caller: Callable[[], str]) -> str:
        """Fold the answer to an exercise; the blank lines let Jupyter read Markdown inside."""
        text = caller().strip()
        return f"<details><summary>Answer</summary>\n\n{text}\n\n</details>"


def imported(path: str) -> str:
    """Return the line that imports a name from where users do: the shortest module that has it.

    Args:
      path: where it is defined, such as `jaxmlp.nn.layers.dense`.

    Returns:
      Such as `from jaxmlp.nn import dense`.
    """
    module, _, name = path.rpartition(".")
    parts = module.split(".")
    own = getattr(importlib.import_module(module), name)
    for end in range(2, len(parts)):
        shorter = ".".join(parts[:end])
        if getattr(importlib.import_module(shorter), name, None) is own:
            return f"from {shorter} import {name}"
    return f"from {module} import {name}"


def notebook(file: str, root: str) -> Any:
    """Return a chapter as a notebook.

    Args:
      file: its name, one of `chapter.CHAPTERS`.
      root: the path from the notebook's folder to that of the project.

    Returns:
      A notebook of nbformat 4.
    """
    from nbformat import v4

    make = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}
    calls = Calls(root)
    text = chapter.filled(file, calls)
    parts = [*_parts(text, calls.pieces)]
    title, *rest = parts
    parts = [title, ("code", SETUP.format(root=root)), *rest]
    cells = [make[kind](source, id=f"{file}-{n}") for n, (kind, source) in enumerate(parts)]
    return notebook_of(cells)


def _parts(text: str, pieces: list[list[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """Yield kind and source of each cell: a section of prose, or what was put aside."""
    for number, part in enumerate(PLACES.split(text)):
        if number % 2:
            yield from pieces[int(part)]
        else:
            sections = (section.strip() for section in SECTIONS.split(part))
            yield from (("markdown", section) for section in sections if section)


def write(folder: Path) -> list[Path]:
    """Write all chapters as notebooks, and none over another file.

    Args:
      folder: their folder, which is made if it does not exist.

    Returns:
      The paths of the notebooks.

    Raises:
      InputError: if nbformat is not installed, or one of the files exists; then nothing is written.
    """
    root = Path(os.path.relpath(ROOT, folder)).as_posix()
    made = {f"chapter_{file}.ipynb": partial(notebook, file, root) for file in chapter.CHAPTERS}
    return write_notebooks(folder, made, "--notebooks")
