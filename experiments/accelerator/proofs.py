"""The gradient-equivalence tests, run on the device."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from experiments.accelerator.plan import Notes, Plan
from experiments.bench.workers import ROOT, environment

FILES = tuple(  # the most telling first, since the time is limited
    f"tests/{name}.py"
    for name in (
        *("nn/test_gradients", "nn/test_losses", "nn/test_activations", "nn/test_convolution"),
        *("nn/test_precision", "nn/test_products", "nn/test_normalisation", "nn/test_prelu"),
        *("nn/test_embeddings", "nn/test_outputs", "nn/test_loss_parameters", "nn/test_lenet"),
        *("nn/test_ensemble", "optim/test_optimizers"),
    )
)
QUICK = ("tests/nn/test_softmax.py",)
PROCESSES = 8  # at most, since each takes memory of the device
LOOK = 1.0  # seconds between two looks at the outcomes


def gradients(plan: Plan, notes: Notes) -> None:
    """Note how many tests pass on the device, and the name and message of each that fails.

    Warnings are no errors here, since other versions of libraries have other ones. Tests that fail
    run again with exact products of float32 (`JAX_DEFAULT_MATMUL_PRECISION=highest`): what passes
    then was within the precision of the device. A TPU has no float64 of its own.
    """
    _outcomes(plan, notes, "first", QUICK if plan.quick else FILES, {})
    failed = [each["test"] for each in notes.numbers.get("failures", ())]
    if failed:
        notes.fail("tests", f"{len(failed)} tests failed")
        highest = {"JAX_DEFAULT_MATMUL_PRECISION": "highest"}
        again = Notes(plan.folder("again.json"))
        _outcomes(plan, again, "again", tuple(failed), highest)
        notes.keep(with_exact_products=again.numbers)


def _outcomes(
    plan: Plan, notes: Notes, name: str, tests: tuple[str, ...], env: dict[str, str]
) -> None:
    file, log = plan.folder(f"{name}.jsonl"), plan.folder(f"{name}.log")
    several = min(PROCESSES, (os.cpu_count() or 1) // 2)
    spread = ("-n", str(several)) if several > 1 and find_spec("xdist") else ()
    plugin = ("-p", "experiments.accelerator.outcomes", "-p", "no:cacheprovider", "-W", "default")
    command = [sys.executable, "-m", "pytest", "-q", *plugin, *spread, *tests]
    env = environment() | {"ACCELERATOR_OUTCOMES": str(file)} | env
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=said, stderr=said)
        while process.poll() is None:
            time.sleep(LOOK)
            notes.keep(**counts(file))
    notes.keep(**counts(file))
    if process.returncode not in (0, 1):  # of pytest: 0 all passed, 1 some failed
        last = log.read_text(encoding="utf-8").strip().splitlines()[-8:]
        raise RuntimeError(f"pytest ended by status {process.returncode}: {' / '.join(last)}")


def counts(file: Path) -> dict[str, Any]:
    """Return the numbers of outcomes on file, where they were computed, and the failures."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = [json.loads(line) for line in lines if line.endswith("}")]
    outcomes = Counter(each["outcome"] for each in found)
    return {
        **{name: outcomes[name] for name in ("passed", "failed", "skipped")},
        "tests_on_each_device": Counter(str(each["device"]) for each in found),
        "failures": [each for each in found if each["outcome"] == "failed"],
    }
