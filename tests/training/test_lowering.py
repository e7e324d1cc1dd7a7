"""The training step compiles for CPU, GPU (CUDA and ROCm) and TPU, whatever it is made of.

Lowering needs no such device.
"""

import itertools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.config.names import ACTIVATIONS, LEARNED_ACTIVATIONS, LOSSES, MODELS, OPTIMIZER_TABLE
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.training import batches

PLATFORMS = ("cpu", "cuda", "tpu", "rocm")
SMALL = {"hidden": (4,), "dropout": 0.1}
OPTIMIZED = [*OPTIMIZER_TABLE]
ACTIVATED = [*ACTIVATIONS.names, *LEARNED_ACTIVATIONS.names]
LOST = [name for name in LOSSES.names if name != "perceptron"]
KINDS = (OPTIMIZED, ACTIVATED, LOST)  # parts that do not depend on each other: one step has one of
CASES = [  # each kind, until each has had its turn
    *(
        {"optimizer": rule, "activation": (activation,), "loss": loss, **SMALL}
        for rule, activation, loss in itertools.islice(
            zip(*map(itertools.cycle, KINDS), strict=True), max(map(len, KINDS))
        )
    ),
    *({"model": name} for name in MODELS if name not in ("mlp", "lenet")),
    {"layer_norm": True, **SMALL},
    {"precision": "bfloat16", **SMALL},
    {"precision": "bfloat16", "optimizer": "muon", "activation": ("prelu",), **SMALL},
    {"schedule": "cosine_restarts", "schedule_end": 0.1, **SMALL},
    {"schedule": "plateau", "clip_norm": 1.0, "optimizer": "momentum", **SMALL},
    {"momentum_schedule": "sutskever", "optimizer": "nesterov", "weight_decay": 0.1, **SMALL},
]


@pytest.mark.parametrize("settings", CASES, ids=lambda s: "-".join(map(str, s.values())))
def test_the_step_lowers_everywhere(settings):
    data = {"model": "moons", "quantile": "diabetes"}
    name = next((data[key] for key in (*settings, settings.get("loss")) if key in data), "iris")
    lowers(Config(epochs=1, **settings), load(name))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_lenet_lowers_everywhere(precision):
    data = load("mnist_5k")
    lowers(Config(model="lenet", epochs=1, precision=precision), data)


def lowers(config, dataset):
    problem = pose_problem(config, dataset)
    trainer, examples = problem.trainer, problem.train.examples
    state = jax.eval_shape(trainer.init, 0)
    order = jax.ShapeDtypeStruct((1, *batches(np.arange(8), 4).shape), jnp.int32)
    bound = jax.ShapeDtypeStruct((), jnp.int32)
    # a processor's products of bfloat16 ask for a layout, which cannot be exported: accelerators
    # must not meet this request
    platforms = PLATFORMS[1:] if config.precision == "bfloat16" else PLATFORMS
    exported = jax.export.export(trainer.run, platforms=platforms)(
        state, jax.eval_shape(lambda: examples), order, bound, bound
    )
    assert exported.platforms == platforms
    program = exported.mlir_module()
    assert "while" in program
    assert ("bf16" in program) == (config.precision == "bfloat16")
