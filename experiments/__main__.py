"""List, run, report and index experiments: `python -m experiments [NAME ...] [--all] ...`."""

import sys
import time
from pathlib import Path
from types import ModuleType

from experiments import framework
from experiments.framework import Settings
from jaxmlp.cli.parser import Parser, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, check

PROG = "python -m experiments"


def make_parser() -> Parser:
    """The command's argument parser."""
    parser = Parser(prog=PROG, description="Test the claims of the lectures.")
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="experiments to run; without any, list all"
    )
    parser.add_argument("--all", action="store_true", help="run every experiment")
    parser.add_argument(
        "--report", action="store_true", help="build the report, a book, of all that have run"
    )
    parser.add_argument(
        "--index", action="store_true", help="write experiments/LECTURES.md, the index of the rows"
    )
    parser.add_argument(
        "--notebooks", metavar="DIR", help="write the chapters of the book as notebooks that run"
    )
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="number of seeds, at least 5; default 5"
    )
    parser.add_argument("--quick", action="store_true", help="take seconds instead of minutes")
    parser.add_argument(
        "--long",
        action="store_true",
        help="first make the long measurements that are missing, and keep their numbers",
    )
    parser.add_argument("--dataset", help="mnist or mnist_5k; default mnist if it is available")
    parser.add_argument(
        "--out", default="build", metavar="DIR", help="folder of the results, default build"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    out = Path(options.out)
    names = framework.names() if options.all else options.names
    if options.index:
        from experiments.lectures import index

        print(f"index in {index.write()}")
    if options.notebooks is not None:
        from experiments.book import notebooks

        print("\n".join(map(str, notebooks.write(Path(options.notebooks)))))
    if not names and not options.report and not options.index and options.notebooks is None:
        _list()
        return 0
    modules = {name: framework.load(name) for name in names}
    differing = []
    if names:
        settings = _settings(options.seeds, options.quick, options.dataset)
        if options.long:
            _measure_long(modules, settings.seeds)
        differing = [name for name in names if not _run(name, settings, out / "experiments")]
    if options.report:
        from experiments import report

        print(f"report in {report.build(out / 'experiments', out / 'report')}")
    if differing:
        print(f"verdicts that differ from the record: {', '.join(differing)}", file=sys.stderr)
    return 1 if differing else 0


def _measure_long(modules: dict[str, ModuleType], seeds: int) -> None:
    """Make and keep the missing long measurements of the experiments that have any."""
    from experiments import kept

    having = {name: module.LONG for name, module in modules.items() if hasattr(module, "LONG")}
    if not having:
        raise InputError(f"--long needs an experiment with a long part, got {', '.join(modules)}")
    for name, rows in having.items():
        kept.measure(name, rows, seeds)


def _settings(seeds: int | None, quick: bool, dataset: str | None) -> Settings:
    check(seeds is None or seeds >= 5, "--seeds", "at least 5", seeds)
    check(dataset in (None, "mnist", "mnist_5k"), "--dataset", "mnist or mnist_5k", dataset)
    if dataset is None:
        dataset = "mnist_5k" if quick else _best_digits()
    return Settings(seeds or 5, quick, dataset)


def _best_digits() -> str:
    """Return `mnist` if it is available; else say so and return its embedded part."""
    from jaxmlp.cli.console import say
    from jaxmlp.data import Unavailable, load

    try:
        return load("mnist").name
    except Unavailable as error:
        say(f"WARNING: experiments use mnist_5k instead: {error}")
        return "mnist_5k"


def _run(name: str, settings: Settings, folder: Path) -> bool:
    """Run an experiment, print its verdict, and return whether it is the verdict on record."""
    from experiments import runner

    began = time.perf_counter()
    verdict = runner.perform(name, settings, folder)
    about = framework.load(name).ABOUT
    expected = about.expected
    spread = "" if verdict.spread is None else f" ± {verdict.spread:.2g}"
    part = f": {verdict.part}" if verdict.part else ""
    print(f"{name}: {verdict.word}{part}, {_seconds(began)}", flush=True)
    print(f"  {about.number}: {verdict.number:.4g}{spread} ({about.unit})", flush=True)
    print(f"  {verdict.says}", flush=True)
    if verdict.word != expected:
        print(f"  NOT the verdict on record: {expected}", flush=True)
    return verdict.word == expected


def _seconds(began: float) -> str:
    return f"{time.perf_counter() - began:.1f} s"


def _list() -> None:
    from jaxmlp.cli.console import print_table

    rows = []
    for name in framework.names():
        module = framework.load(name)
        about = module.ABOUT
        usual = f"{about.seconds:.0f} s"
        rows.append((name, " ".join(about.rows), usual, framework.claim(module)))
    print_table(rows, ("experiment", "rows", "usual time", "claim"))


if __name__ == "__main__":
    run_process(main, writes_files=True)
