"""Read a picture file as an image like those that a network was trained on."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from jaxmlp.data.readers import existing_file, report_read_errors
from jaxmlp.errors import check

BACKGROUNDS = ("dark", "light")


def background(images: np.ndarray) -> str | None:
    """Decide whether training images have a dark or a light background, by their outermost pixels.

    A pixel is dark if it is below half the largest value. The background is dark if more than three
    quarters of the outermost pixels are dark, and light if fewer than one quarter are.

    Args:
      images: `(N, H, W, C)`; white is the largest value.

    Returns:
      `dark` or `light`, or `None` where neither holds, as in photographs.
    """
    edge = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    dark = np.mean([np.mean(pixels < images.max() / 2) for pixels in edge])
    return "dark" if dark > 0.75 else "light" if dark < 0.25 else None


def read_picture(
    path: Path, shape: tuple[int, ...], background: str | None = None, white: int = 255
) -> tuple[np.ndarray, bool]:
    """Read a picture of any size and kind as one image of the given shape.

    The steps: turn it as its camera says, put transparent parts on black or white paper, invert it
    if its background differs from that of the training images, extend it to the aspect ratio of the
    shape in the colour of its background, resize it, and make it grey if the shape has one channel.

    Args:
      path: a file in any format that Pillow reads.
      shape: `(H, W, C)`, where C is 1 or 3.
      background: the background of the training images, `dark` or `light`; with `None` the picture
        is never inverted.
      white: the value of white in the training images, from 1 to 255.

    Returns:
      The image, `uint8` `(1, H, W, C)`, and whether it was inverted.

    Raises:
      InputError: if the file is missing, empty or not a picture, or if `shape`, `background` or
        `white` is not as described.
    """
    from PIL import Image, ImageOps

    check(
        len(shape) == 3 and shape[-1] in (1, 3),
        f"{path}: the network's input shape",
        "(H, W, 1) or (H, W, 3)",
        shape,
    )
    check(background in (*BACKGROUNDS, None), "background", "dark, light or none", background)
    check(0 < white <= 255, "white", "from 1 to 255", white)
    damage = (SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
    with report_read_errors(existing_file(path), "a picture", *damage), Image.open(path) as file:
        picture = _to_rgb(ImageOps.exif_transpose(file))

    pixels = np.asarray(picture)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    paper = np.median(edge, axis=0)
    inverted = background is not None and background != BACKGROUNDS[int(paper.mean() > 127)]
    if inverted:
        picture, paper = ImageOps.invert(picture), 255 - paper
    height, width, channels = shape
    colour = tuple(int(value) for value in paper)
    picture = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, colour)
    image = np.asarray(picture.convert("L" if channels == 1 else "RGB")).reshape(1, *shape)
    return np.rint(image * (white / 255)).astype(np.uint8), inverted


def _to_rgb(picture: Any) -> Any:
    """Convert a picture to 8-bit RGB, on black paper if its ink is light, else on white paper."""
    from PIL import Image, ImageStat

    if picture.mode.startswith("I"):  # 16 bits of grey, which convert() would clip
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    picture = picture.convert("RGBA")
    ink = ImageStat.Stat(picture.convert("L"), picture.getchannel("A"))
    light = ink.count[0] > 0 and ink.mean[0] > 127
    paper = Image.new("RGBA", picture.size, "black" if light else "white")
    return Image.alpha_composite(paper, picture).convert("RGB")
