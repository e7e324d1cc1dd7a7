"""The end of a run: its final numbers, files, pictures and table."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.cli.console import print_table, say
from jaxmlp.config.problem import Problem
from jaxmlp.config.recipe import Recipe
from jaxmlp.data import Source
from jaxmlp.runs.environment import device, versions
from jaxmlp.runs.facts import Facts, facts_of
from jaxmlp.runs.folder import SUMMARY, Run
from jaxmlp.runs.network import Network, save_network
from jaxmlp.runs.words import in_digits, recipe_in_words, score_in_words
from jaxmlp.training import History, Means, TrainState, measure
from jaxmlp.training.judge import outputs_of
from jaxmlp.training.trees import count


@dataclass
class Outcome:
    """A run whose training has ended.

    Attributes:
      problem: what was trained.
      source: on what.
      wanted: the data set that the source stands in for, if it does.
      state: where training ended.
      history: its records and the best parameters.
      interrupted: whether the user ended it early.
      seconds: since the command began.
    """

    problem: Problem
    source: Source
    wanted: str | None
    state: TrainState
    history: History
    interrupted: bool
    seconds: float

    @cached_property
    def facts(self) -> Facts:
        """What the run found out about its data."""
        return facts_of(self.problem, self.source)

    @property
    def params(self) -> Any:
        """The best parameters, on the device: the latest, where no epoch is complete."""
        best = self.history.best
        return jax.device_put(best.params if int(best.epoch) else self.state.params)


class Finished(NamedTuple):
    """A run that has been finished.

    Attributes:
      network: the network, with the best parameters.
      summary: what `summary.json` holds.
      drawn: whether its pictures could be written, or there is no folder for them.
    """

    network: Network
    summary: dict[str, Any]
    drawn: bool


def finish_run(outcome: Outcome, run: Run | None, quiet: bool) -> Finished:
    """Measure the best parameters on every part, write the run's last files, and print a table.

    Training itself never uses the test part. The pictures come last: nothing else is lost where
    they cannot be written.

    Args:
      outcome: the outcome of the training. Its examples cannot be used afterwards.
      run: the run's folder; `None` to write nothing.
      quiet: whether to print nothing but warnings.

    Returns:
      The network, the summary, and whether the pictures were drawn.

    Raises:
      OSError: if the network or the summary cannot be written.
    """
    network, summary, matrix = save_results(outcome, run)
    if not quiet:
        print_table(_rows(run, summary, outcome))
    failure = try_to_draw(lambda: draw_run(run, outcome, matrix)) if run is not None else None
    return Finished(network, summary, drawn=failure is None)


def save_results(
    outcome: Outcome, run: Run | None
) -> tuple[Network, dict[str, Any], np.ndarray | None]:
    """Measure the best parameters on every part, and write the network and the summary.

    Args:
      outcome: the outcome of the training.
      run: the run's folder; `None` to write nothing.

    Returns:
      The network, the summary, and the confusion matrix of a classifier.

    Raises:
      OSError: if a file cannot be written.
    """
    problem, params = outcome.problem, outcome.params
    parts = {"train": problem.train, "valid": problem.valid, "test": problem.test}
    measured = {
        name: measure(problem.trainer.judge, params, split) if split else None
        for name, split in parts.items()
    }
    network = Network(problem.recipe, problem.signature, jax.tree.map(np.asarray, params))
    summary, matrix = _summary(outcome, measured), confusion_matrix(outcome)
    if matrix is not None:
        summary["test_balanced_accuracy"] = balanced_accuracy(matrix)
    if run is not None:
        save_network(run, network)
        run.write_json(SUMMARY, summary)
    return network, summary, matrix


def try_to_draw(draw: Callable[[], None]) -> OSError | None:
    """Draw pictures, and say in one line if they cannot be written.

    Args:
      draw: draws and writes them.

    Returns:
      The error, if they cannot be written.
    """
    try:
        draw()
    except OSError as error:
        say(f"WARNING: not all pictures were drawn: {error}")
        return error
    return None


def _summary(outcome: Outcome, measured: dict[str, Means | None]) -> dict[str, Any]:
    """Return what `summary.json` says."""
    problem, history = outcome.problem, outcome.history
    parts = {"train": problem.train, "valid": problem.valid, "test": problem.test}
    epochs = len(history.records)
    summary: dict[str, Any] = {
        "dataset": outcome.source.name,
        "dataset_wanted": outcome.wanted,
        "provenance": outcome.source.provenance,
        "task": problem.task.name,
        "loss": problem.signature.loss,
        **outcome.facts.to_dict(),
        "recipe": _recipe(problem),
        "parameters": count(outcome.history.best.params),
        "examples": {name: len(split.indices) if split else 0 for name, split in parts.items()},
        "epochs": epochs,
        "best_epoch": int(history.best.epoch),
        "interrupted": outcome.interrupted,
        "stopped_early": None,
    }
    if epochs < problem.recipe.epochs and not outcome.interrupted:
        summary["stopped_early"] = history.reason_to_stop()
    for name, means in measured.items():
        pairs = zip(("loss", problem.task.score), means or (None, None), strict=True)
        for key, value in pairs:
            known = value is not None and np.isfinite(value)
            summary[f"{name}_{key}"] = value if known else None
    return summary | {
        "seconds": outcome.seconds,
        "seconds_training": sum(record.seconds for record in history.records),
        "versions": versions(),
        "device": device(),
    }


def draw_run(run: Run, outcome: Outcome, matrix: np.ndarray | None) -> None:
    """Write the run's pictures: its curves and, of a classifier, the confusion matrix.

    It frees the examples on the device, because drawing takes memory of its own.

    Args:
      run: the run's folder.
      outcome: the outcome of the training.
      matrix: the confusion matrix of a classifier.

    Raises:
      OSError: if a picture cannot be written.
    """
    problem, records = outcome.problem, outcome.history.records
    for array in problem.test.examples:
        array.delete()

    from jaxmlp.runs import figures

    if records:
        names = problem.signature.loss, problem.task.score
        figure = figures.curves(records, *names, only_in_training(problem.recipe))
        figures.save(figure, run.path / "curves.png")
    if matrix is not None:
        title = f"{problem.recipe.dataset}, test set: {matrix.sum():,} examples"
        figure = figures.confusion(matrix, problem.signature.classes, title)
        figures.save(figure, run.path / "confusion.png")


def only_in_training(recipe: Recipe) -> list[str]:
    """Return what makes a run's training loss another function than its validation loss."""
    parts = {
        "smoothed targets": recipe.label_smoothing,
        "class weights": recipe.class_weights != "none",
        "dropout": recipe.dropout,
        "distorted pictures": recipe.augment,
    }
    return [words for words, given in parts.items() if given]


def confusion_matrix(outcome: Outcome) -> np.ndarray | None:
    """Return counts `[true class, predicted class]` of a classifier's answers on the test set.

    Args:
      outcome: the outcome of the training.

    Returns:
      The counts; `None` if the network is no classifier.
    """
    problem, params = outcome.problem, outcome.params
    if problem.task.name not in ("multiclass", "binary"):
        return None
    outputs = outputs_of(problem.trainer.judge, params, problem.test)
    predicted = np.argmax(np.asarray(problem.task.probabilities(outputs)), axis=1)
    true = problem.test.targets.reshape(-1).astype(int)
    return count_pairs(true, predicted, len(problem.signature.classes))


def count_pairs(true: np.ndarray, predicted: np.ndarray, n: int) -> np.ndarray:
    """Return the confusion matrix of labels in `[0, n)`: counts `[true, predicted]`, `(n, n)`."""
    return np.bincount(n * true + predicted, minlength=n * n).reshape(n, n)


def balanced_accuracy(matrix: np.ndarray) -> float:
    """Return the mean over the classes of the share of their examples that are right.

    A class without an example does not count. To answer always the same gives `1 / classes`,
    however frequent that class is.

    Args:
      matrix: counts `[true class, predicted class]`, of at least one example.

    Returns:
      A number in [0, 1].
    """
    counts = matrix.sum(axis=1)
    return float(np.mean((np.diag(matrix) / np.maximum(counts, 1))[counts > 0]))


def _recipe(problem: Problem) -> str:
    """Return in words how the network is trained, with what was left to be chosen."""
    recipe = problem.recipe
    steps = recipe.epochs * -(-len(problem.train.indices) // recipe.batch_size)
    return recipe_in_words(recipe, problem.signature.preprocessing.kind, steps)


def _origin(provenance: dict[str, Any]) -> str:
    """Return in a few words where data came from."""
    files = provenance.get("files", [])
    places = {os.path.dirname(file) or "." for file in files}
    return provenance["source"] + "".join(f" {place}" for place in sorted(places))


def _rows(run: Run | None, summary: dict[str, Any], outcome: Outcome) -> list[tuple[str, ...]]:
    score, facts = outcome.problem.task.score, outcome.facts
    rows: list[tuple[str, ...]] = [
        ("data", f"{summary['dataset']}, from {_origin(summary['provenance'])}"),
        facts.rows()[-1],
        ("recipe", summary["recipe"]),
        ("parameters", f"{summary['parameters']:,}"),
    ]
    for name, words in (("train", "training"), ("valid", "validation"), ("test", "test")):
        if summary[f"{name}_loss"] is None:
            continue
        value = summary[f"{name}_{score}"]
        loss, shown = in_digits(summary[f"{name}_loss"]), score_in_words(score, value)
        balanced = summary.get(f"{name}_balanced_accuracy")
        if balanced is not None:
            shown += f" (balanced {score_in_words('accuracy', balanced)})"
        examples = summary["examples"][name]
        rows.append((words, f"loss {loss}, {score} {shown} of {examples:,} examples"))
    base = score_in_words(score, facts.baseline("test"))
    rows += [
        ("baseline", f"test {score} {base}, {facts.same_answer()}"),
        ("epochs", f"{summary['epochs']}, best after {summary['best_epoch']}"),
        (
            "time",
            f"{summary['seconds']:.1f} s since the start of the command,"
            f" {summary['seconds_training']:.1f} s of training in all epochs",
        ),
    ]
    if run is not None:
        rows.append(("results", f"{run.path}/"))
    if summary["stopped_early"]:
        rows.append(("stopped", summary["stopped_early"]))
    if summary["interrupted"] and run is not None:
        rows.append(("interrupted", f"continue with --resume {run.path}"))
    return rows
