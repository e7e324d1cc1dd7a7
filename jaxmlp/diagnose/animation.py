"""An animation of a figure, as a GIF that every browser and slide shows."""

import io
import pathlib
from collections.abc import Iterable

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from jaxmlp.files import write_atomically

SECONDS, SHORTEST, LONGEST, LAST = 8.0, 0.06, 0.5, 2.0  # the whole, a frame, and the last frame
COLORS = 128


def save_animation(frames: Iterable[Figure], path: pathlib.Path) -> None:
    """Write an animation as GIF, atomically. It takes about eight seconds, and goes round for ever.

    All frames share one palette, made of the first, the middle and the last, so nothing flickers.

    Args:
      frames: the same figure again and again, changed in between; at least one.
      path: the file.
    """
    images = [_image(figure) for figure in frames]
    some = [images[k] for k in sorted({0, len(images) // 2, len(images) - 1})]
    strip = Image.fromarray(np.concatenate([np.asarray(image) for image in some]))
    colors = strip.quantize(COLORS)
    reduced = [image.quantize(palette=colors, dither=Image.Dither.NONE) for image in images]
    each = min(LONGEST, max(SHORTEST, SECONDS / len(images)))
    times = [1000 * each] * (len(images) - 1) + [1000 * LAST]
    content, first = io.BytesIO(), reduced[0]
    first.save(content, "GIF", save_all=True, append_images=reduced[1:], duration=times, loop=0)
    write_atomically(path, content.getvalue())


def _image(figure: Figure) -> Image.Image:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")  # the first frame has found the places of all parts
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
