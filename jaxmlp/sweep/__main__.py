"""Try many configurations: `python -m jaxmlp.sweep --grid FIELD=VALUE,VALUE... [options]`.

Every option of `jaxmlp.train` fixes a field for all; `--grid` and `--random` name those that vary.
Seeds are repetitions: the best configuration has the highest mean validation score over its seeds.
"""

import argparse
import dataclasses
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmlp.cli.compile_cache import spread_over_cores
from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import import_beside, leave_process
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check

if TYPE_CHECKING:
    from jaxmlp.config.recipe import Recipe
    from jaxmlp.data import Dataset
    from jaxmlp.runs.folder import Run
    from jaxmlp.sweep.folder import Book, Plan
    from jaxmlp.sweep.programs import Program
    from jaxmlp.training.lockstep import Moment

PROG = program_name("sweep")
EXAMPLES = """\
examples:
  python -m jaxmlp.sweep --grid learning_rate=1e-3,3e-3,1e-2 seed=0,1,2,3 --epochs 3
  python -m jaxmlp.sweep --grid hidden=64,128,64x64 optimizer=adam,sgd --dataset digits
  python -m jaxmlp.sweep --random 20 learning_rate=log:1e-4:1e-1 dropout=uniform:0:0.5 \\
      --grid seed=0,1,2 --dataset my.csv --target price
  python -m jaxmlp.sweep --resume sweeps/digits            # goes on after Ctrl-C
  python -m jaxmlp.evaluate sweeps/digits/best             # the best run is a run like any other
"""
CONTROL = ("grid", "random", "out", "resume", "overwrite", "quiet")


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Try many configurations.", epilog=EXAMPLES)
    sweep = parser.add_argument_group("the sweep")
    sweep.add_argument(
        "--grid",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE,VALUE...",
        help="try every combination; widths as 64x64, names as relu+tanh, none for nothing",
    )
    sweep.add_argument(
        "--random",
        nargs="+",
        default=[],
        metavar=("N", "FIELD=log:LOW:HIGH"),
        help="draw N times, also from uniform:LOW:HIGH or VALUE,VALUE...",
    )
    sweep.add_argument("--out", metavar="SWEEP", help="output folder; default sweeps/DATASET")
    sweep.add_argument("--resume", metavar="SWEEP", help="do what is left of this sweep")
    sweep.add_argument("--overwrite", action="store_true", help="replace a sweep in the way")
    sweep.add_argument("--quiet", action="store_true", help="print only warnings and errors")
    add_fields(parser, Config)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    began = time.perf_counter()
    given = vars(make_parser().parse_args(arguments))
    control = argparse.Namespace(**{name: given.pop(name) for name in CONTROL})
    spread_over_cores()
    plan, dataset = _resumed(control, given) if control.resume else _planned(control, given)
    programs, recipes = _programs(plan, dataset)

    from jaxmlp.sweep.folder import Book, make_folder, write_plan

    if control.resume:
        folder = Path(control.resume)
    else:
        name = Path(plan.base.dataset.replace(":", "-")).stem
        folder = make_folder(Path(control.out or Path("sweeps") / name), control.overwrite)
        write_plan(folder, plan)
    book = Book(folder, plan, programs[0].task.score)
    import_beside("jaxmlp.runs.figures")  # while programs are compiled
    if _train(programs, book, recipes, control.quiet):
        _finish(folder, plan, dataset, book, began, control.quiet, interrupted=True)
        return 128 + signal.SIGINT
    return _finish(folder, plan, dataset, book, began, control.quiet)


def _planned(control: argparse.Namespace, given: dict[str, Any]) -> tuple["Plan", "Dataset"]:
    """Return what to try, and the data, of a sweep that begins."""
    from jaxmlp.runs.data import load_or_stand_in, whole_path
    from jaxmlp.sweep.space import points

    given |= {name: whole_path(given[name]) for name in ("dataset", "data_dir") if name in given}
    base = Config(**given)
    found = points(control.grid, control.random, base.seed)
    for name in found[0]:
        if name in given:
            option = name.replace("_", "-")
            raise InputError(f"{name} must be given once, as --{option} or as what varies")
    dataset, wanted = load_or_stand_in(base, "dataset" in given)

    from jaxmlp.sweep.folder import Plan

    base = dataclasses.replace(base, dataset=dataset.name if wanted else base.dataset)
    origin = {"checksum": dataset.provenance["checksum"], "dataset_wanted": wanted}
    return Plan(base, found, origin), dataset


def _resumed(control: argparse.Namespace, given: dict[str, Any]) -> tuple["Plan", "Dataset"]:
    """Return what to try, and the data, of a sweep that goes on."""
    more = [
        *given,
        *(name for name in ("grid", "random", "out", "overwrite") if vars(control)[name]),
    ]
    if more:
        option = more[0].replace("_", "-")
        raise InputError(f"--resume goes on with the same sweep: leave --{option} away")

    from jaxmlp.runs.data import load_or_stand_in
    from jaxmlp.sweep.folder import read_plan

    plan = read_plan(Path(control.resume))
    dataset, _ = load_or_stand_in(plan.base, named=True)
    if dataset.provenance["checksum"] != plan.origin["checksum"]:
        raise InputError(f"{control.resume} was begun on other data: their checksum has changed")
    return plan, dataset


def _programs(plan: "Plan", dataset: "Dataset") -> tuple[list["Program"], list["Recipe"]]:
    """Return the programs to train, and the recipe of every run, all of them checked."""
    from jaxmlp.config.factory import arithmetic
    from jaxmlp.config.recipe import complete
    from jaxmlp.data import with_task
    from jaxmlp.sweep.programs import PreparedData, Program, group_recipes
    from jaxmlp.sweep.space import words

    dataset = with_task(dataset, plan.base.task)
    recipes = []
    for point in plan.points:
        try:
            recipe = complete(dataclasses.replace(plan.base, **point), dataset)
        except InputError as error:
            raise InputError(f"{words(point)}: {error}") from None
        what = "at least 1, a sweep chooses by the validation part"
        check(recipe.valid_size != 0, "valid_size", what, recipe.valid_size)
        recipes.append(recipe)
    known: dict[tuple[Any, ...], PreparedData] = {}
    programs = []
    for own, varying in group_recipes(recipes):
        try:
            with arithmetic(recipes[own[0]].precision):
                programs.append(Program({i: recipes[i] for i in own}, varying, dataset, known))
        except InputError as error:
            raise InputError(f"{words(plan.points[own[0]])}: {error}") from None
    return programs, recipes


def _train(programs: list["Program"], book: "Book", recipes: list["Recipe"], quiet: bool) -> bool:
    """Train what is left, and return whether that was interrupted."""
    from jaxmlp.cli.console import SweepReporter
    from jaxmlp.cli.interrupt import interruptible
    from jaxmlp.config.factory import arithmetic

    with SweepReporter(len(recipes), quiet) as reporter, interruptible() as interrupted:
        for program in programs:
            left = [i for i in program.recipes if i not in book.results]
            before = len(book.results)

            def report(moment: "Moment", before: int = before, runs: int = len(left)) -> bool:
                if moment.ended:
                    book.add(moment.ended, recipes)
                lines = [book.line(m.number) for m in moment.ended]
                done = before + moment.done * runs
                reporter.show(done, len(book.results), lines, book.best_so_far())
                return not interrupted

            if left:
                with arithmetic(program.recipe.precision):
                    program.fit(left, report)
            if interrupted:
                return True
    return False


def _finish(
    folder: Path,
    plan: "Plan",
    dataset: "Dataset",
    book: "Book",
    began: float,
    quiet: bool,
    interrupted: bool = False,
) -> int:
    """Write the last files, judge the best run by the test part, and tell."""
    from jaxmlp.cli.console import print_table, say
    from jaxmlp.runs import figures
    from jaxmlp.runs.environment import device, versions
    from jaxmlp.runs.folder import SUMMARY, Run
    from jaxmlp.sweep.folder import PICTURE
    from jaxmlp.sweep.picture import picture
    from jaxmlp.sweep.results import table

    run = None if interrupted else book.best()
    best = None if run is None else _judge_best(run, dataset, began)
    summary = {
        "dataset": dataset.name,
        "dataset_wanted": plan.origin["dataset_wanted"],
        "provenance": dataset.provenance,
        "runs": len(plan.points),
        "ended": len(book.results),
        "interrupted": interrupted,
        "configurations": [setting.to_dict(book.score) for setting in book.settings],
        "best": best and {key: best[key] for key in best if key.startswith(("valid_", "test_"))},
        "seconds": time.perf_counter() - began,
        "versions": versions(),
        "device": device(),
    }
    Run(folder).write_json(SUMMARY, summary)
    figure = picture(book.settings, book.score)
    if figure is not None:
        figures.save(figure, folder / PICTURE)
    if not quiet:
        print_table(*table(book.settings, book.score))
        print_table(_rows(folder, book, best, interrupted, summary["seconds"]))
    if interrupted or best:
        return 0
    say(f"{PROG}: every run diverged; lower the learning rate")
    return 1


def _judge_best(run: "Run", dataset: "Dataset", began: float) -> dict[str, Any]:
    """Finish the best run as `jaxmlp.train` would, and return its summary."""
    from jaxmlp.config.factory import arithmetic
    from jaxmlp.config.problem import pose_problem
    from jaxmlp.runs.summary import Outcome, finish_run
    from jaxmlp.training import shapes_of_start

    run.origin = {"checksum": dataset.provenance["checksum"]}
    config = run.config
    with arithmetic(config.precision):
        problem = pose_problem(config, dataset)
        start = shapes_of_start(problem.trainer)
        state, best, records = run.load_checkpoint(start, problem.task.score)
        history, seconds = problem.history(best, records), time.perf_counter() - began
        wanted = run.origin["dataset_wanted"]
        outcome = Outcome(problem, dataset.source, wanted, state, history, False, seconds)
        return finish_run(outcome, run, quiet=True)[1]


def _rows(
    folder: Path, book: "Book", best: dict[str, Any] | None, interrupted: bool, seconds: float
) -> list[tuple[str, str]]:
    """Return what is told at the end."""
    rows = []
    if best:
        value = best[f"test_{book.score}"]
        shown = f"{100 * value:.2f} %" if book.score == "accuracy" else f"{value:.4f}"
        rows.append(("best run", f"{folder}/best/, test {book.score} {shown}"))
    rows.append(("time", f"{seconds:.1f} s since the start of the command"))
    rows.append(("results", f"{folder}/"))
    if interrupted:
        rows.append(("interrupted", f"go on with --resume {folder}"))
    return rows


if __name__ == "__main__":
    leave_process(main())
