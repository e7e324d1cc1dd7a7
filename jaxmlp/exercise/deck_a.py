"""Exercises of lecture A: softmax, the losses behind it, and He's initialization."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp
from scipy.special import softmax as by_scipy

from jaxmlp import nn
from jaxmlp.config.referees import jacobian, slopes
from jaxmlp.exercise.form import Case, Exercise, draw, one_hot


def _softmax(z: np.ndarray) -> np.ndarray:
    return np.asarray(by_scipy(z, axis=1))


Z = "logits, (N, K)"
Y = "one-hot targets, (N, K)"


SOFTMAX = Exercise(
    name="softmax",
    row="A1",
    title="The softmax of each row, which never overflows.",
    formula="p_nk = e^z_nk / sum_j e^z_nj",
    arguments={"z": Z},
    results={"p": "probabilities, (N, K)"},
    hint="A constant may be subtracted from all logits of a row. Which one makes every exponent at"
    " most 0?",
    referee="jaxmlp.nn.softmax",
    cases=lambda: [
        draw(1, z=(2, 3)),
        draw(2, z=(4, 5)),
        {"z": np.array([[1000.0, 1001.0, -1000.0], [-2000.0, -2001.0, -2003.0]])},
    ],
    truth=lambda z: jax.jit(nn.softmax)(z),
    wrongs={
        "it overflows for large logits: the shift by the maximum is missing": lambda z: (
            np.exp(z) / np.exp(z).sum(1, keepdims=True)
        ),
        "the sum runs over all entries, must run over each row": lambda z: (
            np.exp(z - z.max(1, keepdims=True)) / np.exp(z - z.max(1, keepdims=True)).sum()
        ),
        "the sum runs over all entries, must run over each row (after a shift by one maximum)": (
            lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        ),
        "the sum runs over the batch, axis 0, must run over the classes, axis 1": lambda z: (
            np.exp(z - z.max(0)) / np.exp(z - z.max(0)).sum(0)
        ),
        "the shift by one maximum for all rows lets other rows vanish": lambda z: (
            np.exp(z - z.max()) / np.exp(z - z.max()).sum(1, keepdims=True)
        ),
        "the shift by the maximum stands in the numerator only": lambda z: (
            np.exp(z - z.max(1, keepdims=True)) / np.exp(z).sum(1, keepdims=True)
        ),
        "not divided by the sum": lambda z: np.exp(z - z.max(1, keepdims=True)),
    },
)

SOFTMAX_JACOBIAN = Exercise(
    name="softmax_jacobian",
    row="A3",
    title="The Jacobian of the softmax.",
    formula="""
    p_i = e^z_i / sum_j e^z_j
    J_ij = dp_i / dz_j
    """,
    arguments={"p": "the probabilities of one example, (K,)"},
    results={"J": "(K, K)"},
    hint="Differentiate log p_i = z_i - log sum_j e^z_j first. The cases i = j and i != j differ.",
    referee="jax.jacobian",
    needs=("softmax",),
    cases=lambda: [{"p": _softmax(draw(k, z=(1, k))["z"])[0]} for k in (3, 5)],
    truth=lambda p: jacobian(nn.softmax, np.log(p)),
    wrongs={
        "the diagonal alone: the entries -p_i p_j beside it are missing": lambda p: np.diag(
            p * (1 - p)
        ),
        "the diagonal alone, as a vector; J is a matrix (K, K)": lambda p: p * (1 - p),
        "the diagonal lacks its p_i: the part for i = j is missing": lambda p: -np.outer(p, p),
        "the entries beside the diagonal have the wrong sign": lambda p: (
            np.diag(p * (1 - p)) + np.outer(p, p) - np.diag(p * p)
        ),
        "the sign of p p^T is wrong": lambda p: np.diag(p) + np.outer(p, p),
        "diag(p) must stand in place of the unit matrix": lambda p: np.eye(len(p)) - np.outer(p, p),
        "the factor p_i of row i is missing": lambda p: np.eye(len(p)) - p,
    },
)


def _squared_error(z: jax.Array, y: np.ndarray) -> jax.Array:
    return ((nn.softmax(z) - y) ** 2).sum() / len(y)


SQUARED_ERROR = Exercise(
    name="squared_error_through_softmax",
    row="A3",
    title="The gradient of the squared error of softmax outputs.",
    formula="""
    a = softmax(z), row by row
    L = 1/N sum_n sum_i (a_ni - y_ni)^2
    dz = dL/dz
    """,
    arguments={"z": Z, "y": Y},
    results={"dz": "(N, K)"},
    hint="Form da = dL/da first. Then dz_j = sum_i da_i J_ij for each row, with the Jacobian J of"
    " the exercise before.",
    referee="jax.grad",
    needs=("softmax", "softmax_jacobian"),
    batch=("z", 0),
    cases=lambda: [{**draw(n, z=(n, k)), "y": one_hot(n, n, k)} for n, k in ((3, 4), (5, 3))],
    truth=lambda z, y: slopes(lambda z: _squared_error(z, y), z),
    wrongs={
        "the diagonal of the Jacobian alone: a (1 - a) is not all of it": lambda z, y: (
            2 * (_softmax(z) - y) * _softmax(z) * (1 - _softmax(z)) / len(z)
        ),
        "the Jacobian of the softmax is missing: this is dL/da": lambda z, y: (
            2 * (_softmax(z) - y) / len(z)
        ),
        "this is the gradient of the cross-entropy": lambda z, y: (_softmax(z) - y) / len(z),
        "the sum over i runs over the batch, must run over the classes": lambda z, y: (
            2 * _softmax(z) * (_softmax(z) - y - ((_softmax(z) - y) * _softmax(z)).sum(0)) / len(z)
        ),
        "the factor p_i outside of the bracket is missing": lambda z, y: (
            2 * (_softmax(z) - y - ((_softmax(z) - y) * _softmax(z)).sum(1, keepdims=True)) / len(z)
        ),
    },
)


def _logit_cases() -> list[Case]:
    sure = np.array([[60.0, 0.0, -60.0], [0.0, -800.0, 800.0]])  # and wrong
    return [
        {**draw(4, z=(3, 4)), "y": one_hot(4, 3, 4)},
        {**draw(5, z=(5, 3)), "y": one_hot(5, 5, 3)},
        {"z": sure, "y": np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])},
    ]


def _by_logarithm(z: np.ndarray, y: np.ndarray, epsilon: float) -> np.ndarray:
    return np.asarray(-(y * np.log(_softmax(z) + epsilon)).sum() / len(z))


def _each(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(logsumexp(z, axis=1)) - (y * z).sum(1)


CROSS_ENTROPY = Exercise(
    name="cross_entropy",
    row="A5",
    title="The cross-entropy from logits, and its gradient.",
    formula="""
    a = softmax(z), row by row
    loss = -1/N sum_n sum_i y_ni log a_ni
    dz = d loss / dz
    """,
    arguments={"z": Z, "y": Y},
    results={"loss": "a number", "dz": "(N, K)"},
    hint="Write log a_i = z_i - log sum_j e^z_j, and shift by the maximum: no logarithm of a"
    " probability is taken. The logits reach 800.",
    referee="jax.grad",
    needs=("softmax", "softmax_jacobian"),
    batch=("z", 0),
    cases=_logit_cases,
    truth=lambda z, y: {
        "loss": jax.jit(nn.losses.cross_entropy)(z, y),
        "dz": slopes(lambda z: nn.losses.cross_entropy(z, jnp.asarray(y)), z)[0],
    },
    wrongs={
        "log(a + 1e-9) bounds the loss at 20.7": lambda z, y: {"loss": _by_logarithm(z, y, 1e-9)},
        "log(a + 1e-12) bounds the loss at 27.6": lambda z, y: {"loss": _by_logarithm(z, y, 1e-12)},
        "log(a + 1e-8) bounds the loss at 18.4": lambda z, y: {"loss": _by_logarithm(z, y, 1e-8)},
        "the logarithm of a probability that has become 0, or e^z without a shift": lambda z, y: {
            "loss": _by_logarithm(z, y, 0)
        },
        "e^z overflows: the shift by the maximum is missing": lambda z, y: {
            "dz": (np.exp(z) / np.exp(z).sum(1, keepdims=True) - y) / len(z)
        },
        "the sum of e^z overflows: the shift by the maximum is missing": lambda z, y: {
            "dz": (np.exp(z - np.log(np.exp(z).sum(1, keepdims=True))) - y) / len(z)
        },
        "one loss for each example: the mean over the batch is missing": lambda z, y: {
            "loss": _each(z, y)
        },
        "the mean over all N K entries: the sum over the classes is missing": lambda z, y: {
            "loss": _each(z, y).mean() / z.shape[1],
            "dz": (_softmax(z) - y) / z.size,
        },
        "the Jacobian of the softmax is applied twice": lambda z, y: {
            "dz": (_softmax(z) - y) * _softmax(z) * (1 - _softmax(z)) / len(z)
        },
        "this is dL/da, the gradient of the probabilities": lambda z, y: {
            "dz": -y / _softmax(z) / len(z)
        },
        "this is the softmax: the target is not subtracted": lambda z, y: {
            "dz": _softmax(z) / len(z)
        },
    },
)


def _he(n: np.ndarray) -> np.ndarray:
    """Return the library's kernel that is made from the same draws."""
    key = jax.random.key(0)
    drawn = jax.random.normal(key, n.shape, "float64")
    made = nn.initializers.he_normal(key, n.shape, "float64")
    return n * np.asarray(made / drawn)


HE = Exercise(
    name="he",
    row="A6",
    title="He's initialization from draws of N(0, 1).",
    formula="W_ij ~ N(0, 2 / fan_in)",
    arguments={"n": "independent draws from N(0, 1), (fan_in, fan_out)"},
    results={"W": "a kernel, (fan_in, fan_out)"},
    hint="2 / fan_in is the variance. What multiplies a variance by c^2?",
    referee="jaxmlp.nn.initializers.he_normal",
    cases=lambda: [draw(6, n=(8, 3)), draw(7, n=(2, 5))],
    truth=_he,
    wrongs={
        "multiplied by the variance, must be by its root": lambda n: n * 2 / n.shape[0],
        "fan_out in place of fan_in": lambda n: n * np.sqrt(2 / n.shape[1]),
        "the mean of fan_in and fan_out in place of fan_in": lambda n: (
            n * np.sqrt(4 / sum(n.shape))
        ),
        "the gain 2 is missing: this is the rule for linear units": lambda n: (
            n / np.sqrt(n.shape[0])
        ),
        "the root of 2 is missing: the gain stands outside of the root": lambda n: (
            n * 2 / np.sqrt(n.shape[0])
        ),
        "the number of all weights in place of fan_in": lambda n: n * np.sqrt(2 / n.size),
    },
)

EXERCISES = (SOFTMAX, SOFTMAX_JACOBIAN, SQUARED_ERROR, CROSS_ENTROPY, HE)
