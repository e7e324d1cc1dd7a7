"""One training step: a batch, its gradient, an update. It is a pure function of state and batch.

The data stay on the device as they are stored (`uint8` for pictures). A step prepares the examples
of its batch, computes their gradient and updates the parameters. `jaxmlp.training.trainer` compiles
the loop of steps.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmlp.nn.backprop import ValueAndGrad
from jaxmlp.optim.averaging import judged_params
from jaxmlp.optim.base import Pair, Params, State, accepting_keywords
from jaxmlp.training.augment import Augment
from jaxmlp.training.mesh import take_rows
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
    """Examples as they are stored on the device.

    Attributes:
      x: the inputs as stored, `(N, ...)`.
      targets: the targets that the loss takes: labels `(N,)` or numbers `(N, K)`.
      weights: the weight of each example, `(N,)`.
    """

    x: Array
    targets: Targets
    weights: PerExample


class Totals(NamedTuple):
    """Weighted sums over examples; the mean loss is `loss / weight`.

    Lecture row C3: a running mean.

    Attributes:
      loss: the sum of the loss.
      score: the sum of the task's score; for the accuracy, the number of right examples.
      weight: the sum of the weights.
    """

    loss: Scalar
    score: Scalar
    weight: Scalar

    @staticmethod
    def zero() -> "Totals":
        """Return empty sums."""
        return Totals(*jnp.zeros(3))

    def plus(self, loss: Scalar, scores: PerExample, weights: PerExample) -> "Totals":
        """Return the sums with a batch added.

        Args:
          loss: the batch's weighted mean loss; of a batch that weighs nothing it is NaN, and such a
            batch adds nothing.
          scores: the score of each example, `(N,)`.
          weights: the weight of each example, `(N,)`.

        Returns:
          The new sums.
        """
        weight = jnp.sum(weights)
        return Totals(
            self.loss + jnp.where(weight == 0, 0, loss * weight),
            self.score + jnp.vdot(scores, weights),
            self.weight + weight,
        )


class TrainState(NamedTuple):
    """Everything a run needs to go on.

    Attributes:
      params: the network's parameters.
      opt_state: the state of the optimizer.
      key: the run's root key; step `t` draws from `fold_in(key, t)`.
      step: the number of steps taken since the start of the run, int32.
      totals: sums over the steps of the current epoch.
      factor: the factor of every update: 1, until a plateau lowers the learning rate (lecture row
        C5).
    """

    params: Params
    opt_state: State
    key: RandomKey
    step: Count
    totals: Totals
    factor: Scalar

    @property
    def judged(self) -> Params:
        """The parameters that the network is judged by: an average, if the optimizer keeps one."""
        return judged_params(self.params, self.opt_state)


Step = Callable[[TrainState, Examples], TrainState]


def make_step(
    value_and_grad: ValueAndGrad,
    optimizer: Pair,
    score: Score,
    prepare: Prepare,
    augment: Augment | None = None,
) -> Step:
    """The training step of a network, `w <- w + factor * update(dL/dw)` (lecture rows B1, C6, E12).

    `L` is the weighted mean loss of the batch. All layers are updated together, from gradients at
    the old parameters. A step whose loss is not finite changes no parameter. So a batch whose
    weights are all 0, which has no mean loss, changes none, and it is no divergence.

    An optimizer of Optax may need more than the gradient. It gets `value`, the batch's loss,
    `grad`, and `value_fn`, the loss of the same batch (and the same dropout) as a function of the
    parameters, which a line search evaluates. An average of the weights gets `factor`. A rule that
    uses none of them compiles as without.

    Args:
      value_and_grad: the objective with its gradient, by hand or by machine:
        `(params, x, targets, weights, key) -> ((value, outputs), gradient)`.
      optimizer: an `(init, update)` pair, ours or Optax's.
      score: `(outputs, targets) -> (N,)`, the task's score of each example.
      prepare: `stored inputs -> the network's inputs`.
      augment: `(key, x) -> x`, a random distortion of the prepared inputs; `None` for none.

    Returns:
      A pure function `(state, batch) -> state`.
    """
    update = accepting_keywords(optimizer[1])

    def step(state: TrainState, batch: Examples) -> TrainState:
        key, x = jax.random.fold_in(state.key, state.step), prepare(batch.x)
        if augment is not None:
            key, distortion = jax.random.split(key)
            x = augment(distortion, x)

        def objective(params: Params) -> tuple[tuple[Scalar, Outputs], Params]:
            return value_and_grad(params, x, batch.targets, batch.weights, key)

        (loss, outputs), gradient = objective(state.params)
        # choosing between new and old parameters would make XLA copy all of them in every step
        finite = jnp.isfinite(loss)
        gradient = jax.tree.map(lambda g: jnp.where(finite, g, 0), gradient)
        factor = jnp.where(finite, state.factor, 0)
        # some rules of Optax need the loss, or search along a line; the others ignore this
        more = {
            "value": loss,
            "grad": gradient,
            # Optax's searches pass the other keywords on to it, and refuse those it does not take
            "value_fn": lambda params, factor=None: objective(params)[0][0],
            "factor": factor,
        }
        updates, opt_state = update(gradient, state.opt_state, state.params, **more)
        params = jax.tree.map(lambda w, u: w + factor.astype(w.dtype) * u, state.params, updates)
        totals = state.totals.plus(loss, score(outputs, batch.targets), batch.weights)
        return TrainState(params, opt_state, state.key, state.step + 1, totals, state.factor)

    return step


def take(examples: Examples, row: Row) -> Examples:
    """Return the examples of one batch.

    Args:
      examples: all examples.
      row: the indices of the batch's examples, `(batch,)`, filled up with -1.

    Returns:
      The examples of the batch; those of index -1 have weight 0.
    """
    x, targets, weights = take_rows(tuple(examples), row)
    return Examples(x, targets, jnp.where(row >= 0, weights, 0))
