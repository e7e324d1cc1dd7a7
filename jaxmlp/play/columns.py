"""The columns of a table that the page takes as inputs, and those that it proposes."""

import dataclasses
import shlex

import numpy as np

from jaxmlp.config.options import Config
from jaxmlp.data import Columns, Dataset, with_task
from jaxmlp.data.readers import is_table
from jaxmlp.errors import InputError, listed, unknown
from jaxmlp.runs.data import load_data

NAMED = 4  # columns that a message proposes


def choose_columns(
    config: Config, dataset: Dataset, names: list[str]
) -> tuple[Config, Dataset, bool]:
    """Return a table with these columns as its inputs.

    The other columns of a file are dropped by the option that `jaxmlp.train` has for it. Those of a
    table that comes with a package are left out here.

    Args:
      config: names the data.
      dataset: the data, with all columns.
      names: the columns.

    Returns:
      The configuration and the data; and whether `jaxmlp.train` needs a file of them.

    Raises:
      InputError: if the data are no table, a column is not in it, or others are dropped besides.
    """
    if dataset.columns is None:
        raise InputError(f"--columns is for a table, got {dataset.name}")
    if config.drop:
        raise InputError(f"--columns names all inputs; --drop {shlex.join(config.drop)} is idle")
    table = Columns.from_dict(dataset.columns)
    known = [name for name in table.names or table.input_names if name not in table.target]
    for name in names:
        if name not in known:
            raise unknown("column", name, known)
    if is_table(config.dataset):
        drop = tuple(name for name in known if name not in names)
        keep = tuple(name for name in names if name in table.left_out)
        config = dataclasses.replace(config, drop=drop, keep=keep)
        return config, with_task(load_data(config), config.task), False
    places = [i for i, name in enumerate(table.input_names) if name in names]
    inputs = tuple(table.inputs[i] for i in places)  # of numbers, so one input each
    fewer = dataclasses.replace(table, inputs=inputs).to_dict()
    x = dataset.x_train[:, places], dataset.x_test[:, places]
    made = dataclasses.replace(dataset, x_train=x[0], x_test=x[1], columns=fewer)
    return config, made, True


def proposal(dataset: Dataset) -> str:
    """Return what to give instead of too many columns, for the end of a message."""
    if dataset.columns is None:
        return ""
    names = telling_columns(dataset)
    example = f", such as --columns {shlex.join(names[:2])}" if names else ""
    told = f" (these tell most: {listed(names, NAMED)})" if len(names) > 2 else ""
    return f"; choose two by --columns{example}{told}"


def telling_columns(dataset: Dataset) -> list[str]:
    """Return the names of the columns of numbers, first the one that tells most about the target.

    It is judged alone, by the F statistic of its means in the classes, or of its correlation.
    """
    from sklearn.feature_selection import f_classif, f_regression

    known = Columns.from_dict(dataset.columns or {})
    names = list(known.input_names)
    numeric = [column.name for column in known.inputs if column.kind == "number"]
    places = [names.index(name) for name in numeric]
    x, y = dataset.x_train[:, places], dataset.y_train
    y = y if y.ndim == 1 else y[:, 0]
    with np.errstate(all="ignore"):
        statistic, _ = (f_regression if dataset.task == "regression" else f_classif)(x, y)
    order = np.argsort(-np.nan_to_num(statistic, nan=-1.0), kind="stable")
    return [numeric[i] for i in order[:NAMED]]
