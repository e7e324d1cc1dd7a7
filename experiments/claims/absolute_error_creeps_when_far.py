r"""The absolute error descends slowly where errors are large, because its slope is constant.

One neuron, `z = w x + b`, learns a line whose targets lie at a distance D from its start. The slope
of the squared error is proportional to the distance, so the steps shrink it by a constant factor.
The slope of the absolute error is 1 at any distance, so the number of steps grows with D. Huber's
loss has both regions. We count the steps of full-batch descent until the largest error over the
examples is below 0.1 and stays there; each loss has its own best rate at each distance, out of the
same twelve (deck B, "Mean Absolute Error", "Impact on Model Outputs").
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style, timing
from experiments.descent import stepping
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
    rows=("B14", "B9"),
    section="Mean absolute error; Impact on Model Outputs",
    formula=r"\frac{\partial (z-y)^2}{\partial z} = 2 (z - y), \qquad"
    r" \frac{\partial |z-y|}{\partial z} = \mathrm{sign}(z - y)",
    number="exponent k of steps ~ D^k for the absolute error, distances 3 to 100",
    unit="exponent",
    thresholds=(
        Threshold(
            "for the absolute error, the exponent of the steps in the distance is shown to be"
            " above 1/2 (main clause); for the squared error it is shown to be below 1/2; each by"
            " a 95 % interval over the seeds; and at the distance 100 the squared error needs"
            " fewer steps at every seed",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=5,
)
LOSSES = {
    "squared": nn.losses.mse,
    "absolute": nn.losses.mae,
    "Huber": nn.losses.huber_of(1.0),
}
DISTANCES = (3.0, 10.0, 30.0, 100.0)
RATES = tuple(float(rate) for rate in np.geomspace(0.003, 1.5, 12))
NEAR, STEPS, N = 0.1, 3000, 32


def run(settings: Settings) -> Numbers:
    """Count the steps of every loss, at every distance and rate."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.uniform(-1, 1, (settings.many, N, 1)), jnp.float32)
    slopes = jnp.asarray(rng.normal(size=(settings.many, 1, 1)), jnp.float32)
    rates, distances = jnp.asarray(RATES), jnp.asarray(DISTANCES)
    model = nn.dense(1)
    counts = {}
    for name, loss in LOSSES.items():
        gradient = nn.value_and_grad(model, loss)

        def steps(rate, distance, x, slope, gradient=gradient):  # type: ignore[no-untyped-def]
            y = slope * x + distance
            params = {"W": jnp.zeros((1, 1)), "b": jnp.zeros(1)}
            optimizer = optim.sgd(rate)
            step = stepping(gradient, optimizer)

            def one(carry, i):  # type: ignore[no-untyped-def]
                state, last_far = carry
                far = jnp.max(jnp.abs(model(state[0], x) - y)) >= NEAR
                state = step(state, (x, y))[0]
                return (state, jnp.where(far, i + 1, last_far)), None

            start = (params, optimizer.init(params)), 0
            (_, last_far), _ = jax.lax.scan(one, start, jnp.arange(STEPS))
            return last_far

        over_seeds = jax.vmap(steps, (None, None, 0, 0))
        grid = jax.vmap(jax.vmap(over_seeds, (0, None, None, None)), (None, 0, None, None))
        counts[name] = jax.jit(grid)(rates, distances, x, slopes)  # (distances, rates, seeds)
    return {"steps": counts}


def _best(numbers: Numbers, name: str) -> np.ndarray:
    """Return the steps at the best rate of each distance, `(distances, seeds)`."""
    steps = np.array(numbers["steps"][name], float)
    at = steps.mean(axis=2).argmin(axis=1)
    return steps[np.arange(len(steps)), at]


def plot(numbers: Numbers) -> Figure:
    """Draw the steps against the distance, each at its best rate."""
    figure, ((panel,),) = style.figure()
    for i, name in enumerate(LOSSES):
        steps = _best(numbers, name).T
        style.band(panel, DISTANCES, steps, name, i, log=True, marker=style.MARKERS[i])
    panel.set(
        xscale="log", xlabel="distance D of the targets", ylabel="steps to an error below 0.1"
    )
    for axis in (panel.xaxis, panel.yaxis):
        style.plain_ticks(axis)
    panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the exponents, and the steps at the largest distance."""
    steps = {name: _best(numbers, name) for name in LOSSES}
    powers = {name: timing.exponents(DISTANCES, found) for name, found in steps.items()}
    absolute, squared = (interval(powers[name] - 0.5) for name in ("absolute", "squared"))
    fewer = bool((steps["squared"][-1] < steps["absolute"][-1]).all())
    word = word_of(absolute.above, squared.below, fewer)
    listed = "; ".join(
        f"{name} {', '.join(f'{s:.0f}' for s in found.mean(axis=1))} (D to the power"
        f" {powers[name].mean():.2f})"
        for name, found in steps.items()
    )
    lost = [name for name, found in steps.items() if found.max() >= STEPS]
    return Verdict(
        word,
        float(powers["absolute"].mean()),
        spread(powers["absolute"]),
        f"Steps at the distances {', '.join(f'{d:g}' for d in DISTANCES)}: {listed}."
        + (f" {STEPS} means that the target was not reached ({', '.join(lost)})." if lost else "")
        + " A constant slope has to serve two ends: long steps to come near, short ones to stay"
        " there. Huber's loss is quadratic near the target, so its rate may be high, but it creeps"
        " from far away as well.",
        part="the absolute error creeps" if word == IN_PART else "",
    )
