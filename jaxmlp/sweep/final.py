"""The final run of a sweep with folds: the best configuration learns all training examples."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxmlp.cli.console import print_line, say
from jaxmlp.cli.interrupt import interruptible
from jaxmlp.config.factory import arithmetic
from jaxmlp.config.problem import Problem, pose_problem
from jaxmlp.data import Dataset
from jaxmlp.errors import InputError
from jaxmlp.runs.fit import new_run, train_problem
from jaxmlp.runs.folder import CONFIG, SUMMARY, Run
from jaxmlp.runs.summary import Finished, finish_run
from jaxmlp.sweep.folder import BEST, SweepFolder
from jaxmlp.sweep.results import best_run
from jaxmlp.sweep.space import format_point
from jaxmlp.training import Diverged


def train_final_run(
    folder: SweepFolder, dataset: Dataset, quiet: bool
) -> tuple[Finished | None, list[int]]:
    """Train the configuration that the folds have chosen on all training examples, and judge it.

    Only this network sees the test part. A run that was interrupted goes on from its checkpoint.

    Args:
      folder: the sweep's folder, of which every run has ended.
      dataset: the data.
      quiet: whether to print nothing but warnings.

    Returns:
      The run, or `None` if there is none; and the signal that interrupted it, if any.

    Raises:
      InputError: if another run lies in its folder.
    """
    number, began = best_run(folder.configs), time.perf_counter()
    if number is None:
        return None, []
    best = folder.configs[0]
    config = folder.plan.final_config(folder.plan.points[best.runs[0]])
    with arithmetic(config.precision):
        problem = pose_problem(config, dataset)
        if not quiet:
            learned = f"learns all {len(problem.train.indices):,} training examples"
            print_line(f"final  {format_point(best.point)}  {learned}".replace("    ", "  "))
        with _final_folder(folder, problem) as run, interruptible() as noted:
            wanted, source = folder.plan.origin["dataset_wanted"], dataset.source
            try:
                outcome = train_problem(
                    problem, source, wanted, run, began, quiet, lambda: bool(noted)
                )
            except Diverged as error:
                say(f"the final run, on all training examples: {error}")
                return None, []
            if outcome.interrupted:
                return None, noted
            finished = finish_run(outcome, run, quiet=True)
            judged = {"cross_validation": _cross_validation(folder)}
            run.write_json(SUMMARY, finished.summary | judged)
    return finished, []


def _cross_validation(folder: SweepFolder) -> dict[str, Any]:
    """Return what the folds have said of the configuration."""
    result = folder.configs[0].to_dict(folder.score)
    names = ("valid_loss", f"valid_{folder.score}", f"valid_{folder.score}_deviation")
    return {name: result[name] for name in (*names, "folds", "seeds", "diverged")}


@contextmanager
def _final_folder(folder: SweepFolder, problem: Problem) -> Iterator[Run]:
    """Hold the folder of the final run to continue, or of a new one."""
    path = folder.path / BEST
    if not path.exists():
        with new_run(path, problem, overwrite=False) as run:
            yield run
        return
    with Run.held(path) as run:
        if run.config_to_resume != problem.recipe.to_config():
            raise InputError(f"{path / CONFIG} is not the final run of this sweep")
        yield run
