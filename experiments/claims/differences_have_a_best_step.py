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
from jaxmlp import nn

ABOUT = About(
    rows=("B4",),
    section="Finite difference method",
    formula=r"\frac{\partial L}{\partial w_i} \approx \frac{L(w + h e_i) - L(w)}{h}, \qquad"
    r" h_{\text{forward}} \sim \epsilon^{1/2}, \quad h_{\text{central}} \sim \epsilon^{1/3}",
    number="error of the best forward step over that of the best central step, float64",
    unit="ratio",
    thresholds=(
        Threshold(
            "the best central step is at least ten times as accurate as the best forward step"
            " in float64 and at least twice as accurate in float32, and all four best steps lie"
            " within a factor of 30 of the rule",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=3,
)
STEPS = 10.0 ** np.arange(-12, 0.1, 0.5)


def run(settings: Settings) -> Numbers:
    """Return the relative error of the gradient by precision, kind and step."""
    errors: dict[str, Any] = {}
    with jax.enable_x64(True):
        for dtype in ("float32", "float64"):
            keys = jax.vmap(jax.random.key)(jnp.arange(settings.seeds))
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
    panel.legend(frameon=False, fontsize=8)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the best steps and their errors."""
    steps, gain, near, parts = np.array(numbers["steps"]), {}, [], []
    for dtype, kinds in numbers["errors"].items():
        best = {}
        for name, values in kinds.items():
            mean = np.exp(np.mean(np.log(np.array(values)), axis=0))
            rule = np.finfo(dtype).eps ** (1 / 3 if name == "central" else 1 / 2)
            h = steps[np.argmin(mean)]
            near.append(1 / 30 <= h / rule <= 30)
            best[name] = np.min(mean)
            parts.append(f"{name} in {dtype} {np.min(mean):.0e} at h = {h:.0e}")
        gain[dtype] = float(best["forward"] / best["central"])
    checks = (gain["float64"] >= 10, gain["float32"] >= 2, all(near))
    return Verdict(
        word_of(*checks),
        gain["float64"],
        None,
        f"The smallest errors are: {'; '.join(parts)}. At smaller steps, round-off dominates."
        " Check gradients in float64, with central differences.",
    )
