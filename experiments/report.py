"""The report: every experiment that has run, on one page that needs no network."""

import base64
import html
import json
import re
from pathlib import Path
from typing import Any

from experiments.framework import CONDITIONALLY, FAILS, HOLDS, names
from jaxmlp.cli.page import formula, page
from jaxmlp.errors import InputError
from jaxmlp.files import write_atomically

TITLE = "The lectures put to the test"
DECKS = {
    "A": "A. From mean squared error to cross-entropy, from normal to He (Giardina)",
    "B": "B. Training neural networks (Sharif University, CE 40717)",
    "C": "C. Training convolutional neural networks (Tomasi)",
    "D": "D. Neural networks (Purdue, ECE 57000)",
    "E": "E. Neural network, backpropagation, MLP (COMP 5630/6630)",
}
LOOKS = {HOLDS: "good", CONDITIONALLY: "so-so", FAILS: "bad"}
STYLE = """
.good { color: var(--good); } .so-so { color: var(--so-so); } .bad { color: var(--bad); }
section { border-top: 2px solid var(--edge); padding-top: .6rem; break-inside: avoid; }
h2 { margin-top: 2.2rem; } h3 { margin: 0 0 .4rem; font-size: 1.1rem; }
.figure { overflow-x: auto; }
img { width: 100%; height: auto; background: #fff; border-radius: .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .8rem; margin: .6rem 0; }
dt { opacity: .7; } dd { margin: 0; }
code { font-size: .9em; overflow-wrap: anywhere; }
.verdict { font-weight: 600; }
@media print { details { display: none; } h2, h3 { break-after: avoid; } }
@media (max-width: 30rem) { .figure img { width: auto; min-width: 100%; height: 16rem; } }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .3rem; } }
"""


def build(results: Path, folder: Path) -> Path:
    """Write the report of the experiments that have run.

    Args:
      results: where their folders are.
      folder: where the page goes, as `index.html`.

    Returns:
      The page.

    Raises:
      InputError: if none has run.
    """
    files = [results / name / "numbers.json" for name in names()]
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
    if not records:
        raise InputError(f"no experiment has run yet: {results} holds no numbers")
    decks = {
        letter: [record for record in records if record["about"]["rows"][0][0] == letter]
        for letter in DECKS
    }
    body = [_introduction(records), _contents(decks), _table(records)]
    for letter, chosen in decks.items():
        if chosen:
            body.append(f'<h2 id="deck-{letter}">{html.escape(DECKS[letter])}</h2>')
            body += [_section(record, results) for record in chosen]
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "index.html", page(TITLE, "\n".join(body), STYLE))
    return folder / "index.html"


def _introduction(records: list[dict[str, Any]]) -> str:
    counts = {word: sum(r["verdict"]["word"] == word for r in records) for word in LOOKS}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return (
        f"<p>Experiments on the claims of five lecture decks: {said}. Each verdict follows from the"
        " threshold that is given with it; where one was reformulated after a run, the docstring of"
        " its module says why.</p>"
    )


def _contents(decks: dict[str, list[dict[str, Any]]]) -> str:
    items = []
    for letter, records in decks.items():
        if records:
            links = "".join(
                f'<li><a href="#{r["name"]}">{_words(r["name"])}</a></li>' for r in records
            )
            title = html.escape(DECKS[letter])
            items.append(f'<li><a href="#deck-{letter}">{title}</a><ul>{links}</ul></li>')
    return f"<details><summary>Contents</summary><ul>{''.join(items)}</ul></details>"


def _table(records: list[dict[str, Any]]) -> str:
    rows = []
    for record in records:
        link = f'<a href="#{record["name"]}">{_words(record["name"])}</a>'
        cells = [" ".join(record["about"]["rows"]), link, _verdict(record), _number(record)]
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    head = "".join(f"<th>{name}</th>" for name in ("rows", "experiment", "verdict", "number"))
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _section(record: dict[str, Any], results: Path) -> str:
    about, name = record["about"], record["name"]
    picture = base64.b64encode((results / name / "figure.svg").read_bytes()).decode()
    settings = record["settings"]
    data = ", ".join(f"{k} ({v['source']})" for k, v in record["data"].items()) or "made up"
    rows = {
        "verdict": f"{_verdict(record)}: {_number(record)}",
        "threshold": _prose(about["threshold"]),
        "where": html.escape(f"{', '.join(about['rows'])}: {about['section']}"),
        "seeds": str(settings["seeds"]) + (", quick" if settings["quick"] else ""),
        "data": html.escape(data),
        "time": f"{record['seconds']:.1f} s",
        "again": f"<code>python -m experiments {name}</code>",
    }
    if "kept" in record["numbers"]:
        rows["kept"] = _kept(record)
    facts = "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in rows.items())
    return (
        f'<section id="{name}"><h3>{_words(name)}</h3>'
        f"<p>{_prose(record['claim'])}</p>{formula(about['formula'])}"
        f'<div class="figure"><img alt="{html.escape(record["claim"])}"'
        f' src="data:image/svg+xml;base64,{picture}"></div>'
        f"<p>{_prose(record['verdict']['says'])}</p><dl>{facts}</dl></section>"
    )


def _kept(record: dict[str, Any]) -> str:
    """Return by what protocol, when and where the numbers were made that are not made each time."""
    entries = record["numbers"]["kept"]
    dates = sorted({entry["date"] for entry in entries.values()})
    first = next(iter(entries.values()))
    seconds = sum(run["seconds"] for entry in entries.values() for run in entry["seeds"].values())
    seeds = min(len(entry["seeds"]) for entry in entries.values())
    items = "".join(
        f"<li>{html.escape(row)}: {html.escape(entry['protocol'])}</li>"
        for row, entry in entries.items()
    )
    again = f"<code>python -m experiments {record['name']} --long</code>"
    return (
        f"<strong>numbers not of this run</strong>, but made once on {' and '.join(dates)} with jax"
        f" {first['versions']['jax']} on {first['device']['cores']} cores"
        f" ({first['device']['machine']}), {seeds} seeds, {seconds / 60:.0f} minutes, by {again}:"
        f"<ul>{items}</ul>"
    )


def _prose(text: str) -> str:
    """Return text for the page, what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _words(name: str) -> str:
    return html.escape(name.replace("_", " "))


def _verdict(record: dict[str, Any]) -> str:
    word = record["verdict"]["word"]
    return f'<span class="verdict {LOOKS[word]}">{word}</span>'


def _number(record: dict[str, Any]) -> str:
    number, spread = record["verdict"]["number"], record["verdict"]["spread"]
    if number is None:
        return "not finite"
    return f"{number:.3g}" + ("" if spread is None else f" ± {spread:.2g}")
