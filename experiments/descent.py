"""Training as one pure function, which `jax.vmap` maps over seeds, rates and starts."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.framework import Settings
from jaxmlp import nn, optim


def stepping(gradient: Callable[..., Any], optimizer: Any) -> Callable[..., tuple[Any, Any]]:
    """A step of training, in the form that `jax.lax.scan` takes.

    Args:
      gradient: `(params, x, y) -> (found, gradient)`, as of `nn.value_and_grad`.
      optimizer: an `(init, update)` pair.

    Returns:
      `((params, state), (x, y)) -> ((params, state), found)`, where `found` belongs to the
      parameters before the step.
    """

    def step(carry: Any, batch: Any) -> tuple[Any, Any]:
        params, state = carry
        found, slope = gradient(params, *batch)
        updates, state = optimizer.update(slope, state, params)
        return (jax.tree.map(jnp.add, params, updates), state), found

    return step


def descent(
    gradient: Callable[..., Any], optimizer: Any, measured: Callable[[Any], Any]
) -> Callable[..., Any]:
    """Training as one pure function.

    Args:
      gradient: `(params, x, y) -> (found, gradient)`, as of `nn.value_and_grad`.
      optimizer: an `(init, update)` pair.
      measured: `params -> numbers`, called before the first epoch and after each epoch.

    Returns:
      `(params, x, y, orders) -> (numbers, params)`. The orders, `(epochs, steps, batch)`, hold
      indices of examples, as `orders` draws them; numbers get a leading axis of `epochs + 1`.
    """
    step = stepping(gradient, optimizer)

    def learn(params: Any, x: jax.Array, y: jax.Array, orders: jax.Array) -> tuple[Any, Any]:
        def one(carry: Any, rows: jax.Array) -> tuple[Any, None]:
            return step(carry, (x[rows], y[rows]))[0], None

        def epoch(carry: Any, order: jax.Array) -> tuple[Any, Any]:
            numbers = measured(carry[0])
            return jax.lax.scan(one, carry, order)[0], numbers

        (params, _), numbers = jax.lax.scan(epoch, (params, optimizer.init(params)), orders)
        last = measured(params)
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), numbers, last), params

    return learn


def descent_with_keys(
    gradient: Callable[..., Any], optimizer: Any, measured: Callable[[Any], Any]
) -> Callable[..., Any]:
    """Training as one pure function, with a random key for each step, as dropout needs it.

    Args:
      gradient: `(params, x, y, weights, key) -> (found, gradient)`, as of `nn.value_and_grad`.
      optimizer: an `(init, update)` pair.
      measured: `params -> numbers`, called before the first epoch and after each epoch.

    Returns:
      `(params, key, x, y, orders) -> (numbers, params)`, otherwise as `descent`.
    """

    def learn(params: Any, key: jax.Array, x: jax.Array, y: jax.Array, orders: jax.Array) -> Any:
        def keyed(params: Any, rows: jax.Array, t: jax.Array) -> Any:
            return gradient(params, x[rows], y[rows], None, jax.random.fold_in(key, t))

        step = stepping(keyed, optimizer)

        def epoch(carry: Any, order: Any) -> tuple[Any, Any]:
            numbers = measured(carry[0])
            return jax.lax.scan(step, carry, order)[0], numbers

        counts = jnp.arange(orders.shape[0] * orders.shape[1]).reshape(orders.shape[:2])
        start = params, optimizer.init(params)
        (params, _), numbers = jax.lax.scan(epoch, start, (orders, counts))
        last = measured(params)
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), numbers, last), params

    return learn


def by_rate(
    model: nn.Layer,
    loss: nn.Loss,
    measured: Callable[..., Any],
    rule: Callable[[Any], optim.Optimizer] = optim.sgd,
) -> Callable[..., Any]:
    """Plain descent, or another rule, in the form that `over_rates` takes.

    Args:
      model: the network.
      loss: the loss that is minimised.
      measured: `(params, x, y, *more) -> numbers`, called before the first epoch and after each.
      rule: `rate -> optimizer`.

    Returns:
      `(rate, params, batches, x, y, *more) -> numbers`, with a leading axis of `epochs + 1`; `x`
      and `y` are what is learned.
    """
    gradient = nn.value_and_grad(model, loss)

    def learn(rate: jax.Array, params: Any, batches: jax.Array, *data: jax.Array) -> Any:
        x, y, *_ = data
        return descent(gradient, rule(rate), lambda params: measured(params, *data))(
            params, x, y, batches
        )[0]

    return learn


def training_loss(model: nn.Layer, loss: nn.Loss) -> Callable[..., Any]:
    """Return `(params, x, y) -> loss`, for `by_rate`."""
    return lambda params, x, y: loss(model(params, x), y)


def test_accuracy(model: nn.Layer) -> Callable[..., Any]:
    """Return `(params, x, y, x_test, y_test) -> accuracy` on the test part, for `by_rate`."""
    return lambda params, x, y, x_test, y_test: (
        1 - nn.losses.zero_one(model(params, x_test), y_test)
    )


def over_rates(
    learn: Callable[..., Any], rates: Sequence[float], starts: Any, batches: jax.Array, *data: Any
) -> Any:
    """Return what training gives at every rate and every seed, in one compiled program.

    Args:
      learn: `(rate, start, order, *data) -> arrays`.
      rates: the learning rates.
      starts: the initial parameters, every leaf with a leading axis of seeds.
      batches: `(seeds, epochs, steps, batch)`, as `orders` draws them.
      *data: the same for all runs.

    Returns:
      The arrays, each with leading axes `(rates, seeds)`.
    """
    same = (None,) * len(data)
    seeds = jax.vmap(learn, (None, 0, 0, *same))
    grid = jax.jit(jax.vmap(seeds, (0, None, None, *same)))
    return jax.tree.map(np.asarray, grid(jnp.asarray(rates), starts, batches, *data))


def orders(settings: Settings, epochs: int, n: int, batch_size: int) -> jax.Array:
    """Return the order of n examples for every seed, `(seeds, epochs, steps, batch_size)`.

    An epoch leaves out the examples that do not fill a batch.
    """
    steps = n // batch_size
    drawn = [
        [
            np.random.default_rng([seed, epoch]).permutation(n)[: steps * batch_size]
            for epoch in range(epochs)
        ]
        for seed in range(settings.first, settings.first + settings.seeds)
    ]
    return jnp.asarray(np.reshape(drawn, (settings.seeds, epochs, steps, batch_size)), jnp.int32)


def over_seeds(function: Callable[[jax.Array], Any], settings: Settings) -> Any:
    """Return the values of a function of a random key at all seeds, computed at once by `vmap`.

    Args:
      function: `key -> arrays`.
      settings: give the number of seeds.

    Returns:
      The arrays, each with a leading axis of seeds.
    """
    seeds = settings.first + jnp.arange(settings.seeds)
    keys = jax.vmap(jax.random.key)(seeds)
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(function))(keys))


def fit_curve(
    model: nn.Layer,
    rates: Sequence[float],
    x: np.ndarray,
    y: np.ndarray,
    settings: Settings,
    steps: int,
) -> np.ndarray:
    """Fit a curve by Adam on the squared error of all points, at every rate and seed at once.

    Args:
      model: the network.
      rates: the rates at the start, which fall to zero as half a cosine.
      x: `(N, features)`.
      y: `(N, outputs)`.
      settings: give the number of seeds.
      steps: the number of steps.

    Returns:
      The root mean square error after the last step, `(rates, seeds)`.
    """
    inputs, targets = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)
    gradient = nn.value_and_grad(model, nn.losses.mse)

    def fit(params: Any, rate: jax.Array) -> jax.Array:
        optimizer = optim.adam(optim.schedules.cosine(rate, steps))
        step = stepping(gradient, optimizer)
        start = params, optimizer.init(params)
        params, _ = jax.lax.fori_loop(
            0, steps, lambda _, carry: step(carry, (inputs, targets))[0], start
        )
        return jnp.sqrt(nn.losses.mse(model(params, inputs), targets))

    def at_rates(key: jax.Array) -> jax.Array:
        params, _ = model.init(key, inputs.shape[1:])
        return jax.vmap(lambda rate: fit(params, rate))(jnp.asarray(rates, jnp.float32))

    return over_seeds(at_rates, settings).T
