"""Measure what an accelerator gives: `python -m experiments.accelerator`."""

import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from experiments.accelerator.plan import FULL, SMALL, Plan, read_notes
from experiments.accelerator.section import SECTIONS
from experiments.accelerator.table import markdown
from experiments.bench.machine import machine
from experiments.bench.peers import NAMES
from experiments.bench.workers import ROOT, Failed, run
from jaxmlp.cli.console import say
from jaxmlp.cli.parser import Parser, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, check, unknown
from jaxmlp.files import write_atomically

PROG = "python -m experiments.accelerator"
LIBRARIES = ("torch", "keras", "flax")
LOOK = 0.2  # seconds between two looks at what a section has found
LEAST = 3.0  # seconds, with less of which no section begins
DONE, FAILED, STOPPED, NOT_RUN = "done", "failed", "stopped", "not run"
OF_CHILDREN = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # several processes share the device
Record = dict[str, Any]


def make_parser() -> Parser:
    """The command's argument parser."""
    parser = Parser(prog=PROG, description="Measure what an accelerator gives.")
    text = "the budget; sections run in order of importance, default 10"
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help=text)
    text = f"sections, of {', '.join(SECTIONS)}; default all"
    parser.add_argument("--only", nargs="+", metavar="SECTION", help=text)
    text = "check that all works; the numbers mean nothing"
    parser.add_argument("--quick", action="store_true", help=text)
    text = "the file of the numbers, default build/accelerator.json"
    parser.add_argument("--out", default="build/accelerator.json", metavar="FILE", help=text)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    began = time.monotonic()
    options = make_parser().parse_args(arguments)
    check(options.minutes > 0, "--minutes", "greater than 0", options.minutes)
    for name in options.only or ():
        if name not in SECTIONS:
            raise unknown("section", name, SECTIONS)
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".scratch-") as scratch:
        plan = _plan(Path(scratch).absolute(), options.quick)
        record = _record(plan, options.minutes)
        sections = [name for name in SECTIONS if name in ("device", *(options.only or SECTIONS))]
        for name in sections:
            budget = 60 * options.minutes
            left = budget - (time.monotonic() - began)
            plan = _measure(name, plan, min(left, SECTIONS[name][1] * budget), record, out)
    print(f"\n{markdown(record)}\n\nnumbers in {out}")
    wrong = [name for name, found in record["sections"].items() if found["status"] == FAILED]
    if wrong:
        say(f"{PROG}: sections that failed: {', '.join(wrong)}")
    return 1 if wrong else 0


def _plan(scratch: Path, quick: bool) -> Plan:
    """Return the plan, with the digits on file; what is missing is said."""
    libraries = tuple(name for name in LIBRARIES if find_spec(name))
    for name in LIBRARIES:
        if name not in libraries:
            say(f"WARNING: {NAMES[name]} is not installed, so it has no row: pip install {name}")
    file = scratch / "digits.npz"
    dataset = _digits_on(file, (SMALL,) if quick else (FULL, SMALL))
    platform = os.environ.get("JAX_PLATFORMS", "").partition(",")[0]
    return Plan(platform, dataset, str(file), libraries, str(scratch), quick)


def _digits_on(file: Path, names: tuple[str, ...]) -> str:
    """Write digits to a file, and return the name of the first set that is here."""
    for name in names:
        try:
            run("-m", "experiments.bench.data", name, str(file))
        except Failed as error:
            if name == names[-1]:
                raise InputError(f"no digits to learn from: {error}") from None
            say(f"WARNING: {name} is not here, so the targets are those of {names[-1]}: {error}")
        else:
            return name
    raise AssertionError("no set was named")


def _record(plan: Plan, minutes: float) -> Record:
    absent = [NAMES[name] for name in LIBRARIES if name not in plan.libraries]
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "budget_minutes": minutes,
        "quick": plan.quick,
        "dataset": plan.dataset,
        "not_installed": absent,
        "machine": machine(),
        "environment": OF_CHILDREN | {"XLA_FLAGS": os.environ.get("XLA_FLAGS", "")},
        "sections": {},
    }


def _measure(name: str, plan: Plan, limit: float, record: Record, out: Path) -> Plan:
    """Measure a section within a time, keep what it finds, and return the plan for the next one.

    The plan's platform is known after the section on the device.
    """
    section: Record = {"status": NOT_RUN, "seconds": 0.0, "remark": "", "numbers": {}, "errors": {}}
    record["sections"][name] = section
    if limit < LEAST:
        section["remark"] = f"the budget of {record['budget_minutes']:g} minutes was spent"
        say(f"{name}: not run, {section['remark']}")
        _write(out, record)
        return plan
    say(f"{name} ... (at most {limit:.0f} s)")
    began = time.monotonic()
    status, words = _run(name, plan, limit, section, lambda: _write(out, record))
    section["seconds"] = time.monotonic() - began
    if status is None:
        section |= {"status": STOPPED, "remark": f"its {limit:.0f} s were over; the rest is kept"}
    elif status == 0:
        section["status"] = DONE
    else:
        errors = section["errors"] or {name: f"the process ended by status {status}: {words}"}
        told = "; ".join(f"{piece}: {error}" for piece, error in errors.items())
        section |= {"status": FAILED, "errors": errors, "remark": _cell(told)}
    record["sections"][name] = section
    _write(out, record)
    say(f"{name}: {section['status']} after {section['seconds']:.0f} s {section['remark']}")
    if name != "device":
        return plan
    platform = section["numbers"].get("platform", plan.platform)
    if platform == "cpu":
        say("WARNING: JAX finds no accelerator; these are numbers of the processor")
    return plan._replace(platform=platform)


def _cell(text: str) -> str:
    """Return a text that a cell of a Markdown table can hold."""
    return " ".join(text.replace("|", "/").split())[:400]


def _run(name: str, plan: Plan, limit: float, section: Record, keep: Any) -> tuple[int | None, str]:
    """Run a section's process; return its status, `None` if it was stopped, and its last words."""
    file, log = plan.folder(f"{name}.json"), plan.folder(f"{name}.log")
    given = json.dumps(plan._asdict())
    command = [sys.executable, "-m", "experiments.accelerator.section", name, str(file), given]
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(plan),
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        until, seen = time.monotonic() + limit, 0
        try:
            while process.poll() is None and time.monotonic() < until:
                time.sleep(LOOK)
                changed = file.stat().st_mtime_ns if file.exists() else 0
                if changed != seen:
                    seen = changed
                    section["numbers"], section["errors"] = read_notes(file)
                    keep()
            status = process.poll()
        finally:  # with all that it has started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    section["numbers"], section["errors"] = read_notes(file)
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return status, words[-1] if words else "no reason given"


def _environment(plan: Plan) -> dict[str, str]:
    """Return the environment of the sections: the device, and a processor for JAX's callbacks."""
    env = os.environ | OF_CHILDREN | {"PYTHONUNBUFFERED": "1"}
    if plan.platform:
        env["JAX_PLATFORMS"] = plan.platform if plan.platform == "cpu" else f"{plan.platform},cpu"
    return env


def _write(out: Path, record: Record) -> None:
    write_atomically(out, json.dumps(record, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    run_process(main, writes_files=True)
