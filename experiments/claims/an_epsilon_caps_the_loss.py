r"""Taking `log(a + 1e-9)` caps the loss and ends learning; `log_softmax` is right for all logits.

Of ten logits in float32, that of a wrong class is larger than the others by a lead m, from 1 to
10,000. The loss and its slope are computed by `log(a)`, by `log(a + 1e-9)` as in the lecture's
code, and by the library, and compared with float64. The slope of the lecture's loss is the one that
automatic differentiation finds; the lecture pairs this loss with `a - y`, which is the slope of the
loss without the epsilon (erratum 9). Then a constant is added to all ten logits, which changes no
probability, and the softmax is computed with and without the shift by the maximum (deck A, "The
Output Layer: Softmax" and "Implementation: Forward Pass").
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
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
from jaxmlp import nn
from jaxmlp.config.referees import autodiff
from jaxmlp.nn.softmax import softmax

ABOUT = About(
    rows=("A5", "A1"),
    section="The output layer: softmax; implementation: forward pass; MNIST checklist",
    formula=r"-\log(a_c + \epsilon) \le -\log \epsilon = 20.7, \qquad"
    r" \frac{\partial}{\partial z_j} = \frac{a_c}{a_c + \epsilon} (a_j - y_j), \qquad"
    r" \frac{e^{z_i - m}}{\sum_j e^{z_j - m}} = \frac{e^{z_i}}{\sum_j e^{z_j}}",
    number="slope of log(a + 1e-9) over the right slope, at a lead of 30",
    unit="ratio",
    thresholds=(
        Threshold(
            "at every lead of 30 or more, the slope of log(a + 1e-9) is below 1 % of the right"
            " one, and its loss never exceeds 20.73; at every lead up to 10,000, loss and slope"
            " of log_softmax have a relative error of at most 1e-6 against float64",
            BEFORE,
        ),
        Threshold(
            "at every lead of 30 or more, the slope of log(a + 1e-9) is below 1 % of the right"
            " one, and its loss never exceeds 20.73 (main clause); at every lead up to 10,000,"
            " loss and slope of log_softmax have a relative error of at most 1e-6 against float64;"
            " with nothing added to the logits, the softmax with and without the shift is within"
            " 1e-6 of float64 in all examples; with 1000 added to all logits, it is so in all"
            " examples with the shift and in none without it",
            "only the lead of one logit had varied, so the curves with and without the shift lay"
            " on each other, and what the shift is for was not measured",
        ),
    ),
    expected=HOLDS,
    seconds=3,
)
CLASSES, EPSILON = 10, 1e-9
LEADS = np.sort([*np.geomspace(1, 10_000, 81), 30.0])
ADDED = np.arange(-1000.0, 1001.0, 20)  # to all logits
EXAMPLES = 200  # for each seed
CLOSE = 1e-6


def _log(a: jax.Array, y: jax.Array) -> jax.Array:
    return -jnp.log(jnp.take_along_axis(a, y[:, None], axis=1)[:, 0])


WAYS = {
    "log(a)": lambda z, y: _log(softmax(z), y),
    "log(a + 1e-9)": lambda z, y: _log(softmax(z) + EPSILON, y),
}


def run(settings: Settings) -> Numbers:
    """Measure loss and slope at every lead, and the softmax of logits far from zero."""
    z = np.zeros((len(LEADS), CLASSES), np.float32)
    z[:, 0] = LEADS
    log_a = _log_softmax64(z)
    truth = {"loss": -log_a[:, 1], "slope": 1 - np.exp(log_a[:, 1])}
    found = {name: _by_machine(value, jnp.asarray(z)) for name, value in WAYS.items()}
    library, y = nn.losses.cross_entropy, jnp.ones(len(z), jnp.int32)
    found["log_softmax"] = {
        "loss": library.per_example(jnp.asarray(z), y),
        "slope": -library.per_example_gradient(jnp.asarray(z), y)[:, 1],
    }
    return {"leads": LEADS, "truth": truth, "found": found} | _far_away(settings)


def _log_softmax64(z: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax in float64."""
    shifted = z.astype(np.float64) - z.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return np.asarray(shifted - log_sum, np.float64)


def _by_machine(value: nn.losses.PerExample, z: jax.Array) -> Numbers:
    """Return a loss and, by autodiff, its negative slope in the true class's logit."""
    model, y = nn.dense(CLASSES), jnp.ones(1, jnp.int32)
    differentiate = autodiff(model, nn.Loss("", value, value))

    def one(row: jax.Array) -> tuple[jax.Array, jax.Array]:
        params = {
            "W": row[None],
            "b": jnp.zeros(CLASSES),
        }  # the weights are the logits
        (loss, _), gradient = differentiate(params, jnp.ones((1, 1)), y)
        return loss, -gradient["W"][0, 1]

    loss, slope = jax.vmap(one)(z)
    return {"loss": loss, "slope": slope}


def _far_away(settings: Settings) -> Numbers:
    """Return errors and finite shares of the softmax with a number added to all logits."""
    seeds = [np.random.default_rng(seed) for seed in range(settings.many)]
    z = np.array([3 * rng.normal(size=(EXAMPLES, CLASSES)) for rng in seeds])
    z = (z[:, None] + ADDED[:, None, None]).astype(np.float32)  # (seeds, added, examples, classes)
    right = np.exp(_log_softmax64(z))
    numbers: Numbers = {"added": ADDED, "right": {}, "first": {}}
    for name, shifted in (("with the shift", True), ("without the shift", False)):
        p = np.asarray(softmax(jnp.asarray(z), shifted), float)
        good = (np.abs(p - right) <= CLOSE).all(axis=-1)  # NaN is not close
        numbers["right"][name] = 100 * good.mean(axis=-1)
        numbers["first"][name] = p[0, :, 0, right[0, 0, 0].argmax()]
    return numbers


def plot(numbers: Numbers) -> Figure:
    """Draw loss and slope against the lead, and the softmax against what is added to the logits."""
    figure, ((left, right), (low, last)) = style.figure(2, 2)
    for panel, kind in ((left, "loss"), (right, "slope")):
        for i, (name, values) in enumerate(numbers["found"].items()):
            y = np.array(values[kind], float)
            style.band(panel, numbers["leads"], y, name, i, lw=(5, 2, 2)[i])
        panel.set_xscale("log")
        panel.set_xlabel("lead m of the wrong class, logits")
    left.set_yscale("log")
    left.set_ylabel("loss, nats (where finite)")
    right.set_ylabel("slope −dL/dz of the right class")
    for i, name in enumerate(numbers["right"]):
        look: dict[str, Any] = {"lw": (5, 2)[i]}
        style.band(low, numbers["added"], numbers["first"][name], name, i, **look)
        style.band(last, numbers["added"], numbers["right"][name], name, i, **look)
    low.set(xlabel="added to all logits", ylabel="a probability (where finite)", ylim=(0, 1))
    last.set(xlabel="added to all logits", ylabel="examples right within 1e-6, %")
    for panel in (low, last):
        panel.set_xticks(range(-1000, 1001, 500))
    for panel in (left, last):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare loss, slope and probabilities with float64."""
    leads = np.array(numbers["leads"])
    found = {
        name: {kind: np.array(v, float) for kind, v in values.items()}
        for name, values in numbers["found"].items()
    }
    truth = {kind: np.array(v) for kind, v in numbers["truth"].items()}
    printed, ours = found["log(a + 1e-9)"], found["log_softmax"]
    off = max(float(np.max(np.abs(ours[k] - truth[k]) / truth[k])) for k in truth)
    at = int(np.argmin(np.abs(leads - 30)))
    cap, share = float(printed["loss"].max()), float(printed["slope"][at] / truth["slope"][at])
    halves = float(leads[printed["slope"] < truth["slope"] / 2].min())
    last = leads[np.isfinite(found["log(a)"]["slope"])].max()
    fades = cap <= 20.73 and bool(np.all(printed["slope"][at:] < 0.01 * truth["slope"][at:]))
    right = {name: np.array(values) for name, values in numbers["right"].items()}
    nothing, thousand = (list(ADDED).index(added) for added in (0, 1000))
    finite = {name: values[:, thousand].mean() for name, values in right.items()}
    reach = ADDED[(right["without the shift"] == 100).all(axis=0)]
    clauses = {
        "log_softmax is right": off < CLOSE,
        "the shift changes no probability": all(
            (v[:, nothing] == 100).all() for v in right.values()
        ),
        "the shift prevents the overflow": list(finite.values()) == [100, 0],
    }
    word = word_of(fades, *clauses.values())
    shown = ", ".join(name for name, true in clauses.items() if true)
    return Verdict(
        word,
        share,
        None,
        f"log(a + 1e-9) never exceeds {cap:.2f}; its slope is half the right one at a lead of"
        f" {halves:.0f} and {share:.1e} of it at a lead of 30. Without the epsilon, log(a) has"
        f" finite slopes up to a lead of {last:.0f}. log_softmax is within {off:.0e} of float64 up"
        " to a lead of 10,000. So give logits to the loss, never probabilities. With 1000 added to"
        f" all logits, the softmax is within {CLOSE:g} of float64 in"
        f" {finite['with the shift']:.0f} % of the examples with the shift and in"
        f" {finite['without the shift']:.0f} % without it. Without the shift all examples are right"
        f" only from {reach.min():.0f} to {reach.max():.0f} added.",
        part=f"the cap and the slope; {shown}" if word == IN_PART else "",
    )
