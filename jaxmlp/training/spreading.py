"""Passes over data that are larger than memory, whose blocks several processes share."""

import pickle
from collections.abc import Callable, Iterator
from typing import TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxmlp.errors import InputError
from jaxmlp.training.processes import AgreedError, several
from jaxmlp.training.shares import share_bounds

TOGETHER = 64  # blocks that all processes look at before they tell each other, or one each
Found = TypeVar("Found")


def spread_blocks(look: Callable[[int], Found], many: int) -> Iterator[Found]:
    """Look at blocks, each process at its share, and return in all what each finds.

    The processes go through the data together: of the next blocks each looks at a run of its own.
    See `jaxmlp.data.spread.Spread`. All processes must call this with the same blocks, and go
    through all that it yields.

    Args:
      look: `number of the block -> what is found in it`.
      many: the number of blocks.

    Yields:
      What is found, in the order of the blocks; the same in all processes.

    Raises:
      AgreedError: in all processes, if one of them cannot read a block.
    """
    if not several():
        yield from map(look, range(many))
        return
    processes, own = jax.process_count(), jax.process_index()
    room = max(TOGETHER, processes)
    for start in range(0, many, room):
        bounds = start + share_bounds(min(room, many - start), processes)
        yield from _told_by_each(look, range(bounds[own], bounds[own + 1]))


def _told_by_each(look: Callable[[int], Found], numbers: range) -> Iterator[Found]:
    """Return what each process finds in its blocks, those of process 0 first."""
    found, failure = [], ""
    try:
        found = [look(number) for number in numbers]
    except (InputError, OSError) as error:
        failure = str(error)
    told = [pickle.loads(words) for words in gathered(pickle.dumps((failure, found)))]
    for failure, _ in told:
        if failure:
            raise AgreedError(failure)
    for _, found in told:
        yield from found


def gathered(words: bytes) -> list[bytes]:
    """Return what each process says, in their order; all must call this.

    Args:
      words: what this process says, below 2 GiB.
    """
    sizes = np.asarray(multihost_utils.process_allgather(np.int32(len(words))))
    room = 1 << int(sizes.max() - 1).bit_length()  # so that messages share compiled programs
    text = np.zeros(room, np.uint8)
    text[: len(words)] = np.frombuffer(words, np.uint8)
    heard = np.asarray(multihost_utils.process_allgather(text), np.uint8).reshape(-1, room)
    return [row[:size].tobytes() for row, size in zip(heard, sizes.ravel(), strict=True)]
