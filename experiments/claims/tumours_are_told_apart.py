r"""A small network tells tumours apart, with probabilities that can be trusted.

30-16-1 with a sigmoid learns the breast-cancer table. Its accuracy is compared with that of always
naming the commoner class, and its probabilities with how often they come true (the reliability
curve). The threshold is varied for a missed tumour that costs ten times as much as a false alarm. A
table of three classes (wine) is learned with softmax in the same way (deck B, "Classification:
Tumor Detection" and "Problem: Multi-Class Tumor Classification").
"""

from typing import Any

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.framework import (
    BEFORE,
    HOLDS,
    IN_PART,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    all_of,
    word_of,
)
from experiments.statistics import paired, spread
from experiments.training import dataset, train
from jaxmlp import nn, optim
from jaxmlp.data import Preprocessing, holdout
from jaxmlp.training import BINARY, MULTICLASS

ABOUT = About(
    rows=("B12",),
    section="Classification: tumor detection; multi-class tumor classification",
    formula=r"\mathrm{ECE} = \sum_b \frac{n_b}{N} | \bar{a}_b - \bar{y}_b |, \qquad"
    r" t^{*} = \frac{c_{false}}{c_{false} + c_{missed}}",
    number="test accuracy on tumours",
    unit="share of the cases",
    thresholds=(
        Threshold(
            "over fresh splits, the mean accuracy is at least 95 % on both tables; the expected"
            " calibration error of the two-class probabilities, in ten bins over all splits, is"
            " below 5 %; and if a missed tumour costs ten times as much as a false alarm, the"
            " threshold 1/11 costs less than 1/2",
            BEFORE,
        ),
        Threshold(
            "over ten fresh splits, the accuracy is above 95 % on tumours and above that of always"
            " naming the commoner class (main clause), and above 95 % on wine; if a missed tumour"
            " costs ten times as much as a false alarm, the threshold 1/11 costs less than 1/2;"
            " each by a paired 95 % interval over the splits; and the expected calibration error"
            " of the two-class probabilities, in ten bins over all splits, is below 5 %",
            "means over five splits said nothing about chance",
        ),
    ),
    expected=HOLDS,
    seconds=10,
)
EPOCHS, MISSED, FALSE = 30, 10.0, 1.0  # epochs, and the costs of the two mistakes
THRESHOLDS = np.linspace(0.01, 0.99, 99)


def run(settings: Settings) -> Numbers:
    """Learn both tables once per seed, each seed with a split of its own."""
    numbers: Numbers = {}
    for name in ("breast_cancer", "wine"):
        accuracies, probabilities, truths, commonest = [], [], [], []
        two = name == "breast_cancer"
        task = BINARY if two else MULTICLASS
        loss = nn.losses.binary_cross_entropy if two else nn.losses.cross_entropy
        model, optimizer = nn.mlp((16,), 1 if two else 3), optim.adam(1e-2)
        for seed in range(settings.many):
            (x, y), (x_test, y_test) = _split(name, seed)
            data = (x, task.encode(y)), (x_test, task.encode(y_test))
            one = settings._replace(seeds=1)
            runs = train(
                model,
                optimizer,
                data,
                one,
                EPOCHS,
                loss=loss,
                task=task,
                batch_size=32,
                parts=("test",),
            )
            outputs = model(jax.tree.map(jax.numpy.asarray, runs["params"][0]), x_test)
            probabilities.append(np.asarray(task.probabilities(outputs)))
            truths.append(y_test)
            accuracies.append(runs["test_accuracy"][0, -1])
            commonest.append(np.bincount(y_test).max() / len(y_test))
        numbers[name] = {
            "accuracy": accuracies,
            "commonest": commonest,
            "probabilities": np.array(probabilities),
            "truth": np.array(truths),
        }
    return numbers


def _split(name: str, seed: int) -> Any:
    """Return a table split anew into two parts, as z-scores."""
    table = dataset(name)
    x = np.concatenate([table.x_train, table.x_test])
    y = np.concatenate([table.y_train, table.y_test])
    kept, held = holdout(y, round(0.3 * len(y)), seed)
    scale = Preprocessing.fit("zscore", x[kept])
    x = scale(x).astype(np.float32)
    return (x[kept], y[kept]), (x[held], y[held])


def _tumours(numbers: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of malignant (class 0), and whether it is true, `(seeds, N)`."""
    table = numbers["breast_cancer"]
    return np.array(table["probabilities"])[:, :, 0], np.array(table["truth"]) == 0


def _costs(numbers: Numbers) -> np.ndarray:
    """Return the cost per hundred cases at every threshold, by seed."""
    p, ill = _tumours(numbers)
    called = p[None] >= THRESHOLDS[:, None, None]
    missed, false = (ill & ~called).mean(axis=2), (~ill & called).mean(axis=2)
    return 100 * (MISSED * missed + FALSE * false).T


def _reliability(numbers: Numbers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean probability, the share that came true and the number of cases, by bin."""
    p, ill = (part.ravel() for part in _tumours(numbers))
    bins = np.minimum((10 * p).astype(int), 9)
    n = np.bincount(bins, minlength=10)
    sums = (np.bincount(bins, part, minlength=10) for part in (p, ill))
    said, true = (total / np.maximum(n, 1) for total in sums)
    return said, true, n


def plot(numbers: Numbers) -> Figure:
    """Draw the reliability curve, and the cost against the threshold."""
    figure, ((left, middle),) = style.figure(1, 2)
    said, true, n = _reliability(numbers)
    spread = np.sqrt(true * (1 - true) / np.maximum(n, 1))
    some = n > 0
    left.errorbar(said[some], true[some], spread[some], fmt="o-", color=style.COLOURS[0])
    left.plot([0, 1], [0, 1], "k:", label="observed = predicted")
    left.set(
        xlabel="predicted probability of malignant (mean of a bin)",
        ylabel="share of malignant cases",
    )
    left.legend(frameon=False)
    style.band(middle, list(THRESHOLDS), _costs(numbers), "test tables", 0)
    best = FALSE / (FALSE + MISSED)
    middle.axvline(best, color="k", ls=":", label="1/11, from the costs")
    middle.set(xlabel="threshold: malignant from this probability", ylabel="cost of 100 cases")
    middle.set_ylim(0, None)
    middle.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare accuracy, calibration and the two thresholds' costs."""
    said, true, n = _reliability(numbers)
    error = float(np.sum(n * np.abs(said - true)) / np.sum(n))
    costs = _costs(numbers)
    near = [int(np.argmin(np.abs(THRESHOLDS - t))) for t in (FALSE / (FALSE + MISSED), 0.5)]
    careful, plain = costs[:, near].mean(axis=0)
    saved = paired(*costs[:, near[::-1]].T)
    two, three = (np.array(numbers[name]["accuracy"]) for name in ("breast_cancer", "wine"))
    asked = np.full(len(two), 0.95)
    commoner = paired(100 * two, 100 * np.array(numbers["breast_cancer"]["commonest"]))
    word = word_of(
        all_of(paired(two, asked).above, commoner.above),
        paired(three, asked).above,
        saved.above,
        error < 0.05,
    )
    return Verdict(
        word,
        float(two.mean()),
        spread(two),
        f"The accuracy is {100 * two.mean():.1f} % on tumours (always naming the commoner class:"
        f" {100 * np.mean(numbers['breast_cancer']['commonest']):.1f} %, a lead of"
        f" {commoner.text(1)} points) and {100 * three.mean():.1f} ± {100 * spread(three):.1f} %"
        " on the three wines; the calibration error is"
        f" {100 * error:.1f} %. If a missed tumour costs as much as ten false alarms, the"
        f" threshold 1/11 costs {careful:.1f} per hundred cases and the threshold 1/2 costs"
        f" {plain:.1f}, {saved.text(1)} more. The costs decide the threshold, not the network.",
        part="tumours are told apart" if word == IN_PART else "",
    )
