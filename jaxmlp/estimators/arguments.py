"""What the arguments of an estimator's constructor must be; `fit` checks them."""

import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from jaxmlp.config.names import ACTIVATIONS, OPTIMIZER_TABLE, SCHEDULE_FREE, SCHEDULES
from jaxmlp.errors import InputError, check, shown, unknown

LOGISTIC = {"logistic": "sigmoid"}  # scikit-learn's name
LBFGS = "lbfgs"
# a rule that keeps an average begins with the parameters, and a fit begins with zeros
SOLVERS = (LBFGS, *(name for name in OPTIMIZER_TABLE if name not in SCHEDULE_FREE))
RATES = ("constant", "invscaling", "adaptive")
PRECISIONS = ("auto", "float32", "float64", "bfloat16")

Rule = tuple[str, Callable[[Any], bool]]


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number; a truth value is none."""
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_)


def is_number(value: object) -> bool:
    """Return whether a value is a finite real number; a truth value is none."""
    real = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    return real and math.isfinite(value)  # type: ignore[arg-type]


def _whole_from(least: int) -> Rule:
    return f"a whole number of at least {least}", lambda v: is_whole(v) and v >= least


def _share(last: bool = False) -> Rule:
    words = "in [0, 1]" if last else "in [0, 1)"
    return words, lambda v: is_number(v) and 0 <= v < 1 + last * np.finfo(float).eps


NOT_NEGATIVE: Rule = ("a finite number of at least 0", lambda v: is_number(v) and v >= 0)
POSITIVE: Rule = ("a finite positive number", lambda v: is_number(v) and v > 0)
SWITCH: Rule = ("True or False", lambda v: isinstance(v, bool | np.bool_))
RULES: dict[str, Rule] = {
    "alpha": NOT_NEGATIVE,
    "batch_size": (
        "'auto' or a whole number of at least 1",
        lambda v: v == "auto" or (is_whole(v) and v >= 1),
    ),
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "max_iter": _whole_from(1),
    "shuffle": SWITCH,
    "tol": NOT_NEGATIVE,
    "verbose": (
        "True, False or a whole number of at least 0",
        lambda v: isinstance(v, bool | np.bool_) or (is_whole(v) and v >= 0),
    ),
    "warm_start": SWITCH,
    "momentum": _share(last=True),
    "nesterovs_momentum": SWITCH,
    "early_stopping": SWITCH,
    "validation_fraction": _share(),
    "beta_1": _share(),
    "beta_2": _share(),
    "epsilon": POSITIVE,
    "n_iter_no_change": (
        "a whole number of at least 1, or infinity",
        lambda v: (is_whole(v) and v >= 1) or (isinstance(v, Real) and v == math.inf),
    ),
    "max_fun": _whole_from(1),
    "dropout": _share(),
    "weight_decay": NOT_NEGATIVE,
}


def check_arguments(given: dict[str, Any]) -> None:
    """Reject arguments of a constructor that no network can be trained with.

    Args:
      given: the arguments by name, as `get_params` returns them.

    Raises:
      InputError: names the argument, what it must be, and what came.
    """
    hidden_widths(given["hidden_layer_sizes"])
    _check_name("activation", given["activation"], (*LOGISTIC, *ACTIVATIONS.names))
    _check_name("solver", given["solver"], SOLVERS)
    _check_name("learning_rate", given["learning_rate"], RATES)
    _check_name("precision", given["precision"], PRECISIONS)
    if given["schedule"] is not None:
        _check_name("schedule", given["schedule"], SCHEDULES.names)
        if given["learning_rate"] != "constant":
            raise InputError(
                f"schedule {given['schedule']} needs learning_rate 'constant', got"
                f" {shown(given['learning_rate'])}"
            )
    for name, (expected, good) in RULES.items():
        check(good(given[name]), name, expected, given[name])
    if given["solver"] == LBFGS:
        _reject_what_lbfgs_lacks(given)


def _reject_what_lbfgs_lacks(given: dict[str, Any]) -> None:
    """L-BFGS follows one function over all examples: nothing random, no rate, no decay."""
    for name, usual in (("dropout", 0), ("weight_decay", 0), ("schedule", None)):
        if given[name] != usual:
            raise InputError(f"{name} does not apply to solver 'lbfgs', got {shown(given[name])}")


def _check_name(argument: str, name: object, known: Iterable[str]) -> None:
    if not isinstance(name, str) or name not in known:
        raise unknown(argument, name, known)


def hidden_widths(sizes: Any) -> tuple[int, ...]:
    """Return the widths of the hidden layers.

    Args:
      sizes: a whole number, or one for each hidden layer.

    Returns:
      The widths; none for a linear model.

    Raises:
      InputError: if a width is no whole number of at least 1.
    """
    widths = tuple(sizes) if isinstance(sizes, Iterable) else (sizes,)
    good = not isinstance(sizes, str) and all(is_whole(width) and width > 0 for width in widths)
    check(good, "hidden_layer_sizes", "> 0, whole numbers", shown(widths))
    return tuple(int(width) for width in widths)
