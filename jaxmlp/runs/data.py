"""The data of a run: found by the name that a configuration has for them, or those of a network."""

import dataclasses
import os
from typing import TYPE_CHECKING

from jaxmlp.cli.process import import_beside
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check, listed

if TYPE_CHECKING:
    from jaxmlp.config.signature import Signature
    from jaxmlp.data import Dataset

FALLBACK = "mnist_5k"  # what a run that named no data set trains on where MNIST cannot be had
PATHS = ("dataset", "data_dir")  # the fields of a configuration that may be paths


def with_whole_paths(config: Config) -> Config:
    """Return the configuration with paths that hold from any folder."""
    folder = config.data_dir and whole_path(config.data_dir)
    start = config.init_from and os.path.abspath(config.init_from)
    dataset = whole_path(config.dataset)
    return dataclasses.replace(config, dataset=dataset, data_dir=folder, init_from=start)


def whole_path(name: str) -> str:
    """Return an existing path, with a separator or a suffix, as an absolute one; else the name."""
    is_path = os.path.exists(name) and (os.sep in name or bool(os.path.splitext(name)[1]))
    return os.path.abspath(name) if is_path else name


def load_data(config: Config) -> "Dataset":
    """Load the data that a configuration names.

    Args:
      config: names the data.

    Returns:
      The data, with the task that their targets pose.

    Raises:
      InputError: if there are no such data.
    """
    from jaxmlp.data import load

    return load(
        config.dataset, data_dir=config.data_dir, target=config.target, header=config.header
    )


def load_or_stand_in(config: Config, named: bool) -> tuple["Dataset", str | None]:
    """Load the data of a configuration, or a replacement if they are not available.

    A thread imports JAX in the meantime.

    Args:
      config: names the data.
      named: whether the user named them; then nothing stands in for them.

    Returns:
      The data, and the name of the set they stand in for, if they do.

    Raises:
      InputError: if there are no such data.
    """
    from jaxmlp.data import Unavailable, load

    import_beside("jaxmlp.config.problem")  # which takes longer than most data
    try:
        return load_data(config), None
    except Unavailable as error:
        if named:
            raise
        from jaxmlp.cli.console import say

        say(f"WARNING: training on {FALLBACK} instead: {error}")
        return load(FALLBACK), config.dataset


def load_fitting(config: Config, signature: "Signature") -> "Dataset":
    """Load data that a trained network was trained on, or could have been.

    Args:
      config: names the data.
      signature: what the network expects and returns.

    Returns:
      The data, with the targets of the configuration's task.

    Raises:
      InputError: if there are no such data, or they do not fit the network.
    """
    from jaxmlp.data import with_task

    dataset = load_data(_as_in_training(config, signature))
    dataset = with_task(dataset, config.task)
    shape = signature.input_shape
    what = f"the shape of an example of {dataset.name}"
    check(dataset.input_shape == shape, what, f"{shape} as in training", dataset.input_shape)
    if dataset.task == "regression":  # where the names are only those of the outputs
        outputs = len(dataset.classes)
        what = f"the number of values to predict in {dataset.name}"
        check(outputs == len(signature.classes), what, str(len(signature.classes)), outputs)
    elif dataset.classes != signature.classes:
        ours, theirs = (listed(names, 20) for names in (signature.classes, dataset.classes))
        raise InputError(f"the network knows the classes {ours}; {dataset.name} has {theirs}")
    return inputs_in_order(dataset, signature)


def _as_in_training(config: Config, signature: "Signature") -> Config:
    """Return the configuration with header and target of the table that a network learned from."""
    from jaxmlp.data.readers import TABLE_SUFFIXES

    columns, name = signature.columns, config.dataset.lower()
    if columns is None or not name.endswith(TABLE_SUFFIXES):
        return config
    header = columns.get("header", True) if name.endswith(".csv") else None
    target = config.target or ",".join(columns["target"])
    return dataclasses.replace(config, header=header, target=target)


def inputs_in_order(dataset: "Dataset", signature: "Signature") -> "Dataset":
    """Return a table's data with the inputs in the order of the table a network learned from.

    Args:
      dataset: the data.
      signature: what the network expects and returns.

    Returns:
      The data.

    Raises:
      InputError: if the table has other columns or categories.
    """
    import numpy as np

    from jaxmlp.data.columns import input_places

    ours, theirs = signature.columns, dataset.columns
    if ours is None and theirs is None:
        return dataset
    places = None if ours is None or theirs is None else input_places(theirs, ours)
    if places is None:
        raise InputError(
            f"{dataset.name} has other columns or categories than the table the network was"
            " trained on"
        )
    if np.array_equal(places, np.arange(len(places))):
        return dataset
    x = {name: getattr(dataset, name)[:, places] for name in ("x_train", "x_test")}
    return dataclasses.replace(dataset, columns=ours, **x)
