r"""He initialization suits ReLU, Xavier suits tanh, and depth makes the difference.

Networks of 1 and of 10 hidden layers, with 48 units each, learn digits by plain descent at one
rate. Their kernels are drawn by He's rule, by Xavier's rule, from `N(0, 0.01^2)` and from `N(0,
1)`. The criterion is the median over seeds of the training loss after the last epoch. It was the
mean at first, but a single run with a late spike decides a mean (deck A, "Effect of He vs Random
initialization"; deck B, "Xavier vs. He").
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
    rows=("B8", "A8"),
    section="Xavier vs. He",
    formula=r"\mathrm{Var}(W) = \frac{2}{n_{in}} \; \mathrm{(He)}, \qquad"
    r" \mathrm{Var}(W) = \frac{2}{n_{in} + n_{out}} \; \mathrm{(Xavier)}",
    number="training loss of Xavier's start over that of He's, ten layers of ReLU",
    unit="ratio",
    thresholds=(
        Threshold(
            "with ten layers, the rule for the activation (He for ReLU, Xavier for tanh) ends"
            " with a lower median training loss than the other rule and both plain normals; with"
            " one layer, He and Xavier end within 20 % of each other",
            BEFORE,
        ),
    ),
    expected=IN_PART,
    seconds=20,
)
RULES = {
    "He": nn.initializers.he_normal,
    "Xavier": nn.initializers.xavier_normal,
    "N(0, 0.01²)": nn.initializers.normal(0.01),
    "N(0, 1)": nn.initializers.normal(1.0),
}
ACTIVATIONS = {"relu": nn.activations.relu, "tanh": nn.activations.tanh}
DEPTHS, WIDTH, RATE, BATCH = (1, 10), 48, 0.03, 25


def run(settings: Settings) -> Numbers:
    """Train every rule with both activations at both depths, all seeds and rules at once."""
    (x, y), _ = digits(settings, 1000, 1)
    epochs = 4 if settings.quick else 10
    data = jnp.asarray((x - x.mean()) / x.std()), jnp.asarray(y)
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    batches = orders(settings, epochs, len(x), BATCH)
    losses: Numbers = {}
    for name, f in ACTIVATIONS.items():
        for depth in DEPTHS:
            models = {
                rule: nn.mlp((WIDTH,) * depth, 10, f, kernel) for rule, kernel in RULES.items()
            }
            starts = [
                jax.vmap(lambda key, model=model: model.init(key, x.shape[1:])[0])(keys)
                for model in models.values()
            ]
            stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts)
            fit = jax.vmap(partial(_fit, models["He"]), (0, None, None, 0))
            runs = jax.jit(jax.vmap(fit, (0, None, None, None)))(stacked, *data, batches)
            losses |= {f"{r}, {name}, {depth}": run for r, run in zip(RULES, runs, strict=True)}
    return {"loss": losses}


def _fit(model: nn.Layer, params: Any, x: jax.Array, y: jax.Array, batches: jax.Array) -> jax.Array:
    """Return the training loss before the first epoch and after each."""
    loss = nn.losses.cross_entropy
    learn = descent(
        nn.value_and_grad(model, loss), optim.sgd(RATE), lambda params: loss(model(params, x), y)
    )
    return learn(params, x, y, batches)[0]


def plot(numbers: Numbers) -> Figure:
    """Draw training loss by epoch for each activation and depth."""
    figure, panels = style.figure(2, 2, height=3.0)
    cases = [(name, depth) for name in ACTIVATIONS for depth in DEPTHS]
    for panel, (name, depth) in zip(panels.ravel(), cases, strict=True):
        for i, rule in enumerate(RULES):
            loss = np.array(numbers["loss"][f"{rule}, {name}, {depth}"], float)
            style.band(panel, range(loss.shape[1]), loss, rule, i, log=True)
        panel.set_ylim(0.03, 100)
        panel.set_xlabel(f"epoch ({name}, {depth} hidden)")
    for row in panels:
        row[0].set_ylabel("training loss, nats")
    panels[0, 0].legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the losses at the end; a run that is not finite counts as infinitely bad."""
    ends = {
        name: np.nan_to_num(np.array(loss, float)[:, -1], nan=np.inf)
        for name, loss in numbers["loss"].items()
    }
    middle = {name: float(np.median(loss)) for name, loss in ends.items()}
    parts = []
    for name, own in (("relu", "He"), ("tanh", "Xavier")):
        others = [middle[f"{rule}, {name}, 10"] for rule in RULES if rule != own]
        parts.append(bool(middle[f"{own}, {name}, 10"] < min(others)))
        shallow = [middle[f"{rule}, {name}, 1"] for rule in ("He", "Xavier")]
        parts.append(bool(max(shallow) < 1.2 * min(shallow)))
    word = word_of(*parts)
    tanh = ends["Xavier, tanh, 10"] / ends["He, tanh, 10"]
    ratio = ends["Xavier, relu, 10"] / ends["He, relu, 10"]

    def listed(name: str, depth: int) -> str:
        return ", ".join(f"{rule} {middle[f'{rule}, {name}, {depth}']:.2f}" for rule in RULES)

    return Verdict(
        word,
        float(ratio.mean()),
        spread(ratio),
        f"Training loss at the end with ten layers of ReLU: {listed('relu', 10)}; with ten layers"
        f" of tanh: {listed('tanh', 10)}; with one layer of ReLU: {listed('relu', 1)}; with one"
        f" layer of tanh: {listed('tanh', 1)}. The number is Xavier's loss over He's with ten"
        f" layers of ReLU; with ten layers of tanh this ratio is {tanh.mean():.1f}. Use He for"
        " ReLU. For tanh the fan matters, but the gain matters less than the slides suggest.",
    )
