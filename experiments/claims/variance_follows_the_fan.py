r"""A layer's variance is `fan_in Var(W) E[a^2]`; ReLU halves `E[a^2]`, and `2/fan_in` repairs it.

Noise passes through thirty layers, each drawn anew, forward and backward. For every scheme, the log
of the variance of `z` and of `da` is compared with the theory, which iterates the integrals of
`f^2` and `f'^2` over a normal distribution. Then a funnel from 512 to 64 units separates `fan_in`
from `fan_out` (deck A, "Variance Propagation", "Forward vs Backward"; decks B and E, Xavier and
He).

Two errors of the slides are measured too. Xavier's printed bound `sqrt(1/n)` gives a third of the
variance that the slide demands above it (erratum 1). ReLU halves the second moment and not the
variance: the variance becomes `(1 - 1/pi)/2 = 0.34` of what it was. The recipe is right all the
same, because the next `z` depends on the second moment.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
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
from jaxmlp import nn

ABOUT = About(
    rows=("A6", "A7", "B8", "E9"),
    section="Variance propagation; forward vs backward; Xavier vs. He",
    formula=r"\mathrm{Var}(z_{l+1}) = n_{in} \mathrm{Var}(W) E[f(z_l)^2], \qquad"
    r" \mathrm{Var}(\delta_l) = n_{out} \mathrm{Var}(W) E[f'(z_l)^2] \mathrm{Var}(\delta_{l+1})",
    number="forward variance of thirty ReLU layers, He's start",
    unit="powers of ten",
    thresholds=(
        Threshold(
            "after 30 layers, every measured variance, forward and backward, for ReLU and tanh,"
            " lies within half a decade of the theory; of all schemes, only He keeps both"
            " variances within half a decade of 1 through ReLU; in the funnel, fan_in keeps the"
            " forward variance and fan_out the backward variance within half a decade",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=7,
)
DEPTH, N, WIDTH = 30, 64, 256
FUNNEL = (512, 362, 256, 181, 128, 91, 64)
ACTIVATIONS = {"relu": nn.activations.relu, "tanh": nn.activations.tanh}


def schemes(n: int) -> dict[str, Any]:
    """The initializers, and the variance that each gives to a kernel of n inputs and n outputs."""
    init = nn.initializers
    return {
        "N(0, 1)": (init.normal(1.0), 1.0),
        "N(0, 0.01²)": (init.normal(0.01), 1e-4),
        "LeCun": (init.lecun_normal, 1 / n),
        "Xavier as printed": (init.uniform(math.sqrt(1 / n)), 1 / (3 * n)),
        "Xavier": (init.xavier_uniform, 1 / n),
        "He": (init.he_normal, 2 / n),
    }


def run(settings: Settings) -> Numbers:
    """Measure the variances of every scheme and of the funnel, and predict them."""
    root = jax.random.key(0)
    keys = jax.random.split(root, (settings.seeds, DEPTH))
    noise = jax.random.normal(root, (2, N, WIDTH))
    measured: Numbers = {}
    theory: Numbers = {}
    for name, f in ACTIVATIONS.items():
        through = jax.jit(jax.vmap(partial(_through, _layer(f, WIDTH), noise)))
        measured[name], theory[name] = {}, {}
        for scheme, (kernel, variance) in schemes(WIDTH).items():
            layer = _layer(f, WIDTH, kernel)
            params = jax.vmap(jax.vmap(lambda key, layer=layer: layer.init(key, (WIDTH,))[0]))(keys)
            measured[name][scheme] = through(params)
            theory[name][scheme] = _theory(f, WIDTH * variance)
    funnel = {mode: _funnel(mode, keys[:, 0]) for mode in ("fan_in", "fan_out")}
    z = jax.random.normal(root, (1_000_000,))
    halved = nn.activations.relu(z)
    moments = {"second moment": jnp.mean(halved**2), "variance": jnp.var(halved)}
    return {"measured": measured, "theory": theory, "funnel": funnel, "relu": moments}


def _layer(f: nn.Activation, n: int, kernel: nn.Initializer = nn.initializers.zeros) -> nn.Layer:
    return nn.sequential(nn.dense(n, kernel), nn.activation(f))


def _log_variance(x: jax.Array) -> jax.Array:
    """Return `log10 E[x^2]`, also where the square would overflow."""
    largest = jnp.max(jnp.abs(x))
    return 2 * jnp.log10(largest) + jnp.log10(jnp.mean((x / largest) ** 2))


def _through(layer: nn.Layer, noise: jax.Array, params: Any) -> tuple[jax.Array, jax.Array]:
    """Return the log variance of `z` after each layer, and of `dL/da` before each layer."""

    def forward(a: jax.Array, params: Any) -> Any:
        a, cache = layer.forward(params, a)
        return a, ((params, cache), _log_variance(cache[1][0]))

    def backward(delta: jax.Array, stored: Any) -> Any:
        params, cache = stored
        delta = layer.backward(params, cache, delta)[1]
        return delta, _log_variance(delta)

    _, (stored, forwards) = jax.lax.scan(forward, noise[0], params)
    _, backwards = jax.lax.scan(backward, noise[1], stored, reverse=True)
    return forwards, backwards


def _theory(f: nn.Activation, c: float) -> tuple[list[float], list[float]]:
    """Return the theory for the result of `_through`, for `c = n Var(W)`."""
    u = np.linspace(-8, 8, 4001)
    weight = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) * (u[1] - u[0])
    q, forwards, gains = c, [], []
    for _ in range(DEPTH):
        forwards.append(math.log10(q))
        z = jnp.asarray(math.sqrt(q) * u, jnp.float32)
        a = f(z)
        values, slopes = (np.asarray(g, float) for g in (a, f.derivative(z, a)))
        q = c * float(weight @ values**2)
        gains.append(math.log10(c * float(weight @ slopes**2)))
    return forwards, list(np.cumsum(gains[::-1])[::-1])


def _funnel(mode: str, keys: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the decades by which the variance changes from end to end, forward and backward."""
    kernel, relu = nn.initializers.variance_scaling(2, mode, "normal"), nn.activations.relu
    model = nn.mlp(FUNNEL[1:-1], FUNNEL[-1], relu, kernel)
    params = jax.vmap(lambda key: model.init(key, (FUNNEL[0],))[0])(keys)

    def through(params: Any, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        a = nn.activations.relu(jax.random.normal(key, (N, FUNNEL[0])))
        z, caches = model.forward(params, a)
        delta = jax.random.normal(jax.random.fold_in(key, 1), z.shape)
        dx = model.backward(params, caches, delta)[1]
        return _log_variance(z), _log_variance(dx) - math.log10(2)

    return jax.jit(jax.vmap(through))(params, keys)


def plot(numbers: Numbers) -> Figure:
    """Draw log variances by layer: ReLU and tanh, forward and backward, theory as dots."""
    figure, panels = style.figure(2, 2, height=3.0)
    layers = range(1, DEPTH + 1)
    for row, name in zip(panels, ACTIVATIONS, strict=True):
        for way, panel in enumerate(row):
            for i, (scheme, both) in enumerate(numbers["measured"][name].items()):
                style.band(panel, layers, both[way], scheme, i, lw=4 if scheme == "LeCun" else 1.5)
                theory = numbers["theory"][name][scheme][way]
                panel.plot(layers[::3], theory[::3], "o", ms=3, color=style.COLOURS[i])
            panel.set_yscale("symlog", linthresh=1, linscale=0.6)
            panel.set_yticks([-40, -10, -3, -1, 0, 1, 3, 10, 40])
            panel.set_yticklabels(["−40", "−10", "−3", "−1", "0", "1", "3", "10", "40"])
            panel.set_xlabel(f"layer ({name})")
            panel.set_ylabel(["log₁₀ Var(z)", "log₁₀ Var(dL/da)"][way])
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=6,
        frameon=False,
    )
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare both ends with the theory and with 1."""
    ends, errors = {}, []
    for name, by_scheme in numbers["measured"].items():
        for scheme, (forward, backward) in by_scheme.items():
            f, b = np.array(forward)[:, -1], np.array(backward)[:, 0]
            ends[name, scheme] = f.mean(), b.mean()
            theory = numbers["theory"][name][scheme]
            errors += [abs(f.mean() - theory[0][-1]), abs(b.mean() - theory[1][0])]
    kept = [s for (name, s), e in ends.items() if name == "relu" and np.abs(e).max() < 0.5]
    (in_f, in_b), (out_f, out_b) = (
        [float(np.mean(way)) for way in numbers["funnel"][mode]] for mode in ("fan_in", "fan_out")
    )
    fans = abs(in_f) < 0.5 and abs(out_b) < 0.5
    parts = max(errors) < 0.5, kept == ["He"], fans
    word = word_of(*parts)
    he = np.array(numbers["measured"]["relu"]["He"])[0, :, -1]
    of = {scheme: ends["relu", scheme][0] for scheme in numbers["measured"]["relu"]}
    tanh = {s: ends["tanh", s] for s in ("Xavier", "He")}
    relu = numbers["relu"]
    return Verdict(
        word,
        float(he.mean()),
        spread(he),
        f"Thirty ReLU layers multiply the forward variance by 10^{he.mean():.2f} with He,"
        f" 10^{of['N(0, 1)']:.0f} with N(0, 1), 10^{of['N(0, 0.01²)']:.0f} with N(0, 0.01²),"
        f" 10^{of['Xavier']:.1f} with Xavier and 10^{of['Xavier as printed']:.1f} with Xavier as"
        f" printed; the theory is at most {max(errors):.2f} decades off. Through tanh, the"
        f" variance falls slowly with Xavier (forward 10^{tanh['Xavier'][0]:.1f}, backward"
        f" 10^{tanh['Xavier'][1]:.1f}) and grows backward with He (10^{tanh['He'][1]:.1f}). In the"
        f" funnel, fan_in leaves 10^{in_f:.2f} forward and 10^{in_b:.2f} backward, fan_out"
        f" 10^{out_f:.2f} and 10^{out_b:.2f}. Both are good enough, because the fans cancel from"
        f" layer to layer. ReLU leaves {relu['second moment']:.3f} of the second moment but"
        f" {relu['variance']:.3f} of the variance.",
    )
