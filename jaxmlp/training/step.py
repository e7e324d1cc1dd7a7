"""One training step: a batch, its gradient, an update. A pure function of state and batch.

The data stay on the device as they are stored (`uint8` for images); a step prepares its examples
and takes one gradient step. `jaxmlp.training.trainer` compiles the loop around it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmlp.nn.backprop import ValueAndGrad
from jaxmlp.optim.base import Params, State
from jaxmlp.optim.wrappers import Pair
from jaxmlp.training.augment import Augment
from jaxmlp.training.types import (
    Array,
    Count,
    Inputs,
    Outputs,
    PerExample,
    RandomKey,
    Row,
    Scalar,
    Targets,
)

Prepare = Callable[[Inputs], Array]
Score = Callable[[Outputs, Targets], PerExample]


class Examples(NamedTuple):
    """Examples as they lie on the device.

    Attributes:
      x: inputs as stored, `(N, ...)`.
      targets: what the loss compares with, `(N,)` labels or `(N, K)`.
      weights: one per example, `(N,)`.
    """

    x: Array
    targets: Targets
    weights: PerExample


class Totals(NamedTuple):
    """Weighted sums over examples; divided by `weight` they are means.

    Attributes:
      loss: sum of the loss.
      score: sum of the task's score (accuracy: the number of examples that are right).
      weight: sum of the weights.
    """

    loss: Scalar
    score: Scalar
    weight: Scalar

    @staticmethod
    def zero() -> "Totals":
        """Return empty sums."""
        return Totals(*jnp.zeros(3))

    def plus(self, loss: Scalar, scores: PerExample, weights: PerExample) -> "Totals":
        """Return the sums with a batch added: its mean loss, its examples' scores and weights."""
        weight = jnp.sum(weights)
        return Totals(
            self.loss + loss * weight, self.score + jnp.vdot(scores, weights), self.weight + weight
        )


class TrainState(NamedTuple):
    """All that a run needs to go on from where it is.

    Attributes:
      params: the network's parameters.
      opt_state: what the optimizer remembers.
      key: the run's root key; step `t` draws from `fold_in(key, t)`.
      step: the number of steps taken since the start of the run, int32.
      totals: sums over the steps of the current epoch, the metrics of the step.
      factor: what updates are multiplied by: 1, until a plateau lowers the learning rate.
    """

    params: Params
    opt_state: State
    key: RandomKey
    step: Count
    totals: Totals
    factor: Scalar


Step = Callable[[TrainState, Examples], TrainState]


def make_step(
    value_and_grad: ValueAndGrad,
    optimizer: Pair,
    score: Score,
    prepare: Prepare,
    augment: Augment | None = None,
) -> Step:
    """The training step of a network, `(state, batch) -> state`.

    Args:
      value_and_grad: the gradient of the objective, by hand or by machine:
        `(params, x, targets, weights, key) -> ((value, outputs), gradient)`.
      optimizer: an `(init, update)` pair, ours or Optax's.
      score: `(outputs, targets) -> (N,)`, what the task counts.
      prepare: from stored inputs to the network's.
      augment: `(key, x) -> x`, how the prepared inputs are distorted, if at all.

    Returns:
      A pure function. A step whose loss is not finite changes no parameter.
    """
    _, update = optimizer

    def step(state: TrainState, batch: Examples) -> TrainState:
        key, x = jax.random.fold_in(state.key, state.step), prepare(batch.x)
        if augment is not None:
            key, distortion = jax.random.split(key)
            x = augment(distortion, x)
        (loss, outputs), gradient = value_and_grad(
            state.params, x, batch.targets, batch.weights, key
        )
        # XLA would copy every parameter in each step if we chose between new and old ones here
        finite = jnp.isfinite(loss)
        gradient = jax.tree.map(lambda g: jnp.where(finite, g, 0), gradient)
        factor = jnp.where(finite, state.factor, 0)
        updates, opt_state = update(gradient, state.opt_state, state.params)
        params = jax.tree.map(lambda w, u: w + factor.astype(w.dtype) * u, state.params, updates)
        totals = state.totals.plus(loss, score(outputs, batch.targets), batch.weights)
        return TrainState(params, opt_state, state.key, state.step + 1, totals, state.factor)

    return step


def take(examples: Examples, row: Row) -> Examples:
    """Return the examples of one row of an order; the filling has weight 0."""
    x, targets, weights = (jnp.take(a, row, axis=0, mode="clip") for a in examples)
    return Examples(x, targets, jnp.where(row >= 0, weights, 0))
