"""Try many configurations: `python -m jaxmlp.sweep --grid FIELD=VALUE,VALUE... [options]`.

The options of `jaxmlp.train` set the fields that all runs share; `--grid` and `--random` name the
fields that vary. Seeds and folds are repetitions: the best configuration has the highest mean
validation score over them. With `--folds K` (lecture row C5) each of K parts of the training
examples validates once; then the best configuration learns all of them.
"""

import argparse
import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmlp.cli.compile_cache import spread_over_cores
from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import import_beside, run_process
from jaxmlp.config.options import Config, config_from, names_data
from jaxmlp.config.own_files import files_from
from jaxmlp.config.own_parts import FIELDS
from jaxmlp.errors import InputError, check, naming

if TYPE_CHECKING:
    from jaxmlp.config.recipe import Recipe
    from jaxmlp.data import Dataset
    from jaxmlp.sweep.folder import Plan, SweepFolder
    from jaxmlp.sweep.programs import Program
    from jaxmlp.training.lockstep import Moment

PROG = program_name("sweep")
EXAMPLES = """\
examples:
  python -m jaxmlp.sweep --grid learning_rate=1e-3,3e-3,1e-2 seed=0,1,2,3 --epochs 3
  python -m jaxmlp.sweep --grid hidden=64,128,64x64 optimizer=adam,sgd --dataset digits
  python -m jaxmlp.sweep --random 20 learning_rate=log:1e-4:1e-1 dropout=uniform:0:0.5 \\
      --grid seed=0,1,2 --dataset my.csv --target price
  python -m jaxmlp.sweep --folds 5 --grid learning_rate=1e-3,1e-2 --dataset iris
  python -m jaxmlp.sweep --resume sweeps/digits            # continue after Ctrl-C
  python -m jaxmlp.evaluate sweeps/digits/best             # the best run is a run like any other
"""
CONTROL = ("grid", "random", "folds", "config", "out", "resume", "overwrite", "quiet")


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
    text = "judge each configuration by K-fold cross-validation; the best one learns all examples"
    sweep.add_argument("--folds", type=int, metavar="K", help=text)
    text = "start from the configuration of a run, its config.json"
    sweep.add_argument("--config", metavar="FILE", help=text)
    sweep.add_argument("--out", metavar="SWEEP", help="output folder; default sweeps/DATASET")
    sweep.add_argument("--resume", metavar="SWEEP", help="finish a sweep that was interrupted")
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
    spread_over_cores()
    plan, dataset = (_reopen_plan if control.resume else _make_plan)(control, given)

    from jaxmlp.data import with_task

    with naming(Path(control.resume)) if control.resume else nullcontext():
        data = with_task(dataset, plan.base.task)
        recipes = _complete_recipes(plan, data)
        programs = _make_programs(plan, data, recipes)

    from jaxmlp.cli.console import print_table, say
    from jaxmlp.cli.interrupt import interrupted_status
    from jaxmlp.runs.facts import show_facts
    from jaxmlp.sweep.finish import finish_sweep
    from jaxmlp.sweep.results import best_run

    show_facts(programs[0].facts(data), control.quiet)
    if plan.folds is not None and not control.quiet:
        words = f"{plan.folds}, dealt out of {len(data.x_train):,} examples; above: the first"
        print_table([("folds", words)])
    with _open_folder(control, plan, recipes, programs[0].task.score) as folder:
        import_beside("jaxmlp.runs.figures")  # while programs are compiled
        noted = _train_programs(programs, folder, recipes, control.quiet)
        found, drawn, noted = finish_sweep(folder, dataset, began, noted, control.quiet)
    if noted:
        return interrupted_status(noted)
    if not found:
        which = "every run" if best_run(folder.configs) is None else "the final run"
        say(f"{PROG}: {which} diverged; lower the learning rate")
        return 1
    return 0 if drawn else 2


def _make_plan(control: argparse.Namespace, given: dict[str, Any]) -> tuple["Plan", "Dataset"]:
    """Make the plan of a new sweep, and load its data."""
    from jaxmlp.runs.data import load_or_stand_in, with_whole_paths
    from jaxmlp.sweep.space import make_points

    base = with_whole_paths(config_from(given, control.config, files_from(given)))
    if base.init_from is not None:
        raise InputError(f"a sweep starts by itself, got init_from {base.init_from}")
    points = make_points(control.grid, control.random, base.seed, control.folds)
    for name in (name for name in points[0] if name in given):
        option = name.replace("_", "-")
        raise InputError(f"{name} is given twice: by --{option} and as a field that varies")
    if control.folds is not None:
        base = _without_validation_part(base, {*given, *points[0]})
    points = [_with_parts(base, point) for point in points]
    dataset, wanted = load_or_stand_in(base, names_data(given, control.config))

    from jaxmlp.sweep.folder import Plan

    base = dataclasses.replace(base, dataset=dataset.name if wanted else base.dataset)
    origin = {"checksum": dataset.provenance["checksum"], "dataset_wanted": wanted}
    return Plan(base, points, origin), dataset


def _with_parts(base: Config, point: dict[str, Any]) -> dict[str, Any]:
    """Return a point with its parts of one's own loaded, as the configuration of its run has it."""
    from jaxmlp.sweep.space import format_point

    own = {name: value for name, value in point.items() if name in FIELDS}
    with naming(format_point(point)):
        loaded = dataclasses.replace(base, **own)
    return {**point, **{name: getattr(loaded, name) for name in own}}


def _without_validation_part(base: Config, given: set[str]) -> Config:
    """Return the base of a sweep with folds, without what a run says of its own part."""
    for name in ("valid_size", "monitor"):
        if name in given:
            raise InputError(f"{name} does not apply with --folds: each fold validates in its turn")
    return dataclasses.replace(base, valid_size=None, monitor=None, fold=None)


def _reopen_plan(control: argparse.Namespace, given: dict[str, Any]) -> tuple["Plan", "Dataset"]:
    """Read the plan of the sweep to continue, and load its data."""
    own = ("grid", "random", "folds", "config", "out", "overwrite")
    parts = files_from(given)
    for name in (*given, *(name for name in own if getattr(control, name))):
        option = name.replace("_", "-")
        raise InputError(f"--resume continues the same sweep: --{option} does not apply")

    from jaxmlp.runs.data import load_or_stand_in
    from jaxmlp.sweep.folder import SWEEP, read_plan

    plan = read_plan(Path(control.resume)).with_parts(parts)
    with naming(f"{Path(control.resume) / SWEEP}: base"):
        dataset, _ = load_or_stand_in(plan.base, named=True)
    if dataset.provenance["checksum"] != plan.origin["checksum"]:
        raise InputError(f"{control.resume} was started on other data: their checksum has changed")
    return plan, dataset


def _complete_recipes(plan: "Plan", dataset: "Dataset") -> list["Recipe"]:
    """Return the recipe of every run."""
    from jaxmlp.config.complete import complete
    from jaxmlp.config.folds import fold_parts
    from jaxmlp.sweep.space import format_point

    recipes = []
    if plan.folds is not None:  # what is wrong with all folds is said without the name of one
        fold_parts(dataset, f"1/{plan.folds}", plan.base.seed)
    for point in plan.points:
        with naming(format_point(point)):
            recipe = complete(plan.config(point), dataset)
        if recipe.fold is not None:
            with naming("after the folds, all training examples are learned"):
                complete(plan.final_config(point), dataset)
        need = "at least 1 in a sweep, which compares validation scores"
        check(recipe.valid_size > 0, "valid_size", need, recipe.valid_size)
        recipes.append(recipe)
    return recipes


def _make_programs(plan: "Plan", dataset: "Dataset", recipes: list["Recipe"]) -> list["Program"]:
    """Make the programs that train all runs, and check that they can be trained."""
    from jaxmlp.config.factory import arithmetic
    from jaxmlp.sweep.examples import DataCache
    from jaxmlp.sweep.programs import Program, group_recipes
    from jaxmlp.sweep.space import format_point

    cache = DataCache(dataset)
    programs = []
    for own, varying in group_recipes(recipes, len(dataset.x_train)):
        with naming(format_point(plan.points[own[0]])), arithmetic(recipes[own[0]].precision):
            programs.append(Program({i: recipes[i] for i in own}, varying, cache))
    return programs


@contextmanager
def _open_folder(
    control: argparse.Namespace, plan: "Plan", recipes: list["Recipe"], score: str
) -> Iterator["SweepFolder"]:
    """Hold the folder of the sweep to continue, or of a new one."""
    from jaxmlp.runs.output import free_name, held_output
    from jaxmlp.sweep.folder import FOLDER, SweepFolder, new_sweep

    name = Path(plan.base.dataset.replace(":", "-")).stem
    usual = Path("sweeps") / name
    path = Path(control.resume or control.out or (usual if control.overwrite else free_name(usual)))
    held = held_output(path, FOLDER) if control.resume else None
    with held or new_sweep(path, plan, control.overwrite):
        folder = SweepFolder(path, plan, score)
        folder.check_runs(recipes)
        yield folder


def _train_programs(
    programs: list["Program"], folder: "SweepFolder", recipes: list["Recipe"], quiet: bool
) -> list[int]:
    """Train the runs that have not ended, and return the signal that interrupted this, if any."""
    from jaxmlp.cli.console import SweepReporter
    from jaxmlp.cli.interrupt import interruptible
    from jaxmlp.config.factory import arithmetic

    with SweepReporter(len(recipes), quiet) as reporter, interruptible() as interrupted:
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
