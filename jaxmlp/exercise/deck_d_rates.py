"""Exercises of lecture D: adaptive learning rates, and broadcasting."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmlp.config import referees
from jaxmlp.exercise.form import Case, Exercise, draw

Array = np.ndarray
STEPS = {
    "w": "the weights at the start, (n,)",
    "gradients": "dw of each step, (T, n)",
    "eta": "the learning rate",
}
EPSILON = {"epsilon": "a number inside the root; here it is large enough to be seen"}


def _by_optax(optimizer: Any, w: Array, gradients: Array) -> Any:
    """Return the weights after steps of an optimizer of Optax."""
    params: Any = jnp.asarray(w)
    state = optimizer.init(params)
    for dw in gradients:
        updates, state = optimizer.update(jnp.asarray(dw), state, params)
        params = params + updates
    return params


def _steps(w: Array, gradients: Array, eta: float, direction: Callable[..., Array]) -> Array:
    """Return the weights after steps along directions, each computed from all gradients so far."""
    for t in range(1, len(gradients) + 1):
        w = w - eta * direction(gradients[:t])
    return w


def _mean(dw: Array, beta: float) -> Array:
    """Return the running mean of what came so far, from 0."""
    weights = (1 - beta) * beta ** np.arange(len(dw))[::-1]
    return np.asarray(weights @ dw)


def _step_cases(**more: Any) -> Callable[[], list[Case]]:
    return lambda: [
        {**draw(5, w=(3,), gradients=(4, 3)), "eta": 0.1, **more},
        {**draw(6, w=(2,), gradients=(3, 2)), "eta": 0.02, **more},
    ]


def _rms(rule: Callable[..., Array]) -> Callable[..., Array]:
    """Return a mistake from its direction, `(gradients so far, beta, epsilon) -> array`."""
    return lambda w, gradients, eta, beta, epsilon: _steps(
        w, gradients, eta, lambda d: rule(d, beta, epsilon)
    )


ADAGRAD = Exercise(
    name="adagrad",
    row="D10",
    title="AdaGrad, as the lecture prints it.",
    formula="""
    g <- g + dw^2,  w <- w - eta dw / sqrt(g + epsilon)      for each step, from g = 0
    """,
    arguments={**STEPS, **EPSILON},
    results={"w": "the weights after T steps, (n,)"},
    hint="g holds a sum for each weight, and it only grows.",
    referee="Optax",
    cases=_step_cases(epsilon=0.05),
    truth=lambda w, gradients, eta, epsilon: _by_optax(
        referees.adagrad(eta, epsilon), w, gradients
    ),
    wrongs={
        "epsilon stands outside of the root, must be inside": lambda w, gradients, eta, epsilon: (
            _steps(w, gradients, eta, lambda d: d[-1] / (np.sqrt((d**2).sum(0)) + epsilon))
        ),
        "epsilon is missing": lambda w, gradients, eta, epsilon: _steps(
            w, gradients, eta, lambda d: d[-1] / np.sqrt((d**2).sum(0))
        ),
        "the root is missing": lambda w, gradients, eta, epsilon: _steps(
            w, gradients, eta, lambda d: d[-1] / ((d**2).sum(0) + epsilon)
        ),
        "g does not add up: only the last gradient is squared": lambda w, gradients, eta, epsilon: (
            _steps(w, gradients, eta, lambda d: d[-1] / np.sqrt(d[-1] ** 2 + epsilon))
        ),
        "g is the mean of the squares, must be their sum": lambda w, gradients, eta, epsilon: (
            _steps(w, gradients, eta, lambda d: d[-1] / np.sqrt((d**2).mean(0) + epsilon))
        ),
        "w moves with the old g, before dw^2 is added": lambda w, gradients, eta, epsilon: _steps(
            w, gradients, eta, lambda d: d[-1] / np.sqrt((d[:-1] ** 2).sum(0) + epsilon)
        ),
        "one g for all weights, must be one for each": lambda w, gradients, eta, epsilon: _steps(
            w, gradients, eta, lambda d: d[-1] / np.sqrt((d**2).sum() + epsilon)
        ),
        "the sign of the step is wrong: this climbs": lambda w, gradients, eta, epsilon: _steps(
            w, gradients, -eta, lambda d: d[-1] / np.sqrt((d**2).sum(0) + epsilon)
        ),
    },
)


RMSPROP = Exercise(
    name="rmsprop",
    row="D10",
    title="RMSProp, as the lecture prints it.",
    formula="""
    g <- beta g + (1 - beta) dw^2,  w <- w - eta dw / sqrt(g + epsilon)   for each step, from g = 0
    """,
    arguments={**STEPS, "beta": "the decay of the mean square", **EPSILON},
    results={"w": "the weights after T steps, (n,)"},
    hint="As AdaGrad, but g is a running mean that forgets.",
    referee="Optax",
    needs=("adagrad",),
    cases=_step_cases(beta=0.8, epsilon=0.05),
    truth=lambda w, gradients, eta, beta, epsilon: _by_optax(
        referees.rmsprop(eta, beta, epsilon), w, gradients
    ),
    wrongs={
        reason: _rms(rule)
        for reason, rule in {
            "epsilon stands outside of the root, must be inside": lambda d, beta, epsilon: (
                d[-1] / (np.sqrt(_mean(d**2, beta)) + epsilon)
            ),
            "epsilon is missing": lambda d, beta, epsilon: d[-1] / np.sqrt(_mean(d**2, beta)),
            "the factor 1 - beta of dw^2 is missing": lambda d, beta, epsilon: (
                d[-1] / np.sqrt(_mean(d**2, beta) / (1 - beta) + epsilon)
            ),
            "beta and 1 - beta have changed places": lambda d, beta, epsilon: (
                d[-1] / np.sqrt(_mean(d**2, 1 - beta) + epsilon)
            ),
            "g is AdaGrad's sum: it must forget": lambda d, beta, epsilon: (
                d[-1] / np.sqrt((d**2).sum(0) + epsilon)
            ),
            "the root is missing": lambda d, beta, epsilon: d[-1] / (_mean(d**2, beta) + epsilon),
            "g holds the mean of dw, must be of dw^2": lambda d, beta, epsilon: (
                d[-1] / np.sqrt(_mean(d, beta) + epsilon)
            ),
            "w moves with the old g, before dw^2 is mixed in": lambda d, beta, epsilon: (
                d[-1] / np.sqrt(_mean(d[:-1] ** 2, beta) + epsilon)
            ),
            "g is corrected for its start at zero: only Adam does this": lambda d, beta, epsilon: (
                d[-1] / np.sqrt(_mean(d**2, beta) / (1 - beta ** len(d)) + epsilon)
            ),
            "the sign of the step is wrong: this climbs": lambda d, beta, epsilon: (
                -d[-1] / np.sqrt(_mean(d**2, beta) + epsilon)
            ),
        }.items()
    },
)


def _moments(d: Array, beta1: float, beta2: float, c1: int, c2: int) -> tuple[Array, Array]:
    """Return both moments, corrected for c1 and c2 steps; 0 stands for no correction."""
    m, v = _mean(d, beta1), _mean(d**2, beta2)
    return m / (1 - beta1**c1 if c1 else 1), v / (1 - beta2**c2 if c2 else 1)


def _adam(
    steps1: Callable[[int], int], steps2: Callable[[int], int], inside: bool = True, sign: int = 1
) -> Callable[..., Array]:
    """Return a mistake: corrections for other numbers of steps than t, or epsilon elsewhere."""

    def wrong(
        w: Array, gradients: Array, eta: float, beta1: float, beta2: float, epsilon: float
    ) -> Array:
        def direction(d: Array) -> Array:
            m, v = _moments(d, beta1, beta2, steps1(len(d)), steps2(len(d)))
            return sign * m / (np.sqrt(v + epsilon) if inside else np.sqrt(v) + epsilon)

        return _steps(w, gradients, eta, direction)

    return wrong


def _never(t: int) -> int:
    return 0


def _always(t: int) -> int:
    return t


def _one_more(t: int) -> int:
    return t + 1


def _first(t: int) -> int:
    return 1


def _from_zero(
    w: Array, gradients: Array, eta: float, beta1: float, beta2: float, epsilon: float
) -> Array:
    """Return what t = 0 in the first step gives: a division by zero."""
    return np.full_like(w, np.nan)


def _kept(
    w: Array, gradients: Array, eta: float, beta1: float, beta2: float, epsilon: float
) -> Array:
    """Return the weights if the corrected moments take the place of the moments."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, dw in enumerate(gradients, 1):
        m = (beta1 * m + (1 - beta1) * dw) / (1 - beta1**t)
        v = (beta2 * v + (1 - beta2) * dw**2) / (1 - beta2**t)
        w = w - eta * m / np.sqrt(v + epsilon)
    return w


ADAM = Exercise(
    name="adam",
    row="D10",
    title="Adam with its corrections, as the lecture prints it.",
    formula="""
    m <- beta1 m + (1 - beta1) dw,      m_hat = m / (1 - beta1^t)
    g <- beta2 g + (1 - beta2) dw^2,    g_hat = g / (1 - beta2^t)
    w <- w - eta m_hat / sqrt(g_hat + epsilon)     for the steps t = 1, ..., T, from m = g = 0
    """,
    arguments={
        **STEPS,
        "beta1": "the decay of the mean",
        "beta2": "the decay of the mean square",
        **EPSILON,
    },
    results={"w": "the weights after T steps, (n,)"},
    hint="m and g go on uncorrected from step to step; the corrected ones serve one step only.",
    referee="Optax",
    needs=("adagrad", "rmsprop"),
    cases=_step_cases(beta1=0.9, beta2=0.95, epsilon=0.05),
    truth=lambda w, gradients, eta, beta1, beta2, epsilon: _by_optax(
        referees.adam(eta, beta1, beta2, epsilon, epsilon_inside=True), w, gradients
    ),
    wrongs={
        "both corrections for the start at zero are forgotten": _adam(_never, _never),
        "the correction of m is forgotten": _adam(_never, _always),
        "the correction of g is forgotten": _adam(_always, _never),
        "epsilon stands outside of the root, must be inside": _adam(_always, _always, False),
        "both corrections are forgotten, and epsilon stands outside of the root": _adam(
            _never, _never, False
        ),
        "t is counted from 2: the corrections come too late": _adam(_one_more, _one_more),
        "the corrections do not change with t: the power t is missing": _adam(_first, _first),
        "t is counted from 0: the first correction divides by zero": _from_zero,
        "the corrected m and g are kept for the next step": _kept,
        "the sign of the step is wrong: this climbs": _adam(_always, _always, True, -1),
    },
)


def _broadcast(b: Array, dz: Array) -> Any:
    return referees.slopes(lambda b: (jnp.broadcast_to(b, dz.shape) * dz).sum(), b)


BIAS = Exercise(
    name="bias_gradient",
    row="D11",
    title="Back through broadcasting: the gradient of a bias of any shape.",
    formula="""
    z = x + b, where NumPy broadcasts b to the shape of x, (N, K)
    db = dL/db, where dz = dL/dz is given
    """,
    arguments={"b": "the bias: (K,), (1, K), (N, 1), (1, 1) or (N, K)", "dz": "(N, K)"},
    results={"db": "the shape of b"},
    hint="Broadcasting copies. Sum over every axis that was added in front or has length 1 in b,"
    " and give the sum the shape of b.",
    referee="jax.grad",
    needs=("gates", "dense_backward"),
    batch=("dz", 0),
    cases=lambda: [
        {**draw(number, b=shape), **draw(number + 9, dz=(4, 3))}
        for number, shape in enumerate([(3,), (1, 3), (4, 1), (1, 1), (4, 3)])
    ],
    truth=_broadcast,
    wrongs={
        "always summed over the batch: b may be copied along other axes": lambda b, dz: dz.sum(0),
        "always summed over the batch, with the axis kept": lambda b, dz: dz.sum(0, keepdims=True),
        "dz as it is: nothing is summed": lambda b, dz: dz,
        "summed over everything": lambda b, dz: np.full_like(b, dz.sum()),
        "the mean over the copies, must be the sum": lambda b, dz: (
            _broadcast(b, dz)[0] * b.size / dz.size
        ),
        "the axes of length 1 are missing: the sum must have the shape of b": lambda b, dz: (
            np.squeeze(_broadcast(b, dz)[0])
        ),
        "only axes of length 1 are summed: the axis in front of (K,) is missing": lambda b, dz: (
            dz if b.ndim == 1 else _broadcast(b, dz)[0]
        ),
        "only the axes in front are summed: those of length 1 are missing": lambda b, dz: (
            dz.sum(0) if b.ndim == 1 else dz
        ),
    },
)

EXERCISES = (ADAGRAD, RMSPROP, ADAM, BIAS)
