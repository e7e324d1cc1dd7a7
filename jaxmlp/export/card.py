"""The model card of a run: what was trained, on what, how well, and where its limits are.

It says what the run knows, and nothing else (Mitchell et al. 2019, "Model Cards for Model
Reporting"). The test part is measured anew, because a run keeps its scores alone: the table of
calibration and the scores of each class need the answers.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.config.factory import arithmetic
from jaxmlp.config.schema import Count, checked
from jaxmlp.data.column import Column
from jaxmlp.data.columns import Columns
from jaxmlp.errors import InputError, listed, shown
from jaxmlp.export.card_forms import Section, Table
from jaxmlp.files import read_json
from jaxmlp.runs.data import load_fitting, with_whole_paths
from jaxmlp.runs.folder import SUMMARY, Run
from jaxmlp.runs.words import in_digits, score_in_words

if TYPE_CHECKING:
    from jaxmlp.runs.network import Network

BINS = 10  # of probabilities, in the table of calibration
MOST = 30  # names of columns or classes, and rows of classes
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
PARTS = {"train": "training", "valid": "validation", "test": "test"}


class Tested(NamedTuple):
    """The test part: what the network answers, and what is true.

    Attributes:
      answers: probabilities or values, `(N, K)`.
      targets: labels `(N,)`, or numbers `(N, K)`.
    """

    answers: np.ndarray
    targets: np.ndarray


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
    tested = _tested(run, network, summary)
    return [
        Section("Network", _network(network, summary)),
        Section("Data", _data(network, summary)),
        Section("Scores", [*_scores(network, summary), *_spread(run), *_each(network, tested)]),
        Section("Calibration", _calibration(network, tested)),
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


def _tested(run: Run, network: "Network", summary: dict[str, Any]) -> Tested | str:
    """Return the answers on the test part, or why there are none."""
    try:
        dataset = load_fitting(with_whole_paths(run.config), network.signature)
    except InputError as error:
        return f"The test part could not be measured anew: {error}."
    if dataset.provenance["checksum"] != summary["provenance"].get("checksum"):
        return "The test part could not be measured anew: the data have changed since training."
    with arithmetic(network.recipe.precision):
        return Tested(network.answers(dataset.x_test), dataset.y_test)


def _network(network: "Network", summary: dict[str, Any]) -> list[str | Table]:
    recipe, signature = network.recipe, network.signature
    widths = " - ".join(map(str, (*signature.input_shape, *recipe.hidden, len(network.classes))))
    names = "values" if network.task.name == "regression" else "classes"
    rows = [
        ("task", network.task.name),
        (names, listed(network.classes, MOST)),
        ("kind", f"{recipe.model}, {widths}"),
        ("activation", " ".join(recipe.activation)),
        *(() if recipe.alpha is None else (("alpha", f"{recipe.alpha:g}"),)),
        ("parameters", f"{summary['parameters']:,}, {recipe.precision}"),
        ("loss", signature.loss),
        ("training", f"{recipe.optimizer}, {summary['epochs']} epochs, best after"
                     f" {summary['best_epoch']}, seed {recipe.seed}"),
    ]  # fmt: skip
    return [Table((), rows)]


def _data(network: "Network", summary: dict[str, Any]) -> list[str | Table]:
    provenance, record = summary["provenance"], network.signature.columns
    rows = [("name", summary["dataset"])]
    if summary["dataset_wanted"]:
        rows.append(("stands in for", summary["dataset_wanted"]))
    for name, value in provenance.items():
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


def _scores(network: "Network", summary: dict[str, Any]) -> list[str | Table]:
    score, rows = network.task.score, []
    for part, words in PARTS.items():
        loss, value = summary[f"{part}_loss"], summary[f"{part}_{score}"]
        if loss is None or value is None:
            continue
        base, examples = summary["baseline"].get(f"{part}_{score}"), summary["examples"].get(part)
        if not examples:
            continue
        scored = score_in_words(score, value)
        if score == "accuracy":  # the deviation of a share of so many examples
            scored += f" ± {score_in_words(score, np.sqrt(value * (1 - value) / examples))}"
        known = score_in_words(score, base) if isinstance(base, float) else ""
        rows.append((words, in_digits(loss), scored, known, f"{examples:,}"))
    found: list[str | Table] = [Table(("part", "loss", score, "baseline", "examples"), rows)]
    if "answer" in summary["baseline"]:
        found.append(f"The baseline answers {summary['baseline']['answer']}.")
    if score == "accuracy":
        found.append("± is one standard error, from the number of examples alone.")
    if "test_balanced_accuracy" in summary:
        balanced = score_in_words("accuracy", summary["test_balanced_accuracy"])
        found.append(f"The balanced accuracy on the test part is {balanced}.")
    return found


def _spread(run: Run) -> list[str | Table]:
    """Return the spread over seeds, if the run is the best of a sweep."""
    above = run.path.resolve().parent / SUMMARY
    if not (above.parent / "sweep.json").exists() or not above.exists():
        return ["The scores are those of one seed: another one gives others."]
    best: dict[str, Any] = next(iter(read_json(above)["configurations"]), {})
    rows = [(name, in_digits(v)) for name, v in best.items() if isinstance(v, float)]
    seeds = best.get("seeds", 1)
    return [
        f"The run is the best of a sweep. Its configuration over {seeds} seeds:",
        Table((), rows),
    ]


def _each(network: "Network", tested: Tested | str) -> list[str | Table]:
    """Return the scores of each class, or the errors of each value, on the test part."""
    if isinstance(tested, str):
        return [tested]
    if network.task.name == "regression":
        return [_errors(network, tested)]
    from sklearn.metrics import precision_recall_fscore_support

    predicted = network.signature.decide(tested.answers)
    labels = np.arange(len(network.classes))
    columns = precision_recall_fscore_support(
        tested.targets, predicted, labels=labels, zero_division=0.0
    )
    rows = [
        (name, *(f"{value:.4f}" for value in values[:3]), f"{values[3]:.0f}")
        for name, *values in zip(network.classes[:MOST], *columns, strict=False)
    ]
    return [Table(("class", "precision", "recall", "f1", "test examples"), rows)]


def _errors(network: "Network", tested: Tested) -> Table:
    difference = network.signature.middle(tested.answers) - tested.targets
    names = network.signature.classes
    deviations = network.deviations[:: len(network.classes) // len(names)]
    quantiles = np.quantile(difference, (0.05, 0.5, 0.95), axis=0)
    numbers = (
        np.sqrt(np.mean(difference**2, axis=0)),
        np.mean(np.abs(difference), axis=0),
        *quantiles,
    )
    rows = [
        (name, *(in_digits(float(value), scale) for value in values))
        for name, scale, *values in zip(names, deviations, *numbers, strict=True)
    ]
    header = ("value", "RMSE", "MAE", "error, 5 %", "50 %", "95 %")
    return Table(header, rows[:MOST])


def _calibration(network: "Network", tested: Tested | str) -> list[str | Table]:
    """Return how often answers of each probability are right on the test part (Guo et al. 2017)."""
    quantiles = network.signature.quantiles
    if network.task.name == "regression" and not quantiles:
        return ["The network predicts numbers without a measure of its doubt."]
    if isinstance(tested, str):
        return [tested]
    if quantiles:
        below = np.repeat(tested.targets, len(quantiles), axis=1) <= tested.answers
        rows = [
            (name, f"{share:.4f}")
            for name, share in zip(network.classes, below.mean(axis=0), strict=True)
        ]
        return [Table(("answer", "share of test values up to it"), rows)]
    if network.task.name == "multilabel":
        sure, right = tested.answers.ravel(), tested.targets.ravel() > 0.5
        words = "a label", "applies"
    else:
        sure, right = tested.answers.max(axis=1), tested.answers.argmax(axis=1) == tested.targets
        words = "the predicted class", "is right"
    table, error = reliability(sure, right)
    return [
        f"Of the test answers in each bin: the mean probability of {words[0]}, and the share in"
        f" which it {words[1]}. They are equal for a calibrated network.",
        table,
        f"The expected calibration error, the mean distance of the two, is {error:.4f}.",
    ]


def reliability(sure: np.ndarray, right: np.ndarray) -> tuple[Table, float]:
    """Return the table of reliability, and the expected calibration error.

    `ECE = sum_b n_b / N |mean probability in bin b - share that is right in bin b|`; the bins are
    tenths of [0, 1] (Guo, Pleiss, Sun and Weinberger 2017).

    Args:
      sure: probabilities, `(N,)`.
      right: whether each answer is right, `(N,)`.

    Returns:
      A row for each bin that has answers, and the error.
    """
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    rows, error = [], 0.0
    for k in np.unique(places):
        own = places == k
        mean, share = float(sure[own].mean()), float(right[own].mean())
        error += own.mean() * abs(mean - share)
        bin_name = f"{k / BINS:.1f} to {(k + 1) / BINS:.1f}"
        rows.append((bin_name, f"{own.sum():,}", f"{mean:.4f}", f"{share:.4f}"))
    return Table(("probability", "answers", "mean", "right"), rows), float(error)


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
