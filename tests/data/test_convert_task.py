"""The same targets in the form of another task (lecture rows E3, E5)."""

import numpy as np
import pytest

from jaxmlp.data import Dataset, load
from jaxmlp.data.convert_task import with_task
from jaxmlp.errors import InputError


def made(y, task, classes):
    x = np.zeros((len(y), 2))
    return Dataset("made up", x, y, x[:3], y[:3], task, classes)


LABELS = made(np.array([0, 2, 1, 1, 0, 2], np.int32), "multiclass", ("5", "7", "9"))
NUMBERS = made(np.array([[1.0], [3.0], [1.0], [3.0], [1.0]], np.float32), "regression", ("rooms",))


def test_the_same_task_changes_nothing():
    assert with_task(LABELS, None) is LABELS
    assert with_task(LABELS, "multiclass") is LABELS


def test_labels_as_independent_answers():
    data = with_task(LABELS, "multilabel")
    assert np.argmax(data.y_train, axis=1).tolist() == LABELS.y_train.tolist()
    assert data.y_train.sum(axis=1).tolist() == [1] * 6
    assert data.classes == LABELS.classes


def test_labels_as_the_numbers_they_are_named_after():
    data = with_task(LABELS, "regression")
    assert data.y_train.tolist() == [[5], [9], [7], [7], [5], [9]]
    assert data.y_test.dtype == np.float64


def test_numbers_as_labels():
    data = with_task(NUMBERS, "binary")
    assert (data.classes, data.y_train.tolist()) == (("1", "3"), [0, 1, 0, 1, 0])
    assert with_task(NUMBERS, "multiclass").task == "multiclass"


def test_two_classes_as_many():
    assert with_task(load("xor"), "multiclass").task == "multiclass"


@pytest.mark.parametrize(
    ("data", "task", "message"),
    [
        (LABELS, "binary", "task must be multiclass for 3 classes, got 'binary'"),
        (LABELS, "regresion", "unknown task 'regresion', .*; did you mean 'regression'"),
        (
            load("iris"),
            "regression",
            r"because the names of the classes are not numbers \(setosa, .*\), got 'regression'",
        ),
        (NUMBERS, "multilabel", "task must be regression for these targets"),
        (
            load("sine"),
            "multiclass",
            "because the target has 1500 different values for 1000 examples, got 'multiclass'",
        ),
        (with_task(LABELS, "multilabel"), "multiclass", "task must be multilabel"),
    ],
)
def test_what_cannot_be(data, task, message):
    with pytest.raises(InputError, match=message):
        with_task(data, task)
