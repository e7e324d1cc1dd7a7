r"""Outliers pull the squared error's fit away; the fits of the absolute error and of Huber's stay.

The targets follow a line, `y = 2 x + 1`, with noise of 0.1, and +20 is added to a share of them.
One neuron is fitted with each loss by descent, at the rate out of four that makes this loss
smallest, and its error is measured against the clean line. Without outliers, the squared error
should be the best of the three. Each seed draws twenty sets of points (deck B, "Mean Squared
Error", "Mean Absolute Error", "Impact on Model Outputs and Optimization").
"""

from functools import partial
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
from experiments.statistics import interval, spread
from jaxmlp import nn, optim

ABOUT = About(
    rows=("B9",),
    section="Mean squared error; mean absolute error; impact on optimization",
    formula=r"\frac{\partial (z-y)^2}{\partial z} = 2 (z - y), \qquad"
    r" \frac{\partial |z-y|}{\partial z} = \mathrm{sign}(z - y)",
    number="distance of the squared error's fit from the line over the further robust fit's,"
    " 10 % outliers",
    unit="ratio",
    thresholds=(
        Threshold(
            "with 10 % outliers, the fit of the squared error is at least ten times as far from"
            " the clean line as those of the absolute error and of Huber's, at every seed;"
            " without outliers, it is on average at most 10 % further from the line than the"
            " best of the three",
            BEFORE,
        ),
        Threshold(
            "with 10 % outliers, each loss at its own best rate, the fit of the squared error is"
            " more than ten times as far from the clean line as the further one of the absolute"
            " error's and Huber's (main clause); without outliers, it is less than 10 % further"
            " from the line than the nearer one of these; each by a paired 95 % interval of the"
            " log of the distance over the seeds",
            "each seed had drawn a single set of points, and chance decided between fits that were"
            " all good, so each now draws twenty; all losses had one rate; and 'on average' says"
            " nothing about chance",
        ),
    ),
    expected=HOLDS,
    seconds=5,
)
LOSSES = {"squared": nn.losses.mse, "absolute": nn.losses.mae, "Huber": nn.losses.huber}
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
N, NOISE, SPOILED, STEPS, SETS = 200, 0.1, 20.0, 1000, 20
RATES = (0.05, 0.1, 0.2, 0.4)  # at the start; they fall to zero in a line


def run(settings: Settings) -> Numbers:
    """Fit the line with every loss and share of outliers."""
    many = settings._replace(seeds=settings.many)
    fits = {name: over_seeds(partial(_fit_sets, loss), many) for name, loss in LOSSES.items()}
    example = _points(jax.random.key(0), 0.1)
    return {
        "error": {name: fit[0] for name, fit in fits.items()},
        "line": {name: (fit[1][0, 3], fit[2][0, 3]) for name, fit in fits.items()},
        "rates": {name: np.asarray(RATES)[fit[3]] for name, fit in fits.items()},
        "points": [leaf[:, 0] for leaf in example],
    }


def _fit_sets(loss: nn.Loss, key: jax.Array) -> Any:
    """Return the mean error over sets of points, and the fits of the set that the key draws."""
    keys = jnp.concatenate([key[None], jax.random.split(key, SETS - 1)])
    value, miss, w, b = jax.vmap(partial(_fit_all, loss))(keys)  # (sets, shares, rates)
    best = jnp.argmin(jnp.mean(value, axis=0), axis=1)  # the rate of each share, by its own loss
    shares = jnp.arange(len(SHARES))
    return jnp.mean(miss, axis=0)[shares, best], w[0, shares, best], b[0, shares, best], best


def _points(key: jax.Array, share: Any) -> tuple[jax.Array, jax.Array]:
    keys = jax.random.split(key, 3)
    x = jax.random.uniform(keys[0], (N, 1), minval=-1, maxval=1)
    noise = NOISE * jax.random.normal(keys[1], (N, 1))
    spoiled = jax.random.uniform(keys[2], (N, 1)) < share
    return x, 2 * x + 1 + noise + SPOILED * spoiled


def _fit_all(loss: nn.Loss, key: jax.Array) -> Any:
    """Return the loss, the RMS distance of the fit from the clean line, and the fit."""
    model = nn.dense(1)
    gradient = nn.value_and_grad(model, loss)
    first, _ = model.init(key, (1,))

    def fit(share: jax.Array, rate: jax.Array) -> Any:
        optimizer = optim.sgd(lambda t: rate * (1 - t / STEPS))
        step = stepping(gradient, optimizer)
        start = first, optimizer.init(first)
        points = _points(key, share)
        params, _ = jax.lax.fori_loop(0, STEPS, lambda _, carry: step(carry, points)[0], start)
        grid = jnp.linspace(-1, 1, 201)[:, None]
        miss = jnp.sqrt(jnp.mean((model(params, grid) - (2 * grid + 1)) ** 2))
        value = loss(model(params, points[0]), points[1])
        return value, miss, params["W"][0, 0], params["b"][0]

    return jax.vmap(jax.vmap(fit, (None, 0)), (0, None))(jnp.asarray(SHARES), jnp.asarray(RATES))


def plot(numbers: Numbers) -> Figure:
    """Draw one set of points with its fits, and the error against the share of outliers."""
    figure, ((left, right),) = style.figure(1, 2)
    x, y = numbers["points"]
    left.plot(x, y, ".", color="0.6", ms=4)
    ends = [-1.0, 1.0]
    for i, (name, (w, b)) in enumerate(numbers["line"].items()):
        style.band(left, ends, [b - w, b + w], name, i, lw=2)
    left.set_xticks([-1, 0, 1])
    left.set_xlabel("x")
    left.set_ylabel("y (+20 for one in ten)")
    for i, (name, error) in enumerate(numbers["error"].items()):
        percent = [100 * share for share in SHARES]
        style.band(right, percent, error, name, i, log=True, marker=style.MARKERS[i])
    right.set_xlabel("outliers, %")
    right.set_ylabel("distance from the clean line (RMS)")
    for panel in (left, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the fits with 10 % of outliers and without any."""
    error = {name: np.array(values) for name, values in numbers["error"].items()}
    at = SHARES.index(0.1)
    robust = np.maximum(error["absolute"][:, at], error["Huber"][:, at])
    ratio = error["squared"][:, at] / robust
    pulled = interval(np.log(ratio / 10))
    clean = {name: values[:, 0].mean() for name, values in error.items()}
    rival = np.minimum(error["absolute"][:, 0], error["Huber"][:, 0])
    best = interval(np.log(error["squared"][:, 0] / rival / 1.1))
    word = word_of(pulled.above, best.below)
    spoiled = ", ".join(f"{name} {values[:, at].mean():.3f}" for name, values in error.items())
    without = ", ".join(f"{name} {value:.4f}" for name, value in clean.items())
    return Verdict(
        word,
        float(ratio.mean()),
        spread(ratio),
        f"With 10 % outliers, the distances from the clean line are {spoiled}: the squared error's"
        f" fit is {ratio.mean():.0f} times as far away as the worse of the other two. Without"
        f" outliers, they are {without}. Prefer the absolute error or Huber's if targets may be"
        " wrong.",
        part="outliers pull the squared error's fit" if word == IN_PART else "",
    )
