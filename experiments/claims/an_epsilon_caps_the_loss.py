r"""Taking `log(a + 1e-9)` caps the loss and ends learning; `log_softmax` is right for all logits.

Of ten logits in float32, that of a wrong class is larger than the others by a lead m, from 1 to
10,000. The loss and its slope are computed by `log(a)`, with and without the shift by the maximum,
by `log(a + 1e-9)` as in the lecture's code, and by the library. The reference is float64. The slope
of the lecture's loss is the one that automatic differentiation finds. The lecture pairs this loss
with `a - y`, which is the slope of the loss without the epsilon (deck A, "Implementation: Forward
Pass"; erratum 9).
"""

import jax
import jax.numpy as jnp
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
from jaxmlp import nn
from jaxmlp.config.referees import autodiff

ABOUT = About(
    rows=("A5", "A1"),
    section="Implementation: forward pass; MNIST checklist",
    formula=r"-\log(a_c + \epsilon) \le -\log \epsilon = 20.7, \qquad"
    r" \frac{\partial}{\partial z_j} = \frac{a_c}{a_c + \epsilon} (a_j - y_j)",
    number="slope of log(a + 1e-9) over the right slope at a lead of 30",
    unit="ratio",
    thresholds=(
        Threshold(
            "at every lead of 30 or more, the slope of log(a + 1e-9) is below 1 % of the right"
            " one, and its loss never exceeds 20.73; at every lead up to 10,000, loss and slope"
            " of log_softmax have a relative error of at most 1e-6 against float64",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=3,
)
CLASSES, EPSILON = 10, 1e-9
LEADS = np.concatenate([np.geomspace(1, 10_000, 81), [30.0]])
LEADS.sort()


def _log(a: jax.Array, y: jax.Array) -> jax.Array:
    return -jnp.log(jnp.take_along_axis(a, y[:, None], axis=1)[:, 0])


def _unshifted(z: jax.Array, y: jax.Array) -> jax.Array:
    return _log(jnp.exp(z) / jnp.sum(jnp.exp(z), axis=1, keepdims=True), y)


WAYS = {
    "log(a), no shift": _unshifted,
    "log(a)": lambda z, y: _log(jax.nn.softmax(z), y),
    "log(a + 1e-9)": lambda z, y: _log(jax.nn.softmax(z) + EPSILON, y),
}


def run(settings: Settings) -> Numbers:
    """Measure each way's loss and slope at every lead; nothing is random."""
    z = np.zeros((len(LEADS), CLASSES), np.float32)
    z[:, 0] = LEADS
    shifted = z.astype(np.float64) - z.max(axis=1, keepdims=True)
    log_a = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    truth = {"loss": -log_a[:, 1], "slope": 1 - np.exp(log_a[:, 1])}
    found = {name: _by_machine(value, jnp.asarray(z)) for name, value in WAYS.items()}
    library, y = nn.losses.cross_entropy, jnp.ones(len(z), jnp.int32)
    found["log_softmax"] = {
        "loss": library.per_example(jnp.asarray(z), y),
        "slope": -library.per_example_gradient(jnp.asarray(z), y)[:, 1],
    }
    return {"leads": LEADS, "truth": truth, "found": found}


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


def plot(numbers: Numbers) -> Figure:
    """Draw loss and slope against the lead of the wrong class."""
    figure, ((left, right),) = style.figure(1, 2)
    for panel, kind in ((left, "loss"), (right, "slope")):
        for i, (name, values) in enumerate(numbers["found"].items()):
            y = np.array(values[kind], float)
            style.band(panel, numbers["leads"], y, name, i, lw=(5, 2.5, 1.5, 2)[i])
        panel.set_xscale("log")
        panel.set_xlabel("lead m of the wrong class, logits")
    left.set_yscale("log")
    left.set_ylabel("loss, nats (where finite)")
    right.set_ylabel("slope −dL/dz of the right class")
    left.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare loss and slope with float64."""
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
    last = {name: leads[np.isfinite(v["slope"])].max() for name, v in found.items()}
    fades = cap <= 20.73 and np.all(printed["slope"][at:] < 0.01 * truth["slope"][at:])
    word = word_of(fades, off < 1e-6)
    return Verdict(
        word,
        share,
        None,
        f"log(a + 1e-9) never exceeds {cap:.2f}; its slope is half the right one at a lead of"
        f" {halves:.0f} and {share:.1e} of it at a lead of 30. Without the epsilon, log(a) has"
        f" finite slopes up to a lead of {last['log(a)']:.0f}, and without the shift up to"
        f" {last['log(a), no shift']:.0f}. log_softmax is within {off:.0e} of float64 up to a lead"
        " of 10,000. So give logits to the loss, never probabilities.",
    )
