r"""A deep network draws a sawtooth with a few units; a shallow one needs exponentially many.

The tent `t(x) = 2 ReLU(x) - 4 ReLU(x - 1/2)`, applied n times, has 2^n straight pieces. A network
of n layers of two units, with given weights, is this sawtooth. A network of one hidden layer of m
units has at most m + 1 pieces. The best fit by so many pieces, found by dynamic programming, has an
error that no such network can beat, however it is trained. So it says how many units a shallow
network needs at least (deck D, "Universal Approximation Theorem"; Telgarsky 2015).

That a network can draw the sawtooth does not mean that descent finds it. So both kinds, of 2n
units, are trained too. Their kinks start spread over [0, 1]: each unit bends where some example is.
Each kind gets its own best rate. These runs do not decide; the verdict says what they find.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import stepping
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
from experiments.pieces import best_fits, crossings
from experiments.tuning import best
from jaxmlp import nn, optim
from jaxmlp.data.toys import sawtooth

ABOUT = About(
    rows=("D5",),
    section="Universal Approximation Theorem",
    formula=r"t^{n}(x) = t(t(\dots t(x))), \qquad"
    r" t(x) = 2 \max(0, x) - 4 \max(0, x - \tfrac{1}{2})",
    number="units that one hidden layer needs for an error of 0.1, over those of the deep network,"
    " at the most folds",
    unit="ratio",
    thresholds=(
        Threshold(
            "both given networks match the sawtooth within 1e-4; at the most folds, the deep"
            " one has at most a third of the shallow one's units, and a trained shallow network"
            " of the deep one's size has an error of at least a tenth",
            BEFORE,
        ),
        Threshold(
            "the given deep network matches the sawtooth within 1e-4 with 2n units, and the"
            " fewest units of a hidden layer that could reach a root mean square error of 0.1, by"
            " the best fit with straight pieces, grow at least 1.5-fold with each fold from the"
            " second on (main clause); the best fit with three pieces, two units, is exact at one"
            " fold, and the best trained shallow network has an error below 0.01 there",
            "the claim had held because the trained shallow network failed. But it failed already"
            " at one fold, where two units are enough, with an error of 0.289: all its kinks"
            " started at the edge of [0, 1]. Deep networks, trained likewise, failed too. So the"
            " old control could not win. A bound took its place that no training can beat, and a"
            " clause that the shallow network wins where it can. Runs of two units had been seen"
            " when the word 'best' was chosen: from spread kinks, about four in ten find the tent",
        ),
    ),
    expected=HOLDS,
    seconds=25,
)
TOLERANCE = 0.1
RATES = (0.003, 0.01, 0.03, 0.1)  # of Adam, each falling to zero as half a cosine
POINTS = 256


def run(settings: Settings) -> Numbers:
    """Bound shallow networks, check the given deep ones, and train both kinds."""
    folds = (1, 2, 4) if settings.quick else (1, 2, 3, 4, 5, 6)
    trained_folds, steps = ((1, 4), 1500) if settings.quick else (folds[:-1], 4000)
    numbers: Numbers = {"folds": folds, "trained_folds": trained_folds, "deep": [], "bound": []}
    for n in folds:
        x = (np.arange(16 * 2**n) + 0.5) / (16 * 2**n)
        y = sawtooth(x, n)
        numbers["deep"].append(_largest_error(*_deep(n), x, y))
        numbers["bound"].append(best_fits(y, 2**n))
    numbers["trained"] = {"one hidden layer": [], "n layers": []}
    for n in trained_folds:
        for name, widths in (("one hidden layer", (2 * n,)), ("n layers", (2,) * n)):
            if n > 1 or name == "one hidden layer":
                found = _trained(widths, n, settings, steps)
            numbers["trained"][name].append(found)  # at one fold, both kinds are one layer
    return numbers


def _largest_error(model: nn.Layer, params: Any, x: np.ndarray, y: np.ndarray) -> float:
    said = model(params, jnp.asarray(x[:, None], jnp.float32))[:, 0]
    return float(np.max(np.abs(np.asarray(said) - y)))


def _layer(W: Any, b: Any) -> dict[str, Any]:
    return {"W": jnp.asarray(W, jnp.float32), "b": jnp.asarray(b, jnp.float32)}


def _deep(n: int) -> tuple[nn.Layer, Any]:
    """A network of n layers of two units that fold the interval n times, and its weights."""
    tent = [[2.0], [-4.0]]
    params: list[Any] = [(), _layer([[1.0, 1.0]], [0.0, -0.5]), ()]
    for _ in range(n - 1):
        params += [_layer(np.matmul(tent, [[1.0, 1.0]]), [0.0, -0.5]), ()]
    return nn.mlp((2,) * n, 1), (*params, _layer(tent, [0.0]))


def _trained(widths: tuple[int, ...], n: int, settings: Settings, steps: int) -> Numbers:
    """Fit the sawtooth at every rate and seed; return what the best rate gives."""
    model = nn.mlp(widths, 1)
    points = (np.arange(POINTS) + 0.5)[:, None] / POINTS
    x, y = (jnp.asarray(a, jnp.float32) for a in (points, sawtooth(points, n)))
    gradient = nn.value_and_grad(model, nn.losses.mse)

    def fit(params: Any, rate: jax.Array) -> jax.Array:
        optimizer = optim.adam(optim.schedules.cosine(rate, steps))
        step = stepping(gradient, optimizer)
        carry = params, optimizer.init(params)
        (params, _) = jax.lax.fori_loop(0, steps, lambda _, c: step(c, (x, y))[0], carry)
        return model(params, x)[:, 0]

    starts = [_spread(np.random.default_rng(k), widths, points) for k in range(settings.many)]
    stacked = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves), jnp.float32), *starts)
    fits = jax.jit(jax.vmap(jax.vmap(fit, (None, 0)), (0, None)))
    said = np.asarray(fits(stacked, jnp.asarray(RATES, jnp.float32)))  # (seeds, rates, points)
    errors = np.sqrt(np.mean((said - np.asarray(y)[:, 0]) ** 2, axis=-1)).T
    chosen = best(RATES, errors)
    return {
        "errors": errors[chosen.place],
        "crossings": crossings(said[:, chosen.place]),
        "rate": chosen.rate,
        "at_edge": chosen.at_edge,
    }


def _spread(rng: np.random.Generator, widths: tuple[int, ...], x: np.ndarray) -> Any:
    """Return parameters with which every hidden unit bends where some example is.

    Kernels are drawn by He's rule. The bias of a hidden unit is such that `w . h + b = 0` for the
    layer's input h of an example drawn at random.
    """
    params: list[Any] = [()]
    h = x
    for fan_in, width in zip((1, *widths), (*widths, 1), strict=True):
        W = rng.normal(0, np.sqrt(2 / fan_in), (fan_in, width))
        rows = rng.integers(0, len(x), width)
        b = -np.sum(h[rows] * W.T, axis=1) if len(params) < 2 * len(widths) else np.zeros(width)
        h = np.maximum(h @ W + b, 0)
        params += [{"W": W, "b": b}, ()]
    return tuple(params[:-1])


def _units(numbers: Numbers) -> np.ndarray:
    """Return the fewest units of a hidden layer that could reach the tolerance, by folds."""
    pieces = [np.argmax(np.array(errors) <= TOLERANCE) + 1 for errors in numbers["bound"]]
    return np.array(pieces) - 1  # m units draw m + 1 pieces


def _bounds(numbers: Numbers) -> np.ndarray:
    """Return the error that no hidden layer of 2n units can beat, by folds."""
    return np.array(
        [
            errors[min(2 * n + 1, len(errors)) - 1]
            for n, errors in zip(numbers["folds"], numbers["bound"], strict=True)
        ]
    )


def plot(numbers: Numbers) -> Figure:
    """Draw the units needed, and the errors with 2n units, against the number of folds."""
    figure, ((left, right),) = style.figure(1, 2)
    n = np.array(list(numbers["folds"]))
    style.band(
        left, n, _units(numbers), f"one hidden layer, error {TOLERANCE}: at least", 1, marker="s"
    )
    style.band(left, n, 2 * n, "n layers of two units, exact", 0, marker="o")
    left.set_yscale("log", base=2)
    left.set_ylabel("units")
    right.axhline(12**-0.5, color="k", lw=0.8, ls=":", label="a constant")
    for i, (name, runs) in enumerate(numbers["trained"].items()):
        values = np.array([found["errors"] for found in runs])
        folds = np.array(list(numbers["trained_folds"]))[:, None] + 0.08 * (2 * i - 1)
        look = {"color": style.COLOURS[1 - i], "marker": "so"[i], "alpha": 0.5, "ls": ""}
        right.plot(folds + 0 * values, values, mfc="none", label=None, **look)
        right.plot([], [], label=f"{name}, trained (every run)", mfc="none", **look)
    style.band(right, n, _bounds(numbers), "best possible for one hidden layer", 2, marker="^")
    right.set_ylabel("root mean square error with 2n units")
    right.set_ylim(-0.01, 0.47)
    for panel in (left, right):
        panel.set_xticks(n)
        panel.set_xlabel("folds n (the sawtooth has $2^n$ pieces)")
        panel.legend(frameon=False, fontsize=9)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Judge the given deep networks, the growth of the units needed, and the shallow control."""
    folds, units, bounds = np.array(list(numbers["folds"])), _units(numbers), _bounds(numbers)
    growth = (units[2:] / units[1:-1]) ** (1 / np.diff(folds[1:]))
    exact = max(numbers["deep"]) < 1e-4
    shallow, deep = numbers["trained"].values()
    one = np.array(shallow[0]["errors"])
    most, ratio, last = folds[-1], units[-1] / (2 * folds[-1]), numbers["trained_folds"][-1]
    return Verdict(
        word_of(exact and bool(np.all(growth >= 1.5)), bounds[0] < 1e-4 and one.min() < 0.01),
        float(ratio),
        None,
        f"With {most} folds, {most} layers of two units, {2 * most} in all, are the sawtooth with a"
        f" largest error of {max(numbers['deep']):.2g}. One hidden layer needs at least"
        f" {units[-1]} units for an error of {TOLERANCE}, {ratio:.1f} times as many, and their"
        " number grows at least"
        f" {growth.min():.2f}-fold with each fold. With {2 * most} units its error is at least"
        f" {bounds[-1]:.3f}; a constant has 0.289. Trained from spread kinks, two units find the"
        f" single tent in {np.sum(one < 0.01)} of {len(one)} runs. With {last} folds,"
        f" {_found(last, shallow[-1], 'one hidden layer')} and"
        f" {_found(last, deep[-1], 'the deep network')}. So depth saves units in what a network can"
        " draw; descent finds the deep sawtooth no better than a shallow one.",
    )


def _found(folds: int, found: Numbers, name: str) -> str:
    """Say what training found with so many folds."""
    errors, edge = np.array(found["errors"]), ", an edge of the grid" * bool(found["at_edge"])
    return (
        f"{name} of {2 * folds} units reaches {errors.mean():.3f} in the mean and"
        f" {errors.min():.3f} at best, and crosses 1/2 at most {max(found['crossings'])} of"
        f" {2**folds} times (rate {found['rate']:.2g}{edge})"
    )
