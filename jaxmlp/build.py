"""From a configuration and data to the parts of a training problem."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxmlp import nn, optim
from jaxmlp.config import Config
from jaxmlp.data import Dataset, Preprocessing, background, holdout
from jaxmlp.errors import check
from jaxmlp.registry import (
    ACTIVATIONS,
    INITIALIZERS,
    LOSSES,
    OPTIMIZER_TABLE,
    OPTIMIZERS,
    SCALED_INITIALIZERS,
    SCHEDULES,
)
from jaxmlp.training import TASKS, Examples, Split, Task, Trainer, make_trainer, task_for

LEAST_STEPS = 2000  # of a default run, so that small data are learned as well


@dataclass(frozen=True)
class Spec:
    """What a network expects and returns: all that is needed beside its weights to use it.

    Attributes:
      input_shape: of one example, without the batch axis.
      task: the name of the task.
      loss: the name of the loss.
      classes: the names of classes, labels or predicted values.
      preprocessing: of the inputs.
      target_preprocessing: of the targets, in regression.
      columns: how a table's rows become numbers, or `None`.
      background: whether pictures of the training part are `dark` or `light` at the border.
      white: the largest value in them.
    """

    input_shape: tuple[int, ...]
    task: str
    loss: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    target_preprocessing: Preprocessing | None = None
    columns: dict[str, Any] | None = None
    background: str | None = None
    white: int = 255

    def to_dict(self) -> dict[str, Any]:
        """Return the record as it is saved."""
        saved = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("preprocessing", "target_preprocessing"):
            saved[name] = saved[name] and saved[name].to_dict()
        return saved

    @staticmethod
    def from_dict(saved: dict[str, Any]) -> "Spec":
        """Return the record that was saved."""
        values = dict(saved)
        for name in ("preprocessing", "target_preprocessing"):
            values[name] = values[name] and Preprocessing.from_dict(values[name])
        for name in ("input_shape", "classes"):
            values[name] = tuple(values[name])
        return Spec(**values)


@dataclass(frozen=True)
class Problem:
    """A training problem, ready to run.

    Attributes:
      config: the configuration, complete.
      spec: what the network expects and returns.
      task: how it is posed.
      trainer: the compiled functions.
      train, valid, test: the parts of the data; `valid` may be missing.
      learning_rate: `step -> rate`.
    """

    config: Config
    spec: Spec
    task: Task
    trainer: Trainer
    train: Split
    valid: Split | None
    test: Split
    learning_rate: Callable[[int], float]


def resolve(config: Config, dataset: Dataset) -> Config:
    """Return the configuration with everything chosen that was left to the data.

    Args:
      config: the configuration as given.
      dataset: the data.

    Returns:
      A configuration without `None` but for `data_dir` and `target`.

    Raises:
      InputError: if a part or a batch would be larger than the data.
    """
    total = len(dataset.x_train)
    valid = min(5000, total // 10) if config.valid_size is None else config.valid_size
    check(valid < total, "valid_size", f"less than the {total} training examples", valid)
    n = total - valid
    batch = min(128, n) if config.batch_size is None else config.batch_size
    check(batch <= n, "batch_size", f"at most the {n} training examples", batch)
    steps = math.ceil(n / batch)
    _, loss = task_for(dataset.task, config.loss)
    usual = OPTIMIZER_TABLE[config.optimizer]
    return dataclasses.replace(
        config,
        valid_size=valid,
        batch_size=batch,
        loss=loss,
        epochs=max(10, math.ceil(LEAST_STEPS / steps)) if config.epochs is None else config.epochs,
        learning_rate=usual.rate if config.learning_rate is None else config.learning_rate,
        weight_decay=usual.weight_decay if config.weight_decay is None else config.weight_decay,
    )


def model_from(config: Config, outputs: int) -> nn.Layer:
    """Return the network of a configuration.

    Args:
      config: the configuration.
      outputs: the number of raw outputs.

    Returns:
      A layer.
    """
    initializer = INITIALIZERS[config.initializer]
    if config.initializer in SCALED_INITIALIZERS:
        initializer = initializer(config.initializer_scale)
    functions = [ACTIVATIONS[name] for name in config.activation]
    if len(functions) == 1:
        functions *= len(config.hidden)
    return nn.mlp(config.hidden, outputs, functions, initializer, config.dropout)


def optimizer_from(config: Config, steps: int) -> tuple[Any, optim.schedules.Schedule]:
    """Return the optimizer of a complete configuration, and its schedule.

    Args:
      config: the configuration.
      steps: the number of steps of the whole run.

    Returns:
      An `(init, update)` pair, and `step -> learning rate`.
    """
    assert config.learning_rate is not None
    make_schedule = SCHEDULES[config.schedule]
    peak = config.learning_rate
    rate = make_schedule(peak) if config.schedule == "constant" else make_schedule(peak, steps)
    entry = OPTIMIZER_TABLE[config.optimizer]
    arguments = {name: getattr(config, field) for name, field in entry.arguments.items()}
    optimizer = OPTIMIZERS[config.optimizer_source][config.optimizer](rate, **arguments)
    if config.weight_decay:
        optimizer = optim.with_weight_decay(optimizer, rate, config.weight_decay)
    return optimizer, rate


def trainer_from(config: Config, spec: Spec, steps: int) -> tuple[Trainer, Callable[[int], float]]:
    """Return the compiled functions for a complete configuration.

    Args:
      config: the configuration.
      spec: what the network expects and returns.
      steps: the number of steps of the whole run.

    Returns:
      The trainer, and the learning rate at a step.
    """
    task = TASKS[spec.task]
    model = model_from(config, task.outputs(len(spec.classes)))
    loss = LOSSES[spec.loss]
    optimizer, rate = optimizer_from(config, steps)
    value_and_grad = nn.value_and_grad
    if config.gradient == "autodiff":
        from jaxmlp.referees import autodiff as value_and_grad
    trainer = make_trainer(
        model,
        loss,
        value_and_grad(model, loss),
        optimizer,
        task.score_each,
        _prepare(spec),
        spec.input_shape,
    )
    return trainer, lambda step: float(rate(step))


def _prepare(spec: Spec) -> Callable[[jax.Array], jax.Array]:
    """Return what a step does to stored inputs: pictures are stored raw, all else is ready."""
    return lambda x: spec.preprocessing(x) if x.dtype == np.uint8 else x


def stored(spec: Spec, x: np.ndarray) -> np.ndarray:
    """Return inputs as they are kept on the device: pictures raw, all else preprocessed.

    Args:
      spec: for the preprocessing.
      x: inputs as the data set has them.

    Returns:
      `uint8`, or float32 computed in the input's own precision.

    Raises:
      InputError: if the shape of an example is not the network's.
    """
    shape = spec.input_shape
    check(x.shape[1:] == shape, "the shape of an example", f"{shape} as in training", x.shape[1:])
    return x if x.dtype == np.uint8 else np.asarray(spec.preprocessing(x), np.float32)


def examples_from(spec: Spec, x: np.ndarray, y: np.ndarray) -> Examples:
    """Put examples on the device.

    Args:
      spec: for preprocessing and task.
      x: inputs as the data set has them.
      y: targets as the data set has them.

    Returns:
      The examples.

    Raises:
      InputError: if the shape of an example is not the network's.
    """
    y = spec.target_preprocessing(y) if spec.target_preprocessing else y
    targets = TASKS[spec.task].encode(y)
    return Examples(*jax.device_put((stored(spec, x), targets, np.ones(len(x), np.float32))))


def split_training(config: Config, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the training and of the validation part, stratified by class.

    Args:
      config: the complete configuration, for the size and the seed.
      dataset: the data.

    Returns:
      Two arrays of indices, which together are all training examples.
    """
    assert config.valid_size is not None
    stratify = dataset.task in ("multiclass", "binary")
    return holdout(dataset.y_train, config.valid_size, config.seed, stratify=stratify)


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
    config = resolve(config, dataset)
    assert config.batch_size is not None
    assert config.epochs is not None
    rest, held = split_training(config, dataset)
    x_rest = dataset.x_train[rest]
    task, loss = task_for(dataset.task, config.loss)
    regression, pictures = task.name == "regression", x_rest.dtype == np.uint8
    spec = Spec(
        input_shape=dataset.input_shape,
        task=task.name,
        loss=loss,
        classes=dataset.classes,
        preprocessing=Preprocessing.fit(config.preprocessing, x_rest),
        target_preprocessing=(
            Preprocessing.fit("zscore", dataset.y_train[rest]) if regression else None
        ),
        columns=dataset.columns,
        background=background(x_rest) if pictures else None,
        white=int(x_rest.max()) if pictures else 255,
    )
    del x_rest
    steps = math.ceil(len(rest) / config.batch_size) * config.epochs
    trainer, learning_rate = trainer_from(config, spec, steps)
    training = examples_from(spec, dataset.x_train, dataset.y_train)
    test = examples_from(spec, dataset.x_test, dataset.y_test)
    return Problem(
        config,
        spec,
        task,
        trainer,
        train=Split(training, rest),
        valid=Split(training, held) if len(held) else None,
        test=Split(test, np.arange(len(dataset.x_test))),
        learning_rate=learning_rate,
    )
