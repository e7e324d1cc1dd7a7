"""The scores on a model card: each part, each class, the spread over seeds, and the calibration.

The test part is measured anew, because a run keeps its scores alone: the table of calibration and
the scores of each class need the answers.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.config.factory import arithmetic
from jaxmlp.errors import InputError
from jaxmlp.export.card_forms import MOST, Table
from jaxmlp.files import read_json
from jaxmlp.runs.calibration import reliability
from jaxmlp.runs.data import load_fitting, with_whole_paths
from jaxmlp.runs.drawing import whose_probability
from jaxmlp.runs.folder import SUMMARY, Run
from jaxmlp.runs.words import in_digits, score_in_words

if TYPE_CHECKING:
    from jaxmlp.runs.network import Network

PARTS = {"train": "training", "valid": "validation", "test": "test"}


class Tested(NamedTuple):
    """The test part: what the network answers, and what is true.

    Attributes:
      answers: probabilities or values, `(N, K)`.
      targets: labels `(N,)`, or numbers `(N, K)`.
    """

    answers: np.ndarray
    targets: np.ndarray


def test_again(run: Run, network: "Network", checksum: str | None) -> Tested | str:
    """Return the answers on the test part, or why there are none.

    Args:
      run: the run.
      network: its network.
      checksum: of the data that it was trained on.

    Returns:
      The answers, or a sentence.
    """
    try:
        dataset = load_fitting(with_whole_paths(run.config), network.signature)
    except InputError as error:
        return f"The test part could not be measured anew: {error}."
    if dataset.provenance["checksum"] != checksum:
        return "The test part could not be measured anew: the data have changed since training."
    with arithmetic(network.recipe.precision):
        return Tested(network.answers(dataset.x_test), dataset.y_test)


def score_parts(network: "Network", summary: dict[str, Any]) -> list[str | Table]:
    """Return the scores of each part beside those of the baseline.

    Args:
      network: the network.
      summary: of its run.

    Returns:
      A table, and what its words mean.
    """
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


def spread_over_seeds(run: Run) -> list[str | Table]:
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


def score_each_class(network: "Network", tested: Tested | str) -> list[str | Table]:
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


def calibration_table(network: "Network", tested: Tested | str) -> list[str | Table]:
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
    found = reliability(network.signature, tested.answers, tested.targets)
    groups = [
        (f"{examples:,}", f"{probability:.4f}", f"{share:.4f}")
        for probability, share, examples in zip(*found, strict=True)
    ]
    return [
        "Of the test answers, in groups of similar probability: the mean probability of"
        f" {whose_probability(network.signature)}, and how often it comes true. They are equal for"
        " a calibrated network.",
        Table(("answers", "mean probability", "comes true"), groups),
        f"The expected calibration error, the mean distance of the two, is {found.error:.4f}.",
    ]
