"""Say what went on inside a run: `python -m jaxmlp.diagnose RUN`.

It reads the folder of the run, draws pictures into `RUN/diagnosis/`, and prints what looks wrong,
with the numbers that say so and what to try.
"""

import argparse
import json
from pathlib import Path

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
    parser.add_argument("--json", action="store_true", help="print only JSON")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    return _diagnose(make_parser().parse_args(arguments))


def _diagnose(options: argparse.Namespace) -> int:
    from jaxmlp.cli.console import print_line
    from jaxmlp.diagnose.gallery import draw_all
    from jaxmlp.runs.folder import DIAGNOSIS, Run

    run = Run.open(Path(options.run))
    out = Path(options.out or run.path / DIAGNOSIS)
    files, reasons = draw_all(run.path, out)
    if options.json:
        print(json.dumps({"run": str(run.path), "pictures": [str(file) for file in files]}))
        return 0
    for reason in reasons:
        print_line(reason)
    if files:
        print_line(f"pictures in {out}/")
    return 0


if __name__ == "__main__":
    run_process(main)
