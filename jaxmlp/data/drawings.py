"""Recognise training pictures that were all scaled and centred alike, as those of MNIST were.

The digits of MNIST were scaled, with their aspect kept, into a box of 20 x 20 pixels, and put into
a picture of 28 x 28 with their centre of mass in the middle (LeCun et al. 1998). A network that
learned from such pictures reads others only if the same is done to them.
"""

from typing import NamedTuple

import numpy as np

ENOUGH = 1000  # pictures that decide
INK = 0.2  # share of the largest value, above which a pixel is ink
ALIKE = 0.95  # share of the pictures in which box and centre are those of all
NEAR = 1 / 28  # of the side: how far a box or a centre may be from that of all
LARGEST, SMALLEST = 0.93, 0.5  # of the side: a box leaves a margin, and is no speck
MOST_INK = 0.35  # of the pixels: strokes, and not areas


class Drawing(NamedTuple):
    """How training drawings were scaled and centred.

    Attributes:
      box: the longer side of the ink, in pixels.
      by_mass: whether the centre of mass was put to one place; else the middle of the ink's box.
      centre: this place, row and column counted from 0.
    """

    box: int
    by_mass: bool
    centre: tuple[float, float]


def drawing_of(images: np.ndarray, background: str | None) -> Drawing | None:
    """Decide whether pictures are drawings that were all scaled and centred alike.

    Args:
      images: `(N, H, W, C)`; white is the largest value.
      background: the background of all of them, `dark` or `light`.

    Returns:
      How they were scaled and centred, or `None` if they were not.
    """
    side = min(images.shape[1:3])
    if background is None or images.shape[-1] != 1 or side < 16:
        return None
    grey = images[:: max(1, len(images) // ENOUGH), :, :, 0].astype(np.float32)
    ink = grey if background == "dark" else grey.max() - grey
    dark = ink > INK * ink.max()
    boxes = [_extent(dark.any(axis=axis)) for axis in (2, 1)]  # first and last, of rows and columns
    longest = np.maximum(*(last - first + 1 for first, last in boxes))
    box, near = int(np.median(longest)), NEAR * side
    if np.mean(np.abs(longest - box) <= near) < ALIKE or dark.mean() > MOST_INK:
        return None
    if not SMALLEST * side <= box <= LARGEST * side:
        return None
    masses = np.stack([_centre_of_mass(ink.sum(axis=axis)) for axis in (2, 1)], axis=1)
    middles = np.stack([(first + last) / 2 for first, last in boxes], axis=1)
    for by_mass, places in ((True, masses), (False, middles)):
        row, column = np.rint(2 * places.mean(axis=0)) / 2
        if np.mean(np.abs(places - (row, column)).max(axis=1) <= near) >= ALIKE:
            return Drawing(box, by_mass, (float(row), float(column)))
    return None


def _extent(any_ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last place with ink, `(N,)` each; without ink all places."""
    return any_ink.argmax(axis=1), any_ink.shape[1] - 1 - any_ink[:, ::-1].argmax(axis=1)


def _centre_of_mass(ink: np.ndarray) -> np.ndarray:
    """Return the centre of the ink along an axis, `(N,)`."""
    return ink @ np.arange(ink.shape[1], dtype=ink.dtype) / np.maximum(ink.sum(axis=1), 1e-9)
