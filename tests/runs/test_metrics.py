"""The metrics, held to scikit-learn's on many made-up answers, and to what is counted by hand."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn import metrics as referee
from sklearn.calibration import calibration_curve

from jaxmlp.config.signature import Signature
from jaxmlp.data import Preprocessing
from jaxmlp.runs import metrics
from jaxmlp.runs.calibration import BINS, reliability
from jaxmlp.runs.evaluation import _per_class
from jaxmlp.runs.scores import scores_of

INPUTS = np.zeros((1, 1))


def drawn(classes, n, seed):
    """Return probabilities with ties and zeros, and labels; the last class is rare or absent."""
    rng = np.random.default_rng(seed)
    p = rng.choice([0.0, 0.1, 0.2, 0.7], size=(n, classes)) + 1e-3 * rng.integers(
        0, 3, (n, classes)
    )
    p[:, 0] += 1e-9
    y = rng.choice(classes, n, p=np.array([1.0] * (classes - 1) + [0.05]) / (classes - 0.95))
    return p / p.sum(axis=1, keepdims=True), y


def signature(task, classes, quantiles=()):
    loss = {"regression": "mse", "multiclass": "cross_entropy"}.get(task, "binary_cross_entropy")
    names = tuple(map(str, range(classes)))
    return Signature((1,), task, loss, names, Preprocessing.fit("none", INPUTS))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("classes", [2, 3, 7])
def test_classes(classes, seed):
    p, y = drawn(classes, 60, seed)
    task = signature("binary" if classes == 2 else "multiclass", classes)
    said = p.argmax(axis=1)
    found = scores_of(task, p, y)
    p = p / p.sum(axis=1, keepdims=True)  # once more, since it decides which of them are equal
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class without an example
        expected = {
            "accuracy": referee.accuracy_score(y, said),
            "balanced_accuracy": referee.balanced_accuracy_score(y, said),
            "log_loss": referee.log_loss(y, p, labels=range(classes)),
        }
    if len(np.unique(y)) == classes:
        given = p[:, 1] if classes == 2 else p
        expected["auc"] = referee.roc_auc_score(y, given, multi_class="ovr")
    assert ("auc" in found) == ("auc" in expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name
    table = _per_class(task, p, y)
    assert table["confusion"] == referee.confusion_matrix(y, said, labels=range(classes)).tolist()
    same_as_the_referee(table["per_class"], y, said, classes)


@pytest.mark.parametrize("seed", range(4))
def test_labels(seed):
    rng = np.random.default_rng(seed)
    p, y = rng.integers(0, 11, (40, 3)) / 10, rng.integers(0, 2, (40, 3))
    task = signature("multilabel", 3)
    said = task.decide(p)
    found = scores_of(task, p, y)
    each = [referee.log_loss(t, q, labels=[0, 1]) for t, q in zip(y.T, p.T, strict=True)]
    expected = {
        "accuracy": 1 - referee.hamming_loss(y, said),
        "exact_match": referee.accuracy_score(y, said),
        "log_loss": np.mean(each),
        "auc": referee.roc_auc_score(y, p, average="macro"),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name
    same_as_the_referee(_per_class(task, p, y)["per_class"], y, said, 3)


def same_as_the_referee(table, y, said, classes):
    columns = referee.precision_recall_fscore_support(
        y, said, labels=range(classes), zero_division=0.0
    )
    for name, column in zip(("precision", "recall", "f1", "support"), columns, strict=True):
        assert [row[name] for row in table] == pytest.approx(column.tolist(), rel=1e-12), name


@pytest.mark.parametrize("seed", range(4))
def test_groups_of_a_calibration_curve(seed):
    p, y = drawn(2, 200, seed)
    p[:3, 1], p[:3, 0] = (0, 1, 1 / BINS), (1, 0, 1 - 1 / BINS)  # the edges of groups
    found = reliability(signature("binary", 2), p, y)
    share, probability = calibration_curve(y, p[:, 1], n_bins=BINS)
    np.testing.assert_allclose(found.share, share, rtol=1e-12)
    np.testing.assert_allclose(found.probability, probability, rtol=1e-12)
    assert found.examples.sum() == 200


def test_area_by_hand():
    """Three pairs of four are in order, and of the fourth both are equal."""
    assert metrics.auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.8])) == 3.5 / 4


def test_a_training_does_not_import_scikit_learn(tmp_path):
    """Which takes a second of the processor: a quarter of a short training."""
    line = ["--dataset", "xor", "--epochs", "1", "--quiet", "--out", str(tmp_path / "run")]
    code = f"import sys, jaxmlp.train; assert jaxmlp.train.main({line}) == 0; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = found.stdout.split()
    assert "jaxmlp.runs.scores" in names
    assert "sklearn" not in names
