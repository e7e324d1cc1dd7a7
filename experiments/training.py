"""Data and training runs for experiments, over many seeds."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.framework import Numbers, Settings
from jaxmlp import nn, optim
from jaxmlp.data import Dataset, load
from jaxmlp.training import (
    MULTICLASS,
    Augment,
    Examples,
    Progress,
    Rules,
    Split,
    Task,
    Trainer,
    batches,
    begin,
    fit,
    make_trainer,
    measure,
)

# the update rules that are compared, each to be given its rate
RULES: dict[str, Callable[[Any], optim.Optimizer]] = {
    "descent": optim.sgd,
    "momentum 0.9": optim.momentum,
    "momentum, growing": lambda rate: optim.momentum(rate, optim.schedules.sutskever(0.99, 25)),
    "Nesterov 0.9": optim.nesterov,
    "AdaGrad": optim.adagrad,
    "RMSProp": optim.rmsprop,
    "Adam": optim.adam,
}
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


@functools.cache
def trainer_of(
    model: nn.Layer,
    optimizer: Any,
    loss: nn.Loss,
    task: Task,
    shape: tuple[int, ...],
    augment: Augment | None = None,
) -> Trainer:
    """Return the compiled functions of a training problem, the same ones for the same problem.

    Args:
      model: the network.
      optimizer: an `(init, update)` pair.
      loss: what is minimised.
      task: names and finishes the score.
      shape: of one example.
      augment: how the inputs of a step are distorted, if at all.

    Returns:
      The trainer.
    """
    gradient, score = nn.value_and_grad(model, loss), task.score_each
    return make_trainer(model, loss, gradient, optimizer, score, lambda x: x, shape, augment)


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
    start: nn.Layer | None = None,
    seeds: Iterable[int] | None = None,
    parts: tuple[str, ...] = ("train", "test"),
    augment: Augment | None = None,
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
      start: the network whose parameters at the start are taken, if not the model's own: what
        differs in its start alone needs no compilation of its own.
      seeds: which seeds, if not those of the settings.
      parts: what is measured, "train", "test", both or none.
      augment: how the inputs of a step are distorted, if at all.

    Returns:
      Of each part `{part}_loss` and `{part}_{score}`, each `(seeds, epochs + 1)`, the first column
      before training; and `params`, one tree per seed.
    """
    splits = {name: split(*part) for name, part in zip(("train", "test"), data, strict=True)}
    shape = data[0][0].shape[1:]
    trainer = trainer_of(model, optimizer, loss, task, shape, augment)
    scores = [f"{part}_{name}" for part in parts for name in ("loss", task.score)]
    measures: dict[str, list[list[float]]] = {name: [] for name in scores}
    finals = []
    for seed in range(settings.seeds) if seeds is None else seeds:
        state = trainer.init(seed)
        if start is not None:
            params, _ = start.init(jax.random.key(seed), shape)
            state = state._replace(params=params, opt_state=optimizer.init(params))
        rows = []
        for epoch in range(epochs + 1):
            if epoch:
                shuffled = np.random.default_rng([seed, epoch]).permutation(len(data[0][0]))
                order = batches(shuffled, batch_size)
                state, _ = trainer.run(state, splits["train"].examples, order[None], 0, len(order))
            ends = [measure(trainer, task, state.params, splits[part]) for part in parts]
            rows.append([end[name] for end in ends for name in ("loss", task.score)])
        for name, column in zip(measures, zip(*rows, strict=True), strict=True):
            measures[name].append(list(column))
        finals.append(jax.tree.map(np.array, state.params))
    return {**{name: np.array(values) for name, values in measures.items()}, "params": finals}


def split(x: np.ndarray, y: np.ndarray, indices: np.ndarray | None = None) -> Split:
    """Return examples on the device, all of them or those at the indices."""
    examples = Examples(jnp.asarray(x), jnp.asarray(y), jnp.ones(len(x), jnp.float32))
    return Split(examples, np.arange(len(x)) if indices is None else indices)


class RuledFit(NamedTuple):
    """How to train by `jaxmlp.training.fit`, with its rules for stopping and for the rate."""

    trainer: Trainer
    epochs: int
    batch_size: int
    rate: float

    def __call__(
        self, train: Split, valid: Split | None, seed: int, rules: Rules
    ) -> tuple[Progress, list[dict[str, Any]]]:
        """Return where one run ended, and its epochs' records."""
        records: list[dict[str, Any]] = []
        *_, last = fit(
            self.trainer,
            MULTICLASS,
            train,
            valid,
            begin(self.trainer, seed),
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
            learning_rate=lambda t: self.rate,
            rules=rules,
            records=records,
        )
        return last, records


def stepping(gradient: Callable[..., Any], optimizer: Any) -> Callable[..., tuple[Any, Any]]:
    """Return a step of training, in the form that `jax.lax.scan` takes.

    Args:
      gradient: `(params, x, y) -> (found, gradient)`, as of `nn.value_and_grad`.
      optimizer: an `(init, update)` pair.

    Returns:
      `((params, state), (x, y)) -> ((params, state), found)`, what was found before the step.
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
    """Return training as one pure function, to be mapped over seeds, rates or starts at once.

    Args:
      gradient: `(params, x, y) -> (found, gradient)`, as of `nn.value_and_grad`.
      optimizer: an `(init, update)` pair.
      measured: `params -> numbers`, before the first epoch and after each.

    Returns:
      `(params, x, y, orders) -> (numbers, params)`. Orders `(epochs, steps, batch)` are rows of
      the examples, as `orders` draws them; numbers get a leading axis of `epochs + 1`.
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


def orders(settings: Settings, epochs: int, n: int, batch_size: int) -> jax.Array:
    """Return for every seed the order of n examples, `(seeds, epochs, steps, batch_size)`.

    What does not fill a batch is left out of the epoch.
    """
    steps = n // batch_size
    drawn = [
        [
            np.random.default_rng([seed, epoch]).permutation(n)[: steps * batch_size]
            for epoch in range(epochs)
        ]
        for seed in range(settings.seeds)
    ]
    return jnp.asarray(np.reshape(drawn, (settings.seeds, epochs, steps, batch_size)), jnp.int32)


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
    step = stepping(nn.value_and_grad(model, nn.losses.mse), optimizer)

    def fit(key: jax.Array) -> jax.Array:
        params, _ = model.init(key, inputs.shape[1:])
        start = params, optimizer.init(params)
        params, _ = jax.lax.fori_loop(
            0, steps, lambda _, carry: step(carry, (inputs, targets))[0], start
        )
        return jnp.sqrt(nn.losses.mse(model(params, inputs), targets))

    return over_seeds(fit, settings)
