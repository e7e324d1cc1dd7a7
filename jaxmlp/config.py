"""A run's configuration: one frozen record, checked once, saved as JSON beside the weights.

Each field is an option of `python -m jaxmlp.train` as well; its text here is the option's help. A
field that is `None` is chosen from the data when the run starts, and saved as what was chosen.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxmlp.errors import InputError, check, unknown
from jaxmlp.registry import (
    ACTIVATIONS,
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    PREPROCESSING,
    SCALED_INITIALIZERS,
    SCHEDULES,
)

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
    preprocessing: str = option(
        "auto", "fitted on the training part; auto: scale images, zscore tables", PREPROCESSING
    )
    valid_size: int | None = option(
        None, "validation examples, split off the training set (5000, at most a tenth of it)"
    )

    hidden: tuple[int, ...] = option((128,), "width of each hidden layer", group="network")
    activation: tuple[str, ...] = option(
        ("relu",), "of the hidden layers, one for all or one for each", ACTIVATIONS.names
    )
    initializer: str = option("he_normal", "of the kernels", INITIALIZERS.names)
    initializer_scale: float = option(
        0.01, f"the value, deviation or bound of {', '.join(SCALED_INITIALIZERS)}"
    )
    dropout: float = option(0.0, "chance of a hidden unit to be dropped in training")

    loss: str | None = option(
        None, "(what suits the data: several classes, two, or numbers)", LOSSES.names, "training"
    )
    optimizer: str = option("adam", "update rule", OPTIMIZERS["manual"].names)
    learning_rate: float | None = option(
        None, "the rate, or the peak of the schedule (what suits the optimizer)"
    )
    schedule: str = option("one_cycle", "of the learning rate", SCHEDULES.names)
    momentum: float = option(0.9, "of momentum and nesterov")
    decay: float = option(0.9, "of rmsprop's mean square")
    beta1: float = option(0.9, "of adam's mean gradient")
    beta2: float = option(0.999, "of adam's mean square")
    epsilon: float = option(1e-8, "of adagrad, rmsprop and adam")
    weight_decay: float | None = option(
        None, "decoupled, of the kernels only (what suits the optimizer)"
    )
    batch_size: int | None = option(None, "examples a step (128, at most all)")
    epochs: int | None = option(None, "passes over the data (10, more for less than 2,000 steps)")
    seed: int = option(0, "of initial weights, order, dropout and validation part")
    gradient: str = option("manual", "by hand, or by jax.value_and_grad", ("manual", "autodiff"))
    optimizer_source: str = option("manual", "ours, or Optax's", tuple(OPTIMIZERS))

    def __post_init__(self) -> None:
        """Reject what can never be right.

        Raises:
          InputError: names the field, what it must be, and what it is.
        """
        for name in ("learning_rate", "initializer_scale"):
            _check_number(name, getattr(self, name), "a finite positive number", lambda x: x > 0)
        for name in ("weight_decay", "epsilon"):
            _check_number(name, getattr(self, name), "a finite number >= 0", lambda x: x >= 0)
        for name in ("dropout", "momentum", "decay", "beta1", "beta2"):
            _check_number(name, getattr(self, name), "in [0, 1)", lambda x: 0 <= x < 1)
        for name, least in (("batch_size", 1), ("epochs", 1), ("valid_size", 0), ("seed", 0)):
            value = getattr(self, name)
            check(value is None or value >= least, name, f"at least {least}", value)
        check(all(width >= 1 for width in self.hidden), "hidden", "widths >= 1", self.hidden)
        check(self.seed < 2**32, "seed", "less than 2^32", self.seed)
        number = (1, len(self.hidden))
        layers = f"one, or one for each of {len(self.hidden)} hidden layers"
        check(len(self.activation) in number, "activation", layers, self.activation)
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
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in saved.items()
        }
        del values["format"]
        return Config(**values)


def _check_number(name: str, value: float | None, expected: str, good: Any) -> None:
    check(value is None or (math.isfinite(value) and good(value)), name, expected, value)
