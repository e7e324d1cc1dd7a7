r"""Finite differences have a best step: truncation spoils larger steps, round-off smaller ones.

The gradient of a small tanh network is computed by forward and central differences at many step
sizes, in float32 and float64, and compared with backpropagation in float64 (deck B, "Finite
Difference Method").
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
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
from experiments.statistics import Interval, interval
from jaxmlp import nn

ABOUT = About(
    rows=("B4",),
    section="Finite Difference Method",
    formula=r"\frac{\partial L}{\partial w_i} \approx \frac{L(w + h e_i) - L(w)}{h}, \qquad"
    r" h_{\text{forward}} \sim \epsilon^{1/2}, \quad h_{\text{central}} \sim \epsilon^{1/3}",
    number="largest factor between a best step and its rule",
    unit="ratio",
    thresholds=(
        Threshold(
            "the best central step is at least ten times as accurate as the best forward step"
            " in float64 and at least twice as accurate in float32, and all four best steps lie"
            " within a factor of 30 of the rule",
            BEFORE,
        ),
        Threshold(
            "for both kinds in both precisions, the best step lies within a factor of 30 of the"
            " rule, and the smallest and the largest step that were tried have at least ten times"
            " its error (main clause); the best central step is at least ten times as accurate as"
            " the best forward step in float64 and at least twice as accurate in float32, by the"
            " 95 % t interval of the logarithm of the ratio over the seeds",
            "geometric means had decided without a spread, and nothing asked that the error rises"
            " on both sides, which is what the claim says",
        ),
    ),
    expected=HOLDS,
    seconds=3,
)
LEAST = {"float64": 10, "float32": 2}  # how much more accurate central differences must be
STEPS = 10.0 ** np.arange(-12, 0.1, 0.5)


def run(settings: Settings) -> Numbers:
    """Return the relative error of the gradient by precision, kind and step."""
    errors: dict[str, Any] = {}
    with jax.enable_x64(True):
        for dtype in ("float32", "float64"):
            keys = jax.vmap(jax.random.key)(jnp.arange(settings.many))
            found = jax.jit(jax.vmap(lambda key, dtype=dtype: _errors(key, dtype)))(keys)
            errors[dtype] = {name: np.asarray(values) for name, values in found.items()}
    return {"steps": STEPS, "errors": errors}


def _errors(key: Array, dtype: str) -> dict[str, Array]:
    model, loss = nn.mlp((5,), 2, nn.activations.tanh), nn.losses.mse
    keys = jax.random.split(key, 3)
    params, _ = model.init(keys[0], (3,))
    x, y = (jax.random.normal(k, (8, n), "float32") for k, n in ((keys[1], 3), (keys[2], 2)))
    data = jax.tree.map(lambda leaf: leaf.astype("float64"), (params, x, y))
    exact = ravel_pytree(nn.value_and_grad(model, loss)(*data)[1])[0]
    params, x, y = jax.tree.map(lambda leaf: leaf.astype(dtype), data)
    w, unravel = ravel_pytree(params)
    value = nn.objective(model, loss)

    def error(h: Any, central: bool) -> Array:
        found = nn.gradients.slopes(
            lambda w: value(unravel(w), x, y)[0], w, jnp.arange(w.size), h, central
        )
        return jnp.linalg.norm(found - exact) / jnp.linalg.norm(exact)

    steps = jnp.asarray(STEPS, dtype)
    return {
        name: jax.vmap(lambda h, central=central: error(h, central))(steps)
        for name, central in (("forward", False), ("central", True))
    }


def plot(numbers: Numbers) -> Figure:
    """Draw the error against the step."""
    figure, ((panel,),) = style.figure(1, 1, width=5.6, height=4.0)
    number = 0
    for dtype, kinds in numbers["errors"].items():
        for name, values in kinds.items():
            style.band(panel, numbers["steps"], values, f"{name}, {dtype}", number, log=True)
            number += 1
    panel.set_xscale("log")
    panel.set_xlabel("step h")
    panel.set_ylabel("relative error of the gradient (geometric mean)")
    panel.legend(frameon=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the best steps and their errors."""
    steps, factors, rises, parts = np.array(numbers["steps"]), [], [], []
    gains: dict[str, Interval] = {}
    for dtype, kinds in numbers["errors"].items():
        best = {}
        for name, values in kinds.items():
            runs = np.array(values)
            mean = np.exp(np.mean(np.log(runs), axis=0))
            rule = np.finfo(dtype).eps ** (1 / 3 if name == "central" else 1 / 2)
            h = steps[np.argmin(mean)]
            factors.append(max(h / rule, rule / h))
            rises.append(min(mean[0], mean[-1]) >= 10 * np.min(mean))
            best[name] = np.min(runs, axis=1)
            parts.append(f"{name} in {dtype} {np.min(mean):.0e} at h = {h:.0e}")
        gains[dtype] = interval(np.log10(best["forward"] / best["central"]))
    better = ", ".join(
        f"{10**mean:,.0f} times [{10**low:,.0f}, {10**high:,.0f}] in {dtype}"
        for dtype, (mean, low, high) in gains.items()
    )
    enough = (gains[dtype].low >= np.log10(least) for dtype, least in LEAST.items())
    return Verdict(
        word_of(max(factors) <= 30 and all(rises), *enough),
        float(max(factors)),
        None,
        f"The smallest errors are: {'; '.join(parts)}. At larger steps, truncation"
        " dominates, and at smaller ones round-off. The best central step is more accurate than the"
        f" best forward step: {better} (95 %). No best step is further from its rule than a factor"
        f" of {max(factors):.1f}; neighbouring steps differ by a factor of 3.2."
        " Check gradients in float64, with central differences.",
    )
