"""What `gradcheck` and `explain` look at: a network with data, fresh or from a run."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.config.options import Config, option
from jaxmlp.errors import InputError, check

if TYPE_CHECKING:
    from jaxmlp.data import Dataset
    from jaxmlp.nn import Layer, Loss
    from jaxmlp.config.signature import Spec


NETWORK = (  # the fields that say what is trained, and not how
    *("dataset", "data_dir", "target", "task", "preprocessing", "model", "hidden", "activation"),
    *("initializer", "initializer_scale", "fan", "layer_norm", "dropout", "loss", "seed"),
)


def default(name: str, value: Any, text: str = "") -> Any:
    """Return the configuration's field of this name with another default, and maybe help."""
    metadata = Config.__dataclass_fields__[name].metadata
    return option(value, text or metadata["help"], metadata["choices"], metadata["group"])


class Subject(NamedTuple):
    """A network with its data, fresh or from a run.

    Attributes:
      config: of the run, or as given.
      model: the network, a `sequential`.
      params: its parameters.
      loss: what it is trained with.
      spec: what it expects and returns.
      dataset: the data.
      train: which of the training examples it is trained on.
    """

    config: Config
    model: "Layer"
    params: Any
    loss: "Loss"
    spec: "Spec"
    dataset: "Dataset"
    train: np.ndarray


def training_only() -> list[str]:
    """Return the fields of a configuration that a look at one gradient does not need."""
    return [field.name for field in fields(Config) if field.name not in NETWORK]


def load_subject(
    run: str | None, given: dict[str, Any], options: type[Config], hidden: tuple[int, ...]
) -> Subject:
    """Return the network that a command was asked to look at.

    Args:
      run: the folder of a run, or `None` for a network that is not trained.
      given: the options that were given, from `jaxmlp.cli.parser.add_fields`.
      options: the configuration's class, for its defaults.
      hidden: the widths of an mlp's hidden layers, unless given.

    Returns:
      The network with its data.

    Raises:
      InputError: if they do not fit together, or options contradict the run.
    """
    from jaxmlp.config.problem import problem_from
    from jaxmlp.config.factory import loss_from
    from jaxmlp.data import load, with_task
    from jaxmlp.config.names import MODELS
    from jaxmlp.training import begin

    if run is not None:
        return _from_run(run, given)
    config = options(**given)
    if config.hidden is None and MODELS[config.model].widths:
        config = replace(config, hidden=hidden)
    dataset = load(config.dataset, data_dir=config.data_dir, target=config.target)
    dataset = with_task(dataset, config.task)
    problem = problem_from(config, dataset)
    params, train = begin(problem.trainer, config.seed)[1].params, problem.train.indices
    loss = loss_from(problem.config, problem.spec)
    return Subject(config, problem.trainer.model, params, loss, problem.spec, dataset, train)


def _from_run(run: str, given: dict[str, Any]) -> Subject:
    from jaxmlp.config.problem import arithmetic, split_training
    from jaxmlp.config.factory import loss_from
    from jaxmlp.data import load, with_task
    from jaxmlp.runs.folder import Run

    for name in given.keys() - {"data_dir"}:
        raise InputError(f"--run has its own {name.replace('_', '-')}: leave the option away")
    opened = Run.open(Path(run))
    config = replace(opened.config, **given)
    with arithmetic(config):
        model, params, spec = opened.load_model()
    dataset = load(config.dataset, data_dir=config.data_dir, target=config.target)
    dataset = with_task(dataset, config.task)
    expected, got = (spec.input_shape, spec.classes), (dataset.input_shape, dataset.classes)
    check(got == expected, f"{dataset.name}'s input shape and classes", f"{expected}", got)
    train, _ = split_training(config, dataset)
    return Subject(config, model, params, loss_from(config, spec), spec, dataset, train)
