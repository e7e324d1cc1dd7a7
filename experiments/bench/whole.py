"""Complete processes, with everything that a user waits for: a run to 98 %, a sweep of 16."""

import itertools
import json
import shutil
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from experiments.bench.measures import ratios, summary
from experiments.bench.peers import ON_JAX, OURS
from experiments.bench.plan import Plan
from experiments.bench.problem import Problem
from experiments.bench.workers import Finished, keeping, run
from jaxmlp.errors import InputError

WANTED = 0.98  # test accuracy
TELLING = (
    "test ",
    '{"accuracy"',
)  # the start of our line with the accuracy, and of the peers' line
CYCLE = Problem(
    hidden=(160,),
    batch_size=160,
    learning_rate=1e-2,
    schedule="one_cycle",
    epochs=3,
    smoothing=0.05,
    tuned=True,
)
# the quickest recipe found for each library that reaches 98 %. Libraries with a schedule use ours;
# scikit-learn's Adam has no schedule and needs more epochs and units
RECIPES = {
    OURS: CYCLE,
    "sklearn": Problem(hidden=(512,), batch_size=256, learning_rate=7e-4, epochs=12, tuned=True),
    "torch": CYCLE,
    "keras": CYCLE,
    "flax": CYCLE,
    "equinox": CYCLE,
}
RATES, SEEDS, SWEEP_EPOCHS = (3e-4, 1e-3, 3e-3, 1e-2), (0, 1, 2, 3), 3
MEASURED = 4  # number of a peer's sixteen configurations that are timed; all have the same shape


def to_98(plan: Plan) -> dict[str, Any]:
    """Return the time of each library's process to reach 98 % over ours.

    A process is timed from its start to the line with its test accuracy. Our process then draws its
    pictures, and `ends` holds the time of its end. Each round has its own seed and starts with an
    empty folder for compiled programs (cold). Libraries that can keep compiled programs then run
    again (warm); the others have one time for both.
    """
    times: dict[str, Any] = {"cold": defaultdict(list), "warm": defaultdict(list)}
    memory, accuracies, ends = defaultdict(list), defaultdict(list), defaultdict(list)
    run(
        "-c", "import matplotlib.font_manager", **keeping(plan.scratch / "any")
    )  # makes the list of fonts
    for seed, name in itertools.product(range(plan.rounds), plan.libraries):
        folder = plan.scratch / f"cache-{name}-{seed}"
        cold, accuracy = _process(plan, name, seed, folder)
        warm = _process(plan, name, seed, folder)[0] if name in ON_JAX else cold
        times["cold"][name].append(_told(cold))
        times["warm"][name].append(_told(warm))
        ends[name].append(cold.seconds)
        memory[name].append(cold.megabytes)
        accuracies[name].append(accuracy)
        shutil.rmtree(folder, ignore_errors=True)
    return {
        **{kind: ratios(of, OURS) for kind, of in times.items()},
        "seconds": {kind: _summaries(of) for kind, of in times.items()},
        "ends": _summaries(ends),
        "megabytes": _summaries(memory),
        "accuracy": _summaries(accuracies),
        "reached": {name: sum(a >= WANTED for a in of) for name, of in accuracies.items()},
        "recipes": {name: RECIPES[name].to_dict() for name in plan.libraries},
    }


def _told(done: Finished) -> float:
    """Return the seconds until a process printed its test accuracy."""
    return next(seconds for seconds, line in done.lines if line.startswith(TELLING))


def _summaries(values: dict[str, list[float]]) -> dict[str, Any]:
    return {name: summary(of) for name, of in values.items()}


def _process(plan: Plan, name: str, seed: int, folder: Path) -> tuple[Finished, float]:
    """Run a process, and return it with its test accuracy."""
    recipe, env = RECIPES[name], keeping(folder)
    epochs = 1 if plan.quick else recipe.epochs
    assert epochs is not None
    if name != OURS:
        problem = recipe.to_dict() | {"data": plan.data, "seed": seed, "epochs": epochs}
        done = run("-m", "experiments.bench.process", name, json.dumps(problem), **env)
        return done, json.loads(done.lines[-1][1])["accuracy"]
    out = plan.scratch / "run"
    line = (
        *("--dataset", plan.dataset, "--valid-size", "0", "--epochs", str(epochs)),
        *("--hidden", *map(str, recipe.hidden), "--batch-size", str(recipe.batch_size)),
        *("--optimizer", "adam", "--learning-rate", str(recipe.learning_rate)),
        *("--label-smoothing", str(recipe.smoothing)),
        *("--seed", str(seed), "--out", str(out), "--overwrite"),
    )
    done = run("-m", "jaxmlp.train", *line, **env)
    return done, json.loads((out / "summary.json").read_text())["test_accuracy"]


def sweep(plan: Plan) -> dict[str, Any]:
    """Return each library's time for 16 configurations of 784-128-10, 3 epochs each, over ours.

    Ours is the command, with no compiled programs from earlier runs. A peer trains the
    configurations one after another in one process. Four of a peer's sixteen are timed. The first
    includes the start of the process; each further one counts as the mean of the other three.
    """
    if find_spec("jaxmlp.sweep") is None:
        raise InputError("the section needs python -m jaxmlp.sweep, which this version lacks")
    times = defaultdict(list)
    for _ in range(plan.rounds):
        times[OURS].append(_our_sweep(plan).seconds)
        for name in plan.peers:
            times[name].append(_their_sweep(plan, name))
    return {"ratios": ratios(times, OURS), "seconds": _summaries(times), "measured": MEASURED}


def _our_sweep(plan: Plan) -> Finished:
    out, cache = plan.scratch / "sweep", plan.scratch / "cache-sweep"
    for folder in (out, cache):
        shutil.rmtree(folder, ignore_errors=True)
    grid = (f"learning_rate={','.join(map(str, RATES))}", f"seed={','.join(map(str, SEEDS))}")
    line = ("--dataset", plan.dataset, "--epochs", str(SWEEP_EPOCHS), "--quiet", "--out", str(out))
    return run("-m", "jaxmlp.sweep", "--grid", *grid, *line, **keeping(cache))


def _their_sweep(plan: Plan, name: str) -> float:
    problem = Problem(data=plan.data, epochs=SWEEP_EPOCHS).to_dict()
    texts = [json.dumps(problem | {"learning_rate": rate}) for rate in RATES[:MEASURED]]
    ends = [seconds for seconds, _ in run("-m", "experiments.bench.process", name, *texts).lines]
    each = (ends[-1] - ends[0]) / (len(ends) - 1)
    return ends[0] + (len(RATES) * len(SEEDS) - 1) * each
