"""Build the report, a book: the experiments that have run, in chapters, on one page."""

import base64
import json
import re
from pathlib import Path
from typing import Any

from experiments.book import chapter, markdown
from experiments.framework import HOLDS, IN_PART, NOT_SHOWN, REFUTED, claim, load, names
from experiments.lectures.rows import DECKS
from jaxmlp.cli.page import render
from jaxmlp.errors import InputError, shown
from jaxmlp.files import write_atomically

TEMPLATE = Path(__file__).with_name("report.html")
EXPERIMENT = Path(chapter.__file__).with_name("experiment.html")
TITLE = "The lectures put to the test"
LOOKS = {HOLDS: "good", IN_PART: "so-so", NOT_SHOWN: "so-so", REFUTED: "bad"}
Record = dict[str, Any]


def build(results: Path, folder: Path) -> Path:
    """Write the report of the experiments that have run.

    Args:
      results: the folder that has a folder for each experiment.
      folder: the folder of the page, which is named `index.html`.

    Returns:
      The path of the page.

    Raises:
      InputError: if no experiment has run, an earlier version wrote a record, or a figure is no SVG
        with a width in points.
    """
    files = [results / name / "numbers.json" for name in names()]
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
    if not records:
        raise InputError(f"no experiment has run yet: there are no numbers in {results}")
    entries = {record["name"]: completed(record, results) for record in records}
    chapters = chapter.read(lambda name: show(name, entries.get(name)))
    html = render(
        TEMPLATE,
        title=TITLE,
        counts=_counts(records),
        missing=len(names()) - len(entries),
        entries=[entries[name] for name in chapter.placed(chapters) if name in entries],
        chapters=chapters,
        decks=DECKS.values(),
        tests=_tests(),
        colours=markdown.colours(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "index.html", html)
    return folder / "index.html"


def show(name: str, entry: Record | None) -> str:
    """Return the HTML of an experiment.

    Args:
      name: its name.
      entry: its completed record, or `None` if it has not run.

    Returns:
      HTML.
    """
    words = entry["claim"] if entry else claim(load(name))
    return render(EXPERIMENT, name=name, claim=words, entry=entry)


def _tests() -> dict[str, list[tuple[str, str]]]:
    """Return name and claim of the experiments of each row of the lectures that has any."""
    tests: dict[str, list[tuple[str, str]]] = {}
    for name in names():
        module = load(name)
        for row in module.ABOUT.rows:
            tests.setdefault(row, []).append((name, claim(module)))
    return tests


def _counts(records: list[Record]) -> str:
    """Return the number of experiments with each verdict, as text."""
    counts = {word: sum(r["verdict"]["word"] == word for r in records) for word in LOOKS}
    return ", ".join(f"{word} ({count})" for word, count in counts.items() if count)


def completed(record: Record, results: Path) -> Record:
    """Return the record of an experiment, completed by what the template shows.

    Args:
      record: what the experiment wrote.
      results: the folder that has a folder for each experiment.

    Returns:
      The record and more.

    Raises:
      InputError: if an earlier version wrote the record, or the figure is no SVG with a width in
        points.
    """
    name = record["name"]
    if "table" not in record:  # the newest part of a record
        again = f"python -m experiments {name}"
        raise InputError(f"the numbers of {name} are of an earlier version; run {again}")
    figure = (results / name / "figure.svg").read_bytes()
    *earlier, last = [{"words": words, "why": why} for words, why in record["about"]["thresholds"]]
    return record | {
        "look": LOOKS[record["verdict"]["word"]],
        "number": _number(record["verdict"]),
        "picture": base64.b64encode(figure).decode(),
        "width": _width(figure.decode()),
        "threshold": last,
        "earlier": earlier,
        "kept": _kept(record["numbers"].get("kept", {})),
    }


def _width(svg: str) -> int:
    """Return the width of a drawing in pixels, of which a point has 4/3."""
    found = re.search(r'<svg[^>]*\swidth="([\d.]+)pt"', svg)
    if found is None:
        raise InputError(f"a figure must be an SVG with a width in points, got {shown(svg[:80])}")
    return round(float(found[1]) * 4 / 3)


def _number(verdict: Record) -> str:
    """Return the number that decides the verdict, with its spread, as text."""
    number, spread = verdict["number"], verdict["spread"]
    if number is None:
        return "not finite"
    return f"{number:.3g}" + ("" if spread is None else f"\u00a0±\u00a0{spread:.2g}")


def _kept(rows: Record) -> Record | None:
    """Return how, when and where the kept numbers were measured, `None` if there are none."""
    if not rows:
        return None
    first = next(iter(rows.values()))
    seconds = sum(run["seconds"] for row in rows.values() for run in row["seeds"].values())
    return {
        "dates": sorted({row["date"] for row in rows.values()}),
        "jax": first["versions"]["jax"],
        "cores": first["device"]["cores"],
        "machine": first["device"]["machine"],
        "seeds": min(len(row["seeds"]) for row in rows.values()),
        "minutes": seconds / 60,
        "protocols": {name: row["protocol"] for name, row in rows.items()},
    }
