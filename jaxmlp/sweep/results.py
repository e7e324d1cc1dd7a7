"""The results of a sweep: a row for each run, and the mean of each configuration over its runs."""

import csv
import io
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.config.schema import Count, NotNegative, Size, checked
from jaxmlp.errors import InputError, check
from jaxmlp.files import parse_json, read_text, write_atomically
from jaxmlp.sweep.axes import format_value, parse_value
from jaxmlp.sweep.space import Point, folds_of, without_repeats
from jaxmlp.training.lockstep import DIVERGED, OK, Member

COLUMNS = {  # the columns after `run`, the fields and `status`, and what their values are
    "epochs": Count,
    "best_epoch": Size,
    "train_loss": float,
    "train_score": float,
    "valid_loss": float,
    "valid_score": float,
    "seconds": NotNegative,
}
RUNG = {"rung": Count}  # the last column, where a sweep halves its runs


class RunResult(NamedTuple):
    """The result of one run.

    Attributes:
      status: `ok` or `diverged`.
      numbers: the values of `COLUMNS`; a run that has diverged lacks the unknown ones. Where a
        sweep halves its runs, also `rung`: the epochs of the highest rung that the run has reached.
    """

    status: str
    numbers: dict[str, float]


class ConfigResult(NamedTuple):
    """The result of one configuration: its runs differ in seed and fold alone.

    Attributes:
      point: the fields that vary, without seed and fold.
      runs: the numbers of its runs, one for each seed and fold.
      folds: the number of folds, or `None` if each run has a validation part of its own.
      ended: how many runs have ended.
      diverged: how many of the ended runs have diverged.
      score, deviation: mean and standard deviation (n - 1) of the validation score over the runs
        that did not diverge; the deviation of a single run is `nan`.
      loss: the mean validation loss of these runs.
      best: the number of the run with the best score, or `None` if no run has ended well.
      rung: the epochs of the highest rung that it has reached; 0 without halving.
    """

    point: Point
    runs: tuple[int, ...]
    folds: int | None
    ended: int
    diverged: int
    score: float
    deviation: float
    loss: float
    best: int | None
    rung: int

    @property
    def complete(self) -> bool:
        """Whether all its runs have ended."""
        return self.ended == len(self.runs)

    @property
    def seeds(self) -> int:
        """How many seeds it was tried with."""
        return len(self.runs) // (self.folds or 1)

    @property
    def repeats(self) -> str:
        """Its runs in words: `3 seeds`, `5 folds`, or `5 folds of 3 seeds`."""
        seeds = f"{self.seeds} seed{'s' if self.seeds != 1 else ''}"
        if self.folds is None:
            return seeds
        return f"{self.folds} folds{f' of {seeds}' if self.seeds > 1 else ''}"

    def to_dict(self, score: str) -> dict[str, Any]:
        """Return the result for JSON; unknown values are `None`."""
        numbers = {
            f"valid_{score}": self.score,
            f"valid_{score}_deviation": self.deviation,
            "valid_loss": self.loss,
        }
        known = {name: None if math.isnan(x) else x for name, x in numbers.items()}
        counts = {"seeds": self.seeds, "ended": self.ended, "diverged": self.diverged}
        if self.folds is not None:
            return {**self.point, **known, "folds": self.folds, **counts}
        best = None if self.best is None else self.best + 1
        return {**self.point, **known, **counts, "best_run": best}


def run_result(member: Member) -> RunResult:
    """Return the result of a run that has ended; its numbers are those after its best epoch."""
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
    return RunResult(member.status, numbers)


def write_results(
    path: Path, points: list[Point], results: dict[int, RunResult], score: str
) -> None:
    """Write a table with a row for each run that has ended.

    Args:
      path: the CSV file.
      points: the points of all runs.
      results: the results of the runs that have ended, by the runs' numbers.
      score: the name of the task's score, for the header.
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    header = _header(score, any("rung" in result.numbers for result in results.values()))
    table.writerow(["run", *points[0], "status", *header.values()])
    for i, result in sorted(results.items()):
        numbers = [repr(result.numbers[name]) if name in result.numbers else "" for name in header]
        table.writerow([i + 1, *map(format_value, points[i].values()), result.status, *numbers])
    write_atomically(path, out.getvalue())


def read_results(path: Path, points: list[Point], score: str) -> dict[int, RunResult]:
    """Return the results that `write_results` has written; none if there is no file.

    Args:
      path: the CSV file.
      points: the points of all runs.
      score: the name of the task's score.

    Returns:
      The results, by the numbers of the runs.

    Raises:
      InputError: if the file is damaged or belongs to another sweep.
    """
    if not path.exists():
        return {}
    results: dict[int, RunResult] = {}
    try:
        header, *rows = [*csv.reader(read_text(path).splitlines())] or [[]]
        names = _header(score, halved=header[-1:] == [*RUNG])
        expected = ["run", *points[0], "status", *names.values()]
        check(header == expected, "the header", ",".join(expected), ",".join(header))
        for row in rows:
            check(len(row) == len(header), "a row", f"of {len(header)} cells", len(row))
            cells = dict(zip(("run", *points[0], "status", *names), row, strict=True))
            i = _number(cells["run"], results, len(points))
            results[i] = _result(cells, points[i], f"run {i + 1}")
    except (csv.Error, ValueError) as error:
        raise InputError(f"{path} is not a complete table of this sweep: {error}") from None
    return results


def _number(cell: str, results: dict[int, RunResult], runs: int) -> int:
    """Return the number of a row's run, counted from 0."""
    known = {str(i + 1): i for i in range(runs)}
    check(cell in known, "run", f"from 1 to {runs}", cell)
    check(known[cell] not in results, "run", "another in each row", cell)
    return known[cell]


def _result(cells: dict[str, str], point: Point, run: str) -> RunResult:
    """Return the result that a row holds."""
    for name, value in point.items():
        if parse_value(name, cells[name]) != parse_value(name, format_value(value)):
            raise InputError(f"{run} has another {name}")
    known = [name for name in (*COLUMNS, *RUNG) if cells.get(name)]
    given = {name: parse_json(cells[name], f"{run}: {name}") for name in known}
    return checked_result(cells["status"], given, run)


def checked_result(status: str, numbers: dict[str, Any], run: str) -> RunResult:
    """Return a result that was read from a file.

    Args:
      status: of the run.
      numbers: its values of `COLUMNS`.
      run: names the run, for error messages.

    Returns:
      The result.

    Raises:
      InputError: if something is wrong with it.
    """
    check(status in (OK, DIVERGED), f"{run}: status", f"{OK} or {DIVERGED}", status)
    must = COLUMNS if status == OK else ("epochs", "seconds")
    kinds = {**COLUMNS, **RUNG}
    shape = {name if name in must else f"{name}?": kind for name, kind in kinds.items()}
    return RunResult(status, checked(numbers, shape, run))


def _header(score: str, halved: bool) -> dict[str, str]:
    """Return the headings of the columns of numbers, which name the task's score."""
    return {name: name.replace("score", score) for name in (*COLUMNS, *(RUNG if halved else ()))}


def rank_configs(points: list[Point], results: dict[int, RunResult]) -> list[ConfigResult]:
    """Return the result of each configuration, the best one first.

    The best configuration has the highest mean validation score; of equal ones, the lowest loss. A
    configuration with a diverged run comes after those without, and an incomplete one at the end.
    Where a sweep halves its runs, one that has reached a higher rung comes before all others.
    Each run is judged at its best epoch, which its `monitor` chooses, or with folds at its last: so
    the examples of a fold choose nothing. The configurations are
    compared by the score, also if the monitor is the loss: they may have different losses, such as
    `mse` and `mae`, whose numbers cannot be compared.

    Args:
      points: the points of all runs.
      results: the results of the runs that have ended.

    Returns:
      The configurations.
    """
    runs: dict[str, list[int]] = {}
    for i, point in enumerate(points):
        runs.setdefault(repr(without_repeats(point)), []).append(i)
    folds = folds_of(points)
    configs = [
        _config_result(without_repeats(points[own[0]]), own, folds, results)
        for own in runs.values()
    ]
    return sorted(configs, key=_rank)


def _rank(config: ConfigResult) -> tuple[Any, ...]:
    """Return the key that sorts the best configuration to the front."""
    known = config.best is not None
    score = -config.score if known else math.inf
    loss = config.loss if known else math.inf
    return not config.complete, config.diverged, -config.rung, score, loss


def _config_result(
    point: Point, runs: list[int], folds: int | None, results: dict[int, RunResult]
) -> ConfigResult:
    ended = [i for i in runs if i in results]
    good = [i for i in ended if results[i].status == OK]
    scores = np.array([results[i].numbers["valid_score"] for i in good])
    losses = np.array([results[i].numbers["valid_loss"] for i in good])
    return ConfigResult(
        point,
        tuple(runs),
        folds,
        ended=len(ended),
        diverged=len(ended) - len(good),
        score=float(scores.mean()) if good else math.nan,
        deviation=float(scores.std(ddof=1)) if len(good) > 1 else math.nan,
        loss=float(losses.mean()) if good else math.nan,
        best=good[int(np.lexsort((losses, -scores))[0])] if good else None,
        rung=max((int(results[i].numbers.get("rung", 0)) for i in ended), default=0),
    )


def best_run(configs: list[ConfigResult]) -> int | None:
    """Return the number of the best configuration's best run, or `None` if it is not known yet."""
    return configs[0].best if configs[0].complete else None


def runs_to_keep(configs: list[ConfigResult], results: dict[int, RunResult]) -> set[int]:
    """Return the numbers of the runs that can still be the best one at the end.

    Args:
      configs: the configurations, the best one first.
      results: the results of the runs that have ended.

    Returns:
      The best run so far, and the runs of incomplete configurations. With folds none: the network
      that is kept learns all of them, after the sweep.
    """
    if configs[0].folds is not None:
        return set()
    incomplete = {i for config in configs if not config.complete for i in config.runs}
    kept = {i for i in incomplete if i in results and results[i].status == OK}
    best = best_run(configs)
    return kept if best is None else {*kept, best}


def ranking_table(
    configs: list[ConfigResult], score: str
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Return the table of configurations that the command prints.

    Args:
      configs: the configurations, the best one first.
      score: the name of the task's score.

    Returns:
      The rows, and the header.
    """
    repeats = "seeds" if configs[0].folds is None else "folds" if configs[0].seeds == 1 else "runs"
    halved = any(config.rung for config in configs)
    header = (*configs[0].point, *(RUNG if halved else ()), f"valid {score}", "valid loss")
    header = (*header, repeats, "diverged")
    rows = [
        (
            *map(format_value, config.point.values()),
            *((str(config.rung or ""),) if halved else ()),
            format_mean(config.score, config.deviation),
            format_mean(config.loss, math.nan),
            f"{config.ended}/{len(config.runs)}",
            str(config.diverged or ""),
        )
        for config in configs
    ]
    return rows, header


def format_mean(mean: float, deviation: float) -> str:
    """Return a mean with its deviation, such as `0.9812 ± 0.0010`; `-` if it is unknown."""
    if math.isnan(mean):
        return "-"
    return f"{mean:.4f}" if math.isnan(deviation) else f"{mean:.4f} ± {deviation:.4f}"
