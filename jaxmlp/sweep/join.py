"""A worker of a sweep that several share: it trains its part, and finishes the sweep or waits."""

import time

from jaxmlp.cli.console import print_line
from jaxmlp.cli.interrupt import interruptible
from jaxmlp.errors import InputError
from jaxmlp.files import read_json
from jaxmlp.runs.folder import SUMMARY
from jaxmlp.runs.output import remove_abandoned
from jaxmlp.sweep.finish import finish_sweep, show_results
from jaxmlp.sweep.folder import FOLDER, SweepFolder
from jaxmlp.sweep.prepare import Prepared
from jaxmlp.sweep.shared import LOOK_EVERY, SharedSweep, share_runs

FINISH = "finish"  # the task that comes after all runs


def join_sweep(
    folder: SharedSweep, prepared: Prepared, began: float, quiet: bool
) -> tuple[bool, bool, list[int]]:
    """Train runs beside other workers; then finish the sweep, or wait until one of them has.

    Args:
      folder: the folder that the workers share.
      prepared: what the sweep is made of.
      began: `time.perf_counter()` at the start of the command.
      quiet: whether to print nothing.

    Returns:
      As `finish_sweep`.

    Raises:
      InputError: if the folder of a run that can be the best one is missing or damaged.
    """
    noted, mine = share_runs(folder, prepared.programs, prepared.recipes, quiet), False
    if not noted:
        mine, noted = _wait_for_end(folder)
    if noted:
        if not quiet:
            print_line(f"interrupted  take part again with --join {folder.path}")
        return False, True, noted
    if not mine:
        known = SweepFolder(folder.path, folder.plan, folder.score)
        return show_finished(known, quiet), True, []
    folder.look()
    folder.check_runs(prepared.recipes)
    folder.write_results()
    remove_abandoned(folder.path, FOLDER)
    found, drawn, noted = finish_sweep(folder, prepared.dataset, began, [], quiet)
    if not noted:
        folder.close()
    return found, drawn, noted


def show_finished(folder: SweepFolder, quiet: bool) -> bool:
    """Print the tables of a sweep that is finished, and return whether it has a best run.

    Raises:
      InputError: if the sweep is not finished: its folder was deleted or replaced.
    """
    if not is_finished(folder):
        raise InputError(f"{folder.path} is not the sweep any more that this worker has joined")
    summary = read_json(folder.path / SUMMARY)
    if not quiet:
        show_results(folder, summary)
    return summary["best"] is not None


def is_finished(folder: SweepFolder) -> bool:
    """Return whether a sweep is finished, and has nothing to share any more."""
    complete = len(folder.results) == len(folder.plan.points)
    file = folder.path / SUMMARY
    return complete and file.exists() and not read_json(file)["interrupted"]


def _wait_for_end(folder: SharedSweep) -> tuple[bool, list[int]]:
    """Wait until a worker has finished the sweep, or until this one has to.

    Returns:
      Whether this worker finishes the sweep, and the signal that interrupted the wait, if any.
    """
    with interruptible() as noted:
        while not noted and not folder.finished:
            if folder.worker.claim(FINISH):
                return True, noted
            time.sleep(LOOK_EVERY)
    return False, noted
