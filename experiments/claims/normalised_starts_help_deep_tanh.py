r"""Five tanh layers read digits better from the normalised start than from the standard one.

For five hidden layers of tanh on MNIST, Glorot and Bengio (2010) print a test error of 1.76 % from
the standard start of their day, `U(-1/sqrt(n), 1/sqrt(n))`, and of 1.64 % from their own start,
which is Xavier's, each with its rate tuned. We take the same two starts, 300 units per layer
instead of 1000 and batches of 50 instead of 10; held-out digits choose the rate for each start. The
long runs were made once; short runs are repeated every time (deck B, "Xavier initialization", which
prints the standard bound under the name of the normalised rule, erratum 1).
"""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from experiments import kept, style
from experiments.framework import (
    BEFORE,
    NOT_SHOWN,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from experiments.statistics import paired, spread
from experiments.training import digits, train
from jaxmlp import nn, optim

ABOUT = About(
    rows=("B8",),
    section="Xavier initialization",
    formula=r"W \sim U \Big( -\frac{1}{\sqrt{n}}, \frac{1}{\sqrt{n}} \Big) \quad"
    r" \text{(standard)}, \qquad W \sim U \Big( -\frac{\sqrt{6}}{\sqrt{n_{in} + n_{out}}},"
    r" \frac{\sqrt{6}}{\sqrt{n_{in} + n_{out}}} \Big) \quad \text{(normalised)}",
    number="test error from the standard start minus that from the normalised start",
    unit="points",
    thresholds=(
        Threshold(
            "in the kept numbers, the mean test error is lower from the normalised start, by"
            " more than the standard deviation over seeds of the difference; and in the short"
            " runs, at one rate, the training loss of every seed is lower from the normalised"
            " start",
            BEFORE,
        ),
        Threshold(
            "in the kept numbers, the mean test error is lower from the normalised start, by a"
            " paired 95 % interval over the seeds (main clause); and in the short runs, at one"
            " rate, the training loss of every seed is lower from the normalised start",
            "a difference counts when its paired interval excludes zero; the deviation of the"
            " difference is no measure of its certainty",
        ),
    ),
    expected=NOT_SHOWN,
    seconds=15,
)
NAME = "normalised_starts_help_deep_tanh"
STARTS = {
    "standard": nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
    "normalised": nn.initializers.xavier_uniform,
}
PRINTED = {"standard": 1.76, "normalised": 1.64}  # per cent
RATES = {"standard": 0.3, "normalised": 0.1}  # the best of 0.03, 0.1 and 0.3
EPOCHS, BATCH = 10, 50


def network(start: str, width: int) -> nn.Layer:
    """A network of five hidden tanh layers whose kernels start by a rule."""
    return nn.mlp((width,) * 5, 10, nn.activations.tanh, STARTS[start])


def _long(start: str, seed: int) -> Numbers:
    """Return the test error after every epoch, in per cent."""
    runs = train(
        network(start, 300),
        optim.sgd(RATES[start]),
        digits(kept.COMPLETE),
        kept.COMPLETE,
        EPOCHS,
        batch_size=BATCH,
        seeds=[seed],
        parts=("test",),
    )
    return {"error": 100 * (1 - runs["test_accuracy"][0, 1:])}


PROTOCOL = (
    "784-300-300-300-300-300-10, tanh, cross-entropy, plain descent at {} in batches of 50, 10"
    " epochs, 60,000 digits; the rate is the best of 0.03, 0.1 and 0.3 by the error of 10,000"
    " training digits held out, after five epochs at seed 99"
)
LONG = {start: kept.Long(PROTOCOL.format(RATES[start]), partial(_long, start)) for start in STARTS}


def run(settings: Settings) -> Numbers:
    """Return the kept numbers, and short runs of a narrower network at one rate."""
    n, width = (1500, 32) if settings.quick else (10_000, 100)
    data = digits(settings, n, 10)
    model, optimizer = network("normalised", width), optim.sgd(0.1)
    short = {
        start: train(
            model,
            optimizer,
            data,
            settings,
            3,
            batch_size=BATCH,
            parts=("train",),
            start=network(start, width),
        )["train_loss"]
        for start in STARTS
    }
    return {"kept": kept.read(NAME, LONG), "short": short}


def _kept(numbers: Numbers) -> dict[str, np.ndarray]:
    """Return the test error after every epoch by start, `(seeds, epochs)`."""
    return {
        start: np.array([runs["error"] for runs in entry["seeds"].values()])
        for start, entry in numbers["kept"].items()
    }


def plot(numbers: Numbers) -> Figure:
    """Draw the kept test error and the short runs' training loss by epoch."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (start, errors) in enumerate(_kept(numbers).items()):
        style.band(left, range(1, EPOCHS + 1), errors, f"{start}, kept numbers", i, log=True)
        printed = PRINTED[start]
        look = {"color": style.COLOURS[i], "ls": ":", "lw": 1}
        left.axhline(printed, label=f"{start}, printed, {printed} %", **look)
        losses = np.array(numbers["short"][start])
        epochs = range(losses.shape[1])
        style.band(right, epochs, losses, start, i, marker=style.MARKERS[i])
    style.plain_ticks(left.yaxis)
    left.set(xlabel="epoch (300 units per layer)", ylabel="test error, %")
    right.set(xlabel="epoch (short runs)", ylabel="training loss, nats", xticks=epochs)
    for panel in (left, right):
        panel.legend(frameon=False, fontsize=8)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the kept test errors, and the short runs' losses."""
    ends = {start: errors[:, -1] for start, errors in _kept(numbers).items()}
    gain = ends["standard"] - ends["normalised"]
    losses = {start: np.array(values)[:, -1] for start, values in numbers["short"].items()}
    lead = paired(ends["standard"], ends["normalised"])
    checks = lead.above, bool((losses["normalised"] < losses["standard"]).all())
    listed = ", ".join(
        f"{start} {errors.mean():.2f} ± {spread(errors):.2f} % (printed {PRINTED[start]} %)"
        for start, errors in ends.items()
    )
    return Verdict(
        word_of(*checks),
        float(gain.mean()),
        spread(gain),
        f"Kept numbers, test error: {listed}. The normalised start gains {lead.text()} points; the"
        " printed gain is 0.12. Today's short runs, at"
        f" one rate for both starts, end with a training loss of {losses['standard'].mean():.2f}"
        f" from the standard start and {losses['normalised'].mean():.2f} from the normalised one.",
    )
