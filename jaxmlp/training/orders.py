"""The order of the examples: the batches of each epoch, shuffled by seed and epoch."""

import jax
import numpy as np
from jaxtyping import Int

from jaxmlp.training.layout import aligned
from jaxmlp.training.mesh import put_whole
from jaxmlp.training.types import HostOrder, Indices

NO_EPOCH = 2**32 - 1  # no run has as many
LaidOut = Int[jax.Array, "room steps batch"]


def batches(indices: Indices, batch_size: int) -> HostOrder:
    """Lay indices out in batches, one a row, and fill the last row up with -1.

    Args:
      indices: the indices of the examples, in order, `(n,)`.
      batch_size: the number of examples in a batch.

    Returns:
      int32 `(ceil(n / batch_size), batch_size)`.
    """
    order = np.full((-(-len(indices) // batch_size), batch_size), -1, np.int32)
    order.ravel()[: len(indices)] = indices
    return order


def shuffling(seed: int, epoch: int) -> np.random.Generator:
    """Return the random stream that shuffles an epoch, a function of seed and epoch alone.

    NumPy's stream of `[seed, 0]` is that of `seed`, which draws the validation part
    (`jaxmlp.data.splits.holdout`). So epoch 0 takes a number that no epoch has. Version 0.1 did
    not do so: a run that it left within the first epoch shuffles the rest of this epoch anew, and
    may see an example twice or not at all in it. All other epochs have the order that they had.

    Args:
      seed: the run's seed.
      epoch: counted from 0.

    Returns:
      NumPy's generator at the start of the stream.
    """
    return np.random.default_rng([seed, epoch or NO_EPOCH])


def order_of(
    indices: Indices, batch_size: int, seed: int, epoch: int, shuffle: bool = True
) -> HostOrder:
    """Return the batches of an epoch, a function of the arguments alone (lecture rows C6, E10).

    Args:
      indices: the indices of the examples, `(n,)`.
      batch_size: the number of examples in a batch; 1 is online learning, `n` batch learning.
      seed: the run's seed.
      epoch: counted from 0.
      shuffle: whether each epoch has an order of its own; otherwise all have that of the indices.

    Returns:
      int32 `(ceil(n / batch_size), batch_size)`, as from `batches`.
    """
    return batches(_in_order(indices, seed, epoch, shuffle), batch_size)


def _in_order(indices: Indices, seed: int, epoch: int, shuffle: bool) -> Indices:
    return shuffling(seed, epoch).permutation(indices) if shuffle else indices


class Orders:
    """The orders of the coming epochs, laid out once and kept on the device.

    An order takes 4 bytes an example, as much as an input. So the old ones are forgotten before new
    ones are laid out, in memory that a processor's device shares.

    Attributes:
      room: the greatest number of epochs laid out together.
      steps: the number of steps in an epoch.
      first: the first epoch that is laid out, counted from 0; -1 before there is one.
    """

    def __init__(
        self, indices: Indices, batch_size: int, seed: int, room: int, shuffle: bool = True
    ) -> None:
        """Prepare to lay out orders.

        Args:
          indices: the indices of the examples, `(n,)`.
          batch_size: the number of examples in a step.
          seed: the run's seed.
          room: the greatest number of epochs laid out together.
          shuffle: whether each epoch has an order of its own.
        """
        self.room, self.steps, self.first = room, -(-len(indices) // batch_size), -1
        self._indices, self._batch_size = indices, batch_size
        self._seed, self._shuffle = seed, shuffle
        self._laid: tuple[np.ndarray, LaidOut] | None = None

    @property
    def rows(self) -> np.ndarray:
        """The orders on the host, `(room, steps, batch)`; unused places hold -1."""
        assert self._laid is not None  # they were laid out
        return self._laid[0]

    def lay_out(self, first: int, many: int) -> LaidOut:
        """Return the orders of some epochs on the device, and lay them out if they are new.

        Args:
          first: the first epoch, counted from 0.
          many: the number of epochs.

        Returns:
          int32 `(room, steps, batch)`.
        """
        if self._laid is None or first != self.first:
            self._laid = None
            rows = aligned((self.room, self.steps, self._batch_size), np.dtype(np.int32))
            rows.fill(-1)
            for k, row in enumerate(rows[:many]):
                drawn = _in_order(self._indices, self._seed, first + k, self._shuffle)
                row.ravel()[: len(drawn)] = drawn
            self._laid, self.first = (rows, put_whole(rows)), first
        return self._laid[1]
