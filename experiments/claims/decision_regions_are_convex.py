r"""Decision regions are convex in the softmax simplex; in the space of the data they need not be.

Segments join pairs of points with the same class, and we count those that leave its region. In the
simplex, the class with the largest probability is compared with a rule that could have been chosen
as well: the class with the second largest. In the plane of the three spirals, softmax regression is
compared with a network. The network maps the plane into the simplex: its hidden layers straighten
the curved regions (deck C, "The Soft-Max Simplex").
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments import style
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
from experiments.statistics import paired, spread
from experiments.training import dataset, train
from jaxmlp import nn, optim

ABOUT = About(
    rows=("C1",),
    section="The soft-max simplex",
    formula=r"P_c = \{ p : p_c \ge p_j \; \mathrm{for \; all} \; j \}, \qquad"
    r" p, p' \in P_c \Rightarrow t p + (1 - t) p' \in P_c",
    number="segments that leave their region of the simplex, second largest minus largest",
    unit="share of the segments, three and ten classes",
    thresholds=(
        Threshold(
            "at each seed, none of 20,000 segments leaves its region in the simplices of 2, 3"
            " and 10 classes; more than 10 % of the segments between the spirals' points do; and"
            " the trained networks are right for more than 90 % of the test points",
            BEFORE,
        ),
        Threshold(
            "at each seed, none of 20,000 segments leaves its region in the simplices of 2, 3 and"
            " 10 classes, where more than 1 % leave those of the second largest probability in the"
            " simplices of 3 and 10 (main clause); none leaves a region of softmax regression in"
            " the plane of the spirals, and more than 10 % leave one of the networks; and the"
            " networks have a higher test accuracy than softmax regression, by a paired 95 %"
            " interval over the seeds",
            "the first clause follows from the definition of the regions, so it could not fail, and"
            " it had not been shown that the count finds a segment that leaves a region of the"
            " simplex",
        ),
    ),
    expected=HOLDS,
    seconds=5,
)
PAIRS, STOPS, SHOWN = 20_000, 9, 161
RULES = {
    "largest": lambda p: np.argmax(p, axis=1),
    "second largest": lambda p: np.argsort(p, axis=1)[:, -2],
}
DRAWN = 12  # pairs drawn for each pair used: with ten classes, one in ten lies in one region


def run(settings: Settings) -> Numbers:
    """Count segments that leave their region, in the simplex and in the plane."""
    data = dataset("spirals")
    parts = (data.x_train, data.y_train), (data.x_test, data.y_test)
    models = {
        "network": nn.mlp((32, 32), 3, nn.activations.tanh, nn.initializers.xavier_normal),
        "softmax regression": nn.mlp((), 3),
    }
    epochs = 25 if settings.quick else 60
    plane, accuracy, first = {}, {}, {}
    for name, made in models.items():
        predict = jax.jit(made.__call__)
        runs = train(
            made, optim.adam(0.01), parts, settings, epochs, batch_size=50, parts=("test",)
        )
        plane[name] = [
            _leaving(data.x_test, lambda x, f=predict, w=w: np.argmax(f(w, x), axis=1), 5000)
            for w in runs["params"]
        ]
        accuracy[name] = runs["test_accuracy"][:, -1]
        first[name] = functools.partial(predict, runs["params"][0])
    simplex = {
        rule: [[_leaving(p, chosen) for p in _simplex(seed)] for seed in range(settings.seeds)]
        for rule, chosen in RULES.items()
    }
    side = np.linspace(-1.15, 1.15, SHOWN, dtype=np.float32)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    return {
        "simplex": simplex,
        "plane": plane,
        "accuracy": accuracy,
        "regions": jnp.argmax(first["network"](grid), axis=1).reshape(SHOWN, SHOWN),
        "points": data.x_test,
        "labels": data.y_test,
        "probabilities": jax.nn.softmax(first["network"](data.x_test)),
    }


def _simplex(seed: int) -> list[np.ndarray]:
    """Return random points of the simplices of 2, 3 and 10 classes."""
    logits = 2 * jax.random.normal(jax.random.key(seed), (2000, 10))
    return [np.asarray(jax.nn.softmax(logits[:, :k])) for k in (2, 3, 10)]


def _leaving(points: np.ndarray, chosen: Any, pairs: int = PAIRS) -> float:
    """Return the share of the segments between points of one region that leave it."""
    rng = np.random.default_rng(0)
    won = chosen(points)
    a, b = rng.integers(0, len(points), (2, DRAWN * pairs))
    a, b = (ends[won[a] == won[b]][:pairs] for ends in (a, b))
    leaves = np.zeros(len(a), bool)
    for t in np.linspace(0, 1, STOPS, dtype=np.float32)[1:-1]:
        at = (1 - t) * points[a] + t * points[b]
        leaves |= chosen(at) != won[a]
    return float(np.mean(leaves))


def plot(numbers: Numbers) -> Figure:
    """Draw the 2-simplex with the mapped points, and the plane of the spirals."""
    figure, ((middle, right),) = style.figure(1, 2, height=4.2)
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
    middle.legend(frameon=False, loc="upper right")
    return figure


def verdict(numbers: Numbers) -> Verdict:
    """Judge the shares of segments that leave their region, and the accuracies."""
    largest, second = (np.array(shares)[:, 1:] for shares in numbers["simplex"].values())
    most = float(np.max(numbers["simplex"]["largest"]))
    plane = {name: np.array(shares) for name, shares in numbers["plane"].items()}
    accuracy = {name: 100 * np.array(values) for name, values in numbers["accuracy"].items()}
    lead = paired(accuracy["network"], accuracy["softmax regression"])
    word = word_of(
        most == 0 and second.min() > 0.01,
        plane["softmax regression"].max() == 0,
        plane["network"].min() > 0.1,
        lead.above,
    )
    gap = (second - largest).mean(axis=1)
    three, ten = 100 * second.mean(axis=0)
    bent = 100 * plane["network"]
    return Verdict(
        word,
        float(gap.mean()),
        spread(gap),
        f"In the simplices, a share of {most:g} of the segments leaves the region of the largest"
        f" probability; of the regions of the second largest, {three:.0f} % leave with three"
        f" classes and {ten:.0f} % with ten. In the plane of the spirals, a share of"
        f" {plane['softmax regression'].max():g} leaves a region of softmax regression, and"
        f" {bent.mean():.0f} ± {spread(bent):.0f} % leave one of the networks. These are right for"
        f" {accuracy['network'].mean():.1f} % of the test points, softmax regression for"
        f" {accuracy['softmax regression'].mean():.1f} %, a lead of {lead.text(1)} points. The last"
        " layer draws only straight borders; the hidden layers bend the plane until straight"
        " borders are enough.",
        part="convex in the simplex" if word == IN_PART else "",
    )
