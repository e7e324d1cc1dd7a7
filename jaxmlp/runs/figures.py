"""The pictures of a run: curves of training, the confusion matrix, the worst mistakes.

Drawn on figures of their own, without pyplot's global state and without a display.
"""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jaxmlp.errors import printable
from jaxmlp.files import write_atomically
from jaxmlp.training import Record

# The palette of all figures (Okabe and Ito 2008). Colour-blind readers can tell the colours apart;
# most of them differ in lightness as well.
BLUE, ORANGE, PURPLE, BLACK = "#0072b2", "#d55e00", "#cc79a7", "#000000"
COLOURS = (BLUE, ORANGE, "#009e73", PURPLE, "#e69f00", "#56b4e9", BLACK, "#999999")
LONGEST = 24  # letters of a name in a picture
MOST_SEEN = 64  # examples of a prediction that are drawn


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically.

    Args:
      figure: the figure.
      path: the file.
    """
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    with warnings.catch_warnings():  # a letter that no font has is drawn as a box
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(content, format="png", dpi=120)
    write_atomically(path, content.getvalue())


def caption(name: str, longest: int = LONGEST) -> str:
    r"""Return a name for Matplotlib: its dollars are no mathematics, and it is not too long.

    Args:
      name: of a class, a file or the like.
      longest: the number of letters that have room.

    Returns:
      The text to give to Matplotlib, which shows `\$` as a dollar.
    """
    text = printable(name)
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return short.replace("$", r"\$")


def curves(
    records: list[Record],
    loss: str,
    score: str,
    only_in_training: Sequence[str] = (),
    kept: int = 0,
) -> Figure:
    """Draw loss, score and learning rate against epochs.

    Args:
      records: the metrics of each epoch.
      loss: the name of the loss.
      score: the name of the score.
      only_in_training: what makes the training loss another function than the validation loss,
        such as "dropout"; it stands in the legend.
      kept: the epoch whose parameters are kept; 0 to mark none.

    Returns:
      A figure of three panels.
    """
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    panels = figure.subplots(1, 3)
    epochs = [record.epoch for record in records]
    marker = "o" if len(records) <= 30 else None
    words = ", ".join(("running mean", *only_in_training))
    parts = [(f"training ({words})", "--", ORANGE, [r.train for r in records])]
    judged = [r.valid for r in records if r.valid is not None]
    if len(judged) == len(records):
        parts.append(("validation", "-", BLUE, judged))
    for number, panel in enumerate(panels[:2]):
        for words, style, color, means in parts:
            values = [pair[number] for pair in means]
            panel.plot(epochs, values, style, color=color, marker=marker, ms=3, label=words)
    if kept:
        for panel in panels:
            panel.axvline(kept, color=BLACK, ls=":", lw=1.2, label=f"kept epoch, {kept}")
    lines = panels[0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside upper left", ncols=len(parts) + 1, frameon=False)
    panels[0].set_yscale("log")
    panels[0].set_ylabel(f"loss ({loss.replace('_', ' ')})")
    panels[1].set_ylabel({"accuracy": "accuracy (share of examples)", "r2": "R²"}[score])
    panels[2].plot(epochs, [r.learning_rate for r in records], color=BLUE, marker=marker, ms=3)
    panels[2].set_ylabel("learning rate")
    for panel in panels:
        panel.set_xlabel("epoch")
        panel.grid(alpha=0.3)
        panel.xaxis.get_major_locator().set_params(integer=True)
    return figure


def confusion(matrix: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Draw a confusion matrix, coloured by the share of each true class.

    Args:
      matrix: counts, `matrix[true, predicted]`.
      classes: their names.
      title: what was measured.

    Returns:
      A figure.
    """
    n, names = len(classes), [caption(name) for name in classes]
    size = min(max(4.5, 0.55 * n + 2), 14)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    panel = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if n <= 20:
        for i in range(n):
            for j in range(n):
                color = "white" if shares[i, j] > 0.5 else "black"
                panel.text(j, i, str(matrix[i, j]), ha="center", va="center", color=color)
    rotation = 0 if max(map(len, names)) <= 3 else 90
    if n <= 50:
        panel.set_xticks(range(n), names, rotation=rotation)
        panel.set_yticks(range(n), names)
    panel.set_xlabel("predicted class")
    panel.set_ylabel("true class")
    panel.set_title(caption(title, 80))
    figure.colorbar(image, label="share of the true class", shrink=0.8)
    return figure


def mistakes(
    pictures: np.ndarray, true: Sequence[str], said: Sequence[str], sure: Sequence[float]
) -> Figure:
    """Draw the pictures that were misjudged with the greatest confidence.

    Args:
      pictures: `(n, H, W, C)`.
      true: the name of the true class of each.
      said: the name of the predicted class of each.
      sure: the probability given to it.

    Returns:
      A figure.
    """
    columns = min(6, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(1.9 * columns, 2.2 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.axis("off")
    for panel, picture, t, s, p in zip(panels, pictures, true, said, sure, strict=False):
        panel.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture, cmap="gray")
        words = f"{caption(t, 12)}, taken for {caption(s, 12)}"
        panel.set_title(f"{words}\nprobability {p:.3f}", fontsize=9)
    return figure


def seen(pictures: np.ndarray, names: Sequence[str], said: Sequence[str]) -> Figure:
    """Draw pictures as a network saw them, with its answers.

    Args:
      pictures: `(n, H, W, C)`, in [0, 1], at most `MOST_SEEN`.
      names: the name of each.
      said: the answer to each.

    Returns:
      A figure.
    """
    columns = min(8, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(1.7 * max(columns, 2), 2.1 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.axis("off")
    for panel, picture, name, answer in zip(panels, pictures, names, said, strict=False):
        image = np.clip(picture[..., 0] if picture.shape[-1] == 1 else picture, 0, 1)
        panel.imshow(image, cmap="gray", vmin=0, vmax=1)
        panel.set_title(f"{caption(name, 18)}\n{caption(answer, 18)}", fontsize=9)
    return figure


def range_test(rates: np.ndarray, losses: np.ndarray, steepest: float) -> Figure:
    """Draw the smoothed loss of a range test against the learning rate.

    Args:
      rates: growing learning rates.
      losses: the smoothed loss at each.
      steepest: the rate at which it falls fastest.

    Returns:
      A figure.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    panel = figure.subplots()
    panel.plot(rates, losses, color=BLUE)
    panel.axvline(steepest, color=ORANGE, ls="--", label=f"fastest fall, {steepest:.2g}")
    panel.set_xscale("log")
    panel.set_xlabel("learning rate")
    panel.set_ylabel("training loss (running mean)")
    panel.grid(alpha=0.3)
    panel.legend(frameon=False)
    return figure
