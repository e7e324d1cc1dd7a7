"""Shards of arrays: `.npy` files in pairs, or `.npz` files."""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from jaxmlp.data.array_files import read_arrays, read_headers
from jaxmlp.data.array_sets import Role, roles_of_arrays
from jaxmlp.data.readers import existing_file, report_read_errors
from jaxmlp.data.shards import MOST, Block, checksum_of
from jaxmlp.errors import InputError, listed

BLOCK = 1 << 22  # bytes of a block of a `.npy` file


class ArrayShards:
    """Arrays in `.npy` files in pairs, or in `.npz` files.

    Attributes:
      name: what the user calls them.
      pairs: the files with inputs and with targets; the same file twice for a `.npz` file.
      blocks: all blocks, in the order of the files.
      shape: of one example as it is stored.
      dtype: of the inputs as they are stored.
    """

    def __init__(
        self, name: str, pairs: Sequence[tuple[Path, Path]], test: Sequence[tuple[Path, Path]] = ()
    ) -> None:
        """Look at the header of each file.

        Args:
          name: what the user calls them.
          pairs: the files with inputs, and with their targets.
          test: those of the test part.

        Raises:
          InputError: if a file is damaged, inputs and targets differ in number, or shards differ in
            type or shape.
        """
        self.name, self.pairs = name, [*pairs, *test]
        self.blocks: list[Block] = []
        self.unpacked = 0
        for number, (x_file, y_file) in enumerate(self.pairs):
            (shape, dtype), (targets, y_dtype) = _headers(x_file, y_file)
            counts = [int(sizes[0]) if sizes else 0 for sizes in (shape, targets)]
            if counts[0] != counts[1]:
                raise InputError(f"{y_file}: expected {counts[0]} targets, got {counts[1]}")
            if number == 0:
                self.shape, self.dtype, self._targets = shape[1:], dtype, (targets[1:], y_dtype)
            first = self.pairs[0]
            _check_like((shape[1:], dtype), (self.shape, self.dtype), x_file, first[0], "an input")
            _check_like((targets[1:], y_dtype), self._targets, y_file, first[1], "a target")
            row = max(1, math.prod(shape[1:]) * dtype.itemsize)
            self.unpacked += shape[0] * row
            many = shape[0] if _is_packed(x_file) else max(1, min(MOST, BLOCK // row))
            own = number >= len(pairs)
            self.blocks += [
                Block(number, (start,), min(many, shape[0] - start), own)
                for start in range(0, shape[0], many)
            ]

    def pieces(
        self, block: Block, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[Any, np.ndarray]]:
        """Read a block.

        Args:
          block: one of `blocks`.
          columns: `("y",)` for only the targets; `None` for all.

        Yields:
          Inputs and targets; `None` for inputs that were not asked for.

        Raises:
          InputError: if a file is damaged.
        """
        x_file, y_file = self.pairs[block.shard]
        if _is_packed(x_file):
            arrays = read_arrays(x_file)
            x, y = _names_in(arrays, x_file)
            yield (arrays[x] if columns is None else None), arrays[y]
            return
        rows = slice(block.groups[0], block.groups[0] + block.rows)
        x_rows = _mapped(x_file, rows) if columns is None else None
        yield x_rows, _mapped(y_file, rows)

    def where(self, block: Block) -> str:
        """Return what a message calls a block."""
        x_file = self.pairs[block.shard][0]
        first = block.groups[0]
        return f"{x_file}, rows {first} to {first + block.rows - 1}"

    @cached_property
    def checksum(self) -> str:
        """A checksum of the files' names, sizes, headers and ends."""
        return checksum_of([file for pair in self.pairs for file in dict.fromkeys(pair)])


def _headers(x_file: Path, y_file: Path) -> tuple[Any, Any]:
    if not _is_packed(x_file):
        for file in (x_file, y_file):
            _mapped(file, slice(0, 0))  # also checks that the file is as long as it says
        return read_headers(x_file)["x"], read_headers(y_file)["x"]
    headers = read_headers(x_file)
    x, y = _names_in(headers, x_file)
    return headers[x], headers[y]


def _names_in(arrays: Any, file: Path) -> tuple[str, str]:
    """Return the names of inputs and targets in a `.npz` file."""
    roles = roles_of_arrays(arrays)
    found = [roles.get(Role("whole", kind), roles.get(Role("train", kind))) for kind in "xy"]
    if None in found or any(role.part == "test" for role in roles):
        raise InputError(f"{file}: expected the arrays x and y, got {listed([*arrays], 5)}")
    return str(found[0]), str(found[1])


def _is_packed(file: Path) -> bool:
    return file.suffix.lower() == ".npz"


def _mapped(file: Path, rows: slice) -> np.ndarray:
    """Return some rows of a `.npy` file; the map is given back at once, with its pages."""
    with report_read_errors(existing_file(file), "NumPy arrays"):
        found = np.array(np.load(file, mmap_mode="r", allow_pickle=False)[rows])
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _check_like(own: Any, first: Any, file: Path, first_file: Path, what: str) -> None:
    if own != first:
        (shape, dtype), (known_shape, known_dtype) = own, first
        raise InputError(
            f"{file}: expected {what} like {first_file}, {known_dtype} of shape {known_shape}, got"
            f" {dtype} of shape {shape}"
        )
