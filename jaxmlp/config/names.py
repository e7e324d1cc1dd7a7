"""The names that options accept, and what stands behind each.

The names are known without importing JAX, so `--help` is fast and a wrong name is rejected at once.
CONTRIBUTING.md lists every place that a new activation, loss, initializer or optimizer needs.
"""

import importlib
from dataclasses import dataclass, field
from typing import Any

from jaxmlp.config.own_parts import Part, is_own
from jaxmlp.errors import unknown


@dataclass(frozen=True)
class Registry:
    """Names of the attributes of a module that users may choose from.

    Attributes:
      kind: what they are, in the singular, for error messages.
      module: where they live.
      names: the names.
    """

    kind: str
    module: str
    names: tuple[str, ...]

    def check(self, name: str) -> None:
        """Reject a name that is not in the table.

        Args:
          name: the name.

        Raises:
          InputError: if there is no such name; proposes the nearest.
        """
        if name not in self.names:
            raise unknown(self.kind, name, self.names)

    def __getitem__(self, name: str) -> Any:
        """Return what the name stands for; a part of one's own stands for itself."""
        if isinstance(name, Part):
            return name.value
        self.check(name)
        return getattr(importlib.import_module(self.module), name)


@dataclass(frozen=True)
class OptimizerEntry:
    """What a command needs to know of an optimizer.

    Attributes:
      rate: the default learning rate, or the default peak of a schedule.
      weight_decay: the default weight decay.
      arguments: the name of each further argument, and of the configuration's field with its value.
      own: the rule's own defaults for fields that several rules share.
      clip_norm: the greatest length of a gradient in a regression with the default rate; `None` for
        no limit. The error of a regression has no bound, so at a rate that suits classes the
        gradient of a plain rule grows from step to step until it overflows. An adaptive rule
        divides by the gradient's size.
      schedule: the default course of the rate.
    """

    rate: float
    weight_decay: float
    arguments: dict[str, str]
    own: dict[str, float] = field(default_factory=dict)
    clip_norm: float | None = None
    schedule: str = "one_cycle"

    @property
    def roots(self) -> bool:
        """Whether the rule divides by a root: its epsilon then stands inside or outside of it."""
        return "epsilon" in self.arguments


ACTIVATIONS = Registry(
    "activation",
    "jaxmlp.nn.activations",
    ("identity", "relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "gelu", "silu"),
)
LEARNED_ACTIVATIONS = Registry("activation", "jaxmlp.nn.prelu", ("prelu", "shared_prelu"))
FORWARD_ONLY = Registry("activation", "jaxmlp.nn.activations", ("step",))  # cannot be trained
OUTPUT_ACTIVATIONS = Registry(  # of a regression: a sigmoid would never say more than 1
    "output activation", "jaxmlp.nn.activations", ("identity", "relu", "softplus")
)
WITH_ALPHA = ("leaky_relu", "elu")  # what `NAME_of(alpha)` makes with another alpha
INITIALIZERS = Registry(
    "initializer",
    "jaxmlp.nn.initializers",
    (
        "zeros",
        "ones",
        "constant",
        "normal",
        "truncated_normal",
        "uniform",
        "lecun_normal",
        "lecun_uniform",
        "xavier_normal",
        "xavier_uniform",
        "he_normal",
        "he_uniform",
        "orthogonal",
    ),
)
SCALED_INITIALIZERS = ("constant", "normal", "truncated_normal", "uniform")
LOSSES = Registry(
    "loss",
    "jaxmlp.nn.losses",
    (
        "cross_entropy",
        "binary_cross_entropy",
        "softmax_squared_error",
        "mse",
        "half_mse",
        "quadratic",
        "mae",
        "huber",
        "quantile",
        "perceptron",
    ),
)
ADAM = {"beta1": "beta1", "beta2": "beta2", "epsilon": "epsilon"}
ADAMS_OWN = {"beta2": 0.999, "epsilon": 1e-8}
DECAYING = {"weight_decay": "weight_decay"}
OPTIMIZER_TABLE = {
    "sgd": OptimizerEntry(0.2, 0.0, {}, clip_norm=1.0),
    "momentum": OptimizerEntry(0.05, 0.0, {"mu": "momentum"}, {"momentum": 0.9}, clip_norm=1.0),
    "nesterov": OptimizerEntry(0.05, 0.0, {"mu": "momentum"}, {"momentum": 0.9}, clip_norm=1.0),
    "adagrad": OptimizerEntry(0.05, 0.0, {"epsilon": "epsilon"}, {"epsilon": 1e-7}),
    "rmsprop": OptimizerEntry(
        0.002, 0.0, {"beta": "decay", "epsilon": "epsilon"}, {"epsilon": 1e-8}
    ),
    "adam": OptimizerEntry(0.005, 0.0, ADAM, ADAMS_OWN),
    "adamw": OptimizerEntry(0.008, 0.1, ADAM | DECAYING, ADAMS_OWN),
    "muon": OptimizerEntry(
        0.008, 0.1, {"mu": "momentum"} | ADAM | DECAYING, {"momentum": 0.95} | ADAMS_OWN
    ),
    "lion": OptimizerEntry(
        0.002, 0.4, {"beta1": "beta1", "beta2": "beta2"} | DECAYING, {"beta2": 0.99}
    ),
    "sign_sgd": OptimizerEntry(0.002, 0.0, {}),
    "schedule_free_sgd": OptimizerEntry(
        0.5, 0.0, {"beta1": "beta1"} | DECAYING, clip_norm=1.0, schedule="constant"
    ),
    "schedule_free_adamw": OptimizerEntry(
        0.004, 0.1, ADAM | DECAYING, ADAMS_OWN, schedule="constant"
    ),
}
OWN_OPTIMIZER = OptimizerEntry(0.01, 0.0, {})  # it gets the rate and nothing else


def optimizer_entry(name: str) -> OptimizerEntry:
    """Return what a command needs to know of an optimizer, also of one's own."""
    return OWN_OPTIMIZER if is_own(name) else OPTIMIZER_TABLE[name]


SCHEDULE_FREE = tuple(
    name for name, entry in OPTIMIZER_TABLE.items() if entry.schedule != "one_cycle"
)
OPTIMIZERS = {
    "manual": Registry("optimizer", "jaxmlp.optim", tuple(OPTIMIZER_TABLE)),
    "optax": Registry("optimizer", "jaxmlp.config.referees", tuple(OPTIMIZER_TABLE)),
}
SCHEDULES = Registry(
    "schedule",
    "jaxmlp.optim.schedules",
    ("constant", "step", "cosine", "cosine_restarts", "warmup_cosine", "one_cycle"),
)
SCHEDULE_ARGUMENTS = {  # further arguments, and the configuration's field with the value of each
    "cosine": {"end": "schedule_end"},
    "cosine_restarts": {"end": "schedule_end", "restarts": "restarts"},
    "warmup_cosine": {"end": "schedule_end"},
}
PLATEAU = "plateau"  # constant, and divided by ten when progress saturates
FAN_FAMILIES = ("lecun", "xavier", "he")
AUGMENTATIONS = Registry(
    "augmentation", "jaxmlp.training.augment", ("shift", "flip", "affine", "elastic")
)
EMBEDDINGS = Registry("embedding", "jaxmlp.nn.embeddings", ("piecewise", "periodic"))
TASKS = ("multiclass", "binary", "multilabel", "regression")
PREPROCESSING = ("auto", "none", "scale", "minmax", "zscore", "robust")


@dataclass(frozen=True)
class ModelEntry:
    """What a command needs to know of a kind of network.

    Attributes:
      hidden: the widths of its hidden layers unless told otherwise.
      widths: whether it may be told otherwise.
      loss: the loss it is defined by, if it is.
      optimizer: the rule it is trained with unless told otherwise.
    """

    hidden: tuple[int, ...] = ()
    widths: bool = False
    loss: str | None = None
    optimizer: str = "adamw"


MODELS = {
    "mlp": ModelEntry((128,), widths=True),
    "lenet": ModelEntry(),
    "softmax_regression": ModelEntry(loss="cross_entropy"),
    "perceptron": ModelEntry(loss="perceptron", optimizer="sgd"),
}


def model_entry(name: str) -> ModelEntry:
    """Return what a command needs to know of a kind of network, also of one's own."""
    return ModelEntry() if is_own(name) else MODELS[name]
