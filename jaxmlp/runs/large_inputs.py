"""What a network answers to inputs that are larger than memory: piece by piece, into one file."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmlp.data import Inputs
from jaxmlp.data.array_shards import mapped_rows
from jaxmlp.data.inputs import encode_rows
from jaxmlp.data.picture_form import batch_of_examples
from jaxmlp.data.shard_folders import shard_files
from jaxmlp.data.shards import TableShards
from jaxmlp.errors import InputError
from jaxmlp.files import filled_aside
from jaxmlp.memory import memory_allowed
from jaxmlp.runs.answers import Answers
from jaxmlp.runs.network import Network

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 8192  # of an array that are answered at once


def large_files(path: str) -> list[Path]:
    """Return the shards in a folder, or a file that is larger than the memory allowed.

    Args:
      path: what a user names as an input.

    Returns:
      The files in the order of their names; none for any other input.
    """
    files = shard_files(Path(path))
    if not files or Path(path).is_dir():
        return files
    size = files[0].stat().st_size
    if files[0].suffix.lower() == ".parquet":
        size = TableShards(path, files).unpacked
    return files if size > memory_allowed() else []


def pieces_of(network: Network, files: list[Path]) -> Iterator[Inputs]:
    """Read shards as inputs of a network.

    Args:
      network: the network.
      files: Parquet tables, or arrays; of `x*.npy` and other arrays only the former are inputs.

    Yields:
      The inputs, some thousands at a time, each with the name of its file and its row there.

    Raises:
      InputError: if a file is damaged, or does not hold such inputs.
    """
    signature = network.signature
    tables = [file for file in files if file.suffix.lower() == ".parquet"]
    if tables:
        shards = TableShards(str(tables[0].parent), tables)
        starts = dict.fromkeys(range(len(tables)), 0)
        for block in shards.blocks:
            where = str(shards.files[block.shard])
            for rows in shards.pieces(block):
                found = encode_rows(rows, signature.input_shape, signature.columns, where)
                first = starts[block.shard] + 1
                names = [f"{where} row {i}" for i in range(first, first + len(rows))]
                starts[block.shard] += len(rows)
                yield Inputs(found.x.reshape(-1, *signature.input_shape), names, found.notes, rows)
    arrays = [file for file in files if file not in tables]
    own = [file for file in arrays if file.name.lower().startswith("x")]
    for file in own or arrays:
        if file.suffix.lower() == ".npz":
            inputs = network.read(file)
            yield inputs._replace(names=[f"{file} {name}" for name in inputs.names])
            continue
        start = 0
        while len(x := mapped_rows(file, slice(start, start + ROWS))):
            shape, form = signature.input_shape, signature.pictures
            taken, notes = batch_of_examples(x, shape, str(file), form)
            yield Inputs(taken, [f"{file} row {start + i}" for i in range(len(taken))], notes)
            start += len(x)


def write_answers(found: Iterator[Answers], path: Path) -> int:
    """Write answers as a table, piece by piece; nothing is there before all are.

    Args:
      found: the answers to some inputs after the other; all with the same columns.
      path: a `.csv` or a `.parquet` file.

    Returns:
      The number of rows.

    Raises:
      InputError: if the inputs have different columns.
      OSError: if the file cannot be written.
    """
    rows, writer = 0, None
    schema: Any = None
    with filled_aside(path) as sink:
        try:
            for answers in found:
                table = answers.table()
                if writer is None:
                    schema = table.schema
                    writer = _writer(sink, schema, path)
                if table.column_names != schema.names:
                    raise InputError(f"{answers.names[0]}: expected the columns of the first input")
                writer.write_table(table.cast(schema))
                rows += len(table)
        finally:
            if writer is not None:
                writer.close()
    return rows


def _writer(sink: Any, schema: "pa.Schema", path: Path) -> Any:
    import pyarrow.csv
    import pyarrow.parquet

    if path.suffix.lower() == ".csv":
        return pyarrow.csv.CSVWriter(sink, schema)
    return pyarrow.parquet.ParquetWriter(sink, schema)
