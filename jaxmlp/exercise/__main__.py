"""Exercises with a referee: `python -m jaxmlp.exercise [NAME [FILE]]` or `--all FOLDER`.

Without a name the command lists the exercises in the order of the lessons. With a name it writes a
file with a hole; with a file too, it checks what was written there, and says which term is wrong.
"""

import json
import math
from pathlib import Path
from typing import Any

from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, check, printable, unknown

PROG = program_name("exercise")
TIMEOUT = 20.0  # seconds for one file


def make_parser() -> Parser:
    """Return the command's argument parser."""
    text = "Write a formula by hand, and let a referee name the mistake."
    end = f"""examples:
  {PROG}                        list the exercises
  {PROG} dense_backward         write dense_backward.py, with a hole
  {PROG} dense_backward dense_backward.py
  {PROG} --all FOLDER --json    check every NAME.py of a folder"""
    parser = Parser(prog=PROG, description=text, epilog=end)
    parser.add_argument("name", metavar="NAME", nargs="?", help="the exercise")
    parser.add_argument("file", metavar="FILE", nargs="?", help="the file to check")
    parser.add_argument("--all", metavar="FOLDER", help="check every file named after an exercise")
    parser.add_argument("--json", action="store_true", help="print only JSON")
    text = f"time limit of each file; default {TIMEOUT:g}"
    parser.add_argument("--timeout", type=float, metavar="SECONDS", default=TIMEOUT, help=text)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 1 if a solution is wrong."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    good = options.timeout > 0 and math.isfinite(options.timeout)
    check(good, "--timeout", "a positive number of seconds", options.timeout)
    if options.all is not None and options.name is not None:
        raise InputError(f"--all checks a whole folder, so {options.name} does not apply to it")

    from jaxmlp.exercise.catalogue import EXERCISES

    if options.all is not None:
        return _check(_files(Path(options.all), list(EXERCISES)), options)
    if options.name is None:
        print(_catalogue(options.json))
        return 0
    if options.name not in EXERCISES:
        raise unknown("exercise", options.name, EXERCISES)
    if options.file is not None:
        path = Path(options.file)
        check(path.is_file(), "FILE", "a file", options.file)
        return _check({path: options.name}, options)

    from jaxmlp.exercise.hole import write_hole

    if options.json:
        raise InputError("--json does not apply to an exercise without a file")
    print(write_hole(EXERCISES[options.name], PROG))
    return 0


def _catalogue(as_json: bool) -> str:
    """Return the list of the exercises."""
    from jaxmlp.exercise.catalogue import EXERCISES

    if as_json:
        rows = [{"name": e.name, "row": e.row, "title": e.title} for e in EXERCISES.values()]
        return json.dumps(rows)
    wide = max(map(len, EXERCISES))
    return "\n".join(f"{e.row:4} {e.name:{wide}}  {e.title}" for e in EXERCISES.values())


def _files(folder: Path, names: list[str]) -> dict[Path, str]:
    """Return the files that are named after an exercise, in the order of the lessons."""
    check(folder.is_dir(), "--all", "a folder", str(folder))
    found = {folder / f"{name}.py": name for name in names}
    files = {path: name for path, name in found.items() if path.is_file()}
    if not files:
        raise InputError(f"{folder} holds no file that is named after an exercise: {names[0]}.py")
    return files


def _check(files: dict[Path, str], options: Any) -> int:
    """Check files, print what is to be said about each, and return the exit status."""
    import jax

    from jaxmlp.exercise.catalogue import EXERCISES
    from jaxmlp.exercise.judge import Referee
    from jaxmlp.exercise.process import run_file

    records = []
    for path, name in files.items():
        exercise = EXERCISES[name]
        with jax.enable_x64(True):
            referee = Referee(exercise)
            verdict = referee.judge(run_file(path, exercise, referee.cases, options.timeout))
        records.append(_record(path, verdict))
        if not options.json:
            print(_text(path, verdict), flush=True)
    right = sum(record["passed"] for record in records)
    if options.json:
        print(json.dumps({"right": right, "files": records}))
    elif options.all is not None:
        print(f"\n{right} of {len(records)} files are right")
    return 0 if right == len(records) else 1


def _record(path: Path, verdict: Any) -> dict[str, Any]:
    """Return a verdict for `--json`."""
    findings = [{"name": f.name, "right": f.right, "says": f.says} for f in verdict.findings]
    return {
        "file": str(path),
        "exercise": verdict.exercise.name,
        "row": verdict.exercise.row,
        "passed": verdict.passed,
        "error": verdict.error,
        "results": findings,
    }


def _text(path: Path, verdict: Any) -> str:
    """Return a verdict in lines: one for the file, and one for each array if some are wrong."""
    head = printable(f"{path}: ")
    if verdict.error and not verdict.findings:
        return f"{head}wrong: {printable(verdict.error)}"
    if verdict.passed:
        names = ", ".join(finding.name for finding in verdict.findings)
        agree = "agrees" if len(verdict.findings) == 1 else "agree"
        return f"{head}right: {names} {agree} with {verdict.exercise.referee}"
    wide = max(len(finding.name) for finding in verdict.findings)
    lines = [f"  {f.name:{wide}}  {f.says or 'right'}" for f in verdict.findings]
    if verdict.error:
        lines = [f"  {printable(verdict.error)}", *lines]
    return "\n".join([f"{head}wrong", *lines])


if __name__ == "__main__":
    run_process(main)
