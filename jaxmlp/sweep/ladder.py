"""The folder of a sweep that halves its runs: a result and a checkpoint for each rung of a run.

The checkpoint of a rung is a folder of its own in `runs/`, which never changes: a worker that comes
back late cannot put an old one in the place of a new one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from jaxmlp.config.recipe import Recipe
from jaxmlp.files import json_text
from jaxmlp.runs.folder import Run
from jaxmlp.sweep.claims import Worker
from jaxmlp.sweep.folder import BEST, SweepFolder
from jaxmlp.sweep.halving import Halving, Rung, next_tasks
from jaxmlp.sweep.programs import Part, Program, TrainWave
from jaxmlp.sweep.results import RunResult, best_run, run_result
from jaxmlp.sweep.shared import Group, SharedSweep
from jaxmlp.training.lockstep import OK, Member, Moment

TASK = r"run-([1-9]\d*)-(\d+)"  # a run, and the rung that it is to reach


class HalvingSweep(SharedSweep):
    """The folder of a sweep that halves its runs.

    Attributes:
      rungs: the results of the runs that have ended on each rung.
    """

    def __init__(self, folder: SweepFolder, worker: Worker, epochs: int) -> None:
        """Know no result yet.

        Args:
          folder: the folder of the sweep.
          worker: this process, among the others.
          epochs: of the configuration.
        """
        super().__init__(folder, worker)
        assert self.plan.halving is not None
        self._halving: Halving = self.plan.halving
        self._ladder = self._halving.ladder(epochs)
        self.rungs: list[Rung] = [{} for _ in self._ladder]
        self._begun: set[tuple[int, int]] = set()  # runs, and the rungs that they are to reach
        self._rung = 0  # of the runs that train now

    @property
    def complete(self) -> bool:
        """Whether no run is left that is to be trained for longer, or trains now."""
        return not self._tasks()

    def look(self) -> None:
        """Read what other workers have claimed, and then the results, which led to these claims."""
        claims = (re.fullmatch(TASK, task) for task in self.worker.claimed_tasks())
        begun = {(int(found[1]) - 1, int(found[2])) for found in claims if found}
        super().look()
        runs, rungs = len(self.plan.points), len(self.rungs)
        self._begun |= {(i, rung) for i, rung in begun if i < runs and rung < rungs}

    def has(self, number: int, rung: str | None) -> bool:
        """Return whether a result is known; each belongs to a rung."""
        known = rung is not None and int(rung) < len(self.rungs)
        return not known or number in self.rungs[int(rung or 0)]

    def take(self, number: int, rung: str | None, result: RunResult) -> None:
        """Take a result into account: that of the highest rung is the result of the run."""
        self.rungs[int(rung or 0)][number] = result
        latest = next(r[number] for r in reversed(self.rungs) if number in r)
        self.note_results({number: latest})

    def groups(self, programs: list[Program]) -> list[Group]:
        """Return what is to be trained now: promoted runs first, then new ones."""
        groups: dict[tuple[int, int, int, bool], Group] = {}
        place = {
            i: (number, position, program)
            for number, program in enumerate(programs)
            for position, wave in enumerate(program.waves())
            for i in wave
        }
        for i, rung in self._tasks():
            number, position, program = place[i]
            own = (rung, number, position if rung == 0 else 0, (i, rung) in self._begun)
            groups.setdefault(own, Group(program, rung, [])).runs.append(i)
        return [part for group in groups.values() for part in group.parts()]

    def train(self, group: Group, train_wave: TrainWave) -> Iterator[Moment]:
        """Train runs to a rung, each from the checkpoint of the rung below."""
        rung = self._rung = group.rung or 0
        if rung == 0:
            yield from train_wave(group.runs, Part(0, self._ladder[0], {}))
            return
        begun, checksum = self._ladder[rung - 1], self.plan.origin["checksum"]
        left = {
            i: group.program.where_left(i, Run(self._rung_folder(i, rung - 1)), checksum)
            for i in group.runs
        }
        ended = [group.program.ended(i, left[i]) for i in group.runs]
        stopped = {m.number: m for m in ended if m.history.reason_to_stop()}  # for good
        if stopped:
            yield Moment(0, [*stopped.values()])
        going = [i for i in group.runs if i not in stopped]
        yield from train_wave(going, Part(begun, self._ladder[rung], left))

    def add_runs(self, ended: list[Member], recipes: list[Recipe]) -> None:
        """Publish what the runs have reached; what another worker has published counts already."""
        self.look()
        for m in ended:
            if self.finished or m.number in self.rungs[self._rung]:
                continue
            if m.status == OK:
                self.save_first(m, recipes[m.number], self._rung_folder(m.number, self._rung))
            result = run_result(m)
            result.numbers["rung"] = self._ladder[self._rung]
            name = f"run-{m.number + 1}-{self._rung}.json"
            if self.worker.publish(name, json_text(result._asdict())):
                self.take(m.number, str(self._rung), result)
            else:
                self.look()

    def _tasks(self) -> list[tuple[int, int]]:
        runs = len(self.plan.points)
        return next_tasks(self.rungs, self._halving.factor, runs, self._begun)

    def _rung_folder(self, number: int, rung: int) -> Path:
        return self._runs / str(number + rung * len(self.plan.points))

    def _folder_of(self, number: int) -> Path:
        """Return the folder of a run that is kept: that of its highest rung."""
        reached = [k for k, rung in enumerate(self.rungs) if number in rung]
        path = self._rung_folder(number, reached[-1])
        moved = not path.exists() and number == best_run(self.configs)
        return self.path / BEST if moved else path
