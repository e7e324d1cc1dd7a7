"""Update rules and learning-rate schedules by hand, in the form of Optax's."""

from jaxmlp.optim import schedules
from jaxmlp.optim.base import Optimizer
from jaxmlp.optim.optimizers import (
    adagrad,
    adam,
    adamw,
    momentum,
    nesterov,
    rmsprop,
    sgd,
)
from jaxmlp.optim.wrappers import with_clipping, with_weight_decay

__all__ = [
    "Optimizer",
    "adagrad",
    "adam",
    "adamw",
    "momentum",
    "nesterov",
    "rmsprop",
    "schedules",
    "sgd",
    "with_clipping",
    "with_weight_decay",
]
