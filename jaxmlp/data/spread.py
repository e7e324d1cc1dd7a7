"""What is found out block by block, by one process or by several that share the blocks.

A pass over data that are larger than memory has two parts. The first looks at a block by itself and
returns little. The second puts these findings together in the order of the blocks. Several
processes share the first; each does the second. So all find to the byte what one finds.
"""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

Found = TypeVar("Found")


class Spread(Protocol):
    """Go through blocks."""

    def __call__(self, look: Callable[[int], Found], many: int) -> Iterator[Found]:
        """Return what is found in each of some blocks.

        Args:
          look: `number of the block -> what is found in it`. It may depend on what was found before
            only to leave out what is of no use any more.
          many: the number of blocks.

        Yields:
          What is found, in the order of the blocks.
        """


def one_by_one(look: Callable[[int], Found], many: int) -> Iterator[Found]:
    """Look at all blocks in this process, each when it is asked for; see `Spread`."""
    return map(look, range(many))
