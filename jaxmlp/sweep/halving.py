"""Successive halving: every run trains for a few epochs, and the better part of them for longer.

ASHA (Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar 2018, "A System for
Massively Parallel Hyperparameter Tuning", algorithm 2). The rungs of the ladder are numbers of
epochs, `r, r f, r f^2, ...` and last the `epochs` of the configuration, for a factor `f`. Of the
`n` runs that have ended on a rung, the best `n / f` (rounded down) are promoted to the next one.
Who decides that looks only at the results in the folder. So any number of workers share a sweep,
and none waits until a rung is full: a run that was good among few may be promoted though later
ones are better. What a worker has begun is trained to its end, by another one if it must be. With
one worker the course is always the same.

A promoted run goes on from where it was left. Its learning rate follows the schedule of all
`epochs` from its start, so at each rung it has the bytes of a run trained straight to there.

When all other work is done and no run has reached the next rung, the best of the last one has to
go: in a short sweep too, one run at least is trained for all epochs.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from jaxmlp.config.recipe import Recipe
from jaxmlp.errors import InputError, check
from jaxmlp.sweep.results import RunResult
from jaxmlp.sweep.space import REPEATS, Point
from jaxmlp.training.lockstep import OK

Rung = dict[int, RunResult]


class Halving(NamedTuple):
    """How a sweep halves its runs.

    Attributes:
      factor: one of so many runs is promoted.
      first: the epochs of the first rung.
    """

    factor: int
    first: int

    def ladder(self, epochs: int) -> list[int]:
        """Return the epochs of each rung; the last one has all `epochs`.

        Args:
          epochs: of the configuration.
        """
        rungs = [self.first]
        while rungs[-1] * self.factor < epochs:
            rungs.append(rungs[-1] * self.factor)
        return [*rungs, epochs]


def check_halving(
    halving: Halving | None, points: Sequence[Point], recipes: Sequence[Recipe]
) -> None:
    """Reject a halving that a sweep cannot have.

    Args:
      halving: how the sweep halves its runs, if it does.
      points: what the runs try.
      recipes: of the runs.

    Raises:
      InputError: if a number is out of its range, or runs repeat each other or differ in length.
    """
    if halving is None:
        return
    for name in (*REPEATS, "epochs"):
        if name in points[0]:
            raise InputError(f"--halving compares single runs of one length: {name} cannot vary")
    check(halving.factor >= 2, "--halving", "at least 2", halving.factor)
    epochs = recipes[0].epochs
    need = f"from 1 to {epochs - 1}, less than all epochs"
    check(1 <= halving.first < epochs, "--first-epochs", need, halving.first)


def next_tasks(
    rungs: Sequence[Rung], factor: int, runs: int, begun: Collection[tuple[int, int]] = ()
) -> list[tuple[int, int]]:
    """Return what is to be trained now, by the results so far: runs, and the rungs to reach.

    Args:
      rungs: the results of the runs that have ended on each rung, the first rung first.
      factor: one of so many runs is promoted.
      runs: the number of all runs.
      begun: the pairs of run and rung that workers have claimed, with a result or without.

    Returns:
      Pairs of run and rung, in the order in which they are to be trained: what was begun first,
      then promotions to the highest rung, and new runs at the end. Nothing, if the sweep is done.
    """
    left = [(i, place) for i, place in begun if i not in rungs[place]]
    tasks = sorted(left, key=lambda task: (-task[1], task[0]))
    for place in range(len(rungs) - 2, -1, -1):
        best = _best(rungs[place])[: len(rungs[place]) // factor]
        better = [(i, place + 1) for i in best if i not in rungs[place + 1]]
        tasks += [task for task in better if task not in begun]
    tasks += [(i, 0) for i in range(runs) if i not in rungs[0] and (i, 0) not in begun]
    if tasks:
        return tasks
    for place in range(len(rungs) - 2, -1, -1):
        if rungs[place] and not rungs[place + 1] and (best := _best(rungs[place])):
            return [(best[0], place + 1)]
    return []


def _best(rung: Rung) -> list[int]:
    """Return the runs that have ended well on a rung, the best one first."""
    good = {i: result.numbers for i, result in rung.items() if result.status == OK}
    return sorted(good, key=lambda i: (-good[i]["valid_score"], good[i]["valid_loss"], i))
