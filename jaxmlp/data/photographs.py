"""Cut a drawing out of a photograph of paper, and scale and centre it as training drawings were.

The paper is what a closing makes of the picture: it fills lines that are darker than what is beside
them and narrower than a fifth of the picture, and leaves shadows. Ink is by how much a pixel is
darker than the paper at its place, in the colour in which this is most: so a shadow is no ink, and
a blue pen is ink in red light. Of the connected areas the one of most ink is the drawing, with
those beside it; the others are the table, dust and lines.
"""

from typing import Any

import numpy as np

from jaxmlp.data.drawings import Drawing

LEAST_SIDE, LONGEST = 224, 640  # pixels of the longer side, while a drawing is looked for
SMALL = 96  # pixels of the side, while it is decided whether ink is light
WIDEST = 5  # lines are narrower than this part of the longer side
LEAST = 0.1  # of the paper's brightness: what is less dark is no ink
NOISES = 6  # deviations of the paper's noise, below which nothing is ink
SHARE = 0.45  # of the darkest ink: what belongs to the drawing
AT_BORDER = 0.25  # factor on the ink of an area that reaches the border
DUST = 0.02  # share of the main area's ink, below which another area is dust
BESIDE = 0.2  # of the main area's size: how far from it another may be
THIN, USUAL = 0.08, 0.12  # of the box: lines that are thickened, and those of MNIST


def cut_out(picture: Any, shape: tuple[int, ...], drawing: Drawing) -> np.ndarray | None:
    """Cut out the drawing of a photograph or of a larger picture.

    Args:
      picture: a `PIL.Image.Image` of mode RGB.
      shape: `(H, W, 1)`, of the training drawings.
      drawing: how these were scaled and centred.

    Returns:
      The drawing, `uint8` `(H, W)`, its ink 255 on 0; `None` if there is no ink.
    """
    ink = _ink_of(picture)
    found = _largest_drawing(ink)
    if found is None:
        return None
    strokes = _even_strokes(np.where(found, ink, 0), drawing.box)
    return _placed(strokes, shape, drawing)


def _ink_of(picture: Any) -> np.ndarray:
    """Return by how much each pixel is darker than the paper, `(H, W)` in [0, 1].

    On a blackboard it is by how much it is lighter.
    """
    from PIL import Image
    from scipy import ndimage

    longest = max(picture.size)
    factor = min(max(longest, LEAST_SIDE), LONGEST) / longest
    size = [max(1, round(factor * side)) for side in picture.size]
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    pixels = np.asarray(picture, np.float32)
    if _has_light_ink(picture):
        pixels = 255 - pixels
    pixels = ndimage.gaussian_filter(pixels, (0.7, 0.7, 0))
    width = max(pixels.shape) // WIDEST | 1
    paper = ndimage.grey_closing(pixels, size=(width, width, 1))
    return np.max((paper - pixels) / (paper + 10), axis=2)  # dark paper is mostly noise


def _has_light_ink(picture: Any) -> bool:
    """Decide whether ink is lighter than paper: then whatever is bright is as narrow as lines.

    An opening takes away what is bright and narrow, a closing what is dark and narrow. Paper is
    wide, also where a shadow leaves only a part of it bright.
    """
    from scipy import ndimage

    small = picture.convert("L")
    small.thumbnail((SMALL, SMALL))
    grey = np.asarray(small, np.float64)
    lines = (SMALL // WIDEST, SMALL // WIDEST)
    light = grey.max() - ndimage.grey_opening(grey, size=lines).max()
    dark = ndimage.grey_closing(grey, size=lines).min() - grey.min()
    return bool(light > max(dark, (grey.max() - np.percentile(grey, 5)) / 2))


def _largest_drawing(ink: np.ndarray) -> np.ndarray | None:
    """Return where the drawing is, `(H, W)`: the area of most ink, and those beside it.

    What reaches a corner is the table or a shadow; what reaches the border is less likely a
    drawing than what does not.
    """
    from scipy import ndimage

    noise = 1.4826 * float(np.median(np.abs(ink - np.median(ink))))
    least = max(LEAST, float(np.median(ink)) + NOISES * noise)
    left = ink.copy()
    while left.max() > least:
        areas, count = ndimage.label(left > max(least, SHARE * left.max()), np.ones((3, 3)))
        corners = np.unique(areas[np.ix_((0, -1), (0, -1))])
        masses = np.asarray(ndimage.sum_labels(left, areas, np.arange(count + 1)))
        border = np.unique(np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]]))
        masses[border] *= AT_BORDER
        masses[0] = masses[corners] = 0
        if masses.max() > 0:
            return _with_beside(areas, masses)
        left[ndimage.binary_dilation(np.isin(areas, corners[corners > 0]), iterations=3)] = 0
    return None


def _with_beside(areas: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """Return where the area of the most ink is, and those that are no dust and lie beside it."""
    from scipy import ndimage

    main = int(masses.argmax())
    boxes = ndimage.find_objects(areas)
    rows, columns = boxes[main - 1]
    reach = BESIDE * max(rows.stop - rows.start, columns.stop - columns.start)
    chosen = [
        label
        for label, (y, x) in enumerate(boxes, 1)
        if masses[label] >= DUST * masses[main]
        and max(y.start - rows.stop, rows.start - y.stop) <= reach
        and max(x.start - columns.stop, columns.start - x.stop) <= reach
    ]
    return ndimage.binary_dilation(np.isin(areas, chosen), iterations=2)


def _even_strokes(ink: np.ndarray, box: int) -> np.ndarray:
    """Return strokes of full ink, `(h, w)` in [0, 1], without the paper around them.

    A thin line is thickened to the usual width: it would be grey once it is made small.
    """
    from scipy import ndimage

    full = np.percentile(ink[ink > SHARE * ink.max()], 70)
    strokes = np.clip((ink / full - 0.25) / 0.5, 0, 1)
    inside = strokes > 0.5
    rows, columns = ndimage.find_objects(inside.astype(np.int8))[0]
    size = max(rows.stop - rows.start, columns.stop - columns.start)
    width = 4 * ndimage.distance_transform_edt(inside)[inside].mean() / size
    if width < THIN:
        thicker = int(np.ceil((USUAL - width) * size / 2))
        strokes = np.pad(strokes, thicker)
        y, x = np.ogrid[-thicker : thicker + 1, -thicker : thicker + 1]
        strokes = ndimage.grey_dilation(strokes, footprint=x * x + y * y <= thicker * thicker)
        rows, columns = ndimage.find_objects((strokes > 0.5).astype(np.int8))[0]
    return strokes[rows, columns]


def _placed(strokes: np.ndarray, shape: tuple[int, ...], drawing: Drawing) -> np.ndarray:
    """Return the strokes in a picture of the shape, scaled and centred as training drawings are."""
    from PIL import Image

    height, width = strokes.shape
    scale = drawing.box / max(height, width)
    size = [max(1, round(scale * side)) for side in (height, width)]
    bytes_ = Image.fromarray(np.rint(255 * strokes).astype(np.uint8))
    small = np.asarray(bytes_.resize((size[1], size[0]), Image.Resampling.LANCZOS))
    starts = []
    for axis in (0, 1):
        weights = small.sum(axis=1 - axis) if drawing.by_mass else np.ones(size[axis])
        centre = weights @ np.arange(size[axis]) / max(1, weights.sum())
        start = round(drawing.centre[axis] - centre)
        starts.append(min(max(0, start), shape[axis] - size[axis]))
    image = np.zeros(shape[:2], np.uint8)
    image[starts[0] : starts[0] + size[0], starts[1] : starts[1] + size[1]] = small
    return image
