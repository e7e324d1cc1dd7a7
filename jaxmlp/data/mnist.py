"""MNIST and the sets published in its format, from the first place that has them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp.data.dataset import Dataset, make_dataset
from jaxmlp.data.download import Unavailable
from jaxmlp.data.fetch import download_files
from jaxmlp.data.idx import FILE_NAMES, Arrays, idx_paths, load_idx_folder, missing_files
from jaxmlp.errors import InputError, shown

DATA_DIR_VARIABLE = "JAXMLP_DATA_DIR"


class IdxSet(NamedTuple):
    """What the four files of a set do not say.

    Attributes:
      version: the year of publication.
      classes: the name of each class.
      usual_folders: where a system keeps the files.
    """

    version: str
    classes: tuple[str, ...]
    usual_folders: tuple[str, ...] = ()


IDX_SETS = {
    "mnist": IdxSet("1998", tuple("0123456789")),
    "fashion_mnist": IdxSet(
        "2017",
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        ("/usr/share/datasets/fashion-mnist",),
    ),
    "kmnist": IdxSet("2018", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
}


def load_idx_set(name: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Load `mnist`, `fashion_mnist` or `kmnist`: grey images of 28 x 28 pixels (lecture row E11).

    If `data_dir` is given, the four files are looked for only there. Otherwise they are looked for
    in the folder that the variable JAXMLP_DATA_DIR names, in the usual folders of the system, and
    in the project's cache. If they are in none of these, they are downloaded into the cache. A
    damaged file of the cache is downloaded again.

    Args:
      name: a key of `IDX_SETS`.
      data_dir: the folder that holds the files, or that holds a folder with the set's name.

    Returns:
      The data set: images `uint8` `(N, 28, 28, 1)` in ten classes.

    Raises:
      Unavailable: if the files are in none of the places and cannot be downloaded now.
      InputError: if `data_dir` lacks the files, or they are damaged.
    """
    known = IDX_SETS[name]
    if data_dir is None:
        folder = _find_or_download(name)
    else:
        folder = _find_in_data_dir(name, Path(data_dir))
    return make_dataset(
        name,
        _load_or_fetch_again(name, folder, len(known.classes)),
        "multiclass",
        known.classes,
        source="tensorflow-datasets" if folder == cache_folder(name) else "folder",
        version=known.version,
        files=[str(path) for path in idx_paths(folder)],
        split="as published",
    )


def cache_folder(name: str) -> Path:
    """Locate the folder of the project's cache into which a set is downloaded.

    Args:
      name: a key of `IDX_SETS`.

    Returns:
      The folder, below XDG_CACHE_HOME or `~/.cache`; it may not exist yet.
    """
    root = os.environ.get("XDG_CACHE_HOME", "")
    root = root if os.path.isabs(root) else str(Path.home() / ".cache")  # as the standard says
    return Path(root) / "jaxmlp" / "datasets" / name


def _find_in_data_dir(name: str, data_dir: Path) -> Path:
    for folder in _candidate_folders(name, data_dir):
        if not missing_files(folder):
            return folder
    raise InputError(
        f"data_dir must be a folder that holds {', '.join(FILE_NAMES)} (plain or .gz), itself or "
        f"in a folder {name}, got {shown(str(data_dir))}"
    )


def _find_or_download(name: str) -> Path:
    """Return the first usual place with all four files; download them if there is none."""
    places = [Path(place) for place in IDX_SETS[name].usual_folders] + [cache_folder(name)]
    why = "is in no usual folder"
    if value := os.environ.get(DATA_DIR_VARIABLE):
        why = f"is neither in {value}, as {DATA_DIR_VARIABLE} says, nor in a usual folder"
        places = [*_candidate_folders(name, Path(value)), *places]
    for folder in places:
        if not missing_files(folder):
            return folder
    _fetch(name, why)
    return cache_folder(name)


def _load_or_fetch_again(name: str, folder: Path, classes: int) -> Arrays:
    """Load the files of a folder; damaged ones in the project's own cache are fetched again."""
    try:
        return load_idx_folder(folder, classes)
    except InputError:
        if folder != cache_folder(name) or not _fetch(name, "is damaged in the cache"):
            raise
    return load_idx_folder(folder, classes)


def _fetch(name: str, why: str) -> list[Path]:
    """Download into the cache what it lacks or has damaged, and return these files."""
    files, folder = registered_files(name), cache_folder(name)
    try:
        return download_files(files, folder)
    except Unavailable as error:
        place = next(iter(files)).rpartition("/")[0]
        names = ", ".join(url.rpartition("/")[2] for url in files)
        raise Unavailable(
            f"{name} {why}, and {error}; put {names} from {place}/ into {folder} or a folder given "
            f"by --data-dir or {DATA_DIR_VARIABLE}, or use mnist_5k"
        ) from error


def _candidate_folders(name: str, data_dir: Path) -> Iterator[Path]:
    """Yield the folders below `data_dir` that may hold a set, then `data_dir` itself.

    A `data_dir` named after another set is left out: the files do not tell MNIST from
    Fashion-MNIST.
    """
    data_dir = Path(os.path.expanduser(data_dir))  # as it is for an unknown user
    yield data_dir / name
    yield data_dir / name.replace("_", "-")
    if data_dir.name.replace("-", "_") not in IDX_SETS.keys() - {name}:
        yield data_dir


def registered_files(name: str) -> dict[str, Any]:
    """Look up the addresses of a set's files, with sizes and checksums, in tensorflow-datasets.

    Args:
      name: a key of `IDX_SETS`.

    Returns:
      Size and checksum by address, in the form that `download_files` takes.
    """
    import tensorflow_datasets as tfds

    return tfds.builder_cls(name).url_infos
