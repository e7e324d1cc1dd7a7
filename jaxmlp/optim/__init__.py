"""Update rules and learning-rate schedules by hand.

An optimizer is Optax's pair of pure functions, `init(params) -> state` and
`update(gradients, state, params) -> (updates, state)`; the updates are added to the parameters. So
each can stand wherever one of Optax's can, and the other way round. Every `update` takes further
keywords: ours ignore them, and a wrapper hands them on to a rule of Optax that needs them.
"""

from jaxmlp.optim import schedules, search
from jaxmlp.optim.adaptive import adagrad, adam, adamw, rmsprop
from jaxmlp.optim.averaging import judged_params, with_average
from jaxmlp.optim.base import Optimizer
from jaxmlp.optim.descent import momentum, nesterov, sgd
from jaxmlp.optim.muon import muon
from jaxmlp.optim.schedule_free import schedule_free, schedule_free_adamw, schedule_free_sgd
from jaxmlp.optim.sharpness import sharpness_aware
from jaxmlp.optim.signs import lion, sign_sgd
from jaxmlp.optim.wrappers import side_by_side, with_clipping, with_max_norm, with_weight_decay

__all__ = [
    "Optimizer",
    "adagrad",
    "adam",
    "adamw",
    "judged_params",
    "lion",
    "momentum",
    "muon",
    "nesterov",
    "rmsprop",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_sgd",
    "schedules",
    "search",
    "sgd",
    "sharpness_aware",
    "side_by_side",
    "sign_sgd",
    "with_average",
    "with_clipping",
    "with_max_norm",
    "with_weight_decay",
]
