"""Read thousands of damaged files: `python -m tests.torture.files --count 10000`.

Every file must be read, or refused by one line that can be printed. The command prints figures and
ends with status 1 if one is not.
"""

import argparse
import collections
import gzip
import io
import resource
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from jaxmlp.data import PictureForm, load, read_inputs
from jaxmlp.data.idx import read_idx
from jaxmlp.errors import InputError
from tests.torture.mutate import inside_gzip, inside_png, inside_zip, mutations

SECONDS = 10  # after which reading counts as hanging
GROWTH = 1 << 20  # KiB of memory that one file may take

Mutate = Callable[[bytes, np.random.Generator], bytes]


class Kind(NamedTuple):
    """A kind of file: how it is read, how it is spoilt, and good ones."""

    suffix: str
    read: Callable[[Path], Any]
    mutate: Mutate
    good: list[bytes]


class Hanging(BaseException):
    """The error for a file that takes too long; no reader may take it for a damaged file."""


class Figures(NamedTuple):
    """What came out of many files."""

    inputs: int
    read: int
    wrong: list[str]
    slowest: tuple[float, str]
    growth: tuple[int, str]


def kinds() -> dict[str, Kind]:
    """Return the kinds of files by name."""
    arrays, tables = _arrays(), _tables()
    png = [_picture("PNG", mode) for mode in ("L", "P", "RGBA", "I;16", "1")]
    zipped = [_npz(np.savez), _npz(np.savez_compressed)]
    idx = bytes([0, 0, 8, 3]) + struct.pack(">3I", 5, 3, 4) + bytes(range(60))
    others = [_picture(form, "RGB") for form in ("GIF", "BMP", "TIFF", "WEBP")]
    return {
        "npy": Kind(".npy", lambda path: read_inputs(path, (2,)), mutations, arrays),
        "npz": Kind(".npz", lambda path: load(str(path)), mutations, zipped),
        "npz, inside": Kind(".npz", lambda path: load(str(path)), inside_zip, zipped),
        "csv": Kind(
            ".csv", lambda path: load(str(path)), mutations, [HEADER + ROWS, HEADER + 3 * ROWS]
        ),
        "parquet": Kind(".parquet", lambda path: load(str(path)), mutations, tables),
        "idx": Kind("", read_idx, mutations, [idx]),
        "idx.gz": Kind(".gz", read_idx, mutations, [gzip.compress(idx)]),
        "idx.gz, inside": Kind(".gz", read_idx, inside_gzip, [gzip.compress(idx)]),
        "png": Kind(".png", _read_picture, mutations, png),
        "png, inside": Kind(".png", _read_picture, inside_png, png),
        "jpeg": Kind(".jpg", _read_picture, mutations, [_picture("JPEG", m) for m in JPEG_MODES]),
        "other pictures": Kind(".png", _read_picture, mutations, others),
    }


HEADER = b"age,colour,smoker,label\n"
ROWS = b"""31,red,true,yes
42,green,false,no
53.5,red,false,yes
64,"a b",true,no
75,green,true,no
-1e3,blue,false,yes
"""
JPEG_MODES = ("L", "RGB", "CMYK")


def _read_picture(path: Path) -> Any:
    return read_inputs(path, (9, 8, 1), form=PictureForm("dark"))


def _arrays() -> list[bytes]:
    numbers = np.arange(12).reshape(6, 2)
    kinds = ("<f4", ">f8", "u1", "<i8", "?", "<f2", "<c8", "<U3", "S4", "<M8[s]")
    arrays = [numbers.astype(kind) for kind in kinds]
    return [_saved(np.save, array) for array in (*arrays, np.asfortranarray(numbers / 3))]


def _npz(save: Callable[..., None]) -> bytes:
    numbers = np.arange(24).reshape(12, 2)
    return _saved(save, x=numbers / 7, y=np.array(["cat", "dog", "eel"])[np.arange(12) % 3])


def _saved(save: Callable[..., None], *arrays: Any, **named: Any) -> bytes:
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def _tables() -> list[bytes]:
    rows = 40
    table = pa.table(
        {
            "a": np.arange(rows) / 3,
            "b": pa.array(["red", "green"] * (rows // 2)).dictionary_encode(),
            "c": pa.array(["x", "y", "z", "w"] * (rows // 4)),
            "d": np.arange(rows).astype(np.uint64),
            "y": np.arange(rows) % 2 == 0,
        }
    )
    many: list[dict[str, Any]] = [
        {"compression": "snappy"},
        {"compression": "none", "use_dictionary": False, "row_group_size": 9},
        {"compression": "zstd", "data_page_version": "2.0", "write_page_index": True},
    ]
    files = []
    for options in many:
        file = io.BytesIO()
        pq.write_table(table, file, **options)
        files.append(file.getvalue())
    return files


def _picture(form: str, mode: str) -> bytes:
    pixels = (np.arange(18 * 14).reshape(18, 14) % 251).astype(np.uint8)
    wide = mode == "I;16"
    picture = Image.fromarray(pixels.astype(np.uint16) * 200 if wide else pixels)
    picture = picture if wide else picture.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, form, **({"exif": exif} if form in ("PNG", "JPEG", "WEBP") else {}))
    return file.getvalue()


def damaged(count: int, seed: int) -> Iterator[tuple[str, Kind, bytes]]:
    """Yield damaged files of all kinds in turn, the same for the same seed."""
    known = kinds()
    for number in range(count):
        name = list(known)[number % len(known)]
        rng = np.random.default_rng([seed, number])
        good = known[name].good
        yield name, known[name], known[name].mutate(good[rng.integers(len(good))], rng)


def read_all(count: int, seed: int, folder: Path, keep: Path | None = None) -> Figures:
    """Read damaged files in this process.

    Args:
      count: the number of files.
      seed: of the damage.
      folder: where each file is written; the last one is left there if the process breaks down.
      keep: where the files that went wrong are copied, or `None`.

    Returns:
      The figures.
    """
    signal.signal(signal.SIGALRM, _hang)
    read, wrong, slowest, most = 0, [], (0.0, ""), (0, "")
    for number, (name, kind, content) in enumerate(damaged(count, seed)):
        path = folder / f"input{kind.suffix}"
        path.write_bytes(content)
        about = f"{name} number {number} of seed {seed}"
        before, began = _peak(), time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            kind.read(path)
            read, fault = read + 1, ""
        except InputError as error:
            fault = _fault_of(str(error), path)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            fault = f"{type(error).__name__}: {error}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        grown = _peak() - before
        slowest = max(slowest, (time.perf_counter() - began, about))
        most = max(most, (grown, about))
        if grown > GROWTH:
            fault = fault or f"took {grown >> 10} MiB"
        if fault:
            wrong.append(f"{about}: {fault}")
            if keep is not None:
                (keep / f"{seed}-{number}{kind.suffix}").write_bytes(content)
    return Figures(count, read, wrong, slowest, most)


def _fault_of(message: str, path: Path) -> str:
    """Return what is wrong with a message, or ""."""
    if str(path) not in message:
        return f"the message does not name the file: {message}"
    if len(message) > 500 or not message.isprintable():
        return f"the message is long or cannot be printed: {message!r}"
    return ""


def _hang(*_: object) -> None:
    raise Hanging(f"reads for more than {SECONDS} s")


def _peak() -> int:
    """Return the most memory that this process has had, in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def main(arguments: list[str] | None = None) -> int:
    """Read damaged files, print the figures, and return 1 if one of them went wrong."""
    parser = argparse.ArgumentParser(description="Read damaged files.")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that went wrong")
    options = parser.parse_args(arguments)
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        figures = read_all(options.count, options.seed, Path(folder), options.keep)
    kinds_of_fault = collections.Counter(fault.split(": ", 1)[1] for fault in figures.wrong)
    for fault in figures.wrong[:20]:
        print(fault)
    print(f"inputs {figures.inputs}  read {figures.read}  wrong {len(figures.wrong)}", end="  ")
    print(f"kinds of fault {len(kinds_of_fault)}")
    print(f"slowest {figures.slowest[0]:.2f} s ({figures.slowest[1]})")
    print(f"largest memory growth {figures.growth[0] / 1024:.0f} MiB ({figures.growth[1]})")
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
