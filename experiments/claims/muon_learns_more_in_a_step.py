r"""In the same number of steps, Muon reaches a lower test loss than AdamW.

Muon makes the momentum of a hidden kernel orthogonal before it steps (Jordan et al. 2024). A
benchmark on tables found it better than AdamW with the same network on 12 of 17 data sets, as good
on 3 and worse on 2 (arXiv 2604.15297). Here 196-32-32-10 learns digits by both rules with a falling
rate. Each has its own best rate on a grid of equal length. A step of Muon takes longer; only steps
are counted here.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import rivals, style
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
from experiments.rivals import Rival, tuned
from experiments.statistics import paired, spread
from jaxmlp import nn, optim
from jaxmlp.optim.muon import newton_schulz
from jaxmlp.optim.schedules import cosine

ABOUT = About(
    rows=("D10",),
    section="Jordan et al. (2024), Muon: an optimizer for hidden layers in neural networks",
    formula=r"X \leftarrow a X + (b A + c A^2) X, \quad A = X X^\top",
    number="test loss, AdamW minus Muon",
    unit="nats",
    thresholds=(
        Threshold(
            "the paired 95 % t interval of the test loss of AdamW minus that of Muon, each at its"
            " own best rate, lies above zero; and likewise that of the accuracy of Muon minus that"
            " of AdamW",
            BEFORE,
        ),
        Threshold(
            "the same, on ten seeds that no trial had seen (100 to 109)",
            "the sizes of the runs, and ten seeds in place of five, had been chosen after"
            " trials on the seeds 0 to 9, in which short runs with five seeds did not show the"
            " lead",
        ),
    ),
    expected=HOLDS,
    seconds=25,
)
RULES = {
    "AdamW": Rival(lambda rate, steps: optim.adamw(cosine(rate, steps))),
    "Muon": Rival(lambda rate, steps: optim.muon(cosine(rate, steps), weight_decay=0.01)),
}
LOW, HIGH = 2e-3, 6e-2


def run(settings: Settings) -> Numbers:
    """Train by both rules, and decompose the gradient of a hidden kernel."""
    n, width = (1500, 16) if settings.quick else (4000, 32)
    arena = rivals.make_arena(settings, n, 5, (width, width))
    found = rivals.compete(arena, RULES, dict.fromkeys(RULES, rivals.grid(settings, LOW, HIGH)))
    params = jax.tree.map(lambda leaf: leaf[0], arena.starts)
    x, y = arena.parts[0]
    gradient = nn.value_and_grad(arena.model, nn.losses.cross_entropy)(params, x[:64], y[:64])[1]
    dw = next(layer["W"] for layer in gradient if layer)
    before, after = (jnp.linalg.svd(m, compute_uv=False) for m in (dw, newton_schulz(dw)))
    return {"rivals": found, "before": before, "after": after}


def plot(numbers: Numbers) -> Figure:
    """Draw the singular values of a gradient before and after, and the test loss by rate."""
    figure, ((left, right),) = style.figure(1, 2)
    before, after = (np.array(numbers[name], float) for name in ("before", "after"))
    place = np.arange(1, len(before) + 1)
    left.semilogy(place, before / before[0], "o-", color=style.COLOURS[0], label="gradient")
    left.semilogy(place, after, "s-", color=style.COLOURS[1], label="after five iterations")
    left.axhline(1, color="black", lw=0.8, ls=":", label="polar factor")
    left.set(xlabel="singular value, number", ylabel="size (greatest of the gradient: 1)")
    left.legend(frameon=False)
    rivals.draw_rates(right, numbers["rivals"], RULES)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the test losses, each rule at its best rate."""
    found = numbers["rivals"]
    losses = {name: tuned(found, name) for name in RULES}
    right = {name: 100 * tuned(found, name, "accuracy") for name in RULES}
    gain = paired(losses["AdamW"], losses["Muon"])
    points = paired(right["Muon"], right["AdamW"])
    word = word_of(gain.above, points.above)
    means = ", ".join(f"{name} {v.mean():.3f} ± {spread(v):.3f}" for name, v in losses.items())
    return Verdict(
        word,
        gain.mean,
        spread(losses["AdamW"] - losses["Muon"]),
        f"Test loss in nats: {means}. Muon is lower by {gain.text(3)} nats and right more often by"
        f" {points.text()} points (95 % intervals). {rivals.rates_in_words(found, RULES)}",
        "the test loss, not the accuracy" if word == "holds in part" else "",
    )
