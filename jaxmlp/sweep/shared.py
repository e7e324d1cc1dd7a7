"""A sweep that several processes train together, on one machine or on many that share its folder.

Each worker claims the runs that its devices train at once, trains them and publishes their results;
see `jaxmlp.sweep.claims`. A run is the same to the byte whoever trains it: the runs of a program
come in the same waves, and all workers must have the same versions and devices. One of the workers
that find no run left finishes the sweep, as a single process does.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp.cli.console import SweepReporter
from jaxmlp.cli.interrupt import interruptible
from jaxmlp.config.factory import arithmetic
from jaxmlp.config.recipe import Recipe
from jaxmlp.errors import InputError, check
from jaxmlp.files import json_text, read_json
from jaxmlp.runs.output import delete_made
from jaxmlp.sweep.claims import Worker, list_names
from jaxmlp.sweep.folder import FOLDER, MACHINE, RESULT, RESULTS, WORKERS, SweepFolder
from jaxmlp.sweep.programs import Program, TrainWave
from jaxmlp.sweep.results import RunResult, checked_result, read_results, run_result
from jaxmlp.training.lockstep import Member, Moment

LOOK_EVERY = 1.0  # seconds between two looks at what the other workers do


class Group(NamedTuple):
    """Runs that train side by side.

    Attributes:
      program: which trains them.
      rung: the place on the ladder of epochs that they are to reach; `None` without halving.
      runs: their numbers.
    """

    program: Program
    rung: int | None
    runs: list[int]

    @property
    def names(self) -> list[str]:
        """The names of the tasks, one for each run, by which workers claim them."""
        end = "" if self.rung is None else f"-{self.rung}"
        return [f"run-{i + 1}{end}" for i in self.runs]

    def parts(self) -> list["Group"]:
        """Return groups of at most as many runs as the devices train at once."""
        size = len(self.program.waves()[0])
        starts = range(0, len(self.runs), size)
        return [self._replace(runs=self.runs[begun : begun + size]) for begun in starts]


class SharedSweep(SweepFolder):
    """The folder of a sweep that workers share: each result is a file, which only one can make.

    Attributes:
      worker: this process, among the others.
    """

    def __init__(self, folder: SweepFolder, worker: Worker) -> None:
        super().__init__(folder.path, folder.plan, folder.score, folder.kinds)
        self.worker = worker
        self._mine: set[int] = set()  # whose folders this worker has saved

    @property
    def finished(self) -> bool:
        """Whether a worker has finished the sweep."""
        return self.worker.gone or not (self.path / WORKERS / MACHINE).exists()

    @property
    def complete(self) -> bool:
        """Whether all runs have ended."""
        return len(self.results) == len(self.plan.points)

    def look(self) -> None:
        """Read the results that other workers have published.

        Raises:
          InputError: if a result is damaged.
        """
        if self.finished:
            table = read_results(self.path / RESULTS, self.plan.points, self.score)
            self.note_results({i: r for i, r in table.items() if i not in self.results})
        for name in list_names(self.path / WORKERS):
            match = re.fullmatch(RESULT, name)
            if match and not self.has(int(match[1]) - 1, match[2]):
                file = self.path / WORKERS / name
                known = f"that of one of {len(self.plan.points)} runs"
                check(int(match[1]) <= len(self.plan.points), f"{file}", known, f"run {match[1]}")
                if file.exists():  # else the sweep has been finished just now
                    self.take(int(match[1]) - 1, match[2], _read_result(file))

    def has(self, number: int, rung: str | None) -> bool:
        """Return whether a result is known; without halving, no result belongs to a rung."""
        return number in self.results or rung is not None

    def take(self, number: int, rung: str | None, result: RunResult) -> None:
        """Take a result into account."""
        del rung
        self.note_results({number: result})

    def groups(self, programs: list[Program]) -> list[Group]:
        """Return what is left to train: runs in the waves in which they train side by side."""
        waves = [(program, wave) for program in programs for wave in program.waves()]
        left = [(program, [i for i in wave if i not in self.results]) for program, wave in waves]
        return [Group(program, None, wave) for program, wave in left if wave]

    def undone(self, group: Group) -> Group:
        """Return a group that was claimed, without the runs that others have done meanwhile."""
        self.look()
        rung = None if group.rung is None else str(group.rung)
        left = [i for i in group.runs if not self.finished and not self.has(i, rung)]
        return group._replace(runs=left)

    def train(self, group: Group, train_wave: TrainWave) -> Iterator[Moment]:
        """Train runs that this worker has claimed, and yield the progress."""
        return train_wave(group.runs, None)

    def add_runs(self, ended: list[Member], recipes: list[Recipe]) -> None:
        """Publish the results of runs; those that another worker has published count already.

        Args:
          ended: the runs.
          recipes: the recipes of all runs of the sweep.
        """
        self.look()
        new = {m.number: m for m in ended if m.number not in self.results}
        kept = self.note_results({number: run_result(m) for number, m in new.items()})
        for number, m in new.items():
            if number in kept:
                self.save_first(m, recipes[number], self._runs / str(number))
                self._mine.add(number)
            content = json_text(self.results[number]._asdict())
            if not self.worker.publish(f"run-{number + 1}.json", content):
                del self.results[number]  # another worker's counts
                self.look()
        for number in self._mine - kept:
            self.delete_run(number)
        self._mine &= kept

    def save_first(self, m: Member, recipe: Recipe, path: Path) -> None:
        """Save a run, unless another worker has: then it is the same run."""
        if not path.is_dir():
            try:
                self.save_run(m, recipe, path)
            except OSError:
                if not path.is_dir():  # else another worker was faster
                    raise

    def close(self) -> None:
        """Delete what the workers wrote for each other; the last sign of the sweep's end."""
        delete_made(self.path / WORKERS, FOLDER, role=f"{WORKERS}/")


def _read_result(file: Path) -> RunResult:
    saved = read_json(file)
    if not isinstance(saved, dict) or saved.keys() != {*RunResult._fields}:
        raise InputError(f"{file} is not the result of a run")
    return checked_result(saved["status"], saved["numbers"], str(file))


def share_runs(
    folder: SharedSweep, programs: list[Program], recipes: list[Recipe], quiet: bool
) -> list[int]:
    """Train runs beside other workers, until all have ended.

    Args:
      folder: the folder that the workers share.
      programs: which train all runs.
      recipes: the recipes of all runs.
      quiet: whether to print nothing.

    Returns:
      The signal that interrupted this, if any.
    """
    ready: tuple[Program, Any] | None = None
    shown = {*folder.results}
    with SweepReporter(len(recipes), quiet) as reporter, interruptible() as noted:

        def show(share: float = 0.0) -> None:
            ended = len(folder.results)
            lines = [folder.describe_run(i) for i in sorted(folder.results.keys() - shown)]
            reporter.show(ended + share, ended, lines, folder.describe_best())
            shown.update(folder.results)

        while not noted:
            finished = folder.finished
            folder.look()
            show()
            if folder.complete or finished:
                break
            group = claim_group(folder, folder.groups(programs))
            if group is None:
                time.sleep(LOOK_EVERY)
                continue
            program = group.program
            if ready is None or ready[0] is not program:
                ready = program, None  # forgets the examples of the last program first
                ready = program, program.ready()
            group = folder.undone(group)
            with arithmetic(program.recipe.precision):
                for moment in folder.train(group, ready[1]):
                    if moment.ended:
                        folder.add_runs(moment.ended, recipes)
                    show(moment.done * len(group.runs))
                    folder.worker.check()
                    if noted or folder.worker.gone:
                        break
            folder.worker.end_shift()
    return noted


def claim_group(folder: SharedSweep, groups: list[Group]) -> Group | None:
    """Claim the runs of a group that no other worker has, and return them as a group."""
    claimed = folder.worker.claim_first([group.names for group in groups])
    for group in groups:
        runs = [i for i, name in zip(group.runs, group.names, strict=True) if name in claimed]
        if runs:
            return group._replace(runs=runs)
    return None
