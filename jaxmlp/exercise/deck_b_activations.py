"""Exercises of lecture B: the gradients of ReLU and of its relatives."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import nn
from jaxmlp.config.referees import slopes
from jaxmlp.exercise.form import Case, Exercise, draw


def _kinked(seed: int, **more: Any) -> Case:
    """Return values and gradients; some values are exactly 0."""
    case = draw(seed, z=(4, 3), da=(4, 3))
    case["z"][0, 0] = case["z"][2, 1] = 0.0
    return {**case, **more}


RELU = Exercise(
    name="relu_backward",
    row="B10",
    title="ReLU, backward.",
    formula="""
    a = max(0, z)
    dz = dL/dz, where da = dL/da is given; the slope at z = 0 is 0
    """,
    arguments={"z": "(N, K), the values before ReLU", "da": "(N, K)"},
    results={"dz": "(N, K)"},
    hint="ReLU lets through where z is positive. The same holds for its gradient.",
    referee="jax.grad",
    cases=lambda: [_kinked(8), _kinked(9)],
    truth=lambda z, da: slopes(lambda z: (jax.nn.relu(z) * da).sum(), z),
    wrongs={
        "the mask is taken from da, must be from z": lambda z, da: da * (da > 0),
        "the slope at z = 0 is taken as 1, here it is 0": lambda z, da: da * (z >= 0),
        "da is not used: this is the mask alone": lambda z, da: z > 0,
        "the mask lets through where z is negative": lambda z, da: da * (z < 0),
        "the mask lets through where z is negative or 0": lambda z, da: da * (z <= 0),
        "da is multiplied by relu(z), must be by its slope": lambda z, da: da * np.maximum(z, 0),
        "da is multiplied by z, must be by the slope": lambda z, da: da * z,
        "the mask is missing: da goes through everywhere": lambda z, da: da,
    },
)

LEAKY_RELU = Exercise(
    name="leaky_relu_backward",
    row="B10",
    title="Leaky ReLU, backward.",
    formula="""
    a = z for z > 0, else alpha z
    dz = dL/dz, where da = dL/da is given; the slope at z = 0 is alpha
    """,
    arguments={"z": "(N, K)", "da": "(N, K)", "alpha": "a number, such as 0.01"},
    results={"dz": "(N, K)"},
    hint="Two slopes; z decides which one.",
    referee="jax.grad",
    needs=("relu_backward",),
    cases=lambda: [_kinked(10, alpha=0.01), _kinked(11, alpha=0.3)],
    truth=lambda z, da, alpha: slopes(lambda z: (jnp.where(z > 0, z, alpha * z) * da).sum(), z),
    wrongs={
        "the mask is taken from da, must be from z": lambda z, da, alpha: np.where(
            da > 0, da, alpha * da
        ),
        "the slope at z = 0 is taken as 1, here it is alpha": lambda z, da, alpha: np.where(
            z >= 0, da, alpha * da
        ),
        "alpha is missing: this is ReLU": lambda z, da, alpha: np.where(z > 0, da, 0),
        "the two slopes have changed places": lambda z, da, alpha: np.where(z > 0, alpha * da, da),
        "da is multiplied by a, must be by the slope": lambda z, da, alpha: (
            da * np.where(z > 0, z, alpha * z)
        ),
        "da is missing where z is not positive": lambda z, da, alpha: np.where(z > 0, da, alpha),
        "da is not used: this is the slope alone": lambda z, da, alpha: np.where(z > 0, 1, alpha),
    },
)


def _prelu(z: np.ndarray, alpha: np.ndarray, da: np.ndarray) -> tuple[jax.Array, ...]:
    layer = nn.prelu()
    dalpha, dz = slopes(lambda alpha, z: (layer({"alpha": alpha}, z) * da).sum(), alpha, z)
    return dz, dalpha


PRELU = Exercise(
    name="prelu_backward",
    row="B10",
    title="PReLU, backward: its slope is learned.",
    formula="""
    a_nk = z_nk for z_nk > 0, else alpha_k z_nk
    dz, dalpha = the derivatives of the loss L, where da = dL/da is given
    """,
    arguments={"z": "(N, K), never 0", "alpha": "a slope for each unit, (K,)", "da": "(N, K)"},
    results={"dz": "(N, K)", "dalpha": "(K,)"},
    hint="alpha_k acts on column k wherever z is negative; it gets a share from each of these"
    " examples.",
    referee="jax.grad",
    needs=("leaky_relu_backward", "dense_backward"),
    batch=("z", 0),
    cases=lambda: [
        {**draw(12, z=(4, 3)), "alpha": np.array([0.1, 0.25, 2.0]), **draw(13, da=(4, 3))},
        {**draw(14, z=(6, 2)), "alpha": np.array([0.5, -0.2]), **draw(15, da=(6, 2))},
    ],
    truth=_prelu,
    wrongs={
        "the mask is taken from da, must be from z": lambda z, alpha, da: {
            "dz": np.where(da > 0, da, alpha * da),
            "dalpha": np.where(da > 0, 0, z * da).sum(0),
        },
        "the sum runs over positive z too, where alpha does not act": lambda z, alpha, da: {
            "dalpha": (z * da).sum(0)
        },
        "the mask lets through where z is positive": lambda z, alpha, da: {
            "dz": np.where(z > 0, alpha * da, da),
            "dalpha": np.where(z > 0, z * da, 0).sum(0),
        },
        "the factor z is missing: the derivative of alpha z by alpha is z": lambda z, alpha, da: {
            "dalpha": np.where(z > 0, 0, da).sum(0)
        },
        "da is not used": lambda z, alpha, da: {
            "dz": np.where(z > 0, 1, alpha),
            "dalpha": np.where(z > 0, 0, z).sum(0),
        },
        "the factor alpha is too much": lambda z, alpha, da: {
            "dalpha": np.where(z > 0, 0, alpha * z * da).sum(0)
        },
        "max(alpha z, z) is another function for alpha > 1 and alpha < 0": lambda z, alpha, da: {
            "dz": np.where(z > alpha * z, da, alpha * da),
            "dalpha": np.where(z > alpha * z, 0, z * da).sum(0),
        },
        "alpha is missing: this is ReLU": lambda z, alpha, da: {"dz": np.where(z > 0, da, 0)},
        "the mean over the batch, must be the sum": lambda z, alpha, da: {
            "dalpha": np.where(z > 0, 0, z * da).mean(0)
        },
    },
)

EXERCISES = (RELU, LEAKY_RELU, PRELU)
