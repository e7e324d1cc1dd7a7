"""Exercises of lecture E: the perceptron, the scaling of inputs, and layer normalisation."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import nn
from jaxmlp.config.referees import slopes
from jaxmlp.data.preprocessing import Preprocessing
from jaxmlp.exercise.form import Case, Exercise, draw

Array = np.ndarray


def _perceptron(w: Array, b: float, x: Array, y: Array, alpha: float) -> tuple[Array, float]:
    """Return the weights after one step of descent for each example by the library's loss."""
    for x_n, y_n in zip(x, y, strict=True):
        z = jnp.asarray([[x_n @ w + b]])
        error = float(nn.losses.perceptron.gradient(z, jnp.asarray([[y_n]]))[0, 0])
        w, b = w - alpha * error * x_n, b - alpha * error
    return w, b


def _passed(
    error: Callable[..., Any], w: Array, b: float, x: Array, y: Array, alpha: float
) -> tuple[Array, float]:
    """Return the weights after a pass by another error, `(z, label) -> number`."""
    for x_n, y_n in zip(x, y, strict=True):
        e = error(x_n @ w + b, y_n)
        w, b = w + alpha * e * x_n, b + alpha * e
    return w, b


def _by(error: Callable[..., Any]) -> Callable[..., tuple[Array, float]]:
    return lambda w, b, x, y, alpha: _passed(error, w, b, x, y, alpha)


def _all_at_once(w: Array, b: float, x: Array, y: Array, alpha: float) -> tuple[Array, float]:
    error = y - (x @ w + b >= 0)
    return w + alpha * error @ x, b + alpha * error.sum()


def _no_bias(w: Array, b: float, x: Array, y: Array, alpha: float) -> tuple[Array, float]:
    for x_n, y_n in zip(x, y, strict=True):
        w = w + alpha * (y_n - float(x_n @ w + b >= 0)) * x_n
    return w, b


def _points(seed: int, n: int) -> Case:
    labels = np.random.default_rng(seed).integers(2, size=n).astype(float)
    return {**draw(seed, w=(3,)), "b": 0.3, **draw(seed + 50, x=(n, 3)), "y": labels, "alpha": 0.4}


PERCEPTRON = Exercise(
    name="perceptron",
    row="E1",
    title="The perceptron's rule: one pass over the examples, in their order.",
    formula="""
    h = step(w . x_n + b), with step(z) = 1 for z >= 0, else 0
    w <- w + alpha (y_n - h) x_n,  b <- b + alpha (y_n - h)       for n = 1, ..., N
    """,
    arguments={
        "w": "the weights at the start, (D,)",
        "b": "the bias at the start, a number",
        "x": "(N, D)",
        "y": "labels 0 or 1, (N,)",
        "alpha": "the learning rate",
    },
    results={"w": "the weights after the pass, (D,)", "b": "a number"},
    hint="A right answer changes nothing. Each example sees the weights that the one before left.",
    referee="jaxmlp.nn.losses.perceptron",
    batch=("x", 0),
    cases=lambda: [
        _points(1, 8),
        _points(2, 6),
        {**_points(3, 2), "w": np.zeros(3), "b": 0.0, "y": np.array([0.0, 1.0])},
    ],
    truth=_perceptron,
    wrongs={
        "all examples see the old weights: they must take turns": _all_at_once,
        "h - y has the wrong sign": _by(lambda z, y: (z >= 0) - y),
        "the bias is not updated": _no_bias,
        "step(0) is taken as 0, here it is 1": _by(lambda z, y: y - (z > 0)),
        "right answers change the weights too: y must be compared with h": _by(lambda z, y: y),
        "the sigmoid in place of the step: this is logistic regression": _by(
            lambda z, y: y - 1 / (1 + np.exp(-z))
        ),
        "no step function: this is the rule of a linear neuron": _by(lambda z, y: y - z),
        "wrong answers for y = 0 are not corrected": _by(lambda z, y: y * (1 - (z >= 0))),
        "the labels are taken as -1 and 1": _by(lambda z, y: (2 * y - 1) - (z >= 0)),
    },
)


def _scaled(train: Array, test: Array) -> tuple[Array, Array]:
    scale = Preprocessing.fit("zscore", train)
    return scale(train), scale(test)


def _by_statistics(
    of: Callable[[Array, Array], Array] = lambda train, test: train, **settings: Any
) -> Callable[..., tuple[Array, Array]]:
    """Return a mistake: mean and deviation of another part, or along other axes."""

    def wrong(train: Array, test: Array) -> tuple[Array, Array]:
        part, axis, ddof = of(train, test), settings.get("axis", 0), settings.get("ddof", 0)
        mean, deviation = part.mean(axis), part.std(axis, ddof=ddof)
        return (train - mean) / deviation, (test - mean) / deviation

    return wrong


Z_SCORE = Exercise(
    name="z_score",
    row="E7",
    title="Z-scores that are fitted on the training part.",
    formula="""
    z = (x - mean) / deviation, for each feature; the deviation divides by N, and not by N - 1
    Both parts are scaled by the same numbers, and these know nothing of the test part.
    """,
    arguments={"train": "the training part, (N, F)", "test": "the test part, (M, F)"},
    results={"train_z": "(N, F)", "test_z": "(M, F)"},
    hint="What may a network know of examples that it has never seen?",
    referee="jaxmlp.data.preprocessing",
    cases=lambda: [
        {"train": 3 + 2 * draw(6, a=(6, 3))["a"], "test": draw(7, a=(4, 3))["a"]},
        {"train": draw(8, a=(5, 2))["a"] - 1, "test": 4 * draw(9, a=(3, 2))["a"]},
    ],
    truth=_scaled,
    wrongs={
        "fitted on the test part: its mean and deviation leak": lambda train, test: {
            "test_z": (test - test.mean(0)) / test.std(0)
        },
        "fitted on both parts together: the test part leaks": _by_statistics(
            lambda train, test: np.concatenate([train, test])
        ),
        "the deviation divides by N - 1, here by N": _by_statistics(ddof=1),
        "one mean and deviation for all features, must be one for each": _by_statistics(axis=None),
        "divided by the variance, must be by its root": lambda train, test: {
            "train_z": (train - train.mean(0)) / train.var(0),
            "test_z": (test - train.mean(0)) / train.var(0),
        },
        "the mean is not subtracted": lambda train, test: {
            "train_z": train / train.std(0),
            "test_z": test / train.std(0),
        },
        "not divided by the deviation": lambda train, test: {
            "train_z": train - train.mean(0),
            "test_z": test - train.mean(0),
        },
        "this is min-max scaling": lambda train, test: {
            "train_z": (train - train.min(0)) / np.ptp(train, 0),
            "test_z": (test - train.min(0)) / np.ptp(train, 0),
        },
        "mean and deviation of each example, must be of each feature": lambda train, test: {
            "train_z": _rows(train, 0)[0],
            "test_z": _rows(test, 0)[0],
        },
        "not scaled": lambda train, test: {"train_z": train, "test_z": test},
    },
)


def _rows(x: Array, epsilon: float, axis: int = 1, inside: bool = True) -> tuple[Array, Array]:
    """Return standardised rows, and what they were divided by."""
    centred = x - x.mean(axis, keepdims=True)
    variance = (centred**2).mean(axis, keepdims=True)
    sigma = np.sqrt(variance + epsilon) if inside else np.sqrt(variance) + epsilon
    return centred / sigma, sigma


def _normalised(x: Array, gamma: Array, dy: Array, epsilon: float) -> tuple[jax.Array, ...]:
    layer, beta = nn.layer_norm(epsilon), np.zeros(len(gamma))

    def value(x: jax.Array, gamma: jax.Array, beta: jax.Array) -> jax.Array:
        return (layer({"gamma": gamma, "beta": beta}, x) * dy).sum()

    return slopes(value, x, gamma, beta)


def _norm(
    x: Array, gamma: Array, dy: Array, epsilon: float, first: int = 1, second: int = 1, **more: Any
) -> dict[str, Array]:
    """Return the gradients with a mistake: terms of dx left out, or other statistics."""
    x_hat, sigma = _rows(x, epsilon, **more)
    axis = more.get("axis", 1)
    d = gamma * dy
    part1 = first * d.mean(axis, keepdims=True)
    part2 = second * x_hat * (d * x_hat).mean(axis, keepdims=True)
    return {"dx": (d - part1 - part2) / sigma, "dgamma": (dy * x_hat).sum(0)}


LAYER_NORM = Exercise(
    name="layer_norm_backward",
    row="E7",
    title="Layer normalisation, backward (Ba, Kiros and Hinton 2016).",
    formula="""
    x^ = (x - mean) / sigma,  sigma = sqrt(variance + epsilon),  y = gamma x^ + beta
    mean and variance (divided by F) are those of each row; dy = dL/dy is given
    dx, dgamma, dbeta = the derivatives of the loss L
    """,
    arguments={
        "x": "(N, F)",
        "gamma": "the gain, (F,)",
        "dy": "(N, F)",
        "epsilon": "a number inside the root; here it is large enough to be seen",
    },
    results={"dx": "(N, F)", "dgamma": "(F,)", "dbeta": "(F,)"},
    hint="mean and sigma depend on x as well. A shift of a row changes nothing, so each row of dx"
    " sums to 0; that takes two further terms.",
    referee="jax.grad",
    needs=("z_score", "dense_backward"),
    batch=("x", 0),
    cases=lambda: [
        {**draw(10, x=(4, 3), gamma=(3,), dy=(4, 3)), "epsilon": 0.1},
        {**draw(11, x=(2, 5), gamma=(5,), dy=(2, 5)), "epsilon": 0.02},
    ],
    truth=_normalised,
    wrongs={
        "mean and sigma are taken as constants: two terms are missing": lambda **case: {
            "dx": _norm(**case, first=0, second=0)["dx"]
        },
        "the term through sigma is missing, - x^ mean(dx^ x^)": lambda **case: {
            "dx": _norm(**case, second=0)["dx"]
        },
        "the term through the mean is missing, - mean(dx^)": lambda **case: {
            "dx": _norm(**case, first=0)["dx"]
        },
        "gamma is missing": lambda x, gamma, dy, epsilon: {
            "dx": _norm(x, np.ones_like(gamma), dy, epsilon)["dx"]
        },
        "mean and variance run over the batch, must run over each row": lambda **case: _norm(
            **case, axis=0
        ),
        "epsilon stands outside of the root, must be inside": lambda **case: _norm(
            **case, inside=False
        ),
        "epsilon is missing": lambda x, gamma, dy, epsilon: _norm(x, gamma, dy, 0.0),
        "not divided by sigma": lambda **case: {
            "dx": _norm(**case)["dx"] * _rows(case["x"], case["epsilon"])[1]
        },
        "multiplied by x, must be by x^": lambda x, gamma, dy, epsilon: {"dgamma": (dy * x).sum(0)},
        "the mean over the batch, must be the sum": lambda x, gamma, dy, epsilon: {
            "dgamma": _norm(x, gamma, dy, epsilon)["dgamma"] / len(x),
            "dbeta": dy.mean(0),
        },
        "gamma is too much: dbeta is the sum of dy": lambda x, gamma, dy, epsilon: {
            "dgamma": gamma * _norm(x, gamma, dy, epsilon)["dgamma"],
            "dbeta": gamma * dy.sum(0),
        },
    },
)

EXERCISES = (PERCEPTRON, Z_SCORE, LAYER_NORM)
