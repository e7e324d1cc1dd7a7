r"""The age of an animal wants an output without an upper end; a sigmoid is no choice.

A made-up table has four measurements of animals, their ages, many of which are near zero, and no
age below zero. 4-16-1 learns the ages by Adam with five outputs, each at its own best rate: the
identity, ReLU, softplus, a sigmoid, and, as a control that could win, a sigmoid times the largest
age in the training part. ReLU and softplus are those of `--output-activation`. The deck's claim is
that a sigmoid is not valid, and that ReLU fits an age because it is never negative (deck E,
"Activation Functions: Examples").
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import by_rate, orders, over_rates
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
from experiments.statistics import Interval, paired, spread
from experiments.tuning import Tuned, best, edge_note
from jaxmlp import nn, optim
from jaxmlp.nn.outputs import behind, standardised

ABOUT = About(
    rows=("E13", "E5"),
    section="Activation functions: examples",
    formula=r"\hat{y} = z, \quad \hat{y} = \max(0, z), \quad \hat{y} = \log(1 + e^z), \quad"
    r" \hat{y} = \sigma(z) < 1",
    number="test error of the sigmoid over that of the identity",
    unit="ratio of root mean squares",
    thresholds=(
        Threshold(
            "each output at its own best rate, the sigmoid's test error is higher than the"
            " identity's (main clause); ReLU's, and softplus's, is lower than the identity's; the"
            " identity gives some negative ages; and the sigmoid times the largest age has a higher"
            " error than ReLU; each by a paired 95 % interval over ten seeds",
            BEFORE,
        ),
    ),
    expected=IN_PART,
    seconds=10,
)
OUTPUTS = ("identity", "ReLU", "softplus", "sigmoid", "sigmoid x largest age")
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
TRAIN, TEST, BATCH = 500, 1000, 25


def animals(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw measurements `(n, 4)` and ages `(n, 1)` in years, none below zero.

    A hidden growth `g` gives the age `max(0, 6 g)` for `g > 0`, with noise of half a year that
    leaves no age below zero; half of the animals are newborn or nearly so.
    """
    growth = rng.normal(0.2, 1, (n, 1))
    x = growth * np.array([1.0, 0.8, -0.6, 0.4]) + rng.normal(0, 0.4, (n, 4))
    ages = np.abs(6 * np.maximum(growth, 0) + rng.normal(0, 0.5, (n, 1)) * (growth > 0))
    return x.astype(np.float32), ages.astype(np.float32)


def _heads(mean: float, deviation: float, largest: float) -> dict[str, nn.Activation | None]:
    """Return each output, in the unit of the standardised target."""
    shift = jnp.asarray([mean / deviation], jnp.float32)

    def scaled(top: float) -> nn.Activation:
        """A sigmoid from 0 to `top` years."""
        sigmoid = nn.activations.sigmoid
        return nn.Activation(
            "sigmoid",
            lambda z: sigmoid(z) * (top / deviation) - shift,
            lambda z, a: sigmoid.derivative(z, sigmoid(z)) * (top / deviation),
        )

    return dict(
        zip(
            OUTPUTS,
            (
                None,
                standardised(nn.activations.relu, shift),
                standardised(nn.activations.softplus, shift),
                scaled(1.0),
                scaled(largest),
            ),
            strict=True,
        )
    )


def run(settings: Settings) -> Numbers:
    """Learn the ages with every output at every rate."""
    epochs = 20 if settings.quick else 60
    rng = np.random.default_rng(0)
    (x, ages), (x_test, ages_test) = animals(rng, TRAIN), animals(rng, TEST)
    mean, deviation = float(ages.mean()), float(ages.std())
    settings = settings._replace(seeds=settings.many)
    model = nn.mlp((16,), 1)
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    starts = jax.vmap(lambda key: model.init(key, (4,))[0])(keys)
    batches = orders(settings, epochs, TRAIN, BATCH)
    data = [jnp.asarray(a) for a in (x, (ages - mean) / deviation, x_test, ages_test)]
    numbers: Numbers = {"ages": ages_test[:, 0], "error": {}, "below": {}, "said": {}}
    for name, head in _heads(mean, deviation, float(ages.max())).items():
        loss = nn.losses.mse if head is None else behind(head, nn.losses.mse)

        def measured(params: Any, *known: Any, head: Any = head) -> tuple[jax.Array, ...]:
            z = model(params, known[2])
            said = mean + deviation * (z if head is None else head(z))
            miss = jnp.sqrt(jnp.mean((said - known[3]) ** 2))
            return miss, jnp.mean(said < -1e-4), said[:200, 0]

        learn = by_rate(model, loss, measured, rule=optim.adam)
        error, below, said = over_rates(learn, RATES, starts, batches, *data)
        place = best(RATES, error[:, :, -1]).place
        numbers["error"][name] = error[:, :, -1]
        numbers["below"][name] = below[place, :, -1]
        numbers["said"][name] = said[place, 0, -1]
    return numbers


def _tuned(numbers: Numbers) -> dict[str, Tuned]:
    """Return the rate of every output with the lowest test error."""
    return {name: best(RATES, error) for name, error in numbers["error"].items()}


def plot(numbers: Numbers) -> Figure:
    """Draw predictions against ages, and the error by rate."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, name in enumerate(("identity", "ReLU", "sigmoid")):
        said = np.array(numbers["said"][name])
        look = {"color": style.COLOURS[OUTPUTS.index(name)], "marker": style.MARKERS[i]}
        left.plot(numbers["ages"][: len(said)], said, ls="", ms=3, label=name, **look)
    left.axhline(0, color="k", lw=0.8)
    left.set(xlabel="age, years", ylabel="predicted age, years")
    for i, (name, error) in enumerate(numbers["error"].items()):
        style.band(right, RATES, np.array(error).T, name, i, log=True, marker=style.MARKERS[i])
    right.set(xscale="log", xlabel="learning rate", ylabel="test error, years")
    style.plain_ticks(right.yaxis)
    for panel in (left, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the errors of the outputs, each at its best rate."""
    tuned = _tuned(numbers)
    error = {name: found.scores[found.place] for name, found in tuned.items()}
    below = {name: 100 * np.array(values) for name, values in numbers["below"].items()}

    def over(name: str, other: str = "identity") -> Interval:
        return paired(error[name], error[other])

    negative = paired(below["identity"], np.zeros(len(below["identity"])))
    clauses = {
        "ReLU is better than the identity": over("ReLU").below,
        "softplus is better than the identity": over("softplus").below,
        "the identity gives negative ages": negative.above,
        "ReLU is better than a sigmoid times the largest age": over(OUTPUTS[4], "ReLU").above,
    }
    word = word_of(over("sigmoid").above, *clauses.values())
    ratio = error["sigmoid"] / error["identity"]
    shown = [name for name, true in clauses.items() if true]
    listed = ", ".join(f"{name} {values.mean():.3f}" for name, values in error.items())
    return Verdict(
        word,
        float(ratio.mean()),
        spread(ratio),
        f"Test error in years: {listed}. A sigmoid never says more than one year. Against the"
        f" identity, the error of ReLU is {over('ReLU').text(3)} and that of softplus"
        f" {over('softplus').text(3)}; a sigmoid times the largest age is"
        f" {over(OUTPUTS[4], 'ReLU').text(3)} above ReLU. The identity gives a negative age for"
        f" {negative.text(1)} % of the animals, ReLU and softplus for"
        f" {max(below['ReLU'].max(), below['softplus'].max()):.0f} %; a floor makes answers valid,"
        f" and hardly better.{edge_note(tuned)}",
        part="; ".join(["a sigmoid is no choice", *shown]) if word == IN_PART else "",
    )
