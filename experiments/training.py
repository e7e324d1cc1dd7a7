"""Data and training runs for experiments, over many seeds."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.framework import Numbers, Settings
from jaxmlp import nn
from jaxmlp.data import Dataset, load
from jaxmlp.training import MULTICLASS, Examples, Split, Task, batches, make_trainer, measure

used: dict[str, Any] = {}  # the provenance of the data that the running experiment has loaded


@functools.cache
def _load(name: str) -> Dataset:
    return load(name)


def dataset(name: str) -> Dataset:
    """Return a data set, and note that the experiment uses it.

    Args:
      name: of the data set.

    Returns:
      The data.
    """
    found = _load(name)
    used[name] = {k: found.provenance[k] for k in ("source", "version", "checksum")}
    return found


def digits(settings: Settings, train: int | None = None, test: int | None = None) -> Any:
    """Return digits as rows of numbers in [0, 1], and their labels.

    Args:
      settings: which digits.
      train: how many to learn from, all if `None`; the first ones of a fixed shuffle.
      test: how many to be tested on, likewise.

    Returns:
      `(x_train, y_train), (x_test, y_test)`: float32 `(N, 784)` and int32 `(N,)`.
    """
    data = dataset(settings.dataset)
    parts = []
    for x, y, n in ((data.x_train, data.y_train, train), (data.x_test, data.y_test, test)):
        chosen = np.random.default_rng(0).permutation(len(x))[:n]
        parts.append((x[chosen].reshape(len(chosen), -1).astype(np.float32) / 255, y[chosen]))
    return parts[0], parts[1]


def train(
    model: nn.Layer,
    optimizer: Any,
    data: Any,
    settings: Settings,
    epochs: int,
    *,
    loss: nn.Loss = nn.losses.cross_entropy,
    task: Task = MULTICLASS,
    batch_size: int = 128,
) -> Numbers:
    """Train a network once per seed, and measure it after every epoch.

    Args:
      model: the network.
      optimizer: an `(init, update)` pair.
      data: `(x_train, y_train), (x_test, y_test)`, ready for the network, with encoded targets.
      settings: how many seeds.
      epochs: passes over the training examples.
      loss: what is minimised.
      task: names and finishes the score.
      batch_size: examples a step.

    Returns:
      `train_loss`, `test_loss` and `test_{score}`, each `(seeds, epochs + 1)`, the first column
      before training; and `params`, one tree per seed.
    """
    train_part, test_part = (_split(x, y) for x, y in data)
    trainer = make_trainer(
        model,
        loss,
        nn.value_and_grad(model, loss),
        optimizer,
        task.score_each,
        lambda x: x,
        data[0][0].shape[1:],
    )
    measures: dict[str, list[list[float]]] = {
        name: [] for name in ("train_loss", "test_loss", f"test_{task.score}")
    }
    finals = []
    for seed in range(settings.seeds):
        state = trainer.init(jax.random.key(seed))
        rows = []
        for epoch in range(epochs + 1):
            if epoch:
                shuffled = np.random.default_rng([seed, epoch]).permutation(train_part.indices)
                order = batches(shuffled, batch_size)
                state = trainer.run(state, train_part.examples, order, 0, len(order))
            ends = [measure(trainer, task, state.params, part) for part in (train_part, test_part)]
            rows.append([ends[0]["loss"], ends[1]["loss"], ends[1][task.score]])
        for name, column in zip(measures, zip(*rows, strict=True), strict=True):
            measures[name].append(list(column))
        finals.append(jax.tree.map(np.array, state.params))
    return {**{name: np.array(values) for name, values in measures.items()}, "params": finals}


def _split(x: np.ndarray, y: np.ndarray) -> Split:
    weights = jnp.ones(len(x), jnp.float32)
    return Split(Examples(jnp.asarray(x), jnp.asarray(y), weights), np.arange(len(x)))


def over_seeds(function: Callable[[jax.Array], Any], settings: Settings) -> Any:
    """Return a function of a random key at every seed, computed at once by `vmap`.

    Args:
      function: `key -> arrays`.
      settings: how many seeds.

    Returns:
      The arrays, each with a leading axis of seeds.
    """
    keys = jax.vmap(jax.random.key)(jnp.arange(settings.seeds))
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(function))(keys))


def fit_curve(
    model: nn.Layer, optimizer: Any, x: np.ndarray, y: np.ndarray, settings: Settings, steps: int
) -> np.ndarray:
    """Fit a curve by full-batch descent on the squared error, all seeds in one compiled program.

    Args:
      model: the network.
      optimizer: an `(init, update)` pair.
      x: `(N, features)`.
      y: `(N, outputs)`.
      settings: how many seeds.
      steps: the number of steps.

    Returns:
      The root mean square error after the last step, `(seeds,)`.
    """
    inputs, targets = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)
    gradient = nn.value_and_grad(model, nn.losses.mse)

    def fit(key: jax.Array) -> jax.Array:
        params, _ = model.init(key, inputs.shape[1:])

        def step(carry: Any, _: Any) -> tuple[Any, None]:
            params, state = carry
            _, slope = gradient(params, inputs, targets)
            updates, state = optimizer.update(slope, state, params)
            return (jax.tree.map(jnp.add, params, updates), state), None

        (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), length=steps)
        return jnp.sqrt(nn.losses.mse(model(params, inputs), targets))

    return over_seeds(fit, settings)
