"""Exercises with a referee: `python -m jaxmlp.exercise [NAME [ANSWER]]` or `--all FOLDER`.

Without a name the command lists the exercises in the order of the lessons. Most ask for a function:
with a name the command writes a file with a hole; with the file too, it checks what was written
there, and says which term is wrong. The others ask which of four runs has a fault: with a name the
command trains the runs and draws them; with a letter too, it checks the answer. So the second word
is always the answer. `--export FOLDER` writes notebooks for a course.
"""

import json
import math
from pathlib import Path
from typing import Any

from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, check, unknown

PROG = program_name("exercise")
TIMEOUT = 20.0  # seconds for one file


def make_parser() -> Parser:
    """Return the command's argument parser."""
    text = "Write a formula by hand or find a fault, and let a referee name the mistake."
    end = f"""examples:
  {PROG}                        list the exercises
  {PROG} dense_backward         write dense_backward.py, with a hole
  {PROG} dense_backward dense_backward.py
  {PROG} which_has_dead_units   train four runs, and draw them
  {PROG} which_has_dead_units B
  {PROG} --all FOLDER --json    check every NAME.py of a folder
  {PROG} --export FOLDER        write notebooks, for lecturers"""
    parser = Parser(prog=PROG, description=text, epilog=end)
    parser.add_argument("name", metavar="NAME", nargs="?", help="the exercise")
    text = "the file to check, or the letter of a run"
    parser.add_argument("answer", metavar="ANSWER", nargs="?", help=text)
    parser.add_argument("--all", metavar="FOLDER", help="check every file named after an exercise")
    text = "write the exercises as notebooks, one a deck, with tests for nbgrader"
    parser.add_argument("--export", metavar="FOLDER", help=text)
    parser.add_argument("--json", action="store_true", help="print only JSON")
    text = "other runs, in another order, for a question about runs; default 0"
    parser.add_argument("--seed", type=int, metavar="N", help=text)
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
    _check_together(options)

    from jaxmlp.exercise.catalogue import EXERCISES, QUESTIONS, TASKS

    if options.all is not None:
        return _check(_files(Path(options.all), list(EXERCISES)), options)
    if options.export is not None:
        from jaxmlp.exercise.kit import export

        print("\n".join(map(str, export(Path(options.export)))))
        return 0
    if options.name is None:
        print(_catalogue(options.json))
        return 0
    if options.name not in TASKS:
        raise unknown("exercise", options.name, TASKS)
    if options.name in QUESTIONS:
        return _ask(options)
    if options.seed is not None:
        raise InputError(f"--seed applies to questions about runs, and not to {options.name}")
    if options.answer is not None:
        path = Path(options.answer)
        check(path.is_file(), "FILE", "a file", options.answer)
        return _check({path: options.name}, options)

    from jaxmlp.exercise.hole import write_hole

    if options.json:
        raise InputError("--json does not apply to an exercise without a file")
    print(write_hole(EXERCISES[options.name], PROG))
    return 0


def _check_together(options: Any) -> None:
    """Reject options of which one would have no effect."""
    whole = {"--all checks a whole folder": options.all, "--export writes all": options.export}
    given = [words for words, folder in whole.items() if folder is not None]
    if len(given) == 2:
        raise InputError("--all and --export do not apply together")
    if given and options.name is not None:
        raise InputError(f"{given[0]}, so {options.name} does not apply to it")
    if options.export is not None and options.json:
        raise InputError("--json does not apply to --export")
    if options.name is None and options.seed is not None:
        raise InputError("--seed applies to a question about runs, and there is none")


def _ask(options: Any) -> int:
    """Ask a question about runs, or judge the answer, and return the exit status."""
    from jaxmlp.exercise import ask
    from jaxmlp.exercise.catalogue import QUESTIONS
    from jaxmlp.exercise.question import MOST, letter_of

    question, seed = QUESTIONS[options.name], options.seed or 0
    check(0 <= seed <= MOST, "--seed", f"from 0 to {MOST}", seed)
    command = f"{PROG} {question.name}" + (f" --seed {seed}" if seed else "")
    if options.answer is None:
        path, runs = ask.pose(question, seed, command)
        numbers = {letter: run.numbers for letter, run in runs.items()}
        record = {"question": question.name, "row": question.row, "seed": seed}
        record |= {"picture": str(path), "title": question.title, "text": question.text}
        text = ask.posed(question, path, runs, command)
        print(json.dumps(record | {"runs": numbers}) if options.json else text)
        return 0
    letter = letter_of(options.answer)
    verdict = ask.answered(question, letter, seed, question.by_letter(seed))
    print(json.dumps(verdict) if options.json else ask.explained(verdict))
    return 0 if verdict["passed"] else 1


def _catalogue(as_json: bool) -> str:
    """Return the list of the exercises."""
    from jaxmlp.exercise.catalogue import QUESTIONS, TASKS

    if as_json:
        kinds = {name: "question" if name in QUESTIONS else "function" for name in TASKS}
        rows = [
            {"name": t.name, "row": t.row, "title": t.title, "kind": kinds[t.name]}
            for t in TASKS.values()
        ]
        return json.dumps(rows)
    wide = max(map(len, TASKS))
    return "\n".join(f"{t.row:4} {t.name:{wide}}  {t.title}" for t in TASKS.values())


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
    from jaxmlp.exercise.catalogue import EXERCISES
    from jaxmlp.exercise.judge import Referee
    from jaxmlp.exercise.process import run_file
    from jaxmlp.exercise.wording import recorded, told

    records = []
    for path, name in files.items():
        exercise = EXERCISES[name]
        referee = Referee(exercise)
        verdict = referee.judge(run_file(path, exercise, referee.cases, options.timeout))
        records.append(recorded(path, verdict))
        if not options.json:
            print(told(path, verdict), flush=True)
    right = sum(record["passed"] for record in records)
    if options.json:
        print(json.dumps({"right": right, "files": records}))
    elif options.all is not None:
        print(f"\n{right} of {len(records)} files are right")
    return 0 if right == len(records) else 1


if __name__ == "__main__":
    run_process(main)
