r"""The Jacobian of ReLU and max-pooling has at most one entry per row, and ties do not change that.

The Jacobian is written out from the layers' backward passes and compared with that of automatic
differentiation: at random activations, at activations with equal largest values in a window, and at
zeros, where ReLU has its kink and every window is a tie (deck C, appendix "The Jacobians for
Back-Propagation"). The slide takes slope 1 at 0; the library takes 0, as JAX does (erratum 6). Both
are subgradients. Another subgradient is the control: `jnp.max` divides the gradient equally among
the largest values of a window, so it has more than one entry in a row.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import over_seeds
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
from jaxmlp import nn
from jaxmlp.nn import activations, gradients

ABOUT = About(
    rows=("C9",),
    section="Appendix: the Jacobians for back-propagation",
    formula=r"\frac{\partial x_i}{\partial a_q} = \delta_{q \hat{q}} h'(a_{\hat{q}}), \qquad"
    r" \hat{q} = \arg \max_{q \in P(i)} h(a_q)",
    number="largest number of entries in a row of the Jacobian, ties included",
    unit="entries",
    thresholds=(
        Threshold(
            "for random, tied and zero activations, the largest difference from autodiff's"
            " Jacobian of jax.nn.relu and JAX's own pooling is 0, and no row has more than one"
            " entry",
            BEFORE,
        ),
        Threshold(
            "for random, tied and zero activations, no row of the library's Jacobian has more than"
            " one entry, where that of jnp.max has more with ties (main clause); and the largest"
            " difference from autodiff's Jacobian of jax.nn.relu and JAX's own pooling is 0",
            "a Jacobian of zeros would have had no row with two entries, and nothing had been"
            " counted that could have two; the control shows that ties can matter",
        ),
    ),
    expected=HOLDS,
    seconds=4,
)
SIDE = 6
LAYER = nn.sequential(nn.activation(activations.relu), nn.max_pool(2))


def _cases(key: jax.Array) -> dict[str, jax.Array]:
    shape = (SIDE, SIDE, 1)
    few = jax.random.randint(key, shape, -1, 3).astype(jnp.float32)  # -1, 0, 1, 2
    return {"random": jax.random.normal(key, shape), "ties": few, "zeros": jnp.zeros(shape)}


def _by_machine(a: jax.Array) -> jax.Array:
    """Return the Jacobian by autodiff of JAX's own ReLU and pooling, `(outputs, inputs)`."""
    window = (2, 2, 1)
    pool = functools.partial(
        jax.lax.reduce_window,
        init_value=-jnp.inf,
        computation=jax.lax.max,
        window_dimensions=window,
        window_strides=window,
        padding="VALID",
    )
    return jax.jacrev(lambda a: pool(jax.nn.relu(a)).ravel())(a).reshape(-1, a.size)


def _by_sharing(a: jax.Array) -> jax.Array:
    """Return the Jacobian of ReLU and of `jnp.max` in each window, which shares among ties."""

    def pooled(a: jax.Array) -> jax.Array:
        windows = jax.nn.relu(a).reshape(SIDE // 2, 2, SIDE // 2, 2, 1)
        return jnp.max(windows, axis=(1, 3)).ravel()

    return jax.jacrev(pooled)(a).reshape(-1, a.size)


def run(settings: Settings) -> Numbers:
    """Compare the two Jacobians for each kind of activations."""

    def compare(key: jax.Array) -> dict[str, tuple[jax.Array, ...]]:
        found: dict[str, tuple[jax.Array, ...]] = {}
        for name, a in _cases(key).items():
            ours = gradients.jacobians(LAYER, ((), ()), a)[1]
            found[name] = (a, ours, _by_machine(a), _by_sharing(a))
        return found

    numbers: Numbers = {}
    for name, (a, ours, theirs, sharing) in over_seeds(compare, settings).items():
        windows = a.reshape(-1, SIDE // 2, 2, SIDE // 2, 2).transpose(0, 1, 3, 2, 4)
        values = np.maximum(windows.reshape(-1, 4), 0)
        tied = (values == values.max(axis=1, keepdims=True)).sum(axis=1) > 1
        numbers[name] = {
            "difference": np.abs(ours - theirs).max(axis=(1, 2)),
            "entries": (ours != 0).sum(axis=2).max(axis=1),
            "shared": (sharing != 0).sum(axis=2).max(axis=1),
            "tied": float(tied.mean()),
            "activations": a[0, :, :, 0],
            "jacobian": ours[0],
        }
    return numbers


def plot(numbers: Numbers) -> Figure:
    """Draw the activations and the Jacobian of a random case and of one with ties."""
    figure, panels = style.figure(2, 2, width=4.6, height=2.9)
    for (left, right), name in zip(panels, ("random", "ties"), strict=True):
        values = np.array(numbers[name]["activations"])
        left.imshow(values, cmap="Greys", vmin=-3, vmax=5)
        for (i, j), value in np.ndenumerate(values):
            left.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=7)
        for edge in np.arange(1.5, SIDE - 1, 2):
            left.axhline(edge, color="k", lw=1)
            left.axvline(edge, color="k", lw=1)
        left.set(title=f"{name}: activations a", xlabel="column", ylabel="row")
        right.imshow(np.array(numbers[name]["jacobian"]), cmap="Greys", aspect="auto")
        right.set(title="Jacobian", xlabel="input, row by row", ylabel="output")
        left.grid(visible=False)
        right.grid(visible=False)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare the Jacobians, and count the entries of a row."""
    worst = {name: float(np.max(found["difference"])) for name, found in numbers.items()}
    most = max(int(np.max(found["entries"])) for found in numbers.values())
    shared = int(np.max(numbers["ties"]["shared"]))
    word = word_of(most == 1 < shared, *(difference == 0 for difference in worst.values()))
    said = ", ".join(f"{name} {difference:.2g}" for name, difference in worst.items())
    return Verdict(
        word,
        float(most),
        None,
        f"Largest difference from autodiff: {said}. In the second kind,"
        f" {100 * numbers['ties']['tied']:.0f} % of the windows have a tie. The largest number of"
        f" entries in a row is {most}: the first of equal largest activations gets the whole"
        " gradient, and none gets it if they are not positive. `jnp.max` shares it and has up to"
        f" {shared} entries in a row. So one entry is a choice among the subgradients, which the"
        " pooling of libraries makes.",
        part="one entry in a row, but not JAX's" if word == IN_PART else "",
    )
