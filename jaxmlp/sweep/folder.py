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
| `optuna.journal` | with `--search`, its trials for Optuna's own tools; it follows the first two |
| `workers/` | while workers share the sweep, their claims and the results of the runs |
"""

import re
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jaxmlp.config.recipe import Recipe
from jaxmlp.errors import InputError
from jaxmlp.files import new_folder, rename, write_json
from jaxmlp.runs.folder import CONFIG, RUN, SUMMARY, Run
from jaxmlp.runs.output import Kind, delete_made, new_output
from jaxmlp.sweep.claims import CLAIM, HEART
from jaxmlp.sweep.journal import JOURNAL, LOCKS
from jaxmlp.sweep.members import candidates
from jaxmlp.sweep.plan import SWEEP, Plan
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
from jaxmlp.sweep.space import format_point
from jaxmlp.training.lockstep import OK, Member

RESULTS, RUNS, BEST, PICTURE = "results.csv", "runs", "best", "sweep.png"
ENSEMBLE = "ensemble"
WORKERS, MACHINE = "workers", "machine.json"  # the second makes the first a shared folder
RESULT = r"run-([1-9]\d*)(?:-(\d+))?\.json"  # in the shared folder, perhaps with a rung
FOLDERS = (rf"{RUNS}/\d+", BEST, ENSEMBLE)  # of runs
FOLDER = Kind(
    "sweep",
    SWEEP,
    (
        *map(re.escape, (RESULTS, SUMMARY, PICTURE, JOURNAL)),
        LOCKS,
        *(rf"{folder}/{file}" for folder in FOLDERS for file in RUN.files),
        *(rf"{WORKERS}/{file}" for file in (re.escape(MACHINE), CLAIM, HEART, RESULT)),
        re.escape(SWEEP),
    ),
)


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
    with new_output(path, FOLDER, plan.to_dict(), overwrite):
        yield


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

    def add_batch(self, plan: Plan, kinds: Sequence[Hashable]) -> None:
        """Write a plan with more points than before, those of the next batch of a search.

        Args:
          plan: what the sweep tries from now on.
          kinds: what the runs must have in common to be members of one ensemble.
        """
        write_json(self.path / SWEEP, plan.to_dict())
        self.plan, self.kinds = plan, kinds if plan.ensemble else ()
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
            search = self.plan.search
            more = search is not None and not search.complete
            found = candidates(self.plan.ensemble, self.kinds, self.results, more)
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
        place = f"run {number + 1}/{self.plan.runs}"
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
