"""The folder of a sweep: what it tries, the results so far, and the best run.

| file | content |
|---|---|
| `sweep.json` | the configuration that all runs share, and the points to try |
| `results.csv` | a row for each run that has ended |
| `runs/` | during the sweep, the runs that can still be the best one |
| `best/` | the best run, or with folds the final one; a folder like those of `jaxmlp.train` |
| `ensemble/` | with `--best-as-ensemble`, the mean of the best runs; a folder like `best/` |
| `summary.json` | the configurations, the best one first; data, versions, device, time |
| `sweep.png` | validation score against the fields that vary, with its deviation over the runs |
| `workers/` | while workers share the sweep, their claims and the results of the runs |
"""

import dataclasses
import re
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp.config import schema
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import NO_FILES, Files, parts_of, reject_idle, with_parts
from jaxmlp.config.recipe import Recipe
from jaxmlp.config.schema import checked
from jaxmlp.errors import InputError, check, naming, shown
from jaxmlp.files import new_folder, rename
from jaxmlp.runs.folder import CONFIG, RUN, SUMMARY, Run
from jaxmlp.runs.output import Kind, delete_made, new_output
from jaxmlp.sweep.claims import CLAIM, HEART
from jaxmlp.sweep.halving import Halving
from jaxmlp.sweep.members import candidates
from jaxmlp.sweep.results import (
    RunResult,
    best_run,
    format_mean,
    rank_configs,
    read_results,
    run_result,
    runs_to_keep,
    write_results,
)
from jaxmlp.sweep.space import Point, check_varies, folds_of, format_point
from jaxmlp.training.lockstep import OK, Member

SWEEP, RESULTS, RUNS, BEST, PICTURE = "sweep.json", "results.csv", "runs", "best", "sweep.png"
ENSEMBLE = "ensemble"
WORKERS, MACHINE = "workers", "machine.json"  # the second makes the first a shared folder
RESULT = r"run-([1-9]\d*)(?:-(\d+))?\.json"  # in the shared folder, perhaps with a rung
FOLDERS = (rf"{RUNS}/\d+", BEST, ENSEMBLE)  # of runs
FORMAT = 1  # of `sweep.json`
FOLDER = Kind(
    "sweep",
    SWEEP,
    (
        *map(re.escape, (RESULTS, SUMMARY, PICTURE)),
        *(rf"{folder}/{file}" for folder in FOLDERS for file in RUN.files),
        *(rf"{WORKERS}/{file}" for file in (re.escape(MACHINE), CLAIM, HEART, RESULT)),
        re.escape(SWEEP),
    ),
)


class Plan(NamedTuple):
    """What a sweep tries.

    Attributes:
      base: the configuration that all runs share.
      points: the fields that each run changes in it, with their values.
      origin: the checksum of the data, and the data set that they replace, if any.
      ensemble: of how many of the best runs the mean is made, if it is.
      halving: how only the better part of the runs is trained for longer, if it is.
    """

    base: Config
    points: list[Point]
    origin: dict[str, Any]
    ensemble: int | None = None
    halving: Halving | None = None

    @property
    def folds(self) -> int | None:
        """The number of folds that judge each configuration; `None` for a validation part."""
        return folds_of(self.points)

    def config(self, point: Point) -> Config:
        """Return the configuration of a run."""
        return dataclasses.replace(self.base, **point)

    def with_parts(self, files: Files) -> "Plan":
        """Return the plan with its parts of one's own loaded from the files that the user names.

        Raises:
          InputError: if a file is missing, has changed, or is that of no part.
        """
        configs = [self.base, *map(self.config, self.points)]
        reject_idle(files, *configs)
        if not any(map(parts_of, configs)):
            return self
        base, *runs = (with_parts(c, files if parts_of(c) else NO_FILES) for c in configs)
        points = [
            {name: getattr(run, name) for name in point}
            for run, point in zip(runs, self.points, strict=True)
        ]
        return self._replace(base=base, points=points)

    def final_config(self, point: Point) -> Config:
        """Return the configuration that learns all training examples, after all folds.

        Args:
          point: of one of the configuration's runs, whose seed is kept.
        """
        whole = {"fold": None, "valid_size": 0, "monitor": None}
        return dataclasses.replace(self.base, **(point | whole))


@contextmanager
def new_sweep(path: Path, plan: Plan, overwrite: bool) -> Iterator[None]:
    """Make the folder of a new sweep, with its plan, and hold it.

    Args:
      path: the folder.
      plan: what the sweep tries.
      overwrite: whether to replace a sweep that is there.

    Raises:
      InputError: if there is something that may not be overwritten, or another process works in
        the folder.
    """
    base = plan.base.to_dict()
    content = {"format": FORMAT, "base": base, "points": plan.points, "origin": plan.origin}
    if plan.ensemble is not None:
        content["ensemble"] = plan.ensemble
    if plan.halving is not None:
        content["halving"] = plan.halving._asdict()
    with new_output(path, FOLDER, content, overwrite):
        yield


def read_plan(folder: Path) -> Plan:
    """Return the plan of a sweep.

    Args:
      folder: the sweep's folder.

    Returns:
      The plan that `new_sweep` has written.

    Raises:
      InputError: if the folder has no sweep, another version has written it, or a field is wrong.
    """
    file = folder / SWEEP
    if not file.is_file():
        raise InputError(f"{folder} is not the folder of a sweep: it has no {SWEEP}")
    saved = checked(Run(folder).read_json(SWEEP), schema.SWEEP, file)
    check(saved["format"] == FORMAT, f"{file}: format", str(FORMAT), saved["format"])
    base = Config.from_dict(saved["base"], f"{file}: base")
    check(len(saved["points"]) > 0, f"{file}: points", "at least one", None)
    names = [*saved["points"][0]]
    with naming(f"{file}: points"):
        for name in names:
            check_varies(name)
    points = []
    for i, point in enumerate(saved["points"]):
        where = f"{file}: points[{i}]"
        check([*point] == names, where, f"values of {shown(names)}", shown([*point]))
        config = Config.from_dict(base.to_dict() | point, where)
        points.append({name: getattr(config, name) for name in point})
        check(points[-1] not in points[:-1], where, "another point", format_point(points[-1]))
    with naming(f"{file}: points"):
        folds_of(points)
    halving = Halving(**saved["halving"]) if "halving" in saved else None
    return Plan(base, points, saved["origin"], saved.get("ensemble"), halving)


class SweepFolder:
    """The folder of a sweep, with the results so far.

    Attributes:
      path: the folder.
      plan: what the sweep tries.
      score: the name of the task's score.
      results: the results of the runs that have ended, by the runs' numbers.
      configs: the result of each configuration, the best one first.
      kinds: what the runs must have in common to be members of one ensemble; empty if the sweep
        makes none.
    """

    def __init__(self, path: Path, plan: Plan, score: str, kinds: Sequence[Hashable] = ()) -> None:
        self.path, self.plan, self.score = path, plan, score
        self.kinds = kinds if plan.ensemble else ()
        self.results: dict[int, RunResult] = read_results(path / RESULTS, plan.points, score)
        self.configs = rank_configs(plan.points, self.results)

    def check_runs(self, recipes: list[Recipe]) -> None:
        """Reject a folder without a run that can still be the best one, or with another instead.

        Args:
          recipes: the recipes of all runs of the sweep.

        Raises:
          InputError: names the folder of the run.
        """
        for number in sorted(self._kept()):
            path = self._folder_of(number)
            if not (path / CONFIG).is_file():
                raise InputError(
                    f"{self.path / RESULTS} has run {number + 1}, but {path} is no run"
                )
            if Run(path).config_to_resume != recipes[number].to_config():
                raise InputError(f"{path / CONFIG} is not run {number + 1} of this sweep")

    def add_runs(self, ended: list[Member], recipes: list[Recipe]) -> None:
        """Write the results of runs that have ended, and save those that can still be the best one.

        Args:
          ended: the runs.
          recipes: the recipes of all runs of the sweep.
        """
        self.reject_workers()
        kept = self.note_results({m.number: run_result(m) for m in ended})
        for m in ended:
            if m.number in kept:
                self.delete_run(m.number)  # of a process killed before it wrote the results
                self.save_run(m, recipes[m.number])
        self.write_results()
        for number in self.results.keys() - kept:
            self.delete_run(number)

    def reject_workers(self) -> None:
        """Reject a folder that workers share, for a process that works alone.

        Raises:
          InputError: names the option with which to take part.
        """
        if (self.path / WORKERS / MACHINE).exists():
            raise InputError(f"workers share {self.path}: continue it with --join {self.path}")

    def note_results(self, results: dict[int, RunResult]) -> set[int]:
        """Take results into account, and return the numbers of the runs to keep."""
        self.results |= results
        self.configs = rank_configs(self.plan.points, self.results)
        return self._kept()

    def _kept(self) -> set[int]:
        """Return the numbers of the runs that can still be the best one, or in the ensemble."""
        kept = runs_to_keep(self.configs, self.results)
        if self.plan.ensemble and not (self.path / ENSEMBLE).exists():
            found = candidates(self.plan.ensemble, self.kinds, self.results)
            kept.update(*(chosen.runs for chosen in found))
        return kept

    def members(self) -> dict[int, Path]:
        """Return the runs whose mean is the ensemble, the best one first, and their folders.

        Returns:
          None, if there are too few of one kind that have ended well.
        """
        count = self.plan.ensemble or 0
        found = candidates(count, self.kinds, self.results)
        if not found or len(found[0].runs) < count:
            return {}
        return {i: self._folder_of(i) for i in found[0].runs}

    def _folder_of(self, number: int) -> Path:
        """Return the folder of a run that is kept."""
        path = self._runs / str(number)
        moved = not path.exists() and number == best_run(self.configs)
        return self.path / BEST if moved else path

    def write_results(self) -> None:
        """Write the table of the results so far."""
        write_results(self.path / RESULTS, self.plan.points, self.results, self.score)

    def delete_run(self, number: int) -> None:
        """Delete the folder of a run that cannot be the best one."""
        delete_made(self._runs / str(number), RUN)

    def move_best_run(self) -> Run | None:
        """Move the best run of a complete sweep to its place, and delete the other runs.

        Returns:
          The run, or `None` if every run has diverged.
        """
        number, best = best_run(self.configs), self.path / BEST
        if number is None:
            return None
        if not best.exists():
            rename(self._folder_of(number), best)
        delete_made(self._runs, FOLDER, role=f"{RUNS}/")
        return Run(best)

    def describe_run(self, number: int) -> str:
        """Return a line about a run that has ended."""
        status, numbers = self.results[number]
        place = f"run {number + 1}/{len(self.plan.points)}"
        result = f"diverged in epoch {numbers['epochs'] + 1:.0f}"
        if status == OK:
            result = f"valid {self.score} {numbers['valid_score']:.4f}"
        return f"{place}  {format_point(self.plan.points[number])}  {result}"

    def describe_best(self) -> str:
        """Return the best configuration so far with its score, or "" if none is complete."""
        best = self.configs[0]
        if best_run(self.configs) is None:
            return ""
        return f"{format_point(best.point)}  {format_mean(best.score, best.deviation)}".strip()

    @property
    def _runs(self) -> Path:
        return self.path / RUNS

    def save_run(self, m: Member, recipe: Recipe, path: Path | None = None) -> None:
        """Save a run that has ended; its folder appears in one instant."""
        path, origin = path or self._runs / str(m.number), self.plan.origin

        def fill(folder: Path) -> None:
            run = Run(folder)
            run.write_json(CONFIG, recipe.to_config().to_dict())
            run.begin(origin["checksum"], origin["dataset_wanted"])
            run.save_checkpoint(m.state, m.history)

        self._runs.mkdir(exist_ok=True)
        with new_folder(path, fill):
            pass
