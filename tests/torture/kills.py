"""Kill training at drawn instants, go on, and compare with the run that nobody killed.

`python -m tests.torture.kills --count 100` prints what came out. Each round starts a real process
in an empty folder, kills it (SIGKILL) after a drawn time, and does what a user would do: continue
the run with `--resume` if there is one, else start it again. Afterwards every file must be that of
the whole run, seconds and rates apart, and no other file may be left.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

TIMES = {"seconds", "seconds_training", "examples_per_second"}
DATA = ("--dataset", "digits", "--hidden", "8", "--batch-size", "256")


class Kind(NamedTuple):
    """A command to kill.

    Attributes:
      command: the module.
      arguments: its arguments, without those for the folder.
      plan: the file that makes its folder one that can be resumed.
    """

    command: str
    arguments: tuple[str, ...]
    plan: str


KINDS = {
    "train": Kind("jaxmlp.train", (*DATA, "--epochs", "200"), "config.json"),
    "min_change": Kind(
        "jaxmlp.train", (*DATA, "--epochs", "200", "--min-change", "0.01"), "config.json"
    ),
    "plateau": Kind(
        "jaxmlp.train", (*DATA, "--epochs", "200", "--schedule", "plateau"), "config.json"
    ),
    "sweep": Kind(
        "jaxmlp.sweep",
        (*DATA, "--epochs", "40", "--grid", "seed=0,1", "learning_rate=1e-3,1e-2"),
        "sweep.json",
    ),
}


def start(kind: Kind, *more: str) -> subprocess.Popen[str]:
    """Start a command; its output is kept for the report."""
    return subprocess.Popen(
        [sys.executable, "-m", kind.command, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(kind: Kind, *more: str) -> str | None:
    """Run a command to its end; return what it said if it failed."""
    process = start(kind, *more)
    said, _ = process.communicate(timeout=300)
    return None if process.returncode == 0 else f"status {process.returncode}: {said[-300:]}"


def content(folder: Path) -> dict[str, Any]:
    """Return what every file of a folder holds, without times and paths."""
    return {
        str(file.relative_to(folder)): _readable(file, folder)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _readable(file: Path, folder: Path) -> Any:
    if file.suffix == ".png":  # the same curves, drawn with other versions of a font, may differ
        return None
    if file.suffix == ".jsonl":
        return [_without_times(json.loads(line)) for line in file.read_text().splitlines()]
    if file.suffix == ".json":
        return json.loads(
            json.dumps(_without_times(json.loads(file.read_text()))).replace(str(folder), "RUN")
        )
    if file.suffix == ".csv":  # the seconds come last
        return [line.rsplit(",", 1)[0] for line in file.read_text().splitlines()]
    return file.read_bytes()


def _without_times(record: Any) -> Any:
    if isinstance(record, dict):
        return {k: _without_times(v) for k, v in record.items() if k not in TIMES}
    return [_without_times(v) for v in record] if isinstance(record, list) else record


def differences(got: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Return the files that only one of two folders has, or that differ."""
    names = sorted(got.keys() | expected.keys())
    return [name for name in names if got.get(name, "") != expected.get(name, "")]


def kill_once(kind: Kind, whole: dict[str, Any], after: float) -> str | None:
    """Kill a command after some seconds and go on; return what is wrong, if anything is."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "out"
        new = (*kind.arguments, "--quiet", "--out", str(folder))
        process = start(kind, *new)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        begun = (folder / kind.plan).exists()
        again = ("--quiet", "--resume", str(folder)) if begun else new
        failed = finish(kind, *again)
        if failed is not None:
            return f"{'resume' if begun else 'second start'}: {failed}"
        left = [name for name in os.listdir(place) if name != "out"]
        if left:
            return f"left beside the folder: {', '.join(left)}"
        wrong = differences(content(folder), whole)
        return f"other files: {', '.join(wrong)}" if wrong else None


def rounds(count: int, seed: int) -> Iterator[tuple[str, float, Callable[[], str | None]]]:
    """Yield the kind, the instant and the trial of each round; the kinds take turns."""
    rng = random.Random(seed)
    known: dict[str, tuple[dict[str, Any], float, float]] = {}
    for i in range(count):
        name = list(KINDS)[i % len(KINDS)]
        if name not in known:
            known[name] = _whole(KINDS[name])
        whole, earliest, latest = known[name]
        after = rng.uniform(earliest, latest)
        yield name, after, lambda n=name, w=whole, a=after: kill_once(KINDS[n], w, a)


def _whole(kind: Kind) -> tuple[dict[str, Any], float, float]:
    """Return the files of a run that nobody kills, and the times when its folder came and it ended.

    It runs twice: the first run compiles, as no later one does.
    """
    with tempfile.TemporaryDirectory() as place:
        for name in ("first", "out"):
            folder = Path(place) / name
            began = time.perf_counter()
            process = start(kind, *kind.arguments, "--quiet", "--out", str(folder))
            while not folder.exists() and process.poll() is None:
                time.sleep(0.005)
            came = time.perf_counter() - began
            said, _ = process.communicate(timeout=300)
            if process.returncode != 0:
                raise RuntimeError(said)
        return content(folder), max(0.0, came - 0.3), time.perf_counter() - began


def main() -> int:
    """Run the rounds and print the figures; the status is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description="Kill training, go on, compare.")
    parser.add_argument("--count", type=int, default=100, help="kills; default 100")
    parser.add_argument("--seed", type=int, default=0, help="of the drawn instants; default 0")
    options = parser.parse_args()
    wrong, slowest = 0, 0.0
    for i, (name, after, trial) in enumerate(rounds(options.count, options.seed), 1):
        began = time.perf_counter()
        found = trial()
        slowest = max(slowest, time.perf_counter() - began)
        if found is not None:
            wrong += 1
            print(f"kill {i}, {name} after {after:.3f} s: {found}", flush=True)
    print(f"kills: {options.count}, wrong: {wrong}, slowest round: {slowest:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
