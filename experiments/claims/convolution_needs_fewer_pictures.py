r"""LeNet reads digits better than an MLP with as many parameters, from any number of pictures.

LeNet on 28 x 28 pixels has 61,706 parameters, the MLP 784-78-10 has 62,020. Both take the same
number of Adam's steps on the same mini-batches, which are drawn from 100 to 6400 pictures, and both
are tested on other pictures. LeNet uses the same weights at all places, so it need not learn them
for each place (deck C, "Back-Propagation"; deck D, "Neural network definition").

The number of steps, the batch size and the rate were chosen after first runs; the threshold did not
change.
"""

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments import style
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
from experiments.statistics import spread
from experiments.training import digits, split, trainer_of
from jaxmlp import nn, optim
from jaxmlp.nn.lenet import lenet
from jaxmlp.training import MULTICLASS, measure

ABOUT = About(
    rows=("C9", "D3"),
    section="Appendix: the Jacobians for back-propagation; neural network definition",
    formula=r"z_{ijc} = \sum_{u, v, d} w_{uvdc} \, x_{i + u, \, j + v, \, d} + b_c",
    number="LeNet's test errors over the MLP's, with the most pictures",
    unit="ratio",
    thresholds=(
        Threshold(
            "with every number of training pictures, LeNet's mean test accuracy is higher than"
            " the MLP's, by more than the standard deviation over seeds of the difference; and"
            " with the most pictures, LeNet makes at most two thirds of the MLP's errors",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=75,
)
PICTURES = (100, 400, 1600, 6400)  # counts above the size of the data set are left out
BATCH, RATE, TESTED = 20, 3e-3, 2000


def run(settings: Settings) -> Numbers:
    """Train both networks on every number of pictures, and test them."""
    steps, wanted = (150, (100, 300)) if settings.quick else (800, PICTURES)
    tested = 500 if settings.quick else TESTED
    (x, y), (x_test, y_test) = digits(settings, wanted[-1], tested)
    x, x_test = (part.reshape(-1, 28, 28, 1) for part in (x, x_test))
    pictures = [n for n in wanted if n <= len(x)]
    models = {"LeNet": lenet(10), "MLP 784-78-10": nn.mlp((78,), 10)}
    train, test = split(x, y), split(x_test, y_test)
    numbers: Numbers = {"pictures": pictures, "parameters": {}, "accuracy": {}}
    for name, model in models.items():
        loss, shape = nn.losses.cross_entropy, x.shape[1:]
        trainer = trainer_of(model, optim.adam(RATE), loss, MULTICLASS, shape)
        accuracy = np.zeros((settings.seeds, len(pictures)))
        for seed, i in np.ndindex(accuracy.shape):
            state = trainer.init(seed)
            order = _order(pictures[i], steps, seed)
            state, _ = trainer.run(state, train.examples, order[None], 0, steps)
            accuracy[seed, i] = measure(trainer.judge, state.params, test).score
        numbers["accuracy"][name] = accuracy
        numbers["parameters"][name] = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    return numbers


def _order(n: int, steps: int, seed: int) -> np.ndarray:
    """Return mini-batches of the first n pictures, shuffled anew in every pass."""
    rng = np.random.default_rng([seed, n])
    passes = -(-steps * BATCH // n)
    shuffled = np.concatenate([rng.permutation(n) for _ in range(passes)])
    return shuffled[: steps * BATCH].reshape(steps, BATCH).astype(np.int32)


def plot(numbers: Numbers) -> Figure:
    """Draw the test error against the number of training pictures."""
    figure, ((panel,),) = style.figure(width=5.6, height=4.0)
    for i, (name, accuracy) in enumerate(numbers["accuracy"].items()):
        label = f"{name}, {numbers['parameters'][name]:,} parameters"
        errors = 100 * (1 - np.array(accuracy))
        style.band(panel, numbers["pictures"], errors, label, i, log=True, marker=style.MARKERS[i])
    panel.set_xscale("log")
    panel.set_xticks(numbers["pictures"], [f"{n:,}" for n in numbers["pictures"]], minor=False)
    panel.set_xticks([], minor=True)
    style.plain_ticks(panel.yaxis)
    panel.set(xlabel="training pictures", ylabel="test error, %")
    panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the accuracies at every number of pictures."""
    ours, theirs = (np.array(accuracy) for accuracy in numbers["accuracy"].values())
    lead = ours - theirs
    share = (1 - ours[:, -1]) / (1 - theirs[:, -1])
    clear = lead.mean(axis=0) > lead.std(axis=0)
    listed = "; ".join(
        f"{n:,}: {100 * a:.1f} and {100 * b:.1f} %"
        for n, a, b in zip(numbers["pictures"], ours.mean(0), theirs.mean(0), strict=True)
    )
    return Verdict(
        word_of(*clear, share.mean() <= 2 / 3),
        float(share.mean()),
        spread(share),
        f"Test accuracy of LeNet and of the MLP, by number of training pictures: {listed}. With"
        f" the most pictures, LeNet makes {share.mean():.2f} ± {spread(share):.2f} of the MLP's"
        " errors (the number).",
    )
