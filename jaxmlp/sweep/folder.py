"""The folder of a sweep: what was to be tried, what has been, and the best run.

| file | content |
|---|---|
| `sweep.json` | the configuration that all share, and the points to try |
| `results.csv` | a row per run that has ended |
| `runs/` | while the sweep is not done, the runs that may yet be the best |
| `best/` | the best run, a folder as `jaxmlp.train` leaves it |
| `summary.json` | the configurations, best first; data, versions, device, time |
| `sweep.png` | validation score against what was varied, with its spread over seeds |
"""

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp.config.options import Config
from jaxmlp.config.recipe import Recipe
from jaxmlp.errors import InputError, check
from jaxmlp.runs.folder import CONFIG, SUMMARY, Run, claim
from jaxmlp.sweep.results import (
    Result,
    candidates,
    mean_words,
    read_results,
    result_of,
    settings,
    winner,
    write_results,
)
from jaxmlp.sweep.space import Point, words
from jaxmlp.training.lockstep import OK, Member

SWEEP, RESULTS, RUNS, BEST, PICTURE = "sweep.json", "results.csv", "runs", "best", "sweep.png"
FORMAT = 1


class Plan(NamedTuple):
    """What a sweep tries.

    Attributes:
      base: the configuration that all share.
      points: what each run changes in it.
      origin: the data's checksum, and the set they stand in for, as a run records them.
    """

    base: Config
    points: list[Point]
    origin: dict[str, Any]


def make_folder(path: Path, overwrite: bool) -> Path:
    """Make the folder of a new sweep; see `Run.create`."""
    return claim(path, (SWEEP, RESULTS, RUNS, BEST, SUMMARY, PICTURE), "sweep", overwrite)


def write_plan(folder: Path, plan: Plan) -> None:
    """Write what a sweep tries."""
    base = plan.base.to_dict()
    content = {"format": FORMAT, "base": base, "points": plan.points, "origin": plan.origin}
    Run(folder).write_json(SWEEP, content)


def read_plan(folder: Path) -> Plan:
    """Return what a sweep tries.

    Args:
      folder: of the sweep.

    Returns:
      The plan that was written.

    Raises:
      InputError: if there is no sweep in the folder, or one of another version.
    """
    file = folder / SWEEP
    if not file.is_file():
        raise InputError(f"{folder} is not the folder of a sweep: it has no {SWEEP}")
    saved = Run(folder).read_json(SWEEP)
    check(saved.get("format") == FORMAT, f"{file}: format", str(FORMAT), saved.get("format"))
    points = [
        {name: tuple(v) if isinstance(v, list) else v for name, v in point.items()}
        for point in saved["points"]
    ]
    return Plan(Config.from_dict(saved["base"], file), points, saved["origin"])


class Book:
    """The results so far, kept in the folder as runs end.

    Attributes:
      results: of the runs that have ended, by their numbers.
      settings: what they amount to, best first.
      score: the name of the task's score.
    """

    def __init__(self, folder: Path, plan: Plan, score: str) -> None:
        self._folder, self._plan, self.score = folder, plan, score
        self.results: dict[int, Result] = read_results(folder / RESULTS, plan.points, score)
        self.settings = settings(plan.points, self.results)

    def add(self, ended: list[Member], recipes: list[Recipe]) -> None:
        """Note runs that have ended, and keep those that may yet be the best.

        Args:
          ended: the runs.
          recipes: of all runs.
        """
        self.results |= {m.number: result_of(m) for m in ended}
        self.settings = settings(self._plan.points, self.results)
        keep = candidates(self.settings, self.results)
        for m in ended:
            if m.number in keep:
                self._save(m, recipes[m.number])
        write_results(self._folder / RESULTS, self._plan.points, self.results, self.score)
        for file in self._runs.iterdir() if self._runs.exists() else ():
            if int(file.name) not in keep:
                shutil.rmtree(file)

    def best(self) -> Run | None:
        """Return the folder of the best run of a sweep that is done, if a run did not diverge."""
        number, best = winner(self.settings), self._folder / BEST
        if number is None:
            return None
        if not best.exists():
            os.replace(self._runs / str(number), best)
        shutil.rmtree(self._runs, ignore_errors=True)
        return Run(best)

    def line(self, number: int) -> str:
        """Return how a run ended, in a line."""
        status, numbers = self.results[number]
        place = f"run {number + 1}/{len(self._plan.points)}"
        said = f"diverged in epoch {numbers['epochs'] + 1:.0f}"
        if status == OK:
            said = f"valid {self.score} {numbers['valid_score']:.4f}"
        return f"{place}  {words(self._plan.points[number])}  {said}"

    def best_so_far(self) -> str:
        """Return the best complete configuration, in a few words, if there is one."""
        best = self.settings[0]
        if not best.complete or best.best is None:
            return ""
        return f"{words(best.point)}  {mean_words(best.score, best.spread)}".strip()

    @property
    def _runs(self) -> Path:
        return self._folder / RUNS

    def _save(self, m: Member, recipe: Recipe) -> None:
        path = self._runs / str(m.number)
        path.mkdir(parents=True, exist_ok=True)
        run = Run(path)
        run.origin = self._plan.origin
        run.write_json(CONFIG, recipe.to_config().to_dict())
        run.save_checkpoint(m.state, m.history)
