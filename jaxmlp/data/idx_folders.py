"""Sets in the files of MNIST under any name: EMNIST, QMNIST, Fashion-MNIST and a user's own."""

import dataclasses
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxmlp.data.array_sets import WORDS_OF_PARTS, dataset_from_arrays
from jaxmlp.data.dataset import Dataset
from jaxmlp.data.idx import read_idx
from jaxmlp.data.mnist import IDX_SETS
from jaxmlp.data.readers import existing_file, report_read_errors
from jaxmlp.data.table_options import TableOptions
from jaxmlp.errors import InputError

TRANSPOSED = "emnist"  # a set of this name holds rows as columns, as its authors published it
QMNIST_COLUMNS = 8  # of its labels: the class, then where the digit comes from
_PARTS = {"t10k": "test"} | {w: part for part, words in WORDS_OF_PARTS.items() for w in words}
_NAME = re.compile(
    rf"(?P<set>.*?)[-_.]?(?P<part>{'|'.join(sorted(_PARTS, key=len, reverse=True))})"
    r"[-_.](?P<kind>images|labels)[-_.]idx\d?(?:[-_.][a-z]+)?(?:\.gz)?",
    re.IGNORECASE,
)


class IdxFile(NamedTuple):
    """An IDX file by its name, such as `emnist-letters-train-images-idx3-ubyte.gz`."""

    part: str  # train, test or valid
    kind: str  # images or labels


def find_idx_sets(folder: Path) -> dict[str, dict[IdxFile, Path]]:
    """Find the files of sets like MNIST in a folder, by their names.

    Args:
      folder: the folder.

    Returns:
      For each set, called by what its files' names begin with, the path of each file. An unpacked
      file comes before a gzipped one.
    """
    found: dict[str, dict[IdxFile, Path]] = {}
    with report_read_errors(folder, "a folder"):
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in paths:
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            file = IdxFile(_PARTS[match["part"].lower()], match["kind"].lower())
            found.setdefault(match["set"], {}).setdefault(file, path)
    return found


def is_idx_set(path: Path) -> bool:
    """Return whether a path is a folder with the files of a set, or what their names begin with."""
    return bool(find_idx_sets(path) or path.name in find_idx_sets(path.parent))


def load_idx_files(path: Path, options: TableOptions) -> Dataset:
    """Load a set in the files of MNIST: images and labels of a training and maybe a test part.

    The pictures of EMNIST are transposed, and come upright from here. The labels of QMNIST have
    eight columns, of which the first is the class. A file `SET-mapping.txt`, as EMNIST has it,
    gives the letter of each class.

    Args:
      path: the folder of the files, or the folder and what the files' names begin with.
      options: the size of the test part.

    Returns:
      The data set: images `(N, H, W, 1)` and class labels.

    Raises:
      InputError: if the folder has the files of several sets, a file is missing or damaged, or the
        files do not fit together.
    """
    name, files = _choose_set(path)
    folder = next(iter(files.values())).parent
    notes: list[str] = []
    arrays = _read_files(files, name, folder, notes)
    provenance = {
        "source": "folder",
        "version": None,
        "files": [str(file) for file in files.values()],
    }
    dataset = dataset_from_arrays(arrays, str(path), provenance, options)
    names = _class_names(name, folder)
    if names and set(dataset.classes) <= names.keys():
        classes = tuple(names[label] for label in dataset.classes)
        dataset = dataclasses.replace(dataset, classes=classes)
    notes += dataset.provenance.pop("decisions", [])
    if notes:
        dataset.provenance["decisions"] = notes
    return dataset


def _choose_set(path: Path) -> tuple[str, dict[IdxFile, Path]]:
    sets = find_idx_sets(path)
    if not sets:
        return path.name, find_idx_sets(path.parent)[path.name]
    if len(sets) > 1:
        names = sorted(sets)
        raise InputError(
            f"{path}: expected the files of one set, got those of {', '.join(map(repr, names))}; "
            f"name one of them, such as {path / names[-1]}"
        )
    return next(iter(sets.items()))


def _read_files(
    files: dict[IdxFile, Path], name: str, folder: Path, notes: list[str]
) -> dict[str, np.ndarray]:
    """Return the arrays of the files by the names that `dataset_from_arrays` knows."""
    arrays = {}
    for part in dict.fromkeys(file.part for file in files):
        for kind in ("images", "labels"):
            if IdxFile(part, kind) not in files:
                words = f"{kind} of the {'training' if part == 'train' else part} part"
                raise InputError(f"{folder}: expected a file with the {words}, got no such file")
        arrays[f"x_{part}"] = _read_images(files[IdxFile(part, "images")])
        arrays[f"y_{part}"] = _read_labels(files[IdxFile(part, "labels")], notes)
    if "x_train" not in arrays:
        raise InputError(f"{folder}: expected a training part, got only {', '.join(arrays)}")
    if TRANSPOSED in (name or folder.name).lower():
        notes.append("the pictures are transposed, as EMNIST was published: they were put upright")
        turned = {key: x.swapaxes(1, 2) for key, x in arrays.items() if key.startswith("x")}
        arrays |= {key: np.ascontiguousarray(x) for key, x in turned.items()}
    return arrays


def _read_images(path: Path) -> np.ndarray:
    images = read_idx(path)
    if images.ndim not in (3, 4) or images.size == 0:
        raise InputError(f"{path}: expected images (N, H, W), got an array of shape {images.shape}")
    return images


def _read_labels(path: Path, notes: list[str]) -> np.ndarray:
    labels = read_idx(path)
    if labels.ndim == 2 and labels.shape[1] == QMNIST_COLUMNS:
        note = "the labels have eight columns, as in QMNIST: the first is the class"
        notes += [] if note in notes else [note]
        labels = np.ascontiguousarray(labels[:, 0])
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(f"{path}: expected labels (N,), got an array of shape {labels.shape}")
    return labels


def _class_names(name: str, folder: Path) -> dict[str, str]:
    """Return the names of classes by their labels: from EMNIST's mapping, or of a known set."""
    mapping = folder / f"{name}-mapping.txt"
    if mapping.is_file():
        with report_read_errors(mapping, "a table of labels and letters"):
            rows = existing_file(mapping).read_text(encoding="ascii").split("\n")
            pairs = [row.split() for row in rows if row.strip()]
            return {str(int(label)): chr(int(code)) for label, code, *_ in pairs}
    known = IDX_SETS.get((name or folder.name).lower().replace("-", "_"))
    return {str(i): label for i, label in enumerate(known.classes)} if known else {}
