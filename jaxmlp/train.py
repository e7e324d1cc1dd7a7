"""Train a network: `python -m jaxmlp.train [DATA] [options]`.

The default trains 784-128-10 on MNIST. Each field of `jaxmlp.config.options.Config` is an option;
further options choose the run's folder and how much is printed.
"""

import argparse
import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Any

from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.config.options import Config, config_from, names_data
from jaxmlp.config.own_files import NO_FILES, Files, files_from, with_parts
from jaxmlp.errors import InputError, shown
from jaxmlp.runs.data import load_or_stand_in, open_if_large, with_whole_paths

if TYPE_CHECKING:
    from jaxmlp.config.problem import Problem
    from jaxmlp.config.recipe import Recipe
    from jaxmlp.data import Source
    from jaxmlp.runs.folder import Run

PROG = program_name("train")
CONTROL = (
    *("out", "config", "resume", "overwrite", "log", "watch", "quiet", "devices"),
    *("shard_parameters", "distributed", "coordinator", "processes", "process"),
)


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Train a network; the default learns to read digits.")
    run = parser.add_argument_group("the run")
    text = "output folder; default runs/DATASET-seedN, and -2, -3 and so on if that is there"
    run.add_argument("--out", metavar="RUN", help=text)
    run.add_argument(
        "--config", metavar="FILE", help="start from the configuration of a run, its config.json"
    )
    text = "continue this run from its checkpoint, with more --epochs than it had for longer"
    run.add_argument("--resume", metavar="RUN", help=text)
    run.add_argument(
        "--overwrite", action="store_true", help="replace the run in the output folder"
    )
    text = "also log the epochs for another program: tensorboard or mlflow"
    run.add_argument("--folds", metavar="K", help=argparse.SUPPRESS)
    run.add_argument("--log", metavar="NAME", help=text)
    text = (
        "look inside the network after each epoch: activations, gradients, the size of steps; it"
        f" changes nothing in the run, and `{program_name('diagnose')} RUN` shows it"
    )
    run.add_argument("--watch", action="store_true", help=text)
    run.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    text = (
        "devices that share the examples of each batch; default all accelerators, or one processor;"
        " a run may be continued on another number"
    )
    run.add_argument("--devices", metavar="N", type=int, help=text)
    text = "each device keeps only its share of the parameters and of the optimizer's state"
    run.add_argument("--shard-parameters", action="store_true", help=text)
    _add_processes(parser)
    parser.add_parts_arguments(changed=False)
    parser.add_data_argument()
    add_fields(parser, Config)
    return parser


def _add_processes(parser: Parser) -> None:
    """Add the options of a run in several processes, on one machine or more."""
    group = parser.add_argument_group("several processes, each started with the same options")
    text = "the processes find each other by Slurm, Open MPI, Kubernetes or a TPU"
    group.add_argument("--distributed", action="store_true", help=text)
    text = "or by hand: the address of process 0, at which the others meet"
    group.add_argument("--coordinator", metavar="HOST:PORT", help=text)
    group.add_argument("--processes", metavar="N", type=int, help="their number")
    text = "the number of this process, from 0; process 0 prints and writes the run"
    group.add_argument("--process", metavar="I", type=int, help=text)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    given = vars(make_parser().parse_args(arguments))
    if (folds := given.pop("folds")) is not None:
        raise InputError(
            f"train makes one run: `{program_name('sweep')} --folds {folds}`, with the other"
            " options, cross-validates it and then trains it on all examples"
        )
    control = argparse.Namespace(**{name: given.pop(name) for name in CONTROL})
    with _joined(control):
        return _run(control, given)


@contextmanager
def _joined(control: argparse.Namespace) -> Iterator[None]:
    """Join the other processes, if there are any; all but the first are quiet."""
    where = control.coordinator, control.processes, control.process
    if not control.distributed and where == (None, None, None):
        yield
        return
    if control.distributed and where != (None, None, None):
        raise InputError("--distributed does not apply with --coordinator, --processes, --process")
    from jaxmlp.runs.together import check_versions
    from jaxmlp.training.processes import Meeting, is_first, joined

    with joined(Meeting(*where), PROG):
        check_versions(resume=bool(control.resume))
        control.quiet = control.quiet or not is_first()
        yield


def _run(control: argparse.Namespace, given: dict[str, Any]) -> int:
    began = time.perf_counter()
    parts = files_from(given)
    config = _configured(control, given, parts)
    named = bool(control.resume) or names_data(given, control.config)
    config = with_whole_paths(config)
    if control.log is not None:
        from jaxmlp.runs.logs import check_log

        check_log(control.log)
    large = open_if_large(config, again=bool(control.resume))
    dataset, wanted = (large, None) if large else load_or_stand_in(config, named)
    config = dataclasses.replace(config, dataset=dataset.name if wanted else config.dataset)

    from jaxmlp.config.factory import arithmetic
    from jaxmlp.runs.fit import pose
    from jaxmlp.runs.folder import Run
    from jaxmlp.runs.together import check_problem, held_by_first
    from jaxmlp.training.mesh import on_devices

    with arithmetic(config.precision), on_devices(control.devices, control.shard_parameters):
        there = control.resume and Path(control.resume).is_dir()  # with each of several processes
        left = Run.open(Path(control.resume)) if there else None
        problem, source = pose(config, dataset, left, parts), dataset.source
        del dataset, large  # the examples are on the device, and need not lie in memory twice
        check_problem(problem, source)
        with held_by_first(lambda: _run_folder(control, problem)) as run:
            return _train(run, problem, source, wanted, began, control)


def _configured(control: argparse.Namespace, given: dict[str, Any], parts: Files) -> Config:
    """Return the configuration of the run; of one to continue, the first process reads it."""
    if not control.resume:
        return _begun(control, given, parts)
    if not (control.distributed or control.coordinator):
        return _resumed(control, given, parts)
    from jaxmlp.runs.together import told_config

    return told_config(lambda: _resumed(control, given, parts), lambda c: with_parts(c, parts))


def _begun(control: argparse.Namespace, given: dict[str, Any], parts: Files) -> Config:
    """Return the configuration of a new run."""
    from_network = given.get("init_from") is not None and not control.config
    return config_from(given, control.config, NO_FILES if from_network else parts)


def _resumed(control: argparse.Namespace, given: dict[str, Any], parts: Files) -> Config:
    """Return the configuration of the run to continue; only more epochs may be given."""
    from jaxmlp.runs.folder import Run

    for name in ("out", "config", "overwrite"):
        if getattr(control, name):
            raise InputError(f"--{name} does not apply with --resume: the run has its own")
    config = Run.open(Path(control.resume)).config_to_resume
    asked = with_whole_paths(dataclasses.replace(config, **given))
    config = with_parts(config, parts, asked)
    given = {name: getattr(asked, name) for name in given}
    if given.get("epochs", 0) > (config.epochs or 0):
        config = dataclasses.replace(config, epochs=given.pop("epochs"))
    changed = [name for name, value in given.items() if not _same(config, name, value)]
    if changed:
        words = [
            f"{name} (was {shown(getattr(config, name))}, now {shown(given[name])})"
            for name in changed
        ]
        raise InputError(
            "--resume continues with the same configuration, or with more epochs; changed:"
            f" {', '.join(words)}"
        )
    return config


def _same(config: Config, name: str, value: Any) -> bool:
    """Return whether an option has the value of the run, or changes nothing in it."""
    from jaxmlp.config.recipe import ALWAYS_USED, Numbers, recipe_of

    if getattr(config, name) == value:
        return True
    if name not in Numbers._fields or getattr(recipe_of(config).numbers, name) is not None:
        return False
    return not value or name not in ("weight_decay", *ALWAYS_USED)  # its rule is not used


@contextmanager
def _run_folder(control: argparse.Namespace, problem: "Problem") -> Iterator["Run"]:
    """Hold the folder of the run to continue, or of a new one."""
    from jaxmlp.cli.console import print_line
    from jaxmlp.runs.fit import new_run
    from jaxmlp.runs.folder import Run
    from jaxmlp.runs.output import free_name

    recipe = problem.recipe
    if control.resume:
        with Run.held(Path(control.resume)) as run:
            before = run.config.epochs
            if before != recipe.epochs:
                run.lengthen(recipe.to_config())
                if not control.quiet:
                    print_line(f"longer  {_longer_in_words(before, recipe)}")
            yield run
        return
    name = f"{Path(recipe.dataset.replace(':', '-')).stem}-seed{recipe.seed}"
    usual = Path("runs") / name
    path = Path(control.out) if control.out else usual if control.overwrite else free_name(usual)
    if path != usual and not control.out and not control.quiet:
        print_line(f"folder  {path}, because {usual} is there; --out gives another name")
    with new_run(path, problem, control.overwrite) as run:
        yield run


def _longer_in_words(before: int | None, recipe: "Recipe") -> str:
    """Return what a run is that was given more epochs."""
    return (
        f"from {before} to {recipe.epochs} epochs; the rate goes on as {recipe.schedule} has it for"
        f" {recipe.epochs} epochs, so the run is not the one that had as many from the start"
    )


def _train(
    run: "Run | None",
    problem: "Problem",
    source: "Source",
    wanted: str | None,
    began: float,
    control: argparse.Namespace,
) -> int:
    from jaxmlp.cli.console import print_line, say
    from jaxmlp.cli.interrupt import interrupted_status, interruptible
    from jaxmlp.runs.facts import facts_of, show_facts
    from jaxmlp.runs.fit import train_problem
    from jaxmlp.runs.layers import layers_in_words
    from jaxmlp.runs.logs import open_log
    from jaxmlp.runs.summary import finish_run
    from jaxmlp.training import Diverged

    layers = layers_in_words(problem.recipe, problem.signature)
    show_facts(facts_of(problem, source), control.quiet)
    if not control.quiet:
        print(f"\n{layers}\n")
    if problem.start is not None and not control.quiet:
        print_line(f"start   {problem.start.in_words(problem.signature)}")
    name, path = (control.log, run.path) if run is not None else (None, Path())
    with open_log(name, path, problem.recipe, problem.task.score) as log:
        try:
            with interruptible() as noted:
                outcome = train_problem(
                    problem,
                    source,
                    wanted,
                    run,
                    began,
                    control.quiet,
                    interrupted=lambda: bool(noted),
                    log=log.add,
                    watch=control.watch,
                )
        except Diverged as error:
            if run is not None:
                say(f"{PROG}: {error}; the last good checkpoint is in {run.path}")
            return 1
        finished = finish_run(outcome, run, control.quiet)
        log.finish(finished.summary)
    if outcome.watched and run is not None and not control.quiet:
        print_line(f"watched     `{program_name('diagnose')} {run.path}` says what went on inside")
    if outcome.interrupted:
        return interrupted_status(noted or [SIGINT])  # it may have come to another process
    return 0 if finished.drawn else 2


if __name__ == "__main__":
    run_process(main, writes_files=True)
