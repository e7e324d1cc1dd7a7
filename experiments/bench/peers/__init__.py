"""One module per library, each with `start(problem) -> Session`, as its own tutorial has it.

Data are in memory, and the step is compiled where the tutorial compiles it. A problem that is
`tuned` also uses what the library's documentation has for speed on a processor: float32 data in
scikit-learn, whose tutorials divide pictures into float64; the fused Adam of PyTorch; cached
arguments of the step in Flax; donated ones in Equinox. Keras and ours are as they are.
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
ON_JAX = (OURS, "keras", "flax", "equinox")  # these can keep compiled programs between processes


class Session(NamedTuple):
    """A network in training.

    Attributes:
      train: trains for so many epochs, and returns when they are done.
      predict: returns the labels it gives the first so many test examples.
    """

    train: Callable[[int], None]
    predict: Callable[[int], np.ndarray]


def peer(name: str) -> Any:
    """Return the module of a library."""
    return importlib.import_module(f"experiments.bench.peers.{name}")
