r"""Dropout narrows the gap between training and test; scaled weights replace an average of nets.

784-256-10 learns a few hundred digits for many epochs, and each hidden unit is kept with
probability `p`. The trained network is then evaluated without dropping, which in the lecture's form
multiplies the weights by `p`. It is compared with averages over many thinned networks, of their
logits and of their probabilities (deck C, "Dropout").

The gain in accuracy is hardly larger than the noise: with 40 epochs instead of 60, all three
criteria were met.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
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
from experiments.training import digits, train
from jaxmlp import nn, optim

ABOUT = About(
    rows=("C8",),
    section="Dropout",
    formula=r"y = \frac{m}{p} x, \quad m \sim \mathrm{Bernoulli}(p); \qquad"
    r" p \, W x \approx \mathrm{E}_m [ W (m x) ]",
    number="gap between test and training loss with dropout over the gap without",
    unit="ratio",
    thresholds=(
        Threshold(
            "at p = 1/2, the gap in loss between test and training is smaller than without"
            " dropout and the test accuracy is higher, each by more than the standard deviation"
            " over seeds of the difference; and the one scaled network agrees with the average"
            " of 500 thinned networks on at least 99 % of the test digits",
            BEFORE,
        ),
    ),
    expected=IN_PART,
    seconds=40,
)
KEPT = (1.0, 0.5, 0.3)  # values of p; 1 means no dropout
AVERAGED = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # numbers of thinned networks


def run(settings: Settings) -> Numbers:
    """Train at every p, and average thinned networks at p = 1/2."""
    n, epochs = (200, 15) if settings.quick else (500, 60)
    width = 64 if settings.quick else 256
    data = digits(settings, n, 1000)
    numbers: Numbers = {"n": n, "train_loss": {}, "test_loss": {}, "test_accuracy": {}}
    for p in (1.0, 0.5) if settings.quick else KEPT:
        model = nn.mlp((width,), 10, dropout_rate=1 - p)
        runs = train(model, optim.adam(3e-3), data, settings, epochs, batch_size=50)
        for name in ("train_loss", "test_loss", "test_accuracy"):
            numbers[name][str(p)] = runs[name]
        if p == 0.5:
            numbers |= _averages(model, runs["params"], data[1], settings)
    return numbers


def _averages(model: nn.Layer, params: list, test: tuple, settings: Settings) -> Numbers:
    """Return the agreement of the scaled network with averages of thinned ones, by seed."""
    x, y = (jnp.asarray(part) for part in test)

    @jax.jit
    def thin(params, key, x):  # type: ignore[no-untyped-def]
        def add(total, key):  # type: ignore[no-untyped-def]
            total = total + jax.nn.softmax(model.forward(params, x, key)[0])
            return total, total

        keys = jax.random.split(key, AVERAGED[-1])
        sums = jax.lax.scan(add, jnp.zeros((len(x), 10)), keys)[1]
        return sums[jnp.array(AVERAGED) - 1]

    rows = []
    for seed, p in enumerate(params):
        answers = jnp.argmax(thin(p, jax.random.key(seed), x), axis=2)  # (averages, N)
        scaled = jnp.argmax(model(p, x), axis=1)
        agree = jnp.mean(answers == scaled[None], axis=1)
        rows.append((agree, jnp.mean(answers == y[None], axis=1), jnp.mean(scaled == y)))
    names = ("agreement", "average_accuracy", "scaled_accuracy")
    return {
        name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def _gaps(numbers: Numbers, p: str) -> np.ndarray:
    """Return test loss minus training loss after the last epoch, by seed."""
    return np.array(numbers["test_loss"][p])[:, -1] - np.array(numbers["train_loss"][p])[:, -1]


def plot(numbers: Numbers) -> Figure:
    """Draw the losses by epoch, the results by p, and the averages of thinned networks."""
    figure, ((left, middle, right),) = style.figure(1, 3)
    for i, p in enumerate(("1.0", "0.5")):
        word = "no dropout" if p == "1.0" else "p = 1/2"
        for j, part in enumerate(("train", "test")):
            values = numbers[f"{part}_loss"][p]
            look: dict[str, Any] = {"color": style.COLOURS[i], "ls": style.LINES[j]}
            name = f"{'training' if part == 'train' else 'test'}, {word}"
            style.band(left, range(len(values[0])), values, name, i, log=True, **look)
    left.set(xlabel=f"epoch over {numbers['n']} digits", ylabel="loss, nats")
    kept = [float(p) for p in numbers["test_loss"]]
    gaps = np.array([_gaps(numbers, str(p)) for p in kept]).T
    errors = [100 * (1 - np.array(numbers["test_accuracy"][str(p)])[:, -1]) for p in kept]
    style.band(middle, kept, gaps, "test − training loss", 0, marker="o")
    middle.set(
        xlabel="p, probability of keeping a unit",
        ylabel="gap in loss, nats",
        ylim=(0, 1.5 * gaps.max()),
    )
    other = middle.twinx()
    style.band(other, kept, np.array(errors).T, "test error", 1, marker="s")
    other.set(ylabel="test error, %", ylim=(0, None))
    other.legend(frameon=False, fontsize=8, loc="lower right")
    style.band(right, AVERAGED, 100 * (1 - np.array(numbers["average_accuracy"])), "average", 0)
    scaled = 100 * (1 - np.mean(numbers["scaled_accuracy"]))
    right.axhline(scaled, color="k", ls=":", label="one network, weights times p")
    differ = 100 * (1 - np.array(numbers["agreement"]))
    style.band(right, AVERAGED, differ, "average and one network differ", 1)
    right.set(xscale="log", xlabel="thinned networks averaged", ylabel="% of the test digits")
    right.set_ylim(0, None)
    for panel, place in ((left, "best"), (middle, "lower left"), (right, "best")):
        panel.legend(frameon=False, fontsize=8, loc=place)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare p = 1/2 with no dropout, and the scaled network with the average."""
    none, half = _gaps(numbers, "1.0"), _gaps(numbers, "0.5")
    accuracy = {p: np.array(numbers["test_accuracy"][p])[:, -1] for p in ("1.0", "0.5")}
    gain = accuracy["0.5"] - accuracy["1.0"]
    agree = np.array(numbers["agreement"])[:, -1]
    narrower = (none - half).mean() > (none - half).std()
    good = narrower, gain.mean() > gain.std(), agree.mean() >= 0.99
    return Verdict(
        word_of(*good),
        float((half / none).mean()),
        spread(half / none),
        f"After the last epoch, the gap in loss is {none.mean():.2f} without dropout and"
        f" {half.mean():.2f} at p = 1/2 (the number is their ratio). The test accuracy is"
        f" {100 * accuracy['1.0'].mean():.1f} % without dropout and"
        f" {100 * accuracy['0.5'].mean():.1f} % at p = 1/2, a gain of {100 * gain.mean():.2f} ±"
        f" {100 * spread(gain):.2f} points. The one scaled network and the average of"
        f" {AVERAGED[-1]} thinned networks give the same answer for"
        f" {100 * agree.mean():.1f} % of the test digits.",
    )
