"""The exercises as notebooks, one a deck, with the metadata of nbgrader (schema version 3)."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jaxmlp.cli.extras import need
from jaxmlp.errors import InputError
from jaxmlp.exercise.catalogue import TASKS
from jaxmlp.exercise.form import Exercise
from jaxmlp.exercise.hole import function_with_hole
from jaxmlp.exercise.placing import refuse_taken, write_new
from jaxmlp.exercise.question import LETTERS, Question

POINTS = 1
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # nbgrader replaces what is between
DECKS = "ABCDE"
HEAD = """\
# Exercises of deck {deck}

Fill each hole with NumPy or `jax.numpy`: functions get NumPy arrays of float64, return arrays, and
print nothing. The cell below a hole checks one example, and says which term is wrong. Other
examples follow when the notebook is graded."""
JUDGE = "from jaxmlp.exercise import notebook"
IMPORTS = f"import numpy as np\n\n{JUDGE}"


def export(folder: Path) -> list[Path]:
    """Write the notebooks, and none over another file.

    Args:
      folder: their folder, which is made if it does not exist.

    Returns:
      The paths of the notebooks.

    Raises:
      InputError: if nbformat is not installed, the folder cannot be made, or one of the files
        exists; then nothing is written.
    """
    made = {f"exercises_{deck.lower()}.ipynb": partial(notebook, deck) for deck in DECKS}
    return write_notebooks(folder, made, "--export")


def write_notebooks(folder: Path, made: Mapping[str, Callable[[], Any]], option: str) -> list[Path]:
    """Write notebooks, and none over another file.

    Args:
      folder: their folder, which is made if it does not exist.
      made: by the name of its file, what makes each notebook.
      option: the option of the command that asks for them.

    Returns:
      The paths of the notebooks.

    Raises:
      InputError: if nbformat is not installed, the folder cannot be made, or one of the files
        exists; then nothing is written.
    """
    need(("nbformat",), "notebooks", option)
    import nbformat

    paths = [folder / name for name in made]
    for path in paths:
        refuse_taken(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from None
    for path, make in zip(paths, made.values(), strict=True):
        book = make()
        nbformat.validate(book)
        write_new(path, nbformat.writes(book) + "\n")
    return paths


def notebook_of(cells: Sequence[Any]) -> Any:
    """Return a notebook of nbformat 4 with these cells, for Python."""
    from nbformat import v4

    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return v4.new_notebook(cells=cells, metadata=metadata)


def notebook(deck: str) -> Any:
    """Return the notebook of a deck.

    Args:
      deck: the letter of the deck.

    Returns:
      A notebook of nbformat 4.
    """
    cells = [_text(f"deck-{deck}", HEAD.format(deck=deck)), _locked("imports", IMPORTS)]
    for task in TASKS.values():
        if task.row[0] == deck:
            cells += _question(task) if isinstance(task, Question) else _exercise(task)
    return notebook_of(cells)


def _exercise(task: Exercise) -> list[Any]:
    """Return the cells of a function with a hole."""
    name = task.name
    formula = textwrap.dedent(task.formula).strip()
    body = f"{_head(task)}\n\n```text\n{formula}\n```\n\n{_listed('Arguments', task.arguments)}"
    body += f"{_listed('Returns', task.results)}**Hint.** {task.hint}"
    return [
        _text(f"{name}-text", body),
        _solution(name, function_with_hole(task, BEGIN, END)),
        _tests(name, f'notebook.example("{name}", {name})', f'notebook.judge("{name}", {name})'),
    ]


def _question(task: Question) -> list[Any]:
    """Return the cells of a question about runs."""
    name = task.name
    ask = f"Answer in the cell below the picture, with one of {', '.join(LETTERS)}:"
    body = f'{_head(task)}\n\n{task.text}\n\n{ask} `{name} = "{LETTERS[0]}"`'
    hole = f'raise NotImplementedError("{name} has no answer")'
    return [
        _text(f"{name}-text", body),
        _locked(f"{name}-runs", f'notebook.show("{name}")'),
        _solution(name, f"{BEGIN}\n{hole}\n{END}"),
        _tests(name, f"assert {name} in tuple({LETTERS!r})", f'notebook.answer("{name}", {name})'),
    ]


def _head(task: Exercise | Question) -> str:
    return f"## {task.title}\n\nLecture row {task.row}."


def _listed(title: str, lines: Mapping[str, str]) -> str:
    listed = "\n".join(f"- `{name}`: {text}" for name, text in lines.items())
    return f"**{title}**\n\n{listed}\n\n" if lines else ""


def _solution(name: str, source: str) -> Any:
    """Return the cell that students fill; its markers hold the hole, which nbgrader replaces."""
    return _code(name, source, locked=False, solution=True)


def _tests(name: str, seen: str, hidden: str) -> Any:
    """Return the cell that is graded: a check that students see, and one that they do not."""
    hidden = f"{JUDGE}\n{hidden}"  # whatever the student has called `notebook`
    source = f"{seen}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
    return _code(f"{name}-tests", source, locked=True, grade=True, points=POINTS)


def _locked(name: str, source: str) -> Any:
    """Return a cell that students run, and do not change."""
    return _code(name, source, locked=True)


def _text(name: str, source: str) -> Any:
    from nbformat import v4

    return v4.new_markdown_cell(source, id=name)


def _code(
    name: str,
    source: str,
    *,
    locked: bool,
    solution: bool = False,
    grade: bool = False,
    **more: int,
) -> Any:
    from nbformat import v4

    kind = {"locked": locked, "solution": solution, "grade": grade, "task": False}
    data = {"schema_version": 3, "grade_id": name, **kind, **more}
    return v4.new_code_cell(source, id=name, metadata={"nbgrader": data})
