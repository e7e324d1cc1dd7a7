r"""Squared error learns slowest where the network is most wrong; cross-entropy does not.

In the logits, a wrong class leads by a margin `m`. We measure the slope of each loss with respect
to them: `a - y` for cross-entropy, and through the softmax Jacobian for squared error. Then a
network is trained with both losses. Its last bias favours one class, so that it starts sure and
wrong (deck A, "A possible loss: MSE" and "Why CE is better").
"""

import dataclasses

import jax.numpy as jnp
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
from experiments.training import digits, train
from jaxmlp import nn, optim

ABOUT = About(
    rows=("A3", "A4"),
    section="A possible loss: MSE; why CE is better",
    formula=r"\frac{\partial L_{SE}}{\partial z_j} = 2 a_j \Big(a_j - y_j - \sum_i a_i (a_i - y_i)"
    r"\Big), \qquad \frac{\partial L_{CE}}{\partial z_j} = a_j - y_j",
    number="epochs to 80 % accuracy, cross-entropy over squared error",
    unit="ratio",
    thresholds=(
        Threshold(
            "at a margin of 10, the slope of squared error is below 1 % of cross-entropy's; and"
            " from a saturated start, cross-entropy needs at most half as many epochs to reach"
            " 80 % accuracy",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=20,
)
MARGINS = np.linspace(-10, 20, 61)
HEAD_START = 12.0  # added to the last bias of class 0


def run(settings: Settings) -> Numbers:
    """Measure slopes against the margin, and accuracy by epoch from a saturated start."""
    z = jnp.stack([jnp.asarray(MARGINS, jnp.float32), jnp.zeros(len(MARGINS))], axis=1)
    y = jnp.ones(len(MARGINS), jnp.int32)
    chosen = {
        "cross-entropy": nn.losses.cross_entropy,
        "squared error": nn.losses.softmax_squared_error,
    }
    slopes = {name: jnp.abs(loss.per_example_gradient(z, y)[:, 0]) for name, loss in chosen.items()}
    n = 1500 if settings.quick else 10_000
    data, epochs = digits(settings, n, 1000), 8 if settings.quick else 15
    accuracy = {}
    for name, loss in chosen.items():
        runs = train(
            _sure_of_zero(), optim.sgd(0.5), data, settings, epochs, loss=loss, parts=("test",)
        )
        accuracy[name] = runs["test_accuracy"]
    return {"margins": MARGINS, "slopes": slopes, "accuracy": accuracy}


def _sure_of_zero() -> nn.Layer:
    """A network 784-64-10 that at the start calls everything a zero."""
    model = nn.mlp((64,), 10)

    def init(key, shape):  # type: ignore[no-untyped-def]
        params, out = model.init(key, shape)
        last = params[-1] | {"b": params[-1]["b"].at[0].set(HEAD_START)}
        return (*params[:-1], last), out

    return dataclasses.replace(model, init=init)


def _epochs_to(accuracy: np.ndarray, least: float = 0.8) -> np.ndarray:
    """Return the epochs until each run is good enough, one more than all if it never is."""
    good = np.asarray(accuracy) >= least
    return np.where(good.any(axis=1), good.argmax(axis=1), good.shape[1])


def plot(numbers: Numbers) -> Figure:
    """Draw the slopes against the margin, and the accuracies by epoch."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (name, values) in enumerate(numbers["slopes"].items()):
        style.band(left, numbers["margins"], values, name, i, log=True)
    left.set_xlabel("margin m of the wrong class, logits")
    left.set_ylabel("slope |dL/dz|")
    for i, (name, values) in enumerate(numbers["accuracy"].items()):
        style.band(right, range(len(values[0])), values, name, i)
    right.set_xlabel("epoch (the start is sure and wrong)")
    right.set_ylabel("test accuracy")
    for panel in (left, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the slopes at a margin of 10, and the epochs to 80 % accuracy."""
    at = int(np.argmin(np.abs(np.array(numbers["margins"]) - 10)))
    slopes = {name: values[at] for name, values in numbers["slopes"].items()}
    ratio = slopes["squared error"] / slopes["cross-entropy"]
    fast, slow = (_epochs_to(numbers["accuracy"][name]) for name in numbers["accuracy"])
    share = fast / slow
    fades, recovers = ratio < 0.01, np.mean(share) <= 0.5
    word = word_of(fades, recovers)
    return Verdict(
        word,
        float(np.mean(share)),
        spread(share),
        f"At a margin of 10, the slope of squared error is {ratio:.1e} of cross-entropy's. From"
        f" the saturated start, cross-entropy takes {np.mean(fast):.1f} epochs to reach 80 %"
        f" accuracy and squared error takes {np.mean(slow):.1f} (a run that never reaches it"
        " counts as one epoch more than were run).",
    )
