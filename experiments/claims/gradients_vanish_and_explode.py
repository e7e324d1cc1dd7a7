r"""Signals through many layers shrink or grow like `0.5^L` and `1.5^L`, and so do gradients.

First come the lecture's chains of L equal layers, `0.5 I` and `1.5 I`: forward and backward they
give exactly `0.5^L` and `1.5^L`. Then come real networks, 20 hidden layers of 64 units on digits.
For sigmoid, tanh and ReLU we measure the norm of the gradient of each layer's kernel. The kernels
start by the rule that the lectures give for the activation, `1/n` (sigmoid and tanh) or `2/n`
(ReLU), and from plain normals (deck E, "Vanishing and Exploding Gradient" and the remedy by
initialization).
"""

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
from experiments.training import digits
from jaxmlp import nn

ABOUT = About(
    rows=("E8", "E9", "B11"),
    section="Vanishing and exploding gradient",
    formula=r"\hat{y} = W^L x, \quad W = 0.5 I \; \mathrm{or} \; 1.5 I, \qquad"
    r" \frac{\partial L}{\partial x} = (W^T)^L \delta",
    number="gradient of the second hidden layer over that of the last, sigmoid",
    unit="powers of ten",
    thresholds=(
        Threshold(
            "the chains are exact within 1e-5; over 20 layers, the gradient of a sigmoid"
            " network shrinks by a factor of 1e6 or more, and the gradients of tanh and ReLU"
            " networks that start by their rules change by a factor of less than 100",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=6,
)
DEPTH, WIDTH, CHAIN = 20, 64, 30
NETWORKS = {
    "sigmoid, 1/n": (nn.activations.sigmoid, nn.initializers.lecun_normal),
    "tanh, 1/n": (nn.activations.tanh, nn.initializers.lecun_normal),
    "ReLU, 2/n": (nn.activations.relu, nn.initializers.he_normal),
    "ReLU, N(0, 1)": (nn.activations.relu, nn.initializers.normal(1.0)),
    "tanh, N(0, 0.01²)": (nn.activations.tanh, nn.initializers.normal(0.01)),
}


def run(settings: Settings) -> Numbers:
    """Measure the chains, and the gradients of five deep networks."""
    (x, y), _ = digits(settings, 128, 1)
    chains = {f"{factor} I": _chain(factor) for factor in (0.5, 1.5)}
    x = jnp.asarray((x - x.mean()) / x.std())
    keys = jax.random.split(jax.random.key(0), settings.seeds)
    norms = {name: _norms(*made, x, jnp.asarray(y), keys) for name, made in NETWORKS.items()}
    return {"chains": chains, "norms": norms}


def _chain(factor: float) -> Numbers:
    """Return the size of the signal and of the gradient after each layer of a chain."""
    layer = nn.dense(2)
    params = {"W": factor * jnp.eye(2), "b": jnp.zeros(2)}
    x, delta, sizes = jnp.ones((1, 2)), jnp.ones((1, 2)), [[], []]  # type: ignore[var-annotated]
    for _ in range(CHAIN):
        x, cache = layer.forward(params, x)
        delta = layer.backward(params, cache, delta)[1]
        sizes[0].append(float(x[0, 0]))
        sizes[1].append(float(delta[0, 0]))
    return {"forward": sizes[0], "backward": sizes[1]}


def _norms(
    f: nn.Activation, kernel: nn.Initializer, x: jax.Array, y: jax.Array, keys: jax.Array
) -> jax.Array:
    """Return log10 of the norm of each kernel's gradient, `(seeds, layers)`, first to last."""
    model = nn.mlp((WIDTH,) * DEPTH, 10, f, kernel)
    params = jax.vmap(lambda key: model.init(key, x.shape[1:])[0])(keys)
    differentiate = nn.value_and_grad(model, nn.losses.cross_entropy)

    def norms(params: Any) -> jax.Array:
        gradient = differentiate(params, x, y)[1]
        dW = [part["W"] for part in gradient if part]
        largest = jnp.stack([jnp.max(jnp.abs(d)) for d in dW])
        scaled = [jnp.sqrt(jnp.sum((d / m) ** 2)) for d, m in zip(dW, largest, strict=True)]
        return jnp.log10(largest) + jnp.log10(jnp.stack(scaled))

    return jax.jit(jax.vmap(norms))(params)


def plot(numbers: Numbers) -> Figure:
    """Draw the chains, and the gradient norms by layer."""
    figure, ((left, right),) = style.figure(1, 2)
    for i, (name, found) in enumerate(numbers["chains"].items()):
        layers = list(range(1, CHAIN + 1))
        style.band(left, layers, found["forward"], f"W = {name}", i)
        left.plot(
            layers[::3],
            np.array(found["backward"])[::3],
            style.MARKERS[i],
            ms=4,
            color="k",
            label="its gradient, backward",
        )
    left.set_yscale("log")
    left.set_xlabel("layers L")
    left.set_ylabel("size of a signal that starts at 1")
    for i, (name, values) in enumerate(numbers["norms"].items()):
        style.band(right, range(1, DEPTH + 2), values, name, i)
    right.set_yscale("symlog", linthresh=1, linscale=0.6)
    right.set_yticks([-30, -10, -3, -1, 0, 1, 3, 10, 30])
    right.set_yticklabels(["−30", "−10", "−3", "−1", "0", "1", "3", "10", "30"])
    right.set_xlabel("layer (1 is next to the input)")
    right.set_ylabel("log₁₀ of the gradient norm |dL/dW|")
    right.set_xticks(range(1, DEPTH + 2, 4))
    left.legend(frameon=False)
    right.legend(frameon=False, ncols=2, fontsize=8, loc="center", bbox_to_anchor=(0.5, 0.78))
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the chains with powers, and the gradients of two hidden layers."""
    powers = np.arange(1, CHAIN + 1)
    exact = max(
        float(np.max(np.abs(np.array(sizes) / float(name.split()[0]) ** powers - 1)))
        for name, found in numbers["chains"].items()
        for sizes in found.values()
    )
    # from the second hidden layer to the last one, whose kernels have equal shapes
    shrinks = {
        name: np.array(v)[:, 1] - np.array(v)[:, DEPTH - 1] for name, v in numbers["norms"].items()
    }
    means = {name: float(v.mean()) for name, v in shrinks.items()}
    vanishes = means["sigmoid, 1/n"] <= -6
    kept = max(abs(means["tanh, 1/n"]), abs(means["ReLU, 2/n"])) < 2
    parts = exact < 1e-5, vanishes, kept
    word = word_of(*parts)
    size = {name: float(np.mean(v)) for name, v in numbers["norms"].items()}
    listed = ", ".join(f"10^{mean:.1f} ({name})" for name, mean in means.items())
    return Verdict(
        word,
        means["sigmoid, 1/n"],
        spread(shrinks["sigmoid, 1/n"]),
        f"The chains are 0.5^L and 1.5^L within {exact:.0e}. The gradient of the second hidden"
        f" layer, divided by that of the last one, is: {listed}. The rule 1/n does not save a deep"
        " sigmoid network, because the slope of a sigmoid is at most 1/4. With a plain normal,"
        " the gradients of all layers are alike, because activation and delta compensate for each"
        " other; but all of them are too large or too small: their norm is"
        f" 10^{size['ReLU, N(0, 1)']:.0f} for N(0, 1) and 10^{size['tanh, N(0, 0.01²)']:.0f} for"
        " N(0, 0.01²).",
    )
