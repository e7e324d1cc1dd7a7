r"""The cross-entropy risk is convex for logistic regression, and not for a network.

The deck promises a proof that the risk is convex. We compute the Hessian at random parameters, from
hand-written gradients in float64, and its smallest eigenvalue: for logistic regression on two
moons, for softmax regression on three spirals, and for networks with hidden units on both. A convex
risk has no negative one anywhere. Descent from two random points shows the same: both lead a
regression to one minimum, and between those of a network the risk has a hump. We also check that
`l(1, p) = l(0, 1 - p)`, which is one bit at p = 1/2 (deck C, "The Two-Class Cross-Entropy Loss").
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
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
    word_of,
)
from experiments.statistics import interval, spread
from experiments.training import dataset
from jaxmlp import nn
from jaxmlp.nn.curvature import flat_risk, hessian, smallest_eigenvalue
from jaxmlp.nn.probabilities import binary_cross_entropy

ABOUT = About(
    rows=("C11", "C2"),
    section="The two-class cross-entropy loss",
    formula=r"\nabla^2 L_T = \frac{1}{N} \sum_n p_n (1 - p_n) x_n x_n^T \succeq 0, \qquad"
    r" \ell(1, p) = \ell(0, 1 - p)",
    number="random points where the risk of 2-4-1 has a negative eigenvalue",
    unit="share of the points",
    thresholds=(
        Threshold(
            "for logistic and softmax regression, no smallest eigenvalue is below -1e-7 of the"
            " largest, at any point (main clause); for the networks it is below -1e-3 of the"
            " largest at more than half of the points, by a 95 % interval over ten seeds; and"
            " l(1, p) = l(0, 1 - p) within 1e-12, one bit at p = 1/2",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=15,
)
MODELS = {
    "logistic regression": ("moons", (), nn.activations.tanh),
    "softmax regression": ("spirals", (), nn.activations.tanh),
    "2-4-1, tanh": ("moons", (4,), nn.activations.tanh),
    "2-4-3, sigmoid": ("spirals", (4,), nn.activations.sigmoid),
}
DEVIATION, EXAMPLES, ALONG = 1.0, 100, 41
STEPS, RATE = 3000, 0.5  # of descent


def run(settings: Settings) -> Numbers:
    """Compute the smallest eigenvalues at random points, and the risk between two of them."""
    points = 10 if settings.quick else 40
    numbers: Numbers = {"lowest": {}, "between": {}}
    with jax.enable_x64(True):
        for name, (data, hidden, activation) in MODELS.items():
            flat, draws = _risk(data, hidden, activation, settings.many * points)
            ratios = jax.lax.map(lambda w, f=flat: _lowest(f.gradient, w), draws)
            numbers["lowest"][name] = np.reshape(ratios, (settings.many, points))
            t = jnp.linspace(0, 1, ALONG)[:, None]
            one, other = (_descend(flat.gradient, w) for w in draws[:2])
            risks = jax.vmap(flat.value)((1 - t) * one + t * other)
            numbers["between"][name] = np.asarray(risks)
        p = jnp.linspace(0.01, 0.99, 99)[:, None]
        yes, no = (
            binary_cross_entropy(p, jnp.ones_like(p)),
            binary_cross_entropy(1 - p, jnp.zeros_like(p)),
        )
        numbers["loss"] = {"p": p[:, 0], "of 1": yes / jnp.log(2), "of 0": no[::-1] / jnp.log(2)}
        numbers["apart"] = jnp.max(jnp.abs(yes - no))
        return jax.tree.map(np.asarray, numbers)


def _risk(data: str, hidden: tuple[int, ...], activation: nn.Activation, draws: int) -> Any:
    """Return the risk of a network on some examples, and random points of its parameters."""
    found = dataset(data)
    x, y = jnp.asarray(found.x_train[:EXAMPLES], float), jnp.asarray(found.y_train[:EXAMPLES])
    two = data == "moons"
    model = nn.mlp(hidden, 1 if two else 3, activation)
    loss = nn.losses.binary_cross_entropy if two else nn.losses.cross_entropy
    params, _ = model.init(jax.random.key(0), (2,), dtype="float64")
    targets = jnp.asarray(y, float)[:, None] if two else y
    size = ravel_pytree(params)[0].size
    drawn = np.random.default_rng(0).normal(0, DEVIATION, (draws, size))
    return flat_risk(model, loss, params, x, targets), jnp.asarray(drawn)


def _descend(gradient: Any, w: jax.Array) -> jax.Array:
    """Return where plain descent leads."""
    return jax.lax.fori_loop(0, STEPS, lambda _, w: w - RATE * gradient(w), w)


def _lowest(gradient: Any, w: jax.Array) -> jax.Array:
    """Return the smallest eigenvalue, as a share of the largest absolute one."""
    largest = jnp.max(jnp.abs(jnp.linalg.eigvalsh(hessian(gradient, w))))
    return smallest_eigenvalue(gradient, w) / largest


def plot(numbers: Numbers) -> Figure:
    """Draw the smallest eigenvalues, and the risk between two ends of descent."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (name, lowest) in enumerate(numbers["lowest"].items()):
        ordered = np.sort(np.ravel(lowest))
        style.band(left, np.linspace(0, 100, len(ordered)), ordered, name, i)
    left.set(xlabel="random points, % (ordered)", ylabel="smallest eigenvalue / largest")
    for i, (name, risks) in enumerate(numbers["between"].items()):
        style.band(right, np.linspace(0, 1, len(risks)), risks, name, i)
    right.set(xlabel="way from one end of descent to another", ylabel="risk, nats")
    left.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Judge the smallest eigenvalues, and the symmetry of the loss."""
    lowest = {name: np.array(values) for name, values in numbers["lowest"].items()}
    convex = min(values.min() for name, values in lowest.items() if "regression" in name)
    bent = {
        name: np.mean(values < -1e-3, axis=1)
        for name, values in lowest.items()
        if "regression" not in name
    }
    half = numbers["loss"]["of 1"][49]
    same = numbers["apart"] < 1e-12 and abs(half - 1) < 1e-12
    word = word_of(
        bool(convex > -1e-7), *(interval(share - 0.5).above for share in bent.values()), same
    )
    share = bent["2-4-1, tanh"]
    listed = ", ".join(f"{name} {100 * found.mean():.0f} %" for name, found in bent.items())
    return Verdict(
        word,
        float(share.mean()),
        spread(share),
        f"At {np.size(lowest['logistic regression'])} random points, the smallest eigenvalue of the"
        f" regressions is never below {convex:.1e} of the largest, which is rounding. Points where"
        f" it is clearly negative: {listed}; the lowest is {lowest['2-4-1, tanh'].min():.2f} of the"
        " largest for 2-4-1. The loss is convex in the logits, and the logits of one layer are"
        " linear in its parameters; with a hidden layer they are not. l(1, p) and l(0, 1 - p)"
        f" differ by at most {numbers['apart']:.0e}, and at p = 1/2 the loss is {half:.3f} bit.",
        part="regressions have a convex risk" if word == IN_PART else "",
    )
