"""Learn tables by several methods and compare them: `python -m experiments.bench.quality`."""

import datetime
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.bench.machine import machine
from experiments.bench.quality.methods import METHODS, OURS, WORDS, Method, ours
from experiments.bench.quality.scores import judge, losses, ranks, rows
from experiments.bench.quality.sources import CHOICE, REPORTED, Problem, Table, pose, split
from jaxmlp.cli.compile_cache import remember_compilations
from jaxmlp.cli.console import print_table, say
from jaxmlp.cli.parser import Parser, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, check, unknown
from jaxmlp.files import write_atomically

PROG = "python -m experiments.bench.quality"
LISTS = {"reported": REPORTED, "choice": CHOICE}
SCORES = {"log_loss": "Log-loss", "auc": "AUC", "rmse": "RMSE"}


def make_parser() -> Parser:
    """The command's argument parser."""
    parser = Parser(prog=PROG, description="Learn tables by several methods and compare them.")
    parser.add_argument("--list", default="reported", choices=LISTS, help="which list of tables")
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="tables of it; default all")
    parser.add_argument("--splits", type=int, default=10, metavar="N", help="default 10")
    parser.add_argument(
        "--methods", nargs="+", metavar="NAME", help=f"of {', '.join(METHODS)}; default all"
    )
    parser.add_argument(
        "--options", nargs="+", metavar="FIELD=VALUE", help="a variant of ours, by its JSON values"
    )
    parser.add_argument("--again", action="store_true", help="measure anew what is on file")
    parser.add_argument("--show", action="store_true", help="only print what is on file")
    parser.add_argument("--out", default="build/bench", metavar="DIR", help="folder of the results")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    check(options.splits >= 1, "--splits", "at least 1", options.splits)
    methods = _chosen(options)
    known = {table.name: table for table in LISTS[options.list]}
    for name in options.tables or ():
        if name not in known:
            raise unknown("table", name, known)
    file = Path(options.out) / f"quality_{options.list}.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if not options.show:
        file.parent.mkdir(parents=True, exist_ok=True)
        for name in options.tables or known:
            _learn(known[name], methods, options.splits, results, options.again)
            write_atomically(file, json.dumps(results, indent=1, allow_nan=False) + "\n")
    show({name: results[name] for name in options.tables or known if name in results})
    print(f"\nresults in {file}")
    return 0


def _chosen(options: Any) -> dict[str, Method]:
    for name in options.methods or ():
        if name not in METHODS:
            raise unknown("method", name, METHODS)
    if not options.options:
        return {name: METHODS[name] for name in options.methods or METHODS}
    from jaxmlp.config.options import Config

    values = {}
    for pair in options.options:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--options must be FIELD=VALUE, got {pair!r}")
        values[name] = json.loads(value) if value[0] in "[-0123456789tf" else value
    return {f"{OURS} {' '.join(options.options)}": ours(Config(**values))}


def _learn(
    table: Table, methods: dict[str, Method], splits: int, results: dict[str, Any], again: bool
) -> None:
    """Learn some splits of a table by each method that has not yet done so, and add the scores."""
    problem = pose(table)
    record = results.setdefault(table.name, {"scores": {}})
    record |= _about(table, problem)
    began = time.perf_counter()
    for number in range(splits):
        parts = split(problem, table.classes, number)
        for name, method in methods.items():
            found = record["scores"].setdefault(name, {})
            if str(number) in found and not again:
                continue
            start = time.perf_counter()
            answers = method(parts, table.classes, number)
            seconds = time.perf_counter() - start
            found[str(number)] = judge(answers, parts[3], table.classes) | {"seconds": seconds}
    say(f"{table.name}: {time.perf_counter() - began:.0f} s")


def _about(table: Table, problem: Problem) -> dict[str, Any]:
    return {
        "package": table.package,
        "target": table.target,
        "rows": problem.rows,
        "used": len(problem.y),
        "inputs": problem.x.shape[1],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }


def show(results: dict[str, Any]) -> None:
    """Print what ours gains or loses on each table, and the ranks.

    Args:
      results: the record of each table.
    """
    every = dict.fromkeys(m for record in results.values() for m in record["scores"])
    mine = [name for name in every if name.startswith(OURS)]
    others = [name for name in METHODS if name in every and name not in mine]
    for own in mine:
        for score, words in SCORES.items():
            if lines := rows(results, own, others, score):
                print(f"\n{words} of {own}, and the difference to the others (below 0: lower)")
                print_table(lines, ("", "rows", "inputs", own, *(WORDS[m] for m in others)))
    print("\n* worse by more than one standard error over the splits")
    for score in ("log_loss", "rmse"):
        _show_ranks(results, [*mine, *others], score)


def _show_ranks(results: dict[str, Any], methods: Sequence[str], score: str) -> None:
    found = ranks([record["scores"] for record in results.values()], methods, score)
    if not found:
        return
    print(f"\n{SCORES[score]}: mean ranks, and on how many tables ours is better / alike / worse")
    mine = [m for m in methods if m.startswith(OURS)]
    lines = [
        (
            WORDS.get(name, name),
            f"{found[name]:.2f}",
            *(
                "" if name == own else "{} / {} / {}".format(*losses(results, own, name, score))
                for own in mine
            ),
        )
        for name in sorted(found, key=found.__getitem__)
    ]
    print_table(lines, ("", "mean rank", *(f"{own} against it" for own in mine)))


if __name__ == "__main__":
    remember_compilations()
    run_process(main, writes_files=True)
