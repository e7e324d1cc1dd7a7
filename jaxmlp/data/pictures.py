"""Read a picture file as an image like those that a network was trained on."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.photographs import cut_out
from jaxmlp.data.picture_form import BACKGROUNDS, BYTE, PictureForm
from jaxmlp.data.readers import existing_file, report_read_errors
from jaxmlp.errors import InputError, check, shown
from jaxmlp.memory import check_memory

if TYPE_CHECKING:
    from PIL.Image import Image

# no format that starts a program, such as EPS
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000")
BYTES_PER_PIXEL = 15  # in memory, while a picture becomes RGB and is inverted
SIDEWAYS = (5, 6, 7, 8)  # orientations of a camera that exchange width and height
ORIENTATION = 0x0112  # the number of this entry in a camera's notes (EXIF)


def picture_size(path: Path) -> tuple[int, int]:
    """Read the size of a picture from the beginning of its file.

    Args:
      path: a file in one of `FORMATS`.

    Returns:
      Height and width, as the picture is looked at.

    Raises:
      InputError: if the file is missing, empty, damaged or no picture.
    """
    with report_read_errors(path, "a picture"), _open(path) as file:
        width, height = file.size
        turned = file.getexif().get(ORIENTATION) in SIDEWAYS
        return (width, height) if turned else (height, width)


def open_picture(path: Path) -> "Image":
    """Read a picture of any size and kind as RGB, upright; see `upright`.

    Args:
      path: a file in one of `FORMATS`, whatever its name. Of several frames or pages the first is
        read.

    Returns:
      The picture.

    Raises:
      InputError: if the file is missing, empty, damaged or no picture, or the picture needs more
        memory than `check_memory` allows.
    """
    packed = existing_file(path).stat().st_size
    with report_read_errors(path, "a picture"), _open(path) as file:
        size = file.width * file.height * BYTES_PER_PIXEL
        check_memory(size, f"{path}: {file.width} x {file.height} pixels take", packed)
        return upright(file)


def _open(path: Path) -> "Image":
    from PIL import Image, UnidentifiedImageError

    existing_file(path)
    try:
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        kinds = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise InputError(
            f"{path}: the file cannot be read as a picture: expected {kinds}"
        ) from None


def notes_of(notes: Sequence[Sequence[str]], files: Sequence[Path | str]) -> list[str]:
    """Put the lines about pictures together: one line for what was done to several.

    Args:
      notes: the lines about each picture, each of which begins with its file.
      files: the file of each picture.

    Returns:
      The lines.
    """
    pairs = [(line, str(file)) for lines, file in zip(notes, files, strict=True) for line in lines]
    counts = Counter(line.removeprefix(file) for line, file in pairs)
    whole = {line.removeprefix(file): line for line, file in pairs}
    return [whole[text] if n == 1 else f"{n} pictures{text}" for text, n in counts.items()]


def read_picture(
    path: Path, shape: tuple[int, ...], form: PictureForm | None = None
) -> tuple[np.ndarray, list[str]]:
    """Read a picture file as one image of the given shape; see `open_picture`, `fit_picture`.

    Args:
      path: the file.
      shape: `(H, W, C)`, C being 1 or 3.
      form: of the training pictures.

    Returns:
      The image `(1, H, W, C)`, and a line for each change.

    Raises:
      InputError: if `open_picture` or `fit_picture` raises one.
    """
    _check_form(f"{path}: the network's", shape, form or PictureForm())
    picture = open_picture(path)
    with report_read_errors(path, "a picture"):
        return fit_picture(picture, shape, form, str(path))


def fit_picture(
    picture: Any,
    shape: tuple[int, ...],
    form: PictureForm | None = None,
    where: str = "the picture",
) -> tuple[np.ndarray, list[str]]:
    """Make one image of the given shape of a picture of any size and kind.

    Where the training pictures are drawings that were all scaled and centred alike, a picture of
    another size is cut out, scaled and centred like them (`jaxmlp.data.photographs`). Any other
    picture is put upright, inverted if its background is not that of the training pictures,
    widened to the aspect of the shape in the colour of its background, resized, and made grey if
    the shape has one channel.

    Args:
      picture: a `PIL.Image.Image`.
      shape: `(H, W, C)`, C being 1 or 3.
      form: of the training pictures; `None` leaves the picture as it is.
      where: what the picture is called in a line.

    Returns:
      The image `(1, H, W, C)`, of type `uint8`, or of `float32` for a network that learned from
      numbers in [0, 1] or of more than 8 bits; and a line for each change.

    Raises:
      InputError: if `shape` or `form` are not of the kind described, or the picture has no pixel.
    """
    from PIL import Image, ImageOps

    form = form or PictureForm()
    _check_form("the network's", shape, form)
    check(min(picture.size) > 0, "the size of a picture", "at least 1 by 1", shown(picture.size))
    picture, (height, width, channels), notes = upright(picture), shape, []
    if form.drawing is not None and picture.size != (width, height):
        image = cut_out(picture, shape, form.drawing)
        box = f"{form.drawing.box} x {form.drawing.box}"
        if image is not None:
            image = image if form.background == "dark" else BYTE - image
            note = f"{where}: the drawing was cut out, scaled into {box} pixels and centred"
            return on_scale_of(form, image.reshape(1, *shape)), [f"{note}, as those of training"]
        notes.append(f"{where}: no drawing was found; the picture is taken whole")
    pixels = np.asarray(picture)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    paper = np.median(edge, axis=0)
    if form.background not in (None, BACKGROUNDS[int(paper.mean() > 127)]):
        picture, paper = ImageOps.invert(picture), 255 - paper
        why = f"because the training images have a {form.background} background"
        notes.append(f"{where}: inverted, {why}")
    colour = tuple(int(value) for value in paper)
    picture = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, colour)
    image = np.asarray(picture.convert("L" if channels == 1 else "RGB")).reshape(1, *shape)
    return on_scale_of(form, image), notes


def on_scale_of(form: PictureForm, image: np.ndarray) -> np.ndarray:
    """Return the bytes of an image on the scale of the training pictures."""
    scaled = image * (form.white / BYTE)
    return np.rint(scaled).astype(np.uint8) if 1 < form.white <= BYTE else scaled.astype(np.float32)


def _check_form(what: str, shape: tuple[int, ...], form: PictureForm) -> None:
    good, background = len(shape) == 3 and shape[-1] in (1, 3), form.background
    check(good, f"{what} input shape", "(H, W, 1) or (H, W, 3)", shape)
    check(background in (*BACKGROUNDS, None), "background", "dark, light or none", background)
    check(form.white > 0, "white", "positive", form.white)


def upright(picture: Any) -> "Image":
    """Return a picture as 8-bit RGB, turned as its camera says.

    Where it is transparent it is laid on black paper if its ink is light, else on white paper.

    Args:
      picture: a `PIL.Image.Image` of any mode.

    Returns:
      The picture.
    """
    from PIL import Image, ImageOps, ImageStat

    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":  # which convert() would clip
        picture = Image.fromarray(_to_bytes(np.asarray(picture)))
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    ink = ImageStat.Stat(picture.convert("L"), picture.getchannel("A"))
    light = ink.count[0] > 0 and ink.mean[0] > 127
    paper = Image.new("RGBA", picture.size, "black" if light else "white")
    return Image.alpha_composite(paper, picture).convert("RGB")


def _to_bytes(grey: np.ndarray) -> np.ndarray:
    """Return grey pixels of 16 or 32 bits, or floats, as bytes.

    Whole numbers have 16 bits, but 32 bits that end at 255 are bytes. Floats are in [0, 1] if none
    is above 1, else in [0, 255] or, above it, in [0, 65535].
    """
    if grey.dtype.kind in "iu":
        small = grey.dtype.itemsize > 2 and grey.max() <= BYTE
        return np.clip(grey if small else grey >> 8, 0, BYTE).astype(np.uint8)
    most = np.nanmax(grey, initial=0.0)
    factor = BYTE if most <= 1 else 1 if most <= BYTE else 1 / 257
    return np.rint(np.clip(np.nan_to_num(grey) * factor, 0, BYTE)).astype(np.uint8)
