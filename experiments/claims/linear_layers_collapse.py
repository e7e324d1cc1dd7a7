r"""Any number of linear layers is equal to one linear layer.

A network with three linear layers is compared with the product of its matrices: the outputs are
equal. On digits and on two circles it is trained beside one linear layer and beside the same
network with ReLU. The two linear networks reach the same accuracy, and ReLU exceeds it (deck D,
"Activation function": why it should be non-linear).
"""

import functools

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.framework import (
    BEFORE,
    HOLDS,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.statistics import spread
from experiments.training import dataset, digits, train
from jaxmlp import nn, optim

ABOUT = About(
    rows=("D4",),
    section="Activation function: why it should be non-linear",
    formula=r"f(x) = W^{(L)} \cdots W^{(2)} W^{(1)} x = W x",
    number="ReLU's lead over linear layers on the circles",
    unit="points of accuracy",
    thresholds=(
        Threshold(
            "the product of the matrices gives the trained network's outputs within 1e-5 of the"
            " largest; on both data sets, the accuracy of three linear layers is within 2 points"
            " of that of one, and ReLU is at least 2 points above both",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=20,
)
HIDDEN = (64, 64)


def run(settings: Settings) -> Numbers:
    """Train one linear layer, three of them, and three with ReLU; multiply out the second."""
    n, epochs = (2000, 8) if settings.quick else (10_000, 15)
    circles = dataset("circles")
    sets = {
        "digits": (digits(settings, n, 1000), 10, epochs),
        "circles": (
            ((circles.x_train, circles.y_train), (circles.x_test, circles.y_test)),
            2,
            2 * epochs,
        ),
    }
    accuracy: Numbers = {}
    gap = 0.0
    for name, (data, classes, passes) in sets.items():
        models = {
            "one linear layer": nn.mlp((), classes),
            "three linear layers": nn.mlp(HIDDEN, classes, nn.activations.identity),
            "three layers, ReLU": nn.mlp(HIDDEN, classes),
        }
        accuracy[name] = {}
        for kind, model in models.items():
            runs = train(
                model, optim.adam(0.003), data, settings, passes, batch_size=100, parts=("test",)
            )
            accuracy[name][kind] = runs["test_accuracy"]
            if kind == "three linear layers":
                x = data[1][0]
                gap = max(gap, *(_gap(model, params, x) for params in runs["params"]))
    return {"accuracy": accuracy, "gap": gap}


def _gap(model: nn.Layer, params: nn.layers.Params, x: np.ndarray) -> float:
    """Return the distance of the product of the matrices from the network's outputs, relative."""
    dense = [p for p in jax.tree.map(np.asarray, params) if p]
    W = functools.reduce(np.matmul, [p["W"].astype(float) for p in dense])
    b = functools.reduce(lambda b, p: b @ p["W"] + p["b"], dense, np.zeros(len(dense[0]["W"])))
    z = np.asarray(model(params, jax.numpy.asarray(x)))
    return float(np.max(np.abs(x @ W + b - z)) / np.max(np.abs(z)))


def plot(numbers: Numbers) -> Figure:
    """Draw test accuracy by epoch on both data sets."""
    figure, (panels,) = style.figure(1, 2)
    for panel, (name, kinds) in zip(panels, numbers["accuracy"].items(), strict=True):
        for i, (kind, values) in enumerate(kinds.items()):
            percent = 100 * np.array(values)
            style.band(panel, range(percent.shape[1]), percent, kind, i)
        panel.set_xlabel(f"epoch on {name}")
        panel.set_ylabel("test accuracy, %")
    panels[0].legend(frameon=False, loc="lower right")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the outputs, and the final accuracies."""
    equal, above, parts = [], [], []
    margin = np.zeros(0)
    for name, kinds in numbers["accuracy"].items():
        one, three, relu = (100 * np.array(values)[:, -1] for values in kinds.values())
        equal.append(abs(np.mean(three) - np.mean(one)) <= 2)
        margin = relu - np.maximum(one, three)
        above.append(np.mean(relu) - max(np.mean(one), np.mean(three)) >= 2)
        parts.append(
            f"{np.mean(one):.1f}, {np.mean(three):.1f} and {np.mean(relu):.1f} % on {name}"
        )
    checks = (numbers["gap"] <= 1e-5, all(equal), all(above))
    return Verdict(
        word_of(*checks),
        float(np.mean(margin)),
        spread(margin),
        f"One matrix gives the outputs of three layers within {numbers['gap']:.1e}. One linear"
        f" layer, three linear layers, and three layers with ReLU reach {'; '.join(parts)}. Depth"
        " without a nonlinearity gains nothing. The number is ReLU's lead on the circles, in"
        " points.",
    )
