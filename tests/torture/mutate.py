"""Damage small good files by a seeded generator, as disks, networks and malice do."""

import gzip
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

HUGE = (-1, 0, 1, 0x7F, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1)
TEXTS = (
    b"nan",
    b"-inf",
    b"1e999",
    b"9" * 400,
    b'"',
    b"\r",
    b"\n\n",
    b"\0",
    b",,",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"=1+1",
    b"\x1b[31m",
    b"(" * 300,
    b"-" * 9,
)


def mutations(content: bytes, rng: np.random.Generator) -> bytes:
    """Return the content with one to four changes.

    Args:
      content: the bytes of a good file.
      rng: the source of all choices; the same generator makes the same file.

    Returns:
      The bytes of a file that is most often damaged, and now and then still good.
    """
    data = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        CHANGES[rng.integers(len(CHANGES))](data, rng)
    return bytes(data)


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Return a place in the file; sizes and types stand at its beginning and end."""
    near = int(rng.integers(0, min(64, len(data)) + 1))
    return (int(rng.integers(0, len(data) + 1)), near, len(data) - near)[rng.integers(3)]


def _slice(data: bytearray, rng: np.random.Generator) -> slice:
    start = _place(data, rng)
    return slice(start, start + int(rng.integers(1, 2 ** rng.integers(1, 8))))


def _flip(data: bytearray, rng: np.random.Generator) -> None:
    if (place := _place(data, rng)) < len(data):
        data[place] ^= 1 << int(rng.integers(8))


def _set(data: bytearray, rng: np.random.Generator) -> None:
    if (place := _place(data, rng)) < len(data):
        data[place] = int(rng.integers(256))


def _cut_end(data: bytearray, rng: np.random.Generator) -> None:
    del data[_place(data, rng) :]


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[_slice(data, rng)]


def _insert(data: bytearray, rng: np.random.Generator) -> None:
    place = _place(data, rng)
    data[place:place] = rng.bytes(int(rng.integers(1, 40)))


def _insert_text(data: bytearray, rng: np.random.Generator) -> None:
    place = _place(data, rng)
    data[place:place] = TEXTS[rng.integers(len(TEXTS))]


def _repeat(data: bytearray, rng: np.random.Generator) -> None:
    place, part = _place(data, rng), data[_slice(data, rng)]
    data[place:place] = part * int(rng.integers(1, 5))


def _swap(data: bytearray, rng: np.random.Generator) -> None:
    first, second = _slice(data, rng), _slice(data, rng)
    data[first], data[second] = data[second], data[first]


def _number(data: bytearray, rng: np.random.Generator) -> None:
    """Write a number that no size can be, in any width and order of bytes."""
    width, order = int(rng.choice([1, 2, 4, 8])), ("little", "big")[rng.integers(2)]
    number = HUGE[rng.integers(len(HUGE))] % 2 ** (8 * width)
    place = _place(data, rng)
    data[place : place + width] = number.to_bytes(width, order)


def _digits(data: bytearray, rng: np.random.Generator) -> None:
    """Write such a number in place of digits."""
    if found := list(re.finditer(rb"\d+", data)):
        chosen = found[rng.integers(len(found))]
        data[slice(*chosen.span())] = str(HUGE[rng.integers(len(HUGE))]).encode()


CHANGES: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    *(_flip, _set, _cut_end, _cut, _insert, _insert_text, _repeat, _swap, _number, _number),
    _digits,
)


def inside_gzip(content: bytes, rng: np.random.Generator) -> bytes:
    """Change what is packed, and pack it with the right checksum."""
    return gzip.compress(mutations(gzip.decompress(content), rng))


def inside_zip(content: bytes, rng: np.random.Generator) -> bytes:
    """Change one member of an archive, and pack it with the right checksum."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        members = old.namelist()
        chosen = members[rng.integers(len(members))]
        for name in members:
            data = old.read(name)
            new.writestr(name, mutations(data, rng) if name == chosen else data)
    return changed.getvalue()


def inside_png(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a chunk of a PNG picture, or what it packs, with the right length and checksum."""
    chunks, place = [], 8
    while place < len(content):
        length = struct.unpack(">I", content[place : place + 4])[0]
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    chosen = int(rng.integers(len(chunks)))
    kind, data = chunks[chosen]
    if kind == b"IDAT" and rng.integers(2):
        data = zlib.compress(mutations(zlib.decompress(data), rng))
    else:
        data = mutations(data, rng)
    chunks[chosen] = kind, data
    parts = [content[:8]]
    for kind, data in chunks:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        parts += [struct.pack(">I", len(data)), kind, data, checksum]
    return b"".join(parts)
