"""Completes a configuration from the data: every value that the user left open is chosen.

And rejects options that have no effect together, so that none is ignored without a word.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from jaxmlp.config.defaults import defaults_for, precision_for
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
from jaxmlp.config.recipe import Recipe, recipe_of
from jaxmlp.data import Dataset
from jaxmlp.errors import InputError, check, shown
from jaxmlp.training.rules import LAST, Rules
from jaxmlp.training.tasks import TASKS, Task, task_for

LARGEST = float(np.finfo(np.float32).max)
QUANTILES = (0.1, 0.5, 0.9)  # the middle, and an interval that holds four of five


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
    if config.precision == "auto":
        scaling = config.preprocessing or left["preprocessing"]
        left["precision"] = precision_for(config.model, hidden, batch, scaling)
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
    for field in ("input_dropout", "input_noise"):
        if getattr(recipe, field) and is_own(recipe.model):
            words = f"got {getattr(recipe, field):g} with {recipe.model.label}"
            raise InputError(f"{field} is for the networks of jaxmlp, {words}")
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
    if numbers.max_norm is not None:
        words = "whose average would leave the ball"
        raise InputError(f"max_norm does not apply to {name}, {words}")
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
