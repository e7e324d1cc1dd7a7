"""The run that pictures are drawn of: its network, the data that it learned from, and its path."""

import pathlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from jaxmlp.config.own_files import NO_FILES, Files
from jaxmlp.config.problem import split_training
from jaxmlp.config.recipe import Recipe
from jaxmlp.data import Dataset
from jaxmlp.errors import InputError
from jaxmlp.runs.data import load_fitting
from jaxmlp.runs.folder import MODEL, SUMMARY, Run
from jaxmlp.runs.network import Network, open_network
from jaxmlp.runs.path import Path, read_path


@dataclass(frozen=True)
class Subject:
    """A run with its trained network; its data and its path are read once, when they are asked for.

    Attributes:
      run: the folder.
      network: the network, with the parameters that the run has kept.
    """

    run: Run
    network: Network

    @staticmethod
    def open(folder: pathlib.Path, parts: Files = NO_FILES) -> "Subject | str":
        """Open the run in a folder.

        Args:
          folder: the run.
          parts: the files of the parts of one's own that it was made with.

        Returns:
          The run; or a line that says why it has no network.

        Raises:
          InputError: if there is no run in the folder, a file of it is damaged, or a part of one's
            own is missing.
        """
        run = Run.open(folder)
        if not (run.path / MODEL).exists():
            return "the run did not come to its end, so it has no network"
        return Subject(run, open_network(run, parts))

    @property
    def recipe(self) -> Recipe:
        """What the run was made of."""
        return self.network.recipe

    @property
    def name(self) -> str:
        """The name of its data, without the folders of a file."""
        return pathlib.Path(self.recipe.dataset).name

    @property
    def kept_epoch(self) -> int:
        """The epoch whose parameters the run has kept."""
        return int(self.run.read_json(SUMMARY)["best_epoch"])

    @cached_property
    def path(self) -> Path | None:
        """The parameters after the epochs of the run, if it kept them."""
        return read_path(self.run, self.network.params)

    @cached_property
    def data(self) -> "tuple[Dataset, np.ndarray] | str":
        """The data of the run, with the indices of its training part; or why they cannot be had."""
        try:
            dataset = load_fitting(self.run.config, self.network.signature)
        except InputError as error:
            return f"the data of the run cannot be had: {error}"
        return dataset, split_training(self.recipe, dataset)[0]

    def losses(self) -> dict[int, float]:
        """Return the training loss of each epoch."""
        lines: list[dict[str, Any]] = self.run.read_metrics()
        return {int(line["epoch"]): float(line["train_loss"]) for line in lines}
