"""From a configuration and data to the parts of a training problem."""

import dataclasses
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxmlp import nn, optim
from jaxmlp.config.factory import (
    augment_from,
    loss_from,
    model_from,
    optimizer_from,
    rates_of_epochs,
    schedule_from,
)
from jaxmlp.config.names import LOSSES, MODELS, OPTIMIZER_TABLE
from jaxmlp.config.options import Config
from jaxmlp.config.signature import Spec, arrays_from, prepare, together
from jaxmlp.data import Dataset, Preprocessing, background, holdout, iterate_chunks, with_task
from jaxmlp.errors import InputError, check
from jaxmlp.training import (
    TASKS,
    Examples,
    Split,
    Task,
    Trainer,
    make_trainer,
    shapes_of_start,
    task_for,
)

ENOUGH = 10_000  # pictures to tell by what they stand on
LEAST_STEPS = 2000  # of a default run, so that small data are learned as well


@dataclass(frozen=True)
class Problem:
    """A training problem, ready to run.

    Attributes:
      config: the configuration, complete.
      spec: what the network expects and returns.
      task: how it is posed.
      trainer: the compiled functions.
      train, valid, test: the parts of the data, which share the examples on the device, and so the
        compiled programs; `valid` may be missing.
      learning_rate: `step -> rate`, of the last step of an epoch.
    """

    config: Config
    spec: Spec
    task: Task
    trainer: Trainer
    train: Split
    valid: Split | None
    test: Split
    learning_rate: Callable[[int], float]


def arithmetic(config: Config) -> AbstractContextManager[None]:
    """Return the context in which a configuration's arrays are made and computed with.

    JAX knows float64 only where it is told to; elsewhere it makes float32 of it.
    """
    return jax.enable_x64(config.precision == "float64")


def resolve(config: Config, dataset: Dataset) -> Config:
    """Return the configuration with everything chosen that was left to the data.

    Args:
      config: the configuration as given.
      dataset: the data.

    Returns:
      A configuration in which only what is not used is `None`.

    Raises:
      InputError: if a part or a batch would be larger than the data, or options do not go together.
    """
    total = len(dataset.x_train)
    valid = min(5000, total // 10) if config.valid_size is None else config.valid_size
    check(valid < total, "valid_size", f"less than the {total} training examples", valid)
    n = total - valid
    batch = min(128, n) if config.batch_size is None else config.batch_size
    check(batch <= n, "batch_size", f"at most the {n} training examples", batch)
    steps = math.ceil(n / batch)
    entry = MODELS[config.model]
    _, loss = task_for(dataset.task, config.loss or _loss_of(config.model, dataset.task))
    optimizer = config.optimizer or entry.optimizer
    usual = OPTIMIZER_TABLE[optimizer]
    chosen: dict[str, Any] = {
        "hidden": entry.hidden,
        "valid_size": valid,
        "batch_size": batch,
        "loss": loss,
        "optimizer": optimizer,
        "epochs": max(10, math.ceil(LEAST_STEPS / steps)),
        "learning_rate": usual.rate,
        "weight_decay": usual.weight_decay,
    }
    left = {name: value for name, value in chosen.items() if getattr(config, name) is None}
    config = dataclasses.replace(config, task=dataset.task, **left)
    _check_together(config)
    return config


def _check_together(config: Config) -> None:
    """Reject options that each are good, but of which one would have no effect."""
    assert config.hidden is not None
    number = (1, len(config.hidden) or 1)
    layers = f"one, or one for each of {len(config.hidden)} hidden layers"
    check(len(config.activation) in number, "activation", layers, config.activation)
    deep = bool(config.hidden) or config.model == "lenet"
    check(deep or not config.dropout, "dropout", "0 without hidden layers", config.dropout)
    check(bool(config.hidden) or not config.layer_norm, "layer_norm", "for an mlp's layers", True)
    plain = config.augment_strength == 1
    without = "1 without augment"
    check(bool(config.augment) or plain, "augment_strength", without, config.augment_strength)
    grows = config.momentum_schedule != "constant"
    ours = config.optimizer in ("momentum", "nesterov") and config.optimizer_source == "manual"
    what = "constant but for our own momentum and nesterov"
    check(ours or not grows, "momentum_schedule", what, config.momentum_schedule)
    if config.valid_size == 0:
        without = "left away without a validation part"
        check(config.patience is None, "patience", without, config.patience)


def _loss_of(model: str, task: str) -> str | None:
    """Return the loss that defines a model, where it has one for the task."""
    loss = MODELS[model].loss
    if loss and task not in ("multiclass", "binary"):
        raise InputError(f"model {model} is for classes, got {task} data")
    if loss == "perceptron" and task != "binary":
        raise InputError(f"model {model} is for two classes, got {task} data")
    return loss


def trainer_from(config: Config, spec: Spec, rate: optim.schedules.Schedule) -> Trainer:
    """Return the compiled functions for a complete configuration.

    Args:
      config: the configuration.
      spec: what the network expects and returns.
      rate: the learning rate at a step.

    Returns:
      The trainer.

    Raises:
      InputError: if options do not go together.
    """
    task = TASKS[spec.task]
    model = model_from(config, task.outputs(len(spec.classes)))
    value_and_grad = nn.value_and_grad
    if config.gradient == "autodiff":
        from jaxmlp.config.referees import autodiff as value_and_grad
    return make_trainer(
        model,
        LOSSES[spec.loss],
        value_and_grad(model, loss_from(config, spec)),
        optimizer_from(config, rate),
        task.score_each,
        prepare(spec),
        spec.input_shape,
        augment_from(config, spec.input_shape),
    )


def split_training(config: Config, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the training and of the validation part, stratified by class.

    Args:
      config: the complete configuration, for the size and the seed.
      dataset: the data.

    Returns:
      Two int32 arrays of indices, which together are all training examples.
    """
    assert config.valid_size is not None
    stratify = dataset.task in ("multiclass", "binary")
    rest, held = holdout(dataset.y_train, config.valid_size, config.seed, stratify=stratify)
    return rest.astype(np.int32), held.astype(np.int32)


def rehearse(trainer: Trainer, examples: Examples, batch_size: int) -> None:
    """Go through a step without computing it, so that what cannot be trained fails here."""
    state, _ = shapes_of_start(trainer)
    order = jax.ShapeDtypeStruct((1, 1, batch_size), np.int32)
    jax.eval_shape(trainer.run, state, examples, order, 0, 1)


def weights_from(config: Config, dataset: Dataset, rest: np.ndarray) -> np.ndarray | None:
    """Return the examples' weights that a configuration asks for, if it does."""
    return class_weights(dataset.y_train, rest) if config.class_weights == "balanced" else None


def class_weights(y: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Return each example's weight, so that all classes weigh alike: `n / (K n_class)`.

    Args:
      y: labels `(N,)`.
      rest: which of them are for training, and counted.

    Returns:
      `(N,)`.

    Raises:
      InputError: if the targets are no labels.
    """
    check(y.ndim == 1, "class_weights", "none unless for classes", "balanced")
    counts = np.bincount(y[rest], minlength=y.max() + 1)
    return (len(rest) / (len(counts) * np.maximum(counts, 1)))[y]


def spec_from(config: Config, dataset: Dataset, rest: np.ndarray) -> Spec:
    """Return what the network of a complete configuration expects and returns.

    Args:
      config: the configuration.
      dataset: the data.
      rest: the indices of the training part, to which preprocessing is fitted.

    Returns:
      The specification.

    Raises:
      InputError: if there is nothing to learn, or the loss does not suit the data.
    """
    task, loss = task_for(dataset.task, config.loss)
    x = dataset.x_train
    regression, pictures = task.name == "regression", x.dtype == np.uint8 and x.ndim == 4
    if regression:
        varies = np.ptp(dataset.y_train[rest], axis=0).min() > 0
        check(bool(varies), "the target", "different in some examples", "the same in all")
    return Spec(
        input_shape=dataset.input_shape,
        task=task.name,
        loss=loss,
        classes=dataset.classes,
        preprocessing=Preprocessing.fit(config.preprocessing, x, rest),
        raw=x.dtype != np.float64,
        target_preprocessing=(
            Preprocessing.fit("zscore", dataset.y_train[rest]) if regression else None
        ),
        columns=dataset.columns,
        background=background(x[rest[:ENOUGH]]) if pictures else None,
        white=max(int(part.max()) for part in iterate_chunks(x, rest)) if pictures else 255,
    )


def problem_from(config: Config, dataset: Dataset) -> Problem:
    """Return the training problem that a configuration poses on data.

    Args:
      config: the configuration as given.
      dataset: the data.

    Returns:
      The problem, with its configuration complete.

    Raises:
      InputError: if the two do not fit together.
    """
    dataset = with_task(dataset, config.task)
    config = resolve(config, dataset)
    assert config.batch_size is not None
    assert config.epochs is not None
    rest, held = split_training(config, dataset)
    spec = spec_from(config, dataset, rest)
    steps = math.ceil(len(rest) / config.batch_size)
    rate = schedule_from(config, steps * config.epochs)
    rates = np.asarray(jax.jit(partial(rates_of_epochs, rate, steps, config.epochs))())
    trainer = trainer_from(config, spec, rate)
    weights = weights_from(config, dataset, rest)
    training = arrays_from(spec, dataset.x_train, dataset.y_train, weights)
    test = arrays_from(spec, dataset.x_test, dataset.y_test)
    examples = Examples(*jax.device_put(tuple(map(together, training, test))))
    rehearse(trainer, examples, config.batch_size)
    seen = len(dataset.x_train)
    split = partial(Split, examples, seen=seen)
    return Problem(
        config,
        spec,
        TASKS[spec.task],
        trainer,
        train=split(rest),
        valid=split(held) if len(held) else None,
        test=split(np.arange(seen, len(examples.weights))),
        learning_rate=lambda step: float(rates[step // steps]),
    )
