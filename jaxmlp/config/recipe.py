"""The recipe of a run: everything that it is made of.

Every value in a recipe is chosen. Its numbers, such as the learning rate, are a tree of their own.
A compiled program can take this tree as an argument, so that one program trains many runs.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

from jax import Array

from jaxmlp.config.names import optimizer_entry
from jaxmlp.config.options import Config
from jaxmlp.errors import check

Number = float | Array
ALWAYS_USED = ("learning_rate", "clip_norm", "ema", "sam", "max_norm", "adversarial")
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
      max_norm: the greatest length of the weights that lead into a unit.
      adversarial: how far an input is moved to where its loss is greatest.
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
    max_norm: Number | None
    adversarial: Number | None


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
    window_rows: int | None
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
    input_dropout: float
    input_noise: float
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
