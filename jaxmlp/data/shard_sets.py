"""Load all of the shards of a table or of arrays as one data set."""

import numpy as np

from jaxmlp.data.array_sets import dataset_from_arrays
from jaxmlp.data.array_shards import ArrayShards
from jaxmlp.data.dataset import Dataset
from jaxmlp.data.shard_folders import Shards
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.table_targets import Fitted
from jaxmlp.data.tables import dataset_from_table
from jaxmlp.data.user_files import refuse_table_options
from jaxmlp.memory import check_memory


def load_shards(shards: Shards, options: TableOptions, fitted: Fitted | None = None) -> Dataset:
    """Load all of some shards, as one table or one set of arrays.

    Args:
      shards: the files.
      options: what the user says of a table; of arrays only the size of the test part.
      fitted: what a trained network expects of a table, if it is read for one.

    Returns:
      The data set.

    Raises:
      InputError: if they need more memory than `check_memory` allows, or see
        `jaxmlp.data.tables.dataset_from_table` and `jaxmlp.data.array_sets.dataset_from_arrays`.
    """
    check_memory(shards.unpacked, f"{shards.name} unpacks to")
    version = f"sha256:{shards.checksum}"
    provenance = {"source": "shards", "version": version, "files": [shards.name]}
    parts = [[b for b in shards.blocks if b.test is test] for test in (False, True)]
    if isinstance(shards, ArrayShards):
        refuse_table_options(options, f"{shards.name}: ", "arrays, whose target is y")
        arrays: dict[str, np.ndarray] = {}
        for blocks, end in zip(parts, ("", "_test"), strict=True):
            found = [piece for block in blocks for piece in shards.pieces(block)]
            if found:
                arrays["x" + end] = np.concatenate([x for x, _ in found])
                arrays["y" + end] = np.concatenate([y for _, y in found])
        if parts[1]:
            arrays = {n if "_" in n else f"{n}_train": array for n, array in arrays.items()}
        return dataset_from_arrays(arrays, shards.name, provenance, options)
    import pyarrow as pa

    tables: list[pa.Table] = [
        pa.concat_tables([shards.empty(), *(t for b in blocks for t in shards.pieces(b))])
        for blocks in parts
    ]
    test = tables[1] if parts[1] else None
    return dataset_from_table(tables[0], options, shards.name, provenance, test=test, fitted=fitted)
