"""The examples of a sweep: prepared once for all runs that see the same, and put on the devices."""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmlp.config.problem import example_weights, signature_of, split_training
from jaxmlp.config.recipe import Recipe
from jaxmlp.config.signature import Signature, arrays_from
from jaxmlp.data import Dataset
from jaxmlp.training import Examples

# Recipes with the same values in these fields see the same data.
FIELDS = ("loss", "preprocessing", "valid_size", "fold", "seed", "class_weights")


class PreparedData(NamedTuple):
    """The data that one recipe trains on, in the memory of the host.

    Attributes:
      signature: what the network expects and returns.
      train, valid: the indices of the training and the validation part.
      arrays: inputs, targets and weights of both parts.
    """

    signature: Signature
    train: np.ndarray
    valid: np.ndarray
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray]


class DataCache:
    """The prepared data of many recipes, each kept for all recipes that see the same.

    Attributes:
      dataset: the data that it prepares.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._prepared: dict[tuple[Any, ...], PreparedData] = {}

    def prepare(self, recipe: Recipe) -> PreparedData:
        """Return the data that a recipe trains on.

        Args:
          recipe: the recipe.

        Returns:
          The prepared data.

        Raises:
          InputError: if the recipe and the data do not fit together.
        """
        key = tuple(getattr(recipe, name) for name in FIELDS)
        if key not in self._prepared:
            train, valid = split_training(recipe, self.dataset)
            signature = signature_of(recipe, self.dataset, train)
            weights = example_weights(recipe, self.dataset, train)
            arrays = arrays_from(signature, self.dataset.x_train, self.dataset.y_train, weights)
            self._prepared[key] = PreparedData(signature, train, valid, arrays)
        return self._prepared[key]


class ExampleStore:
    """The examples on the devices: the sets that a wave of runs needs, one after the other."""

    def __init__(
        self, data: dict[int, PreparedData], sets: dict[int, Hashable], size: int, mesh: Mesh
    ) -> None:
        """Load nothing yet.

        Args:
          data: the data of each run, by its number.
          sets: the label of each run's set; runs with the same label use the same examples.
          size: the largest number of runs in a wave.
          mesh: the devices; each holds all examples.
        """
        self._data, self._sets = data, sets
        self._count = min(size, len({*sets.values()}))
        self._place = NamedSharding(mesh, PartitionSpec())
        self._loaded: list[Hashable] = []
        self._examples: Examples | None = None

    def load(self, wave: Sequence[int]) -> tuple[Examples, list[int]]:
        """Put the examples of a wave on every device, unless they are there.

        Args:
          wave: the numbers of the runs.

        Returns:
          The examples, and for each run the position of its first one.
        """
        wanted = list(dict.fromkeys(self._sets[i] for i in wave))
        if self._examples is None or wanted != self._loaded:
            self._examples, self._loaded = self._put(wave, wanted), wanted
        return self._examples, [
            wanted.index(self._sets[i]) * len(self._data[i].arrays[1]) for i in wave
        ]

    def _put(self, wave: Sequence[int], wanted: list[Hashable]) -> Examples:
        owners = {self._sets[i]: i for i in reversed(wave)}
        padded = [*wanted, *wanted[:1] * (self._count - len(wanted))]
        arrays = [self._data[owners[label]].arrays for label in padded]
        whole = (
            arrays[0] if len(arrays) == 1 else tuple(map(np.concatenate, zip(*arrays, strict=True)))
        )
        return Examples(*jax.device_put(whole, self._place))
