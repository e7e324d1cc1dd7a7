"""Build the report: all experiments that have run, on one page that needs no network."""

import base64
import json
from pathlib import Path
from typing import Any

from experiments.framework import HOLDS, IN_PART, NOT_SHOWN, REFUTED, names
from jaxmlp.cli.page import render
from jaxmlp.errors import InputError
from jaxmlp.files import write_atomically

TEMPLATE = Path(__file__).with_name("report.html")
TITLE = "The lectures put to the test"
DECKS = {
    "A": "A. From mean squared error to cross-entropy, from normal to He (Giardina)",
    "B": "B. Training neural networks (Sharif University, CE 40717)",
    "C": "C. Training convolutional neural networks (Tomasi)",
    "D": "D. Neural networks (Purdue, ECE 57000)",
    "E": "E. Neural network, backpropagation, MLP (COMP 5630/6630)",
}
LOOKS = {HOLDS: "good", IN_PART: "so-so", NOT_SHOWN: "so-so", REFUTED: "bad"}


def build(results: Path, folder: Path) -> Path:
    """Write the report of the experiments that have run.

    Args:
      results: the folder that has a folder for each experiment.
      folder: the folder of the page, which is named `index.html`.

    Returns:
      The path of the page.

    Raises:
      InputError: if no experiment has run.
    """
    files = [results / name / "numbers.json" for name in names()]
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
    if not records:
        raise InputError(f"no experiment has run yet: there are no numbers in {results}")
    entries = [_entry(record, results) for record in records]
    decks = [
        {"letter": letter, "title": title, "entries": chosen}
        for letter, title in DECKS.items()
        if (chosen := [entry for entry in entries if entry["about"]["rows"][0][0] == letter])
    ]
    html = render(TEMPLATE, title=TITLE, counts=_counts(records), entries=entries, decks=decks)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "index.html", html)
    return folder / "index.html"


def _counts(records: list[dict[str, Any]]) -> str:
    """Return the number of experiments with each verdict, as text."""
    counts = {word: sum(r["verdict"]["word"] == word for r in records) for word in LOOKS}
    return ", ".join(f"{word} ({count})" for word, count in counts.items() if count)


def _entry(record: dict[str, Any], results: Path) -> dict[str, Any]:
    """Return the record of an experiment, completed by what the template shows."""
    figure = (results / record["name"] / "figure.svg").read_bytes()
    return record | {
        "look": LOOKS[record["verdict"]["word"]],
        "number": _number(record["verdict"]),
        "picture": base64.b64encode(figure).decode(),
        "kept": _kept(record["numbers"].get("kept", {})),
    }


def _number(verdict: dict[str, Any]) -> str:
    """Return the number that decides the verdict, with its spread, as text."""
    number, spread = verdict["number"], verdict["spread"]
    if number is None:
        return "not finite"
    return f"{number:.3g}" + ("" if spread is None else f" ± {spread:.2g}")


def _kept(rows: dict[str, Any]) -> dict[str, Any] | None:
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
