"""The recipe of a run: the user's configuration, completed from the data.

Every value in a recipe is chosen. Its numbers, such as the learning rate, are a tree of their own.
A compiled program can take this tree as an argument, so that one program trains many runs.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jax import Array

from jaxmlp.config.defaults import defaults_for
from jaxmlp.config.fields import MOST
from jaxmlp.config.folds import fold_parts
from jaxmlp.config.names import (
    OPTIMIZER_TABLE,
    PLATEAU,
    SCHEDULE_ARGUMENTS,
    SCHEDULE_FREE,
    WITH_ALPHA,
    model_entry,
    optimizer_entry,
)
from jaxmlp.config.options import Config
from jaxmlp.config.own_parts import is_own
from jaxmlp.data import Dataset
from jaxmlp.errors import InputError, check, shown
from jaxmlp.training.rules import LAST, Rules
from jaxmlp.training.tasks import TASKS, Task, task_for

LARGEST = float(np.finfo(np.float32).max)
QUANTILES = (0.1, 0.5, 0.9)  # the middle, and an interval that holds four of five
Number = float | Array
ALWAYS_USED = ("learning_rate", "clip_norm", "ema", "sam")
_CHOSEN = (  # the fields that a configuration may leave to the data, and a recipe may not
    *("task", "valid_size", "hidden", "loss", "optimizer", "schedule", "preprocessing"),
    *("learning_rate", "batch_size", "epochs", "dropout", "monitor"),
)


class Numbers(NamedTuple):
    """The numbers of an update rule; `None` where the rule or the recipe does not use one.

    Attributes:
      learning_rate: the rate, or the peak of the schedule.
      weight_decay: decoupled, of the kernels only.
      momentum: the coefficient of momentum and nesterov, or its maximum, and of muon.
      decay: how much of RMSProp's mean square is kept.
      beta1: how much of Adam's first moment is kept.
      beta2: how much of Adam's second moment is kept.
      epsilon: keeps the divisor from 0.
      clip_norm: the greatest length of a gradient.
      ema: how much of the average of the weights is kept.
      sam: the radius within which the gradient is taken at the worst point.
    """

    learning_rate: Number
    weight_decay: Number | None
    momentum: Number | None
    decay: Number | None
    beta1: Number | None
    beta2: Number | None
    epsilon: Number | None
    clip_norm: Number | None
    ema: Number | None
    sam: Number | None


@dataclass(frozen=True)
class Recipe:
    """Everything that a run is made of; the fields are those of `jaxmlp.config.options.Config`.

    `None` stands for what the run does not have: a folder or a target column that its data do not
    need, a fan other than the initializer's own, an alpha other than the activation's own, an
    epsilon elsewhere than in the rule's own form, a rule that never stops it.
    """

    dataset: str
    data_dir: str | None
    target: str | None
    drop: tuple[str, ...]
    keep: tuple[str, ...]
    categorical: tuple[str, ...]
    numeric: tuple[str, ...]
    missing: tuple[str, ...]
    weight: str | None
    group: str | None
    time: str | None
    test: str | None
    test_size: float | None
    header: bool | None
    picture_size: int | None
    delimiter: str | None
    decimal: str | None
    thousands: str | None
    quote: str | None
    encoding: str | None
    task: str
    preprocessing: str
    augment: tuple[str, ...]
    augment_strength: float
    valid_size: int
    fold: str | None

    model: str
    hidden: tuple[int, ...]
    activation: tuple[str, ...]
    output_activation: str
    alpha: float | None
    init_from: str | None
    initializer: str
    initializer_scale: float
    fan: str | None
    layer_norm: bool
    dropout: float
    embed: str
    ensemble: int

    loss: str
    quantiles: tuple[float, ...]
    label_smoothing: float
    class_weights: str
    calibrate: bool
    false_positive_cost: float
    false_negative_cost: float
    optimizer: str
    schedule: str
    schedule_end: float
    restarts: int
    plateau_patience: int
    momentum_schedule: str
    epsilon_inside: bool | None
    batch_size: int
    shuffle: bool
    epochs: int
    patience: int | None
    monitor: str
    min_improvement: float
    min_decrease: float
    min_change: float
    seed: int
    gradient: str
    precision: str
    optimizer_source: str
    numbers: Numbers

    @property
    def threshold(self) -> float:
        """The probability of the second class above which it costs less to say it.

        To say the second class of an example costs `(1 - p) c_fp` on average, to say the first
        `p c_fn`. The two are equal at `p = c_fp / (c_fp + c_fn)` (Elkan 2001).
        """
        return self.false_positive_cost / (self.false_positive_cost + self.false_negative_cost)

    def to_config(self) -> Config:
        """Return the configuration that gives this recipe, with nothing left to be chosen."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        numbers = {k: v for k, v in fields.pop("numbers")._asdict().items() if v is not None}
        return Config(**fields, **numbers)


def complete(config: Config, dataset: Dataset) -> Recipe:
    """Complete a configuration: choose every value that the user left open.

    Args:
      config: the configuration as given.
      dataset: the data.

    Returns:
      The recipe.

    Raises:
      InputError: if a part or a batch would be larger than the data, or options do not go together.
    """
    total = len(dataset.x_train)
    own = dataset.valid or min(5000, total // 10)
    if config.fold is not None:
        own = len(fold_parts(dataset, config.fold, config.seed)[1])
        need = f"left out with fold {config.fold}, which has {own} examples"
        check(config.valid_size in (None, own), "valid_size", need, config.valid_size)
    valid = own if config.valid_size is None else config.valid_size
    check(valid < total, "valid_size", f"less than the {total} training examples", valid)
    n = total - valid
    batch = min(128, n) if config.batch_size is None else config.batch_size
    check(batch <= n, "batch_size", f"at most the {n} training examples", batch)
    entry = model_entry(config.model)
    _, loss = task_and_loss(dataset.task, config.loss or _loss_of(config.model, dataset.task))
    optimizer = config.optimizer or entry.optimizer
    defaults = defaults_for(dataset)
    hidden = entry.hidden if config.hidden is None else config.hidden
    chosen: dict[str, Any] = {
        **defaults.choose(n, optimizer, bool(hidden), valid > 0),
        "hidden": entry.hidden,
        "valid_size": valid,
        "batch_size": batch,
        "loss": loss,
        "optimizer": optimizer,
        "schedule": optimizer_entry(optimizer).schedule,
        "epochs": max(10, math.ceil(defaults.least_steps / math.ceil(n / batch))),
    }
    if config.fold is not None:  # whose examples judge the network, and choose nothing
        chosen["monitor"] = LAST
    if dataset.task == "regression" and config.learning_rate is None:
        chosen["clip_norm"] = optimizer_entry(optimizer).clip_norm  # the default rate is safe so
    if loss == "quantile":
        config = dataclasses.replace(config, quantiles=config.quantiles or QUANTILES)
        if valid and config.fold is None:
            chosen["monitor"] = "loss"  # the score looks at one of the quantiles only
    left = {name: value for name, value in chosen.items() if getattr(config, name) is None}
    _reject_idle_with_own(config)
    recipe = recipe_of(dataclasses.replace(config, task=dataset.task, **left))
    steps = math.ceil(n / batch)
    most = f"at most {MOST // steps}, since {steps} steps in an epoch are counted up to {MOST}"
    check(recipe.epochs * steps <= MOST, "epochs", most, recipe.epochs)
    _reject_idle_options(recipe)
    _check_range(recipe)
    two = len(dataset.classes) == 2 and recipe.task in ("multiclass", "binary")
    if recipe.threshold != 0.5 and not two:
        raise InputError(
            "false_positive_cost and false_negative_cost are for two classes, got"
            f" {len(dataset.classes)} of {recipe.task} data"
        )
    return recipe


def recipe_of(config: Config, where: object = "the configuration") -> Recipe:
    """Return the recipe of a configuration that leaves nothing to be chosen, as a run's does.

    Args:
      config: the configuration.
      where: its file, for error messages.

    Returns:
      The recipe.

    Raises:
      InputError: if a field is left to be chosen.
    """
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    for name in _CHOSEN:
        check(values[name] is not None, f"{where}: {name}", "given in a run", None)
    used = {*ALWAYS_USED, *optimizer_entry(values["optimizer"]).arguments.values()}
    if values["weight_decay"]:
        used.add("weight_decay")  # a decay of 0 means that the rule is not used
    numbers: dict[str, Any] = {
        name: values[name] if name in used else None for name in Numbers._fields
    }
    names = {field.name for field in dataclasses.fields(Recipe)} - {"numbers"}
    return Recipe(**{name: values[name] for name in names}, numbers=Numbers(**numbers))


def task_and_loss(kind: str, loss: str | None) -> tuple[Task, str]:
    """Return the task for a data set's kind of targets and a loss, and the loss's name.

    A loss of one's own suits every task, and changes none: two classes take one output z with
    targets 0 and 1, `(N, 1)`, several classes an output each and labels `(N,)`; the probabilities
    are the sigmoid or the softmax of z. For the others see `jaxmlp.training.tasks.task_for`.

    Args:
      kind: `multiclass`, `binary`, `multilabel` or `regression`.
      loss: a loss's name; `None` for the task's default.

    Returns:
      The task and the name of the loss.

    Raises:
      InputError: if the loss does not suit the task.
    """
    return (TASKS[kind], loss) if loss is not None and is_own(loss) else task_for(kind, loss)


def _reject_idle_with_own(config: Config) -> None:
    """Reject options that a part of one's own has no use for."""
    usual = type(config)()  # gradcheck and explain have defaults of their own
    if is_own(config.model):
        for name in ("activation", "initializer", "alpha", "fan", "initializer_scale"):
            value = getattr(config, name)
            if value != getattr(usual, name):
                raise InputError(
                    f"{name} does not apply to {config.model.label}, got {shown(value)}"
                )
    if is_own(config.optimizer) and config.optimizer_source != usual.optimizer_source:
        words = f"optimizer_source {config.optimizer_source} does not apply to"
        raise InputError(f"{words} {config.optimizer.label}")


def _reject_idle_options(recipe: Recipe) -> None:
    """Reject some combinations in which a valid option would have no effect.

    The numbers of other update rules and initializers pass: a configuration holds their defaults.
    """
    hidden, many = recipe.hidden, len(recipe.activation)
    if many not in (1, len(hidden) or 1):
        layers = f"one name, or one for each of {len(hidden)} hidden layers"
        check(False, "activation", layers, shown(recipe.activation))
    if recipe.alpha is not None and not {*recipe.activation} & {*WITH_ALPHA}:
        words = f"alpha applies only to {' and '.join(WITH_ALPHA)}"
        raise InputError(f"{words}, got {recipe.alpha:g} with {' '.join(recipe.activation)}")
    if recipe.dropout and not hidden and recipe.model != "lenet":
        raise InputError(f"dropout {recipe.dropout:g} needs hidden layers, and there are none")
    if recipe.layer_norm and not hidden:
        raise InputError("layer_norm needs the hidden layers of an mlp, and there are none")
    if recipe.output_activation != "identity" and recipe.task != "regression":
        words = f"got {recipe.output_activation} for {recipe.task} data"
        raise InputError(f"output_activation is for regression, {words}")
    if recipe.embed != "none" and recipe.model != "mlp":
        raise InputError(f"embed is for an mlp, got {recipe.embed} with {recipe.model}")
    if recipe.augment_strength != 1 and not recipe.augment:
        raise InputError(
            f"augment_strength has no effect without augment, got {recipe.augment_strength:g}"
        )
    if recipe.plateau_patience != Config().plateau_patience and recipe.schedule != PLATEAU:
        raise InputError(
            f"plateau_patience applies only to {PLATEAU}, got {recipe.plateau_patience} with"
            f" {recipe.schedule}"
        )
    for field in ("schedule_end", "restarts"):
        value, usual_value = getattr(recipe, field), getattr(Config(), field)
        fitting = [name for name, used in SCHEDULE_ARGUMENTS.items() if field in used.values()]
        if value != usual_value and recipe.schedule not in fitting:
            words = f"{field} applies only to {', '.join(fitting)}"
            raise InputError(f"{words}, got {value:g} with {recipe.schedule}")
    _reject_idle_rules(recipe)
    if recipe.quantiles and recipe.loss != "quantile":
        words = f"got {shown(recipe.quantiles)} with {recipe.loss}"
        raise InputError(f"quantiles applies only to the loss quantile, {words}")
    ascending = recipe.quantiles == tuple(sorted({*recipe.quantiles}))
    check(ascending, "quantiles", "ascending, each once", shown(recipe.quantiles))
    if recipe.calibrate and recipe.task == "regression":
        raise InputError("calibrate is for classes, got regression data")
    if recipe.calibrate and recipe.valid_size == 0:
        raise InputError("calibrate needs a validation part, got valid_size 0")
    usual = Rules()
    for name in ("patience", "monitor", "min_improvement"):
        value = getattr(recipe, name)
        if value in (getattr(usual, name), LAST):
            continue
        if recipe.valid_size == 0:
            raise InputError(f"{name} {value} needs a validation part, got valid_size 0")
        if recipe.monitor == LAST:
            raise InputError(f"{name} {value} needs monitor score or loss, got last")


def _reject_idle_rules(recipe: Recipe) -> None:
    """Reject what an update rule cannot be combined with."""
    name, numbers = recipe.optimizer, recipe.numbers
    ours = name in ("momentum", "nesterov") and recipe.optimizer_source == "manual"
    if recipe.momentum_schedule != "constant" and not ours:
        raise InputError(
            f"momentum_schedule {recipe.momentum_schedule} needs the hand-written momentum or"
            f" nesterov, got {name} ({recipe.optimizer_source})"
        )
    if recipe.epsilon_inside is not None and not optimizer_entry(name).roots:
        words = ", ".join(name for name, entry in OPTIMIZER_TABLE.items() if entry.roots)
        given = str(recipe.epsilon_inside).lower()
        raise InputError(f"epsilon_inside applies only to {words}, got {given} with {name}")
    if name == "muon" and not recipe.hidden and recipe.model != "lenet":
        raise InputError("muon is for the kernels of hidden layers, and there are none")
    if name not in SCHEDULE_FREE:
        return
    if recipe.schedule != "constant":
        raise InputError(f"{name} takes schedule constant, got {recipe.schedule}")
    if numbers.ema is not None:
        raise InputError(f"ema does not apply to {name}, which keeps an average of its own")
    if recipe.optimizer_source == "optax" and numbers.beta1 == 0:
        raise InputError(f"beta1 of Optax's {name} must be positive, got 0")


def _check_range(recipe: Recipe) -> None:
    """Reject a number that the type of the arithmetic does not hold."""
    if recipe.precision == "float64":
        return
    most = f"at most {LARGEST:.7g}, the greatest number of float32; precision float64 holds more"
    for name, value in (vars(recipe) | recipe.numbers._asdict()).items():
        if isinstance(value, float):
            check(value <= LARGEST, name, most, value)


def _loss_of(model: str, task: str) -> str | None:
    """Return the loss that defines a model, where it has one for the task."""
    loss = model_entry(model).loss
    if loss and task not in ("multiclass", "binary"):
        raise InputError(f"model {model} is for classes, got {task} data")
    if loss == "perceptron" and task != "binary":
        raise InputError(f"model {model} is for two classes, got {task} data")
    return loss
