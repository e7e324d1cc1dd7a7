"""Complete runs of `jaxmlp.train`: the default recipe to its accuracy; killed and resumed."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from experiments.accelerator.plan import FULL, SMALL, Notes, Plan
from experiments.bench.workers import Finished, environment, keeping, run

TARGETS = {FULL: 98.0, SMALL: 93.0}  # percent of the test set, below the mean of seeds by 2 spreads
SEEDS = (0, 1, 2, 3, 4)
WAIT = 240  # seconds until a run that is to be killed must have begun
EXACT = "--xla_gpu_deterministic_ops=true"


def default(plan: Plan, notes: Notes) -> None:
    """Note time and accuracy of `jaxmlp.train` with its default recipe, over seeds.

    The first process has no compiled programs (cold); the second finds those of the first (warm).
    """
    cold = train(plan, 0, "default-cold")
    notes.keep(
        target_accuracy_percent=TARGETS[plan.dataset], cold_process_seconds=cold["process_seconds"]
    )
    warm = train(plan, 0, "default-cold")
    notes.keep(
        warm_process_seconds=warm["process_seconds"],
        training_seconds=warm["training_seconds"],
        peak_host_megabytes=warm["peak_host_megabytes"],
    )
    accuracies = [warm["accuracy_percent"]]
    _keep_accuracy(plan, notes, accuracies)
    for seed in SEEDS[1 : 2 if plan.quick else None]:
        accuracies.append(train(plan, seed, "default-cold")["accuracy_percent"])
        _keep_accuracy(plan, notes, accuracies)


def _keep_accuracy(plan: Plan, notes: Notes, found: list[float]) -> None:
    mean = statistics.mean(found)
    notes.keep(
        accuracy_percent_of_each_seed=found,
        accuracy_percent=mean,
        accuracy_deviation_percent=statistics.stdev(found) if len(found) > 1 else None,
        reached=mean >= TARGETS[plan.dataset],
    )


def train(plan: Plan, seed: int, cache: str, *more: str) -> dict[str, Any]:
    """Train the default recipe in a process of its own, and return its numbers.

    Args:
      plan: the plan.
      seed: the seed.
      cache: the name of the folder for compiled programs.
      *more: more options of the command.

    Returns:
      Seconds, memory and the accuracy on the test set in percent.
    """
    out = plan.folder("run")
    more = (*more, "--epochs", "1") if plan.quick else more
    done = _command(plan, cache, "--seed", str(seed), "--out", str(out), "--overwrite", *more)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return {
        "process_seconds": done.seconds,
        "training_seconds": summary["seconds_training"],
        "peak_host_megabytes": done.megabytes,
        "accuracy_percent": 100 * summary["test_accuracy"],
    }


def _command(plan: Plan, cache: str, *line: str, **env: str) -> Finished:
    data = ("--dataset", plan.dataset) if "--resume" not in line else ()
    env |= keeping(plan.folder(cache))
    return run("-m", "jaxmlp.train", *data, "--quiet", *line, **env)


def resume(plan: Plan, notes: Notes) -> None:
    """Note whether a run that was killed and resumed ends with the bytes of a whole run.

    A device whose programs are not the same each time can make two whole runs differ, so there are
    two of them. If bytes differ on a GPU, all of it is repeated with deterministic programs.
    """
    same = _kill_and_resume(plan, notes, "as_usual", {})
    if plan.gpu and not same:
        flags = f"{os.environ.get('XLA_FLAGS', '')} {EXACT}".strip()
        _kill_and_resume(plan, notes, "deterministic_programs", {"XLA_FLAGS": flags})


def _kill_and_resume(plan: Plan, notes: Notes, name: str, env: dict[str, str]) -> bool:
    epochs, cache = (60 if plan.accelerated else 30), f"resume-{name}"
    line = ("--epochs", str(epochs), "--dropout", "0.2")  # whose masks depend on the saved key
    whole, again, killed = (plan.folder(f"{part}-{name}") for part in ("whole", "again", "killed"))
    _command(plan, cache, *line, "--out", str(whole), **env)
    if not plan.quick:
        _command(plan, cache, *line, "--out", str(again), **env)
    begun = _kill(plan, cache, [*line, "--out", str(killed)], killed, env)
    _command(plan, cache, "--resume", str(killed), **env)
    found = {
        "epochs": epochs,
        "epochs_before_the_kill": begun,
        "largest_difference_after_resuming": difference(whole, killed),
        "same_bytes_after_resuming": difference(whole, killed) == 0,
    }
    if not plan.quick:
        found["largest_difference_of_two_whole_runs"] = difference(whole, again)
    notes.keep(**{name: found})
    return all(value == 0 for key, value in found.items() if key.startswith("largest"))


def _kill(plan: Plan, cache: str, line: list[str], folder: Path, env: dict[str, str]) -> int:
    """Start a run, kill it by SIGKILL in mid-training, and return how many epochs it had done."""
    command = [sys.executable, "-m", "jaxmlp.train", "--dataset", plan.dataset, "--quiet", *line]
    process = subprocess.Popen(command, env=environment() | keeping(plan.folder(cache)) | env)
    try:
        until = time.monotonic() + WAIT
        while process.poll() is None and time.monotonic() < until and not _epochs(folder):
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        status = process.wait()
    if status != -signal.SIGKILL or not _epochs(folder):
        raise RuntimeError(f"the run was not killed in mid-training: it ended by status {status}")
    return _epochs(folder)


def _epochs(folder: Path) -> int:
    """Return how many epochs a run has on file."""
    file = folder / "metrics.jsonl"
    return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


def difference(one: Path, other: Path) -> float:
    """Return the largest difference of any number in two runs' networks; 0 if all bytes agree."""
    a, b = (load_file(folder / "model.safetensors") for folder in (one, other))
    if a.keys() != b.keys():
        raise ValueError(f"the networks have other arrays: {sorted(a.keys() ^ b.keys())}")
    if all(a[name].tobytes() == b[name].tobytes() for name in a):
        return 0.0
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)
