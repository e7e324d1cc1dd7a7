"""Find the shards of data that may be larger than memory.

| data | inputs and targets |
|---|---|
| `FOLDER` with `.parquet` files, or one such file | the columns of a table; `target` names one |
| `FOLDER` with `x*.npy` and `y*.npy` files | arrays in pairs: `x_07.npy` and `y_07.npy` |
| one `x*.npy` file | the file `y*.npy` beside it has the targets |
| `FOLDER` with `.npz` files | the arrays `x` and `y` of each file |

Files called `x_test*.npy` and `y_test*.npy` are the test part. The shards are read in the order of
their names.
"""

import re
from pathlib import Path

from jaxmlp.data.array_shards import ArrayShards
from jaxmlp.data.readers import existing_file
from jaxmlp.data.shards import TableShards
from jaxmlp.errors import InputError, listed

SUFFIXES = (".parquet", ".npy", ".npz")
Shards = TableShards | ArrayShards


def find_shards(name: str, test: str | None = None) -> Shards | None:
    """Find the shards of a data set, and look at what each says of its content.

    Args:
      name: a folder, or a `.parquet` or `.npy` file.
      test: the same for the test part of a table.

    Returns:
      The shards; `None` for a path that has none.

    Raises:
      InputError: if there are several kinds of shards, a file is missing or damaged, or the shards
        differ in columns, types or shapes.
    """
    path = Path(name)
    files = _shard_files(path)
    if not files:
        return None
    kinds = sorted({file.suffix.lower() for file in files})
    if len(kinds) > 1:
        raise InputError(f"{path}: expected shards of one kind, got {listed(kinds, 3)} files")
    if kinds == [".parquet"]:
        return TableShards(name, files, [] if test is None else _test_files(test))
    if kinds == [".npz"]:
        return ArrayShards(name, [(file, file) for file in files])
    pairs = _pairs(path, files)
    own = [pair for pair in pairs if re.match(r"x[_-]?test", pair[0].name, re.IGNORECASE)]
    rest = [pair for pair in pairs if pair not in own]
    if not rest:
        raise InputError(f"{path}: expected x*.npy files for training, got only a test part")
    return ArrayShards(name, rest, own)


def _shard_files(path: Path) -> list[Path]:
    """Return the shards of a folder, or the file itself, in the order of their names."""
    if not path.is_dir():
        return [existing_file(path)] if path.suffix.lower() in (".parquet", ".npy") else []
    inside = sorted(path.iterdir())
    return [
        file
        for file in inside
        if file.suffix.lower() in SUFFIXES and not file.name.startswith((".", "_"))
    ]


def _test_files(test: str) -> list[Path]:
    files = [file for file in _shard_files(Path(test)) if file.suffix.lower() == ".parquet"]
    if not files:
        raise InputError(f"test must be .parquet, a file or a folder, as the data are, got {test}")
    return files


def _pairs(path: Path, files: list[Path]) -> list[tuple[Path, Path]]:
    """Return the files with inputs, each with that of its targets."""
    expected = "expected x*.npy and y*.npy in pairs, such as x_1.npy and y_1.npy"
    if not path.is_dir() and not path.name.lower().startswith("x"):
        raise InputError(f"{path}: {expected}, got {path.name!r}")
    pairs = []
    for file in (one for one in files if one.name.lower().startswith("x")):
        other = file.with_name(("y" if file.name[0] == "x" else "Y") + file.name[1:])
        if not other.exists():
            raise InputError(f"{path}: {expected}, got {file.name} without {other.name}")
        pairs.append((file, other))
    known = {file for pair in pairs for file in pair}
    odd = [file.name for file in files if file not in known]
    if odd or not pairs:
        raise InputError(f"{path}: {expected}, got {listed(odd, 3)}")
    return pairs
