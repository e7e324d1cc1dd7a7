"""Shards of data that may be larger than memory: their blocks, and those of Parquet files.

A block is what is read in one go: some row groups of a Parquet file, a few megabytes of a `.npy`
file, a `.npz` file.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxmlp.data.readers import existing_file, plain_table, report_read_errors
from jaxmlp.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = 1 << 24  # bytes of float64 numbers that are decoded at once
FEWEST, MOST = 256, 65_536  # rows that are decoded at once
LEAST_BLOCK = 4096  # rows; smaller row groups are read together
ENDS = 1 << 16  # bytes at both ends of a file that its checksum is made of


class Block(NamedTuple):
    """What is read in one go.

    Attributes:
      shard: the number of its file.
      groups: the row groups of a Parquet file; else the first row.
      rows: the number of its rows.
      test: whether its rows are test rows.
    """

    shard: int
    groups: tuple[int, ...]
    rows: int
    test: bool = False


class TableShards:
    """The Parquet files of a table.

    Attributes:
      name: what the user calls them.
      files: the files, those of the test part last.
      blocks: all blocks, in the order of the files.
      schema: names and types of the columns; text of every kind is `string`.
    """

    def __init__(self, name: str, files: Sequence[Path], test: Sequence[Path] = ()) -> None:
        """Look at the footer of each file.

        Args:
          name: what the user calls them.
          files: the files.
          test: the files of the test part.

        Raises:
          InputError: if a file is damaged, or has other columns or types than the first one.
        """
        self.name, self.files = name, [*files, *test]
        self.blocks: list[Block] = []
        self.unpacked = 0  # bytes, as `jaxmlp.data.readers` estimates them
        for number, file in enumerate(self.files):
            meta, schema = _footer(file)
            if number == 0:
                self.schema = schema
            _check_schema(schema, self.schema, file, self.files[0])
            own = number >= len(files)
            self.blocks += [
                Block(number, groups, rows, own) for groups, rows in _joined_groups(meta)
            ]
            sizes = (meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
            self.unpacked += sum(sizes) + meta.num_rows * len(schema) * 8

    def pieces(self, block: Block, columns: Sequence[str] | None = None) -> Iterator["pa.Table"]:
        """Read a block.

        Args:
          block: one of `blocks`.
          columns: the names of the columns to read; `None` for all.

        Yields:
          Its rows in their order, at most 65,536 at a time, with the columns of `schema`.

        Raises:
          InputError: if the file is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = self.files[block.shard]
        fields = [f for f in self.schema if columns is None or f.name in columns]
        rows = max(FEWEST, min(MOST, PIECE // (8 * max(1, len(fields)))))
        names = [field.name for field in fields]
        with report_read_errors(file, "a Parquet table"):
            opened = pq.ParquetFile(file)
            batches = opened.iter_batches(rows, list(block.groups), names)
        with opened:
            while True:
                with report_read_errors(file, "a Parquet table"):
                    batch = next(batches, None)
                    if batch is None:
                        return
                    table = plain_table(pa.Table.from_batches([batch]), str(file))
                    table = table.select(names).cast(pa.schema(fields))
                yield table

    def where(self, block: Block) -> str:
        """Return what a message calls a block."""
        first, last = block.groups[0], block.groups[-1]
        groups = f"row group {first}" if first == last else f"row groups {first} to {last}"
        return f"{self.files[block.shard]}, {groups}"

    def empty(self) -> "pa.Table":
        """Return a table of these columns without rows."""
        return self.schema.empty_table()

    @cached_property
    def checksum(self) -> str:
        """A checksum of the files' names, sizes, footers and heads."""
        return checksum_of(self.files)


def _footer(file: Path) -> tuple[Any, Any]:
    """Return the metadata and the plain schema of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with report_read_errors(existing_file(file), "a Parquet table"):
        with pq.ParquetFile(file) as opened:
            meta, schema = opened.metadata, opened.schema_arrow
        plain = plain_table(schema.empty_table(), str(file)).schema
    return meta, pa.schema([field.with_nullable(True) for field in plain])


def _joined_groups(meta: Any) -> Iterator[tuple[tuple[int, ...], int]]:
    """Go through the row groups of a file, small ones together, each with the number of rows."""
    groups: list[int] = []
    rows = 0
    for i in range(meta.num_row_groups):
        groups.append(i)
        rows += meta.row_group(i).num_rows
        if rows >= LEAST_BLOCK or (i == meta.num_row_groups - 1 and rows):
            yield tuple(groups), rows
            groups, rows = [], 0


def _check_schema(own: Any, first: Any, file: Path, first_file: Path) -> None:
    """Refuse a shard with other columns or types than the first; an empty type fits any."""
    names, known = set(own.names), set(first.names)
    for word, odd in (("no column", known - names), ("also the column", names - known)):
        if odd:
            raise InputError(
                f"{file}: expected the columns of {first_file}, got {word} {min(odd)!r}"
            )
    for field in first:
        kind = own.field(field.name).type
        if kind != field.type and str(kind) != "null":
            raise InputError(
                f"{file}: column {field.name!r}: expected the type {field.type}, as in"
                f" {first_file}, got {kind}"
            )


def checksum_of(files: Sequence[Path]) -> str:
    """Return a checksum of names, sizes and both ends of files: of all of them it would take long.

    The end of a Parquet file tells least, most and number of the values of every column.

    Args:
      files: the files; their order counts.

    Returns:
      64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(ENDS))
            opened.seek(max(0, size - ENDS))
            digest.update(opened.read(ENDS))
    return digest.hexdigest()
