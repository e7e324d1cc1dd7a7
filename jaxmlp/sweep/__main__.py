"""Try many configurations: `python -m jaxmlp.sweep --grid FIELD=VALUE,VALUE... [options]`.

The options of `jaxmlp.train` set the fields that all runs share; `--grid`, `--random` and
`--search` name the fields that vary. Seeds and folds are repetitions: the best configuration has
the highest mean validation score over them. With `--folds K` (lecture row C5) each of K parts of
the training examples validates once; then the best configuration learns all of them.
"""

import argparse
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jaxmlp.cli.compile_cache import spread_over_cores
from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import import_beside, run_process
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check

if TYPE_CHECKING:
    from jaxmlp.config.recipe import Recipe
    from jaxmlp.sweep.folder import SweepFolder
    from jaxmlp.sweep.prepare import Prepared
    from jaxmlp.sweep.programs import Program
    from jaxmlp.training.lockstep import Moment

PROG = program_name("sweep")
EXAMPLES = """\
examples:
  python -m jaxmlp.sweep --grid learning_rate=1e-3,3e-3,1e-2 seed=0,1,2,3 --epochs 3
  python -m jaxmlp.sweep --grid hidden=64,128,64x64 optimizer=adam,sgd --dataset digits
  python -m jaxmlp.sweep --random 20 learning_rate=log:1e-4:1e-1 dropout=uniform:0:0.5 \\
      --grid seed=0,1,2 --dataset my.csv --target price
  python -m jaxmlp.sweep --search 50 learning_rate=log:1e-4:1e-1 hidden=64,64x64   # by a model
  python -m jaxmlp.sweep --folds 5 --grid learning_rate=1e-3,1e-2 --dataset iris
  python -m jaxmlp.sweep --resume sweeps/digits            # continue after Ctrl-C
  python -m jaxmlp.sweep --plan --grid seed=0,1,2,3 --out sweeps/shared   # for many workers:
  python -m jaxmlp.sweep --join sweeps/shared              # on each machine that sees the folder
  python -m jaxmlp.evaluate sweeps/digits/best             # the best run is a run like any other
"""
CONTROL = (
    *("grid", "random", "folds", "config", "out", "resume", "overwrite", "quiet"),
    *("plan", "join", "lost_after", "best_as_ensemble", "halving", "first_epochs"),
    *("search", "search_batch"),
)
WITH_SEARCH = {
    "random": "give all fields to --search",
    "plan": "one process asks for points and trains them",
    "halving": "it compares runs of one length",
}
LOST_AFTER, LEAST_LOST = 60.0, 3.0  # seconds; a heart beats every second


def make_parser() -> Parser:
    """The command's argument parser."""
    parser = Parser(prog=PROG, description="Try many configurations.", epilog=EXAMPLES)
    sweep = parser.add_argument_group("the sweep")
    sweep.add_argument(
        "--grid",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE,VALUE...",
        help="try every combination; write widths as 64x64, names as relu+tanh, no value as none",
    )
    sweep.add_argument(
        "--random",
        nargs="+",
        default=[],
        metavar=("N", "FIELD=log:LOW:HIGH"),
        help="draw N points at random; also FIELD=uniform:LOW:HIGH or FIELD=VALUE,VALUE...",
    )
    sweep.add_argument(
        "--search",
        nargs="+",
        default=[],
        metavar=("N", "FIELD=log:LOW:HIGH"),
        help="let a model (Optuna) choose N points by the scores so far; fields as for --random",
    )
    text = "with --search: the points that are chosen and trained at once; default 10"
    sweep.add_argument("--search-batch", type=int, metavar="N", help=text)
    text = "judge each configuration by K-fold cross-validation; the best one learns all examples"
    sweep.add_argument("--folds", type=int, metavar="K", help=text)
    text = "also keep the mean of the K best runs of one form, as a run in SWEEP/ensemble"
    sweep.add_argument("--best-as-ensemble", type=int, metavar="K", help=text)
    text = "train all runs for a few epochs, and one of F of them for F times as many, and so on"
    sweep.add_argument("--halving", type=int, metavar="F", help=text)
    text = "with --halving: the epochs of all runs; default 1"
    sweep.add_argument("--first-epochs", type=int, metavar="N", help=text)
    text = "start from the configuration of a run, its config.json"
    sweep.add_argument("--config", metavar="FILE", help=text)
    sweep.add_argument("--out", metavar="SWEEP", help="output folder; default sweeps/DATASET")
    sweep.add_argument("--resume", metavar="SWEEP", help="finish a sweep that was interrupted")
    text = "make the folder of the sweep and train nothing: workers do, with --join"
    sweep.add_argument("--plan", action="store_true", help=text)
    text = "be one of many workers, on any machines, that share the folder of a sweep"
    sweep.add_argument("--join", metavar="SWEEP", help=text)
    text = "with --join: train again what a worker began that has been silent for so many seconds"
    sweep.add_argument(
        "--lost-after", type=float, metavar="X", help=f"{text}; default {LOST_AFTER:g}"
    )
    text = "replace the sweep in the output folder"
    sweep.add_argument("--overwrite", action="store_true", help=text)
    sweep.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    sweep.add_argument("--watch", action="store_true", help=argparse.SUPPRESS)
    parser.add_parts_arguments(changed=False)
    parser.add_data_argument()
    add_fields(parser, Config, skip=["init_from", "fold"])
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    began = time.perf_counter()
    given = vars(make_parser().parse_args(arguments))
    if given.pop("watch"):
        raise InputError(
            "--watch is for a single run: train the best configuration by"
            f" `{program_name('train')} --watch`"
        )
    control = argparse.Namespace(**{name: given.pop(name) for name in CONTROL})
    _check_control(control)
    spread_over_cores()

    from jaxmlp.cli.console import print_table
    from jaxmlp.runs.facts import show_facts
    from jaxmlp.sweep.prepare import prepare_sweep

    prepared = prepare_sweep(control, given)
    folds = prepared.plan.folds
    show_facts(prepared.facts, control.quiet)
    if folds is not None and not control.quiet:
        examples = len(prepared.dataset.x_train)
        print_table([("folds", f"{folds}, dealt out of {examples:,} examples; above: the first")])
    if control.join:
        return _share(Path(control.join), control, prepared, began)
    return _work_alone(control, prepared, began)


def _work_alone(control: argparse.Namespace, prepared: "Prepared", began: float) -> int:
    """Train all runs in this process, or only plan them, and return the exit status."""
    from jaxmlp.cli.console import print_line
    from jaxmlp.sweep.batches import Batches
    from jaxmlp.sweep.finish import finish_sweep

    recipes, plan = prepared.runs.recipes, prepared.plan
    with _open_folder(control, prepared) as folder:
        if control.plan:
            words = f"{len(recipes)} runs in {folder.path}/, for workers with --join {folder.path}"
            if not control.quiet:
                print_line(f"planned  {words}")
            return 0
        if plan.halving is None:
            import_beside("jaxmlp.runs.figures")  # while programs are compiled
            if plan.search is None:
                noted = _train_programs(prepared.runs.programs, folder, recipes, control.quiet)
            else:
                batches = Batches(folder, prepared)
                noted = _train_programs(batches.programs(), folder, recipes, control.quiet)
                batches.tell()
            ended = finish_sweep(folder, prepared.dataset, began, noted, control.quiet)
            return _status(folder, *ended)
    return _share(folder.path, control, prepared, began)  # alone, or joined by others


def _share(path: Path, control: argparse.Namespace, prepared: "Prepared", began: float) -> int:
    """Take part in a sweep with other workers, and return the exit status."""
    from jaxmlp.sweep.folder import SweepFolder
    from jaxmlp.sweep.join import is_finished, join_sweep, joined_sweep, show_finished

    quiet, lost_after = control.quiet, control.lost_after or LOST_AFTER
    folder = SweepFolder(path, prepared.plan, prepared.score, prepared.runs.kinds)
    if is_finished(folder):
        return _status(folder, show_finished(folder, quiet), True, [])
    with joined_sweep(folder, prepared.runs.recipes[0].epochs, lost_after) as shared:
        import_beside("jaxmlp.runs.figures")
        ended = join_sweep(shared, prepared, began, quiet)
    return _status(shared, *ended)


def _status(folder: "SweepFolder", found: bool, drawn: bool, noted: list[int]) -> int:
    """Return the exit status of a sweep, and say why it has no best run."""
    from jaxmlp.cli.console import say
    from jaxmlp.cli.interrupt import interrupted_status
    from jaxmlp.sweep.results import best_run

    if noted:
        return interrupted_status(noted)
    if not found:
        which = "every run" if best_run(folder.configs) is None else "the final run"
        say(f"{PROG}: {which} diverged; lower the learning rate")
        return 1
    return 0 if drawn else 2


def _check_control(control: argparse.Namespace) -> None:
    """Reject options of the sweep of which one would have no effect."""
    if control.join and control.resume:
        raise InputError("--join does not apply with --resume: a sweep is shared, or it is not")
    if control.search:
        for name, reason in WITH_SEARCH.items():
            if getattr(control, name):
                raise InputError(f"--{name} does not apply with --search: {reason}")
    elif control.search_batch is not None:
        raise InputError("--search-batch needs --search: it is a part of its points")
    if control.lost_after is not None:
        if not control.join:
            raise InputError("--lost-after needs --join: it is about the other workers")
        need = f"at least {LEAST_LOST:g} seconds, as a heart beats every second"
        check(LEAST_LOST <= control.lost_after < math.inf, "--lost-after", need, control.lost_after)


@contextmanager
def _open_folder(control: argparse.Namespace, prepared: "Prepared") -> Iterator["SweepFolder"]:
    """Hold the folder of the sweep to continue, or of a new one."""
    from jaxmlp.runs.output import free_name, held_output
    from jaxmlp.sweep.folder import FOLDER, SweepFolder, new_sweep

    plan = prepared.plan
    name = Path(plan.base.dataset.replace(":", "-")).stem
    usual = Path("sweeps") / name
    path = Path(control.resume or control.out or (usual if control.overwrite else free_name(usual)))
    held = held_output(path, FOLDER) if control.resume else None
    with held or new_sweep(path, plan, control.overwrite):
        folder = SweepFolder(path, plan, prepared.score, prepared.runs.kinds)
        folder.reject_workers()
        folder.check_runs(prepared.runs.recipes)
        yield folder


def _train_programs(
    programs: Iterable["Program"], folder: "SweepFolder", recipes: list["Recipe"], quiet: bool
) -> list[int]:
    """Train the runs that have not ended, and return the signal that interrupted this, if any."""
    from jaxmlp.cli.console import SweepReporter
    from jaxmlp.cli.interrupt import interruptible
    from jaxmlp.config.factory import arithmetic

    with SweepReporter(folder.plan.runs, quiet) as reporter, interruptible() as interrupted:
        for program in programs:
            left = [i for i in program.recipes if i not in folder.results]
            before = len(folder.results)

            def report(moment: "Moment", before: int = before, runs: int = len(left)) -> bool:
                if moment.ended:
                    folder.add_runs(moment.ended, recipes)
                lines = [folder.describe_run(m.number) for m in moment.ended]
                done = before + moment.done * runs
                reporter.show(done, len(folder.results), lines, folder.describe_best())
                return not interrupted

            if left:
                with arithmetic(program.recipe.precision):
                    program.fit(left, report)
            if interrupted:
                break
    return interrupted


if __name__ == "__main__":
    run_process(main, writes_files=True)
