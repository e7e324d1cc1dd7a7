"""Judging networks: sums over all examples of a part, and what they amount to."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.training.step import Examples, Totals, Trainer, batches
from jaxmlp.training.tasks import Task

EVALUATION_BATCH = 1000
EXAMPLES_AT_ONCE = 5000  # in the epochs of one call
PARAMETERS_AT_ONCE = 1_000_000  # kept of them


class Split(NamedTuple):
    """A part of examples on the device, which other parts may share.

    Attributes:
      examples: all examples, of this part and maybe of others.
      indices: which of them are this part's, `(n,)`.
      seen: how many an epoch of training sees, to learn from or to be judged by. What is done at
        once follows from it, so that parts with the same number share their compiled programs.
    """

    examples: Examples
    indices: np.ndarray
    seen: int

    @property
    def targets(self) -> np.ndarray:
        """The part's encoded targets."""
        return np.asarray(self.examples.targets)[self.indices]


def epochs_at_once(split: Split, params: Any) -> int:
    """Return how many epochs a call of the compiled loop goes through at most.

    A call takes some tenths of a millisecond, as long as several epochs of a small table, and the
    parameters after each epoch are kept until it returns.

    Args:
      split: a part of the examples.
      params: the network's parameters.

    Returns:
      A function of these sizes alone, at least 1.
    """
    size = sum(leaf.size for leaf in jax.tree.leaves(params))
    return max(1, min(EXAMPLES_AT_ONCE // split.seen, PARAMETERS_AT_ONCE // size))


def measure(trainer: Trainer, task: Task, params: Any, split: Split) -> dict[str, float]:
    """Return the loss and the task's score over all examples of a split, weighing all alike.

    Args:
      trainer: the compiled functions.
      task: which names and finishes the score.
      params: the network's parameters.
      split: the examples.

    Returns:
      `{"loss": ..., task.score: ...}`.
    """
    room = epochs_at_once(split, params)  # as in training, which has compiled the program
    first = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (room, *leaf.shape)), params)
    sums = sums_over(trainer, jax.device_put(first), split, 1)
    return means_of(at(sums, 0), task, split.targets)


def sums_over(trainer: Trainer, params: Any, split: Split, many: int) -> Totals:
    """Return the sums over all examples of a split, weighing all alike, for several networks.

    Args:
      trainer: the compiled functions.
      params: the networks' parameters, along a first axis.
      split: the examples.
      many: how many of the networks are wanted, the first ones.

    Returns:
      The sums, along a first axis.
    """
    # one batch at a time, so that parts of any size share a compiled program
    order = batches(split.indices, min(EVALUATION_BATCH, split.seen))
    parts = jax.device_get(
        [trainer.evaluate(params, split.examples, row[None], many) for row in order]
    )
    return jax.tree.map(lambda *sums: sum(sums), *parts)


def means_of(totals: Totals, task: Task, targets: np.ndarray) -> dict[str, float]:
    """Return the loss and the score that sums over examples with such targets amount to."""
    loss, score, weight = (float(x) for x in totals)
    return {"loss": loss / weight, task.score: task.finish(score / weight, targets)}


def at(tree: Any, k: int) -> Any:
    """Return the part of a tree at a place of the first axis, in host memory of its own."""
    return jax.tree.map(lambda leaf: np.array(np.asarray(leaf)[k]), tree)


def outputs_of(trainer: Trainer, params: Any, split: Split) -> np.ndarray:
    """Return the raw outputs for every example of a split, in its order.

    Args:
      trainer: the compiled functions.
      params: the network's parameters.
      split: the examples.

    Returns:
      `(n, K)`.
    """
    pieces = np.array_split(split.indices, -(-len(split.indices) // EVALUATION_BATCH))
    x = np.asarray(split.examples.x)
    return np.concatenate([trainer.predict(params, x[piece]) for piece in pieces])


def count(params: Any) -> int:
    """Return the number of parameters in a tree."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
