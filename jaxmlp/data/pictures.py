"""Read a picture file as an image like those that a network was trained on."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxmlp.data.readers import existing_file, report_read_errors
from jaxmlp.errors import InputError, check, shown
from jaxmlp.memory import check_memory

BACKGROUNDS = ("dark", "light")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")  # no format that starts a program
BYTES_PER_PIXEL = 15  # in memory, while a picture becomes RGB and is inverted


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
    """Read a picture of any size and kind as one image of the given shape; see `fit_picture`.

    Args:
      path: a file in one of `FORMATS`, whatever its name. Of several frames or pages the first is
        read.
      shape: `(H, W, C)`, C being 1 or 3.
      background: of the training images, `dark` or `light`; `None` leaves the picture as it is.
      white: the value of white in the training images.

    Returns:
      The image, `uint8` `(1, H, W, C)`, and whether it was inverted.

    Raises:
      InputError: if the file is missing, empty, damaged or no picture, `shape`, `background` or
        `white` are not of the kind described, or the picture needs more memory than `check_memory`
        allows.
    """
    from PIL import Image, UnidentifiedImageError

    _check_form(f"{path}: the network's", shape, background, white)
    packed = existing_file(path).stat().st_size
    with report_read_errors(path, "a picture"):
        try:
            opened = Image.open(path, formats=FORMATS)
        except UnidentifiedImageError:
            kinds = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
            raise InputError(
                f"{path}: the file cannot be read as a picture: expected {kinds}"
            ) from None
        with opened as file:
            size = file.width * file.height * BYTES_PER_PIXEL
            check_memory(size, f"{path}: {file.width} x {file.height} pixels take", packed)
            return fit_picture(file, shape, background, white)


def fit_picture(
    picture: Any, shape: tuple[int, ...], background: str | None = None, white: int = 255
) -> tuple[np.ndarray, bool]:
    """Make one image of the given shape of a picture of any size and kind.

    The picture is turned as its camera says, laid on black or white paper where it is transparent,
    inverted if its background is not that of the training images, widened to the aspect of the
    shape in the colour of its background, resized, and made grey if the shape has one channel.

    Args:
      picture: a `PIL.Image.Image`.
      shape: `(H, W, C)`, C being 1 or 3.
      background: of the training images, `dark` or `light`; `None` leaves the picture as it is.
      white: the value of white in the training images.

    Returns:
      The image, `uint8` `(1, H, W, C)`, and whether it was inverted.

    Raises:
      InputError: if `shape`, `background` or `white` are not of the kind described, or the picture
        has no pixel.
    """
    from PIL import Image, ImageOps

    _check_form("the network's", shape, background, white)
    check(min(picture.size) > 0, "the size of a picture", "at least 1 by 1", shown(picture.size))
    picture = _to_rgb(ImageOps.exif_transpose(picture))
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


def _check_form(what: str, shape: tuple[int, ...], background: str | None, white: int) -> None:
    good = len(shape) == 3 and shape[-1] in (1, 3)
    check(good, f"{what} input shape", "(H, W, 1) or (H, W, 3)", shape)
    check(background in (*BACKGROUNDS, None), "background", "dark, light or none", background)
    check(0 < white <= 255, "white", "from 1 to 255", white)


def _to_rgb(picture: Any) -> Any:
    """Convert a picture to 8-bit RGB, on black paper if its ink is light, else on white paper."""
    from PIL import Image, ImageStat

    if picture.mode.startswith("I"):  # 16 bits of grey, which convert() would clip
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    ink = ImageStat.Stat(picture.convert("L"), picture.getchannel("A"))
    light = ink.count[0] > 0 and ink.mean[0] > 127
    paper = Image.new("RGBA", picture.size, "black" if light else "white")
    return Image.alpha_composite(paper, picture).convert("RGB")
