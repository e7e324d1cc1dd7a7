"""Measure time and memory beside other libraries: `python -m experiments.bench`."""

import datetime
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from experiments.bench import epochs, footprint, scaling, whole
from experiments.bench.machine import machine
from experiments.bench.peers import NAMES, OURS
from experiments.bench.plan import Plan
from experiments.bench.results import FILE, Results, load, merge
from experiments.bench.tables import markdown, tables
from experiments.bench.workers import Failed, run
from jaxmlp.cli.console import print_table, say
from jaxmlp.cli.parser import Parser, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, check, unknown

PROG = "python -m experiments.bench"
PICTURE = "bench"


class Section(NamedTuple):
    """A question about time or memory.

    Attributes:
      ask: the measurement, `plan -> numbers`.
      digits: whether it needs MNIST.
    """

    ask: Callable[[Plan], dict[str, Any]]
    digits: bool = True


SECTIONS = {
    "epochs": Section(epochs.side_by_side),
    "whole": Section(whole.to_98),
    "limit": Section(epochs.limit),
    "sweep": Section(whole.sweep),
    "scaling": Section(scaling.growth),
    "footprint": Section(footprint.around),
    "dropout": Section(epochs.dropout),
    "tiny": Section(epochs.tiny, digits=False),
}


def make_parser() -> Parser:
    """The command's argument parser."""
    parser = Parser(prog=PROG, description="Measure time and memory beside other libraries.")
    names = ", ".join(SECTIONS)
    parser.add_argument(
        "--only", nargs="+", metavar="SECTION", help=f"sections, of {names}; default all"
    )
    libraries = ", ".join(NAMES)
    parser.add_argument(
        "--libraries",
        nargs="+",
        metavar="NAME",
        help=f"libraries beside ours, of {libraries}; default all",
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="number of rounds; default 5, with --quick 1"
    )
    parser.add_argument(
        "--quick", action="store_true", help="check that all works; the numbers mean nothing"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print the results on file as Markdown"
    )
    parser.add_argument(
        "--out",
        default="build/bench",
        metavar="DIR",
        help="folder of the results, default build/bench",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    out = Path(options.out)
    if options.markdown:
        results = load(out)
        if not results:
            raise InputError(f"{out} holds no results of the benchmark; run {PROG} first")
        print(markdown(results))
        return 0
    sections = _known("section", options.only, SECTIONS)
    wanted = _known("library", options.libraries, NAMES)
    check(options.rounds is None or options.rounds >= 1, "--rounds", "at least 1", options.rounds)
    libraries = _installed(wanted)
    rounds = options.rounds or (1 if options.quick else 5)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".scratch-") as name:
        scratch = Path(name).absolute()
        dataset = "mnist_5k" if options.quick else "mnist"
        digits = scratch / "digits.npz"
        plan = Plan(libraries, rounds, options.quick, str(digits), dataset, scratch)
        if any(SECTIONS[section].digits for section in sections):
            _fetch(dataset, digits)
        failed = [section for section in sections if not _measure(section, plan, out)]
    _show(load(out), out)
    if failed:
        say(f"{PROG}: sections that could not be measured: {', '.join(failed)}")
    return 1 if failed else 0


def _known(kind: str, given: Sequence[str] | None, known: Any) -> tuple[str, ...]:
    for name in given or ():
        if name not in known:
            raise unknown(kind, name, known)
    return tuple(name for name in known if given is None or name in given)


def _installed(names: Sequence[str]) -> tuple[str, ...]:
    """Return the libraries, ours first, if all of them are installed."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise InputError(
            f"{', '.join(missing)} not installed; run pip install '.[bench]', "
            "or name the installed libraries with --libraries"
        )
    return tuple(dict.fromkeys((OURS, *names)))


def _fetch(dataset: str, file: Path) -> None:
    """Write the digits to a file, or raise an error of one line if they are not available."""
    try:
        run("-m", "experiments.bench.data", dataset, str(file))
    except Failed as error:
        raise InputError(str(error).partition("error: ")[2] or str(error)) from None


def _measure(section: str, plan: Plan, out: Path) -> bool:
    """Measure a section and keep its numbers; return whether it succeeded."""
    say(f"{section} ...")
    began = time.perf_counter()
    try:
        numbers = SECTIONS[section].ask(plan)
    except (Failed, InputError) as error:
        say(f"{section}: {error}")
        return False
    record = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rounds": plan.rounds,
        "quick": plan.quick,
        "seconds": time.perf_counter() - began,
        "numbers": numbers,
    }
    merge(out, section, record)
    say(f"{section}: {record['seconds']:.0f} s")
    return True


def _show(results: Results, out: Path) -> None:
    """Print the tables and draw the picture of all results."""
    from experiments import style
    from experiments.bench.picture import draw

    for title, header, rows in tables(results):
        print(f"\n{title}")
        print_table(rows, header)
    if any(record["quick"] for record in results.values()):
        say("WARNING: some results were measured with --quick and mean nothing")
    print(f"\nresults in {out / FILE}")
    if (picture := draw(results)) is not None:
        style.save(picture, out / PICTURE)
        print(f"picture in {out / PICTURE}.png")


if __name__ == "__main__":
    run_process(main, writes_files=True)
