"""The end of a run: its final numbers, files, pictures and table."""

import os
from typing import Any

import jax
import numpy as np

from jaxmlp.config.problem import Problem
from jaxmlp.config.factory import rules_from
from jaxmlp.cli.console import print_table
from jaxmlp.data import Source
from jaxmlp.runs.environment import device, versions
from jaxmlp.runs.folder import SUMMARY, Run
from jaxmlp.training import Progress, measure, reason_to_stop
from jaxmlp.training.evaluation import count, outputs_of


def finish(
    run: Run,
    problem: Problem,
    source: Source,
    last: Progress,
    records: list[dict[str, Any]],
    seconds: float,
    interrupted: bool,
    quiet: bool,
) -> None:
    """Measure the best parameters on every part, write the run's last files, and tell.

    This is the only place where the test part is looked at. The examples on the device are given up
    before pictures are drawn.

    Args:
      run: the run's folder.
      problem: what was trained.
      source: on what.
      last: where training ended.
      records: the lines of metrics.
      seconds: since the command began.
      interrupted: whether it was ended early by the user.
      quiet: whether to print nothing.
    """
    params = last.best.params if int(last.best.epoch) else last.state.params
    params = jax.device_put(params)
    parts = {"train": problem.train, "valid": problem.valid, "test": problem.test}
    measured = {
        name: measure(problem.trainer, problem.task, params, split) if split else None
        for name, split in parts.items()
    }
    run.save_model(params, problem.config, problem.spec)
    summary: dict[str, Any] = {
        "dataset": source.name,
        "dataset_wanted": run.origin["dataset_wanted"],
        "provenance": source.provenance,
        "task": problem.task.name,
        "loss": problem.spec.loss,
        "parameters": count(params),
        "examples": {name: len(split.indices) if split else 0 for name, split in parts.items()},
        "epochs": last.epoch,
        "best_epoch": int(last.best.epoch),
        "interrupted": interrupted,
        "stopped_early": None,
    }
    if last.epoch < (problem.config.epochs or 0) and not interrupted:
        rules = rules_from(problem.config)
        summary["stopped_early"] = reason_to_stop(rules, records, problem.task.score)
    for name, values in measured.items():
        for key in ("loss", problem.task.score):
            known = values is not None and np.isfinite(values[key])
            summary[f"{name}_{key}"] = values[key] if values and known else None
    summary |= {
        "seconds": seconds,
        "seconds_training": sum(record["seconds"] for record in records),
        "versions": versions(),
        "device": device(),
    }
    run.write_json(SUMMARY, summary)
    if not quiet:
        print_table(_rows(run, summary, problem))
    classifies = problem.task.name in ("multiclass", "binary")
    matrix = confusion_matrix(problem, params) if classifies else None
    for array in problem.test.examples:
        array.delete()  # drawing takes memory of its own
    draw(run, problem, records, matrix)


def draw(
    run: Run, problem: Problem, records: list[dict[str, Any]], matrix: np.ndarray | None
) -> None:
    """Write the run's pictures: its curves and, of a classifier, the confusion matrix.

    Args:
      run: the run's folder.
      problem: what was trained.
      records: the lines of metrics.
      matrix: the confusion matrix, if there is one.
    """
    from jaxmlp.runs import figures

    if records:
        figure = figures.curves(records, problem.spec.loss, problem.task.score)
        figures.save(figure, run.path / "curves.png")
    if matrix is not None:
        title = f"{problem.config.dataset}, test set: {matrix.sum():,} examples"
        figure = figures.confusion(matrix, problem.spec.classes, title)
        figures.save(figure, run.path / "confusion.png")


def confusion_matrix(problem: Problem, params: Any) -> np.ndarray:
    """Return counts `[true class, predicted class]` of a network's answers on the test set."""
    n, outputs = len(problem.spec.classes), outputs_of(problem.trainer, params, problem.test)
    predicted = np.argmax(np.asarray(problem.task.probabilities(outputs)), axis=1)
    true = problem.test.targets.reshape(-1).astype(int)
    return np.bincount(n * true + predicted, minlength=n * n).reshape(n, n)


def _origin(provenance: dict[str, Any]) -> str:
    """Return in a few words where data came from."""
    files = provenance.get("files", [])
    places = {os.path.dirname(file) or "." for file in files}
    return provenance["source"] + "".join(f" {place}" for place in sorted(places))


def _rows(run: Run, summary: dict[str, Any], problem: Problem) -> list[tuple[str, ...]]:
    score = problem.task.score
    rows: list[tuple[str, ...]] = [
        ("data", f"{summary['dataset']}, from {_origin(summary['provenance'])}"),
        ("parameters", f"{summary['parameters']:,}"),
    ]
    for name, words in (("train", "training"), ("valid", "validation"), ("test", "test")):
        if summary[f"{name}_loss"] is None:
            continue
        value = summary[f"{name}_{score}"]
        shown = f"{100 * value:.2f} %" if score == "accuracy" else f"{value:.4f}"
        loss = summary[f"{name}_loss"]
        examples = summary["examples"][name]
        rows.append((words, f"loss {loss:.4f}, {score} {shown} of {examples:,} examples"))
    rows += [
        ("epochs", f"{summary['epochs']}, best after {summary['best_epoch']}"),
        (
            "time",
            f"{summary['seconds']:.1f} s since the start of the command,"
            f" {summary['seconds_training']:.1f} s of training in all epochs",
        ),
        ("results", f"{run.path}/"),
    ]
    if summary["stopped_early"]:
        rows.append(("stopped", summary["stopped_early"]))
    if summary["interrupted"]:
        rows.append(("interrupted", f"go on with --resume {run.path}"))
    return rows
