"""A worker of a sweep that several share: it trains its part, and finishes the sweep or waits."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from jaxmlp.cli.console import print_line
from jaxmlp.cli.interrupt import interruptible
from jaxmlp.errors import InputError, shown
from jaxmlp.files import json_text, locked_folder, read_json
from jaxmlp.runs.environment import device, versions
from jaxmlp.runs.folder import SUMMARY
from jaxmlp.runs.output import remove_abandoned
from jaxmlp.sweep.claims import Worker
from jaxmlp.sweep.finish import finish_sweep, show_results
from jaxmlp.sweep.folder import FOLDER, MACHINE, WORKERS, SweepFolder
from jaxmlp.sweep.ladder import HalvingSweep
from jaxmlp.sweep.prepare import Prepared
from jaxmlp.sweep.shared import LOOK_EVERY, SharedSweep, share_runs

FINISH = "finish"  # the task that comes after all runs


@contextmanager
def joined_sweep(folder: SweepFolder, epochs: int, lost_after: float) -> Iterator[SharedSweep]:
    """Take part in a sweep.

    Args:
      folder: the folder of the sweep.
      epochs: of its first run.
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
        if folder.plan.halving is None:
            yield SharedSweep(folder, worker)
        else:
            yield HalvingSweep(folder, worker, epochs)


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
    mine, noted = False, share_runs(folder, prepared.runs.programs, prepared.runs.recipes, quiet)
    while not (mine or noted or folder.finished):
        mine, noted = _wait_for_end(folder)
        if not (mine or noted or folder.finished):  # more is to be done, by what others have begun
            noted = share_runs(folder, prepared.runs.programs, prepared.runs.recipes, quiet)
    if noted:
        if not quiet:
            print_line(f"interrupted  take part again with --join {folder.path}")
        return False, True, noted
    if not mine:
        known = SweepFolder(folder.path, folder.plan, folder.score)
        return show_finished(known, quiet), True, []
    folder.check_runs(prepared.runs.recipes)
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
    """Wait until a worker has finished the sweep, or until this one has to, or more is to be done.

    Returns:
      Whether this worker finishes the sweep, and the signal that interrupted the wait, if any.
    """
    with interruptible() as noted:
        while not noted and not folder.finished and _all_done(folder):
            if not folder.worker.claim(FINISH):
                time.sleep(LOOK_EVERY)
            elif _all_done(folder):  # also since the claim
                return True, noted
            else:
                folder.worker.end_shift()
    return False, noted


def _all_done(folder: SharedSweep) -> bool:
    folder.look()
    return folder.complete
