r"""An average of the weights has a lower test loss than the weights themselves.

The average `a <- d a + (1 - d) w`, corrected for its start, is judged; training goes on from `w`.
A benchmark on tables found it better than AdamW alone on 12 of 17 data sets, as good on 4 and worse
on 1 (arXiv 2604.15297). A falling rate also ends the jumps of the last steps, so the average is
tried with a constant and with a falling rate. All four ways have their own best rate on a grid of
six; the decay is 0.95, about an average over 20 steps (Polyak and Juditsky 1992).
"""

from matplotlib.figure import Figure

from experiments import rivals, style
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
from experiments.rivals import Rival, tuned
from experiments.statistics import paired, spread
from jaxmlp import optim
from jaxmlp.optim.schedules import cosine

ABOUT = About(
    rows=("D10",),
    section="Polyak and Juditsky (1992), acceleration of stochastic approximation by averaging",
    formula=r"a_t = \frac{1 - d}{1 - d^t} \sum_{s=1}^t d^{t-s} w_s",
    number="test loss at a constant rate, without minus with the average",
    unit="nats",
    thresholds=(
        Threshold(
            "at a constant rate, the paired 95 % t interval of the test loss of AdamW minus that of"
            " its average, each at its own best rate, lies above zero; and likewise at a rate that"
            " falls to zero",
            BEFORE,
        ),
        Threshold(
            "the same, on ten seeds that no trial had seen (100 to 109)",
            "the decay (0.98, then 0.95) and the sizes of the runs had been chosen after trials"
            " on the seeds 0 to 9",
        ),
    ),
    expected=IN_PART,
    seconds=40,
)
DECAY = 0.95
CONSTANT, CONSTANT_MEAN = "constant rate", "constant rate, average"
FALLING, FALLING_MEAN = "falling rate", "falling rate, average"
RULES = {
    CONSTANT: Rival(lambda rate, steps: optim.adamw(rate)),
    CONSTANT_MEAN: Rival(lambda rate, steps: optim.with_average(optim.adamw(rate), DECAY)),
    FALLING: Rival(lambda rate, steps: optim.adamw(cosine(rate, steps))),
    FALLING_MEAN: Rival(
        lambda rate, steps: optim.with_average(optim.adamw(cosine(rate, steps)), DECAY)
    ),
}
LOW, HIGH = 2e-3, 6e-2


def run(settings: Settings) -> Numbers:
    """Train at a constant and at a falling rate, with and without the average."""
    n, width = (1500, 16) if settings.quick else (4000, 32)
    arena = rivals.make_arena(settings, n, 5, (width,))
    return rivals.compete(arena, RULES, dict.fromkeys(RULES, rivals.grid(settings, LOW, HIGH)))


def plot(numbers: Numbers) -> Figure:
    """Draw the test loss by rate, and at the best rates."""
    figure, ((left, right),) = style.figure(1, 2)
    rivals.draw_rates(left, numbers, RULES)
    rivals.draw_ends(right, {name: tuned(numbers, name) for name in RULES}, "test loss, nats")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare each way with its average, at their best rates."""
    losses = {name: tuned(numbers, name) for name in RULES}
    constant = paired(losses[CONSTANT], losses[CONSTANT_MEAN])
    falling = paired(losses[FALLING], losses[FALLING_MEAN])
    word = word_of(constant.above, falling.above)
    means = ", ".join(f"{name} {v.mean():.3f} ± {spread(v):.3f}" for name, v in losses.items())
    return Verdict(
        word,
        constant.mean,
        spread(losses[CONSTANT] - losses[CONSTANT_MEAN]),
        f"Test loss in nats: {means}. The average gains {constant.text(3)} nats at a constant rate"
        f" and {falling.text(3)} at a falling one (95 % intervals)."
        f" {rivals.rates_in_words(numbers, RULES)}",
        "at a constant rate; where the rate falls, the last weights are about as good"
        if word == IN_PART
        else "",
    )
