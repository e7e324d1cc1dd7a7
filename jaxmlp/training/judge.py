"""The evaluation of networks, without an optimizer: sums over all examples, and their means."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.nn import Layer, Loss
from jaxmlp.optim.base import Params
from jaxmlp.training.mesh import keep_whole, put_state
from jaxmlp.training.orders import batches
from jaxmlp.training.parts import Part, Split
from jaxmlp.training.step import Examples, Prepare, Totals, take
from jaxmlp.training.tasks import Task
from jaxmlp.training.trees import count, put_entry, take_entry
from jaxmlp.training.types import (
    AnyArray,
    Count,
    HostInputs,
    HostOutputs,
    HostTargets,
    Indices,
    Inputs,
    Order,
    Outputs,
    Row,
    Whole,
)

EVALUATION_BATCH = 1000
EXAMPLES_AT_ONCE = 5000  # seen by the epochs of one call
PARAMETERS_AT_ONCE = 1_000_000  # kept for the epochs of one call


class Judge(NamedTuple):
    """A network with its task, and the compiled functions that evaluate it.

    Attributes:
      model: the network.
      task: the task, which names and computes the score.
      prepare: `stored inputs -> the network's inputs`.
      evaluate: `(params, examples, order, many) -> Totals`, the sums over all examples of the
        order, for each of the first `many` networks. A first axis of the parameters and of the
        sums counts the networks. All examples have the same weight.
      predict: `(params, x) -> outputs`, `(N, K)`; `x` are inputs as stored.
    """

    model: Layer
    task: Task
    prepare: Prepare
    evaluate: Callable[[Params, Examples, AnyArray, int], Totals]
    predict: Callable[[Params, AnyArray], Outputs]


class Means(NamedTuple):
    """The mean loss and the task's score over some examples.

    Attributes:
      loss: the mean loss.
      score: the accuracy, or `r2` for a regression.
    """

    loss: float
    score: float


def make_judge(model: Layer, loss: Loss, task: Task, prepare: Prepare) -> Judge:
    """The compiled functions that evaluate a network.

    Args:
      model: the network.
      loss: the loss to report, `(outputs, targets, weights) -> scalar`.
      task: the task, which names and computes the score.
      prepare: `stored inputs -> the network's inputs`, applied to each batch.

    Returns:
      The judge.
    """

    def evaluate(params: Params, examples: Examples, order: Order, many: Whole) -> Totals:
        alike = examples._replace(weights=jnp.ones_like(examples.weights))

        def judge_network(k: Count, found: Totals) -> Totals:
            own = jax.tree.map(lambda leaf: leaf[k], params)

            def add_batch(totals: Totals, row: Row) -> tuple[Totals, None]:
                batch = take(alike, row)
                outputs = model(own, prepare(batch.x))
                value = loss(outputs, batch.targets, batch.weights)
                scores = task.score_each(outputs, batch.targets)
                return totals.plus(value, scores, batch.weights), None

            totals = jax.lax.scan(add_batch, Totals.zero(), order)[0]
            return put_entry(found, k, totals)

        room = len(jax.tree.leaves(params)[0])
        nothing = jax.tree.map(lambda zero: jnp.zeros(room, zero.dtype), Totals.zero())
        return keep_whole(jax.lax.fori_loop(0, many, judge_network, nothing))

    def predict(params: Params, x: Inputs) -> Outputs:
        return model(params, prepare(x))

    return Judge(model, task, prepare, jax.jit(evaluate), jax.jit(predict))


def measure(judge: Judge, params: Params, split: Part) -> Means:
    """Return the mean loss and the task's score over all examples of a part, with equal weights.

    Args:
      judge: the network.
      params: its parameters.
      split: the part.

    Returns:
      The mean loss and the score.
    """
    room = epochs_at_once(split, params)  # as in training, which has compiled the program
    first = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (room, *leaf.shape)), params)
    sums = sums_over(judge, put_state(first), split, 1)
    return means_of_each(sums, judge.task, split.targets, 1)[0]


def sums_over(judge: Judge, params: Params, split: Part, many: int) -> Totals:
    """Return sums over all examples of a part, with equal weights, for several networks.

    Args:
      judge: the network.
      params: parameters of several networks; a first axis counts the networks.
      split: the part.
      many: the number of networks to evaluate, from the first on.

    Returns:
      The sums, on the host; a first axis counts the networks.
    """
    # one batch at a time, so that parts of any size share a compiled program
    parts: list[Totals] = []
    for chunk in split.chunks():
        order = batches(chunk.indices, _batch_size(chunk))
        found = [judge.evaluate(params, chunk.examples, row[None], many) for row in order]
        parts += jax.device_get(found)
    return jax.tree.map(lambda *sums: sum(sums), *parts)


def _batch_size(split: Split) -> int:
    """Return how many examples are judged at once, the same for all parts of a data set."""
    return min(EVALUATION_BATCH, split.seen)


def means_of(totals: Totals, task: Task, targets: HostTargets) -> Means:
    """Return the mean loss and the task's score from sums over examples.

    Args:
      totals: the sums.
      task: the task, which computes the score.
      targets: the encoded targets of the examples.

    Returns:
      The means; those of examples that weigh nothing are NaN.
    """
    loss, score, weight = (float(x) for x in totals)
    if weight == 0:
        return Means(math.nan, math.nan)
    return Means(loss / weight, task.finish(score / weight, targets))


def means_of_each(sums: Totals, task: Task, targets: HostTargets, many: int) -> list[Means]:
    """Return the means of several networks from their sums.

    Args:
      sums: the sums; a first axis counts the networks.
      task: the task, which computes the score.
      targets: the encoded targets of the examples.
      many: the number of networks, from the first on.

    Returns:
      The means of each network.
    """
    return [means_of(take_entry(sums, k), task, targets) for k in range(many)]


def outputs_of(judge: Judge, params: Params, split: Split) -> HostOutputs:
    """Return the raw outputs for every example of a part, in the order of its indices.

    Args:
      judge: the network.
      params: its parameters.
      split: the part.

    Returns:
      The outputs, `(n, K)`.
    """
    x, order = np.asarray(split.on_host.x), batches(split.indices, _batch_size(split))
    pieces = [np.asarray(judge.predict(params, x[row]))[: np.sum(row >= 0)] for row in order]
    return np.concatenate(pieces)


def predict_all(judge: Judge, params: Params, x: HostInputs, indices: Indices) -> HostOutputs:
    """Return the raw outputs for stored inputs, at most a thousand at a time.

    Args:
      judge: the network.
      params: its parameters.
      x: inputs as stored, `(N, ...)`.
      indices: the indices of the inputs, `(n,)`, at least one.

    Returns:
      The outputs, `(n, K)`.
    """
    pieces = np.array_split(indices, -(-len(indices) // EVALUATION_BATCH))
    outputs = [np.asarray(judge.predict(params, x[_padded(piece)])) for piece in pieces]
    return np.concatenate([y[: len(piece)] for y, piece in zip(outputs, pieces, strict=True)])


def _padded(indices: Indices) -> np.ndarray:
    """Return indices, repeated until they are a power of two or a thousand.

    So batches of all sizes share eleven compiled programs.
    """
    size = min(EVALUATION_BATCH, 1 << (len(indices) - 1).bit_length())
    return np.resize(indices, size)


def epochs_at_once(split: Part, params: Params) -> int:
    """Return the greatest number of epochs in one call of the compiled loop.

    A call costs some tenths of a millisecond, as much as several epochs of a small table. It keeps
    the parameters after each of its epochs in memory.

    Args:
      split: a part of the data.
      params: the network's parameters.

    Returns:
      A number that depends on `split.seen` and the number of parameters alone, at least 1.
    """
    size = count(params)
    return max(1, min(EXAMPLES_AT_ONCE // split.seen, PARAMETERS_AT_ONCE // size))
