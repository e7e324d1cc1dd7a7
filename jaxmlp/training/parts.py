"""The parts of data: in memory, or read piece by piece whenever they are needed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.training.layout import aligned
from jaxmlp.training.mesh import own_share, parts, put_share
from jaxmlp.training.shares import places_of, share_bounds
from jaxmlp.training.step import Examples
from jaxmlp.training.tally import Tally
from jaxmlp.training.types import HostTargets, Indices

CHUNK = 8192  # examples that are judged at once; parts of any size share a compiled program


class Split(NamedTuple):
    """A part of the data: the training, validation or test part.

    Attributes:
      examples: the examples on the device, of this part and perhaps of others.
      indices: the indices of this part's examples, `(n,)`.
      seen: the number of training and validation examples together. It decides how much is computed
        in one call, so that parts with the same number share their compiled programs.
      host: the same examples in the memory of the host, where several devices share them.
    """

    examples: Examples
    indices: Indices
    seen: int
    host: Examples | None = None

    @property
    def on_host(self) -> Examples:
        """The examples where they can be read without asking several devices."""
        return self.examples if self.host is None else self.host

    @property
    def targets(self) -> HostTargets:
        """The part's encoded targets."""
        return np.asarray(self.on_host.targets)[self.indices]

    @property
    def tally(self) -> Tally:
        """What is to be known of the part's targets."""
        return Tally.of(self.targets)

    @property
    def size(self) -> int:
        """The number of the part's examples."""
        return len(self.indices)

    @property
    def sample(self) -> "Split":
        """All of the part: it lies in memory."""
        return self

    def chunks(self) -> Iterator["Split"]:
        """Go through the part: all of it at once, as it lies in memory."""
        yield self


class Piece(NamedTuple):
    """Some examples as they are kept on the device, on the host.

    Attributes:
      x: the inputs as stored, `(n, ...)`.
      targets: as the loss takes them, `(n,)` or `(n, K)`.
      weights: `(n,)`.
    """

    x: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class StreamedPart:
    """A part of data that are larger than memory.

    Attributes:
      tally: what is known of its targets.
      blocks: the number of its examples in each block, `(blocks,)`.
      window: how many of its examples are in memory at once, while it trains.
      read: `(order of the blocks, ranges) -> pieces`: the examples of some ranges in this order.
        The ranges, `(n, 2)`, say where each begins and ends.
      sample: some of its examples, chosen evenly, for what needs many at once; all of them, if they
        are few.
    """

    tally: Tally
    blocks: np.ndarray
    window: int
    read: Callable[[np.ndarray, np.ndarray], Iterator[Piece]]
    sample: Split

    @property
    def size(self) -> int:
        """The number of its examples."""
        return int(self.blocks.sum())

    @property
    def seen(self) -> int:
        """How many examples decide how much is computed in one call: enough for one epoch each."""
        return max(CHUNK, self.size)

    @property
    def targets(self) -> HostTargets:
        """Two examples whose encoded targets have the mean and the variance of all of them."""
        return self.tally.in_short()

    def chunks(self) -> Iterator[Split]:
        """Go through the part, some thousand examples on the devices at a time.

        Each of several processes reads an equal share of the part, in one go.

        Yields:
          Splits whose examples have the same shapes.
        """
        (own, many), order = own_share(), np.arange(len(self.blocks))
        bounds, room = share_bounds(self.size, many), -(-CHUNK // many)
        pieces = Pieces(self.read(order, bounds[None, own : own + 2]), self.sample.on_host)
        for start in range(0, int(np.diff(bounds).max()), room):
            counts = (np.diff(bounds) - start).clip(0, room)
            taken: Any = pieces.take(int(counts[own]), room)
            host = Examples(*taken)
            examples = put_share(host)
            indices = places_of(counts, len(examples.x) // many)
            alone = many == 1 and parts() > 1
            yield Split(examples, indices, CHUNK, host if alone else None)


Part = Split | StreamedPart


class Pieces:
    """The rest of a part's examples, of which windows are cut."""

    def __init__(self, pieces: Iterator[Piece], like: Examples | Piece) -> None:
        """Begin to cut.

        Args:
          pieces: of any sizes.
          like: some examples of the part, for their shapes and types.
        """
        self._pieces, self._left, self._like = pieces, None, like

    _left: Piece | None

    def take(self, count: int, room: int, stopped: Callable[[], bool] = lambda: False) -> Piece:
        """Return the next examples.

        Args:
          count: their number.
          room: the number of examples that the arrays have room for; the rest is 0.
          stopped: `() -> bool`, whether nobody waits for them any more.

        Returns:
          Inputs, targets and weights, each with a first axis of size `room`.

        Raises:
          StopReading: if nobody waits for them any more.
        """
        window = Piece(*(aligned((room, *a.shape[1:]), a.dtype) for a in self._like))
        filled = 0
        while filled < count:
            if stopped():
                raise StopReading
            piece = next(self._pieces) if self._left is None else self._left
            some = min(count - filled, len(piece.weights))
            for whole, part in zip(window, piece, strict=True):
                whole[filled : filled + some] = part[:some]
            rest = Piece(*(part[some:] for part in piece))
            self._left = rest if len(rest.weights) else None
            filled += some
        for whole in window:
            whole[filled:] = 0
        return window


class StopReading(Exception):
    """Nobody waits any more for the examples that are read."""
