"""The data of a run: found by the name that a configuration has for them, or those of a network."""

import dataclasses
import math
import os
import sys
from typing import TYPE_CHECKING, Any

from jaxmlp.cli.process import import_beside
from jaxmlp.config.data_options import OF_TABLES, READING
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check, listed, shown
from jaxmlp.memory import memory_allowed

if TYPE_CHECKING:
    from jaxmlp.config.signature import Signature
    from jaxmlp.data import Dataset, Fitted, TableOptions
    from jaxmlp.data.shard_folders import Shards
    from jaxmlp.data.streams import Stream
    from jaxmlp.data.tables import Rows

FALLBACK = "mnist_5k"  # what a run that named no data set trains on where MNIST cannot be had
PATHS = ("dataset", "data_dir", "test")  # the fields of a configuration that may be paths


def with_whole_paths(config: Config) -> Config:
    """Return the configuration with paths that hold from any folder."""
    whole: dict[str, Any] = {
        name: whole_path(given) for name in PATHS if (given := getattr(config, name))
    }
    if config.init_from:
        whole["init_from"] = os.path.abspath(config.init_from)
    return dataclasses.replace(config, **whole)


def whole_path(name: str) -> str:
    """Return a folder, or an existing path with a separator or a suffix, as an absolute path.

    So it is with what the names of files begin with (`jaxmlp.data.idx_folders`). The name of a data
    set stays as it is, and so does what is not there.
    """
    if os.path.isdir(name) and os.sep not in name:
        from jaxmlp.data import names

        return name if name in names() else os.path.abspath(name)
    is_path = os.path.exists(name) and (os.sep in name or bool(os.path.splitext(name)[1]))
    if os.sep in name and not is_path and not os.path.splitext(name)[1]:
        is_path = os.path.isdir(os.path.dirname(name))
    return os.path.abspath(name) if is_path else name


def table_options(config: Config) -> "TableOptions":
    """Return what a configuration says about a table."""
    from jaxmlp.data import TableOptions

    return TableOptions(**{name: getattr(config, name) for name in OF_TABLES})


def load_data(
    config: Config, signature: "Signature | None" = None, other: bool = False
) -> "Dataset":
    """Load the data that a configuration names.

    Args:
      config: names the data.
      signature: of a network; then the rows of a table are encoded as it expects them.
      other: whether the data are not those that the network was trained on. Pictures of a folder
        are then read as `predict` reads them, and all of them are the test part.

    Returns:
      The data, with the task that their targets pose.

    Raises:
      InputError: if there are no such data.
    """
    from jaxmlp.data import PictureReading, Reading, load
    from jaxmlp.data.readers import is_text_table

    if config.window_rows:
        raise InputError(
            "window_rows applies only to .parquet, .npy and .npz shards, where train, fit, evaluate"
            f" and predict read them, got {config.window_rows} with {config.dataset}"
        )

    fitted = None if signature is None else fitted_of(signature)
    reading = Reading(**{name: getattr(config, name) for name in READING})
    if fitted is not None and is_text_table(config.dataset):
        reading = Reading.from_dict(dict(fitted.columns.reading))
    pictures = None
    if signature is not None and other:
        pictures = PictureReading(signature.input_shape, signature.pictures, signature.classes)
    return load(
        config.dataset,
        data_dir=config.data_dir,
        options=table_options(config),
        reading=reading,
        fitted=fitted,
        picture_size=config.picture_size,
        pictures=pictures,
    )


def open_if_large(config: Config, again: bool = False) -> "Stream | None":
    """Open the data that a configuration names, if they are to be read window by window.

    They are if `window_rows` says so, or if they are shards that need more memory than data may
    take (see `jaxmlp.memory`).

    Args:
      config: names the data.
      again: whether a run has decided it already: then `window_rows` alone counts.

    Returns:
      The data; `None` if they are to be loaded as a whole.

    Raises:
      InputError: if there are no such data, or they cannot be read so.
    """
    shards = find_large(config, again)
    if shards is None:
        return None
    from jaxmlp.data.stream_open import open_stream
    from jaxmlp.training.spreading import spread_blocks

    return open_stream(shards, table_options(config), config.task, spread=spread_blocks)


def open_source(config: Config, source: Any) -> "Dataset | Stream":
    """Open a source of items, such as Grain and tensorflow-datasets have.

    Args:
      config: says how it is read, see `open_if_large`.
      source: has a length, and an item for each number.

    Returns:
      The data: as a whole, if they fit, or to be read window by window.

    Raises:
      InputError: if the items are no examples, or the configuration has what does not apply.
    """
    from jaxmlp.data.item_shards import ItemShards
    from jaxmlp.data.shard_sets import load_shards
    from jaxmlp.data.stream_open import open_stream
    from jaxmlp.training.spreading import spread_blocks

    for name in (*READING, "data_dir", "picture_size"):
        if getattr(config, name) is not None:
            raise InputError(f"{name} does not apply to data in memory")
    shards, options = ItemShards(source), table_options(config)
    if not _are_large(shards, config.window_rows):
        return load_shards(shards, options)
    return open_stream(shards, options, config.task, spread=spread_blocks)


def find_large(config: Config, again: bool = False) -> "Shards | None":
    """Return the shards that a configuration names, if they are to be read window by window."""
    shards = _named_shards(config, again)
    if not _are_large(shards, config.window_rows):
        return None
    for name in (*READING, "data_dir", "picture_size"):
        if getattr(config, name) is not None:
            raise InputError(f"{name} does not apply to shards, got {shown(getattr(config, name))}")
    return shards


def _named_shards(config: Config, again: bool) -> "Shards | None":
    """Return the shards that a configuration names, if they may be read window by window."""
    from jaxmlp.data import names
    from jaxmlp.data.shard_folders import find_shards

    path, rows = config.dataset, config.window_rows
    if path in names() or ":" in path or rows == 0 or (again and not rows):
        return None
    suffix = os.path.splitext(path)[1].lower()
    if not (os.path.isdir(path) or suffix in (".parquet", ".npy")):
        return None
    return find_shards(path, config.test)


def _are_large(shards: "Shards | None", rows: int | None) -> bool:
    """Return whether shards are read window by window, as all processes of a run must agree."""
    large = shards is not None and (bool(rows) or (rows is None and _exceeds_memory(shards)))
    jax = sys.modules.get("jax")  # which alone connects processes
    if jax is None or not jax.distributed.is_initialized():
        return large
    from jaxmlp.runs.together import large_for_any

    return large_for_any(None if shards is None else shards.checksum, large)


def _exceeds_memory(shards: "Shards") -> bool:
    return shards.unpacked > memory_allowed()


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


def load_fitting(config: Config, signature: "Signature", other: bool = False) -> "Dataset":
    """Load data that a trained network was trained on, or could have been.

    Args:
      config: names the data.
      signature: what the network expects and returns.
      other: whether the data are not those that it was trained on, see `load_data`.

    Returns:
      The data, with the targets of the configuration's task. The rows of a table are encoded as in
      training.

    Raises:
      InputError: if there are no such data, or they do not fit the network.
    """
    from jaxmlp.data import with_task

    dataset = with_task(load_data(config, signature, other), config.task)
    shape = signature.input_shape
    if other and signature.columns is None and dataset.columns is None:
        dataset = _as_predict_reads(dataset, signature)
    what = f"the shape of an example of {dataset.name}"
    check(dataset.input_shape == shape, what, f"{shape} as in training", dataset.input_shape)
    _check_columns(dataset, signature)
    if dataset.task == "regression":  # where the names are only those of the outputs
        outputs = len(dataset.classes)
        what = f"the number of values to predict in {dataset.name}"
        check(outputs == len(signature.classes), what, str(len(signature.classes)), outputs)
    elif dataset.classes != signature.classes:
        ours, theirs = (listed(names, 20) for names in (signature.classes, dataset.classes))
        raise InputError(f"the network knows the classes {ours}; {dataset.name} has {theirs}")
    return dataset


def _as_predict_reads(dataset: "Dataset", signature: "Signature") -> "Dataset":
    """Return arrays in the layout and on the scale that a network takes, as `predict` does.

    Where the examples have another size, nothing is done.
    """
    from jaxmlp.data.picture_form import batch_of_examples

    shape, form = signature.input_shape, signature.pictures
    if math.prod(dataset.input_shape) != math.prod(shape):
        return dataset
    x_test, notes = batch_of_examples(dataset.x_test, shape, dataset.name, form)
    x_train, _ = batch_of_examples(dataset.x_train, shape, dataset.name, form)
    decisions = [*dataset.provenance.get("decisions", ()), *notes]
    provenance = {**dataset.provenance, "decisions": decisions}
    return dataclasses.replace(dataset, x_train=x_train, x_test=x_test, provenance=provenance)


def encoded_for(config: Config, dataset: "Dataset", signature: "Signature") -> "Dataset":
    """Return data whose inputs a trained network takes, so that it can learn something new.

    Args:
      config: names the data.
      dataset: the data as they were loaded.
      signature: what the network expects.

    Returns:
      The data. The rows of a table's file are encoded as in the network's training; their targets
      are their own.

    Raises:
      InputError: if the inputs are others.
    """
    from jaxmlp.data import Reading, load
    from jaxmlp.data.readers import is_table

    fitted = fitted_of(signature)
    if fitted is not None and is_table(config.dataset):
        reading = Reading(**{name: getattr(config, name) for name in READING})
        columns = dataclasses.replace(fitted.columns, reading=_header_of(dataset))
        fitted = dataclasses.replace(fitted, columns=columns, task=None)
        return load(config.dataset, options=table_options(config), reading=reading, fitted=fitted)
    _check_columns(dataset, signature)
    return dataset


def _check_columns(dataset: "Dataset", signature: "Signature") -> None:
    if _input_names(signature.columns) != _input_names(dataset.columns):
        raise InputError(
            f"{dataset.name} has other columns or categories than the table the network was"
            " trained on"
        )


def _header_of(dataset: "Dataset") -> dict[str, Any]:
    """Return how the file of a table was read."""
    return dict(dataset.columns["reading"]) if dataset.columns else {"header": True}


def _input_names(record: dict[str, Any] | None) -> tuple[str, ...] | None:
    from jaxmlp.data import Columns

    return None if record is None else Columns.from_dict(record).input_names


def load_rows(path: str, signature: "Signature") -> "Rows":
    """Load all rows of a table for a network that was trained on one.

    Args:
      path: the file.
      signature: what the network expects and returns.

    Returns:
      Inputs, targets, and what the user should know of them.

    Raises:
      InputError: if the file is no table, or does not fit the network.
    """
    from jaxmlp.data import read_rows, rows_of

    fitted = fitted_of(signature)
    assert fitted is not None
    table, notation = read_rows(path, fitted.columns)
    return rows_of(table, fitted, str(path), notation)


def fitted_of(signature: "Signature") -> "Fitted | None":
    """Return what a network expects of a table; `None` if it was not trained on one."""
    from jaxmlp.data import Columns, Fitted

    if signature.columns is None:
        return None
    return Fitted(Columns.from_dict(signature.columns), signature.classes, signature.task)
