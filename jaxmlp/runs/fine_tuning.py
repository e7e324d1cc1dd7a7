"""A run that starts from the network of another run: what it takes over, and from where."""

import dataclasses
from pathlib import Path

from jaxmlp.config.options import Config
from jaxmlp.config.own_files import NO_FILES, Files
from jaxmlp.config.signature import Signature
from jaxmlp.config.start import Start
from jaxmlp.data import Dataset
from jaxmlp.errors import InputError, shown
from jaxmlp.runs.data import encoded_for
from jaxmlp.runs.folder import Run
from jaxmlp.runs.network import open_network

SHARED = (  # fields it takes over
    *("model", "hidden", "activation", "alpha"),
    *("layer_norm", "preprocessing"),
)


def take_over(
    config: Config, dataset: Dataset, run: Run | None = None, parts: Files = NO_FILES
) -> tuple[Config, Dataset, Start | None]:
    """Return what a run trains on if it starts from another network, as `init_from` says.

    Args:
      config: the configuration.
      dataset: the data.
      run: the run's folder if it goes on: its checkpoint has what it took over, so the other run is
        needed no more.
      parts: the files of the other run's parts of one's own, if this configuration has them not.

    Returns:
      The configuration, with the network of the other run; the data, with a table's rows encoded as
      in that run; and the start. Without `init_from` nothing changes: no start.

    Raises:
      InputError: if there is no such run, or its network or its inputs do not fit.
    """
    if config.init_from is None:
        return config, dataset, None
    spec = None if run is None else run.taken_over
    if spec is not None and run is not None:
        start = Start(config.init_from, Signature.from_dict(spec, run.path), None)
    else:
        network = open_network(Run.open(Path(config.init_from)), parts, config)
        start = Start(config.init_from, network.signature, network.params)
        own = {name: getattr(network.recipe, name) for name in SHARED}
        for name, value in own.items():
            given = getattr(config, name)
            if given not in (getattr(Config(), name), value):
                raise InputError(
                    f"{name} is that of the network in {config.init_from}, {shown(value)}, got"
                    f" {shown(given)}"
                )
        config = dataclasses.replace(config, **own)
    return config, encoded_for(config, dataset, start.signature), start
