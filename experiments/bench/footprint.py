"""The waiting times around training: imports, `--help`, predictions."""

from collections import defaultdict
from typing import Any

import numpy as np

from experiments.bench.measures import ratios, summary
from experiments.bench.peers import OURS
from experiments.bench.plan import Plan
from experiments.bench.problem import Problem
from experiments.bench.workers import keeping, run, workers

IMPORTS = {
    OURS: "import jaxmlp.config.problem, jaxmlp.training",
    "sklearn": "from sklearn.neural_network import MLPClassifier",
    "torch": "import torch",
    "keras": "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras",
    "flax": "from flax import nnx; import optax",
    "equinox": "import equinox, optax",
}
BARE = "bare interpreter"
REPEATS = {1: 200, 10_000: 5}  # number of pictures -> repeats of their prediction


def around(plan: Plan) -> dict[str, Any]:
    """Return the times to import and to predict over ours, and the times of our commands."""
    times: dict[str, dict[str, list[float]]] = {"import": defaultdict(list), **_predictions(plan)}
    commands = defaultdict(list)
    lines = _commands(plan)
    for _ in range(plan.rounds):
        for name in plan.libraries:
            times["import"][name].append(run("-c", IMPORTS[name]).seconds)
        for name, line in lines.items():
            done = run(*line, **keeping(plan.scratch / "cache-commands"))
            commands[name].append(done.seconds)
    return {
        "ratios": {kind: ratios(of, OURS) for kind, of in times.items()},
        "seconds": {
            kind: {name: summary(values) for name, values in of.items()}
            for kind, of in (times | {"command": commands}).items()
        },
        "commands": ratios(commands, BARE),
    }


def _commands(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return command lines: a bare interpreter, our help, and our prediction of one picture."""
    from PIL import Image

    out, picture = plan.scratch / "trained", plan.scratch / "picture.png"
    line = ("--dataset", plan.dataset, "--epochs", "1", "--quiet", "--overwrite", "--out", str(out))
    run("-m", "jaxmlp.train", *line)
    with np.load(plan.data) as file:
        Image.fromarray(file["x_test"][0].squeeze(-1)).save(picture)
    return {
        BARE: ("-c", "pass"),
        "--help": ("-m", "jaxmlp.train", "--help"),
        "predict one picture": ("-m", "jaxmlp.predict", str(out), str(picture)),
    }


def _predictions(plan: Plan) -> dict[str, dict[str, list[float]]]:
    """Return the seconds for predictions of one picture and of 10,000 in a warm process."""
    problem = Problem(data=plan.data, rows=2000).to_dict()
    times: dict[str, Any] = {f"predict {n:,}": defaultdict(list) for n in REPEATS}
    with workers(plan.libraries) as crew:
        for worker in crew.values():
            worker.ask("start", problem=problem)
            worker.ask("train")
            for n in REPEATS:
                worker.ask("predict", n=n)
        for _ in range(plan.rounds):
            for n, repeats in REPEATS.items():
                for name, worker in crew.items():
                    taken = worker.seconds("predict", n=n, repeats=repeats)
                    times[f"predict {n:,}"][name].append(taken)
    return times
