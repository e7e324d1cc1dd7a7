r"""Mini-batches of a few dozen learn more per pass than whole batches, and faster than online.

784-32-10 learns by plain descent with batches of 1, of 32 and of all examples; the rate of each is
tuned on one grid. The training loss is shown against passes, which count gradient evaluations, and
against seconds. Then the variance of the gradient is measured against the batch size `B`. The
slides say that mini-batches avoid local minima (erratum 12). Nothing here shows it: the loss goes
down steadily with all sizes (deck C, "Mini-Batches"; deck E, "Mini-Batch Gradient Descent").

The seconds are shown but do not decide: on a busy machine, identical runs fell on both sides of
"faster than online learning". After that had been seen, gradient evaluations took their place in
the threshold.
"""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import descent, orders, over_seeds
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
    rows=("C6", "E10"),
    section="Mini-batches; mini-batch gradient descent",
    formula=r"\mathrm{Var} \Big( \frac{1}{B} \sum_{n=1}^{B} \nabla \ell_n \Big)"
    r" = \frac{1}{B} \mathrm{Var} ( \nabla \ell_n )",
    number="training loss of mini-batches over that of whole batches",
    unit="ratio",
    thresholds=(
        Threshold(
            "after the same number of passes, the mini-batch's training loss is below half of"
            " the whole batch's, and not above that of online learning; and the slope of log"
            " variance against log B is within 0.05 of -1",
            BEFORE,
        ),
    ),
    expected=IN_PART,
    seconds=12,
)
PASSES = {"online": 5, "mini-batch": 5, "batch": 100}
B = 32
WIDTHS = (1, 2, 4, 8, 16, 32, 64)  # batch sizes for which the gradient's variance is measured
DRAWS = 60  # batches of each size


def run(settings: Settings) -> Numbers:
    """Train with every batch size, rate and seed, and measure times and variances."""
    n = 800
    rates = jnp.array([0.03, 0.1, 0.3, 1.0])
    (x, y), _ = digits(settings, n, 1)
    data = jnp.asarray(x), jnp.asarray(y)
    model, loss = nn.mlp((32,), 10), nn.losses.cross_entropy
    gradient = nn.value_and_grad(model, loss)
    starts = over_seeds(lambda key: model.init(key, (784,))[0], settings)

    def train(rate: jax.Array, params: Any, batches: jax.Array, data: Any) -> Any:
        x, y = data
        learn = descent(gradient, optim.sgd(rate), lambda params: loss(model(params, x), y))
        return learn(params, x, y, batches)[0]

    numbers: Numbers = {"n": n, "loss": {}, "rate": {}, "seconds": {}}
    for (name, passes), size in zip(PASSES.items(), (1, B, n), strict=True):
        batches = orders(settings, passes, n, size)
        grid = jax.jit(jax.vmap(jax.vmap(train, (0, None, None, None)), (None, 0, 0, None)))
        runs = np.asarray(grid(rates, starts, batches, data))  # (seeds, rates, passes + 1)
        best = int(np.argmin(np.nan_to_num(runs[..., -1], nan=np.inf).mean(axis=0)))
        numbers["loss"][name], numbers["rate"][name] = runs[:, best], rates[best]
        first = jax.tree.map(lambda leaf: leaf[0], starts)
        numbers["seconds"][name] = _seconds(jax.jit(train), rates[best], first, batches[0], data)
    return {**numbers, "variance": _variances(gradient, starts, data)}


def _seconds(train: Any, *arguments: Any) -> float:
    """Return the seconds that one compiled run takes, the shortest of three times."""
    jax.block_until_ready(train(*arguments))
    times = []
    for _ in range(3):
        began = time.perf_counter()
        jax.block_until_ready(train(*arguments))
        times.append(time.perf_counter() - began)
    return min(times)


def _variances(gradient: Any, starts: Any, data: Any) -> np.ndarray:
    """Return the variance of mini-batch gradients, summed over all weights, `(seeds, widths)`."""
    seeds = len(jax.tree.leaves(starts)[0])
    rows = np.random.default_rng(0).integers(0, len(data[0]), (seeds, DRAWS, WIDTHS[-1]))

    @jax.jit
    def measure(params: Any, rows: jax.Array, data: Any) -> jax.Array:
        def at(width: jax.Array) -> jax.Array:
            weights = (jnp.arange(WIDTHS[-1]) < width).astype(jnp.float32)
            draw = jax.vmap(lambda row: gradient(params, data[0][row], data[1][row], weights)[1])
            each = [jnp.sum(jnp.var(g, axis=0, ddof=1)) for g in jax.tree.leaves(draw(rows))]
            return jnp.sum(jnp.stack(each))

        return jax.lax.map(at, jnp.array(WIDTHS))

    each = [jax.tree.map(lambda leaf, s=s: leaf[s], starts) for s in range(seeds)]
    return np.array([measure(p, jnp.asarray(r), data) for p, r in zip(each, rows, strict=True)])


def plot(numbers: Numbers) -> Figure:
    """Draw the loss against passes and seconds, and the variance against the batch size."""
    figure, ((left, middle, right),) = style.figure(1, 3)
    for i, (name, runs) in enumerate(numbers["loss"].items()):
        passes = np.arange(len(runs[0]))
        few = slice(0, PASSES["mini-batch"] + 1)
        size = (1, B, numbers["n"])[i]
        look: dict[str, Any] = {
            "marker": style.MARKERS[i],
            "ms": 4,
            "markevery": max(1, len(passes) // 8),
        }
        label = f"{name}, B = {size}"
        style.band(left, list(passes[few]), np.array(runs)[:, few], label, i, **look)
        seconds = passes * numbers["seconds"][name] / (len(passes) - 1)
        style.band(middle, list(seconds), runs, label, i, **look)
    left.set(xlabel=f"passes over {numbers['n']} examples", ylabel="training loss, nats")
    middle.set(xlabel="seconds", ylabel="training loss, nats")
    middle.set_xlim(0, 1.5 * numbers["seconds"]["online"])
    style.band(right, WIDTHS, numbers["variance"], "measured", 0, log=True, marker="o")
    first = float(np.mean(np.array(numbers["variance"])[:, 0]))
    right.plot(WIDTHS, first / np.array(WIDTHS), "k--", label="1 / B")
    right.set(xscale="log", xlabel="batch size B", ylabel="variance of the gradient")
    for panel in (left, right):
        panel.legend(frameon=False, fontsize=8)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare losses at equal passes and at equal seconds, and the slope of the variance."""
    runs = {name: np.array(values, float) for name, values in numbers["loss"].items()}
    passes, budget = PASSES["mini-batch"], numbers["seconds"]["mini-batch"]
    share = runs["mini-batch"][:, passes] / runs["batch"][:, passes]
    then = {
        name: float(
            np.interp(budget, np.linspace(0, numbers["seconds"][name], len(r[0])), r.mean(0))
        )
        for name, r in runs.items()
    }
    variances = np.log(np.array(numbers["variance"], float))
    slope = np.polyfit(np.log(WIDTHS), variances.T, 1)[0]
    good = (
        share.mean() < 0.5,
        (runs["mini-batch"] - runs["online"])[:, passes].mean() <= 0,
        abs(slope.mean() + 1) < 0.05,
    )
    ends = ", ".join(f"{name} {r[:, passes].mean():.3f}" for name, r in runs.items())
    return Verdict(
        word_of(*good),
        float(share.mean()),
        spread(share),
        f"Loss after {passes} passes: {ends}. Mini-batches take {B} times fewer steps for this"
        f" than online learning, which learns most from every gradient. In the {budget:.2g} s that"
        f" the mini-batches take on this machine, online learning reaches {then['online']:.2f} and"
        f" whole batches reach {then['batch']:.2f}. The variance of the gradient falls as B to the"
        f" power {slope.mean():.3f}. The number is the mini-batch's loss as a share of the whole"
        " batch's.",
    )
