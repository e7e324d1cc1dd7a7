"""What a user gives: a configuration, one frozen record with a command-line option for each field.

The text beside a field is the option's help, and what its value must be stands there too. A field
that is `None` is chosen from the data when the run starts (`jaxmlp.config.recipe`), unless it
stands for a rule that is not used.
"""

import dataclasses
import math
import numbers
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp import __version__
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
    TASKS,
)
from jaxmlp.config.saved import fields_of_saved
from jaxmlp.errors import InputError, check, unknown
from jaxmlp.files import read_json

FORMAT = 1  # of a run folder; a change that makes old runs unreadable counts it up


class Bound(NamedTuple):
    """What a number must be: in words that follow "must be", and as a test."""

    words: str
    holds: Callable[[float], bool]


POSITIVE = Bound("a finite positive number", lambda x: 0 < x < math.inf)
NOT_NEGATIVE = Bound("a finite number >= 0", lambda x: 0 <= x < math.inf)
SHARE = Bound("in [0, 1)", lambda x: 0 <= x < 1)
SEED = Bound("in [0, 2^32)", lambda x: 0 <= x < 2**32)


def at_least(least: int) -> Bound:
    """The bound of a count."""
    return Bound(f"at least {least}", lambda x: x >= least)


def option(
    default: Any,
    text: str,
    choices: Sequence[str] = (),
    group: str = "",
    must_be: Bound | None = None,
) -> Any:
    """Declare a field that is also a command-line option.

    Args:
      default: its default.
      text: its help.
      choices: the names it accepts, if it accepts names.
      group: the heading of the help it starts, if it is the first of a group.
      must_be: what its value must be, or each of its values.

    Returns:
      What `dataclasses.field` returns.
    """
    metadata = {"help": text, "choices": tuple(choices), "group": group, "must_be": must_be}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Config:
    """What is trained, on what, and how: everything that the resulting numbers depend on."""

    dataset: str = option(
        "mnist", "name of a data set, tfds:NAME, or the path of a file", group="data"
    )
    data_dir: str | None = option(None, "folder with the files of the data set")
    target: str | None = option(None, "column of a table to predict")
    task: str | None = option(None, "kind of prediction (chosen from the target)", TASKS)
    preprocessing: str = option(
        "auto", "fitted on the training part; auto: scale images, zscore tables", PREPROCESSING
    )
    augment: tuple[str, ...] = option(
        (), "how pictures are distorted anew in every training step", AUGMENTATIONS.names
    )
    augment_strength: float = option(1.0, "factor on these distortions", must_be=POSITIVE)
    valid_size: int | None = option(
        None,
        "validation examples, taken from the training set (5000, at most a tenth of it)",
        must_be=at_least(0),
    )

    model: str = option("mlp", "kind of network", tuple(MODELS), "network")
    hidden: tuple[int, ...] | None = option(
        None,
        "width of each hidden layer of an mlp (128); without a width the model is linear",
        must_be=at_least(1),
    )
    activation: tuple[str, ...] = option(
        ("relu",),
        "of the hidden layers, one for all or one for each",
        ACTIVATIONS.names + LEARNED_ACTIVATIONS.names + FORWARD_ONLY.names,
    )
    initializer: str = option("he_normal", "of the kernels", INITIALIZERS.names)
    initializer_scale: float = option(
        0.01,
        f"the value, deviation or bound of {', '.join(SCALED_INITIALIZERS)}",
        must_be=POSITIVE,
    )
    fan: str | None = option(
        None,
        f"divisor of the variance of {', '.join(FAN_FAMILIES)} (the family's own)",
        ("fan_in", "fan_out", "fan_avg"),
    )
    layer_norm: bool = option(False, "normalise the hidden units of an mlp before their activation")
    dropout: float = option(0.0, "probability of dropping a hidden unit in training", must_be=SHARE)

    loss: str | None = option(
        None, "what training minimises (chosen from the data)", LOSSES.names, "training"
    )
    label_smoothing: float = option(
        0.0, "share of a class's target that is spread over all classes", must_be=SHARE
    )
    class_weights: str = option(
        "none", "balanced: rare classes weigh as much as frequent ones", ("none", "balanced")
    )
    optimizer: str | None = option(
        None, "update rule (adamw; sgd for a perceptron)", OPTIMIZERS["manual"].names
    )
    learning_rate: float | None = option(
        None, "the rate, or the peak of the schedule (the optimizer's own)", must_be=POSITIVE
    )
    schedule: str = option(
        "one_cycle",
        "of the learning rate; plateau: constant, divided by ten when the loss stops falling",
        (*SCHEDULES.names, PLATEAU),
    )
    plateau_patience: int = option(
        3, "epochs without progress before that division", must_be=at_least(1)
    )
    momentum: float = option(0.9, "of momentum and nesterov, or its maximum", must_be=SHARE)
    momentum_schedule: str = option(
        "constant", "sutskever: from 1/2 up to the maximum", ("constant", "sutskever")
    )
    decay: float = option(0.9, "of rmsprop's mean square", must_be=SHARE)
    beta1: float = option(0.9, "of the mean gradient of adam and adamw", must_be=SHARE)
    beta2: float | None = option(
        None, "of the mean square of adam and adamw (the optimizer's own)", must_be=SHARE
    )
    epsilon: float | None = option(
        None,
        "of adagrad, rmsprop, adam and adamw (the optimizer's own)",
        must_be=NOT_NEGATIVE,
    )
    clip_norm: float | None = option(
        None, "greatest length of a gradient; a longer one is shortened (any)", must_be=POSITIVE
    )
    weight_decay: float | None = option(
        None, "decoupled, of the kernels only (the optimizer's own)", must_be=NOT_NEGATIVE
    )
    batch_size: int | None = option(
        None, "examples in a step (128, at most all)", must_be=at_least(1)
    )
    epochs: int | None = option(
        None, "passes over the data (10, more for less than 2,000 steps)", must_be=at_least(1)
    )
    patience: int | None = option(
        None,
        "stop after this many epochs without a better validation score (never)",
        must_be=at_least(1),
    )
    min_decrease: float = option(
        0.0, "stop when the training loss changes by less", must_be=NOT_NEGATIVE
    )
    min_change: float = option(
        0.0, "stop when the parameters move by less in an epoch", must_be=NOT_NEGATIVE
    )
    seed: int = option(0, "of initial weights, order, dropout and validation part", must_be=SEED)
    gradient: str = option("manual", "by hand, or by jax.value_and_grad", ("manual", "autodiff"))
    precision: str = option(
        "float32",
        "of the arithmetic; bfloat16 keeps parameters, loss and updates in float32",
        ("float32", "bfloat16", "float64"),
    )
    optimizer_source: str = option("manual", "ours, or Optax's", tuple(OPTIMIZERS))

    def __post_init__(self) -> None:
        """Reject what can never be right, and make tuples of lists.

        Raises:
          InputError: names the field, what it must be, and what came.
        """
        kinds = kinds_of(type(self))
        for field in dataclasses.fields(self):
            given = getattr(self, field.name)
            if given is None and kinds[field.name].optional:
                continue
            value = _of_kind(field.name, given, kinds[field.name])
            object.__setattr__(self, field.name, value)
            _check_values(field, value if isinstance(value, tuple) else (value,))
        check(len(self.activation) > 0, "activation", "at least one name", "none")
        if self.hidden and not MODELS[self.model].widths:
            widths = " ".join(map(str, self.hidden))
            raise InputError(f"hidden does not apply to {self.model}, got {widths}")

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as it is saved, with the version that saves it."""
        return {"format": FORMAT, "version": __version__} | dataclasses.asdict(self)

    @staticmethod
    def from_dict(saved: Any, where: object) -> "Config":
        """Return the configuration that was saved.

        A field that is missing takes its default, so runs of earlier versions stay readable.

        Args:
          saved: what `to_dict` returned, maybe after a journey through JSON.
          where: the file, for error messages.

        Returns:
          The configuration.

        Raises:
          InputError: if it was saved by a later version, has an unknown field, or is not a
            configuration.
        """
        values = fields_of_saved(saved, Config, where, FORMAT)
        try:
            return Config(**values)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None


def config_from(given: dict[str, Any], file: str | None) -> Config:
    """Return the configuration of options, on top of a file's if there is one.

    Args:
      given: values by the names of fields.
      file: a `config.json`, as a run has one, or a part of it.

    Returns:
      The configuration.

    Raises:
      InputError: if the file cannot be read, or a value is not good.
    """
    base = Config() if file is None else Config.from_dict(read_json(Path(file)), file)
    return dataclasses.replace(base, **given)


class Kind(NamedTuple):
    """The type of a field: of its element, whether it holds several, and whether it may be None."""

    element: type
    several: bool
    optional: bool


def kinds_of(cls: type) -> dict[str, Kind]:
    """Return the kind of each field of a dataclass such as `Config`."""
    return {name: _kind(hint) for name, hint in typing.get_type_hints(cls).items()}


def _kind(hint: Any) -> Kind:
    optional = isinstance(hint, types.UnionType)
    if optional:
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    several = typing.get_origin(hint) is tuple
    return Kind(typing.get_args(hint)[0] if several else hint, several, optional)


_ACCEPTED = {str: str, int: numbers.Integral, float: numbers.Real, bool: bool}
_WORDS = {str: "a name", int: "a whole number", float: "a number", bool: "true or false"}


def _of_kind(name: str, value: Any, kind: Kind) -> Any:
    """Return a value in a field's own type: NumPy's numbers become Python's, lists tuples."""
    if kind.several:
        check(isinstance(value, list | tuple), name, f"a list, each {_WORDS[kind.element]}", value)
        return tuple(_of_kind(name, part, kind._replace(several=False)) for part in value)
    good = isinstance(value, _ACCEPTED[kind.element])
    good = good and isinstance(value, bool) == (kind.element is bool)
    check(good, name, _WORDS[kind.element], value)
    return kind.element(value)


def _check_values(field: Any, values: tuple[Any, ...]) -> None:
    choices, must_be = field.metadata["choices"], field.metadata["must_be"]
    for value in values:
        if choices and value not in choices:
            raise unknown(field.name.replace("_", " "), value, choices)
        if must_be is not None:
            check(must_be.holds(value), field.name, must_be.words, value)
