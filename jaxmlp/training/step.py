"""The training step, the steps of some epochs in one compiled loop, and evaluation.

Everything here is a pure function. The data stay on the device as they are stored (`uint8` for
images); a step gathers its examples, prepares them, and takes one gradient step.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxmlp.nn import Layer
from jaxmlp.nn.backprop import ValueAndGrad
from jaxmlp.training.augment import Augment

AnyArray = Array | np.ndarray
Prepare = Callable[[Array], Array]
Score = Callable[[Array, Array], Array]


class Examples(NamedTuple):
    """Examples as they lie on the device.

    Attributes:
      x: inputs as stored, `(N, ...)`.
      targets: what the loss compares with, `(N,)` labels or `(N, K)`.
      weights: one per example `(N,)`.
    """

    x: Array
    targets: Array
    weights: Array


class Totals(NamedTuple):
    """Weighted sums over examples; divided by `weight` they are means.

    Attributes:
      loss: sum of the loss.
      score: sum of the task's score (accuracy: the number of examples that are right).
      weight: sum of the weights.
    """

    loss: Array
    score: Array
    weight: Array

    @staticmethod
    def zero() -> "Totals":
        """Return empty sums."""
        return Totals(*jnp.zeros(3))

    def plus(self, loss: Array, scores: Array, weights: Array) -> "Totals":
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
      totals: sums over the steps of the current epoch.
      factor: what updates are multiplied by: 1, until a plateau lowers the learning rate.
    """

    params: Any
    opt_state: Any
    key: Array
    step: Array
    totals: Totals
    factor: Array


class Ends(NamedTuple):
    """What each of several epochs came to; an epoch that was not completed is not to be read.

    Attributes:
      params: the parameters after it, along a new first axis.
      totals: sums over its steps, likewise.
    """

    params: Any
    totals: Totals


class Trainer(NamedTuple):
    """The compiled functions of one training problem.

    Attributes:
      init: `seed -> TrainState`, the start of a run; a seed of 32 bits needs to be a `uint32`.
      run: `(state, examples, orders, start, stop) -> (state, ends)`, the steps `start <= i < stop`
        of some epochs, counted from the first one's. `orders[e, i]` holds the indices of the
        examples in step i of epoch e, -1 where a batch is not full. Totals begin anew with every
        epoch. A step whose loss is not finite leaves the parameters as they are, and is the last.
      evaluate: `(params, examples, order, many) -> Totals`, of the first few of several networks,
        which lie along a first axis; all examples weigh alike.
      predict: `(params, x) -> outputs`, from inputs as stored.
      model: the network.
      prepare: from inputs as stored to the network's.
    """

    init: Callable[[int | np.uint32], TrainState]
    run: Callable[[TrainState, Examples, AnyArray, int, int], tuple[TrainState, Ends]]
    evaluate: Callable[[Any, Examples, AnyArray, int], Totals]
    predict: Callable[[Any, AnyArray], Array]
    model: Layer
    prepare: Prepare


def batches(indices: np.ndarray, batch_size: int) -> np.ndarray:
    """Lay indices out in rows of one batch each, the last row filled up with -1.

    Args:
      indices: which examples, in which order, `(n,)`.
      batch_size: how many a batch holds.

    Returns:
      int32 `(ceil(n / batch_size), batch_size)`.
    """
    order = np.full((-(-len(indices) // batch_size), batch_size), -1, np.int32)
    order.ravel()[: len(indices)] = indices
    return order


def take(examples: Examples, row: Array) -> Examples:
    """Return the examples of one row of an order; the filling has weight 0."""
    x, targets, weights = (jnp.take(a, row, axis=0, mode="clip") for a in examples)
    return Examples(x, targets, jnp.where(row >= 0, weights, 0))


def _put(trees: Any, k: Array, tree: Any) -> Any:
    """Return trees that lie along a first axis with the one at a place replaced."""
    replaced = partial(jax.lax.dynamic_update_index_in_dim, index=k, axis=0)
    return jax.tree.map(replaced, trees, tree)


def _once() -> dict[str, int] | None:
    """Return how to compile what runs once: on a processor in a third of the time."""
    return {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else None


def make_trainer(
    model: Layer,
    loss: Callable[..., Array],
    value_and_grad: ValueAndGrad,
    optimizer: Any,
    score: Score,
    prepare: Prepare,
    input_shape: tuple[int, ...],
    augment: Augment | None = None,
) -> Trainer:
    """Compile a training problem.

    Args:
      model: the network.
      loss: `(outputs, targets, weights) -> scalar`, for evaluation.
      value_and_grad: the gradient of the objective, by hand or by machine:
        `(params, x, targets, weights, key) -> ((value, outputs), gradient)`.
      optimizer: an `(init, update)` pair, ours or Optax's.
      score: `(outputs, targets) -> (N,)`, what the task counts.
      prepare: from stored inputs to the network's, applied to each batch.
      input_shape: of one example.
      augment: `(key, x) -> x`, how the prepared inputs of a training step are distorted, if at all.

    Returns:
      The compiled functions.
    """

    def init(seed: int | np.uint32) -> TrainState:
        key = jax.random.key(seed, impl="threefry2x32")
        params, _ = model.init(jax.random.fold_in(key, 0), input_shape)
        zero = jnp.zeros((), jnp.int32)
        run_key = jax.random.fold_in(key, 1)
        one = jnp.ones((), jnp.float32)
        return TrainState(params, optimizer.init(params), run_key, zero, Totals.zero(), one)

    def step(state: TrainState, batch: Examples) -> TrainState:
        key = jax.random.fold_in(state.key, state.step)
        x = prepare(batch.x)
        if augment is not None:
            key, distortion = jax.random.split(key)
            x = augment(distortion, x)
        (value, outputs), gradient = value_and_grad(
            state.params, x, batch.targets, batch.weights, key
        )
        # choosing between new and old numbers instead would have XLA copy all of them in each step
        finite = jnp.isfinite(value)
        gradient = jax.tree.map(lambda g: jnp.where(finite, g, 0), gradient)
        factor = jnp.where(finite, state.factor, 0)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        params = jax.tree.map(lambda w, u: w + factor.astype(w.dtype) * u, state.params, updates)
        totals = state.totals.plus(value, score(outputs, batch.targets), batch.weights)
        return TrainState(params, opt_state, state.key, state.step + 1, totals, state.factor)

    def run(
        state: TrainState, examples: Examples, orders: Array, start: int, stop: int
    ) -> tuple[TrainState, Ends]:
        epochs, steps, _ = orders.shape

        def before(end: Array | int) -> Callable[[Any], Array]:
            return lambda carry: (carry[0] < end) & jnp.isfinite(carry[1].totals.loss)

        def epoch(carry: tuple[Array, TrainState, Ends]) -> tuple[Array, TrainState, Ends]:
            i, state, ends = carry
            number = jax.lax.div(i, jnp.int32(steps))
            begun = number * steps
            order = orders[number]

            def one(carry: tuple[Array, TrainState]) -> tuple[Array, TrainState]:
                i, state = carry
                return i + 1, step(state, take(examples, order[i - begun]))

            sums = jax.tree.map(lambda total: jnp.where(i == begun, 0, total), state.totals)
            end = jnp.minimum(stop, begun + steps)
            i, state = jax.lax.while_loop(before(end), one, (i, state._replace(totals=sums)))
            return i, state, _put(ends, number, Ends(state.params, state.totals))

        ends = Ends(state.params, state.totals)
        ends = jax.tree.map(lambda a: jnp.zeros((epochs, *a.shape), a.dtype), ends)
        first = (jnp.asarray(start, jnp.int32), state, ends)
        return jax.lax.while_loop(before(stop), epoch, first)[1:]

    def evaluate(params: Any, examples: Examples, order: Array, many: int) -> Totals:
        alike = examples._replace(weights=jnp.ones_like(examples.weights))

        def network(k: Array, found: Totals) -> Totals:
            own = jax.tree.map(lambda leaf: leaf[k], params)

            def one(totals: Totals, row: Array) -> tuple[Totals, None]:
                batch = take(alike, row)
                outputs = model(own, prepare(batch.x))
                value = loss(outputs, batch.targets, batch.weights)
                return totals.plus(value, score(outputs, batch.targets), batch.weights), None

            totals = jax.lax.scan(one, Totals.zero(), order)[0]
            return _put(found, k, totals)

        room = len(jax.tree.leaves(params)[0])
        nothing = jax.tree.map(lambda zero: jnp.zeros(room, zero.dtype), Totals.zero())
        return jax.lax.fori_loop(0, many, network, nothing)

    def predict(params: Any, x: Array) -> Array:
        return model(params, prepare(x))

    return Trainer(
        jax.jit(init, compiler_options=_once()),
        jax.jit(run, donate_argnums=0),
        jax.jit(evaluate),
        jax.jit(predict),
        model,
        prepare,
    )
