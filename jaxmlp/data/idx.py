"""The IDX format, in which MNIST is published: a short header, then the bytes of an array.

An IDX file is `0 0 type ndim`, one byte each, then `ndim` sizes as big-endian 32-bit integers, then
the elements in C order. Type 8 is the unsigned byte, which nearly all sets use.
"""

import math
import struct
import zlib
from os import PathLike
from pathlib import Path

import numpy as np

from jaxmlp.data.arrays import check_labels
from jaxmlp.data.readers import existing_file, report_read_errors
from jaxmlp.errors import InputError
from jaxmlp.memory import check_memory

FILE_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
GZIP = b"\x1f\x8b"
TYPES = {8: "u1", 9: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_STREAM = 16 + zlib.MAX_WBITS  # zlib's word for it: with a header and a checksum
HEADER = 4 + 4 * 255  # bytes, of a header at most

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def read_idx(path: str | PathLike[str]) -> np.ndarray:
    """Read an array from an IDX file, gzipped or not.

    Args:
      path: the file. Its first two bytes tell whether it is gzipped.

    Returns:
      An array of the type and shape that the file declares; one of bytes is read-only.

    Raises:
      InputError: if the file is missing or empty, its gzip stream is damaged, it does not begin as
        an IDX file, its length does not fit its sizes, or it needs more memory than `check_memory`
        allows.
    """
    path = existing_file(path)
    packed = path.stat().st_size
    check_memory(packed, f"{path} holds", packed)
    with report_read_errors(path, "an IDX file"):
        content = path.read_bytes()
        zipped = content.startswith(GZIP)
        start = zlib.decompressobj(GZIP_STREAM).decompress(content, HEADER) if zipped else content
        shape, dtype = _read_header(start, path)
        begin, expected = 4 + 4 * len(shape), math.prod(shape) * dtype.itemsize
        check_memory(expected, f"{path} unpacks to", packed)
        if zipped:
            content = _unpack(content, begin + expected + 1)  # to see if there is more
        if len(content) != begin + expected:
            more = zipped and len(content) > begin + expected
            got = "more" if more else len(content) - begin
            raise InputError(
                f"{path}: expected {expected} bytes of data for shape {shape}, got {got}"
            )
        array = np.frombuffer(content, dtype, offset=begin).reshape(shape)
        return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(content: bytes, path: Path) -> tuple[tuple[int, ...], np.dtype]:
    start = content[:4]
    ndim = start[3] if len(start) == 4 else 0
    sizes = content[4 : 4 + 4 * ndim]
    known = len(start) == 4 and start[:2] == b"\0\0" and start[2] in TYPES
    if not known or len(sizes) < 4 * ndim:
        raise InputError(
            f"{path}: expected an IDX file (00 00, type, number of axes, sizes), "
            f"got {start.hex(' ') or 'nothing'}{' and a short header' if sizes else ''}"
        )
    return struct.unpack(f">{ndim}I", sizes), np.dtype(TYPES[start[2]])


def _unpack(packed: bytes, most: int) -> bytes:
    """Unpack the members of a gzip file, and stop at so many bytes.

    What the file says of its size is not used. One call unpacks a member: it leaves Python to the
    thread that imports JAX meanwhile.
    """
    parts: list[bytes] = []
    while packed and most:
        stream = zlib.decompressobj(GZIP_STREAM)
        parts.append(stream.decompress(packed, most))
        most -= len(parts[-1])
        if most and not stream.eof:
            raise EOFError("the gzip stream breaks off")
        packed = stream.unused_data.lstrip(b"\0")
    return b"".join(parts)


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
        outside `[0, classes)`, images and labels differ in number, there is no image, or training
        and test images differ in size.
    """
    folder = Path(folder)
    if gone := missing_files(folder):
        raise InputError(
            f"{folder}: expected the files {', '.join(gone)} (plain or .gz), got no such file"
        )
    x_train, y_train, x_test, y_test = idx_paths(folder)
    train = _read_examples(x_train, y_train, classes)
    test = _read_examples(x_test, y_test, classes)
    if train[0].shape[1:] != test[0].shape[1:]:
        sizes = " and ".join(f"{part[0].shape[1]} x {part[0].shape[2]}" for part in (train, test))
        raise InputError(f"{x_test}: expected images of the size of {x_train}, got {sizes}")
    return (*train, *test)


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
    if array.ndim != ndim or array.size == 0 or array.dtype != np.uint8:
        raise InputError(f"{path}: expected {what}, got {array.dtype} of shape {array.shape}")
    return array
