"""The loss surface around a trained network, along two directions, with the path of training."""

import math
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from jaxmlp.config.factory import arithmetic, loss_of
from jaxmlp.config.signature import arrays_from
from jaxmlp.data import Dataset
from jaxmlp.diagnose.directions import (
    Directions,
    moved,
    places_of,
    principal_directions,
    random_directions,
)
from jaxmlp.diagnose.subject import Subject
from jaxmlp.nn.layers import Layer
from jaxmlp.nn.summary import summary
from jaxmlp.nn.types import Params, Shape
from jaxmlp.runs.folder import WATCH

SURFACE = "surface.png"
SIDE = 25  # points along each direction; odd, so that the network lies on one
MOST, FEWEST = 1000, 100  # examples of the training part
WORK = 160_000_000  # products and values at one point of the grid, for all examples
VALUE = 100  # products that take as long as to make and read one value
MARGIN = 0.2  # beyond the path
LEVELS = 20
EDGE: dict[str, Any] = {"markeredgecolor": "white", "ls": "", "zorder": 4}  # of a mark


class Surface(NamedTuple):
    """Losses in a plane of the parameters.

    Attributes:
      a: the steps along the first direction, `(n,)`.
      b: the steps along the second direction, `(m,)`.
      losses: `(m, n)`; infinite or NaN where the loss is.
      path: where the path lies, `(epochs, 2)`, or `None`.
      names: what the axes are.
    """

    a: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    path: np.ndarray | None
    names: tuple[str, str]


def draw_surface(subject: Subject, out: pathlib.Path) -> list[pathlib.Path] | str:
    """Draw the loss of the training part around a run's network, along two directions.

    One panel has random directions, filter-normalised. If the run kept its path, another has the
    two directions along which the path varies most, with the path in them. The loss is that of the
    training part without dropout, as `train_loss` in `summary.json`. Of a large part, some examples
    stand for all, and the title says how many; see `examples_for`.

    Args:
      subject: the run.
      out: the folder for the pictures.

    Returns:
      The file; or why there is no such picture of this run.

    Raises:
      InputError: if a file of the run is damaged.
      OSError: if the picture cannot be written.
    """
    from jaxmlp.runs import figures

    if not jax.tree.leaves(subject.network.params):
        return "the network has no parameters"
    found = subject.data
    if isinstance(found, str):
        return found
    with arithmetic(subject.recipe.precision):
        losses, count, total = losses_over(subject, *found)
        surfaces = [around(subject, losses)]
        path = subject.path
        if path is not None and len(path.epochs) > 2:
            surfaces.insert(0, along(subject, losses, path.params))
    some = f"{count:,} of the {total:,}" if count < total else f"the {total:,}"
    title = f"{subject.name}: loss on {some} training examples"
    if path is None and (subject.run.path / WATCH).exists():
        title += "; the network is too large to keep its path"
    figure = contours(surfaces, title, subject.kept_epoch, path.epochs if path else ())
    figures.save(figure, out / SURFACE)
    return [out / SURFACE]


Losses = Callable[[Directions, np.ndarray, np.ndarray], np.ndarray]
"""`(directions, a, b) -> losses`, of the networks at all points of a grid, `(len(b), len(a))`."""


def losses_over(subject: Subject, dataset: Dataset, train: np.ndarray) -> tuple[Losses, int, int]:
    """The function that computes losses over a grid, compiled once, and on how many examples.

    `L(a, b) = mean_n loss(f(x_n; theta + a d1 + b d2), y_n)`, all examples alike.

    Args:
      subject: the run.
      dataset: its data.
      train: which of the training examples it was trained on.

    Returns:
      The function, the number of examples that it looks at, and the number in the training part.
    """
    network = subject.network
    judge, loss = network.judge, loss_of(network.signature)
    count = examples_for(judge.model, network.signature.input_shape)
    some = np.sort(np.random.default_rng(0).permutation(train)[:count])
    x, targets, _ = arrays_from(network.signature, dataset.x_train[some], dataset.y_train[some])
    examples = jax.device_put((x, targets))

    @jax.jit
    def over(directions: Directions, a: jax.Array, b: jax.Array, examples: Any) -> jax.Array:
        inputs, targets = judge.prepare(examples[0]), examples[1]

        def at(point: tuple[jax.Array, jax.Array]) -> jax.Array:
            return loss(judge.model(moved(network.params, directions, *point), inputs), targets)

        points = jnp.meshgrid(a, b)
        return jax.lax.map(at, (points[0].ravel(), points[1].ravel()))

    def losses(directions: Directions, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        numbers = (jnp.asarray(values, jnp.result_type(float)) for values in (a, b))
        found = over(directions._replace(shares=None), *numbers, examples)
        return np.asarray(found).reshape(len(b), len(a))

    return losses, len(some), len(train)


def examples_for(model: Layer, shape: Shape) -> int:
    """Return how many examples a surface looks at: the fewer, the more work one of them is.

    One example of a dense layer takes a product for each parameter; of a convolution, one for each
    parameter and place. Making and reading a value counts as 100 products. All this does not exceed
    1.6e8 for a point of the grid, so that 784-128-10 is judged by 773 examples and LeNet by 100.

    Args:
      model: the network.
      shape: of one example.

    Returns:
      A number from 100 to 1000.
    """
    work = 0
    for row in summary(model, shape):
        work += row.parameters * math.prod(row.output[:-1]) + VALUE * math.prod(row.output)
    return max(FEWEST, min(MOST, WORK // max(1, work)))


def around(subject: Subject, losses: Losses) -> Surface:
    """The surface along two random directions, filter-normalised, up to a step of 1."""
    params, members = subject.network.params, subject.recipe.ensemble
    directions = random_directions(subject.recipe.seed, params, members)
    steps = np.linspace(-1, 1, SIDE)
    words = "random direction {}, in lengths of each unit's weights"
    names = words.format(1), words.format(2)
    return Surface(steps, steps, losses(directions, steps, steps), None, names)


def along(subject: Subject, losses: Losses, path: Params) -> Surface:
    """The surface along the two directions in which the path varies most."""
    params = subject.network.params
    directions = principal_directions(params, path)
    places = places_of(params, path, directions)
    ticks = []
    for k in (0, 1):
        low, high = min(places[:, k].min(), 0), max(places[:, k].max(), 0)
        widest = np.ptp(places, axis=0).max() or 1.0
        beyond = MARGIN * max(high - low, 0.2 * widest)
        ticks.append(np.linspace(low - beyond, high + beyond, SIDE))
    assert directions.shares is not None
    names = [
        f"direction {k} of the path, {100 * share:.1f} % of its variance"
        for k, share in enumerate(directions.shares, 1)
    ]
    found = losses(directions, *ticks)
    return Surface(ticks[0], ticks[1], found, places, (names[0], names[1]))


def contours(surfaces: list[Surface], title: str, kept: int, epochs: tuple[int, ...]) -> Figure:
    """Draw surfaces as filled contours, with the network and the path.

    Args:
      surfaces: one a panel.
      title: what the loss is.
      kept: the epoch of the network in the middle.
      epochs: those of the path.

    Returns:
      A figure.
    """
    from jaxmlp.runs import figures

    figure = Figure(figsize=(6.6 * len(surfaces), 5.4), layout="constrained")
    panels = figure.subplots(1, len(surfaces), squeeze=False)[0]
    figure.suptitle(figures.caption(title, 100), fontsize=11)
    for panel, surface in zip(panels, surfaces, strict=True):
        _draw_losses(figure, panel, surface)
        if surface.path is not None:
            _draw_path(panel, surface.path, epochs)
        words = f"kept network, epoch {kept}"
        panel.plot(0, 0, "*", color=figures.BLACK, ms=13, label=words, **EDGE)
        panel.set_xlabel(surface.names[0])
        panel.set_ylabel(surface.names[1])
        panel.legend(fontsize=8, framealpha=0.9)
    return figure


def _draw_losses(figure: Figure, panel: Axes, surface: Surface) -> None:
    """Draw a filled contour, logarithmic where losses are far apart.

    It is white where the loss is not finite.
    """
    shown = np.ma.masked_invalid(surface.losses)
    low, high = float(shown.min()), float(shown.max())
    wide = low > 0 and high > 4 * low
    levels = np.geomspace(low, high, LEVELS) if wide else np.linspace(low, high, LEVELS)
    levels = levels if high > low else np.array([low - 0.5, low + 0.5])
    norm = (LogNorm if wide else Normalize)(levels[0], levels[-1])
    where = surface.a, surface.b, shown
    painted = panel.contourf(*where, levels, cmap="viridis", norm=norm)
    panel.contour(*where, levels, colors="white", linewidths=0.4, norm=norm)
    ticks = levels[:: max(1, len(levels) // 6)]
    bar = figure.colorbar(painted, ax=panel, label="loss", ticks=ticks)
    bar.ax.minorticks_off()
    bar.ax.set_yticklabels([f"{tick:.3g}" for tick in ticks])


def _draw_path(panel: Axes, path: np.ndarray, epochs: tuple[int, ...]) -> None:
    """Draw a path with its start and its end."""
    from jaxmlp.runs.figures import ORANGE

    apart = epochs[1] - epochs[0]
    words = "path of training" if apart == 1 else f"path of training, every {apart} epochs"
    panel.plot(*path.T, ".-", color=ORANGE, lw=1.5, ms=4, label=words, zorder=3)
    for place, shape, words in ((0, "s", "start"), (-1, "D", "end")):
        label = f"{words}, epoch {epochs[place]}"
        panel.plot(*path[place], shape, color=ORANGE, ms=8, label=label, **EDGE)
