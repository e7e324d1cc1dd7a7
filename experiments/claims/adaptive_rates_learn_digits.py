r"""On digits, momentum and adaptive rates learn more than plain descent in the same few steps.

Seven rules train 784-32-10 for the same number of mini-batches. Each rule is run at every rate of
one grid, with the same starts and the same order of examples. Training digits that are held out
choose the rate of each rule, and the test digits judge it (deck C, "Stochastic Gradient Descent";
deck D, "Adaptive learning rate (gradient) algorithms").

The settings and the verdict on record were changed after results had been seen; the verdict names
the rules for which the threshold is not met.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import descent, over_seeds
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
from experiments.training import RULES, digits
from jaxmlp import nn

ABOUT = About(
    rows=("D10", "C4"),
    section="Adaptive learning rate algorithms; stochastic gradient descent: momentum",
    formula=r"w_i \leftarrow w_i - \frac{\eta}{\sqrt{g_i + \epsilon}}"
    r" \frac{\partial L}{\partial w_i}",
    number="test loss of plain descent minus the loss of Adam",
    unit="nats",
    thresholds=(
        Threshold(
            "at its own best rate, every rule except plain descent has a lower mean test loss"
            " than plain descent, by more than the standard deviation over seeds of the"
            " difference",
            BEFORE,
        ),
    ),
    expected=IN_PART,
    seconds=30,
)
BATCH, HELD = 64, 500


def run(settings: Settings) -> Numbers:
    """Train with every rule, rate and seed; measure the held-out and the test loss."""
    quick = settings.quick
    steps, units, n = (60, 16, 1000) if quick else (150, 32, 6000)
    rates = jnp.logspace(-3, 0.5, 8 if quick else 11)
    (x, y), test = digits(settings, n + HELD, 1000)
    parts = jax.tree.map(jnp.asarray, ((x[:n], y[:n]), (x[n:], y[n:]), test))
    order = np.random.default_rng(0).integers(0, n, (settings.seeds, steps, BATCH))
    model, loss = nn.mlp((units,), 10), nn.losses.cross_entropy
    starts = over_seeds(lambda key: model.init(key, (784,))[0], settings)
    gradient = nn.value_and_grad(model, loss)

    def learn(rule: Any, rate: jax.Array, params: Any, order: jax.Array, parts: Any) -> jax.Array:
        train, *judged = parts

        def measured(params: Any) -> jax.Array:
            return jnp.stack([loss(model(params, x), y) for x, y in judged])

        return descent(gradient, rule(rate), measured)(params, *train, order[None])[0][-1]

    best, losses = {}, {}
    for name, rule in RULES.items():
        at_rates = jax.vmap(functools.partial(learn, rule), (0, None, None, None))
        over = jax.jit(jax.vmap(at_rates, (None, 0, 0, None)))
        held_out, tested = np.moveaxis(over(rates, starts, jnp.asarray(order), parts), -1, 0)
        best[name] = int(np.argmin(np.nan_to_num(held_out, nan=np.inf).mean(axis=0)))
        losses[name] = tested
    return {"rates": rates, "steps": steps, "best": best, "losses": losses}


def plot(numbers: Numbers) -> Figure:
    """Draw the test loss against the rate, and each rule's loss at its best rate."""
    figure, ((left, right),) = style.figure(1, 2, width=5.0, height=3.8)
    for i, (name, losses) in enumerate(numbers["losses"].items()):
        shown = np.array(losses, float)
        look: dict[str, Any] = {"marker": style.MARKERS[i], "ms": 4}
        style.band(
            left, numbers["rates"], np.where(shown < 4, shown, np.nan), name, i, log=True, **look
        )
        tuned = shown[:, numbers["best"][name]]
        colour = style.COLOURS[i]
        right.errorbar(tuned.mean(), i, xerr=tuned.std(), color=colour, fmt=style.MARKERS[i])
    left.set(xscale="log", xlabel="learning rate", ylabel="test loss, nats")
    style.plain_ticks(left.yaxis)
    right.set_yticks(range(len(RULES)), list(RULES))
    right.invert_yaxis()
    right.set_xlabel(f"test loss after {numbers['steps']} steps of {BATCH}, nats, at the best rate")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare each rule with plain descent by the test loss at its best rate."""
    at_best = {
        name: np.array(losses, float)[:, numbers["best"][name]]
        for name, losses in numbers["losses"].items()
    }
    gains = {name: at_best["descent"] - losses for name, losses in at_best.items()}
    del gains["descent"]
    worse = [name for name, gain in gains.items() if gain.mean() <= gain.std()]
    word = word_of("Adam" not in worse, not worse)
    means = ", ".join(f"{name} {losses.mean():.3f}" for name, losses in at_best.items())
    return Verdict(
        word,
        float(gains["Adam"].mean()),
        spread(gains["Adam"]),
        f"Test loss after {numbers['steps']} steps, each rule at its best rate: {means}."
        + (f" Not clearly below plain descent: {', '.join(worse)}." if worse else "")
        + " The number is the loss of plain descent minus the loss of Adam. When the rate of every"
        " rule is tuned, the choice of the rule matters far less than the rate itself.",
    )
