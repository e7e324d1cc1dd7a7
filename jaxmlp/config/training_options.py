"""What a user chooses about the training."""

from dataclasses import dataclass

from jaxmlp.config.fields import (
    INSIDE,
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    SHARE,
    at_least,
    between,
    option,
)
from jaxmlp.config.names import (
    LOSSES,
    OPTIMIZERS,
    PLATEAU,
    SCHEDULES,
)


@dataclass(frozen=True)
class TrainingOptions:
    """The fields of a configuration that say what is minimised, how, and for how long."""

    loss: str | None = option(
        None,
        "loss that training minimises; by default chosen from the data",
        LOSSES.names,
        "training",
        own=True,
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
        None,
        "update rule; default adamw, sgd for a perceptron",
        OPTIMIZERS["manual"].names,
        own=True,
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
    max_norm: float | None = option(
        None,
        "greatest length of the weights that lead into a unit, such as 3; longer ones are scaled"
        " down after each step; default no limit",
        must_be=POSITIVE,
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
    adversarial: float | None = option(
        None,
        "learn each batch also with every scaled input moved by this much to where the loss is"
        " greater, such as 0.1; a step takes twice as long; default none",
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
        "seed of initial weights, order of examples, dropout, noise, distortions and"
        " validation part",
        must_be=SEED,
    )
    gradient: str = option(
        "manual",
        "manual: our backpropagation; autodiff: jax.value_and_grad",
        ("manual", "autodiff"),
    )
    precision: str = option(
        "auto",
        "type of the arithmetic; bfloat16: of the operands of matrix products in training, all else"
        " is float32; auto: bfloat16 where the device is fast at it and the hidden layers are wide,"
        " else float32",
        ("auto", "float32", "bfloat16", "float64"),
    )
    optimizer_source: str = option(
        "manual", "manual: our optimizers; optax: Optax's", tuple(OPTIMIZERS)
    )
