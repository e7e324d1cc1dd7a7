"""The end of a run: its final numbers, files, pictures and table."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.cli.console import print_table, say
from jaxmlp.config.own_files import records
from jaxmlp.config.problem import Problem
from jaxmlp.data import Source
from jaxmlp.runs.drawing import draw_run
from jaxmlp.runs.environment import device, versions
from jaxmlp.runs.facts import Facts, facts_of
from jaxmlp.runs.folder import SUMMARY, Run
from jaxmlp.runs.judging import Judged, judge_parts
from jaxmlp.runs.network import Network, save_network
from jaxmlp.runs.scores import scores_in_words
from jaxmlp.runs.words import in_digits, recipe_in_words, score_in_words
from jaxmlp.training import History, Means, TrainState, measure
from jaxmlp.training.mesh import fetch
from jaxmlp.training.mesh import parts as devices_in_use
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
      watched: what was seen inside the network, a record an epoch; see `jaxmlp.runs.watching`.
    """

    problem: Problem
    source: Source
    wanted: str | None
    state: TrainState
    history: History
    interrupted: bool
    seconds: float
    watched: list[dict[str, Any]] = field(default_factory=list)

    @cached_property
    def facts(self) -> Facts:
        """What the run found out about its data."""
        return facts_of(self.problem, self.source)

    @property
    def params(self) -> Any:
        """The best parameters, on the device: the latest, where no epoch is complete."""
        best = self.history.best
        return jax.device_put(best.params if int(best.epoch) else fetch(self.state.judged))


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
    judged, summary = save_results(outcome, run)
    if not quiet:
        print_table(_rows(run, summary, outcome))
    failure = try_to_draw(lambda: draw_run(run, outcome, judged)) if run is not None else None
    return Finished(judged.network, summary, drawn=failure is None)


def save_results(outcome: Outcome, run: Run | None) -> tuple[Judged, dict[str, Any]]:
    """Measure the best parameters on every part, and write the network and the summary.

    Args:
      outcome: the outcome of the training.
      run: the run's folder; `None` to write nothing.

    Returns:
      The network with what it says of the parts, and the summary.

    Raises:
      OSError: if a file cannot be written.
    """
    problem, params = outcome.problem, outcome.params
    parts = {"train": problem.train, "valid": problem.valid, "test": problem.test}
    measured = {
        name: measure(problem.trainer.judge, params, split) if split else None
        for name, split in parts.items()
    }
    summary, judged = _summary(outcome, measured), judge_parts(problem, params)
    scores = summary["scores"] = judged.scores(problem, summary.get("train_r2"))
    summary["calibration"] = judged.calibration()
    if problem.signature.threshold != 0.5:  # which training does not know
        summary |= {f"{name}_accuracy": own["accuracy"] for name, own in scores.items()}
        summary["threshold"] = problem.signature.threshold
    if "balanced_accuracy" in scores.get("test", {}):
        summary["test_balanced_accuracy"] = scores["test"]["balanced_accuracy"]
    if run is not None:
        summary["lengthened"] = run.origin.get("lengthened", [])
        save_network(run, judged.network)
        run.write_json(SUMMARY, summary)
    return judged, summary


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
        "recipe": _recipe(problem),
        "parts": records(problem.recipe),
        "parameters": count(outcome.history.best.params),
        "examples": {name: split.size if split else 0 for name, split in parts.items()},
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
        "devices": devices_in_use(),
        "processes": jax.process_count(),
    }


def _recipe(problem: Problem) -> str:
    """Return in words how the network is trained, with what was left to be chosen."""
    recipe = problem.recipe
    steps = recipe.epochs * -(-problem.train.size // recipe.batch_size)
    return recipe_in_words(recipe, problem.signature.preprocessing.kind, steps)


def _origin(provenance: dict[str, Any]) -> str:
    """Return in a few words where data came from."""
    files = provenance.get("files", [])
    places = {os.path.dirname(file) or "." for file in files}
    return provenance["source"] + "".join(f" {place}" for place in sorted(places))


def _decision_rows(summary: dict[str, Any], problem: Problem) -> list[tuple[str, ...]]:
    """Return the lines about temperature and threshold, where the recipe has them."""
    rows: list[tuple[str, ...]] = []
    found, recipe, classes = summary["calibration"], problem.recipe, problem.signature.classes
    if found is not None:
        pairs = [
            f"{words} {in_digits(found[f'test_{name}_before'])} to"
            f" {in_digits(found[f'test_{name}_after'])}"
            for name, words in (("log_loss", "log-loss"), ("calibration_error", "error"))
        ]
        temperature = in_digits(found["temperature"])
        rows.append(("calibrated", f"temperature {temperature}; test {', '.join(pairs)}"))
    if recipe.threshold != 0.5:
        first, second = (repr(name) for name in classes)
        rows.append(
            (
                "threshold",
                f"{second} above a probability of {in_digits(recipe.threshold)}, as a false"
                f" {second} costs {recipe.false_positive_cost:g} and a false {first}"
                f" {recipe.false_negative_cost:g}",
            )
        )
    return rows


def _device_rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the line about the devices, where several shared the examples."""
    many, kind = summary["devices"], summary["device"]["kind"]
    where = f" in {summary['processes']} processes" if summary["processes"] > 1 else ""
    return [("devices", f"{many} of kind {kind}{where} share the examples")] if many > 1 else []


def _rows(run: Run | None, summary: dict[str, Any], outcome: Outcome) -> list[tuple[str, ...]]:
    score, facts = outcome.problem.task.score, outcome.facts
    rows: list[tuple[str, ...]] = [
        ("data", f"{summary['dataset']}, from {_origin(summary['provenance'])}"),
        facts.rows()[-1],
        ("recipe", summary["recipe"]),
        *_device_rows(summary),
        ("parameters", f"{summary['parameters']:,}"),
        *(
            ("own part", f"{part['field']} {part['file']}:{part['name']}, SHA-256 {part['sha256']}")
            for part in summary["parts"]
        ),
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
    rows += _decision_rows(summary, outcome.problem)
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
