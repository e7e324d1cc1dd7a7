"""What a user gives: a configuration, one frozen record with a command-line option for each field.

The text beside a field is the option's help, and what its value must be stands there too. If a
field is `None`, the recipe chooses its value when the run starts (`jaxmlp.config.recipe`), or the
run does not need it: a folder, a target column, a rule such as `patience`.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxmlp import __version__
from jaxmlp.config.fields import (
    INSIDE,
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    SHARE,
    at_least,
    between,
    check_values,
    kinds_of,
    of_kind,
    option,
)
from jaxmlp.config.folds import parse_fold
from jaxmlp.config.names import (
    ACTIVATIONS,
    AUGMENTATIONS,
    EMBEDDINGS,
    FAN_FAMILIES,
    FORWARD_ONLY,
    INITIALIZERS,
    LEARNED_ACTIVATIONS,
    LOSSES,
    MODELS,
    OPTIMIZERS,
    PLATEAU,
    PREPROCESSING,
    SCHEDULES,
    TASKS,
)
from jaxmlp.config.saved import fields_of_saved
from jaxmlp.errors import InputError, check
from jaxmlp.files import read_json

OF_TABLES = (  # the fields that say something about the columns and rows of a table
    *("target", "drop", "keep", "categorical", "numeric", "missing"),
    *("weight", "group", "time", "test", "test_size"),
)
READING = ("header", "delimiter", "decimal", "thousands", "quote", "encoding")  # of a text table
ABOUT_DATA = ("data_dir", "task", "picture_size", *READING, *OF_TABLES)
FORMAT = 1  # of a run folder; a change that makes old runs unreadable counts it up
EARLIER: dict[str, Any] = {  # what runs did that lack a field which is now left to be chosen
    "monitor": "score",
    "schedule": "one_cycle",
    "momentum": 0.9,
}


@dataclass(frozen=True)
class Config:
    """A configuration: what the user chooses about the data, the network and the training."""

    dataset: str = option(
        "mnist", "name of a data set, tfds:NAME, or path of a file or folder", group="data"
    )
    data_dir: str | None = option(None, "folder with the files of the data set")
    target: str | None = option(
        None, "column of a table to predict; commas separate several; or first, or last"
    )
    picture_size: int | None = option(
        None,
        "height and width of an example from a folder of pictures; default their own size, or if"
        " they differ the median, at most 64",
        must_be=between(1, 4096),
    )
    drop: tuple[str, ...] = option((), "columns of a table that are no inputs")
    keep: tuple[str, ...] = option(
        (), "columns that are inputs, although they look like identifiers, free text or constants"
    )
    categorical: tuple[str, ...] = option((), "columns of which each value is a category")
    numeric: tuple[str, ...] = option((), "columns of numbers, also if each has a unit")
    missing: tuple[str, ...] = option(
        (), "texts in empty cells, besides NA, N/A, NaN, null, none, ? and -"
    )
    weight: str | None = option(None, "column that tells how much a row counts in training")
    group: str | None = option(None, "column whose equal cells stay in one part of the data")
    time: str | None = option(None, "column that orders the rows; the latest are the test part")
    test: str | None = option(None, "file of a table with the test part")
    test_size: float | None = option(
        None,
        "share of the examples in the test part, or their number if it is at least 1; default 0.2",
        must_be=POSITIVE,
    )
    header: bool | None = option(
        None, "the first line of a text table names the columns; default decided by looking at it"
    )
    delimiter: str | None = option(
        None,
        "what stands between the cells of a text table, also tab or blanks; this and the next four:"
        " default found by looking",
    )
    decimal: str | None = option(None, "decimal sign of the numbers in a text table, . or ,")
    thousands: str | None = option(None, "what groups the digits of long numbers, or none")
    quote: str | None = option(None, "what stands around some cells of a text table, or none")
    encoding: str | None = option(None, "encoding of a text table, such as utf-8 or latin-1")
    task: str | None = option(None, "kind of prediction; default chosen from the target", TASKS)
    preprocessing: str | None = option(
        None,
        "scaling of the inputs, fitted on the training part; auto: scale if uint8, else zscore;"
        " default robust for a table, else auto",
        PREPROCESSING,
    )
    augment: tuple[str, ...] = option(
        (), "distortions of pictures, drawn anew in every training step", AUGMENTATIONS.names
    )
    augment_strength: float = option(1.0, "factor on the size of the distortions", must_be=POSITIVE)
    valid_size: int | None = option(
        None,
        "number of validation examples, taken from the training set; default the data's own"
        " validation part, or a tenth, at most 5000",
        must_be=at_least(0),
    )
    fold: str | None = option(
        None, "validate on the K-th of N folds of the training set, written K/N, such as 2/5"
    )

    model: str = option("mlp", "kind of network", tuple(MODELS), "network")
    hidden: tuple[int, ...] | None = option(
        None,
        "width of each hidden layer of an mlp, default 128; no width: a linear model",
        must_be=at_least(1),
    )
    activation: tuple[str, ...] = option(
        ("relu",),
        "activation of the hidden layers: one for all, or one for each",
        ACTIVATIONS.names + LEARNED_ACTIVATIONS.names + FORWARD_ONLY.names,
    )
    alpha: float | None = option(
        None,
        "slope of leaky_relu below 0, default 0.01; height of elu below 0, default 1",
        must_be=POSITIVE,
    )
    init_from: str | None = option(
        None, "start from the weights of this run; its network and scaling are taken over"
    )
    initializer: str = option("he_normal", "initializer of the kernels", INITIALIZERS.names)
    initializer_scale: float = option(
        0.01,
        "value of constant, standard deviation of (truncated) normal, or bound of uniform",
        must_be=POSITIVE,
    )
    fan: str | None = option(
        None,
        f"fan that divides the variance of {', '.join(FAN_FAMILIES)}; default the family's own",
        ("fan_in", "fan_out", "fan_avg"),
    )
    layer_norm: bool = option(False, "normalise the hidden units of an mlp before their activation")
    dropout: float | None = option(
        None,
        "probability of dropping a hidden unit in training; default 0.2 for the classes of a"
        " table, else 0",
        must_be=SHARE,
    )
    embed: str = option(
        "none",
        "embedding of each input of an mlp before its first kernel: pieces of a line, or waves",
        ("none", *EMBEDDINGS.names),
    )
    ensemble: int = option(
        1,
        "number of networks trained side by side, whose answers are averaged",
        must_be=between(1, 1000),
    )

    loss: str | None = option(
        None,
        "loss that training minimises; by default chosen from the data",
        LOSSES.names,
        "training",
    )
    quantiles: tuple[float, ...] = option(
        (),
        "quantiles that the loss quantile learns, which is then monitored; default 0.1 0.5 0.9",
        must_be=INSIDE,
    )
    label_smoothing: float = option(
        0.0,
        "share of a target that is spread over all classes, or between yes and no; the training"
        " loss is then another function than the validation loss",
        must_be=SHARE,
    )
    class_weights: str = option(
        "none",
        "balanced: in training, not in validation, rare classes weigh as much as frequent ones",
        ("none", "balanced"),
    )
    calibrate: bool = option(
        False, "after training, fit a temperature to the validation part: it corrects probabilities"
    )
    false_positive_cost: float = option(
        1.0, "of two classes, what it costs to take the first for the second", must_be=POSITIVE
    )
    false_negative_cost: float = option(
        1.0, "what it costs to take the second class for the first", must_be=POSITIVE
    )
    optimizer: str | None = option(
        None, "update rule; default adamw, sgd for a perceptron", OPTIMIZERS["manual"].names
    )
    learning_rate: float | None = option(
        None,
        "learning rate, or peak of the schedule; default the optimizer's own, less for a table",
        must_be=POSITIVE,
    )
    schedule: str | None = option(
        None,
        "course of the rate; plateau: constant, divided by ten when the loss stops falling; default"
        " one_cycle, or constant for the schedule-free rules",
        (*SCHEDULES.names, PLATEAU),
    )
    schedule_end: float = option(
        0.0, "rate at the end of a cosine schedule, as a share of its peak", must_be=SHARE
    )
    restarts: int = option(
        3, "times that cosine_restarts goes back to its peak", must_be=between(1, 1000)
    )
    plateau_patience: int = option(
        3, "epochs without progress before plateau divides the rate", must_be=at_least(1)
    )
    momentum: float | None = option(
        None,
        "coefficient of momentum and nesterov, or its maximum, and of muon; default the"
        " optimizer's own",
        must_be=SHARE,
    )
    momentum_schedule: str = option(
        "constant",
        "course of the momentum; sutskever: from 1/2 up to the maximum",
        ("constant", "sutskever"),
    )
    decay: float = option(0.9, "decay of rmsprop's mean square", must_be=SHARE)
    beta1: float = option(
        0.9,
        "decay of the first moment of adam and adamw; share of the past in a step of lion, and in"
        " the point of the gradient of the schedule-free rules",
        must_be=SHARE,
    )
    beta2: float | None = option(
        None,
        "decay of the second moment of adam and adamw, and of lion's momentum; default the"
        " optimizer's own",
        must_be=SHARE,
    )
    epsilon: float | None = option(
        None,
        "small number in the divisor of adagrad, rmsprop, adam(w) and what is made of it; default"
        " the optimizer's own",
        must_be=NOT_NEGATIVE,
    )
    epsilon_inside: bool | None = option(
        None,
        "put epsilon inside the root of the divisor of adagrad, rmsprop and adam(w); default inside"
        " for adagrad and rmsprop, outside for adam(w)",
    )
    clip_norm: float | None = option(
        None,
        "greatest length of a gradient; a longer one is scaled down; default no limit, or 1 for a"
        " regression at the default rate of sgd, momentum and nesterov",
        must_be=POSITIVE,
    )
    weight_decay: float | None = option(
        None,
        "decoupled weight decay of the kernels; default the optimizer's own, or for a table more,"
        " the fewer rows it has",
        must_be=NOT_NEGATIVE,
    )
    ema: float | None = option(
        None,
        "decay of an average of the weights, such as 0.999, by which the network is judged, chosen"
        " and saved; default none",
        must_be=INSIDE,
    )
    sam: float | None = option(
        None,
        "radius within which the gradient is taken at the worst point (sharpness-aware), such as"
        " 0.05; a step takes twice as long; default none",
        must_be=POSITIVE,
    )
    batch_size: int | None = option(
        None, "examples in a step; default 128, or all if there are fewer", must_be=at_least(1)
    )
    shuffle: bool = option(
        True, "take the examples in a new order in each epoch, not in that of the data"
    )
    epochs: int | None = option(
        None,
        "passes over the data; default 10, or more until there are 2,000 steps",
        must_be=at_least(1),
    )
    patience: int | None = option(
        None,
        "stop after this many epochs of which none is better; default never",
        must_be=at_least(1),
    )
    monitor: str | None = option(
        None,
        "what makes an epoch better, on the validation part; its parameters are kept; last: always"
        " the last; default loss for a table, else score, and last with fold",
        ("score", "loss", "last"),
    )
    min_improvement: float = option(
        0.0, "an epoch is better only by at least this much", must_be=NOT_NEGATIVE
    )
    min_decrease: float = option(
        0.0,
        "stop when the training loss changes by less than this in an epoch, up or down",
        must_be=NOT_NEGATIVE,
    )
    min_change: float = option(
        0.0, "stop when the parameters move by less than this in an epoch", must_be=NOT_NEGATIVE
    )
    seed: int = option(
        0,
        "seed of initial weights, order of examples, dropout, distortions and validation part",
        must_be=SEED,
    )
    gradient: str = option(
        "manual",
        "manual: our backpropagation; autodiff: jax.value_and_grad",
        ("manual", "autodiff"),
    )
    precision: str = option(
        "float32",
        "type of the arithmetic; bfloat16 keeps parameters, loss and updates in float32",
        ("float32", "bfloat16", "float64"),
    )
    optimizer_source: str = option(
        "manual", "manual: our optimizers; optax: Optax's", tuple(OPTIMIZERS)
    )

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
            value = of_kind(field.name, given, kinds[field.name])
            object.__setattr__(self, field.name, value)
            check_values(field, value if isinstance(value, tuple) else (value,))
        if self.fold is not None:
            parse_fold(self.fold)
        check(len(self.activation) > 0, "activation", "at least one name", None)
        if self.hidden and not MODELS[self.model].widths:
            widths = " ".join(map(str, self.hidden))
            raise InputError(f"hidden does not apply to {self.model}, got {widths}")

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as it is saved, with the version that saves it."""
        return {"format": FORMAT, "version": __version__} | dataclasses.asdict(self)

    @staticmethod
    def from_dict(saved: Any, where: object) -> "Config":
        """Return the configuration that was saved.

        A field that is missing takes its default, or in a run what `EARLIER` says, so runs of
        earlier versions stay readable.

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
        values = (EARLIER if "format" in saved else {}) | values
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
    if file is None:
        return Config(**given)
    return with_fields(Config.from_dict(read_json(Path(file)), file), given)


def with_fields(config: Config, given: dict[str, Any]) -> Config:
    """Return a configuration with other values; what belongs to its data does not hold for others.

    Args:
      config: the configuration.
      given: values by the names of fields. With another data set, what belongs to the data (such
        as folder, target, columns and task) is given too, or left to the data.

    Returns:
      The configuration.

    Raises:
      InputError: if a value is not good.
    """
    if "dataset" in given:
        usual = Config()
        own = {name: getattr(usual, name) for name in ABOUT_DATA}
        config = dataclasses.replace(config, **own)
    return dataclasses.replace(config, **given)


def names_data(given: dict[str, Any], file: str | None) -> bool:
    """Return whether the user named the data, among the options or in the file."""
    return "dataset" in given or (file is not None and "dataset" in read_json(Path(file)))
