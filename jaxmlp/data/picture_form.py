"""The form of the pictures that a network learned from, and new arrays brought into it."""

import math
from typing import NamedTuple

import numpy as np

from jaxmlp.data.arrays import check_finite, dtype_and_shape, to_input_dtype
from jaxmlp.data.drawings import Drawing, drawing_of
from jaxmlp.errors import InputError

BACKGROUNDS = ("dark", "light")
CHANNELS = (1, 3, 4)  # of a picture
BYTE, SHORT = 255, 65535  # the largest values of pixels with 8 and 16 bits
SLIGHT = 1e-3  # by which a float in [0, 1] may exceed 1, after resampling
WHOLE = 1e-2  # how near to a whole number a float that was a byte lies, once it is multiplied
UNIFORM = 0.99  # share of the pictures that have the background of all


class PictureForm(NamedTuple):
    """The form of the pictures that a network learned from.

    Attributes:
      background: the background that all of them have, `dark` or `light`; `None` where they differ
        or have colours.
      white: the largest value that they can have: 255 for bytes, 1 for floats in [0, 1], else the
        largest that they do have.
      scaled: whether arrays on another scale are brought to `white`; not where the scale is
        unknown, as with standardised pixels.
      channels_first: whether the user's arrays have the channels first, `(N, C, H, W)`.
      drawing: how all of them were scaled and centred, if they are such drawings.
    """

    background: str | None = None
    white: float = BYTE
    scaled: bool = False
    channels_first: bool = False
    drawing: Drawing | None = None


def form_of_pictures(x: np.ndarray, least: float, most: float, some: np.ndarray) -> PictureForm:
    """Find out in what form training pictures are.

    Args:
      x: the training inputs, `(N, features)` or `(N, H, W, C)`, that do not come from a table.
      least: the smallest value of the training part.
      most: the largest value of the training part.
      some: indices of pictures that decide about background, scale and centre.

    Returns:
      The form. Only pixels, and rows of bytes or of numbers in [0, 1], have a known scale.
    """
    unit = least >= 0 and 0 < most <= 1 + SLIGHT
    pixels = x.ndim == 4 and least >= 0 < most <= SHORT
    if not (unit or pixels or (x.dtype == np.uint8 and most > 0)):
        return PictureForm()
    white = 1.0 if unit else _full_scale(most)
    if x.ndim < 4 or x.shape[-1] > 1:
        return PictureForm(None, white, scaled=True)
    images = x[some]
    ground = background(images)
    return PictureForm(ground, white, scaled=True, drawing=drawing_of(images, ground))


def _full_scale(most: float) -> float:
    """Return the largest value that pixels can have whose largest value this is."""
    for full in (BYTE, SHORT):
        if full / 2 < most <= full:
            return full
    return float(most)


def background(images: np.ndarray) -> str | None:
    """Decide whether all training images have a dark background, or all a light one.

    The background of an image is dark if more than half of its outermost pixels are below half the
    largest value of all images.

    Args:
      images: `(N, H, W, C)`; white is the largest value.

    Returns:
      `dark` or `light`, or `None` if more than one image in a hundred differs, as in photographs.
    """
    edge = (images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1])
    outermost = np.concatenate([part.reshape(len(images), -1) for part in edge], axis=1)
    dark = np.mean((outermost < images.max() / 2).mean(axis=1) > 0.5)
    return "dark" if dark >= UNIFORM else "light" if dark <= 1 - UNIFORM else None


def has_channels_first(shape: tuple[int, ...]) -> bool:
    """Decide whether pictures have their channels first.

    Args:
      shape: of one picture.

    Returns:
      True if the first axis can only be the channels; where the last can be too, or the second,
      nothing is known.
    """
    first = len(shape) == 3 and shape[0] in CHANNELS
    return first and not set(shape[1:]) & set(CHANNELS)


def channels_last(x: np.ndarray) -> np.ndarray:
    """Return pictures `(N, C, H, W)` as `(N, H, W, C)`."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def batch_of_examples(
    x: np.ndarray, shape: tuple[int, ...], where: str, form: PictureForm | None = None
) -> tuple[np.ndarray, list[str]]:
    """Return an array as a batch of examples of a network.

    Args:
      x: one example or several. They may leave out a last axis of one channel, have the channels
        first, or be flat.
      shape: of one example.
      where: what the array is called in a message.
      form: of the training pictures. Values on another scale are brought to theirs: floats in
        [0, 1] are multiplied by 255 for a network that learned from bytes.

    Returns:
      Inputs `(N, *shape)`, and a line for each change.

    Raises:
      InputError: if the array holds no numbers, numbers that are not finite, or other shapes.
    """
    form = form or PictureForm()
    if x.dtype.kind not in "biuf":
        raise InputError(f"{where}: expected numbers, got {dtype_and_shape(x)}")
    picture, notes = len(shape) == 3, []
    forms = {shape: False, (math.prod(shape),): picture and form.channels_first}
    if picture:
        forms |= {shape[:-1]: False} if shape[-1] == 1 else {}
        forms.setdefault((shape[-1], *shape[:-1]), True)
    found = [one for one in forms if x.size and one in (x.shape, x.shape[1:])]
    if not found:
        raise InputError(
            f"{where}: expected examples of shape {shape}, got an array of shape {x.shape}"
        )
    check_finite(x, where)
    if forms[found[0]]:  # the channels come first
        x = channels_last(x.reshape(-1, shape[-1], *shape[:-1]))
        if shape[-1] > 1 and not form.channels_first:
            notes.append(f"{where}: the channels came first, and were put last")
    x, changes = match_scale(x.reshape(-1, *shape), form, where)
    return to_input_dtype(x), notes + changes


def match_scale(x: np.ndarray, form: PictureForm, where: str) -> tuple[np.ndarray, list[str]]:
    """Bring arrays to the scale of the pictures that a network learned from.

    Floats and booleans in [0, 1] are on the scale of 1. Among rows of features only those are that
    are not all whole. For a network that learned from [0, 1], bytes above 1 are on the scale of
    255, and whole numbers of pictures are on that of 255 or, above it, of 65535.

    Args:
      x: finite numbers, `(N, features)` or `(N, H, W, C)`.
      form: of the training pictures.
      where: what the array is called in a note.

    Returns:
      The array itself, or the numbers on the other scale, and a line that says so: `uint8` where
      bytes come out, else `float32`.
    """
    if not form.scaled:
        return x, []
    least, most, white = float(x.min()), float(x.max()), form.white
    given = None if least < 0 or most == 0 else _scale_of(x, most, white)
    if given is not None:
        words = f"multiplied by {white:g}" if given == 1 else f"divided by {given / white:g}"
        note = f"{where}: values up to {given:g} were {words}, as the network learned from"
        return _rescaled(x, given, white), [f"{note} values up to {white:g}"]
    if x.ndim == 4 and (least < 0 or most > 2 * white):
        learned = f"the network learned from values from 0 to {white:g}"
        return x, [f"{where}: values from {least:g} to {most:g} are taken as they are; {learned}"]
    return x, []


def _scale_of(x: np.ndarray, most: float, white: float) -> float | None:
    """Return the largest value that the numbers can have, if it is surely not that of training."""
    pixels, whole = x.ndim == 4, x.dtype.kind in "iu"
    if white > 1 and x.dtype.kind in "bf":
        unit = most <= 1 + SLIGHT and (pixels or not _all_whole(x))
        return 1 if unit else None
    if white == 1 and (x.dtype == np.uint8 or (pixels and (whole or _all_whole(x)))):
        return None if most <= 1 else BYTE if most <= BYTE else SHORT if most <= SHORT else None
    return SHORT if white == BYTE and pixels and whole and BYTE < most <= SHORT else None


def _all_whole(x: np.ndarray) -> bool:
    return bool((x == np.rint(x)).all())


def _rescaled(x: np.ndarray, given: float, white: float) -> np.ndarray:
    """Return the numbers on another scale: the bytes themselves, where these come out."""
    scaled = np.multiply(x, np.float32(white), dtype=np.float32)
    scaled /= np.float32(given)
    if given == 1 and white <= BYTE:
        near = np.rint(scaled)
        if np.abs(scaled - near).max() < WHOLE:
            return near.astype(np.uint8)
    return scaled
