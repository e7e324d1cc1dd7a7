r"""Sigmoid learns slowest, tanh learns faster, and ReLU and its variants learn fastest.

Networks of three hidden layers of 32 units learn three spirals, which no linear network tells
apart. Each activation has its own initialization, He for the ReLU family and Xavier for the others,
and its own best rate, out of the same six. We show the test accuracy by epoch, and compare its
mean over the epochs, which is high if a network learns early. The steepest slope is 1/4 for sigmoid
and 1 for tanh. The second part shows saturation: the mean slope of the first hidden layer's units,
as a share of the steepest slope, for kernels of growing size (deck B, "Sigmoid", "Tanh", "ReLU").
"""

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
from experiments.training import dataset
from experiments.tuning import Tuned, best, edge_sentence
from jaxmlp import nn

ABOUT = About(
    rows=("B11", "B10"),
    section="Sigmoid; tanh; ReLU; variants of ReLU",
    formula=r"\sigma'(z) = a (1 - a) \le \frac{1}{4}, \qquad \tanh'(z) = 1 - a^2 \le 1",
    number="mean test accuracy over the epochs, tanh minus sigmoid",
    unit="points of accuracy",
    thresholds=(
        Threshold(
            "after two epochs, the mean test accuracy of sigmoid is at least 20 points below"
            " that of tanh, and that of tanh is below that of each of ReLU, leaky ReLU, PReLU"
            " and ELU; with kernels of ten times Xavier's size, the mean slope of sigmoid and"
            " tanh is below half the steepest",
            BEFORE,
        ),
        Threshold(
            "each activation at its own best rate, the mean test accuracy over the epochs is"
            " higher for tanh than for sigmoid (main clause), and higher for each of ReLU, leaky"
            " ReLU, PReLU and ELU than for tanh, each by a paired 95 % interval over the seeds;"
            " with kernels of ten times Xavier's size, the mean slope of sigmoid and tanh is below"
            " half the steepest",
            "one common rate had decided, at which sigmoid was far from its best; and digits were"
            " learned as well by a linear network, so the data had to change",
        ),
    ),
    expected=HOLDS,
    seconds=20,
)
WIDTHS, BATCH = (32, 32, 32), 20
RATES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
he, xavier = nn.initializers.he_normal, nn.initializers.xavier_normal
KINDS: dict[str, Any] = {
    "identity": (nn.activations.identity, xavier),
    "sigmoid": (nn.activations.sigmoid, xavier),
    "tanh": (nn.activations.tanh, xavier),
    "ReLU": (nn.activations.relu, he),
    "leaky ReLU": (nn.activations.leaky_relu, he),
    "PReLU": (nn.prelu, he),
    "ELU": (nn.activations.elu, he),
}
SCALES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
FAMILY = ("ReLU", "leaky ReLU", "PReLU", "ELU")


def run(settings: Settings) -> Numbers:
    """Train every kind at every rate, and measure slopes against the size of the kernel."""
    spirals = dataset("spirals")
    train, test = (
        [jnp.asarray(a) for a in pair]
        for pair in ((spirals.x_train, spirals.y_train), (spirals.x_test, spirals.y_test))
    )
    epochs = 25 if settings.quick else 60
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    batches = orders(settings, epochs, len(train[0]), BATCH)
    accuracy = {}
    for name, (kind, kernel) in KINDS.items():
        model = nn.mlp(WIDTHS, 3, kind, kernel)
        params = jax.vmap(lambda key, model=model: model.init(key, (2,))[0])(keys)
        accuracy[name] = over_rates(
            by_rate(model, nn.losses.cross_entropy, test_accuracy(model)),
            RATES,
            params,
            batches,
            *train,
            *test,
        )
    layer = nn.dense(WIDTHS[0], xavier)
    W = jax.vmap(lambda key: layer.init(key, (32,))[0]["W"])(keys)
    x = jax.random.normal(jax.random.key(1), (200, 32))
    z = jnp.asarray(SCALES)[None, :, None, None] * (x @ W)[:, None]
    slopes = {
        name: jnp.mean(f.derivative(z, f(z)), axis=(2, 3)) * steepest
        for name, f, steepest in (
            ("sigmoid", nn.activations.sigmoid, 4),
            ("tanh", nn.activations.tanh, 1),
            ("ReLU", nn.activations.relu, 1),
        )
    }
    return {"accuracy": accuracy, "slopes": slopes}


def _tuned(numbers: Numbers, name: str) -> Tuned:
    """Return the rate with the lowest mean error over the epochs."""
    return best(RATES, 1 - np.array(numbers["accuracy"][name], float)[:, :, 1:].mean(axis=2))


def plot(numbers: Numbers) -> Figure:
    """Draw accuracy by epoch at the best rates, and the mean slope against the kernel's size."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (name, values) in enumerate(numbers["accuracy"].items()):
        tuned = _tuned(numbers, name)
        runs = np.array(values, float)[tuned.place]
        style.band(left, range(len(runs[0])), runs, f"{name}, {tuned.rate:g}", i)
    left.set(xlabel="epoch (legend: activation and its best rate)", ylabel="test accuracy")
    left.set_ylim(0, 1.02)
    for i, (name, values) in enumerate(numbers["slopes"].items()):
        style.band(right, SCALES, values, name, i, marker=style.MARKERS[i])
    right.set_xscale("log")
    right.set_ylim(0, 1.05)
    right.set_xlabel("size of the kernel, times Xavier's")
    right.set_ylabel("mean slope, share of the steepest")
    left.legend(frameon=False, ncols=2, loc="lower right", fontsize=8)
    right.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the accuracies at the best rates, and slopes at ten times Xavier's kernel."""
    tuned = {name: _tuned(numbers, name) for name in KINDS}
    mean = {name: 100 * (1 - found.scores[found.place]) for name, found in tuned.items()}
    last = {
        name: 100 * np.array(values, float)[tuned[name].place, :, -1].mean()
        for name, values in numbers["accuracy"].items()
    }
    family = {name: paired(mean[name], mean["tanh"]) for name in FAMILY}
    at = SCALES.index(10.0)
    slopes = {name: np.array(v)[:, at].mean() for name, v in numbers["slopes"].items()}
    faded = max(slopes["sigmoid"], slopes["tanh"]) < 0.5
    lead = paired(mean["tanh"], mean["sigmoid"])
    word = word_of(lead.above, *(found.above for found in family.values()), faded)
    ahead = [name for name, found in family.items() if found.above]
    behind = [name for name, found in family.items() if found.below]
    early = ", ".join(f"{name} {values.mean():.1f}" for name, values in mean.items())
    ends = ", ".join(f"{name} {value:.1f}" for name, value in last.items())
    edges = [name for name, found in tuned.items() if found.at_edge and name != "identity"]
    return Verdict(
        word,
        lead.mean,
        spread(mean["tanh"] - mean["sigmoid"]),
        f"Test accuracy in per cent, at the best rate of each, mean over the epochs: {early}; at"
        f" the end: {ends}. Tanh leads sigmoid by {lead.text(1)} points. Clearly ahead of tanh:"
        f" {', '.join(ahead) or 'none'}; clearly behind: {', '.join(behind) or 'none'}. With"
        f" kernels of ten times Xavier's size, the mean slope is {slopes['sigmoid']:.2f} of the"
        f" steepest for sigmoid, {slopes['tanh']:.2f} for tanh and {slopes['ReLU']:.2f} for ReLU."
        + edge_sentence(edges),
        part="sigmoid learns slowest, and large kernels saturate" if word == IN_PART else "",
    )
