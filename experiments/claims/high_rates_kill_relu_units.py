r"""ReLU units die as the learning rate grows; units of leaky ReLU, PReLU and ELU stay alive.

The network 784-32-10 learns digits by plain descent at rates from 0.03 to 3. A unit is dead when
its slope is zero for every training example: then no gradient reaches its weights any more. In the
variants, the slope for `z < 0` is 0.01, learned, or `e^z`, so that units with a negative input
still learn. The slopes that PReLU learns are shown as well (deck B, "ReLU" and its variants).

Units count only in runs whose loss is still finite. The criterion lacked this condition at first.
Without it, the units of a diverged run seem to be alive, since their slopes are not zero but NaN.
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
            " less than 1 % of the units of leaky ReLU, PReLU and ELU are dead at every rate;"
            " runs whose loss is not finite do not count",
            BEFORE,
        ),
    ),
    expected=IN_PART,
    seconds=15,
)
HIDDEN, BATCH = 32, 25
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
KINDS: dict[str, Any] = {
    "relu": nn.activations.relu,
    "leaky relu": nn.activations.leaky_relu,
    "prelu": nn.prelu,
    "elu": nn.activations.elu,
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
        if name == "prelu":
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
    return np.where(np.isfinite(loss), dead, np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the seeds that count, NaN where none counts."""
    counted = np.isfinite(values)
    total = np.where(counted, values, 0).sum(axis=1)
    return np.where(counted.any(axis=1), total / np.maximum(counted.sum(axis=1), 1), np.nan)


def plot(numbers: Numbers) -> Figure:
    """Draw dead ReLU units by epoch, dead units by rate, and PReLU's slopes."""
    figure, ((left, middle, right),) = style.figure(1, 3, width=4.2)
    dead = {name: _dead(found) for name, found in numbers.items()}
    for i, rate in enumerate(RATES):
        style.band(left, range(dead["relu"].shape[2]), 100 * dead["relu"][i], f"rate {rate:g}", i)
    left.set_xlabel("epoch (ReLU)")
    left.set_ylabel("dead units, %")
    for i, (name, values) in enumerate(dead.items()):
        ends = 100 * _mean(values[:, :, -1])
        style.band(middle, RATES, ends, name, i, marker=style.MARKERS[i], ms=9 - 2 * i)
    middle.set_xscale("log")
    middle.set_xlabel("learning rate")
    middle.set_ylabel("dead units at the end, % (finite runs)")
    slopes = np.array(numbers["prelu"]["slopes"], float)  # (rates, seeds, units)
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
    for panel in (middle, right):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the shares of dead units at the end."""
    ends = {name: _dead(found)[:, :, -1] for name, found in numbers.items()}
    relu = _mean(ends["relu"])
    worst = {name: np.nanmax(_mean(v)) for name, v in ends.items() if name != "relu"}
    lost = {name: int(np.isnan(v).sum()) for name, v in ends.items()}
    grows = relu[0] < 0.05 and relu[-1] > 0.5 and np.diff(relu).min() > -0.05
    alive = max(worst.values()) < 0.01
    word = word_of(grows, alive)
    slopes = np.array(numbers["prelu"]["slopes"], float)[1]
    listed = ", ".join(f"{100 * d:.0f} % at {rate:g}" for rate, d in zip(RATES, relu, strict=True))
    most = ", ".join(f"{name} {100 * share:.0f} %" for name, share in worst.items())
    gone = ", ".join(f"{name} {count}" for name, count in lost.items())
    left = {name: np.array(f["loss"], float)[3, :, -1] for name, f in numbers.items()}
    losses = ", ".join(
        f"{name} {np.median(loss[np.isfinite(loss)]):.2g}"
        for name, loss in left.items()
        if np.isfinite(loss).any()
    )
    return Verdict(
        word,
        float(relu[-1]),
        float(np.nanstd(ends["relu"][-1])),
        f"Dead ReLU units at the end: {listed}. The highest share of dead units at any rate, by"
        f" kind: {most}. The slope of ELU is e^z, which is 0 in float32 below -103, so ELU units"
        f" far below zero die too. Runs that are not finite at the end, of {ends['relu'].size}"
        f" each: {gone}. Median training loss of the other runs at rate 1: {losses}. Staying alive"
        " does not save a rate that is too high: the variants diverge at rates at which ReLU"
        f" units die. PReLU's slopes start at 0.25 and are {slopes.mean():.2f} ±"
        f" {spread(slopes):.2f} after training at rate 0.1.",
    )
