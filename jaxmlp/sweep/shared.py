"""A sweep that several processes train together, on one machine or on many that share its folder.

Each worker claims the runs that its devices train at once, trains them and publishes their results;
see `jaxmlp.sweep.claims`. A run is the same to the byte whoever trains it: the runs of a program
come in the same waves, and all workers must have the same versions and devices. One of the workers
that find no run left finishes the sweep, as a single process does.
"""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from jaxmlp.cli.console import SweepReporter
from jaxmlp.cli.interrupt import interruptible
from jaxmlp.config.factory import arithmetic
from jaxmlp.config.recipe import Recipe
from jaxmlp.errors import InputError, check, shown
from jaxmlp.files import json_text, locked_folder, read_json
from jaxmlp.runs.environment import device, versions
from jaxmlp.runs.output import delete_made
from jaxmlp.sweep.claims import Worker, list_names
from jaxmlp.sweep.folder import FOLDER, MACHINE, RESULT, RESULTS, WORKERS, SweepFolder
from jaxmlp.sweep.programs import Program
from jaxmlp.sweep.results import RunResult, checked_result, read_results, run_result
from jaxmlp.training.lockstep import Member

LOOK_EVERY = 1.0  # seconds between two looks at what the other workers do


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
        found: dict[int, RunResult] = {}
        if self.finished:
            table = read_results(self.path / RESULTS, self.plan.points, self.score)
            found = {i: result for i, result in table.items() if i not in self.results}
        for name in list_names(self.path / WORKERS):
            match = re.fullmatch(RESULT, name)
            if match and int(match[1]) - 1 not in self.results:
                file = self.path / WORKERS / name
                known = f"that of one of {len(self.plan.points)} runs"
                check(int(match[1]) <= len(self.plan.points), f"{file}", known, f"run {match[1]}")
                if file.exists():  # else the sweep has been finished just now
                    found[int(match[1]) - 1] = _read_result(file)
        if found:
            self.note_results(found)

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
                self._save_first(m, recipes[number])
            content = json_text(self.results[number]._asdict())
            if not self.worker.publish(f"run-{number + 1}.json", content):
                del self.results[number]  # another worker's counts
                self.look()
        for number in self._mine - kept:
            self.delete_run(number)
        self._mine &= kept

    def _save_first(self, m: Member, recipe: Recipe) -> None:
        """Save a run, unless another worker has: then it is the same run."""
        path = self._runs / str(m.number)
        if not path.is_dir():
            try:
                self.save_run(m, recipe)
            except OSError:
                if not path.is_dir():  # else another worker was faster
                    raise
        self._mine.add(m.number)

    def close(self) -> None:
        """Delete what the workers wrote for each other; the last sign of the sweep's end."""
        delete_made(self.path / WORKERS, FOLDER, role=f"{WORKERS}/")


def _read_result(file: Path) -> RunResult:
    saved = read_json(file)
    if not isinstance(saved, dict) or saved.keys() != {*RunResult._fields}:
        raise InputError(f"{file} is not the result of a run")
    return checked_result(saved["status"], saved["numbers"], str(file))


@contextmanager
def joined_sweep(folder: SweepFolder, lost_after: float) -> Iterator[SharedSweep]:
    """Take part in a sweep.

    Args:
      folder: the folder of the sweep.
      lost_after: the seconds after which a worker whose heart stands still is lost.

    Yields:
      The folder, as workers share it.

    Raises:
      InputError: if a process works alone in the folder, the workers are of another kind, or the
        file system has no hard links.
    """
    with ExitStack() as stack:
        stack.enter_context(locked_folder(folder.path, shared=True))
        shared = folder.path / WORKERS
        shared.mkdir(exist_ok=True)
        worker = stack.enter_context(Worker(shared, lost_after).at_work())
        own = machine()
        worker.publish(MACHINE, json_text(own))
        with suppress(FileNotFoundError):
            _check_alike(read_json(shared / MACHINE), own, folder.path)
        yield SharedSweep(folder, worker)


def machine() -> dict[str, Any]:
    """Return what must be the same for all workers, so that it does not matter who trains a run."""
    found = {name: version for name, version in versions().items() if name != "python"}
    return found | {name: device()[name] for name in ("platform", "kind", "devices")}


def _check_alike(first: Any, own: dict[str, Any], path: Path) -> None:
    for name, value in own.items():
        others = first.get(name) if isinstance(first, dict) else None
        if others != value:
            raise InputError(
                f"{path}: the workers have {name} {shown(others)}, this one has {shown(value)}:"
                " their results would differ"
            )


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
    waves = [(program, wave) for program in programs for wave in program.waves()]
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
            program, wave = claim_wave(folder, waves)
            if program is None:
                time.sleep(LOOK_EVERY)
                continue
            if ready is None or ready[0] is not program:
                ready = program, None  # forgets the examples of the last program first
                ready = program, program.ready()
            with arithmetic(program.recipe.precision):
                for moment in ready[1](wave):
                    if moment.ended:
                        folder.add_runs(moment.ended, recipes)
                    show(moment.done * len(wave))
                    folder.worker.check()
                    if noted:
                        break
            folder.worker.end_shift()
    return noted


def claim_wave(
    folder: SharedSweep, waves: list[tuple[Program, list[int]]]
) -> tuple[Program | None, list[int]]:
    """Claim runs of a wave that have not ended, and return them with their program."""
    left = [(program, [i for i in wave if i not in folder.results]) for program, wave in waves]
    left = [(program, wave) for program, wave in left if wave]
    names = [[f"run-{i + 1}" for i in wave] for _, wave in left]
    claimed = [int(task.removeprefix("run-")) - 1 for task in folder.worker.claim_first(names)]
    for program, wave in left:
        if claimed and claimed[0] in wave:
            return program, claimed
    return None, []
