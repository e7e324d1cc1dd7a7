"""List runs and compare them: `jaxmlp runs [FOLDER]`.

Each run has a row with its data, task, epochs, scores and seconds. Runs on the same data stand
together, the best validation score first: the test part chooses nothing.
"""

import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp.cli.parser import Parser, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError
from jaxmlp.files import usable_path

PROG = "jaxmlp runs"
DEPTH = 3  # folders below the one that is named, as `sweeps/digits/best`
HEADER = ("run", "data", "task", "epochs", "best", "validation", "test", "seconds", "state")


class Row(NamedTuple):
    """What a run says of itself; `None` for what it does not know.

    Attributes:
      run: its folder.
      data: the name of its data set.
      task: what is asked of its network.
      epochs: how many it has done.
      best_epoch: which of them is kept.
      score: the name of its score.
      valid_score: that score of the validation part, or its mean over the folds of a sweep.
      test_score: that of the test part.
      seconds: of training in all epochs.
      state: `complete`, `stopped early`, `interrupted` or `unfinished`.
    """

    run: str
    data: str
    task: str
    epochs: int
    best_epoch: int | None
    score: str | None
    valid_score: float | None
    test_score: float | None
    seconds: float | None
    state: str


SORTS: dict[str, Callable[[Row], Any]] = {
    "score": lambda row: (row.data, row.score or "", -_known(row.valid_score, row.test_score)),
    "name": lambda row: row.run,
    "epochs": lambda row: (-row.epochs, row.run),
    "seconds": lambda row: (_known(row.seconds), row.run),
}


def _known(*values: float | None) -> float:
    """Return the first number that is known, or minus infinity."""
    return next((value for value in values if value is not None), -math.inf)


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="List runs and compare them.")
    text = "folder with runs, a run or a sweep; default runs"
    parser.add_argument("folder", metavar="FOLDER", nargs="?", default="runs", help=text)
    text = "order of the rows; score: by data, then the best validation score first; default score"
    parser.add_argument("--sort", choices=tuple(SORTS), default="score", help=text)
    parser.add_argument("--json", action="store_true", help="print only JSON")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    from jaxmlp.cli.console import print_table, say

    rows, damaged = [], {}
    for path in _runs_in(usable_path(options.folder, "the folder")):
        try:
            rows.append(_row(path))
        except InputError as error:
            damaged[str(path)] = str(error)
    rows.sort(key=SORTS[options.sort])
    if options.json:
        print(json.dumps({"runs": [row._asdict() for row in rows], "damaged": damaged}))
    elif rows:
        print_table([_cells(row) for row in rows], HEADER)
    for name, reason in damaged.items():
        say(f"WARNING: damaged: {reason}" if name in reason else f"WARNING: {name}: {reason}")
    return 0


def _runs_in(folder: Path) -> list[Path]:
    """Return the folders of runs in and below a folder, in the order of their names."""
    from jaxmlp.runs.folder import CONFIG

    def walk(path: Path, depth: int) -> Iterator[Path]:
        if (path / CONFIG).is_file():
            yield path
        elif depth:
            with os.scandir(path) as entries:
                inside = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
            for name in inside:
                if not name.startswith("."):
                    yield from walk(path / name, depth - 1)

    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; name the one that holds the runs")
    found = [*walk(folder, DEPTH)]
    if not found:
        raise InputError(f"there is no run in {folder}: no folder in it has a {CONFIG}")
    return found


def _row(path: Path) -> Row:
    """Read what a run says of itself."""
    from jaxmlp.config.names import TASKS
    from jaxmlp.config.schema import Count, Literal, checked
    from jaxmlp.runs.folder import SUMMARY, Run

    run = Run.open(path)
    config = run.config
    done = len(run.read_metrics())
    task, data = config.task or "", Path(config.dataset).name
    if not (path / SUMMARY).exists():
        return Row(str(path), data, task, done, None, None, None, None, None, "unfinished")
    summary, file = run.read_json(SUMMARY), path / SUMMARY
    checked(summary, dict[str, Any], file)

    def read(name: str, shape: Any) -> Any:
        return checked(summary.get(name), shape, file, name)

    task = read("task", Literal[TASKS])
    score = "r2" if task == "regression" else "accuracy"
    valid, test = (read(f"{part}_{score}", float | None) for part in ("valid", "test"))
    if folds := read("cross_validation", dict[str, Any] | None):  # of a sweep's final run
        valid = checked(folds.get(f"valid_{score}"), float, file, f"cross_validation.valid_{score}")
    state = "stopped early" if read("stopped_early", str | None) else "complete"
    state = "interrupted" if read("interrupted", bool) else state
    epochs = read("epochs", Count)
    if epochs < (config.epochs or 0) and state == "complete":  # it goes on, or was killed
        state = "unfinished"
    best, seconds = read("best_epoch", Count), read("seconds_training", float)
    epochs = max(epochs, done)
    return Row(str(path), data, task, epochs, best, score, valid, test, seconds, state)


def _cells(row: Row) -> tuple[str, ...]:
    from jaxmlp.runs.words import score_in_words

    def shown(value: float | None) -> str:
        return "-" if value is None or row.score is None else score_in_words(row.score, value)

    scores = [shown(value) for value in (row.valid_score, row.test_score)]
    if row.score is not None:
        scores[0] = f"{row.score} {scores[0]}"
    best = "-" if row.best_epoch is None else str(row.best_epoch)
    seconds = "-" if row.seconds is None else f"{row.seconds:.1f}"
    return row.run, row.data, row.task, str(row.epochs), best, *scores, seconds, row.state


if __name__ == "__main__":
    run_process(main)
