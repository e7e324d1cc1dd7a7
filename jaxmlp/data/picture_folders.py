"""Load a folder of pictures: a subfolder for each class, and maybe `train/` and `test/` above them.

The pictures get one size. If all have the same, it is kept. Else it is the median height and width,
made smaller until neither side is above 64 pixels, or what the user asks for. Each picture keeps
its aspect, and the rest is filled in the colour of its border.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.data.array_sets import dataset_from_arrays
from jaxmlp.data.dataset import Dataset, classification_task, make_dataset
from jaxmlp.data.picture_files import Found, find_pictures
from jaxmlp.data.picture_form import BYTE, PictureForm
from jaxmlp.data.pictures import notes_of, picture_size, read_picture
from jaxmlp.data.table_options import TableOptions
from jaxmlp.errors import InputError, listed
from jaxmlp.memory import check_memory

LARGEST = 64  # pixels, of a side that is chosen for pictures of different sizes
GREY = 8  # the channels of a grey pixel differ by no more, as JPEG keeps them
THREADS = 8
ALL = "all pictures are the test part"  # of how pictures to judge a network on are split

Shape = tuple[int, ...]


class PictureReading(NamedTuple):
    """How a trained network has pictures read that it is judged on.

    Attributes:
      shape: of an example.
      form: of the pictures that it learned from.
      classes: the names of its classes.
    """

    shape: Shape
    form: PictureForm
    classes: tuple[str, ...]


def load_picture_folder(
    path: Path,
    options: TableOptions,
    size: int | None = None,
    reading: PictureReading | None = None,
) -> Dataset:
    """Load the pictures of a folder, each in the class that its subfolder is named after.

    Args:
      path: the folder.
      options: the size of the test part.
      size: the height and width of an example; `None` for the pictures' own size, or their median.
      reading: of a network that is judged; all pictures are its test part, or those of `test/`.

    Returns:
      The data set: images `uint8` `(N, H, W, 1)` if every picture is grey, else `(N, H, W, 3)`.
      Without a folder `test/` or `val/` a fifth is held out.

    Raises:
      InputError: if there are no class folders, a file is not readable as a picture, a class of the
        test part is not among those of the training part, or the images need more memory than
        `check_memory` allows.
    """
    found = find_pictures(path)
    provenance: dict[str, Any] = {"source": "folder", "version": None, "files": [str(path)]}
    if reading is not None:
        return _as_test_part(path, found, reading, provenance)
    names = {name for part in found.parts.values() for name, _ in part}
    if len(names) < 2:
        raise InputError(f"{path}: expected at least two class folders, got only {min(names)!r}")
    files = [file for part in found.parts.values() for _, file in part]
    shape, words = _choose_shape(files, size)
    x = _grey_if_all_are(_read_all(files, shape, PictureForm())[0])
    kind = "grey" if x.shape[-1] == 1 else "in colour"
    arrays, end = {}, 0
    for part, pairs in found.parts.items():
        start, end = end, end + len(pairs)
        suffix = "" if part == "whole" else f"_{part}"
        arrays[f"x{suffix}"] = x[start:end]
        arrays[f"y{suffix}"] = np.array([label for label, _ in pairs])
    dataset = dataset_from_arrays(arrays, str(path), provenance, options)
    others = dataset.provenance.get("decisions", [])
    notes = [f"{len(files):,} pictures, {kind}: {words}", *found.notes, *others]
    dataset.provenance["decisions"] = notes
    return dataset


def _as_test_part(
    path: Path, found: Found, reading: PictureReading, provenance: dict[str, Any]
) -> Dataset:
    """Return the pictures as a network reads new ones, all in the test part."""
    chosen = [found.parts["test"]] if "test" in found.parts else found.parts.values()
    pairs = [pair for one in chosen for pair in one]
    known = {name: label for label, name in enumerate(reading.classes)}
    strange = sorted({name for name, _ in pairs} - known.keys())
    if strange:
        raise InputError(
            f"{path}: expected folders named after the network's classes, "
            f"{listed(reading.classes, 20)}; got {listed(strange, 8)}"
        )
    x, notes = _read_all([file for _, file in pairs], reading.shape, reading.form)
    y = np.array([known[name] for name, _ in pairs], np.int32)
    provenance |= {"decisions": [*found.notes, *notes]} if found.notes or notes else {}
    return make_dataset(
        str(path),
        (x, y, x, y),
        classification_task(reading.classes),
        reading.classes,
        split="as given" if "test" in found.parts else ALL,
        **provenance,
    )


def _choose_shape(files: Sequence[Path], size: int | None) -> tuple[Shape, str]:
    """Return the shape that all pictures get, in colour, and how it was chosen in words."""
    sizes = np.array(_in_threads(picture_size, files))
    low, high = sizes.min(axis=0), sizes.max(axis=0)
    if size is not None:
        shape = (size, size, 3)
    elif (low == high).all():
        return (*map(int, low), 3), f"all of {low[0]} x {low[1]} pixels"
    else:
        middle = np.median(sizes, axis=0)
        middle *= min(1, LARGEST / middle.max())
        height, width = np.maximum(1, np.rint(middle).astype(int))
        shape = (int(height), int(width), 3)
    words = f"fitted into {shape[0]} x {shape[1]} pixels, with their aspect kept"
    ends = dict.fromkeys(f"{height} x {width}" for height, width in (low, high))
    return shape, f"{words}; they have {' to '.join(ends)}"


def _read_all(files: Sequence[Path], shape: Shape, form: PictureForm) -> Any:
    """Return the pictures as one array, and the lines about changes to them."""
    count, size = len(files), int(np.prod(shape))
    each = 1 if 1 < form.white <= BYTE else 4
    check_memory(count * size * each * 2, f"{count:,} pictures of shape {shape} take")
    read = _in_threads(lambda file: read_picture(file, shape, form), files)
    x = np.concatenate([image for image, _ in read])
    return x, notes_of([notes for _, notes in read], files)


def _in_threads(work: Callable[[Path], Any], files: Sequence[Path]) -> list[Any]:
    """Do the work for every file, several at a time; the first error in their order is raised."""
    from concurrent.futures import ThreadPoolExecutor

    with warnings.catch_warnings(), ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        try:
            return list(pool.map(work, files))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _grey_if_all_are(x: np.ndarray) -> np.ndarray:
    """Return images with one channel, if the three channels of every image are nearly the same."""
    from PIL import Image

    if any(int(np.ptp(image, axis=-1).max()) > GREY for image in x):
        return x
    grey = [np.asarray(Image.fromarray(image).convert("L")) for image in x]
    return np.stack(grey)[..., np.newaxis]
