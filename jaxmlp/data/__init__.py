"""Data sets, the examples held out of them, and the scaling of inputs: NumPy in, NumPy out.

`load(name)` returns a `Dataset`; `names()` lists the sets that have a name. A library that a set
needs (scikit-learn, pyarrow, tensorflow-datasets) is imported when the set is loaded, not before.
"""

import os
from collections.abc import Callable
from pathlib import Path

from jaxmlp.data import embedded, in_memory, toys
from jaxmlp.data.columns import Columns
from jaxmlp.data.convert_task import with_task
from jaxmlp.data.dataset import TASKS, Dataset, Source, checksum
from jaxmlp.data.dialects import Reading
from jaxmlp.data.download import Unavailable
from jaxmlp.data.idx_folders import is_idx_set, load_idx_files
from jaxmlp.data.in_memory import dataset_in_memory, inputs_in_memory
from jaxmlp.data.inputs import Inputs, read_inputs, read_rows
from jaxmlp.data.mnist import IDX_SETS, load_idx_set
from jaxmlp.data.picture_folders import PictureReading, load_picture_folder
from jaxmlp.data.picture_form import PictureForm, background, form_of_pictures
from jaxmlp.data.preprocessing import KINDS, Preprocessing, iterate_chunks
from jaxmlp.data.readers import is_text_table
from jaxmlp.data.shard_folders import find_shards
from jaxmlp.data.shard_sets import load_shards
from jaxmlp.data.splits import (
    holdout,
    holdout_groups,
    holdout_latest,
    k_folds,
    k_folds_of_groups,
)
from jaxmlp.data.table_options import TableOptions
from jaxmlp.data.table_targets import Fitted
from jaxmlp.data.tables import rows_of
from jaxmlp.data.tfds import PREFIX, load_tfds
from jaxmlp.data.user_files import DEFAULT, SUFFIXES, load_user_file, refuse_table_options
from jaxmlp.errors import InputError, check, shown, unknown
from jaxmlp.files import usable_path

__all__ = [
    "KINDS",
    "TASKS",
    "Columns",
    "Dataset",
    "Fitted",
    "Inputs",
    "PictureForm",
    "PictureReading",
    "Preprocessing",
    "Reading",
    "Source",
    "TableOptions",
    "Unavailable",
    "background",
    "checksum",
    "dataset_in_memory",
    "form_of_pictures",
    "holdout",
    "holdout_groups",
    "holdout_latest",
    "inputs_in_memory",
    "iterate_chunks",
    "k_folds",
    "k_folds_of_groups",
    "load",
    "names",
    "read_inputs",
    "read_rows",
    "rows_of",
    "with_task",
]

_BUILT_IN: dict[str, Callable[[str], Dataset]] = {
    "mnist_5k": embedded.load_mnist_5k,
    "digits": embedded.load_digits,
    "breast_cancer": embedded.load_measurements,
    "wine": embedded.load_measurements,
    "iris": embedded.load_measurements,
    "diabetes": embedded.load_diabetes,
    **dict.fromkeys(toys.GATES, toys.load_gate),
    **dict.fromkeys(toys.POINTS, toys.load_points),
    **dict.fromkeys(toys.CURVES, toys.load_curve),
}


def names() -> tuple[str, ...]:
    """List the names that `load` knows, apart from `tfds:NAME` and the paths of a user's files.

    Returns:
      The names: first the sets in the format of MNIST, then the embedded sets, then the toys.
    """
    return (*IDX_SETS, *_BUILT_IN)


def load(
    name: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    options: TableOptions = DEFAULT,
    reading: Reading | None = None,
    fitted: Fitted | None = None,
    picture_size: int | None = None,
    pictures: PictureReading | None = None,
) -> Dataset:
    """Load a data set.

    Args:
      name: one of `names()`, `tfds:NAME`, or a path: of a table, of a `.npz` or `.npy` file, of a
        folder with shards (see `jaxmlp.data.shard_folders`), with a subfolder of pictures for each
        class, or with files like MNIST's.
      data_dir: the folder with the files of `mnist`, `fashion_mnist` or `kmnist`, or with the
        prepared copies of `tfds:NAME`.
      options: what the user says of a table: its target, its columns, its test part.
      reading: what is known of how a table of text is written; the rest is found by looking.
      fitted: what a trained network expects of a table, if it is read for one.
      picture_size: the height and width of an example from a folder of pictures.
      pictures: how a trained network has a folder of pictures read that it is judged on.

    Returns:
      The data set.

    Raises:
      Unavailable: if the set is not on this machine and cannot be downloaded now.
      InputError: if there is no such set, an option does not apply to it, or a file is damaged.
    """
    name = os.fspath(name)
    if name == in_memory.NAME:
        raise InputError("the run was trained on data in memory: name data that fit it instead")
    table, tfds = name.lower().endswith(SUFFIXES), name.startswith(PREFIX)
    known = table or tfds or name in names()
    idx = not known and is_idx_set(Path(name))
    shards = None if known or idx else find_shards(name, options.test)
    if shards is not None:
        if reading not in (None, Reading()) or picture_size is not None or data_dir is not None:
            raise InputError(f"data_dir, picture_size and how text is read do not apply to {name}")
        return load_shards(shards, options, fitted)
    folder = not known and (idx or Path(name).is_dir())
    if not (known or folder):
        paths = ("FOLDER", *(f"FILE{s}" for s in SUFFIXES if not s.endswith(".gz")))
        raise unknown("data set", name, (*names(), f"{PREFIX}NAME", *paths))
    if not table:
        refuse_table_options(options, "", f"the data set {name!r}, which has its own")
    if not (table or folder):
        check(
            options.test_size is None,
            "test_size",
            f"left out: {name!r} has a test part",
            options.test_size,
        )
    if reading is not None and reading != Reading() and not is_text_table(name):
        raise InputError(
            f"{', '.join(reading.to_dict())} applies only to tables of text, such as .csv files,"
            f" got {name!r}"
        )
    if picture_size is not None and (idx or not folder):
        raise InputError(f"picture_size applies only to folders of pictures, got {name!r}")
    if data_dir is not None and not (tfds or name in IDX_SETS):
        raise InputError(
            f"data_dir does not apply to {name!r}, only to {', '.join(IDX_SETS)} and {PREFIX}NAME, "
            f"got {shown(os.fspath(data_dir))}"
        )
    if data_dir is not None:
        usable_path(data_dir, "data_dir")
    if folder:
        path = Path(name)
        if idx:
            return load_idx_files(path, options)
        return load_picture_folder(path, options, picture_size, pictures)
    if table:
        usable_path(name, "the data set")
        return load_user_file(name, options, reading, fitted)
    if tfds:
        return load_tfds(name, data_dir)
    if name in IDX_SETS:
        return load_idx_set(name, data_dir)
    return _BUILT_IN[name](name)
