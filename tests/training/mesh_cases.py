"""Run by `tests/training/test_mesh.py`, as a process that has eight devices: prints what it found.

Each case trains on 1, 2, 4 and 8 devices. Batches of 90 and of 3 are no multiple of them, nor is
the number of examples.
"""

import json
import sys
import tempfile
from functools import cache
from pathlib import Path

import jax
import numpy as np

import jaxmlp
from jaxmlp import train
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.runs.checkpoints import load_metadata
from jaxmlp.runs.folder import Run
from jaxmlp.training import Diverged, begin, fit
from jaxmlp.training.exchange import exchanges
from jaxmlp.training.mesh import on_devices
from jaxmlp.training.trees import size_in_bytes

COUNTS = (1, 2, 4, 8)
BASE = {"dataset": "digits", "epochs": 2, "hidden": (16,), "batch_size": 90}
DOUBLE = {"precision": "float64"}
CASES = {
    "float32": {"class_weights": "balanced", "optimizer": "momentum"},
    "float64": {"class_weights": "balanced", **DOUBLE},
    "online": {"batch_size": 3, "schedule": "plateau", "plateau_patience": 1, "sam": 0.05},
    "random": {"dropout": 0.2, "input_noise": 0.1, "augment": ("elastic",), **DOUBLE},
    "autodiff": {"gradient": "autodiff", "ensemble": 2, "epochs": 20, "patience": 1, **DOUBLE},
    "bfloat16": {"precision": "bfloat16"},
    "one number": {
        "dataset": "diabetes",
        "batch_size": 64,
        "ema": 0.9,
        "embed": "periodic",
        "optimizer": "muon",
        "clip_norm": 1.0,
        "min_change": 1e-9,
        **DOUBLE,
    },
    "sharded": {"hidden": (16, 12), "clip_norm": 1.0, **DOUBLE},
    "windows": {"window_rows": 300, "valid_size": 200, **DOUBLE},
    "pictures": {"model": "lenet", "valid_size": 0, "batch_size": 30, **DOUBLE},
}
EACH = "float64"  # on every number of devices; the others on eight alone
BREAKS = {"loss": "mse", "hidden": (8, 8), "optimizer": "sgd", "learning_rate": 300.0}


def main() -> None:
    """Print a record of all cases."""
    jax.config.update("jax_disable_most_optimizations", True)  # but for what is counted
    print(json.dumps({name: globals()[name](Path(sys.argv[1])) for name in WHAT}))


def differences(_: Path) -> dict:
    """Each case, on each number of devices, beside one device."""
    counts = {name: COUNTS[1:] if name == EACH else COUNTS[-1:] for name in CASES}
    return {name: [compared(name, many) for many in counts[name]] for name in CASES}


def compared(name: str, many: int) -> dict:
    first, other = trained(name, 1), trained(name, many)
    pairs = zip(*(jax.tree.leaves(run.network.params) for run in (first, other)), strict=True)
    metrics = [
        [[*record.train, *(record.valid or ())] for record in run.records] for run in (first, other)
    ]
    watched = [
        [line["layers"][0]["gradient_norm"] for line in run.watched] for run in (first, other)
    ]
    return {
        "parameters": max(float(np.abs(a - b).max()) for a, b in pairs),
        "metrics": metrics,
        "watched": watched,
        "devices": other.summary["devices"],
        "stopped": [run.summary["stopped_early"] for run in (first, other)],
    }


def trained(name: str, many: int, known: dict = {}) -> jaxmlp.Result:  # noqa: B006
    """Train a case, or return what was trained before."""
    if (name, many) not in known:
        settings, data = BASE | CASES[name], None
        if "model" in settings:
            data = _pictures()
            del settings["hidden"], settings["dataset"]
        if "window_rows" in settings:
            data = _shards()
            del settings["dataset"]
        more = {"watch": name == "random", "shard_parameters": name == "sharded" and many > 1}
        known[name, many] = jaxmlp.fit(Config(**settings), data, devices=many, **more)
    return known[name, many]


def _pictures() -> tuple[np.ndarray, np.ndarray]:
    """A hundred small pictures of three kinds."""
    stream = np.random.default_rng(0)
    return stream.integers(0, 256, (101, 12, 12, 1), np.uint8), np.arange(101) % 3


@cache
def _shards() -> str:
    """The digits in two files of each kind."""
    folder = Path(tempfile.mkdtemp())
    digits = load("digits")
    x, y = digits.x_train, digits.y_train
    for i, rows in enumerate((slice(0, 1000), slice(1000, None))):
        np.save(folder / f"x{i}.npy", x[rows])
        np.save(folder / f"y{i}.npy", y[rows])
    return str(folder)


def breaking(_: Path) -> list[str]:
    """What is said of a run that diverges."""
    said = []
    for many in (1, 8):
        try:
            jaxmlp.fit(Config(**BASE | BREAKS), devices=many)
        except Diverged as error:
            said.append(str(error))
    return said


def sent(_: Path) -> dict:
    """The exchanges of the compiled loop, and the bytes of the parameters and of a batch."""
    jax.config.update("jax_disable_most_optimizations", False)
    found = {}
    for size in (64, 90):
        config = Config(**BASE | {"batch_size": size})
        with on_devices(8):
            problem = pose_problem(config, load("digits"))
            state, _ = begin(problem.trainer, 0)
            order = jax.ShapeDtypeStruct((1, 3, size), np.int32)
            run, examples = problem.trainer.run, problem.train.examples
            program = run.lower(state, examples, order, 0, 3).compile().as_text()
            batch = sum(a.nbytes // len(a) * -(-size // 8) * 8 for a in examples)
        found[size] = {
            "exchanges": exchanges(program, 8),
            "parameters": size_in_bytes(state.params),
            "batch": batch,
            "held": [shard.data.shape[0] for shard in examples.x.addressable_shards],
        }
    return found


def programs(_: Path) -> list[int]:
    """How many programs have been compiled after each epoch of a run on eight devices."""
    compiled = []

    def note(event: str, *_: object, **__: object) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    config = Config(**BASE | {"epochs": 4})
    with on_devices(8):
        problem = pose_problem(config, load("digits"))
        state, best = begin(problem.trainer, 0)
        run = fit(
            *(problem.trainer, problem.train, problem.valid, state, problem.history(best)),
            epochs=4,
            batch_size=90,
            seed=0,
        )
        return [len(compiled) for now in run if now.record]


def resumed(folder: Path) -> dict:
    """A run that goes from eight devices to two, beside one that has one device throughout."""
    words = ["--dataset", "digits", "--hidden", "16", "--schedule", "constant", "--quiet"]
    words += ["--precision", "float64"]
    moved, plain = folder / "moved", folder / "plain"
    status = [
        train.main([*words, "--epochs", "2", "--devices", "8", "--out", str(moved)]),
        train.main(["--resume", str(moved), "--epochs", "4", "--devices", "2", "--quiet"]),
        train.main([*words, "--epochs", "4", "--out", str(plain)]),
    ]
    runs = [Run.open(path) for path in (moved, plain)]
    networks = [jax.tree.leaves(jaxmlp.load(run.path).params) for run in runs]
    return {
        "status": status,
        "parameters": max(float(np.abs(a - b).max()) for a, b in zip(*networks, strict=True)),
        "devices": [run.read_json("summary.json")["devices"] for run in runs],
        "epochs": [load_metadata(run.path / "checkpoint.safetensors")["epoch"] for run in runs],
        "recipes": [run.read_json("config.json") for run in runs],
    }


def sharded(_: Path) -> dict:
    """How many parameters of each array a device keeps, and what a step exchanges."""
    with on_devices(8, shard_parameters=True):
        problem = pose_problem(Config(**BASE | {"batch_size": 64}), load("digits"))
        state, _ = begin(problem.trainer, 0)
        order = np.arange(192, dtype=np.int32).reshape(1, 3, 64)
        run, examples = problem.trainer.run, problem.train.examples
        program = run.lower(state, examples, order, 0, 3).compile().as_text()
        state, _ = run(state, examples, order, 0, 3)
    kept = jax.tree.leaves(state.params) + jax.tree.leaves(state.opt_state)
    return {
        "kept": sorted({(a.size, a.addressable_shards[0].data.size) for a in kept}),
        "exchanges": exchanges(program, 8),
        "parameters": size_in_bytes(state.params),
    }


WHAT = ("differences", "breaking", "programs", "resumed", "sent", "sharded")

if __name__ == "__main__":
    main()
