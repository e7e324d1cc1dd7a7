"""The pictures of a watch: how the layers' values, gradients and steps went over the epochs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.diagnose.evidence import Evidence, Track

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COURSE, ACTIVATIONS = "course.png", "activations.png"
PANELS = 12  # layers of which the values are drawn
FEW = 8  # lines that have a colour of the palette each
ROWS = 60  # of a picture of values over epochs
OUTSIDE = 0.002  # share of the values at either end that may lie outside a panel
USUAL_STEP = 1e-3  # of the weights, as commonly advised
LEAST_STEP = 1e-6  # below it a step changes nothing that could be seen
FAR = 5  # times the least loss, from which on a loss is drawn on a logarithmic scale
SCORES = {"accuracy": "accuracy (share of examples)", "r2": "R²"}
BY_LAYER = (  # field, label and scale of a panel
    ("gradient_norm", "norm of the gradient", "log"),
    ("update_ratio", "norm of a step / norm of the weights", "log"),
    ("dead_share", "dead units (share)", "linear"),
    ("saturated_share", "saturated values (share)", "linear"),
)


def draw_watch(found: Evidence, out: Path) -> list[Path] | str:
    """Draw what was seen inside a network, beside its loss and its score.

    Args:
      found: what the run left.
      out: the folder for the pictures, which exists.

    Returns:
      The files; or why nothing can be drawn, if nothing was seen.

    Raises:
      OSError: if a picture cannot be written.
    """
    from jaxmlp.runs import figures

    if not found.watched:
        return "no pictures of the layers: nothing was seen of them"
    drawn = {ACTIVATIONS: activations(found), COURSE: course(found)}
    for name, figure in drawn.items():
        figures.save(figure, out / name)
    return [out / name for name in drawn]


def activations(found: Evidence) -> "Figure":
    """Draw the values of each layer: against epochs, or as a histogram if one epoch was seen.

    Args:
      found: what the run left, with at least one epoch.

    Returns:
      A figure with a panel for each layer, for twelve of them at most.
    """
    from matplotlib.figure import Figure

    tracks = _spread(found.tracks, PANELS)
    columns = min(4, len(tracks))
    rows = -(-len(tracks) // columns)
    size = (max(6.0, 3.4 * columns), 2.7 * rows + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    several = len(found.epochs) > 1
    for track, panel in zip(tracks, panels, strict=False):
        (_values_over_epochs if several else _histogram)(track, panel, found.epochs)
        panel.set_title(track.words, fontsize=10)
    for panel in panels[len(tracks) :]:
        panel.set_visible(False)
    left = len(found.tracks) - len(tracks)
    what = "values that each layer puts out" + (f" ({left} layers are left out)" if left else "")
    dark = "; the darker, the more values; line: mean, dotted: a deviation about it"
    figure.suptitle(what + (dark if several else f" after epoch {found.epochs[0]}"), fontsize=11)
    return figure


def course(found: Evidence) -> "Figure":
    """Draw loss, score, gradients, steps, and dead and saturated units against epochs.

    Args:
      found: what the run left, with at least one epoch.

    Returns:
      A figure of six panels.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(13, 7.2), layout="constrained")
    panels = figure.subplots(2, 3)
    _pairs(panels[0, 0], "loss", found.training, found.validation)
    _pairs(panels[1, 0], SCORES[found.score], *_scores(found))
    many = len(found.tracks) > FEW
    for panel, (field, label, scale) in zip(panels[:, 1:].ravel(), BY_LAYER, strict=True):
        _layers(panel, found, field, scale)
        panel.set_ylabel(label)
        if field == "update_ratio":
            panel.axhline(USUAL_STEP, color="black", ls=":", lw=1.2, label="about 1e-3 is usual")
            panel.set_ylim(bottom=max(panel.get_ylim()[0], LEAST_STEP))
        if not many and panel.lines:
            panel.legend(fontsize=7, framealpha=0.8)
    for panel in panels.ravel():
        panel.set_xlabel("epoch")
        panel.grid(alpha=0.3)
        panel.set_xlim(-0.5, max(found.epochs[-1], len(found.records)) + 0.5)
        panel.locator_params("x", integer=True)
    if many:
        lines = [Line2D([], [], label=one.words, **_style(found, one)) for one in found.tracks]
        lines.append(Line2D([], [], color="black", ls=":", label="about 1e-3 is usual"))
        figure.legend(handles=lines, loc="outside lower center", ncols=7, fontsize=7)
    return figure


def _layers(panel: "Axes", found: Evidence, field: str, scale: str) -> None:
    """Draw a number of each layer that has it."""
    for track in found.tracks:
        values = track.of(field)
        if scale == "log":
            values = np.where(values > 0, values, np.nan)  # it has no place for 0
        if np.isfinite(values).any():
            panel.plot(found.epochs, values, label=track.words, **_style(found, track))
    if not panel.lines:
        panel.text(0.5, 0.5, "no layer has them", ha="center", transform=panel.transAxes)
        panel.set_yticks([])
    elif scale == "log":
        panel.set_yscale("log")
    else:
        panel.set_ylim(-0.03, 1.03)


def _scores(found: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Return the score of each epoch, of the training and of the validation part."""
    judged = [record.valid.score for record in found.records if record.valid is not None]
    return np.array([record.train.score for record in found.records]), np.array(judged)


def _pairs(panel: "Axes", label: str, train: np.ndarray, valid: np.ndarray) -> None:
    """Draw a number of the training part and of the validation part."""
    from jaxmlp.runs.figures import BLUE, ORANGE

    marks: dict[str, Any] = {"marker": "o", "ms": 3} if len(train) <= 30 else {}
    epochs = np.arange(1, len(train) + 1)
    panel.plot(epochs, train, "--", color=ORANGE, label="training (running mean)", **marks)
    if len(valid):
        panel.plot(epochs, valid, color=BLUE, label="validation", **marks)
    if label == "loss" and len(train) and train.min() > 0 and train.max() > FAR * train.min():
        panel.set_yscale("log")
    panel.set_ylabel(label)
    panel.legend(fontsize=7, framealpha=0.8)


def _values_over_epochs(track: Track, panel: "Axes", epochs: np.ndarray) -> None:
    """Draw the share of the values at each height, an epoch a column."""
    from matplotlib.colors import PowerNorm

    found = [row["histogram"] for row in track.seen]
    low, high = _range_of(found)
    heights = np.linspace(low, high, ROWS + 1)
    shares = np.array([_shares(one, heights) for one in found]).T
    ends = np.append(epochs, epochs[-1] + 1) - 0.5
    norm = PowerNorm(0.35, vmin=0, vmax=max(shares.max(), 1e-9))
    panel.pcolormesh(ends, heights, shares, cmap="Blues", norm=norm, rasterized=True)
    mean, deviation = track.of("mean"), track.of("deviation")
    panel.plot(epochs, mean, color="black", lw=1.2)
    for side in (-1, 1):
        panel.plot(epochs, mean + side * deviation, ":", color="black", lw=1)
    panel.set_ylim(low, high)
    panel.set_xlabel("epoch")
    panel.set_ylabel("value")
    panel.locator_params("x", integer=True)


def _histogram(track: Track, panel: "Axes", _: np.ndarray) -> None:
    from jaxmlp.runs.figures import BLUE

    found = track.seen[0]["histogram"]
    panel.stairs(found["counts"], found["edges"], fill=True, color=BLUE)
    panel.set_yscale("symlog", linthresh=10)
    panel.set_xlabel("value")
    panel.set_ylabel("how many values")


def _range_of(histograms: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return the heights between which almost all values of all epochs lie."""
    lows, highs = [], []
    for one in histograms:
        edges, below = np.array(one["edges"]), np.append(0, np.cumsum(one["counts"]))
        within = below / max(below[-1], 1)
        lows.append(edges[np.flatnonzero(within <= OUTSIDE)[-1]])
        highs.append(edges[np.flatnonzero(within >= 1 - OUTSIDE)[0]] if below[-1] else edges[-1])
    low, high = min(lows), max(highs)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _shares(histogram: dict[str, Any], heights: np.ndarray) -> np.ndarray:
    """Return the share of the values between each two heights."""
    below = np.append(0, np.cumsum(histogram["counts"])) / max(sum(histogram["counts"]), 1)
    return np.diff(np.interp(heights, histogram["edges"], below))


def _spread(tracks: list[Track], most: int) -> list[Track]:
    """Return the tracks, or as many as there is room for, the first and the last among them."""
    if len(tracks) <= most:
        return tracks
    chosen = np.linspace(0, len(tracks) - 1, most).round().astype(int)
    return [tracks[k] for k in chosen]


def _style(found: Evidence, track: Track) -> dict[str, Any]:
    """Return colour and dashes of a layer: of the palette, or by depth if there are many."""
    from matplotlib import colormaps

    from jaxmlp.runs.figures import COLOURS

    several = len(found.tracks)
    k = [other.number for other in found.tracks].index(track.number)
    style: dict[str, Any] = {"ls": ("-", "--", "-.", ":")[k % 4], "lw": 1.5}
    if several <= FEW:
        return {**style, "color": COLOURS[k], "marker": "o", "ms": 2.5}
    return {**style, "color": colormaps["viridis"](0.9 * k / (several - 1))}
