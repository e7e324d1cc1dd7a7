"""Odd command lines: options with odd values, run by the hundred.

`python -m tests.torture.lines --count 500` prints how many were wrong, the slowest and the largest.
A line is wrong if it ends in a traceback, an abort, a status other than 0, 1 and 2, an error of
more than one line or 500 letters, or a warning of a library, or if it is silent for ten seconds.

Each line runs in a process that is forked from one that has imported JAX, and has used it for
nothing yet.
"""

import argparse
import os
import random
import select
import signal
import sys
import tempfile
import time
import unicodedata
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from jaxmlp.__main__ import COMMANDS

LIMIT = 10.0  # seconds of silence
HUGE = 2**30  # bytes that a line may take on top of what all of them need
COUNTS = """
0 -1 1 2 7 2147483647 2147483648 1099511627776 9223372036854775808 18446744073709551616
1000000000000 -9223372036854775809 1e3 1e300 nan inf 0x10 1_0 1.5 ٣ ² - none True
"""
NUMBERS = """
0 -0.0 -1 1e-3 0.5 0.999 1 1e308 1e309 -1e309 5e-324 1e-400 nan inf -inf 1e39 1,5 1_0 ٣ 0x1p3
1e 2147483648 1e-45
"""
NAMES = """
adam adma ADAM relu tanh step lenet perceptron mse binary multiclass regression one_cycle
plateau float64 balanced autodiff optax shift elastic normal 日本 =1+1 [red] $x$ {} {0} %s %d ~
~nobody ../.. -- -h None null * ? iris xor wine diabetes digits tfds: tfds:nothing_at_all
mnist_5k
"""
PATHS = """
/ . .. /dev/null /dev/full /proc/self/mem ~nobody/x.csv nothing.csv folder.csv empty.csv
table.csv table.csv/more broken.npz run run/config.json file://x.csv http://127.0.0.1:9/x.csv
"""
STRANGE = [
    "",
    " ",
    "\x1b[31mred",
    "a\nb",
    "a\tb\r",
    "\u202eabc",
    "\udcff.csv",
    "x" * 400,
    "x" * 5000,
]
STRANGE += ["a/" * 3000, "y" * 300 + ".csv", "9" * 5000, "1e" + "9" * 400, "\ufeff", "é" * 200]
SPACES = """
learning_rate=1e-3,1e-2 seed=0,1 seed=-1,0 hidden=4,none,4x4 hidden=x activation=relu+tanh
learning_rate= =1 optimizer=adam,adma epochs=1,2147483648 learning_rate=log:0:1 batch_size=0,1
learning_rate=log:1e-3:1e-1 dropout=uniform:0:0.5 dropout=uniform:1:2 seed=uniform:0:9 2
1000000000 hidden=uniform:1:2 learning_rate=log:1e-400:1e400 dataset=xor gradient=log:1:2
valid_size=-1,3 epochs=uniform:1:1e300 learning_rate=nan,inf layer_norm=yes,no
layer_norm=maybe 0 -3 ٣
"""
BASE = {
    "train": ["--dataset", "xor", "--epochs", "1", "--out", "out"],
    "sweep": ["--dataset", "iris", "--epochs", "1", "--out", "out", "--grid", "seed=0,1"],
    "find_rate": ["--dataset", "iris", "--steps", "20"],
    "gradcheck": ["--dataset", "xor", "--hidden", "2"],
    "explain": [],
    "evaluate": ["run"],
    "predict": ["run", "table.csv"],
    "runs": ["."],
    "export": ["run"],
}  # `serve` does not end by itself; `requests` tortures it
WEIGHTS = {"train": 8, "sweep": 4, "find_rate": 2, "gradcheck": 3, "explain": 3}


class Ended(NamedTuple):
    """How a line ended: its status (minus a signal), output, seconds, and bytes of memory."""

    status: int
    out: str
    err: str
    seconds: float
    memory: int
    silent: bool


def odd_line(rng: random.Random) -> list[str]:
    """Draw a command with one to three odd options."""
    names = list(BASE)
    command = rng.choices(names, [WEIGHTS.get(name, 1) for name in names])[0]
    parser = import_module(COMMANDS[command][0]).make_parser()
    line = [command, *BASE[command]]
    if rng.random() < 0.05:
        line = [rng.choice([*NAMES.split(), *STRANGE, command.upper()])]
    actions = [action for action in parser._actions if action.dest != "help"]
    for action in rng.choices(actions, k=rng.choice((1, 1, 1, 2, 3))):
        flag = action.option_strings[:1]
        line += [*flag, *odd_values(rng, action)]
    return line


def odd_values(rng: random.Random, action: argparse.Action) -> list[str]:
    """Draw values for an option: of its own kind for the most part."""
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return rng.choices([[], ["3"]], [9, 1])[0]
    if action.dest in ("grid", "random"):
        own = SPACES
    else:
        own = {int: COUNTS, float: NUMBERS}.get(action.type, NAMES + PATHS)
    pool = rng.choices([own, COUNTS + NUMBERS + NAMES + PATHS, ""], [8, 1, 1])[0].split()
    many = rng.choice((0, 1, 2, 3, 150)) if action.nargs in ("*", "+") else 1
    return rng.choices(pool or STRANGE, k=many)


def prepare(folder: Path) -> None:
    """Import what every line needs, go into a folder, and put files there that lines name."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    os.chdir(folder)
    for module, _ in COMMANDS.values():
        import_module(module)
    Path("folder.csv").mkdir()
    Path("empty.csv").touch()
    Path("table.csv").write_text("a,b,c\n" + "".join(f"{k},{k % 3},{k % 2}\n" for k in range(40)))
    Path("broken.npz").write_bytes(b"PK\x03\x04 broken")
    made = run(["train", "--dataset", "table.csv", "--epochs", "1", "--out", "run"], limit=120)
    assert made.status == 0, made
    import_module("jaxmlp.runs.fit")
    import_module("jaxmlp.runs.figures")


def run(line: list[str], limit: float = LIMIT) -> Ended:
    """Run a line in a fork of this process; interrupt it after a while, and kill it at last."""
    began, pipes = time.monotonic(), (os.pipe(), os.pipe())
    child = os.fork()
    if child == 0:
        _become(line, [writing for _, writing in pipes])
    for _, writing in pipes:
        os.close(writing)
    read, stopped = {reading: b"" for reading, _ in pipes}, 0.0
    ends, still = list(read), began
    while ends:
        for end in select.select(ends, [], [], 0.1)[0]:
            part, still = os.read(end, 65536), time.monotonic()
            read[end] += part
            if not part:
                ends.remove(end)
        now = time.monotonic()
        if not stopped and now - began > limit:
            silent, stopped = not any(read.values()), now
            os.kill(child, signal.SIGINT)
        elif stopped and now - max(stopped, still) > 2 * limit:
            os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    for reading, _ in pipes:
        os.close(reading)
    code = os.waitstatus_to_exitcode(status)
    code = 0 if code == 130 and stopped else code
    out, err = (text.decode("utf-8", "replace") for text in read.values())
    seconds = time.monotonic() - began
    return Ended(code, out, err, seconds, usage.ru_maxrss * 1024, bool(stopped and silent))


def _become(line: list[str], ends: list[int]) -> None:
    """Be the process of a command."""
    import shutil

    from jaxmlp.__main__ import main
    from jaxmlp.cli.process import run_process

    try:
        for number, end in enumerate(ends, 1):
            os.dup2(end, number)
        shutil.rmtree("out", ignore_errors=True)
        sys.argv = ["jaxmlp", *line]
        run_process(main, writes_files=True)
    except SystemExit as left:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(left.code if isinstance(left.code, int) else 99)


def faults(ended: Ended, usual: int) -> list[str]:
    """Return what is wrong with the end of a line, if anything."""
    letters = (ended.out + ended.err).replace("\n", "")
    found = {
        "traceback": "Traceback" in ended.err,
        f"status {ended.status}": ended.status not in (0, 1, 2),
        "warning": "Warning" in ended.err,
        "silent for long": ended.silent,
        "no line": ended.status == 2 and ended.err.count("\n") != 1,
        "long line": any(len(text) > 500 for text in ended.err.splitlines()),
        "control characters": any(unicodedata.category(letter) == "Cc" for letter in letters),
        "memory": ended.memory > usual + HUGE,
    }
    return [name for name, is_so in found.items() if is_so]


def torture(count: int, seed: int, limit: float = LIMIT) -> int:
    """Run odd lines, print figures, and return how many were wrong."""
    rng, ends = random.Random(seed), []
    with tempfile.TemporaryDirectory(prefix="jaxmlp-lines-") as folder:
        prepare(Path(folder))
        usual = run(["train", *BASE["train"]], limit=120).memory
        for _ in range(count):
            line = odd_line(rng)
            ended = run(line, limit)
            ends.append((line, ended))
            if wrong := faults(ended, usual):
                shown = [
                    word if len(word) < 60 else f"{word[:50]}...({len(word)})" for word in line
                ]
                print(f"WRONG {', '.join(wrong)}: {shown!a}\n{ended.err[-1500:]}", flush=True)
        os.chdir("/")
    bad = sum(bool(faults(ended, usual)) for _, ended in ends)
    slowest = max(ended.seconds for _, ended in ends)
    largest = max(ended.memory for _, ended in ends) / 2**20
    good = sum(ended.status == 0 for _, ended in ends)
    print(f"{count} inputs, {bad} wrong, {good} with status 0, slowest {slowest:.1f} s,", end=" ")
    print(f"largest {largest:.0f} MiB")
    return bad


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument(
        "--limit", type=float, default=LIMIT, help="seconds; more on a busy machine"
    )
    given = options.parse_args()
    sys.exit(torture(given.count, given.seed, given.limit) > 0)
