"""From the names and numbers of a configuration to what they stand for.

The network, its loss, the learning rate, the optimizer, and the rules that end a run.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import nn, optim
from jaxmlp.config.names import (
    ACTIVATIONS,
    AUGMENTATIONS,
    FORWARD_ONLY,
    INITIALIZERS,
    LEARNED_ACTIVATIONS,
    LOSSES,
    OPTIMIZER_TABLE,
    OPTIMIZERS,
    PLATEAU,
    SCALED_INITIALIZERS,
    SCHEDULES,
)
from jaxmlp.config.options import Config
from jaxmlp.config.signature import Spec
from jaxmlp.errors import check
from jaxmlp.training import Augment, Rules, augmentation


def model_from(config: Config, outputs: int) -> nn.Layer:
    """Return the network of a configuration.

    Args:
      config: the configuration.
      outputs: the number of raw outputs.

    Returns:
      A layer.
    """
    kernel = _initializer(config)
    functions = [_nonlinearity(name) for name in config.activation]
    if config.model == "lenet":
        model = nn.lenet(outputs, functions[0], kernel, config.dropout)
    else:
        hidden = config.hidden or ()
        if len(functions) == 1:
            functions *= len(hidden)
        model = nn.mlp(hidden, outputs, functions, kernel, config.dropout, config.layer_norm)
    if config.precision == "float32":
        return model
    keep = "float32" if config.precision == "bfloat16" else config.precision
    return nn.computing_in(model, config.precision, keep)


def _initializer(config: Config) -> nn.Initializer:
    chosen = INITIALIZERS[config.initializer]
    if config.initializer in SCALED_INITIALIZERS:
        return chosen(config.initializer_scale)
    if config.fan is None:
        return chosen
    family, _, distribution = config.initializer.partition("_")
    families = nn.initializers.GAINS
    check(family in families, "fan", f"left away but for {', '.join(families)}", config.fan)
    return nn.initializers.variance_scaling(families[family], config.fan, distribution)


def _nonlinearity(name: str) -> Any:
    """Return an activation, or what makes one that learns."""
    for table in (ACTIVATIONS, LEARNED_ACTIVATIONS):
        if name in table.names:
            return table[name]
    return FORWARD_ONLY[name]


def loss_from(config: Config, spec: Spec) -> nn.Loss:
    """Return what training minimises.

    Args:
      config: the configuration.
      spec: for the loss that a network is judged by.

    Returns:
      That loss, its targets smoothed if the configuration says so.

    Raises:
      InputError: if targets are to be smoothed where there is no output per class.
    """
    loss, smoothing = LOSSES[spec.loss], config.label_smoothing
    if not smoothing:
        return loss
    classes = spec.task == "multiclass"
    check(classes, "label_smoothing", "0 unless there is an output per class", smoothing)
    return nn.losses.smoothed(loss, smoothing)


def schedule_from(config: Config, steps: int) -> optim.schedules.Schedule:
    """Return the learning rate at each step of a run of so many steps."""
    peak, name = config.learning_rate, config.schedule
    assert peak is not None
    if name in ("constant", PLATEAU):
        return optim.schedules.constant(peak)
    return SCHEDULES[name](peak, steps)


def rates_of_epochs(rate: optim.schedules.Schedule, steps: int, epochs: int) -> jax.Array:
    """Return the learning rate at the last of the steps of each epoch, `(epochs,)`."""
    last = np.arange(1, epochs + 1) * steps - 1
    return jnp.broadcast_to(rate(last), last.shape)


def optimizer_from(config: Config, rate: optim.schedules.Schedule) -> Any:
    """Return the optimizer of a complete configuration, an `(init, update)` pair.

    Args:
      config: the configuration.
      rate: the learning rate at a step.

    Returns:
      An optimizer, ours or Optax's.
    """
    assert config.optimizer is not None
    assert config.weight_decay is not None
    entry = OPTIMIZER_TABLE[config.optimizer]
    arguments = {name: getattr(config, field) for name, field in entry.arguments.items()}
    if config.momentum_schedule == "sutskever" and "mu" in arguments:
        arguments["mu"] = optim.schedules.sutskever(config.momentum)
    optimizer = OPTIMIZERS[config.optimizer_source][config.optimizer](rate, **arguments)
    decay: Any = config.weight_decay
    decays = isinstance(decay, jax.Array) or decay > 0  # traced, it is used in any case
    if decays and "weight_decay" not in arguments:
        optimizer = optim.with_weight_decay(optimizer, rate, config.weight_decay)
    if config.clip_norm is not None:
        optimizer = optim.with_clipping(optimizer, config.clip_norm)
    return optimizer


def augment_from(config: Config, shape: tuple[int, ...]) -> Augment | None:
    """Return how a configuration distorts the inputs of a step, of this shape, if it does."""
    if not config.augment:
        return None
    check(len(shape) == 3, "augment", "left away unless for pictures", config.augment)
    fields = [AUGMENTATIONS[name] for name in config.augment]
    return augmentation(fields, config.augment_strength)


def rules_from(config: Config) -> Rules:
    """Return when a run of a complete configuration stops early, and when its rate falls."""
    return Rules(
        patience=config.patience,
        min_decrease=config.min_decrease,
        min_change=config.min_change,
        plateau=config.plateau_patience if config.schedule == PLATEAU else None,
    )
