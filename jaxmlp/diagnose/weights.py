"""The weights of a network's first layer as pictures."""

import math
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxmlp.config.factory import build_member
from jaxmlp.data import Columns
from jaxmlp.diagnose.subject import Subject
from jaxmlp.nn.layers import in_order

TILES, PIXELS = 256, 4_000_000  # units that have room, and pixels of all of them
ROWS = 60  # inputs of a table that have room
WEIGHTS = "weights.png"


class First(NamedTuple):
    """The kernel of a network's first layer.

    Attributes:
      layer: the name of the layer, such as "dense 128".
      kernel: its weights; the last axis counts the units.
      outputs: whether its units are the network's outputs.
    """

    layer: str
    kernel: np.ndarray
    outputs: bool


def draw_weights(subject: Subject, out: pathlib.Path) -> list[pathlib.Path] | str:
    """Draw the weights of the first layer of a run's network.

    Of a network for pictures: a tile for each unit, which shows the weight of each pixel; of a
    convolution, its filters. Of a network for tables: a heat map of inputs against units. White is
    zero, and the scale is the same on both sides of it.

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

    first = first_kernel(subject)
    if isinstance(first, str):
        return first
    shape, kernel = subject.network.signature.input_shape, first.kernel
    units = f"{kernel.shape[-1]:,} {'outputs' if first.outputs else 'units'} of {first.layer}"
    members = subject.recipe.ensemble
    whose = f", the first of {members} networks" if members > 1 else ""
    title = f"{subject.name}: weights from the inputs to the {units}{whose}"
    names = subject.network.classes if first.outputs else None
    if kernel.ndim == 4 or len(shape) == 3:
        pictures = kernel.reshape(*(kernel.shape[:3] if kernel.ndim == 4 else shape), -1)
        figure = tiles(pictures, title, names)
    else:
        figure = heat_map(kernel, input_names(subject), title, names)
    figures.save(figure, out / WEIGHTS)
    return [out / WEIGHTS]


def first_kernel(subject: Subject) -> First | str:
    """Return the kernel of a network's first layer with weights, or why it has none to show."""
    network, recipe = subject.network, subject.recipe
    member = build_member(recipe, network.task.outputs(len(network.signature.classes)))
    params = network.params
    if recipe.ensemble > 1:
        params = jax.tree.map(lambda leaf: leaf[0], params)
    learning = [(layer, own) for layer, own in in_order(member, params) if jax.tree.leaves(own)]
    if not learning:
        return "the network has no layer with weights"
    layer, own = learning[0]
    if layer.kind not in ("dense", "convolution"):
        return f"the first layer with weights is {layer.name}, and has no kernel of inputs by units"
    kernel = np.asarray(own["W"])
    return First(layer.name, kernel, len(learning) == 1)


def input_names(subject: Subject) -> tuple[str, ...]:
    """Return a name for each input of a network that takes a table or plain numbers."""
    signature = subject.network.signature
    if signature.columns is not None:
        return Columns.from_dict(signature.columns).input_names
    return tuple(f"x{k + 1}" for k in range(math.prod(signature.input_shape)))


def largest(norms: np.ndarray, most: int) -> np.ndarray:
    """Return the places of the `most` largest numbers, ascending."""
    return np.sort(np.argsort(-norms, kind="stable")[:most])


def tiles(kernel: np.ndarray, title: str, names: Sequence[str] | None = None) -> Figure:
    """Draw a tile for each unit; its channels stand side by side.

    Args:
      kernel: `(height, width, channels, units)`. Of more than `TILES` units, or fewer that have
        more than `PIXELS`, those are drawn whose weights have the largest norm.
      title: what is drawn.
      names: of the units; otherwise they are numbered from 0.

    Returns:
      A figure.
    """
    from jaxmlp.runs import figures

    channels, units = kernel.shape[2:]
    room = max(1, min(TILES, PIXELS * units // kernel.size))
    shown = largest(np.sqrt(np.sum(kernel**2, axis=(0, 1, 2))), room)
    board = board_of(kernel[..., shown], named=names is not None)
    height, width = board.values.shape
    inches = min(12 / width, 10 / height, 0.12)
    size = max(6.4, width * inches) + 1.4, max(2.4, height * inches) + 0.9
    figure = Figure(figsize=size, layout="constrained")
    panel = figure.subplots()
    _draw_signed(figure, panel, board.values, "weight")
    panel.set_xticks([])
    panel.set_yticks([])
    for spine in panel.spines.values():
        spine.set_visible(False)
    columns = len(board.middles)
    if names is not None:
        for place, unit in enumerate(shown):
            at = board.middles[place % columns], board.tops[place // columns] - 0.7
            panel.text(*at, figures.caption(names[unit], 12), ha="center", va="bottom", fontsize=8)
    elif len(shown) == units:
        panel.tick_params(length=0, labelsize=8)
        panel.set_xticks(board.middles, [str(k) for k in range(columns)])
        rows = [str(k * columns) for k in range(len(board.tops))]
        panel.set_yticks(board.tops + (kernel.shape[0] - 1) / 2, rows)
        panel.set_xlabel("the number of a unit is that of its row plus that of its column")
    some = "" if len(shown) == units else f"; the {len(shown)} with the largest weights"
    beside = f"; the {channels} channels side by side" if channels > 1 else ""
    figure.suptitle(figures.caption(title + some + beside, 110), fontsize=10)
    return figure


class Board(NamedTuple):
    """Tiles in rows and columns.

    Attributes:
      values: the pixels; NaN between the tiles.
      middles: where the middle of each column is.
      tops: where the top of each row is.
    """

    values: np.ndarray
    middles: np.ndarray
    tops: np.ndarray


def board_of(kernel: np.ndarray, named: bool) -> Board:
    """Lay out the tiles of a kernel, `(height, width, channels, units)`, with room for names."""
    height, width, channels, units = kernel.shape
    wide = width * channels + channels - 1
    columns, gap = _columns(units, height / wide), max(1, height // 12)
    rows, across = -(-units // columns), wide + gap
    down = height + (max(2, height // 4) if named else gap)
    values = np.full(((rows - 1) * down + height, columns * across - gap), np.nan)
    for unit in range(units):
        top, left = unit // columns * down, unit % columns * across
        for c in range(channels):
            start = left + c * (width + 1)
            values[top : top + height, start : start + width] = kernel[..., c, unit]
    middles = np.arange(columns) * across + (wide - 1) / 2
    return Board(values, middles, np.arange(rows) * down)


def _columns(count: int, shape: float) -> int:
    """Return how many tiles stand in a row, so that few places stay empty.

    Args:
      count: the number of tiles.
      shape: height by width of a tile.
    """
    least = min(count, math.ceil(math.sqrt(count * 1.6 * shape)))
    return min(range(least, min(count, 2 * least) + 1), key=lambda n: -count % n)


def heat_map(
    kernel: np.ndarray, inputs: Sequence[str], title: str, names: Sequence[str] | None = None
) -> Figure:
    """Draw weights as a heat map of inputs against units.

    Args:
      kernel: `(inputs, units)`. Of more than `ROWS` inputs, or `TILES` units, those are drawn whose
        weights have the largest norm.
      inputs: the names of the inputs.
      title: what is drawn.
      names: of the units; otherwise they are numbered from 0.

    Returns:
      A figure.
    """
    from jaxmlp.runs import figures

    rows = largest(np.linalg.norm(kernel, axis=1), ROWS)
    columns = largest(np.linalg.norm(kernel, axis=0), TILES)
    shown = kernel[np.ix_(rows, columns)]
    longest = max(len(inputs[k]) for k in rows)
    size = min(12, 2.4 + 0.09 * min(longest, 24) + 0.22 * len(columns)), 1.7 + 0.2 * len(rows)
    figure = Figure(figsize=(max(size[0], 6.4), size[1]), layout="constrained")
    panel = figure.subplots()
    _draw_signed(figure, panel, shown, "weight")
    panel.set_aspect("auto")
    panel.set_yticks(range(len(rows)), [figures.caption(inputs[k]) for k in rows], fontsize=8)
    if len(columns) <= 32:
        words = (
            [str(k) for k in columns] if names is None else [figures.caption(n, 12) for n in names]
        )
        turned = 0 if max(map(len, words)) <= 3 else 90
        panel.set_xticks(range(len(columns)), words, fontsize=8, rotation=turned)
    panel.set_xlabel("unit" if names is None else "output")
    panel.set_ylabel("input (preprocessed)")
    parts = [
        f"the {len(part)} of {size:,} {words} with the largest weights"
        for part, size, words in zip(
            (rows, columns), kernel.shape, ("inputs", "units"), strict=True
        )
        if len(part) < size
    ]
    figure.suptitle(figures.caption("; ".join([title, *parts]), 110), fontsize=10)
    return figure


def _draw_signed(figure: Figure, panel: Axes, values: np.ndarray, words: str) -> None:
    """Draw numbers in colours that are alike on both sides of zero, which is white."""
    most = float(np.nanmax(np.abs(values))) or 1.0
    image = panel.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    figure.colorbar(image, ax=panel, label=words, shrink=0.8)
