"""Read arrays from `.npy` and `.npz` files: checked before they are unpacked, never unpickled."""

import math
import sys
from collections.abc import Callable
from os import PathLike
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from jaxmlp.data.readers import existing_file, report_read_errors
from jaxmlp.errors import InputError
from jaxmlp.memory import check_memory

ARRAY_SUFFIXES = (".npy", ".npz")
ZIP_STARTS = (b"PK\3\4", b"PK\5\6")  # the second of an archive without members


def read_arrays(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Read a `.npy` or `.npz` file without unpickling anything.

    The sizes that the file declares are checked before memory is taken.

    Args:
      path: the file. Its first bytes tell which of the two it is.

    Returns:
      The arrays by name, in the byte order of the machine; the array of a `.npy` file is called
      `x`. Files in a `.npz` file that are no arrays are left out.

    Raises:
      InputError: if the file is missing, empty or damaged, holds pickled objects, is encrypted or
        packed in another way than NumPy packs, or needs more memory than `check_memory` allows.
    """
    path = existing_file(path)
    packed = path.stat().st_size
    with report_read_errors(path, "NumPy arrays"), path.open("rb") as file:
        if file.read(4) not in ZIP_STARTS:
            check_memory(packed, f"{path} holds", packed)
            return {"x": _read_array(lambda: path.open("rb"), packed, str(path))}
        with ZipFile(file) as archive:
            members = [one for one in archive.infolist() if one.filename.endswith(".npy")]
            size = sum(one.file_size for one in members)
            check_memory(size, f"{path} unpacks to", packed)
            return {
                one.filename.removesuffix(".npy"): _read_member(archive, one, str(path))
                for one in members
            }


def _read_member(archive: ZipFile, member: ZipInfo, where: str) -> np.ndarray:
    name = member.filename.removesuffix(".npy")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise InputError(
            f"{where}: {name}: expected an array that is stored or deflated, as NumPy does, got "
            f"compression method {member.compress_type}"
        )
    return _read_array(lambda: archive.open(member), member.file_size, f"{where}: {name}")


def _read_array(open_file: Callable[[], IO[bytes]], size: int, where: str) -> np.ndarray:
    """Read an array whose shape and type, as its header has them, fill the rest of the file."""
    with open_file() as file:
        shape, dtype = _read_header(file)
        count, left = math.prod(shape), size - file.tell()
        fits = min(shape, default=0) >= 0 and dtype.itemsize > 0 and count * dtype.itemsize == left
        if not dtype.hasobject and not fits:
            raise InputError(
                f"{where}: expected as many bytes as {dtype} of shape {shape} takes, got {left}"
            )
    with open_file() as file:
        return _native(np.lib.format.read_array(file, allow_pickle=False), where)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and type of the array that begins here."""
    version = np.lib.format.read_magic(file)
    old = version == (1, 0)
    header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    return shape, dtype


def read_headers(path: str | PathLike[str]) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Read shapes and types of the arrays of a `.npy` or `.npz` file, and not the arrays.

    Args:
      path: the file.

    Returns:
      Shape and type by name; the array of a `.npy` file is called `x`.

    Raises:
      InputError: if the file is missing, empty or damaged.
    """
    path = existing_file(path)
    with report_read_errors(path, "NumPy arrays"), path.open("rb") as file:
        if file.read(4) not in ZIP_STARTS:
            file.seek(0)
            return {"x": _read_header(file)}
        found = {}
        with ZipFile(file) as archive:
            for one in archive.infolist():
                if one.filename.endswith(".npy"):
                    with archive.open(one) as member:
                        found[one.filename.removesuffix(".npy")] = _read_header(member)
        return found


def _native(array: np.ndarray, where: str) -> np.ndarray:
    """Return an array in the byte order of the machine, with no longer floats than float64."""
    if array.dtype.kind == "U" and array.size:
        codes = np.unique(np.ascontiguousarray(array).view(array.dtype.byteorder + "u4"))
        if codes[-1] > sys.maxunicode or ((codes >= 0xD800) & (codes < 0xE000)).any():
            raise InputError(f"{where}: expected text, got numbers that stand for no letters")
    if array.dtype == np.longdouble:
        with np.errstate(over="ignore"):  # infinity is refused where the numbers are used
            return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
