"""The data of the experiments, and training runs on them over many seeds."""

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
    History,
    Progress,
    Rules,
    Split,
    Task,
    Trainer,
    batches,
    begin,
    fit,
    make_judge,
    make_trainer,
    measure,
)

# the update rules that are compared: learning rate -> optimizer
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
    """Return a data set, and record that the experiment uses it.

    Args:
      name: the name of the data set.

    Returns:
      The data.
    """
    found = _load(name)
    used[name] = {k: found.provenance[k] for k in ("source", "version", "checksum")}
    return found


def digits(settings: Settings, train: int | None = None, test: int | None = None) -> Any:
    """Return digits as rows of numbers in [0, 1], and their labels.

    Args:
      settings: give the name of the data set.
      train: the number of training examples, the first ones of a fixed shuffle; `None` for all.
      test: the number of test examples, likewise.

    Returns:
      `(x_train, y_train), (x_test, y_test)`: float32 `(N, 784)` and int32 `(N,)`.
    """
    data = dataset(settings.dataset)
    parts = []
    for x, y, n in ((data.x_train, data.y_train, train), (data.x_test, data.y_test, test)):
        chosen = np.random.default_rng(0).permutation(len(x))[:n]
        parts.append((x[chosen].reshape(len(chosen), -1).astype(np.float32) / 255, y[chosen]))
    return parts[0], parts[1]


def halved(x: np.ndarray) -> np.ndarray:
    """Return digits at half the resolution, the mean of every two by two pixels, `(N, 196)`."""
    return x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


@functools.cache
def trainer_of(
    model: nn.Layer,
    optimizer: Any,
    loss: nn.Loss,
    task: Task,
    shape: tuple[int, ...],
    augment: Augment | None = None,
) -> Trainer:
    """The compiled functions of a training problem, cached by problem.

    Args:
      model: the network.
      optimizer: an `(init, update)` pair.
      loss: the loss that is minimised.
      task: names the score and finishes it.
      shape: the shape of one example.
      augment: the distortion of the inputs of a step, or `None`.

    Returns:
      The trainer.
    """
    judge = make_judge(model, loss, task, lambda x: x)
    return make_trainer(judge, nn.value_and_grad(model, loss), optimizer, shape, augment)


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
    """Train a network once for each seed, and measure it after every epoch.

    Args:
      model: the network.
      optimizer: an `(init, update)` pair.
      data: `(x_train, y_train), (x_test, y_test)`, ready for the network, with encoded targets.
      settings: give the number of seeds.
      epochs: passes over the training examples.
      loss: the loss that is minimised.
      task: names the score and finishes it.
      batch_size: examples per step.
      start: the network that gives the initial parameters, or `None` for the model itself. Runs
        that differ only in their start then share one compilation.
      seeds: the seeds, or `None` for those of the settings.
      parts: the parts that are measured: "train", "test", both or none.
      augment: the distortion of the inputs of a step, or `None`.

    Returns:
      For each part `{part}_loss` and `{part}_{score}`, each `(seeds, epochs + 1)`, with the values
      before training in the first column; and `params`, one tree for each seed.
    """
    splits = {name: split(*part) for name, part in zip(("train", "test"), data, strict=True)}
    shape = data[0][0].shape[1:]
    trainer = trainer_of(model, optimizer, loss, task, shape, augment)
    names = [f"{part}_{name}" for part in parts for name in ("loss", task.score)]
    measures: dict[str, list[list[float]]] = {name: [] for name in names}
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
            means = [measure(trainer.judge, state.judged, splits[part]) for part in parts]
            rows.append([value for pair in means for value in pair])
        for name, column in zip(measures, zip(*rows, strict=True), strict=True):
            measures[name].append(list(column))
        finals.append(jax.tree.map(np.array, state.judged))
    return {**{name: np.array(values) for name, values in measures.items()}, "params": finals}


def split(x: np.ndarray, y: np.ndarray, indices: np.ndarray | None = None) -> Split:
    """A split of examples on the device: all of them, or those at the indices."""
    examples = Examples(jnp.asarray(x), jnp.asarray(y), jnp.ones(len(x), jnp.float32))
    return Split(examples, np.arange(len(x)) if indices is None else indices, seen=len(x))


class RuledFit(NamedTuple):
    """Training by `jaxmlp.training.fit`, with its rules for stopping and for the rate."""

    trainer: Trainer
    epochs: int
    batch_size: int
    rate: float

    def __call__(
        self, train: Split, valid: Split | None, seed: int, rules: Rules
    ) -> tuple[Progress, History]:
        """Train once; return where the run ended, and its history."""
        state, best = begin(self.trainer, seed)
        history = History(self.trainer.judge.task, best, lambda epoch: self.rate, rules)
        *_, last = fit(
            self.trainer,
            train,
            valid,
            state,
            history,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
        )
        return last, history
