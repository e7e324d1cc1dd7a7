"""Forged run and sweep folders: each is read rightly, or refused in one line that names the file.

`python -m tests.torture.forge --count N` reads N folders that are wrong in one or two places, and
prints how many there were, how many went wrong, and the slowest. With `--commands M` it gives M of
them to the commands as well.
"""

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from jaxmlp import evaluate, predict, train
from jaxmlp.config.complete import complete
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.errors import InputError
from jaxmlp.runs.folder import Run, Saved
from jaxmlp.runs.network import open_network
from jaxmlp.sweep import __main__ as sweep
from jaxmlp.sweep.folder import SweepFolder
from jaxmlp.sweep.plan import read_plan
from jaxmlp.training import begin
from tests.torture.forgeries import Forgery, run_forgeries, sweep_forgeries

SLOW = 20.0  # seconds


class Bases(NamedTuple):
    """The right folders, and what reads them."""

    run: Path
    sweep: Path
    inputs: Path
    start: Saved
    checksum: str
    recipes: list[Any]


LINE = ["--dataset", "iris", "--hidden", "3", "--epochs", "3", "--batch-size", "64", "--quiet"]


def make_bases(folder: Path) -> Bases:
    """Train a run, and a sweep that is interrupted when one of its runs is done."""
    run, many = folder / "run", folder / "sweep"
    assert train.main([*LINE, "--optimizer", "adam", "--out", str(run)]) == 0
    dataset = load("iris")
    problem = pose_problem(Run.open(run).config, dataset)
    start = Saved(*begin(problem.trainer, 0), [], None)
    np.save(folder / "x.npy", dataset.x_test[:3])
    add = SweepFolder.add_runs

    def add_one_and_stop(self: SweepFolder, ended: Any, recipes: Any) -> None:
        add(self, ended[:1], recipes)
        raise KeyboardInterrupt

    with patch.object(SweepFolder, "add_runs", add_one_and_stop):
        grid = ["--grid", "learning_rate=0.01,0.02", "seed=0,1"]
        _, status, _ = in_silence(sweep.main, [*LINE, *grid, "--out", str(many)])
    assert status == 130
    plan = read_plan(many)
    recipes = [complete(replace(plan.base, **point), dataset) for point in plan.points]
    return Bases(run, many, folder / "x.npy", start, dataset.provenance["checksum"], recipes)


def in_silence(main: Callable[[list[str]], int], line: list[str]) -> tuple[str, int, str]:
    """Run a command in this process; return its output, its status and its errors."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(line)
    return out.getvalue(), status, err.getvalue()


def read_run(bases: Bases, folder: Path) -> None:
    """Read a run as `evaluate`, `predict` and `train --resume` do."""
    errors = []
    for read in (_read_network, _read_state):
        try:
            read(bases, folder)
        except InputError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _read_network(bases: Bases, folder: Path) -> None:
    open_network(Run.open(folder))


def _read_state(bases: Bases, folder: Path) -> None:
    run = Run.open(folder)
    run.begin(bases.checksum, None)
    run.load_checkpoint(bases.start, "accuracy")


def read_sweep(bases: Bases, folder: Path) -> None:
    """Read a sweep as `sweep --resume` does."""
    SweepFolder(folder, read_plan(folder), "accuracy").check_runs(bases.recipes)


def command_run(bases: Bases, folder: Path) -> None:
    """Evaluate a run, predict with it, and resume it."""
    lines = (
        (evaluate.main, [str(folder), "--json"]),
        (predict.main, [str(folder), str(bases.inputs), "--json"]),
        (train.main, ["--resume", str(folder), "--quiet"]),
    )
    _commands(lines, folder)


def command_sweep(bases: Bases, folder: Path) -> None:
    """Resume a sweep."""
    _commands([(sweep.main, ["--resume", str(folder), "--quiet"])], folder)


def _commands(lines: Iterable[tuple[Any, list[str]]], folder: Path) -> None:
    """Give a folder to commands: each ends well, or with one line that names a file of it."""
    for main, line in lines:
        out, status, err = in_silence(main, line)
        words = f"{line[:1]} ended with {status}: {err}"
        assert "nan" not in out.lower(), words
        assert status in (0, 1, 2), words  # 1: a forged state that diverges
        if status:
            assert err.count("\n") == 1, words
            assert str(folder) in err or status == 1, words


def try_one(read: Any, bases: Bases, base: Path, forgeries: list[Forgery], place: Path) -> str:
    """Read a copy of a folder with something wrong in it; return what went wrong, or ""."""
    folder, began = shutil.copytree(base, place), time.perf_counter()
    for forgery in forgeries:
        forgery.forge(folder)
    try:
        read(bases, folder)
    except InputError as error:
        if str(folder) not in str(error):
            return f"does not name the file: {error}"
        if "\n" in str(error):
            return f"more than a line: {error}"
    except Exception:  # whatever it is, it is what the user would see
        return traceback.format_exc(limit=-3)
    finally:
        shutil.rmtree(folder)
    seconds = time.perf_counter() - began
    return f"{seconds:.0f} s" if seconds > SLOW else ""


def draw(found: list[Forgery], count: int, random: Random) -> list[list[Forgery]]:
    """Draw some forgeries; where there are not enough, pairs of them in two files."""
    drawn = [[one] for one in random.sample(found, min(count, len(found)))]
    while len(drawn) < count:
        pair = random.sample(found, 2)
        if pair[0].file != pair[1].file:
            drawn.append(pair)
    return drawn


class Figures(NamedTuple):
    """What came out.

    Attributes:
      inputs: the number of folders.
      wrong: what was read wrongly, and how.
      slowest: the seconds of the slowest, and its name.
    """

    inputs: int
    wrong: list[str]
    slowest: tuple[float, str]


def torture(folder: Path, count: int, commands: int, seed: int) -> Figures:
    """Forge folders and read them.

    Args:
      folder: an empty folder to work in.
      count: the number of folders to read, one third of them sweeps.
      commands: the number of further ones to give to the commands.
      seed: of the drawing.
    """
    bases, random = make_bases(folder), Random(seed)
    runs, sweeps = run_forgeries(bases.run), sweep_forgeries(bases.sweep)
    jobs = [
        (read_run, bases.run, draw(runs, count - count // 3, random)),
        (read_sweep, bases.sweep, draw(sweeps, count // 3, random)),
        (command_run, bases.run, draw(runs, commands - commands // 3, random)),
        (command_sweep, bases.sweep, draw(sweeps, commands // 3, random)),
    ]
    wrong, slowest, inputs = [], (0.0, ""), 0
    for read, base, drawn in jobs:
        for forgeries in drawn:
            name = f"{base.name}: {' and '.join(forgery.name for forgery in forgeries)}"
            began = time.perf_counter()
            fault = try_one(read, bases, base, forgeries, folder / f"forged{inputs}")
            slowest = max(slowest, (time.perf_counter() - began, name))
            inputs += 1
            if fault:
                wrong.append(f"{name}: {fault}")
    return Figures(inputs, wrong, slowest)


def main() -> int:
    """Run the forger, and return whether something was read wrongly."""
    parser = argparse.ArgumentParser(description="Read forged run and sweep folders.")
    parser.add_argument("--count", type=int, default=3000, help="folders to read")
    parser.add_argument("--commands", type=int, default=0, help="folders to give to the commands")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = torture(Path(name), options.count, options.commands, options.seed)
    for fault in found.wrong:
        print(fault)
    seconds, slowest = found.slowest
    print(f"{found.inputs} inputs, {len(found.wrong)} wrong, slowest {seconds:.2f} s: {slowest}")
    return int(bool(found.wrong))


if __name__ == "__main__":
    sys.exit(main())
