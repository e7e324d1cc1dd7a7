r"""ReLU units die as the learning rate grows; units of leaky ReLU, PReLU and ELU stay alive.

The network 784-32-10 learns digits by plain descent at rates from 0.03 to 3. A unit is dead when
its slope is zero for every training example: then no gradient reaches its weights any more. In the
variants, the slope for `z < 0` is 0.01, learned, or `e^z`, so that units with a negative input
still learn. The slopes that PReLU learns are shown as well (deck B, "ReLU" and its variants).

A run has diverged if its training loss at the end is not finite or above 23 nats, ten times the
loss of guessing. Units of diverged runs do not count, because they say nothing of dying: where the
parameters are NaN no slope is zero, and where they are huge the slope `e^z` of ELU is zero in
float32 (below z = -103).
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import descent, orders
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
from experiments.statistics import spread
from experiments.training import digits
from jaxmlp import nn, optim

ABOUT = About(
    rows=("B11", "B10"),
    section="ReLU; variants of ReLU: leaky ReLU, PReLU, ELU",
    formula=r"z_n \le 0 \; \mathrm{for \; all} \; n \; \Rightarrow \;"
    r" \frac{\partial L}{\partial w} = \sum_n \delta_n f'(z_n) x_n = 0 \; \mathrm{(ReLU)}",
    number="dead ReLU units at the highest rate",
    unit="share of the units",
    thresholds=(
        Threshold(
            "at the lowest rate less than 5 % of the ReLU units are dead at the end, at the"
            " highest rate more than 50 %, and never fewer at a higher rate (within 5 points);"
            " less than 1 % of the units of leaky ReLU, PReLU and ELU are dead at every rate",
            BEFORE,
        ),
        Threshold(
            "the same; runs whose loss is not finite do not count",
            "units of runs with NaN had counted as alive",
        ),
        Threshold(
            "at the lowest rate less than 5 % of the ReLU units are dead at the end, at the"
            " highest rate more than 50 %, and never fewer at a higher rate, within 5 points (main"
            " clause); less than 1 % of the units of leaky ReLU, PReLU and ELU are dead at every"
            " rate; runs that have diverged do not count",
            "units of ELU had counted as dead in runs whose loss was finite but astronomical: that"
            " was divergence",
        ),
    ),
    expected=IN_PART,
    seconds=15,
)
HIDDEN, BATCH = 32, 25
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
DIVERGED = 10 * np.log(10)  # nats
KINDS: dict[str, Any] = {
    "ReLU": nn.activations.relu,
    "leaky ReLU": nn.activations.leaky_relu,
    "PReLU": nn.prelu,
    "ELU": nn.activations.elu,
}


def run(settings: Settings) -> Numbers:
    """Train every kind at every rate, all seeds at once, and count dead units by epoch."""
    (x, y), _ = digits(settings, 500, 1)
    x, y = jnp.asarray((x - x.mean()) / x.std()), jnp.asarray(y)
    epochs = 3 if settings.quick else 10
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    batches = orders(settings, epochs, len(x), BATCH)
    numbers: Numbers = {}
    for name, kind in KINDS.items():
        model = nn.mlp((HIDDEN,), 10, kind)
        params = jax.vmap(lambda key, model=model: model.init(key, x.shape[1:])[0])(keys)
        fit = jax.vmap(partial(_fit, model), in_axes=(None, None, None, 0, 0))
        (dead, loss), params = jax.jit(jax.vmap(fit, in_axes=(None, None, 0, None, None)))(
            x, y, jnp.asarray(RATES), params, batches
        )
        numbers[name] = {"dead": dead, "loss": loss}
        if name == "PReLU":
            numbers[name]["slopes"] = params[2]["alpha"]
    return numbers


def _fit(
    model: nn.Chain, x: jax.Array, y: jax.Array, rate: jax.Array, params: Any, batches: jax.Array
) -> Any:
    """Return the share of dead units and the loss, by epoch, and the last parameters."""

    def measured(params: Any) -> tuple[jax.Array, jax.Array]:
        z, caches = model.forward(params, x)
        # the backward pass of ones gives the slope of each unit for each example
        slope = model.layers[2].backward(params[2], caches[2], jnp.ones((len(x), HIDDEN)))[1]
        return jnp.mean(jnp.all(slope == 0, axis=0)), nn.losses.cross_entropy(z, y)

    gradient = nn.value_and_grad(model, nn.losses.cross_entropy)
    return descent(gradient, optim.sgd(lambda t: rate), measured)(params, x, y, batches)


def _dead(found: Numbers) -> np.ndarray:
    """Return the share of dead units `(rates, seeds, epochs + 1)`, NaN where a run has diverged."""
    dead, loss = (np.array(found[name], float) for name in ("dead", "loss"))
    return np.where(loss[..., -1:] <= DIVERGED, dead, np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the seeds that count, NaN where none counts."""
    counted = np.isfinite(values)
    total = np.where(counted, values, 0).sum(axis=1)
    return np.where(counted.any(axis=1), total / np.maximum(counted.sum(axis=1), 1), np.nan)


def plot(numbers: Numbers) -> Figure:
    """Draw dead ReLU units by epoch, dead units and diverged runs by rate, and PReLU's slopes."""
    figure, ((left, middle), (low, right)) = style.figure(2, 2)
    dead = {name: _dead(found) for name, found in numbers.items()}
    for i, rate in enumerate(RATES):
        style.band(left, range(dead["ReLU"].shape[2]), 100 * dead["ReLU"][i], f"rate {rate:g}", i)
    left.set_xlabel("epoch (ReLU)")
    left.set_ylabel("dead units, %")
    for i, (name, values) in enumerate(dead.items()):
        ends = 100 * _mean(values[:, :, -1])
        style.band(middle, RATES, ends, name, i, marker=style.MARKERS[i], ms=9 - 2 * i)
    middle.set_xscale("log")
    middle.set_xlabel("learning rate")
    middle.set_ylabel("dead units at the end, %")
    for i, (name, values) in enumerate(dead.items()):
        share = 100 * np.isnan(values[:, :, -1]).mean(axis=1)
        style.band(low, RATES, share, name, i, marker=style.MARKERS[i], ms=9 - 2 * i)
    low.set(xscale="log", xlabel="learning rate", ylabel="diverged runs, %")
    slopes = np.array(numbers["PReLU"]["slopes"], float)  # (rates, seeds, units)
    for i, rate in enumerate(RATES[:2]):
        right.hist(
            np.clip(slopes[i].ravel(), -0.1, 0.7),
            np.linspace(-0.1, 0.7, 33),
            histtype="step",
            color=style.COLOURS[i],
            ls=style.LINES[i],
            lw=1.5,
            label=f"rate {rate:g}",
        )
    right.axvline(0.25, color="k", lw=0.8)
    right.set_xlabel("learned slope α of PReLU (line: the start)")
    right.set_ylabel("units, all seeds")
    left.legend(frameon=False, ncols=2, loc="center", bbox_to_anchor=(0.55, 0.66))
    for panel in (middle, low, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the shares of dead units at the end."""
    ends = {name: _dead(found)[:, :, -1] for name, found in numbers.items()}
    relu = _mean(ends["ReLU"])
    worst = {name: np.nanmax(_mean(v)) for name, v in ends.items() if name != "ReLU"}
    lost = {name: int(np.isnan(v).sum()) for name, v in ends.items()}
    grows = relu[0] < 0.05 and relu[-1] > 0.5 and np.diff(relu).min() > -0.05
    alive = max(worst.values()) < 0.01
    word = word_of(grows, alive)
    slopes = np.array(numbers["PReLU"]["slopes"], float)[1]
    listed = ", ".join(f"{100 * d:.0f} % at {rate:g}" for rate, d in zip(RATES, relu, strict=True))
    most = ", ".join(f"{name} {100 * share:.1f} %" for name, share in worst.items())
    gone = ", ".join(f"{name} {count}" for name, count in lost.items())
    return Verdict(
        word,
        float(relu[-1]),
        float(np.nanstd(ends["ReLU"][-1], ddof=1)),
        f"Dead ReLU units at the end: {listed}. The highest share of dead units at any rate, by"
        f" kind: {most} (at its worst rate, some units of ELU lie below -103 for every digit)."
        f" Runs that have diverged, of {ends['ReLU'].size} each: {gone}. Staying"
        " alive does not save a rate that is too high: the variants diverge at rates at which ReLU"
        f" units die. PReLU's slopes start at 0.25 and are {slopes.mean():.2f} ±"
        f" {spread(slopes):.2f} after training at rate 0.1.",
        part="ReLU units die; leaky ReLU and PReLU stay alive" if word == IN_PART else "",
    )
