"""Update rules and learning-rate schedules by hand, in the form of Optax's."""

from jaxmlp.optim import schedules
from jaxmlp.optim.optimizers import (
    Optimizer,
    adagrad,
    adam,
    momentum,
    nesterov,
    rmsprop,
    sgd,
    with_weight_decay,
)

__all__ = [
    "Optimizer",
    "adagrad",
    "adam",
    "momentum",
    "nesterov",
    "rmsprop",
    "schedules",
    "sgd",
    "with_weight_decay",
]
