"""The decision boundary of a network with one or two inputs, and how training moved it."""

import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from jaxmlp.config.factory import arithmetic
from jaxmlp.config.signature import stored
from jaxmlp.data import Dataset
from jaxmlp.diagnose.plane import Axes, Grid, axes_of, grid_over, present
from jaxmlp.diagnose.subject import Subject
from jaxmlp.optim.base import Params
from jaxmlp.runs.network import Network
from jaxmlp.runs.path import Path
from jaxmlp.runs.words import in_digits
from jaxmlp.training.judge import predict_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jaxmlp.diagnose.regions import Painter

FINE, COARSE, ALONG = 200, 80, 600  # points along an axis: of a picture, an animation, a curve
SHOWN = 1000  # examples that are drawn
FRAMES = 60
BOUNDARY, ANIMATION = "boundary.png", "boundary.gif"


def draw_boundary(subject: Subject, out: pathlib.Path) -> list[pathlib.Path] | str:
    """Draw the answers of a run's network over its one or two inputs, with the examples.

    Two inputs: the regions of the classes, shaded by probability, or a filled contour of the value.
    One input: the curve of the value, or of each class's probability. The axes are in the unit of
    the data. If the run kept its path, an animation shows the same after the epochs of training.

    Args:
      subject: the run.
      out: the folder for the pictures.

    Returns:
      The files; or why there is no such picture of this run.

    Raises:
      InputError: if a file of the run is damaged.
      OSError: if a picture cannot be written.
    """
    axes = axes_of(subject.network.signature)
    if isinstance(axes, str):
        return axes
    found = subject.data
    if isinstance(found, str):
        return found
    from jaxmlp.runs import figures

    painted, path, files = Painted(subject, axes, *found), subject.path, [out / BOUNDARY]
    painter = painted.start(FINE)
    painter.paint(painted.answers(subject.network.params))
    title = f"{painted.title}; the network after epoch {subject.kept_epoch}"
    painter.figure.suptitle(figures.caption(title, 80), fontsize=10)
    figures.save(painter.figure, files[0])
    if path is not None and len(path.epochs) > 1:
        from jaxmlp.diagnose.animation import save_animation

        files.append(out / ANIMATION)
        save_animation(painted.frames(path), files[1])
    return files


class Painted:
    """The answers of a run over its inputs, of any parameters."""

    def __init__(self, subject: Subject, axes: Axes, dataset: Dataset, train: np.ndarray) -> None:
        self._subject, self._axes, self._dataset = subject, axes, dataset
        every = np.concatenate([dataset.x_train, dataset.x_test])
        self._every = every[present(axes, every)]
        known = train[present(axes, dataset.x_train[train])]
        drawn = np.random.default_rng(0).permutation(known)[:SHOWN]
        self._drawn = np.sort(drawn)
        some = f" ({SHOWN:,} of them)" if len(known) > SHOWN else ""
        self.title = f"{subject.name}: {len(known):,} training examples{some}"

    def start(self, size: int, judged: bool = True) -> "Painter":
        """Begin a picture of so many points along an axis."""
        from jaxmlp.diagnose.regions import Examples, painter_of

        network, axes, data = self._subject.network, self._axes, self._dataset
        self._grid: Grid = grid_over(axes, self._every, size if len(axes.names) == 2 else ALONG)
        x, y = data.x_train[self._drawn], data.y_train[self._drawn]
        right = np.ones(len(x), bool)
        if judged and y.ndim == 1:
            right = network.signature.decide(network.answers(x)) == y
        examples = Examples(x[:, axes.places], y, right)
        return painter_of(network.signature, axes, self._grid, examples)

    def answers(self, params: Params) -> np.ndarray:
        """Return what the network says at the points of the grid with these parameters."""
        return answers_with(self._subject.network, params, self._grid.points)

    def frames(self, path: Path) -> "Iterator[Figure]":
        """Paint the answers after epochs of the run, evenly spread, one figure for all."""
        painter, losses = self.start(COARSE, judged=False), self._subject.losses()
        painter.figure.set_dpi(80)
        last = path.epochs[-1]
        places = np.unique(np.linspace(0, len(path.epochs) - 1, FRAMES).round().astype(int))
        for k in places:
            epoch = path.epochs[k]
            painter.paint(self.answers(path.at(int(k))))
            loss = f", training loss {in_digits(losses[epoch])}" if epoch in losses else ""
            painter.figure.suptitle(f"epoch {epoch} of {last}{loss}", fontsize=10)
            yield painter.figure


def answers_with(network: Network, params: Params, x: np.ndarray) -> np.ndarray:
    """Return what a network says with other parameters, as `Network.answers` does with its own.

    Args:
      network: the network, which has been compiled once.
      params: parameters of its form.
      x: inputs in the unit of the data, `(N, inputs)`.

    Returns:
      Probabilities, or values in the target's own unit, `(N, K)`.
    """
    with arithmetic(network.recipe.precision):
        kept = stored(network.signature, x)
        outputs = predict_all(network.judge, params, kept, np.arange(len(kept)))
        return network.interpret_outputs(outputs)
