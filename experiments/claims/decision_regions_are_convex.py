r"""Decision regions are convex in the softmax simplex; in the space of the data they need not be.

Segments join pairs of points with the same winning class. In the simplex, no segment leaves its
region. In the plane of the three spirals, whose classes a network separates, many segments do. The
network maps the plane into the simplex: its hidden layers straighten the curved regions (deck C,
section 1, figure 1).
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
from experiments.training import dataset, train
from jaxmlp import nn, optim

ABOUT = About(
    rows=("C1",),
    section="The soft-max simplex",
    formula=r"P_c = \{ p : p_c \ge p_j \; \mathrm{for \; all} \; j \}, \qquad"
    r" p, p' \in P_c \Rightarrow t p + (1 - t) p' \in P_c",
    number="segments that leave their region of the simplex",
    unit="share",
    thresholds=(
        Threshold(
            "at each seed, none of 20,000 segments leaves its region in the simplices of 2, 3"
            " and 10 classes; more than 10 % of the segments between the spirals' points do; and"
            " the trained networks are right for more than 90 % of the test points",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=5,
)
PAIRS, STOPS, SHOWN = 20_000, 9, 161
DRAWN = 12  # pairs drawn for each pair used: with ten classes, one in ten lies in one region


def run(settings: Settings) -> Numbers:
    """Count segments that leave their region, in the simplex and in the plane."""
    data = dataset("spirals")
    parts = (data.x_train, data.y_train), (data.x_test, data.y_test)
    model = nn.mlp((32, 32), 3, nn.activations.tanh, nn.initializers.xavier_normal)
    runs = train(
        model,
        optim.adam(0.01),
        parts,
        settings,
        25 if settings.quick else 60,
        batch_size=50,
        parts=("test",),
    )
    predict = jax.jit(model.__call__)
    simplex = [[_leaving(p, lambda q: q) for p in _simplex(seed)] for seed in range(settings.seeds)]
    plane = [_leaving(data.x_test, lambda x, w=w: predict(w, x), 5000) for w in runs["params"]]
    side = np.linspace(-1.15, 1.15, SHOWN, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    first = runs["params"][0]
    return {
        "simplex": simplex,
        "plane": plane,
        "accuracy": runs["test_accuracy"],
        "regions": jnp.argmax(predict(first, grid), axis=1).reshape(SHOWN, SHOWN),
        "points": data.x_test,
        "labels": data.y_test,
        "probabilities": jax.nn.softmax(predict(first, data.x_test)),
    }


def _simplex(seed: int) -> list[np.ndarray]:
    """Return random points of the simplices of 2, 3 and 10 classes."""
    logits = 2 * jax.random.normal(jax.random.key(seed), (2000, 10))
    return [np.asarray(jax.nn.softmax(logits[:, :k])) for k in (2, 3, 10)]


def _leaving(points: np.ndarray, scores: Any, pairs: int = PAIRS) -> float:
    """Return the share of the segments between points of one region that leave it."""
    rng = np.random.default_rng(0)
    won = np.argmax(scores(points), axis=1)
    a, b = rng.integers(0, len(points), (2, DRAWN * pairs))
    a, b = (ends[won[a] == won[b]][:pairs] for ends in (a, b))
    leaves = np.zeros(len(a), bool)
    for t in np.linspace(0, 1, STOPS, dtype=np.float32)[1:-1]:
        at = (1 - t) * points[a] + t * points[b]
        leaves |= np.argmax(scores(at), axis=1) != won[a]
    return float(np.mean(leaves))


def plot(numbers: Numbers) -> Figure:
    """Draw the 1-simplex, the 2-simplex with the mapped points, and the plane of the spirals."""
    figure, ((left, middle, right),) = style.figure(1, 3, width=4.0, height=3.7)
    left.plot([0, 1], [1, 0], color="k")
    left.plot([0, 0.5], [1, 0.5], color=style.COLOURS[0], lw=4, label="class 2 wins")
    left.plot([0.5, 1], [0.5, 0], color=style.COLOURS[1], lw=4, ls="--", label="class 1 wins")
    left.plot(0.5, 0.5, "ko", label="unit point, 1/2 each")
    left.set_xlabel("p₁")
    left.set_ylabel("p₂")
    corners = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])
    labels = np.array(numbers["labels"])
    mapped = np.array(numbers["probabilities"]) @ corners
    outline = corners[[0, 1, 2, 0]]
    middle.plot(*outline.T, color="k")
    for c in range(3):
        edge = np.stack([corners.mean(axis=0), (corners[c] + corners[(c + 1) % 3]) / 2])
        middle.plot(*edge.T, color="k", ls=":")
    regions = np.array(numbers["regions"])
    reach = np.linspace(-1.15, 1.15, len(regions))
    colours = list(style.COLOURS[:3])
    right.contourf(reach, reach, regions, [-0.5, 0.5, 1.5, 2.5], colors=colours, alpha=0.2)
    right.contour(reach, reach, regions, [0.5, 1.5], colors="k", linewidths=0.8)
    points = np.array(numbers["points"])
    for c in range(3):
        look = {"color": style.COLOURS[c], "marker": style.MARKERS[c], "ls": "", "ms": 3.5}
        middle.plot(*mapped[labels == c].T, label=f"class {c + 1}", **look)
        right.plot(*points[labels == c].T, **look)
    for c, text in enumerate(("p₁ = 1", "p₂ = 1", "p₃ = 1")):
        middle.annotate(
            text, corners[c], (0, 7 if c == 2 else -13), textcoords="offset points", ha="center"
        )
    middle.set_xlim(-0.12, 1.12)
    middle.set_ylim(-0.12, 1.0)
    middle.set_aspect("equal")
    middle.grid(visible=False)
    middle.set_xticks([])
    middle.set_yticks([])
    middle.set_xlabel("outputs for the same points, in the 2-simplex")
    right.set_xlabel("x₁, test points of the spirals")
    right.set_ylabel("x₂")
    for panel in (left, middle):
        panel.legend(frameon=False, fontsize=8, loc="upper right")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Judge the shares of segments that leave their region, and the accuracy."""
    simplex, plane = float(np.max(numbers["simplex"])), np.array(numbers["plane"])
    accuracy = np.array(numbers["accuracy"])[:, -1]
    parts = simplex == 0, bool(plane.min() > 0.1), bool(accuracy.min() > 0.9)
    word = word_of(*parts)
    return Verdict(
        word,
        simplex,
        0.0,
        f"In the simplices, a share of {simplex:g} of the segments leaves its region. Between the"
        f" spirals' points, {100 * plane.mean():.0f} ± {100 * spread(plane):.0f} % of the segments"
        f" do; the networks are right for {100 * accuracy.mean():.1f} % of the test points. The"
        " last layer draws only straight borders; the hidden layers bend the plane until straight"
        " borders are enough.",
    )
