"""What feeds a run its examples: all at once, or window by window.

A run asks for the examples of its next steps. A part that lies in memory is one window, with the
orders of several epochs. A part that is larger comes in windows of a fixed number of examples, of
which one trains while a thread reads the next and puts it on the device.

The windows of an epoch cut its examples into pieces of whole batches, so only the last batch of an
epoch may be partial. They are shuffled in two levels: the order of the blocks, and the order within
each window. Both are a function of the seed and the epoch, so a run goes on in mid-epoch as it was.

Each of several processes reads an equal share of each window, in the order of the blocks, for its
own devices. So it reads no block whose rows others hold. The order within the window is the same
for any number of processes: it only looks a row up where it lies.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.optim.base import Params
from jaxmlp.training.judge import epochs_at_once
from jaxmlp.training.mesh import own_share, put_share, put_whole
from jaxmlp.training.orders import NO_EPOCH, Orders, batches, shuffling
from jaxmlp.training.parts import Part, Pieces, Split, StreamedPart
from jaxmlp.training.shares import places_of, share_bounds, window_ranges
from jaxmlp.training.step import Examples
from jaxmlp.training.types import AnyArray, HostRow


class Laid(NamedTuple):
    """Steps that are laid out: their examples and their batches.

    Attributes:
      examples: on the device.
      orders: the batches as `jaxmlp.training.trainer.Trainer.run` takes them, on the device.
      rows: the same on the host, `(epochs, steps, batch)`.
      begun: the step of the epoch that the first row of the orders stands for.
      end: the step, counted from the same place, up to which the batches are laid out.
    """

    examples: Examples
    orders: AnyArray
    rows: np.ndarray
    begun: int
    end: int

    def row(self, step: int) -> HostRow:
        """Return the indices of the examples of a step, counted from the start of the epoch."""
        found: HostRow = self.rows.reshape(-1, self.rows.shape[-1])[step - self.begun]
        return found


class WholeFeed:
    """The feed of a part that lies in memory: one window, with the orders of several epochs.

    Attributes:
      size: the number of examples of an epoch.
      steps: the number of steps of an epoch.
      room: the greatest number of epochs that are laid out together.
    """

    def __init__(
        self, part: Split, params: Params, batch_size: int, seed: int, shuffle: bool = True
    ) -> None:
        """Prepare the orders; see `jaxmlp.training.feed.feed_of`."""
        self.room, self.size = epochs_at_once(part, params), len(part.indices)
        self._orders = Orders(part.indices, batch_size, seed, self.room, shuffle)
        self._examples, self.steps = part.examples, self._orders.steps

    def lay_out(self, epoch: int, step: int, many: int) -> Laid:
        """Return all examples, with the orders of some epochs.

        Args:
          epoch: the epoch, counted from 0.
          step: the step of this epoch, counted from 0.
          many: the number of epochs that are laid out together.

        Returns:
          The steps of these epochs.
        """
        orders = self._orders.lay_out(epoch, many)
        return Laid(self._examples, orders, self._orders.rows, 0, many * self.steps)

    def close(self) -> None:
        """Do nothing: all is read."""


class WindowFeed:
    """The feed of a part that is larger than memory, window by window.

    Attributes:
      size: the number of examples of an epoch.
      steps: the number of steps of an epoch.
      room: 1, the number of epochs that are laid out together.
    """

    def __init__(
        self, part: StreamedPart, batch_size: int, seed: int, shuffle: bool = True
    ) -> None:
        """Prepare to read windows; see `jaxmlp.training.feed.feed_of`."""
        self.size, self.room = part.size, 1
        self.steps = -(-part.size // batch_size)
        self._steps = max(1, part.window // batch_size)  # of a window
        self._batch, self._seed, self._shuffle = batch_size, seed, shuffle
        self._part = part
        self._reader = ThreadPoolExecutor(1, "jaxmlp-window")
        self._where = copy_context()
        self._next: tuple[tuple[int, int], Future[Laid]] | None = None
        self._now: tuple[tuple[int, int], Laid] | None = None
        self._pieces: Pieces | None = None
        self._place = -1, -1  # where they begin: the epoch, and the number of examples before
        self._closed = False

    def lay_out(self, epoch: int, step: int, many: int) -> Laid:
        """Return the window that holds a step, and have the next one read.

        Args:
          epoch: the epoch, counted from 0.
          step: the step of this epoch, counted from 0.
          many: not used: a window belongs to one epoch.

        Returns:
          The steps of the window.
        """
        place = epoch, step // self._steps
        if self._now is None or self._now[0] != place:
            self._now = None  # its examples need not be in memory beside the next but one
            self._now = place, self._fetch(place)
            windows = -(-self.steps // self._steps)
            after = (epoch, place[1] + 1) if place[1] + 1 < windows else (epoch + 1, 0)
            self._next = after, self._submit(*after)
        return self._now[1]

    def close(self) -> None:
        """Stop reading, and wait until the thread has seen it."""
        self._closed = True
        self._reader.shutdown(wait=True, cancel_futures=True)
        self._now = self._next = self._pieces = None

    def _submit(self, epoch: int, window: int) -> Future[Laid]:
        """Have the thread read a window; it knows the devices by the context."""
        return self._reader.submit(lambda: self._where.run(self._read, epoch, window))

    def _fetch(self, place: tuple[int, int]) -> Laid:
        if self._next is not None and self._next[0] == place:
            found, self._next = self._next[1], None
            return found.result()
        if self._next is not None:
            self._next[1].result()  # the reader does one thing at a time
        return self._submit(*place).result()

    def _read(self, epoch: int, window: int) -> Laid:
        """Read a window and put it on the device; this runs in the thread."""
        first, room = window * self._steps * self._batch, self._steps * self._batch
        if self._pieces is None or self._place != (epoch, first):
            self._pieces = self._pieces_from(epoch, first)
        own, many = own_share()
        count = min(room, self.size - first)
        counts = np.diff(share_bounds(count, many))
        held = -(-min(room, self.size) // many)
        host: Any = self._pieces.take(int(counts[own]), held, lambda: self._closed)
        self._place = epoch, first + count
        examples = put_share(Examples(*host))
        rows = places_of(counts, len(examples.x) // many)
        if self._shuffle:  # the stream of the blocks' order has no third number
            stream = np.random.default_rng([self._seed, epoch or NO_EPOCH, window + 1])
            rows = stream.permutation(rows)
        before = window > 0  # a row of the steps before, so that the epoch does not begin anew
        laid = np.full((1, self._steps + 1, self._batch), -1, np.int32)
        batched = batches(rows, self._batch)
        laid[0, before : before + len(batched)] = batched
        begun = window * self._steps - before
        end = window * self._steps + len(batched)
        return Laid(examples, put_whole(laid), laid, begun, end)

    def _pieces_from(self, epoch: int, first: int) -> Pieces:
        """Begin to read this process's share of the windows from an example on."""
        order = np.arange(len(self._part.blocks))
        if self._shuffle:
            order = shuffling(self._seed, epoch).permutation(order)
        ranges = window_ranges(first, self.size, self._steps * self._batch, *own_share())
        return Pieces(self._part.read(order, ranges), self._part.sample.on_host)


Feed = WholeFeed | WindowFeed


def feed_of(part: Part, params: Params, batch_size: int, seed: int, shuffle: bool = True) -> Feed:
    """Return what feeds a run the examples of its training part.

    Args:
      part: the part.
      params: the network's parameters, of which a call keeps those at the end of each epoch.
      batch_size: the number of examples in a step.
      seed: the seed for the order of the examples.
      shuffle: whether each epoch has an order of its own.

    Returns:
      The feed; it must be closed.
    """
    if isinstance(part, StreamedPart):
        return WindowFeed(part, batch_size, seed, shuffle)
    return WholeFeed(part, params, batch_size, seed, shuffle)
