"""A run's configuration: one frozen record, checked once, saved as JSON beside the weights.

Each field is an option of `python -m jaxmlp.train` as well; its text here is the option's help. A
field that is `None` is chosen from the data when the run starts, and saved as what was chosen,
unless it stands for a rule that is not used.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxmlp.config.names import (
    ACTIVATIONS,
    AUGMENTATIONS,
    FAN_FAMILIES,
    FORWARD_ONLY,
    INITIALIZERS,
    LEARNED_ACTIVATIONS,
    LOSSES,
    MODELS,
    OPTIMIZERS,
    PLATEAU,
    PREPROCESSING,
    SCALED_INITIALIZERS,
    SCHEDULES,
)
from jaxmlp.errors import InputError, check, unknown

COUNTS = {
    "batch_size": 1,
    "epochs": 1,
    "valid_size": 0,
    "seed": 0,
    "patience": 1,
    "plateau_patience": 1,
}  # fields that count something, and the least they may be
TASK_NAMES = ("multiclass", "binary", "multilabel", "regression")
FORMAT = 1  # of a run folder; a change that makes old runs unreadable counts it up


def option(default: Any, text: str, choices: Sequence[str] = (), group: str = "") -> Any:
    """Declare a field that is also a command-line option.

    Args:
      default: its default.
      text: its help.
      choices: the names it accepts, if it accepts names.
      group: the heading of the help it starts, if it is the first of a group.

    Returns:
      What `dataclasses.field` returns.
    """
    metadata = {"help": text, "choices": tuple(choices), "group": group}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Config:
    """What is trained, on what, and how: everything that the resulting numbers depend on."""

    dataset: str = option("mnist", "a named data set, tfds:NAME, or a file", group="data")
    data_dir: str | None = option(None, "where the data set's files are")
    target: str | None = option(None, "the column of a table to predict")
    task: str | None = option(
        None, "what is asked of the network (read off the target)", TASK_NAMES
    )
    preprocessing: str = option(
        "auto", "fitted on the training part; auto: scale images, zscore tables", PREPROCESSING
    )
    augment: tuple[str, ...] = option(
        (), "how pictures are distorted anew in every training step", AUGMENTATIONS.names
    )
    augment_strength: float = option(1.0, "what those distortions are multiplied by")
    valid_size: int | None = option(
        None, "validation examples, split off the training set (5000, at most a tenth of it)"
    )

    model: str = option("mlp", "kind of network", tuple(MODELS), "network")
    hidden: tuple[int, ...] | None = option(
        None, "width of each hidden layer of an mlp (128); none at all makes it linear"
    )
    activation: tuple[str, ...] = option(
        ("relu",),
        "of the hidden layers, one for all or one for each",
        ACTIVATIONS.names + LEARNED_ACTIVATIONS.names + FORWARD_ONLY.names,
    )
    initializer: str = option("he_normal", "of the kernels", INITIALIZERS.names)
    initializer_scale: float = option(
        0.01, f"the value, deviation or bound of {', '.join(SCALED_INITIALIZERS)}"
    )
    fan: str | None = option(
        None,
        f"what the variance of {', '.join(FAN_FAMILIES)} is divided by (as the family has it)",
        ("fan_in", "fan_out", "fan_avg"),
    )
    layer_norm: bool = option(False, "normalise the hidden units of an mlp before their activation")
    dropout: float = option(0.0, "chance of a hidden unit to be dropped in training")

    loss: str | None = option(
        None, "(what suits the data: several classes, two, or numbers)", LOSSES.names, "training"
    )
    label_smoothing: float = option(0.0, "how much of a class's target is spread over all")
    class_weights: str = option(
        "none", "balanced: weigh rare classes as much as frequent ones", ("none", "balanced")
    )
    optimizer: str | None = option(
        None, "update rule (adamw; sgd for a perceptron)", OPTIMIZERS["manual"].names
    )
    learning_rate: float | None = option(
        None, "the rate, or the peak of the schedule (what suits the optimizer)"
    )
    schedule: str = option(
        "one_cycle",
        "of the learning rate; plateau: constant, divided by ten when the loss stops falling",
        (*SCHEDULES.names, PLATEAU),
    )
    plateau_patience: int = option(3, "epochs without progress before that division")
    momentum: float = option(0.9, "of momentum and nesterov, or its maximum")
    momentum_schedule: str = option(
        "constant", "sutskever: from 1/2 up to the maximum", ("constant", "sutskever")
    )
    decay: float = option(0.9, "of rmsprop's mean square")
    beta1: float = option(0.9, "of the mean gradient of adam and adamw")
    beta2: float = option(0.999, "of the mean square of adam and adamw")
    epsilon: float = option(1e-8, "of adagrad, rmsprop, adam and adamw")
    clip_norm: float | None = option(None, "longest gradient, longer ones are shortened (any)")
    weight_decay: float | None = option(
        None, "decoupled, of the kernels only (what suits the optimizer)"
    )
    batch_size: int | None = option(None, "examples a step (128, at most all)")
    epochs: int | None = option(None, "passes over the data (10, more for less than 2,000 steps)")
    patience: int | None = option(
        None, "stop after this many epochs without a better validation score (never)"
    )
    min_decrease: float = option(0.0, "stop when the training loss changes by less")
    min_change: float = option(0.0, "stop when the parameters move by less in an epoch")
    seed: int = option(0, "of initial weights, order, dropout and validation part")
    gradient: str = option("manual", "by hand, or by jax.value_and_grad", ("manual", "autodiff"))
    precision: str = option(
        "float32",
        "of the arithmetic; bfloat16 keeps parameters, loss and updates in float32",
        ("float32", "bfloat16", "float64"),
    )
    optimizer_source: str = option("manual", "ours, or Optax's", tuple(OPTIMIZERS))

    def __post_init__(self) -> None:
        """Reject what can never be right.

        Raises:
          InputError: names the field, what it must be, and what it is.
        """
        for name in ("learning_rate", "initializer_scale", "clip_norm", "augment_strength"):
            _check_number(name, getattr(self, name), "a finite positive number", lambda x: x > 0)
        for name in ("weight_decay", "epsilon", "min_decrease", "min_change"):
            _check_number(name, getattr(self, name), "a finite number >= 0", lambda x: x >= 0)
        for name in ("dropout", "momentum", "decay", "beta1", "beta2", "label_smoothing"):
            _check_number(name, getattr(self, name), "in [0, 1)", lambda x: 0 <= x < 1)
        for name, least in COUNTS.items():
            value = getattr(self, name)
            check(value is None or value >= least, name, f"at least {least}", value)
        check(self.seed < 2**32, "seed", "less than 2^32", self.seed)
        if self.hidden is not None:
            check(all(width >= 1 for width in self.hidden), "hidden", "widths >= 1", self.hidden)
            widths = MODELS.get(self.model, MODELS["mlp"]).widths
            check(widths or not self.hidden, "hidden", f"left away for {self.model}", self.hidden)
        check(len(self.activation) > 0, "activation", "at least one name", self.activation)
        for field in dataclasses.fields(self):
            value, choices = getattr(self, field.name), field.metadata["choices"]
            for name in value if isinstance(value, tuple) else (value,):
                if choices and name is not None and name not in choices:
                    raise unknown(field.name.replace("_", " "), name, choices)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as it is saved."""
        return {"format": FORMAT} | dataclasses.asdict(self)

    @staticmethod
    def from_dict(saved: dict[str, Any], where: object) -> "Config":
        """Return the configuration that was saved.

        Args:
          saved: what `to_dict` returned, maybe after a journey through JSON.
          where: the file, for error messages.

        Returns:
          The configuration.

        Raises:
          InputError: if it was saved by another version, or is not a configuration.
        """
        check(isinstance(saved, dict), str(where), "a run's configuration", type(saved).__name__)
        check(saved.get("format") == FORMAT, f"{where}: format", str(FORMAT), saved.get("format"))
        fields = {field.name for field in dataclasses.fields(Config)}
        differing = sorted(fields ^ (saved.keys() - {"format"}))
        if differing:
            raise InputError(f"{where} is of another version: {differing[0]} is new or gone")
        values = with_tuples(saved)
        del values["format"]
        return Config(**values)


def with_tuples(saved: dict[str, Any]) -> dict[str, Any]:
    """Return values of fields that came as JSON, whose lists were tuples."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in saved.items()}


def _check_number(name: str, value: float | None, expected: str, good: Any) -> None:
    check(value is None or (math.isfinite(value) and good(value)), name, expected, value)
