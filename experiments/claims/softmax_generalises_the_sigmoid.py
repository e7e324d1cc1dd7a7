r"""Softmax over two logits is the sigmoid of their difference, in value, in slope and in training.

For random logits, `softmax(o)_1` is compared with `sigmoid(o_1 - o_2)`, and so are both losses and
gradients. Then two classifiers of the two moons are trained: one with one sigmoid output, and one
with two softmax outputs whose weights differ by the weights of the first one. A step moves both
logits, so the softmax learns at twice the rate: if the sigmoid's rate is 2 eta and the softmax's is
eta, both take the same steps. A sigmoid that learns at the rate eta is the control (deck D,
"Softmax").
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import over_seeds, stepping
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
from experiments.statistics import spread
from experiments.training import dataset
from jaxmlp import nn, optim

ABOUT = About(
    rows=("D7",),
    section="Softmax",
    formula=r"\mathrm{softmax}(o_1, o_2) = (\sigma(o_1 - o_2), 1 - \sigma(o_1 - o_2))",
    number="largest difference between the probabilities of the two trained classifiers",
    unit="probability",
    thresholds=(
        Threshold(
            "values, losses and gradients agree within 1e-5 for logits up to 100; two"
            " classifiers trained for 300 steps, the sigmoid's at twice the softmax's rate,"
            " agree within 1e-4 at every point",
            BEFORE,
        ),
        Threshold(
            "at every seed, values, losses and gradients agree within 1e-5 for logits up to 50, and"
            " the probabilities of two classifiers trained for 300 steps, the sigmoid's at twice"
            " the softmax's rate, agree within 1e-4 at every point (main clause); at the same rate"
            " they differ by more than 1e-2",
            "two classifiers that hardly move would have agreed at any rates; the control shows"
            " that the factor of two matters; and the logits had been drawn from -50 to 50 all"
            " along",
        ),
    ),
    expected=HOLDS,
    seconds=3,
)
STEPS, RATE = 300, 0.25


def run(settings: Settings) -> Numbers:
    """Compare the functions, and the probabilities of two classifiers by step."""
    data = dataset("moons")
    x, y = jnp.asarray(data.x_train), jnp.asarray(data.y_train)
    z = jnp.linspace(-8, 8, 33)
    pairs = jnp.stack([z, jnp.zeros_like(z)], axis=1)
    curve = {"z": z, "sigmoid": nn.activations.sigmoid(z), "softmax": jax.nn.softmax(pairs)[:, 0]}
    functions = over_seeds(_functions, settings)
    training = over_seeds(lambda key: _training(x, y, key), settings)
    return {"curve": curve, "functions": functions, "training": training}


def _functions(key: jax.Array) -> jax.Array:
    """Return the largest differences of values, losses and gradients."""
    o = jax.random.uniform(key, (1000, 2), minval=-50, maxval=50)
    y = jax.random.bernoulli(jax.random.fold_in(key, 1), shape=(1000,)).astype(jnp.int32)
    d, true = o[:, 1:] - o[:, :1], y[:, None].astype(jnp.float32)  # class 1 is the yes
    both, one = nn.losses.cross_entropy, nn.losses.binary_cross_entropy
    value = jax.nn.softmax(o)[:, 1:] - nn.activations.sigmoid(d)
    loss = both.per_example(o, y) - one.per_example(d, true)
    slope = both.per_example_gradient(o, y)[:, 1:] - one.per_example_gradient(d, true)
    return jnp.stack([jnp.max(jnp.abs(v)) for v in (value, loss, slope)])


def _training(x: jax.Array, y: jax.Array, key: jax.Array) -> Any:
    """Return the losses by step, and the largest difference of the probabilities."""
    two, one = nn.dense(2), nn.dense(1)
    w2 = two.init(key, (2,))[0]
    w1 = jax.tree.map(lambda w: w[..., 1:] - w[..., :1], w2)
    target = y[:, None].astype(jnp.float32)
    soft, hard = nn.losses.cross_entropy, nn.losses.binary_cross_entropy
    parts = [
        (nn.value_and_grad(two, soft), optim.sgd(RATE), w2, y),
        (nn.value_and_grad(one, hard), optim.sgd(2 * RATE), w1, target),
        (nn.value_and_grad(one, hard), optim.sgd(RATE), w1, target),
    ]
    steps = [stepping(gradient, optimizer) for gradient, optimizer, _, _ in parts]

    def step(carry: Any, _: Any) -> Any:
        moved, values = [], []
        for take, own, (*_, targets) in zip(steps, carry, parts, strict=True):
            own, (value, _) = take(own, (x, targets))
            moved.append(own)
            values.append(value)
        p = jax.nn.softmax(two(carry[0][0], x))[:, 1:]
        gaps = [jnp.max(jnp.abs(p - nn.activations.sigmoid(one(c[0], x)))) for c in carry[1:]]
        return moved, (jnp.stack(values), jnp.stack(gaps))

    starts = [(w, optimizer.init(w)) for _, optimizer, w, _ in parts]
    losses, gaps = jax.lax.scan(step, starts, None, STEPS)[1]
    return {"loss": losses.T, "gap": gaps.T}


def plot(numbers: Numbers) -> Figure:
    """Draw the two functions, and the distance between the classifiers."""
    figure, ((left, right),) = style.figure(1, 2)
    curve = numbers["curve"]
    left.plot(curve["z"], curve["sigmoid"], color=style.COLOURS[0], label="σ(o₁ − o₂)")
    left.plot(curve["z"], curve["softmax"], "o", color="k", ms=4, label="softmax(o)₁")
    left.set_xlabel("o₁ − o₂")
    left.set_ylabel("probability of class 1")
    gap = np.maximum(np.array(numbers["training"]["gap"]), 1e-9)
    for i, name in enumerate(("σ at 2η", "σ at η")):
        style.band(right, range(STEPS), gap[:, i], f"softmax at η, {name}", i, log=True)
    right.set_xlabel("step of descent")
    right.set_ylabel("largest difference of probabilities")
    for panel in (left, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the largest differences with the thresholds."""
    functions = np.array(numbers["functions"])
    gap = np.array(numbers["training"]["gap"]).max(axis=2)
    word = word_of(functions.max() < 1e-5 and gap[:, 0].max() < 1e-4, gap[:, 1].min() > 1e-2)
    return Verdict(
        word,
        float(gap[:, 0].mean()),
        spread(gap[:, 0]),
        f"Values, losses and gradients differ by at most {functions.max():.0e}. The probabilities"
        f" of the two trained classifiers differ by {gap[:, 0].max():.0e} if the sigmoid learns at"
        f" twice the softmax's rate, and by {gap[:, 1].mean():.2f} if both learn at the same rate:"
        " a softmax has one logit more than it needs, and both of them move.",
        part="equal at twice the rate, but nearly so at other rates" if word == IN_PART else "",
    )
