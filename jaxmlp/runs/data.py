"""The data that a command trains on, found by the name that a configuration has for them."""

import os
from typing import TYPE_CHECKING

from jaxmlp.cli.parser import import_beside
from jaxmlp.config.options import Config

if TYPE_CHECKING:
    from jaxmlp.data import Dataset

FALLBACK = "mnist_5k"  # what a run that named no data set trains on where MNIST cannot be had


def whole_path(name: str) -> str:
    """Return a file or folder so that it is found from anywhere, and other names as they are."""
    return os.path.abspath(name) if os.path.exists(name) and os.sep in name else name


def load_or_stand_in(config: Config, named: bool) -> tuple["Dataset", str | None]:
    """Return the data, and the name of the set they stand in for, if they do.

    While they are read, JAX is imported.
    """
    from jaxmlp.data import Unavailable, load

    import_beside("jaxmlp.config.problem")  # which takes longer than most data
    try:
        return load(config.dataset, data_dir=config.data_dir, target=config.target), None
    except Unavailable as error:
        if named:
            raise
        from jaxmlp.cli.console import say

        say(f"WARNING: training on {FALLBACK} instead: {error}")
        return load(FALLBACK), config.dataset
