"""The network and the data that `gradcheck` and `explain` look at, untrained or from a run."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.config.data_options import ABOUT_DATA
from jaxmlp.config.fields import option
from jaxmlp.config.names import model_entry
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import NO_FILES, Files, with_parts
from jaxmlp.errors import InputError
from jaxmlp.runs.data import load_data, load_fitting

if TYPE_CHECKING:
    from jaxmlp.config.recipe import Recipe
    from jaxmlp.config.signature import Signature
    from jaxmlp.data import Dataset
    from jaxmlp.nn import Layer, Loss


NETWORK = (  # the fields that say what is trained, and not how
    *("dataset", *ABOUT_DATA, "preprocessing"),
    *("model", "hidden", "activation", "alpha", "output_activation"),
    *("initializer", "initializer_scale", "fan", "layer_norm", "dropout", "loss", "seed"),
    *("input_dropout", "input_noise"),
)


def default(name: str, value: Any, text: str = "") -> Any:
    """Declare the configuration's field of this name with another default, and maybe help."""
    known = Config.__dataclass_fields__[name].metadata
    kept = {name: known[name] for name in ("choices", "group", "must_be", "many", "own")}
    return option(value, text or known["help"], **kept)


class Inspected(NamedTuple):
    """A network with its data, fresh or from a run.

    Attributes:
      recipe: the recipe of the run, or the one that would train the network.
      model: the network.
      params: its parameters.
      loss: what training minimises.
      signature: what the network expects and returns.
      dataset: the data.
      train: which of the training examples it is trained on.
    """

    recipe: "Recipe"
    model: "Layer"
    params: Any
    loss: "Loss"
    signature: "Signature"
    dataset: "Dataset"
    train: np.ndarray


def training_only() -> list[str]:
    """Return the fields of a configuration that a look at one gradient does not need."""
    return [field.name for field in fields(Config) if field.name not in NETWORK]


def load_inspected(
    run: str | None,
    given: dict[str, Any],
    options: type[Config],
    hidden: tuple[int, ...],
    parts: Files = NO_FILES,
) -> Inspected:
    """Load the network that a command was asked to look at.

    Args:
      run: the folder of a run, or `None` for a network that is not trained.
      given: the options that were given, from `jaxmlp.cli.parser.add_fields`.
      options: the configuration's class, for its defaults.
      hidden: the widths of an mlp's hidden layers, unless given.
      parts: the files of the run's parts of one's own.

    Returns:
      The network with its data.

    Raises:
      InputError: if they do not fit together, or options contradict the run.
    """
    from jaxmlp.config.factory import build_loss
    from jaxmlp.config.problem import pose_problem
    from jaxmlp.data import with_task
    from jaxmlp.training import begin

    if run is not None:
        return _from_run(run, given, parts)
    config = with_parts(options(**given), parts)
    if config.hidden is None and model_entry(config.model).widths:
        config = replace(config, hidden=hidden)
    dataset = with_task(load_data(config), config.task)
    problem = pose_problem(config, dataset)
    params = begin(problem.trainer, config.seed)[1].params
    model, signature = problem.trainer.judge.model, problem.signature
    loss = build_loss(problem.recipe, signature)
    train = problem.train.indices
    return Inspected(problem.recipe, model, params, loss, signature, dataset, train)


def _from_run(run: str, given: dict[str, Any], parts: Files) -> Inspected:
    from jaxmlp.config.factory import build_loss
    from jaxmlp.config.problem import split_training
    from jaxmlp.runs.folder import Run
    from jaxmlp.runs.network import open_network

    for name in given.keys() - {"data_dir"}:
        raise InputError(
            f"--{name.replace('_', '-')} does not apply with --run: the run has its own"
        )
    opened = Run.open(Path(run))
    network = open_network(opened, parts)
    recipe, signature = network.recipe, network.signature
    dataset = load_fitting(replace(opened.config, **given), signature)
    train, _ = split_training(recipe, dataset)
    loss = build_loss(recipe, signature)
    return Inspected(recipe, network.model, network.params, loss, signature, dataset, train)
