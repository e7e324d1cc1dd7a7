"""Exercises of lecture D: XOR by hand, and the delta procedure."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import softmax

from jaxmlp import nn
from jaxmlp.config import referees
from jaxmlp.errors import InputError
from jaxmlp.exercise.form import Exercise, Leaves, draw, one_hot

Array = np.ndarray
CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def _answers(W1: Array, b1: Array, W2: Array, b2: Array) -> Leaves:
    """Return what the three neurons answer at the four corners; their arrays' shapes must fit."""
    shapes = {"W1": (2, 2), "b1": (2,), "W2": (2, 1), "b2": (1,)}
    for name, array in {"W1": W1, "b1": b1, "W2": W2, "b2": b2}.items():
        if array.shape != shapes[name]:
            raise InputError(f"{name} has the shape {array.shape}, must be {shapes[name]}")
    hidden = (CORNERS @ W1 + b1 >= 0).astype(float)
    return {"answers": (hidden @ W2 + b2 >= 0).astype(float)[:, 0]}


def _xor() -> Leaves:
    model, params = nn.logic.xor_network()
    return {"answers": np.asarray(model(params, jnp.asarray(CORNERS)))[:, 0]}


def _gate(*answers: int) -> Callable[[], Leaves]:
    return lambda: {"answers": np.array(answers, float)}


XOR = Exercise(
    name="xor",
    row="D2",
    title="XOR by hand: the weights of three neurons.",
    formula="""
    h = step(x W1 + b1),  a = step(h W2 + b2),  step(z) = 1 for z >= 0, else 0
    a = 1 if exactly one of x_1 and x_2 is 1, for x_1, x_2 in {0, 1}
    """,
    arguments={},
    results={
        "W1": "the hidden kernel, (2, 2), a column for each neuron",
        "b1": "(2,)",
        "W2": "the last kernel, (2, 1)",
        "b2": "(1,)",
    },
    hint="One hidden neuron can be AND, the other OR.",
    referee="jaxmlp.nn.logic.xor_network",
    cases=lambda: [{}],
    truth=_xor,
    measure=_answers,
    wrongs={
        "these weights are AND": _gate(0, 0, 0, 1),
        "these weights are OR": _gate(0, 1, 1, 1),
        "these weights are XNOR: the answers are turned round": _gate(1, 0, 0, 1),
        "these weights are NAND": _gate(1, 1, 1, 0),
        "these weights are NOR": _gate(1, 0, 0, 0),
        "the answer is always 0": _gate(0, 0, 0, 0),
        "the answer is always 1": _gate(1, 1, 1, 1),
        "the answer is x_1": _gate(0, 0, 1, 1),
        "the answer is x_2": _gate(0, 1, 0, 1),
    },
)


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _by_grad(x: Array, y: Array, W1: Array, W2: Array) -> tuple[Any, ...]:
    """Return the gradients, those of the z by what is added to them."""

    def loss(add2: jax.Array, add1: jax.Array, W2: jax.Array, W1: jax.Array) -> jax.Array:
        h = jax.nn.sigmoid(x @ W1 + add1)
        return -(jax.nn.log_softmax(h @ W2 + add2) * y).sum()

    zero = np.zeros
    return referees.slopes(loss, zero(W2.shape[1]), zero(W1.shape[1]), W2, W1)


def _delta(x: Array, y: Array, W1: Array, W2: Array, **change: Any) -> Leaves:
    """Return the gradients by the procedure, with a mistake perhaps."""
    h = _sigmoid(x @ W1)
    f = np.asarray(softmax(h @ W2))
    delta2 = change.get("delta2", lambda f: f - y)(f)
    delta1 = (W2 @ delta2) * change.get("slope", lambda h: h * (1 - h))(h)
    found = {"delta2": delta2, "delta1": delta1}
    return {**found, "dW2": np.outer(h, delta2), "dW1": np.outer(x, delta1)}


DELTA = Exercise(
    name="delta_procedure",
    row="D8",
    title="The delta procedure for one example.",
    formula="""
    h~ = x W1,  h = sigmoid(h~),  f = softmax(h W2),  L = -sum_i y_i log f_i
    delta2 = dL/d(h W2),  delta1 = dL/dh~,  dW2 = dL/dW2,  dW1 = dL/dW1
    """,
    arguments={
        "x": "one example, (D,)",
        "y": "its one-hot target, (K,)",
        "W1": "(D, H)",
        "W2": "(H, K)",
    },
    results={"delta2": "(K,)", "delta1": "(H,)", "dW2": "(H, K)", "dW1": "(D, H)"},
    hint="Begin at the output, where the softmax and the logarithm leave a simple difference. Each"
    " delta comes from the one above it; each dW is an outer product.",
    referee="jax.grad",
    needs=("softmax_jacobian", "cross_entropy", "dense_backward"),
    cases=lambda: [
        {**draw(1, x=(3,)), "y": one_hot(1, 1, 2)[0], **draw(2, W1=(3, 4), W2=(4, 2))},
        {**draw(3, x=(2,)), "y": one_hot(3, 1, 3)[0], **draw(4, W1=(2, 5), W2=(5, 3))},
    ],
    truth=_by_grad,
    wrongs={
        "the slope of the sigmoid, h (1 - h), is missing": lambda x, y, W1, W2: _delta(
            x, y, W1, W2, slope=lambda h: 1
        ),
        "the slope of the sigmoid is taken at h, must be at h~": lambda x, y, W1, W2: _delta(
            x, y, W1, W2, slope=lambda h: _sigmoid(h) * (1 - _sigmoid(h))
        ),
        "the slope is h, must be h (1 - h)": lambda x, y, W1, W2: _delta(
            x, y, W1, W2, slope=lambda h: h
        ),
        "the slope of tanh, 1 - h^2, in place of the sigmoid's": lambda x, y, W1, W2: _delta(
            x, y, W1, W2, slope=lambda h: 1 - h * h
        ),
        "the slope f (1 - f) is too much: softmax and logarithm cancel it": lambda x, y, W1, W2: (
            _delta(x, y, W1, W2, delta2=lambda f: (f - y) * f * (1 - f))
        ),
        "this is dL/df: the Jacobian of the softmax is missing": lambda x, y, W1, W2: _delta(
            x, y, W1, W2, delta2=lambda f: -y / f
        ),
        "y - f has the wrong sign": lambda x, y, W1, W2: _delta(
            x, y, W1, W2, delta2=lambda f: y - f
        ),
        "the target is not subtracted": lambda x, y, W1, W2: _delta(
            x, y, W1, W2, delta2=lambda f: f
        ),
    },
)

EXERCISES = (XOR, DELTA)
