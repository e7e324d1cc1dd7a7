r"""He initialization keeps the activations of all ReLU layers alike; plain normals do not.

Digits pass through ten untrained ReLU layers of 256 units. The kernels are drawn by He's rule, from
`N(0, 1)` and from `N(0, 0.01^2)`. We show histograms of the activations after layers 1, 4, 7 and
10, and their root mean square after each layer (deck A, "Effect of He vs Random initialization",
the figure).
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import over_seeds
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
from experiments.training import digits
from jaxmlp import nn

ABOUT = About(
    rows=("A8", "A7"),
    section="Effect of He vs random initialization",
    formula=r"a_l = \max(0, a_{l-1} W_l), \qquad W_{ij} \sim N(0, 2/n_{in})"
    r" \quad \mathrm{or} \quad W_{ij} \sim N(0, \sigma^2)",
    number="root mean square of layer 10 over that of layer 1, He's start",
    unit="ratio",
    thresholds=(
        Threshold(
            "from layer 1 to layer 10, the root mean square changes by a factor of less than 3"
            " with He, and of more than 1000 with both plain normals",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=5,
)
DEPTH, WIDTH, SHOWN = 10, 256, (1, 4, 7, 10)
SCHEMES = {
    "He": nn.initializers.he_normal,
    "N(0, 1)": nn.initializers.normal(1.0),
    "N(0, 0.01²)": nn.initializers.normal(0.01),
}
BINS = 60


def run(settings: Settings) -> Numbers:
    """Measure the activations of ten layers for three ways of drawing the kernels."""
    (x, _), _ = digits(settings, 500, 1)
    x = jnp.asarray((x - x.mean()) / x.std())
    numbers: Numbers = {}
    for name, kernel in SCHEMES.items():
        # the last dense layer is not used: its cache is the last hidden layer's activations
        model = nn.mlp((WIDTH,) * DEPTH, 1, kernel=kernel)

        def activations(key: jax.Array, model: nn.Layer = model) -> jax.Array:
            params, _ = model.init(key, x.shape[1:])
            caches = model.forward(params, x)[1]
            return jnp.stack([caches[2 * k][1] for k in range(1, DEPTH + 1)])

        a = over_seeds(activations, settings)  # (seeds, layers, N, units)
        rms = np.sqrt(np.mean(np.square(a, dtype=np.float64), axis=(2, 3)))
        dead = np.mean(a == 0, axis=(2, 3))
        numbers[name] = {"rms": rms, "zero": dead, "histograms": _histograms(a[0])}
    return numbers


def _histograms(a: np.ndarray) -> Numbers:
    """Return the density of the positive activations by decade, for the layers shown."""
    edges = np.linspace(-20, 20, 40 * 10 + 1)
    return {
        "edges": edges,
        "counts": [
            np.histogram(np.log10(a[k - 1][a[k - 1] > 0]), edges)[0] / a[k - 1].size for k in SHOWN
        ],
    }


def plot(numbers: Numbers) -> Figure:
    """Draw one panel of histograms for each way, and the root mean square by layer."""
    figure, panels = style.figure(2, 2, height=3.0)
    for panel, (name, found) in zip(panels.ravel(), numbers.items(), strict=False):
        edges = np.array(found["histograms"]["edges"])
        for i, (layer, counts) in enumerate(zip(SHOWN, found["histograms"]["counts"], strict=True)):
            look = {"color": style.COLOURS[i], "ls": style.LINES[i]}
            panel.plot(10 ** edges[:-1], counts, label=f"layer {layer}", **look)
        panel.set_xscale("log")
        panel.set_xlim(1e-13, 1e13)
        panel.set_ylim(0, 0.06)
        panel.set_xlabel(f"positive activation, {name}")
    for row in panels:
        row[0].set_ylabel("share of all units, per 0.1 decade")
    for i, (name, found) in enumerate(numbers.items()):
        style.band(panels[1, 1], range(1, DEPTH + 1), np.log10(found["rms"]), name, i)
    panels[1, 1].set_xlabel("layer")
    panels[1, 1].set_ylabel("log₁₀ of the root mean square")
    for panel in (panels[0, 0], panels[1, 1]):
        panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the root mean squares of the first and the last layer."""
    decades = {
        name: np.log10(np.array(found["rms"])[:, -1] / np.array(found["rms"])[:, 0])
        for name, found in numbers.items()
    }
    factor = 10 ** decades["He"]
    alike = abs(decades["He"].mean()) < np.log10(3)
    others = [d.mean() for name, d in decades.items() if name != "He"]
    word = word_of(alike, np.abs(others).min() > 3)
    return Verdict(
        word,
        float(factor.mean()),
        spread(factor),
        "From layer 1 to layer 10, the root mean square changes by a factor of"
        f" {factor.mean():.2f} with He, of 10^{decades['N(0, 1)'].mean():.1f} with N(0, 1) and of"
        f" 10^{decades['N(0, 0.01²)'].mean():.1f} with N(0, 0.01²). A fixed standard deviation"
        " suits only one width; compute it from the fan.",
    )
