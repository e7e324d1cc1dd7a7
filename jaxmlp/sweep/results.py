"""What came out of a sweep: a row per run, and what the seeds of a configuration amount to."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.errors import InputError
from jaxmlp.files import write_atomically
from jaxmlp.sweep.space import SEED, Point, parse, text
from jaxmlp.training.lockstep import OK, Member

NUMBERS = ("epochs", "best_epoch", "train_loss", "train_score", "valid_loss", "valid_score")
MEASURED = (*NUMBERS, "seconds")  # the columns after `run`, the fields and `status`


class Result(NamedTuple):
    """How a run ended.

    Attributes:
      status: `ok` or `diverged`.
      numbers: of `MEASURED`; of a run that has diverged only those that are known.
    """

    status: str
    numbers: dict[str, float]


class Setting(NamedTuple):
    """A configuration without its seed, and what its runs amount to.

    Attributes:
      point: the fields that vary, without the seed.
      runs: the numbers of its runs, one per seed.
      done: those that have ended.
      diverged: how many of these diverged.
      score, spread: mean and standard deviation of the validation score over the seeds that did
        not diverge; the spread of one is `nan`.
      loss: their mean validation loss.
      best: the run with the best score, if any did not diverge.
    """

    point: Point
    runs: tuple[int, ...]
    done: int
    diverged: int
    score: float
    spread: float
    loss: float
    best: int | None

    @property
    def complete(self) -> bool:
        """Whether all its runs have ended."""
        return self.done == len(self.runs)

    def to_dict(self, score: str) -> dict[str, Any]:
        """Return the setting for JSON, what is not known as `None`."""
        numbers = {
            f"valid_{score}": self.score,
            f"valid_{score}_deviation": self.spread,
            "valid_loss": self.loss,
        }
        known = {name: None if math.isnan(x) else x for name, x in numbers.items()}
        counts = {"seeds": len(self.runs), "ended": self.done, "diverged": self.diverged}
        best = None if self.best is None else self.best + 1
        return {**self.point, **known, **counts, "best_run": best}


def result_of(member: Member) -> Result:
    """Return how a run ended, its numbers taken after its best epoch.

    Args:
      member: the run, which has ended.

    Returns:
      The result.
    """
    records = member.history.records
    numbers: dict[str, float] = {
        "epochs": len(records),
        "seconds": sum(record.seconds for record in records),
    }
    if records:
        best = records[int(member.history.best.epoch) - 1]
        numbers["best_epoch"] = best.epoch
        for part, means in (("train", best.train), ("valid", best.valid)):
            if means is not None:
                numbers[f"{part}_loss"], numbers[f"{part}_score"] = means
    return Result(member.status, numbers)


def write_results(path: Path, points: list[Point], results: dict[int, Result], score: str) -> None:
    """Write a table with a row for each run that has ended.

    Args:
      path: the CSV file.
      points: of all runs.
      results: of those that have ended, by their numbers.
      score: the name of the task's score, for the columns.
    """
    out = io.StringIO()
    names = [name.replace("score", score) for name in MEASURED]
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["run", *points[0], "status", *names])
    for i, result in sorted(results.items()):
        numbers = [
            repr(result.numbers[name]) if name in result.numbers else "" for name in MEASURED
        ]
        table.writerow([i + 1, *map(text, points[i].values()), result.status, *numbers])
    write_atomically(path, out.getvalue())


def read_results(path: Path, points: list[Point], score: str) -> dict[int, Result]:
    """Return the results that `write_results` wrote; none, if it has not.

    Args:
      path: the CSV file.
      points: of all runs.
      score: the name of the task's score.

    Returns:
      The results by the numbers of their runs.

    Raises:
      InputError: if the file is not whole, or of another sweep.
    """
    if not path.exists():
        return {}
    results = {}
    try:
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
            i = int(row["run"]) - 1
            point = points[i]
            if any(parse(name, row[name]) != parse(name, text(point[name])) for name in point):
                raise ValueError(f"run {i + 1} is another one")
            cells = {name: row[name.replace("score", score)] for name in MEASURED}
            numbers = {name: json.loads(cell) for name, cell in cells.items() if cell}
            results[i] = Result(row["status"], numbers)
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not a whole table of this sweep: {error}") from None
    return results


def settings(points: list[Point], results: dict[int, Result]) -> list[Setting]:
    """Return what the runs of each configuration amount to, best first.

    Best is the highest mean validation score, and among equals the lowest loss; a configuration of
    which a run diverged comes after all others, and one of which a run is missing at the end.

    Args:
      points: of all runs.
      results: of those that have ended.

    Returns:
      The configurations.
    """
    runs: dict[str, list[int]] = {}
    for i, point in enumerate(points):
        runs.setdefault(repr(_without_seed(point)), []).append(i)
    found = [_setting(_without_seed(points[own[0]]), own, results) for own in runs.values()]
    return sorted(found, key=_rank)


def _without_seed(point: Point) -> Point:
    return {name: value for name, value in point.items() if name != SEED}


def _rank(setting: Setting) -> tuple[Any, ...]:
    known = setting.best is not None
    worst = -setting.score if known else math.inf
    return not setting.complete, setting.diverged, worst, setting.loss if known else math.inf


def _setting(point: Point, runs: list[int], results: dict[int, Result]) -> Setting:
    ended = [i for i in runs if i in results]
    good = [i for i in ended if results[i].status == OK]
    scores = np.array([results[i].numbers["valid_score"] for i in good])
    losses = np.array([results[i].numbers["valid_loss"] for i in good])
    return Setting(
        point,
        tuple(runs),
        done=len(ended),
        diverged=len(ended) - len(good),
        score=float(scores.mean()) if good else math.nan,
        spread=float(scores.std(ddof=1)) if len(good) > 1 else math.nan,
        loss=float(losses.mean()) if good else math.nan,
        best=good[int(np.lexsort((losses, -scores))[0])] if good else None,
    )


def candidates(found: list[Setting], results: dict[int, Result]) -> set[int]:
    """Return the runs that can still become the best of the sweep.

    Args:
      found: the configurations, best first.
      results: of the runs that have ended.

    Returns:
      The best run of the best complete configuration, and those of incomplete ones.
    """
    open_runs = {i for s in found if not s.complete for i in s.runs}
    kept = {i for i in open_runs if i in results and results[i].status == OK}
    best = winner(found)
    return kept if best is None else {*kept, best}


def winner(found: list[Setting]) -> int | None:
    """Return the best run of the best complete configuration, if there is one."""
    first = found[0]
    return first.best if first.complete else None


def table(found: list[Setting], score: str) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Return the rows of a table of configurations, and its header.

    Args:
      found: the configurations, best first.
      score: the name of the task's score.

    Returns:
      Rows and header.
    """
    header = (*found[0].point, f"valid {score}", "valid loss", "seeds", "diverged")
    rows = [
        (
            *map(text, s.point.values()),
            mean_words(s.score, s.spread),
            mean_words(s.loss, math.nan),
            f"{s.done}/{len(s.runs)}",
            str(s.diverged or ""),
        )
        for s in found
    ]
    return rows, header


def mean_words(value: float, spread: float) -> str:
    """Return a mean with its deviation, where these are known."""
    if math.isnan(value):
        return "-"
    return f"{value:.4f}" if math.isnan(spread) else f"{value:.4f} ± {spread:.4f}"
