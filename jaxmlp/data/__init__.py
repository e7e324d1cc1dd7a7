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
from jaxmlp.data.download import Unavailable
from jaxmlp.data.idx_folders import is_idx_set, load_idx_files
from jaxmlp.data.in_memory import dataset_in_memory, inputs_in_memory
from jaxmlp.data.inputs import Inputs, read_inputs
from jaxmlp.data.mnist import IDX_SETS, load_idx_set
from jaxmlp.data.picture_folders import Reading, load_picture_folder
from jaxmlp.data.picture_form import PictureForm, background, form_of_pictures
from jaxmlp.data.preprocessing import KINDS, Preprocessing, iterate_chunks
from jaxmlp.data.splits import holdout
from jaxmlp.data.tfds import PREFIX, load_tfds
from jaxmlp.data.user_files import SUFFIXES, load_user_file
from jaxmlp.errors import InputError, shown, unknown
from jaxmlp.files import usable_path

__all__ = [
    "KINDS",
    "TASKS",
    "Columns",
    "Dataset",
    "Inputs",
    "PictureForm",
    "Preprocessing",
    "Reading",
    "Source",
    "Unavailable",
    "background",
    "checksum",
    "dataset_in_memory",
    "form_of_pictures",
    "holdout",
    "inputs_in_memory",
    "iterate_chunks",
    "load",
    "names",
    "read_inputs",
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
    target: str | None = None,
    header: bool | None = None,
    picture_size: int | None = None,
    reading: Reading | None = None,
) -> Dataset:
    """Load a data set.

    Args:
      name: one of `names()`, `tfds:NAME`, or a path: of a `.csv`, `.parquet` or `.npz` file, of a
        folder with a subfolder of pictures for each class, or of a folder with files like MNIST's.
      data_dir: the folder with the files of `mnist`, `fashion_mnist` or `kmnist`, or with the
        prepared copies of `tfds:NAME`.
      target: the column of a `.csv` or `.parquet` file to predict; several are separated by commas.
      header: whether the first line of a `.csv` file names the columns; `None` to decide by looking
        at it.
      picture_size: the height and width of an example from a folder of pictures.
      reading: how a trained network has a folder of pictures read that it is judged on.

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
    folder = not known and (idx or Path(name).is_dir())
    if not (known or folder):
        paths = ("FOLDER", *(f"FILE{suffix}" for suffix in SUFFIXES))
        raise unknown("data set", name, (*names(), f"{PREFIX}NAME", *paths))
    if target is not None and not table:
        raise InputError(
            f"target does not apply to the data set {name!r}, which has its own, got {target!r}"
        )
    if header is not None and not name.lower().endswith(".csv"):
        raise InputError(f"header applies only to .csv files, got {name!r}")
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
        return load_idx_files(path) if idx else load_picture_folder(path, picture_size, reading)
    if table:
        usable_path(name, "the data set")
        return load_user_file(name, target, header)
    if tfds:
        return load_tfds(name, data_dir)
    if name in IDX_SETS:
        return load_idx_set(name, data_dir)
    return _BUILT_IN[name](name)
