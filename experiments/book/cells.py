"""What the cells of a chapter's notebook call: they show source code, and run experiments."""

import tempfile
from pathlib import Path
from typing import Any

from experiments import framework, runner
from experiments.book.source import source_of
from experiments.framework import Settings, Verdict


def source(path: str, *inner: str) -> Any:
    """Show the source code of a name, or of functions inside it.

    Args:
      path: where it is defined, such as `jaxmlp.nn.layers.dense`.
      *inner: names of functions inside it, if only these are wanted.

    Returns:
      What Jupyter displays.

    Raises:
      InputError: if there is no such name.
    """
    from IPython.display import Markdown

    found = source_of(path, *inner)
    return Markdown(f"```python\n{found.code}```\n\n`{found.file}`, line {found.line}")


def experiment(name: str) -> None:
    """Run an experiment in seconds instead of minutes, and show its figure and its verdict.

    Args:
      name: the name of the experiment.

    Raises:
      InputError: if there is no such experiment.
    """
    from IPython.display import SVG, Markdown, display

    with tempfile.TemporaryDirectory() as folder:
        verdict = runner.perform(name, Settings(quick=True), Path(folder))
        display(SVG((Path(folder) / name / "figure.svg").read_text(encoding="utf-8")))
    display(Markdown(told(name, verdict)))


def told(name: str, verdict: Verdict) -> str:
    """Return a verdict as Markdown.

    Args:
      name: the name of the experiment.
      verdict: its result.

    Returns:
      Markdown.
    """
    about = framework.load(name).ABOUT
    part = f", namely {verdict.part}" if verdict.part else ""
    spread = "" if verdict.spread is None else f" ± {verdict.spread:.2g}"
    number = f"{about.number}: **{verdict.number:.3g}{spread}** ({about.unit})"
    recorded = f"\n\nThe verdict on record is another: {about.expected}."
    differs = recorded if verdict.word != about.expected else ""
    return f"Verdict: **{verdict.word}**{part}.\n\n{number}\n\n{verdict.says}{differs}"
