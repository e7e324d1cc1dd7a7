"""The four tasks: which losses suit each, how targets are encoded, and how it is scored.

Lecture rows D7, E3, E5.
"""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from jaxmlp.errors import InputError
from jaxmlp.training import BINARY, MULTICLASS, MULTILABEL, REGRESSION, TASKS, task_for

pytestmark = pytest.mark.usefixtures("compile_quickly")

E = np.e


@pytest.mark.parametrize(
    ("kind", "loss", "task", "name"),
    [
        ("multiclass", None, MULTICLASS, "cross_entropy"),
        ("multiclass", "mse", MULTICLASS, "mse"),
        ("binary", None, BINARY, "binary_cross_entropy"),
        ("binary", "perceptron", BINARY, "perceptron"),
        ("binary", "cross_entropy", MULTICLASS, "cross_entropy"),  # D7
        ("multilabel", None, MULTILABEL, "binary_cross_entropy"),
        ("regression", None, REGRESSION, "mse"),
        ("regression", "huber", REGRESSION, "huber"),
    ],
)
def test_data_and_loss_decide_the_task(kind, loss, task, name):
    assert task_for(kind, loss) == (task, name)


@pytest.mark.parametrize(
    ("kind", "loss", "message"),
    [
        ("multiclass", "perceptron", "loss for multiclass data must be cross_entropy or"),
        ("binary", "nonsense", "loss for multiclass data must be"),
        ("multilabel", "mse", "loss for multilabel data must be binary_cross_entropy, got 'mse'"),
        ("regression", "cross_entropy", "loss for regression data must be mse or"),
    ],
)
def test_a_loss_that_does_not_suit_the_task_is_refused(kind, loss, message):
    with pytest.raises(InputError, match=message):
        task_for(kind, loss)


@pytest.mark.parametrize(
    ("task", "outputs", "targets", "scores"),
    [
        (MULTICLASS, [[2.0, 1.0, 0.0], [0.0, 0.5, 1.0]], [0, 1], [1, 0]),
        (BINARY, [[0.3], [-0.3]], [1, 1], [1, 0]),
        (MULTILABEL, [[1.0, -1.0, 2.0, -3.0]], [[1, 1, 1, 0]], [0.75]),  # E3: each by itself
        (REGRESSION, [[1.0, 2.0]], [[0.0, 4.0]], [2.5]),  # (1 + 4) / 2
    ],
    ids=TASKS,
)
def test_each_example_is_scored(task, outputs, targets, scores):
    outputs, targets = np.array(outputs, np.float32), task.encode(np.array(targets))
    assert task.outputs(outputs.shape[1]) == outputs.shape[1]
    targets = targets if task is MULTICLASS else targets.astype(np.float32)
    np.testing.assert_allclose(task.score_each(outputs, targets), scores)


def test_r2_compares_the_error_with_the_variance():
    targets = np.array([[1.0], [3.0]])  # variance 1
    assert REGRESSION.finish(0.25, targets) == 0.75
    assert REGRESSION.finish(4.0, targets * 2) == 0.0
    assert REGRESSION.finish(0.25, np.array([[5.0]])) == 0.75  # the training part's variance
    assert all(task.finish(0.25, targets) == 0.25 for task in (MULTICLASS, BINARY, MULTILABEL))


def test_r2_of_several_outputs_is_weighted_by_variance_as_scikit_learn_can():
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(20, 3)) * [1, 5, 0.2]
    outputs = targets + rng.normal(size=(20, 3))
    mean = float(np.mean(REGRESSION.score_each(outputs, targets)))
    expected = r2_score(targets, outputs, multioutput="variance_weighted")
    assert REGRESSION.finish(mean, targets) == pytest.approx(expected)
    assert expected != pytest.approx(r2_score(targets, outputs))


def test_multilabel_accuracy_is_per_label_not_per_example():
    targets = np.array([[1, 1, 0, 0], [1, 0, 1, 0]])
    outputs = np.array([[1.0, -1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]], np.float32)
    mean = np.mean(MULTILABEL.score_each(outputs, targets.astype(np.float32)))
    assert mean == pytest.approx(7 / 8)
    assert accuracy_score(targets, outputs > 0) == 0.5


@pytest.mark.parametrize(
    ("task", "outputs", "expected"),
    [
        (MULTICLASS, [[1.0, 0.0]], [[E / (E + 1), 1 / (E + 1)]]),
        (BINARY, [[1.0]], [[1 / (E + 1), E / (E + 1)]]),
        (MULTILABEL, [[1.0, 0.0]], [[E / (E + 1), 0.5]]),  # E3: they need not sum to one
        (REGRESSION, [[1.0, 7.0]], [[1.0, 7.0]]),
    ],
    ids=TASKS,
)
def test_the_output_activation_follows_from_the_task(task, outputs, expected):
    shown = np.asarray(task.probabilities(np.array(outputs, np.float32)))
    np.testing.assert_allclose(shown, expected, rtol=1e-6)
