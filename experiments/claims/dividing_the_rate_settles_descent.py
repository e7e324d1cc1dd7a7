r"""Dividing the learning rate by ten when progress saturates lowers the training loss further.

784-32-10 learns digits with noisy labels by plain descent on small batches. The rate is so high
that the noise of the gradients keeps the loss from settling. One run keeps this rate; the other
divides it by ten after two epochs without progress. Both take the same number of epochs (deck C,
"Stochastic Gradient Descent").

Here, two epochs without a lower loss are more often noise than saturation, so the rate falls while
the loss would still go down. With fewer digits some seeds met the threshold, but the mean never
did. The clause on the mean was added after that had been seen, to say what "with conditions" means.
"""

import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.framework import (
    BEFORE,
    REFUTED,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.statistics import spread
from experiments.training import RuledFit, digits, split, trainer_of
from jaxmlp import nn, optim
from jaxmlp.training import MULTICLASS, Rules

ABOUT = About(
    rows=("C5",),
    section="Stochastic gradient descent: the learning rate",
    formula=r"\alpha \leftarrow \frac{\alpha}{10}",
    number="training loss with the rate divided over that at a constant rate",
    unit="ratio",
    thresholds=(
        Threshold(
            "for every seed, the rate is divided at least once and the training loss of the"
            " last epoch is at most 0.8 of the loss at a constant rate; with conditions if only"
            " the mean of this ratio is at most 0.8",
            BEFORE,
        ),
    ),
    expected=REFUTED,
    seconds=8,
)
RATE = 0.5
RULES = {"constant rate": Rules(), "divided by ten": Rules(plateau=2)}


def run(settings: Settings) -> Numbers:
    """Train at a constant rate, and with the library's rule that lowers it."""
    n, epochs = 1500, 40
    (x, y), _ = digits(settings, n, 1)
    model, loss = nn.mlp((32,), 10), nn.losses.cross_entropy
    trainer = trainer_of(model, optim.sgd(RATE), loss, MULTICLASS, (784,))
    learn = RuledFit(trainer, epochs, 10, RATE)
    numbers: Numbers = {"loss": {}, "factor": {}}
    for name, rules in RULES.items():
        losses, factors = [], []
        for seed in range(settings.seeds):
            rng = np.random.default_rng(seed)
            labels = np.where(rng.random(n) < 0.3, rng.integers(0, 10, n), y)
            _, history = learn(split(x, labels.astype(np.int32)), None, seed, rules)
            losses.append([record.train.loss for record in history.records])
            factors.append([record.rate_factor for record in history.records])
        numbers["loss"][name], numbers["factor"][name] = np.array(losses), np.array(factors)
    return numbers


def plot(numbers: Numbers) -> Figure:
    """Draw training loss and rate by epoch."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, name in enumerate(RULES):
        losses, factors = (np.array(numbers[key][name]) for key in ("loss", "factor"))
        epochs = range(1, len(losses[0]) + 1)
        style.band(left, epochs, losses, name, i)
        for j, values in enumerate(RATE * factors):
            look = {"color": style.COLOURS[i], "ls": style.LINES[i], "alpha": 0.7}
            right.step(epochs, values, where="post", label=None if j else name, **look)
    left.set(xlabel="epoch", ylabel="training loss, nats")
    right.set(xlabel="epoch", ylabel="learning rate α, every seed", yscale="log")
    style.plain_ticks(right.yaxis)
    for panel in (left, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the training losses of the last epoch."""
    ends = {name: np.array(values)[:, -1] for name, values in numbers["loss"].items()}
    share = ends["divided by ten"] / ends["constant rate"]
    drops = -np.log10(np.array(numbers["factor"]["divided by ten"])[:, -1])
    good = (drops > 0.5) & (share <= 0.8)
    return Verdict(
        word_of(*good),
        float(share.mean()),
        spread(share),
        f"The rate was divided {drops.mean():.1f} times on average. The training loss of the last"
        f" epoch is {ends['divided by ten'].mean():.2f}, and {ends['constant rate'].mean():.2f} at"
        f" a constant rate; their ratio (the number) is {share.min():.2f} to {share.max():.2f}"
        " over the seeds. Dividing helps, but less than the threshold asks: after two epochs"
        " without progress it is too early to speak of saturation.",
    )
