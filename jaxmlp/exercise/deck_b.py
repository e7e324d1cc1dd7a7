"""Exercises of lecture B: differences, gates, a dense layer and Xavier's rule."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import nn
from jaxmlp.config.referees import slopes
from jaxmlp.exercise import functions
from jaxmlp.exercise.form import Exercise, draw

F = Callable[[np.ndarray], Any]


def _moved(f: F, w: np.ndarray, up: float, down: float, over: float) -> np.ndarray:
    """Return `(f(w + up e_i) - f(w - down e_i)) / over` for every i."""
    return np.array([(f(w + up * e) - f(w - down * e)) / over for e in np.eye(len(w))])


DIFFERENCES = Exercise(
    name="central_differences",
    row="B4",
    title="The gradient of any function by central differences.",
    formula="g_i = (f(w + h e_i) - f(w - h e_i)) / 2h",
    arguments={
        "f": "a function from a vector to a number",
        "w": "the point, (n,)",
        "h": "the step, a positive number",
    },
    results={"g": "(n,)"},
    hint="Move one entry at a time. e_i is row i of the unit matrix.",
    referee="jaxmlp.nn.gradients.slopes",
    cases=lambda: [
        {"f": functions.cubic, **draw(1, w=(3,)), "h": 0.1},
        {"f": functions.steep, **draw(2, w=(4,)), "h": 0.2},
    ],
    truth=lambda f, w, h: nn.gradients.slopes(f, jnp.asarray(w), jnp.arange(len(w)), h),
    wrongs={
        "divided by h, must be by 2h": lambda f, w, h: _moved(f, w, h, h, h),
        "a forward difference: the step back is missing": lambda f, w, h: _moved(f, w, h, 0, h),
        "a backward difference: the step forward is missing": lambda f, w, h: _moved(f, w, 0, h, h),
        "a forward difference divided by 2h": lambda f, w, h: _moved(f, w, h, 0, 2 * h),
        "steps of h/2, must be of h": lambda f, w, h: _moved(f, w, h / 2, h / 2, h),
        "all entries move at once, must move one at a time": lambda f, w, h: np.full(
            len(w), (f(w + h) - f(w - h)) / (2 * h)
        ),
        "one step for all: its value has no axis": lambda f, w, h: np.asarray(
            (f(w + h) - f(w - h)) / (2 * h)
        ),
        "multiplied by h, must be divided": lambda f, w, h: _moved(f, w, h, h, 1) / 2 * h,
        "the exact derivative: it lacks the error of the differences": lambda f, w, h: slopes(f, w)[
            0
        ],
    },
)


def _number(*values: float) -> np.ndarray:
    return np.array(values)


GATES = Exercise(
    name="gates",
    row="B5",
    title="Back through an add, a mul, a copy and a max gate.",
    formula="""
    f = (x + y) max(x, z)
    dx, dy, dz = the derivatives of f, times df
    """,
    arguments={
        "x": "a number, which is copied to two gates",
        "y": "a number",
        "z": "a number, never equal to x",
        "df": "the gradient that comes back to f",
    },
    results={"dx": "a number", "dy": "a number", "dz": "a number"},
    hint="Name the wires q = x + y and m = max(x, z), and go back from f: mul swaps, add"
    " distributes, max routes, and the two gradients of a copy add up.",
    referee="jax.grad",
    cases=lambda: [
        {"x": 3.0, "y": -2.5, "z": 1.5, "df": 0.7},
        {"x": -2.0, "y": 5.0, "z": 4.0, "df": -1.3},
    ],
    truth=lambda x, y, z, df: slopes(
        lambda x, y, z: df * (x + y) * jnp.maximum(x, z), *_number(x, y, z)
    ),
    wrongs={
        "the copy: the path through max is missing": lambda x, y, z, df: {"dx": df * max(x, z)},
        "the copy: the path through the sum is missing": lambda x, y, z, df: {
            "dx": df * (x + y) * (x > z)
        },
        "max routes: only the larger of x and z gets the gradient": lambda x, y, z, df: {
            "dx": df * (max(x, z) + x + y),
            "dz": df * (x + y),
        },
        "max routes to the larger, here it goes to the smaller": lambda x, y, z, df: {
            "dx": df * (max(x, z) + (x + y) * (x < z)),
            "dz": df * (x + y) * (x > z),
        },
        "mul swaps its factors: x + y must be multiplied by df max(x, z)": lambda x, y, z, df: {
            "dx": df * (x + y + max(x, z) * (x > z)),
            "dy": df * (x + y),
            "dz": df * max(x, z) * (z > x),
        },
        "the gradient df that comes back is missing": lambda x, y, z, df: {
            "dx": max(x, z) + (x + y) * (x > z),
            "dy": max(x, z),
            "dz": (x + y) * (z > x),
        },
    },
)


def _dense(x: np.ndarray, W: np.ndarray, dy: np.ndarray) -> tuple[jax.Array, ...]:
    layer, b = nn.dense(W.shape[1]), np.zeros(W.shape[1])
    return slopes(lambda x, W, b: (layer({"W": W, "b": b}, x) * dy).sum(), x, W, b)


DENSE = Exercise(
    name="dense_backward",
    row="B7",
    title="A dense layer, backward.",
    formula="""
    z = x W + b, with one b for all N rows of x
    dx, dW, db = the derivatives of the loss L, where dz = dL/dz is given
    """,
    arguments={
        "x": "inputs, (N, F)",
        "W": "the kernel, (F, K)",
        "dz": "dL/dz, (N, K); it holds the factor 1/N of a mean already",
    },
    results={"dx": "(N, F)", "dW": "(F, K)", "db": "(K,)"},
    hint="Each gradient has the shape of its array. dx and dW are products of two matrices; b is"
    " copied to N rows, and the gradients of copies add up.",
    referee="jax.grad",
    needs=("gates",),
    batch=("x", 0),
    cases=lambda: [
        draw(3, x=(3, 3), W=(3, 3), dz=(3, 3)),
        draw(4, x=(4, 3), W=(3, 2), dz=(4, 2)),
        draw(5, x=(2, 4), W=(4, 5), dz=(2, 5)),
    ],
    truth=lambda x, W, dz: _dense(x, W, dz),
    wrongs={
        "W must be transposed: dz is multiplied by W itself": lambda x, W, dz: {"dx": dz @ W},
        "x must be transposed: x itself is multiplied by dz": lambda x, W, dz: {"dW": x @ dz},
        "the mean over the batch, must be the sum: dz holds the factor 1/N already": (
            lambda x, W, dz: {"dW": x.T @ dz / len(x), "db": dz.mean(0)}
        ),
        "the sum runs over the units, must run over the batch, axis 0": lambda x, W, dz: {
            "db": dz.sum(1)
        },
        "this is dz of the first example alone": lambda x, W, dz: {"db": dz[0]},
        "this is the gradient for the kernel and not for the inputs": lambda x, W, dz: {
            "dx": x.T @ dz
        },
    },
)


def _xavier(u: np.ndarray) -> np.ndarray:
    """Return the library's kernel that is made from the same draws."""
    key = jax.random.key(0)
    drawn = jax.random.uniform(key, u.shape, "float64", minval=-1.0, maxval=1.0)
    made = nn.initializers.xavier_uniform(key, u.shape, "float64")
    return u * np.median(np.asarray(made / drawn))


XAVIER = Exercise(
    name="xavier",
    row="B8",
    title="Xavier's initialization from draws of U(-1, 1).",
    formula="""
    W_ij ~ U(-r, r), with r so that Var(W_ij) = 2 / (fan_in + fan_out)
    """,
    arguments={"u": "independent draws from U(-1, 1), (fan_in, fan_out)"},
    results={"W": "a kernel, (fan_in, fan_out)"},
    hint="The variance of U(-r, r) is not r^2. Integrate w^2 / 2r from -r to r.",
    referee="jaxmlp.nn.initializers.xavier_uniform",
    needs=("he",),
    cases=lambda: [
        {"u": np.tanh(draw(6, u=(7, 3))["u"])},
        {"u": np.tanh(draw(7, u=(2, 5))["u"])},
    ],
    truth=_xavier,
    wrongs={
        "r is the root of the variance: but U(-r, r) has the variance r^2 / 3": lambda u: (
            u * np.sqrt(2 / sum(u.shape))
        ),
        "r = sqrt(1 / fan_in): this has a third of the variance 1 / fan_in": lambda u: (
            u / np.sqrt(u.shape[0])
        ),
        "fan_in in place of the mean of fan_in and fan_out": lambda u: u * np.sqrt(3 / u.shape[0]),
        "fan_out in place of the mean of fan_in and fan_out": lambda u: u * np.sqrt(3 / u.shape[1]),
        "this is He's rule: twice the variance": lambda u: u * np.sqrt(12 / sum(u.shape)),
        "r is the variance": lambda u: u * 2 / sum(u.shape),
        "the sum of fan_in and fan_out in place of their mean": lambda u: (
            u * np.sqrt(3 / sum(u.shape))
        ),
    },
)

EXERCISES = (DIFFERENCES, GATES, DENSE, XAVIER)
