r"""A deep network draws a sawtooth with a few units; a shallow one needs exponentially many.

The tent `t(x) = 2 ReLU(x) - 4 ReLU(x - 1/2)`, applied n times, has 2^n straight pieces. With given
weights, a network of n layers of two units is this sawtooth. A network of one hidden layer has at
most one piece more than it has units, so it needs about 2^n units. When it has only as many units
as the deep one and is trained, it misses the sawtooth (deck D, "Universal Approximation Theorem";
Telgarsky 2015).
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import fit_curve
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
from jaxmlp import nn, optim
from jaxmlp.data.toys import sawtooth

ABOUT = About(
    rows=("D5",),
    section="Universal approximation theorem: effect of the depth",
    formula=r"t^{n}(x) = t(t(\dots t(x))), \qquad"
    r" t(x) = 2 \max(0, x) - 4 \max(0, x - \tfrac{1}{2})",
    number="error of the trained shallow network",
    unit="root mean square",
    thresholds=(
        Threshold(
            "both given networks match the sawtooth within 1e-4; at the most folds, the deep"
            " one has at most a third of the shallow one's units, and a trained shallow network"
            " of the deep one's size has an error of at least a tenth",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=15,
)


def run(settings: Settings) -> Numbers:
    """Measure the given networks' errors, and train shallow ones of the deep ones' size."""
    folds = range(1, 6) if settings.quick else range(1, 8)
    x = np.linspace(0, 1, 2**10 + 1)[:-1]
    steps = 1000 if settings.quick else 5000
    optimizer = optim.adam(optim.schedules.cosine(0.03, steps))
    deep, shallow, trained = [], [], []
    for n in folds:
        y = sawtooth(x, n)
        deep.append(_error(*_deep(n), x, y))
        shallow.append(_error(*_shallow(n), x, y))
        model = nn.mlp((2 * n,), 1)
        trained.append(fit_curve(model, optimizer, x[:, None], y[:, None], settings, steps))
    return {"folds": folds, "deep": deep, "shallow": shallow, "trained": trained}


def _error(model: nn.Layer, params: Any, x: np.ndarray, y: np.ndarray) -> float:
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


def _shallow(n: int) -> tuple[nn.Layer, Any]:
    """A hidden layer whose 2^n units each bend the curve once, and its weights."""
    m = 2**n
    bends = np.where(np.arange(m) % 2, -2.0, 2.0) * m
    bends[0] = m
    params = ((), _layer(np.ones((1, m)), -np.arange(m) / m), (), _layer(bends[:, None], [0.0]))
    return nn.mlp((m,), 1), params


def plot(numbers: Numbers) -> Figure:
    """Draw the units needed and the error at equal size, against the number of folds."""
    figure, ((left, right),) = style.figure(1, 2)
    n = np.array(list(numbers["folds"]))
    style.band(left, n, 2 * n, "n layers of two units", 0, marker="o")
    style.band(left, n, 2.0**n, "one hidden layer", 1, marker="s")
    left.set_yscale("log", base=2)
    left.set_ylabel("units that the sawtooth needs")
    runs = np.array(numbers["trained"]).T
    style.band(right, n, runs, "one hidden layer of 2n units, trained", 1, marker="s")
    style.band(right, n, numbers["deep"], "n layers of two units, given", 0, marker="o")
    right.set_ylabel("error (trained: RMS; given: largest)")
    for panel in (left, right):
        panel.set_xticks(n)
        panel.set_xlabel("folds n (the sawtooth has 2^n pieces)")
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Judge the given networks' errors, the saving in units, and the trained networks' error."""
    n = max(numbers["folds"])
    exact = max(*numbers["deep"], *numbers["shallow"])
    saving, missed = 2**n / (2 * n), np.array(numbers["trained"][-1])
    good = [exact < 1e-4, saving >= 3, float(np.mean(missed)) >= 0.1]
    word = word_of(*good)
    return Verdict(
        word,
        float(np.mean(missed)),
        spread(missed),
        f"With {n} folds, {n} layers of two units ({2 * n} units) and one layer of {2**n} units"
        f" both match the sawtooth within {exact:.0e}. A trained network with {2 * n} units in one"
        f" hidden layer has an error of {np.mean(missed):.2f} (RMS), hardly better than a"
        " constant.",
    )
