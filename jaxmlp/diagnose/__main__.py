"""Say what went on inside a run: `python -m jaxmlp.diagnose RUN`.

It reads the folder of the run, draws pictures into `RUN/diagnosis/`, and prints what looks wrong,
with the numbers that say so and what to try.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process

PROG = program_name("diagnose")


def make_parser() -> Parser:
    """Return the command's argument parser."""
    text = "Say what went on inside a run, and what to try."
    end = f"""examples:
  {program_name("train")} digits --watch --out runs/digits
  {PROG} runs/digits
  {PROG} runs/digits --json"""
    parser = Parser(prog=PROG, description=text, epilog=end)
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    text = "folder for the pictures; default RUN/diagnosis"
    parser.add_argument("--out", metavar="FOLDER", help=text)
    parser.add_parts_arguments()
    parser.add_argument("--json", action="store_true", help="print only JSON")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    return _diagnose(make_parser().parse_args(arguments))


def _diagnose(options: argparse.Namespace) -> int:
    from jaxmlp.cli.console import say
    from jaxmlp.config.own_files import files_from
    from jaxmlp.diagnose.evidence import gather
    from jaxmlp.diagnose.gallery import draw_all
    from jaxmlp.diagnose.verdict import looked_at, verdict
    from jaxmlp.runs.folder import DIAGNOSIS, Run

    run = Run.open(Path(options.run))
    parts = files_from(vars(options))
    found = gather(run, parts)
    named = verdict(found)
    out = Path(options.out or run.path / DIAGNOSIS)
    result: dict[str, Any] = {
        "run": str(run.path),
        "watched": found.whole,
        "unseen": found.unseen,
        "members": found.config.ensemble,
        "complete": found.complete,
        "verdict": [fault.to_dict() for fault in named],
        "looked_at": looked_at(found),
    }
    if not options.json:
        _print(result)
    try:
        files, reasons = draw_all(found, out, parts)
    except OSError as error:
        say(f"WARNING: not all pictures were drawn: {error}")
        files, reasons = [], []
    if options.json:
        pictures = {"pictures": [str(file) for file in files], "not_drawn": reasons}
        print(json.dumps(result | pictures, allow_nan=False), flush=True)
    else:
        _print_pictures(out, files, reasons)
    return 0


def _print(result: dict[str, Any]) -> None:
    """Print the verdict in words, and the numbers that it rests on."""
    from jaxmlp.cli.console import print_line, print_table
    from jaxmlp.diagnose.rules import percent, small

    losses = result["looked_at"]["epochs"] > 0
    if result["unseen"] and not losses:
        print_line(f"nothing of its training can be judged: {result['unseen']}")
    elif result["unseen"]:
        print_line(
            "the run was not watched, and only its losses can be judged: the network cannot be"
            f" looked at: {result['unseen']}"
        )
    elif not result["watched"]:
        print_line(
            "the run was not watched (`train --watch`): this is what its last checkpoint shows, and"
            " its losses"
        )
    if result["members"] > 1:
        print_line(f"the layers are those of the first of {result['members']} members")
    if not result["complete"]:
        print_line("the run did not come to its end: it was interrupted, or it diverged")
    for fault in result["verdict"]:
        print_line(f"{fault['fault']}: {fault['says']}")
        print_line(f"    try: {fault['advice']} (lecture row {fault['row']})")
        for other in fault["follows"]:
            print_line(f"    with it: {other['fault']}: {other['says']}")
    if not result["verdict"] and (losses or not result["unseen"]):
        print_line("nothing suspicious was found in these numbers:")
    numbers = result["looked_at"]
    for name in ("training_loss", "validation_loss"):
        if numbers[name]:
            first, last = map(small, numbers[name])
            ends = f"{'first' if name == 'training_loss' else 'least'} {first}, last {last}"
            print_line(f"{name.replace('_', ' ')}: {ends}, in {numbers['epochs']} epochs")
    if not numbers["layers"]:
        return
    print()
    header = ("layer", "gradient", "step / weights", "dead", "saturated")
    rows = [
        (
            f"{row['number']} {row['name']}",
            *("" if row[k] is None else small(row[k]) for k in ("gradient_norm", "update_ratio")),
            *("" if row[k] is None else percent(row[k]) for k in ("dead_share", "saturated_share")),
        )
        for row in numbers["layers"]
    ]
    print_table(rows, header)


def _print_pictures(out: Path, files: list[Path], reasons: list[str]) -> None:
    from jaxmlp.cli.console import print_line

    for reason in reasons:
        print_line(reason)
    if files:
        names = ", ".join(file.name for file in files)
        print_line(f"pictures in {out}/: {names}")


if __name__ == "__main__":
    run_process(main)
