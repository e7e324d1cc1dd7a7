"""The IDX format, in which MNIST is published: a short header, then the bytes of an array.

An IDX file is `0 0 type ndim`, one byte each, then `ndim` sizes as big-endian 32-bit integers, then
the elements in C order. Type 8 is the unsigned byte, the only one that these sets use.
"""

import gzip
import math
import struct
import zlib
from os import PathLike
from pathlib import Path

import numpy as np

from jaxmlp.data.arrays import check_labels
from jaxmlp.data.readers import existing_file, report_read_errors
from jaxmlp.errors import InputError

FILE_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
GZIP = b"\x1f\x8b"
UNSIGNED_BYTE = b"\0\0\x08"

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def read_idx(path: str | PathLike[str]) -> np.ndarray:
    """Read an array of unsigned bytes from an IDX file, gzipped or not.

    Args:
      path: the file. Its first two bytes tell whether it is gzipped.

    Returns:
      A read-only `uint8` array of the shape that the file declares.

    Raises:
      InputError: if the file is missing or empty, its gzip stream is damaged, it does not begin as
        an IDX file of unsigned bytes, or its length does not fit its sizes.
    """
    path = existing_file(path)
    with report_read_errors(path, "an IDX file", EOFError, zlib.error):
        content = path.read_bytes()
        if content.startswith(GZIP):
            content = gzip.decompress(content)
    start = 4 + 4 * content[3] if len(content) > 3 else 4
    if not content.startswith(UNSIGNED_BYTE) or len(content) < start:
        raise InputError(
            f"{path}: expected an IDX file of unsigned bytes (00 00 08, number of axes, sizes), "
            f"got {len(content)} bytes that begin with {content[:4].hex(' ') or 'nothing'}"
        )
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    expected, got = math.prod(shape), len(content) - start
    if got != expected:
        raise InputError(f"{path}: expected {expected} bytes of data for shape {shape}, got {got}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def idx_paths(folder: Path) -> list[Path]:
    """List the paths of the four files in a folder.

    Args:
      folder: the folder.

    Returns:
      The paths, in the order of `FILE_NAMES`; a file that is not there is listed with `.gz`.
    """
    plain = [folder / name for name in FILE_NAMES]
    return [path if path.is_file() else path.with_name(f"{path.name}.gz") for path in plain]


def missing_files(folder: Path) -> list[str]:
    """List the files that a folder lacks.

    Args:
      folder: the folder.

    Returns:
      Those of `FILE_NAMES` that are not in the folder, neither plain nor gzipped.
    """
    return [path.stem for path in idx_paths(folder) if not path.is_file()]


def load_idx_folder(folder: str | PathLike[str], classes: int = 10) -> Arrays:
    """Load the four files of a set published in the format of MNIST (lecture row E11).

    Args:
      folder: holds the files of `FILE_NAMES`, each plain or gzipped with `.gz` appended.
      classes: the number of classes.

    Returns:
      `x_train, y_train, x_test, y_test`: images `uint8` `(N, H, W, 1)` and labels `int32` `(N,)`.

    Raises:
      InputError: if a file is missing or damaged, images and labels are exchanged, a label is
        outside `[0, classes)`, or images and labels differ in number.
    """
    folder = Path(folder)
    if gone := missing_files(folder):
        raise InputError(
            f"{folder}: expected the files {', '.join(gone)} (plain or .gz), got no such file"
        )
    x_train, y_train, x_test, y_test = idx_paths(folder)
    return (*_read_examples(x_train, y_train, classes), *_read_examples(x_test, y_test, classes))


def _read_examples(images: Path, labels: Path, classes: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = _read_array(images, 3, "images (N, H, W)"), _read_array(labels, 1, "labels (N,)")
    if len(x) != len(y):
        raise InputError(
            f"{labels}: expected {len(x)} labels, one for each image of {images}, got {len(y)}"
        )
    check_labels(y, classes, str(labels))
    return x[..., np.newaxis], y.astype(np.int32)


def _read_array(path: Path, ndim: int, what: str) -> np.ndarray:
    array = read_idx(path)
    if array.ndim != ndim:
        raise InputError(f"{path}: expected {what}, got an array of shape {array.shape}")
    return array
