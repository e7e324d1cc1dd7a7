"""Ask a question of diagnosis, and judge the answer."""

import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxmlp.exercise.hole import WIDTH
from jaxmlp.exercise.placing import refuse_taken, write_new
from jaxmlp.exercise.question import Question, Run, table


def picture_of(question: Question, runs: Mapping[str, Run]) -> bytes:
    """Return the picture of a question as PNG."""
    from jaxmlp.exercise.drawing import picture
    from jaxmlp.runs import figures

    with tempfile.TemporaryDirectory(prefix="jaxmlp-exercise-") as folder:
        path = Path(folder, "picture.png")
        figures.save(picture(question, runs), path)
        return path.read_bytes()


def pose(question: Question, seed: int, command: str) -> tuple[Path, dict[str, Run]]:
    """Train the runs of a question, and draw them into the current folder.

    Args:
      question: the question.
      seed: the seed of the runs and of their order.
      command: the words that ask this question.

    Returns:
      The path of the picture, and the runs by their letters.

    Raises:
      InputError: if the picture exists already, or cannot be written.
    """
    path = Path(f"{question.name}.png")
    remedy = f"; answer by: {command} LETTER"
    refuse_taken(path, remedy)
    runs = question.by_letter(seed)
    write_new(path, picture_of(question, runs), remedy)
    return path, runs


def posed(question: Question, path: Path, runs: Mapping[str, Run], command: str) -> str:
    """Return the question in words, with the numbers of the runs as a table."""
    return "\n\n".join(
        (
            f"{question.title} Lecture row {question.row}.",
            textwrap.fill(question.text, WIDTH),
            table(runs),
            f"The picture: {path}\nAnswer by: {command} LETTER",
        )
    )


def answered(question: Question, letter: str, seed: int, runs: Mapping[str, Run]) -> dict[str, Any]:
    """Return the verdict on an answer, for `--json`.

    Args:
      question: the question.
      letter: the letter that was answered.
      seed: the seed of the question.
      runs: the runs, without any to leave out their numbers.

    Returns:
      Whether the answer is right; the fault, the number that shows it and what to try. Of a wrong
      answer only the number of the run that it names.
    """
    right = letter == question.right(seed)
    shown = {key: run for key, run in runs.items() if right or key == letter}
    return {
        "question": question.name,
        "row": question.row,
        "seed": seed,
        "answer": letter,
        "passed": right,
        "number": question.decides,
        "healthy": question.healthy,
        "runs": {key: run.numbers[question.decides] for key, run in shown.items()},
        "fault": question.fault,
        "try": question.remedy,
    }


def explained(verdict: Mapping[str, Any]) -> str:
    """Return the verdict on an answer in words."""
    word = "right" if verdict["passed"] else "wrong: this run is healthy"
    values = ", ".join(f"{value:.3g} in run {key}" for key, value in verdict["runs"].items())
    number = f"{verdict['number']}" + (f": {values}" if values else "")
    parts = (
        ("the number that shows it", f"{number}. Healthy is {verdict['healthy']}."),
        ("the fault", verdict["fault"]),
        ("what to try", verdict["try"]),
    )
    lines = [
        textwrap.fill(f"{name}: {text}", WIDTH, initial_indent="  ", subsequent_indent="    ")
        for name, text in parts
    ]
    return "\n".join([f"{verdict['answer']}: {word}. Lecture row {verdict['row']}.", *lines])
