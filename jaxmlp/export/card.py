"""The model card of a run: what was trained, on what, how well, and where its limits are.

It says what the run knows, and nothing else (Mitchell et al. 2019, "Model Cards for Model
Reporting").
"""

from typing import TYPE_CHECKING, Any

from jaxmlp.config.schema import Count, checked
from jaxmlp.data.column import Column
from jaxmlp.data.columns import Columns
from jaxmlp.data.dialects import Reading
from jaxmlp.errors import listed, naming, shown
from jaxmlp.export.card_forms import MOST, Section, Table
from jaxmlp.export.card_scores import (
    PARTS,
    calibration_table,
    score_each_class,
    score_parts,
    spread_over_seeds,
    test_again,
)
from jaxmlp.runs.folder import SUMMARY, Run
from jaxmlp.runs.words import in_digits

if TYPE_CHECKING:
    from jaxmlp.runs.network import Network

SHAPE: dict[str, Any] = {  # of a summary, as far as the card needs it
    "dataset": str,
    "dataset_wanted?": str | None,
    "provenance": dict[str, Any],
    "target?": list[str],
    "baseline?": dict[str, Any],
    "warnings?": list[str],
    "parameters": Count,
    "examples": dict[str, int],
    "epochs": Count,
    "best_epoch": Count,
    "test_balanced_accuracy?": float,
    "seconds": float,
    "versions": dict[str, str],
    "device": dict[str, Any],
}
READING = "provenance.reading"  # of a summary: how a table was read


def card_of(run: Run, network: "Network") -> list[Section]:
    """Return the card of a run.

    Args:
      run: the run, complete.
      network: its network.

    Returns:
      The sections.

    Raises:
      InputError: if the run has no summary, or a damaged one.
    """
    summary = _summary_of(run, network.task.score)
    tested = test_again(run, network, summary["provenance"].get("checksum"))
    scores = [
        *score_parts(network, summary),
        *spread_over_seeds(run),
        *score_each_class(network, tested),
    ]
    with naming(run.path / SUMMARY):
        data = _data(network, summary)
    return [
        Section("Network", _network(network, summary)),
        Section("Data", data),
        Section("Scores", scores),
        Section("Calibration", calibration_table(network, tested)),
        Section("Limits", _limits(network, summary)),
        Section("Origin", _origin(summary)),
    ]


def _summary_of(run: Run, score: str) -> dict[str, Any]:
    """Return what the card needs of a summary; what earlier versions did not know is empty."""
    saved, file = run.read_json(SUMMARY), run.path / SUMMARY
    numbers = [f"{part}_{name}" for part in PARTS for name in ("loss", score)]
    shape: dict[str, Any] = SHAPE | {f"{name}?": float | None for name in numbers}
    known = {name.removesuffix("?") for name in shape}
    found = saved
    if isinstance(saved, dict):
        found = {name: value for name, value in saved.items() if name in known}
    empty: dict[str, Any] = {"dataset_wanted": None, "target": [], "warnings": [], "baseline": {}}
    summary: dict[str, Any] = checked(found, shape, file)
    return empty | dict.fromkeys(numbers) | summary


def _network(network: "Network", summary: dict[str, Any]) -> list[str | Table]:
    recipe, signature = network.recipe, network.signature
    widths = " - ".join(map(str, (*signature.input_shape, *recipe.hidden, len(network.classes))))
    names = "values" if network.task.name == "regression" else "classes"
    behind = signature.output_activation
    rows = [
        ("task", network.task.name),
        (names, listed(network.classes, MOST)),
        ("kind", f"{recipe.model}, {widths}"),
        ("activation", " ".join(recipe.activation)),
        *([("output activation", behind)] if behind != "identity" else []),
        *(() if recipe.alpha is None else (("alpha", f"{recipe.alpha:g}"),)),
        ("parameters", f"{summary['parameters']:,}"),
        ("loss", signature.loss),
        ("training", f"{recipe.optimizer} in {recipe.precision}, {summary['epochs']} epochs,"
                     f" best after {summary['best_epoch']}, seed {recipe.seed}"),
    ]  # fmt: skip
    return [Table((), rows)]


def _data(network: "Network", summary: dict[str, Any]) -> list[str | Table]:
    provenance, record = summary["provenance"], network.signature.columns
    rows = [("name", summary["dataset"])]
    if summary["dataset_wanted"]:
        rows.append(("stands in for", summary["dataset_wanted"]))
    for name, value in provenance.items():
        if name == "reading":
            reading = Reading.from_dict(checked(value, dict[str, Any], READING))
            rows += [("columns", reading.header_in_words()), ("read with", reading.in_words())]
            continue
        lines = value if isinstance(value, list) else [value]
        words = [_in_words(line) for line in lines[:MOST] if line is not None]
        rows += [(name if i == 0 else "", line) for i, line in enumerate(words)]
    counts = [(words, summary["examples"].get(part, 0)) for part, words in PARTS.items()]
    rows += [(f"{words} examples", f"{count:,}") for words, count in counts]
    if summary["target"]:
        rows.append(("target", listed(summary["target"], MOST)))
    found: list[str | Table] = [Table((), rows)]
    if record is not None:
        columns = Columns.from_dict(record)
        cells = [(c.name, c.kind, _values_of(c)) for c in columns.inputs[:MOST]]
        found.append(Table(("column", "kind", "values"), cells))
        if len(columns.inputs) > MOST:
            found.append(f"There are {len(columns.inputs) - MOST} more columns.")
        if columns.left_out:
            rows = [*columns.left_out.items()]
            found.append(Table(("column left out", "reason"), rows))
    return found


def _values_of(column: Column) -> str:
    if column.kind == "category":
        return listed(column.categories, 10)
    return listed(column.parts, 10) if column.kind == "time" else column.unit


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return listed([*map(str, value)], 4)
    return str(value)


def _limits(network: "Network", summary: dict[str, Any]) -> list[str | Table]:
    found = [f"Warning: {line}." for line in summary["warnings"]]
    found.append(
        "The scores hold for examples of the same origin as the data. Nothing was measured on"
        " others."
    )
    if network.task.name == "regression":
        found.append("An answer far outside the values seen in training is an extrapolation.")
    else:
        names = listed(network.classes, MOST)
        found.append(f"Every example gets an answer among {names}, also one that is none of them.")
    if network.signature.columns is not None:
        found.append("A category that training did not see is treated as none of the known ones.")
    found.append("What it is meant for, and what not, its owner has to add.")
    return [*found]


def _origin(summary: dict[str, Any]) -> list[str | Table]:
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    device = _in_words(summary["device"])
    return [
        Table(
            (),
            [
                ("made by", versions),
                ("device", device),
                ("seconds", in_digits(float(summary["seconds"]))),
                ("train it again", "python -m jaxmlp.train --config config.json"),
            ],
        )
    ]
