"""The mean of the best runs of a sweep, as a run like any other.

`p(x) = 1/K sum_k p_k(x)` over the K best runs that are alike: networks of the same form, for inputs
on the same scale. They lie side by side in one set of parameters, as the members that
`train --ensemble K` trains (Lakshminarayanan, Pritzel and Blundell 2017: deep ensembles).
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmlp.config.factory import arithmetic
from jaxmlp.config.options import Config
from jaxmlp.config.problem import Problem, ProblemInMemory, pose_problem
from jaxmlp.data import Dataset
from jaxmlp.errors import InputError
from jaxmlp.files import new_folder
from jaxmlp.runs.folder import CONFIG, MEMBERS, SUMMARY, Run, Saved
from jaxmlp.runs.summary import Outcome, finish_run
from jaxmlp.training import Split, shapes_of_start

NO_VALID = {  # what a configuration says of a validation part that it does not have
    "valid_size": 0,
    **{name: getattr(Config(), name) for name in ("monitor", "patience", "min_improvement")},
}


def end_of_run(run: Run, config: Config, dataset: Dataset) -> tuple[ProblemInMemory, Saved]:
    """Return the problem of a run that has ended, and where the run was left.

    Args:
      run: the run.
      config: its configuration, with its parts of one's own loaded.
      dataset: the data.
    """
    run.begin(dataset.provenance["checksum"], None)
    problem = pose_problem(config, dataset)
    state, best = shapes_of_start(problem.trainer)
    start = Saved(state, best, [], best.params if problem.recipe.min_change else None)
    return problem, run.load_checkpoint(start, problem.task.score)


def make_ensemble(
    path: Path,
    runs: dict[int, tuple[Path, Config]],
    dataset: Dataset,
    wanted: str | None,
) -> dict[str, Any]:
    """Make the run of an ensemble, finished as `jaxmlp.train` finishes one.

    Where its members have one validation part, it is judged by it. Else each has learned what
    validates another, and the ensemble has no such part.

    Args:
      path: the folder of the new run, which appears when all is done.
      runs: the folders of the members by their numbers, the best one first, with their
        configurations, which have parts of one's own loaded.
      dataset: the data.
      wanted: the data set that the data replace, if any.

    Returns:
      What its `summary.json` says.
    """
    first = next(iter(runs.values()))[1]
    with arithmetic(first.precision):
        ended = [end_of_run(Run(folder), config, dataset) for folder, config in runs.values()]
        valid = [problem.valid for problem, _ in ended]
        parts = [part.indices.tobytes() for part in valid if isinstance(part, Split)]
        alike = len({*parts}) == 1
        own = {} if alike else NO_VALID
        config = dataclasses.replace(first, ensemble=len(runs), **own)
        problem = pose_problem(config, dataset)
        _check_scale(problem, ended[0][0])
        params = jax.tree.map(lambda *leaves: np.stack(leaves), *(s.best.params for _, s in ended))
        members = [
            {"run": i + 1, "epochs": len(left.records), "best_epoch": int(left.best.epoch)}
            for i, (_, left) in zip(runs, ended, strict=True)
        ]
        made: dict[str, Any] = {}

        def fill(folder: Path) -> None:
            run = Run(folder)
            run.write_json(CONFIG, problem.recipe.to_config().to_dict())
            run.write_json(MEMBERS, members)
            outcome = _outcome(problem, params, members, dataset, wanted)
            made.update(finish_run(outcome, run, quiet=True).summary)
            made.update(epochs=problem.recipe.epochs, members=members)
            run.write_json(SUMMARY, made)

        with new_folder(path, fill):
            return made


def _check_scale(problem: Problem, member: Problem) -> None:
    """Reject an ensemble whose inputs all examples together would scale in another way."""
    own, theirs = (p.signature.preprocessing.to_dict() for p in (problem, member))
    if own != theirs:
        raise InputError("the ensemble cannot be made: its members scale inputs in another way")


def _outcome(
    problem: Problem,
    params: Any,
    members: list[dict[str, int]],
    dataset: Dataset,
    wanted: str | None,
) -> Outcome:
    """Return the end of a training that has led to these parameters."""
    state, start = problem.begin()
    epoch = np.int64(max(member["best_epoch"] for member in members))
    history = problem.history(start._replace(params=params, epoch=epoch))
    return Outcome(problem, dataset.source, wanted, state, history, False, 0.0)
