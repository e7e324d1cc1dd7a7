r"""Sigmoid learns slowest, tanh learns faster, and ReLU and its variants learn fastest.

Networks of three hidden layers of 48 units learn digits by plain descent at one rate. Each
activation has its own initialization: He for the ReLU family, Xavier for the others. We show the
test accuracy by epoch. The steepest slope is 1/4 for sigmoid and 1 for tanh. The second part shows
saturation: the mean slope of the first hidden layer's units, as a share of the steepest slope, for
kernels of growing size (deck B, "Sigmoid", "Tanh", "ReLU").
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import descent, orders
from experiments.framework import (
    BEFORE,
    IN_PART,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.statistics import spread
from experiments.training import digits
from jaxmlp import nn, optim

ABOUT = About(
    rows=("B11", "B10"),
    section="Sigmoid; tanh; ReLU; variants of ReLU",
    formula=r"\sigma'(z) = a (1 - a) \le \frac{1}{4}, \qquad \tanh'(z) = 1 - a^2 \le 1",
    number="tanh's lead over sigmoid in test accuracy",
    unit="share of the test digits",
    thresholds=(
        Threshold(
            "after two epochs, the mean test accuracy of sigmoid is at least 20 points below"
            " that of tanh, and that of tanh is below that of each of ReLU, leaky ReLU, PReLU"
            " and ELU; with kernels of ten times Xavier's size, the mean slope of sigmoid and"
            " tanh is below half the steepest",
            BEFORE,
        ),
    ),
    expected=IN_PART,
    seconds=20,
)
WIDTHS, BATCH, RATE, JUDGED = (48, 48, 48), 25, 0.05, 2
he, xavier = nn.initializers.he_normal, nn.initializers.xavier_normal
KINDS: dict[str, Any] = {
    "identity": (nn.activations.identity, xavier),
    "sigmoid": (nn.activations.sigmoid, xavier),
    "tanh": (nn.activations.tanh, xavier),
    "relu": (nn.activations.relu, he),
    "leaky relu": (nn.activations.leaky_relu, he),
    "prelu": (nn.prelu, he),
    "elu": (nn.activations.elu, he),
}
SCALES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


def run(settings: Settings) -> Numbers:
    """Train every kind, all seeds at once, and measure slopes against the size of the kernel."""
    train, test = digits(settings, 1000, 500)
    mean, std = train[0].mean(), train[0].std()
    data = [(jnp.asarray((x - mean) / std), jnp.asarray(y)) for x, y in (train, test)]
    epochs = 3 if settings.quick else 15
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    batches = orders(settings, epochs, len(train[0]), BATCH)
    accuracy = {}
    for name, (kind, kernel) in KINDS.items():
        model = nn.mlp(WIDTHS, 10, kind, kernel)
        params = jax.vmap(lambda key, model=model: model.init(key, (784,))[0])(keys)
        fit = jax.jit(jax.vmap(partial(_fit, model), in_axes=(None, 0, 0)))
        accuracy[name] = fit(data, params, batches)
    layer = nn.dense(WIDTHS[0], xavier)
    W = jax.vmap(lambda key: layer.init(key, (784,))[0]["W"])(keys)
    z = jnp.asarray(SCALES)[None, :, None, None] * (data[0][0][:200] @ W)[:, None]
    slopes = {
        name: jnp.mean(f.derivative(z, f(z)), axis=(2, 3)) * steepest
        for name, f, steepest in (
            ("sigmoid", nn.activations.sigmoid, 4),
            ("tanh", nn.activations.tanh, 1),
            ("relu", nn.activations.relu, 1),
        )
    }
    return {"accuracy": accuracy, "slopes": slopes}


def _fit(model: nn.Layer, data: Any, params: Any, batches: jax.Array) -> jax.Array:
    """Return the test accuracy before the first epoch and after each."""
    train, (x_test, y_test) = data
    gradient = nn.value_and_grad(model, nn.losses.cross_entropy)
    learn = descent(
        gradient,
        optim.sgd(RATE),
        lambda params: 1 - nn.losses.zero_one(model(params, x_test), y_test),
    )
    return learn(params, *train, batches)[0]


def plot(numbers: Numbers) -> Figure:
    """Draw accuracy by epoch, and the mean slope against the size of the kernel."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (name, values) in enumerate(numbers["accuracy"].items()):
        style.band(left, range(len(values[0])), values, name, i)
    left.set_xlabel("epoch")
    left.set_ylabel("test accuracy")
    left.set_ylim(0, 1)
    for i, (name, values) in enumerate(numbers["slopes"].items()):
        style.band(right, SCALES, values, name, i, marker=style.MARKERS[i])
    right.set_xscale("log")
    right.set_ylim(0, 1.05)
    right.set_xlabel("size of the kernel, times Xavier's")
    right.set_ylabel("mean slope, share of the steepest")
    left.legend(frameon=False, ncols=2, loc="center right", bbox_to_anchor=(1, 0.64), fontsize=8)
    right.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare accuracies after two epochs, and slopes at ten times Xavier's kernel."""
    early = {name: np.array(v)[:, JUDGED] for name, v in numbers["accuracy"].items()}
    last = {name: np.array(v)[:, -1].mean() for name, v in numbers["accuracy"].items()}
    lead = early["tanh"] - early["sigmoid"]
    family = {name: early[name].mean() for name in ("relu", "leaky relu", "prelu", "elu")}
    at = SCALES.index(10.0)
    slopes = {name: np.array(v)[:, at].mean() for name, v in numbers["slopes"].items()}
    parts = (
        bool(lead.mean() >= 0.2),
        bool(early["tanh"].mean() < min(family.values())),
        bool(max(slopes["sigmoid"], slopes["tanh"]) < 0.5),
    )
    word = word_of(*parts)
    after = ", ".join(f"{name} {values.mean():.3f}" for name, values in early.items())
    ends = ", ".join(f"{name} {value:.3f}" for name, value in last.items())
    return Verdict(
        word,
        float(lead.mean()),
        spread(lead),
        f"Test accuracy after {JUDGED} epochs: {after}; at the end: {ends}. With kernels of ten"
        f" times Xavier's size, the mean slope is {slopes['sigmoid']:.2f} of the steepest for"
        f" sigmoid, {slopes['tanh']:.2f} for tanh and {slopes['relu']:.2f} for ReLU. The number is"
        " tanh's lead over sigmoid. A unit that saturates at 0 and 1 learns slowly. Between tanh,"
        " with its own initialization, and the ReLU family there is little difference at this"
        " depth.",
    )
