r"""Lion, which steps by the sign of a momentum, learns more than AdamW.

Chen et al. (2023) found Lion by a search over programs and report that it beats AdamW, at a rate
three to ten times smaller. Sign descent (Bernstein et al. 2018) has no memory at all. Both are held
against AdamW and plain descent on digits with a falling rate; each has its own best rate on a grid
of equal length.
"""

from matplotlib.figure import Figure

from experiments import rivals, style
from experiments.framework import (
    BEFORE,
    IN_PART,
    REFUTED,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.rivals import Rival, tuned
from experiments.statistics import paired, spread
from jaxmlp import optim
from jaxmlp.optim.schedules import cosine

ABOUT = About(
    rows=("D10",),
    section="Chen et al. (2023), Symbolic discovery of optimization algorithms",
    formula=r"w \leftarrow w - \eta \, \mathrm{sign}(\beta_1 m + (1 - \beta_1) \nabla L)",
    number="test loss, AdamW minus Lion",
    unit="nats",
    thresholds=(
        Threshold(
            "the paired 95 % t interval of the test loss of AdamW minus that of Lion, each at its"
            " own best rate, lies above zero; that of sign descent minus Lion lies above zero; and"
            " the best rate of Lion is 3 to 10 times smaller than that of AdamW",
            BEFORE,
        ),
        Threshold(
            "the same, on ten seeds that no trial had seen (100 to 109)",
            "the grids and the sizes of the runs had been chosen after trials on the seeds 0 to 9",
        ),
    ),
    expected=REFUTED,
    seconds=40,
)
RULES = {
    "AdamW": Rival(lambda rate, steps: optim.adamw(cosine(rate, steps))),
    "Lion": Rival(lambda rate, steps: optim.lion(cosine(rate, steps), weight_decay=0.05)),
    "sign descent": Rival(lambda rate, steps: optim.sign_sgd(cosine(rate, steps))),
    "plain descent": Rival(lambda rate, steps: optim.sgd(cosine(rate, steps))),
}
GRIDS = {  # the ends of each grid
    "AdamW": (2e-3, 6e-2),
    "Lion": (1e-3, 3e-2),
    "sign descent": (2e-3, 6e-2),
    "plain descent": (0.1, 5.0),
}


def run(settings: Settings) -> Numbers:
    """Train by the four rules."""
    n, width = (1500, 16) if settings.quick else (4000, 32)
    arena = rivals.make_arena(settings, n, 5, (width,))
    grids = {name: rivals.grid(settings, *ends) for name, ends in GRIDS.items()}
    return rivals.compete(arena, RULES, grids)


def plot(numbers: Numbers) -> Figure:
    """Draw the test loss by rate, and at the best rates."""
    figure, ((left, right),) = style.figure(1, 2)
    rivals.draw_rates(left, numbers, RULES)
    left.set_ylim(top=2)
    rivals.draw_ends(right, {name: tuned(numbers, name) for name in RULES}, "test loss, nats")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare Lion with AdamW and with sign descent, each at its best rate."""
    losses = {name: tuned(numbers, name) for name in RULES}
    gain = paired(losses["AdamW"], losses["Lion"])
    memory = paired(losses["sign descent"], losses["Lion"])
    rate = {name: numbers[name]["rates"][numbers[name]["place"]] for name in RULES}
    ratio = rate["AdamW"] / rate["Lion"]
    word = word_of(gain.above, memory.above, 3 <= ratio <= 10)
    means = ", ".join(f"{name} {v.mean():.3f} ± {spread(v):.3f}" for name, v in losses.items())
    return Verdict(
        word,
        gain.mean,
        spread(losses["AdamW"] - losses["Lion"]),
        f"Test loss in nats: {means}. AdamW minus Lion is {gain.text(3)}, sign descent minus Lion"
        f" {memory.text(3)} (95 % intervals; above zero is good for Lion). The runs are short: the"
        f" memory of Lion's momentum is about 100 steps. Its best rate is {ratio:.1f} times smaller"
        f" than that of AdamW. {rivals.rates_in_words(numbers, RULES)}",
        "a lower loss than that of AdamW" if word == IN_PART else "",
    )
