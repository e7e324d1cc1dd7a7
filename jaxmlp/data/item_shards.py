"""Examples that come one by one: sources with a length and an item for each number.

Grain's data sources, those of tensorflow-datasets in ArrayRecord files and the data sets of PyTorch
are such. An item is a pair of input and target, or a mapping with names as
`jaxmlp.data.array_sets` knows them, such as `image` and `label`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxmlp.data.array_sets import Role, roles_of_arrays
from jaxmlp.data.array_shards import BLOCK, ArrayShards
from jaxmlp.data.dataset import checksum
from jaxmlp.data.shards import MOST, Block
from jaxmlp.errors import InputError, shown

NAME = "data in memory"  # as every source that a caller from Python gives is called
LOOKED_AT = 16  # items that the checksum is made of
_TABLES = ("columns", "column_names", "__dataframe__", "__arrow_c_stream__", "shape")


def is_source(data: Any) -> bool:
    """Return whether data are a source of items, and no table, list or array.

    Args:
      data: any object.

    Returns:
      True for an object with a length and items, of which none of these makes use.
    """
    if isinstance(data, str | Mapping | list | tuple) or any(hasattr(data, n) for n in _TABLES):
        return False
    return hasattr(data, "__len__") and hasattr(data, "__getitem__")


class ItemShards(ArrayShards):
    """A source of items, cut into blocks of some megabytes.

    A source that has `__getitems__` is asked for many items at once.
    """

    def __init__(self, source: Any) -> None:
        """Look at the first item.

        Args:
          source: has a length, and an item for each number.

        Raises:
          InputError: if there is no item, or an item is no pair of input and target.
        """
        self._source, rows = source, len(source)
        self._shapes: tuple[Any, ...] = ()
        if rows == 0:
            raise InputError("the data source: expected at least one item, got none")
        self.name, self.pairs = NAME, []
        x, y = self._read([0])
        self.shape, self.dtype = x.shape[1:], x.dtype
        size = max(1, x.nbytes + y.nbytes)
        self.unpacked = rows * size
        many = max(1, min(MOST, BLOCK // size))
        self.blocks = [
            Block(0, (start,), min(many, rows - start)) for start in range(0, rows, many)
        ]

    def pieces(
        self, block: Block, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[Any, np.ndarray]]:
        """Read the items of a block; see `ArrayShards.pieces`."""
        start = block.groups[0]
        x, y = self._read([*range(start, start + block.rows)])
        yield (x if columns is None else None), y

    def where(self, block: Block) -> str:
        """Return what a message calls a block."""
        first = block.groups[0]
        return f"the data source, items {first} to {first + block.rows - 1}"

    @property
    def checksum(self) -> str:
        """A checksum of the number of items and of some of them."""
        rows = len(self._source)
        places = np.unique(np.linspace(0, rows - 1, LOOKED_AT).astype(int))
        return checksum(np.array([rows]), *self._read([int(i) for i in places]))

    def _read(self, places: list[int]) -> tuple[np.ndarray, np.ndarray]:
        at_once = getattr(self._source, "__getitems__", None)
        items = at_once(places) if at_once else [self._source[i] for i in places]
        pairs = [_pair_of(item, i) for item, i in zip(items, places, strict=True)]
        known = self._shapes = self._shapes or tuple(a.shape for a in pairs[0])
        for (x, y), i in zip(pairs, places, strict=True):
            if (x.shape, y.shape) != known:
                raise InputError(
                    f"the data source, item {i}: expected the shapes of the first item, got"
                    f" {x.shape} and {y.shape}"
                )
        xs, ys = zip(*pairs, strict=True)
        return np.stack(xs), np.stack(ys)


def _pair_of(item: Any, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Return input and target of an item."""
    if isinstance(item, Mapping):
        roles = roles_of_arrays(item)
        names = [roles.get(Role("whole", kind)) for kind in "xy"]
        if None not in names:
            return np.asarray(item[names[0]]), np.asarray(item[names[1]])
    elif isinstance(item, tuple | list) and len(item) == 2:
        return np.asarray(item[0]), np.asarray(item[1])
    raise InputError(
        f"the data source, item {place}: expected a pair (x, y) or a mapping with an input and a"
        f" target, got {shown(sorted(map(str, item)) if isinstance(item, Mapping) else item)}"
    )
