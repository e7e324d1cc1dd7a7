"""The path of a run: its parameters at the start and at ends of epochs, in one file of the run.

Pictures need it that show how training went: the decision boundary from epoch to epoch, and the
way over the loss surface. All epochs together take at most 64 MiB, and there are at most 500 of
them. So of 784-128-10, with 0.4 MB, up to 164 are kept. A longer run keeps every second epoch, then
every fourth, and so on; and always its start and its last epoch. Which epochs these are depends on
their number alone, so a resumed run keeps the same ones as a whole run.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.config import schema
from jaxmlp.errors import check
from jaxmlp.optim.base import Params
from jaxmlp.runs.checkpoints import load_metadata, load_tree, save_tree
from jaxmlp.runs.folder import PATH, Run
from jaxmlp.training import TrainState
from jaxmlp.training.trees import copy_to_host, size_in_bytes, take_entry

MOST_BYTES = 64 * 2**20  # for the parameters of all epochs together
MOST_EPOCHS = 500
FEWEST = 3  # epochs that make a path: a start, an end, and one between them


class Path(NamedTuple):
    """The path of a run.

    Attributes:
      epochs: the epochs after which the parameters were kept, ascending; 0 is the start.
      params: the parameters; a first axis counts these epochs.
    """

    epochs: tuple[int, ...]
    params: Params

    def at(self, k: int) -> Params:
        """Return the parameters at place `k` of the epochs."""
        return take_entry(self.params, k)


def room_for(params: Any) -> int:
    """Return of how many epochs the parameters are kept; 0, if they are too many for a path.

    Args:
      params: the parameters of one epoch, or their shapes.

    Returns:
      A number from `FEWEST` to `MOST_EPOCHS`, or 0.
    """
    room = min(MOST_EPOCHS, MOST_BYTES // max(1, size_in_bytes(params)))
    return room if room >= FEWEST else 0


def kept_epochs(last: int, room: int) -> tuple[int, ...]:
    """Return the epochs of a path: every `stride`-th and the last, with the least power of two.

    Args:
      last: the number of complete epochs.
      room: the greatest number of epochs that are kept.

    Returns:
      The epochs, ascending, from 0 to `last`.
    """
    stride = 1
    while last // stride + 1 + (last % stride > 0) > room:
        stride *= 2
    return tuple(sorted({*range(0, last + 1, stride), last}))


class PathKeeper:
    """What keeps the path of a run while it trains."""

    def __init__(self, run: Run, like: Params) -> None:
        """Begin a path, or take up the one that the run's folder has.

        Args:
          run: the folder.
          like: the network's parameters, or their shapes.

        Raises:
          InputError: if the folder's path is broken or not that of the network.
        """
        self._run, self._room = run, room_for(like)
        self._kept: dict[int, Params] = {}
        self._saved: tuple[int, ...] = ()
        found = read_path(run, like) if self._room else None
        if found is not None:
            self._kept = {epoch: found.at(k) for k, epoch in enumerate(found.epochs)}

    def take_up(self, state: TrainState, epochs: int, at_an_end: bool) -> None:
        """Go on from a state, without the epochs after it: a path is written before a checkpoint.

        Args:
          state: where training goes on.
          epochs: the number of complete epochs.
          at_an_end: whether the state is at the end of the last of them, or at the start.
        """
        self._kept = {number: kept for number, kept in self._kept.items() if number <= epochs}
        if at_an_end and epochs not in self._kept:
            self.add(state, epochs)

    def add(self, state: TrainState, epoch: int) -> None:
        """Keep the parameters after an epoch, and drop those that lie too dense by now.

        Args:
          state: at the end of the epoch; the parameters are those that the network is judged by.
          epoch: the number of complete epochs; it is later than the others.
        """
        if not self._room:
            return
        wanted = {*kept_epochs(epoch, self._room)}
        self._kept = {number: kept for number, kept in self._kept.items() if number in wanted}
        self._kept[epoch] = copy_to_host(state.judged)

    def save(self) -> None:
        """Write the path, atomically, if it has changed.

        Raises:
          OSError: if the file cannot be written.
        """
        epochs = tuple(self._kept)
        if epochs in ((), self._saved):
            return
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *self._kept.values())
        save_tree(self._run.path / PATH, stacked, {"epochs": list(epochs)})
        self._saved = epochs


def read_path(run: Run, like: Params) -> Path | None:
    """Read the path of a run.

    Args:
      run: the folder.
      like: the network's parameters, or their shapes.

    Returns:
      The path; `None` if the run has none.

    Raises:
      InputError: if the file is broken, or is not that of the network.
    """
    file = run.path / PATH
    if not file.exists():
        return None
    epochs = load_metadata(file, schema.PATH)["epochs"]
    rising = epochs == tuple(sorted({*epochs})) and len(epochs) > 0
    check(rising, f"{file}: epochs", "one or more that rise", ", ".join(map(str, epochs[:20])))

    def several(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((len(epochs), *leaf.shape), leaf.dtype)

    return Path(epochs, load_tree(file, jax.tree.map(several, like)))
