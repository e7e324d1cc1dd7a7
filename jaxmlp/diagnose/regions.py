"""Draw what a network answers along a line or over a plane, with the examples on it.

One painter for each kind of picture. It makes a figure once; `paint` puts new answers into it, so
that an animation draws the axes, the examples and the legend a single time.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.axes import Axes as Panel
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jaxmlp.config.signature import Signature
from jaxmlp.diagnose.plane import Axes, Grid
from jaxmlp.runs.figures import BLACK, BLUE, COLOURS, ORANGE, caption

# also told apart without colours
MARKERS = "osD^vP*X"
NAMED = 16  # classes that a legend names
PANELS = 4  # labels or values that have room
BANDS = 20  # of a filled contour
# two thirds of the colours of two classes, so that examples stand out on them
EITHER = LinearSegmentedColormap.from_list("either", ["#55a1cc", "#ffffff", "#e48e55"])


class Examples(NamedTuple):
    """Examples that are drawn on a picture.

    Attributes:
      x: the numbers that are the picture's axes, `(n, 1 or 2)`.
      y: classes `(n,)`, labels `(n, K)` or values `(n, K)`.
      right: of classes, whether the network's answer is right, `(n,)`.
    """

    x: np.ndarray
    y: np.ndarray
    right: np.ndarray


class Painter(Protocol):
    """A picture that can be painted again.

    Attributes:
      figure: the figure.
    """

    figure: Figure

    def paint(self, answers: np.ndarray) -> None:
        """Paint the answers at the grid's points, `(points, K)`, in place of those before."""
        ...


def painter_of(signature: Signature, axes: Axes, grid: Grid, examples: Examples) -> Painter:
    """The picture that suits a network.

    Args:
      signature: what the network returns.
      axes: the numbers that it takes.
      grid: where its answers are painted.
      examples: what is drawn on it.

    Returns:
      The picture, without answers yet.
    """
    if len(axes.names) == 1:
        return Curves(signature, axes, grid, examples)
    if signature.task == "multiclass" and len(signature.classes) > 2:
        return Regions(signature, axes, grid, examples)
    return Fields(signature, axes, grid, examples)


def palette(count: int) -> list[tuple[float, float, float]]:
    """Return a colour for each class; the colour-blind can tell those of eight classes apart.

    More classes take colours from dark to light, and markers take turns.
    """
    if count <= len(COLOURS):
        return [to_rgb(color) for color in COLOURS[:count]]
    from matplotlib import colormaps

    return [colormaps["viridis"](k / (count - 1))[:3] for k in range(count)]


def shade(probabilities: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return the colour of each point: that of its class, the paler the less probable it is.

    With the probability `p` of the class that is the answer, among `K`, the colour's share is
    `0.1 + 0.5 (p - 1/K) / (1 - 1/K)`, and the rest is white.

    Args:
      probabilities: `(n, K)`.
      said: the class that is the answer, `(n,)`.

    Returns:
      Red, green and blue, `(n, 3)`.
    """
    count = probabilities.shape[1]
    p = np.take_along_axis(probabilities, said[:, None], axis=1)
    share = 0.1 + 0.5 * np.clip((p - 1 / count) / (1 - 1 / count), 0, 1)
    return np.asarray(1 - share * (1 - np.array(palette(count))[said]))


def draw_classes(figure: Figure, panel: Panel, examples: Examples, classes: Sequence[str]) -> None:
    """Draw examples in the colours and markers of their classes; wrong answers have a black edge.

    Args:
      figure: where the legend stands.
      panel: where to draw.
      examples: with classes, `(n,)`.
      classes: their names.
    """
    size, handles = 110 if len(examples.x) <= NAMED else 14, []
    for k, (name, color) in enumerate(zip(classes, palette(len(classes)), strict=True)):
        own, marker = examples.y == k, MARKERS[k % len(MARKERS)]
        for right, edge, width in ((True, "white", 0.4), (False, BLACK, 1.0)):
            x1, x2 = examples.x[own & (examples.right == right)].T
            style: dict[str, Any] = {"marker": marker, "edgecolors": edge, "linewidths": width}
            panel.scatter(x1, x2, size, [color], zorder=3, **style)
        style = {"marker": marker, "ls": "", "color": color}
        handles.append(Line2D([], [], label=caption(name), **style))
    handles = handles[:NAMED]
    if not examples.right.all():
        style = {"marker": "o", "ls": "", "mfc": "none", "mec": BLACK}
        handles.append(Line2D([], [], label="wrong answer", **style))
    figure.legend(handles=handles, loc="outside lower left", ncols=4, frameon=False)


class Regions:
    """Regions of more than two classes; see `shade`."""

    def __init__(self, signature: Signature, axes: Axes, grid: Grid, examples: Examples) -> None:
        self.figure = Figure(figsize=(6, 6.2), layout="constrained")
        self._signature, self._grid = signature, grid
        self._borders: list[Any] = []
        self._panel = _plane(self.figure.subplots(), axes)
        empty = np.ones((1, 1, 3))
        style: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "bilinear"}
        self._image = self._panel.imshow(empty, extent=grid.ends, **style)
        draw_classes(self.figure, self._panel, examples, signature.classes)

    def paint(self, answers: np.ndarray) -> None:
        """Paint the regions of the classes, and their borders."""
        for border in self._borders:
            border.remove()
        said, size = self._signature.decide(answers), len(self._grid.ticks[0])
        self._image.set_data(shade(answers, said).reshape(size, size, 3))
        self._borders = []
        for k in np.unique(said):  # where a class is as probable as the likeliest of the others
            lead = answers[:, k] - np.delete(answers, k, axis=1).max(axis=1)
            if lead.min() < 0:
                where: Any = (*self._grid.ticks, lead.reshape(size, size))
                style: dict[str, Any] = {"colors": BLACK, "linewidths": 0.8, "zorder": 1}
                self._borders.append(self._panel.contour(*where, [0], **style))


class Fields:
    """A filled contour of one probability, or of each label's or value's, with the border."""

    def __init__(self, signature: Signature, axes: Axes, grid: Grid, examples: Examples) -> None:
        self._signature, self._grid = signature, grid
        two = signature.task in ("binary", "multiclass")
        self._columns = [1] if two else [*range(min(PANELS, len(signature.classes)))]
        count = len(self._columns)
        self.figure = Figure(figsize=(6 * count + 0.6, 5.6), layout="constrained")
        self._panels = self.figure.subplots(1, count, squeeze=False)[0]
        self._painted: list[Any] = []
        self._scales = []
        for panel, column in zip(self._panels, self._columns, strict=True):
            _plane(panel, axes)
            panel.set(xlim=grid.ends[:2], ylim=grid.ends[2:])
            name = caption(signature.classes[column])
            numbers = signature.task == "regression"
            own = examples.y[:, column] if examples.y.ndim == 2 else examples.y
            scale = Normalize(own.min(), own.max()) if numbers else Normalize(0, 1)
            mapped = ScalarMappable(scale, "viridis" if numbers else EITHER)
            self._scales.append(mapped)
            words = f"{name} (its own unit)" if numbers else f"probability of {name}"
            self.figure.colorbar(mapped, ax=panel, label=words, extend="both" if numbers else None)
            if two:
                draw_classes(self.figure, panel, examples, signature.classes)
            else:
                _draw_values(panel, examples.x, own, mapped)

    def paint(self, answers: np.ndarray) -> None:
        """Paint the contours; of probabilities also the border, where the answer changes."""
        for artist in self._painted:
            artist.remove()
        self._painted = []
        numbers = self._signature.task == "regression"
        answers = self._signature.middle(answers) if numbers else answers
        size = len(self._grid.ticks[0])
        for panel, column, mapped in zip(self._panels, self._columns, self._scales, strict=True):
            values = answers[:, column].reshape(size, size)
            levels = np.linspace(*mapped.get_clim(), BANDS + 1)
            where: Any = (*self._grid.ticks, values)
            style: dict[str, Any] = {"cmap": mapped.cmap, "norm": mapped.norm, "extend": "both"}
            self._painted.append(panel.contourf(*where, levels, zorder=0, **style))
            if not numbers:
                border = self._signature.threshold if len(self._panels) == 1 else 0.5
                if values.min() < border < values.max():
                    line = panel.contour(*where, [border], colors=BLACK, linewidths=1.2, zorder=1)
                    self._painted.append(line)


class Curves:
    """The answers of a network with one input: values, or the probability of each class."""

    def __init__(self, signature: Signature, axes: Axes, grid: Grid, examples: Examples) -> None:
        self.figure = Figure(figsize=(6.6, 4.6), layout="constrained")
        panel = self.figure.subplots()
        panel.set_xlabel(caption(axes.names[0]))
        panel.set_xlim(grid.ends[:2])
        panel.grid(alpha=0.3)
        numbers = signature.task == "regression"
        names, x = signature.answers, grid.ticks[0]
        colors = [ORANGE, *COLOURS[2:]] if numbers else palette(len(names))
        styles = ["-", "--", "-.", ":"]
        self._lines = []
        for k, name in enumerate(names):
            style: dict[str, Any] = {"color": colors[k % len(colors)], "ls": styles[k % 4]}
            words = f"network: {caption(name)}" if numbers else f"probability of {caption(name)}"
            unknown = np.full_like(x, np.nan)
            self._lines += panel.plot(x, unknown, lw=2, label=words, zorder=3, **style)
        if numbers:
            for k, name in enumerate(signature.classes[:PANELS]):
                words = f"training examples: {caption(name)}"
                shape: dict[str, Any] = {"marker": MARKERS[k], "alpha": 0.5, "lw": 0}
                panel.scatter(examples.x[:, 0], examples.y[:, k], 8, BLUE, label=words, **shape)
            panel.set_ylabel("value (its own unit)")
        else:
            _draw_rows(panel, signature, examples, colors)
            panel.set_ylabel("probability; below it the training examples")
            panel.set_ylim(-0.05 * (len(names) + 1), 1.03)
        panel.legend(fontsize=8, frameon=False)

    def paint(self, answers: np.ndarray) -> None:
        """Move the curves."""
        for line, values in zip(self._lines, answers.T, strict=True):
            line.set_ydata(values)


def _plane(panel: Panel, axes: Axes) -> Panel:
    panel.set_xlabel(caption(axes.names[0]))
    panel.set_ylabel(caption(axes.names[1]))
    return panel


def _draw_values(panel: Panel, x: np.ndarray, values: np.ndarray, mapped: ScalarMappable) -> None:
    """Draw examples in the colours of their values; labels are 0 or 1."""
    colors = mapped.to_rgba(values.astype(float))
    style: dict[str, Any] = {"edgecolors": BLACK, "linewidths": 0.4}
    panel.scatter(x[:, 0], x[:, 1], 14, colors, zorder=3, **style)


def _draw_rows(
    panel: Panel, signature: Signature, examples: Examples, colors: Sequence[Any]
) -> None:
    """Draw the examples of each class, or those that have a label, in a row below the curves."""
    for k in range(len(signature.classes)):
        own = examples.y == k if examples.y.ndim == 1 else examples.y[:, k] > 0
        x = examples.x[own, 0]
        panel.scatter(x, np.full(len(x), -0.05 * (k + 1)), 30, [colors[k]], marker="|")
