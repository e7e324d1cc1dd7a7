"""One module for each library, with `start(problem) -> Session` written as in its own tutorial.

Data are in memory, and the step is compiled if the tutorial compiles it. Beside this plain way,
`VARIANTS` holds other ways to train the same network.

A `tuned` problem uses the options for speed on a processor that the library's documentation names:
float32 data in scikit-learn, whose tutorials divide pictures into float64; the fused Adam of
PyTorch; cached arguments of the step in Flax; donated arguments in Equinox. Keras and ours have no
such options. A problem in `bfloat16` uses the library's own mixed precision, which each module
describes. scikit-learn has none.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

OURS = "jaxmlp"
NAMES = {
    OURS: "jaxmlp",
    "sklearn": "scikit-learn",
    "torch": "PyTorch",
    "keras": "Keras on JAX",
    "flax": "Flax NNX",
    "equinox": "Equinox",
}
PEERS = tuple(name for name in NAMES if name != OURS)


class Variant(NamedTuple):
    """Another way to train a network than the one of the tutorials.

    Attributes:
      options: what it changes in a `Problem`.
      libraries: the libraries that have it.
    """

    options: dict[str, Any]
    libraries: tuple[str, ...]


VARIANTS = {
    "tuned": Variant({"tuned": True}, ("sklearn", "torch", "flax", "equinox")),
    "bfloat16": Variant({"precision": "bfloat16"}, (OURS, "torch", "keras", "flax", "equinox")),
}
ON_JAX = (OURS, "keras", "flax", "equinox")  # these can keep compiled programs between processes


class Session(NamedTuple):
    """A network in training.

    Attributes:
      train: trains for a number of epochs, and returns when they are done.
      predict: returns the predicted labels of the first test examples, by their number.
    """

    train: Callable[[int], None]
    predict: Callable[[int], np.ndarray]


def peer(name: str) -> Any:
    """Return the module of a library."""
    return importlib.import_module(f"experiments.bench.peers.{name}")
