"""Small runs side by side, trained on the spot, and what questions measure of them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import data, nn, optim

Params = Any


class Part(NamedTuple):
    """Examples.

    Attributes:
      x: inputs, `(N, features)`, float32.
      y: labels, `(N,)`, int32.
    """

    x: np.ndarray
    y: np.ndarray


class Task(NamedTuple):
    """What is trained in a question.

    Attributes:
      model: the network.
      optimizer: makes the optimizer from a learning rate.
      epochs: passes over the examples.
      batch_size: examples of a step.
      random: whether the network drops units in training.
    """

    model: nn.Layer
    optimizer: Callable[[Any], Any] = optim.sgd
    epochs: int = 20
    batch_size: int = 32
    random: bool = False


class Trained(NamedTuple):
    """Runs that were trained; a first axis counts the runs.

    Attributes:
      params: after each epoch, and before the first: `(runs, epochs + 1, ...)`.
      losses: of the batch of each step, `(runs, steps)`.
    """

    params: Params
    losses: np.ndarray

    def after(self, epoch: int) -> Params:
        """Return the parameters after an epoch, -1 for the last: `(runs, ...)`."""
        return jax.tree.map(lambda leaf: leaf[:, epoch], self.params)


def digits(seed: int, train: int, test: int) -> tuple[Part, Part]:
    """Return digits of 8 x 8 pixels in [0, 1]: some for training, and some for the test.

    Args:
      seed: chooses them.
      train: how many are for training.
      test: how many are for the test.

    Returns:
      Two parts.
    """
    found = data.load("digits")
    rng = np.random.default_rng(seed)
    pairs = ((found.x_train, found.y_train, train), (found.x_test, found.y_test, test))
    one, two = (_some(Part(x.reshape(len(x), -1) / np.float32(16), y), n, rng) for x, y, n in pairs)
    return one, two


def _some(part: Part, n: int, rng: np.random.Generator) -> Part:
    chosen = rng.permutation(len(part.x))[:n]
    return Part(part.x[chosen], part.y[chosen])


def starts(model: nn.Layer, features: int, seed: int, runs: int, gain: float = 2.0) -> list[Params]:
    """Return the parameters with which each run begins, all of them different.

    Args:
      model: the network.
      features: the number of inputs.
      seed: of the draws, which NumPy makes: to compile those of JAX takes longer than to train.
      runs: the number of runs.
      gain: the variance of a kernel times its fan_in: 2 is He's rule, for ReLU.

    Returns:
      The parameters of each run; biases are 0.
    """
    rng = np.random.default_rng([seed, runs])
    shapes = jax.eval_shape(lambda key: model.init(key, (features,))[0], jax.random.key(0))

    def draw(leaf: Any) -> np.ndarray:
        std = np.sqrt(gain / leaf.shape[0]) if len(leaf.shape) == 2 else 0
        return (std * rng.standard_normal(leaf.shape)).astype(np.float32)

    return [jax.tree.map(draw, shapes) for _ in range(runs)]


def train(
    task: Task, begin: Sequence[Params], rates: Any, parts: Sequence[Part], seed: int
) -> Trained:
    """Train runs side by side by cross-entropy.

    Args:
      task: the network, and how it is trained.
      begin: the parameters with which each run begins.
      rates: the learning rate of each run, or one for each step of each run, `(runs, steps)`.
      parts: the training examples of each run, equally many.
      seed: of the order of the examples and of what is dropped.

    Returns:
      The runs.
    """
    x, y = np.stack([part.x for part in parts]), np.stack([part.y for part in parts])
    runs, per_epoch = len(begin), len(x[0]) // task.batch_size
    rng = np.random.default_rng(seed)
    shuffled = [[rng.permutation(len(x[0])) for _ in range(task.epochs)] for _ in range(runs)]
    orders = np.asarray(shuffled)[:, :, : per_epoch * task.batch_size]
    orders = orders.reshape(runs, task.epochs, per_epoch, task.batch_size)
    rates = np.asarray(rates, np.float32).reshape(runs, -1)
    rates = np.broadcast_to(rates, (runs, task.epochs * per_epoch))
    keys = jax.random.split(jax.random.key(seed), runs)
    together = jax.tree.map(lambda *leaves: np.stack(leaves), *begin)
    train_all = jax.jit(jax.vmap(_run_of(task)))
    params, losses = train_all(together, rates, x, y, orders, keys)
    return Trained(jax.tree.map(np.asarray, params), np.asarray(losses).reshape(runs, -1))


def _run_of(task: Task) -> Callable[..., Any]:
    """Return the training of one run as a function of arrays."""
    value_and_grad = nn.value_and_grad(task.model, nn.losses.cross_entropy)

    def run(params: Params, rates: Any, x: Any, y: Any, orders: Any, key: Any) -> Any:
        init, update = task.optimizer(lambda step: rates[step])

        def step(carry: Any, row: Any) -> Any:
            params, state, count = carry
            drop = jax.random.fold_in(key, count) if task.random else None
            (loss, _), slopes = value_and_grad(params, x[row], y[row], None, drop)
            updates, state = update(slopes, state, params)
            return (jax.tree.map(jnp.add, params, updates), state, count + 1), loss

        def epoch(carry: Any, rows: Any) -> Any:
            carry, losses = jax.lax.scan(step, carry, rows)
            return carry, (carry[0], losses)

        _, (found, losses) = jax.lax.scan(epoch, (params, init(params), 0), orders)
        together = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), params, found)
        return together, losses

    return run


def accuracy(
    model: nn.Layer, params: Params, parts: Sequence[Part], keys: Any = None
) -> np.ndarray:
    """Return the share of right answers.

    Args:
      model: the network.
      params: parameters; the first axis counts the runs, and others may count what they like.
      parts: the examples of each run.
      keys: one for each network, with which it drops units as in training; `None` to drop nothing.

    Returns:
      Shares, in the shape of the first axes.
    """

    def share(params: Params, x: Any, y: Any, key: Any = None) -> Any:
        outputs, _ = model.forward(params, x, key)
        return jnp.mean(jnp.asarray(jnp.argmax(outputs, axis=1) == y, jnp.float32))

    return measured(share, params, parts, *([] if keys is None else [keys]))


def losses(model: nn.Layer, params: Params, parts: Sequence[Part]) -> np.ndarray:
    """Return the mean loss; arguments and axes are those of `accuracy`."""

    def loss(params: Params, x: Any, y: Any) -> Any:
        return nn.losses.cross_entropy(model(params, x), y)

    return measured(loss, params, parts)


def norms(model: nn.Layer, params: Params, parts: Sequence[Part]) -> np.ndarray:
    """Return the norm of the gradient of each kernel along the last axis, first to last."""
    value_and_grad = nn.value_and_grad(model, nn.losses.cross_entropy)

    def norm(params: Params, x: Any, y: Any) -> Any:
        _, slopes = value_and_grad(params, x, y)
        return jnp.stack([jnp.linalg.norm(layer["W"]) for layer in slopes if layer])

    return measured(norm, params, parts)


def kept(model: nn.Layer, params: Params, parts: Sequence[Part], layer: int) -> Any:
    """Return what an activation got and put out: z and a, `(runs, ..., N, units)`.

    Args:
      model: the network.
      params: parameters; the first axis counts the runs.
      parts: the examples of each run.
      layer: the place of the activation in the chain.

    Returns:
      The pair z and a.
    """
    both = measured(
        lambda params, x, y: jnp.stack(model.forward(params, x)[1][layer]), params, parts
    )
    return np.moveaxis(both, -3, 0)


def measured(
    function: Callable[..., Any], params: Params, parts: Sequence[Part], *more: Any
) -> np.ndarray:
    """Compute a function of one network's parameters and examples for many networks.

    Args:
      function: `(params, x, y, ...) -> array`.
      params: parameters; the first axis counts the runs, the others networks of the run. The last
        leaf is the bias of the outputs.
      parts: the examples of each run.
      *more: further arguments, with the same first axes as the parameters.

    Returns:
      An array with these axes first.
    """
    for _ in jax.tree.leaves(params)[-1].shape[1:-1]:
        function = jax.vmap(function, in_axes=(0, None, None, *(0 for _ in more)))
    x, y = np.stack([part.x for part in parts]), np.stack([part.y for part in parts])
    return np.asarray(jax.jit(jax.vmap(function))(params, x, y, *more), np.float64)
