"""Train a network: `python -m jaxmlp.train [options]`.

The default trains 784-128-10 on MNIST; every option is a field of `jaxmlp.config.options.Config`.
"""

import argparse
import dataclasses
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmlp.cli.parser import Parser, add_fields, run_command
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check
from jaxmlp.runs.data import load_or_stand_in, whole_path

if TYPE_CHECKING:
    from jaxmlp.cli.console import Reporter
    from jaxmlp.config.problem import Problem
    from jaxmlp.data import Source
    from jaxmlp.runs.folder import Run
    from jaxmlp.training import Progress

PROG = "python -m jaxmlp.train"
CHECKPOINT_EVERY = 1.0  # seconds, or longer where saving takes more than a twentieth of the time


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Train a network; the default learns to read digits.")
    run = parser.add_argument_group("the run")
    run.add_argument("--out", metavar="RUN", help="output folder; default runs/DATASET-seedN")
    run.add_argument("--resume", metavar="RUN", help="go on with this run from its checkpoint")
    run.add_argument("--overwrite", action="store_true", help="replace a run that is in the way")
    run.add_argument("--quiet", action="store_true", help="print nothing but warnings and errors")
    add_fields(parser, Config)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    given = vars(make_parser().parse_args(arguments))
    control = argparse.Namespace(
        **{name: given.pop(name) for name in ("out", "resume", "overwrite", "quiet")}
    )
    given |= {name: whole_path(given[name]) for name in ("dataset", "data_dir") if name in given}
    began = time.perf_counter()
    config = _resumed(control, given) if control.resume else Config(**given)
    dataset, wanted = load_or_stand_in(config, "dataset" in given or bool(control.resume))
    config = dataclasses.replace(config, dataset=dataset.name if wanted else config.dataset)

    from jaxmlp.config.problem import arithmetic, problem_from

    with arithmetic(config):
        problem, source = problem_from(config, dataset), dataset.source
        del dataset  # the examples are on the device, and need not lie in memory twice
        run = _folder(control, problem.config)
        return _train(run, problem, source, wanted, began, control.quiet)


def _resumed(control: argparse.Namespace, given: dict[str, Any]) -> Config:
    """Return the configuration of the run to go on with, if nothing of it was changed."""
    from jaxmlp.runs.folder import Run

    check(control.out is None, "--out", "left away with --resume", control.out)
    check(not control.overwrite, "--overwrite", "left away with --resume", True)
    config = Run.open(Path(control.resume)).config
    changed = [name for name, value in given.items() if getattr(config, name) != value]
    if changed:
        words = [f"{name} (was {getattr(config, name)!r}, now {given[name]!r})" for name in changed]
        raise InputError(
            f"--resume goes on with the same configuration; changed: {', '.join(words)}"
        )
    return config


def _folder(control: argparse.Namespace, config: Config) -> "Run":
    from jaxmlp.runs.folder import CONFIG, Run

    if control.resume:
        return Run.open(Path(control.resume))
    name = f"{Path(config.dataset.replace(':', '-')).stem}-seed{config.seed}"
    run = Run.create(Path(control.out or Path("runs") / name), control.overwrite)
    run.write_json(CONFIG, config.to_dict())
    return run


def _train(
    run: "Run",
    problem: "Problem",
    source: "Source",
    wanted: str | None,
    began: float,
    quiet: bool,
) -> int:
    from jaxmlp.cli.console import Reporter, say
    from jaxmlp.cli.interrupt import interruptible
    from jaxmlp.config.factory import rules_from
    from jaxmlp.runs.summary import finish
    from jaxmlp.training import Diverged, Progress, begin, fit

    config, task = problem.config, problem.task
    assert config.epochs is not None
    assert config.batch_size is not None
    run.origin = {"checksum": source.provenance["checksum"], "dataset_wanted": wanted}
    start, records = run.load_checkpoint(begin(problem.trainer, config.seed))
    steps = -(-len(problem.train.indices) // config.batch_size)
    epoch, step = divmod(int(start[0].step), steps)
    last = Progress(*start, epoch, step, steps)
    run.save_checkpoint(last, records)
    progress = fit(
        problem.trainer,
        task,
        problem.train,
        problem.valid,
        start,
        epochs=config.epochs,
        batch_size=config.batch_size,
        seed=config.seed,
        learning_rate=problem.learning_rate,
        rules=rules_from(config),
        records=records,
    )
    try:
        with (
            Reporter(config.epochs, task.score, quiet) as reporter,
            interruptible() as interrupted,
        ):
            for now in _saving(run, progress, records, reporter):
                last = now
                if interrupted:
                    break
        run.save_checkpoint(last, records)
    except Diverged as error:
        say(f"{PROG}: {error}; the last good checkpoint is in {run.path}")
        return 1
    seconds = time.perf_counter() - began
    finish(run, problem, source, last, records, seconds, bool(interrupted), quiet)
    return 128 + signal.SIGINT if interrupted else 0


def _saving(
    run: "Run",
    progress: Iterator["Progress"],
    records: list[dict[str, Any]],
    reporter: "Reporter",
) -> Iterator["Progress"]:
    """Pass the progress on, shown, recorded, and from time to time saved."""
    from jaxmlp.training import finite

    saved, pause = time.perf_counter(), CHECKPOINT_EVERY
    for now in progress:
        reporter.show(now.epoch, now.step, now.steps, now.record)
        yield now
        if time.perf_counter() - saved >= pause and finite(now.state.params):
            began = time.perf_counter()
            run.save_checkpoint(now, records)
            saved = time.perf_counter()
            pause = max(CHECKPOINT_EVERY, 20 * (saved - began))


if __name__ == "__main__":
    sys.exit(main())
