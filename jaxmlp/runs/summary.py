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
from jaxmlp.runs.scores import count_pairs, rmse_by_r2, scores_in_words, scores_of
from jaxmlp.runs.words import in_digits, score_in_words
from jaxmlp.training import History, Means, TrainState, measure
from jaxmlp.training.judge import outputs_of
from jaxmlp.training.trees import count

Judged = dict[str, tuple[np.ndarray, np.ndarray]]  # the answers of each part, and the truth


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
    network, summary, judged = save_results(outcome, run)
    if not quiet:
        print_table(_rows(run, summary, outcome))
    failure = try_to_draw(lambda: draw_run(run, outcome, judged)) if run is not None else None
    return Finished(network, summary, drawn=failure is None)


def save_results(outcome: Outcome, run: Run | None) -> tuple[Network, dict[str, Any], Judged]:
    """Measure the best parameters on every part, and write the network and the summary.

    Args:
      outcome: the outcome of the training.
      run: the run's folder; `None` to write nothing.

    Returns:
      The network, the summary, and what the network says of the validation and the test part.

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
    summary, judged = _summary(outcome, measured), _judged(outcome, network)
    scores = {name: scores_of(network.signature, *pair) for name, pair in judged.items()}
    rmse, r2 = rmse_by_r2(outcome.problem, outcome.problem.train), summary.get("train_r2")
    if rmse is not None and r2 is not None:
        scores["train"] = {f"rmse {outcome.problem.signature.classes[0]}": rmse(r2)}
    summary["scores"] = scores
    if "balanced_accuracy" in scores.get("test", {}):
        summary["test_balanced_accuracy"] = scores["test"]["balanced_accuracy"]
    if run is not None:
        summary["lengthened"] = run.origin.get("lengthened", [])
        save_network(run, network)
        run.write_json(SUMMARY, summary)
    return network, summary, judged


def _judged(outcome: Outcome, network: Network) -> Judged:
    """Return answers and truth of the validation and the test part, where they are numbers."""
    problem, target = outcome.problem, network.signature.target_preprocessing
    judged: Judged = {}
    for name, split in (("valid", problem.valid), ("test", problem.test)):
        if split is None:
            continue
        outputs, true = outputs_of(problem.trainer.judge, outcome.params, split), split.targets
        if target is not None:
            true = target.undo(true.astype(np.float64))
        elif problem.task.name in ("multiclass", "binary"):
            true = true.reshape(-1).astype(int)
        if np.isfinite(outputs).all():
            judged[name] = network.interpret_outputs(outputs), true
    return judged


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
    start = problem.start
    summary: dict[str, Any] = {
        "dataset": outcome.source.name,
        "dataset_wanted": outcome.wanted,
        "provenance": outcome.source.provenance,
        "task": problem.task.name,
        "loss": problem.signature.loss,
        "init_from": start and start.in_words(problem.signature),
        **outcome.facts.to_dict(),
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


def draw_run(run: Run, outcome: Outcome, judged: Judged) -> None:
    """Write the run's pictures: its curves and, of a classifier, the confusion matrix.

    It frees the examples on the device, because drawing takes memory of its own.

    Args:
      run: the run's folder.
      outcome: the outcome of the training.
      judged: what the network says of each part, and the truth.

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
    if "test" in judged and problem.task.name in ("multiclass", "binary"):
        answers, true = judged["test"]
        matrix = count_pairs(true, answers.argmax(axis=1), len(problem.signature.classes))
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
        ("parameters", f"{summary['parameters']:,}"),
    ]
    for name, words in (("train", "training"), ("valid", "validation"), ("test", "test")):
        if summary[f"{name}_loss"] is None:
            continue
        value = summary[f"{name}_{score}"]
        loss, shown = in_digits(summary[f"{name}_loss"]), score_in_words(score, value)
        scores, examples = summary["scores"].get(name, {}), summary["examples"][name]
        if name == "test" and "balanced_accuracy" in scores:
            shown += f" (balanced {score_in_words('accuracy', scores['balanced_accuracy'])})"
        rows.append((words, f"loss {loss}, {score} {shown} of {examples:,} examples"))
        if scores_in_words(scores):
            rows.append(("", scores_in_words(scores)))
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
