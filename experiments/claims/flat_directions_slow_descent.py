r"""Plain descent is slow along flat directions; momentum and adaptive rates are not.

Seven rules descend three surfaces: a valley that is a hundred times steeper across than along, the
same valley turned by 45 degrees, and Rosenbrock's curved valley. The rate of each rule is tuned on
the same grid with the same budget. We count the steps until the loss stays below a ten-thousandth
of its start (deck C, "Stochastic Gradient Descent"; deck D, "Adaptive learning rate (gradient)
algorithms").
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.descent import over_seeds
from experiments.framework import (
    BEFORE,
    IN_PART,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    all_of,
    word_of,
)
from experiments.statistics import interval, spread
from experiments.training import RULES
from jaxmlp import optim

ABOUT = About(
    rows=("C4", "D10"),
    section="Stochastic gradient descent: momentum; adaptive learning rate algorithms",
    formula=r"v_{t+1} = \mu_t v_t - \alpha \nabla L(w_t), \quad w_{t+1} = w_t + v_{t+1}; \qquad"
    r" w_{t+1} = w_t - \frac{\eta}{\sqrt{g_{t+1} + \epsilon}} \nabla L(w_t)",
    number="steps of momentum over those of plain descent, in the valley along an axis",
    unit="ratio",
    thresholds=(
        Threshold(
            "on each of the three surfaces, every rule except plain descent needs at most half"
            " of plain descent's steps, with every rate tuned; with conditions if only some"
            " rules on some surfaces do",
            BEFORE,
        ),
        Threshold(
            "in the valley along an axis, momentum 0.9 and Adam need at most half of plain"
            " descent's steps (main clause: both); so do they on the other two surfaces, and every"
            " other rule on all three; each by a 95 % interval over ten seeds of the share, which"
            " lies below 0.5",
            "some rules on some surfaces need more than half, the verdict on record was set after"
            " that, and any of the eighteen cases would have done as the main clause; the valley"
            " along an axis is the case that the decks speak of, and momentum and Adam are the"
            " rules at which they end",
        ),
    ),
    expected=IN_PART,
    seconds=14,
)
SHARE = 1e-4  # the loss has to stay below this share of its start
BUDGET, SHOWN = 10_000, 200  # steps
DRAWN = ("descent", "momentum 0.9", "Nesterov 0.9", "Adam")


def along(w: jax.Array) -> jax.Array:
    """A valley along the first axis, 100 times steeper across."""
    return (w[0] ** 2 + 100 * w[1] ** 2) / 2


def turned(w: jax.Array) -> jax.Array:
    """The same valley, turned by 45 degrees."""
    return along(jnp.stack([w[0] + w[1], w[1] - w[0]]) / jnp.sqrt(2.0))


def rosenbrock(w: jax.Array) -> jax.Array:
    """Rosenbrock's curved valley, whose lowest point is (1, 1)."""
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


SURFACES = {"along an axis": along, "turned by 45°": turned, "Rosenbrock": rosenbrock}
STARTS = {"along an axis": (-2.0, 0.5), "turned by 45°": (-1.8, -1.1), "Rosenbrock": (-1.2, 1.0)}


def run(settings: Settings) -> Numbers:
    """Count steps on every surface with every rule, at every rate and from several starts."""
    rates = jnp.logspace(-5, 1, 31 if settings.quick else 61)
    settings = settings._replace(seeds=settings.many)
    nudges = over_seeds(lambda key: 0.1 * jax.random.normal(key, (2,)), settings)
    starts = np.array(list(STARTS.values()))[:, None] + nudges  # (surfaces, seeds, 2)
    numbers: Numbers = {"rate": {}, "edge": {}, "steps": {}, "paths": {}}
    for name, rule in RULES.items():
        count = jax.vmap(lambda i, w, rate, rule=rule: _descend(i, rule(rate), w), (None, None, 0))
        count = jax.vmap(jax.vmap(count, (None, 0, None)), (0, 0, None))
        steps, paths = jax.jit(count)(jnp.arange(3), jnp.asarray(starts, jnp.float32), rates)
        best = np.argmin(np.mean(steps, axis=1), axis=1)
        numbers["rate"][name] = rates[best]
        numbers["edge"][name] = (best == 0) | (best == len(rates) - 1)
        numbers["steps"][name] = np.asarray(steps)[np.arange(3), :, best]
        numbers["paths"][name] = np.asarray(paths)[np.arange(3), 0, best]
    return numbers


def _descend(surface: jax.Array, optimizer: optim.Optimizer, w: jax.Array) -> Any:
    """Return the steps until the loss stays low (one more than all if never), and the path."""

    def f(w: jax.Array) -> jax.Array:
        return jnp.stack([height(w) for height in SURFACES.values()])[surface]

    def step(carry, t):  # type: ignore[no-untyped-def]
        w, state, last = carry
        update, state = optimizer.update(jax.grad(f)(w), state, w)
        before, w = w, w + update
        last = jnp.where(f(w) <= SHARE * at_start, last, t + 1)  # NaN is not low
        return (w, state, last), before

    at_start = f(w)
    start = (w, optimizer.init(w), jnp.zeros((), jnp.int32))
    (_, _, last), path = jax.lax.scan(step, start, jnp.arange(BUDGET))
    return last + 1, path[:SHOWN]


def plot(numbers: Numbers) -> Figure:
    """Draw paths on two of the surfaces, and the steps of every rule on all."""
    figure, panels = style.figure(2, 2, width=4.8, height=4.0)
    left, middle, third, right = panels.ravel()
    views = (
        (0, (-2.4, 0.8), (-1.1, 0.9)),
        (1, (-2.2, 0.8), (-1.8, 0.8)),
        (2, (-1.6, 1.4), (-1.0, 1.9)),
    )
    for panel, (row, across, up) in zip((left, middle, third), views, strict=True):
        x, y = np.meshgrid(np.linspace(*across, 161), np.linspace(*up, 161))
        surface = list(SURFACES)[row]
        height = jax.vmap(SURFACES[surface])(jnp.stack([x.ravel(), y.ravel()], axis=1))
        level = np.log10(np.asarray(height).reshape(x.shape) + 1e-3)
        panel.contour(x, y, level, 14, colors="0.75", linewidths=0.7)
        for i, name in enumerate(DRAWN):
            path = np.array(numbers["paths"][name][row], float)
            look = {"color": style.COLOURS[i], "marker": style.MARKERS[i], "ms": 3.5, "lw": 1}
            panel.plot(*path.T, ls=style.LINES[i], label=name, markevery=(i, 8), **look)
        panel.set(xlim=across, ylim=up, xlabel="w₁", ylabel="w₂", title=f"{surface}, 200 steps")
    left.legend(frameon=False, loc="lower left", ncols=2, fontsize=8)
    for i, surface in enumerate(SURFACES):
        values = np.array([counts[i] for counts in numbers["steps"].values()], float)
        place = np.arange(len(values)) + 0.27 * (i - 1)
        hatch = ("", "///", "...")[i]
        right.barh(place, values.mean(1), 0.25, label=surface, color=style.COLOURS[i], hatch=hatch)
    right.set_yticks(range(len(RULES)), list(RULES))
    right.invert_yaxis()
    right.set_xscale("log")
    right.set_xlabel("steps until the loss stays below\n1e-4 of its start, rate tuned")
    right.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1), ncols=3)
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Compare every rule's steps with plain descent's, surface by surface."""
    shares = {
        (surface, name): np.array(counts[i]) / np.array(numbers["steps"]["descent"][i])
        for i, surface in enumerate(SURFACES)
        for name, counts in numbers["steps"].items()
        if name != "descent"
    }
    half = {case: interval(share - 0.5).below for case, share in shares.items()}
    main = [half["along an axis", name] for name in ("momentum 0.9", "Adam")]
    slow = ", ".join(f"{n} ({s}) {shares[s, n].mean():.2f}" for s, n in shares if not half[s, n])
    edges = ", ".join(
        f"{name} ({surface})"
        for name, at in numbers["edge"].items()
        for surface, true in zip(SURFACES, at, strict=True)
        if true
    )
    word = word_of(all_of(*main), *half.values())
    first, second = shares["along an axis", "Adam"], shares["turned by 45°", "Adam"]
    momentum = [shares[surface, "momentum 0.9"] for surface in SURFACES]
    return Verdict(
        word,
        float(momentum[0].mean()),
        spread(momentum[0]),
        f"Momentum takes {', '.join(f'{m.mean():.2f}' for m in momentum)} of plain descent's steps"
        f" on the three surfaces. Adam takes {first.mean():.2f} of them in the valley along an axis"
        f" and {second.mean():.2f} in the turned valley."
        + (f" Rules that are not shown to take at most half: {slow}." if slow else "")
        + (f" The best rate lies at an edge of the grid for {edges}." if edges else "")
        + " The direction of a valley does not matter to momentum; a rate per weight helps most"
        " where the flat directions are axes.",
        part=f"{sum(map(bool, half.values()))} of {len(half)} cases, momentum and Adam in the"
        " valley along an axis among them"
        if word == IN_PART
        else "",
    )
