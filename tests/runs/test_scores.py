"""The scores in the owner's terms: scikit-learn's, the same by every door, without a warning."""

import json
import re
import warnings

import numpy as np
import pytest
from sklearn import metrics

import jaxmlp
from jaxmlp import evaluate, train
from jaxmlp.config.signature import Signature
from jaxmlp.data import Preprocessing
from jaxmlp.errors import InputError
from jaxmlp.runs.scores import scores_of

pytestmark = pytest.mark.usefixtures("compile_quickly")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
SIGNAL = X @ [2.0, -1.0, 0.5]
DATA = {  # inputs and targets
    "two classes": (X, np.where(SIGNAL > 0.8, "yes", "no")),
    "three classes": (X, np.array(["low", "mid", "high"])[np.digitize(SIGNAL, [-1, 1])]),
    "labels": (X, np.stack([SIGNAL > 0, X[:, 0] > 0.3], axis=1)),
    "two numbers": (X, np.stack([1000 * SIGNAL, X[:, 1] - 7], axis=1)),
}
PART = slice(60, 90)
REFUSED = {  # targets of two classes, and the message
    ("0",) * 29: r"targets must be of shape \(30,\), got \(29,\)",
    ("maybe",) * 30: "a target must be one of 0, 1, got 'maybe'",
}


@pytest.mark.parametrize("name", DATA)
def test_every_door_says_the_same(name, tmp_path, capsys):
    """`fit`, `train`, `evaluate`, `Network.scores`, and scikit-learn on what `predict` says."""
    x, y = DATA[name]
    targets = y.astype(int) if y.dtype == bool else y
    if y.dtype.kind == "U":
        targets = np.unique(y, return_inverse=True)[1]
    file, out = tmp_path / "my.npz", tmp_path / "run"
    parts = {"x_train": x[:60], "x_test": x[PART], "y_train": targets[:60], "y_test": targets[PART]}
    np.savez(file, **parts)
    assert (
        train.main(
            ["--dataset", str(file), "--epochs", "1", "--hidden", "--quiet", "--out", str(out)]
        )
        == 0
    )
    summary = json.loads((out / "summary.json").read_text())["scores"]["test"]
    network = jaxmlp.load(out)
    assert evaluate.main([str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {score: found[score] for score in summary} == pytest.approx(summary, rel=1e-5)
    assert network.scores(x[PART], targets[PART]) == pytest.approx(summary, rel=1e-5)
    said = network.predict(x[PART])
    for score, value in expected_scores(name, targets[PART], said, network, x[PART]).items():
        assert summary[score] == pytest.approx(value, rel=1e-5), score
    if name == "two classes":
        for given, message in REFUSED.items():
            with pytest.raises(InputError, match=message):
                network.scores(x[PART], given)


def expected_scores(name, y, said, network, x):
    if "number" in name:
        pairs = zip(network.classes, y.reshape(30, -1).T, said.reshape(30, -1).T, strict=True)
        errors = [(n, metrics.mean_squared_error(t, s) ** 0.5, t - s) for n, t, s in pairs]
        found = {f"rmse {n}": rmse for n, rmse, _ in errors}
        return found | {f"mae {n}": np.mean(np.abs(r)) for n, _, r in errors}
    p = network.predict_proba(x).astype(float)
    if name == "labels":
        return {"exact_match": np.mean((said == y).all(axis=1)), "accuracy": np.mean(said == y)}
    said = said.astype(int)
    return {
        "accuracy": np.mean(said == y),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, said),
        "auc": metrics.roc_auc_score(y, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr"),
        "log_loss": -np.mean(np.log(p[np.arange(30), y])),
        "brier": np.mean((np.eye(p.shape[1])[y] - p) ** 2) * (1 if p.shape[1] == 2 else 3),
    }


def test_an_epoch_shows_the_error_in_the_target_s_unit(tmp_path, capsys):
    """Of one value; the last line's error is what `evaluate` finds after that epoch."""
    np.savez(tmp_path / "my.npz", x=X, y=1000 + 40 * SIGNAL)
    line = ["--dataset", str(tmp_path / "my.npz"), "--epochs", "1", "--out", str(tmp_path / "run")]
    assert train.main(line) == 0
    shown = capsys.readouterr().out
    (rmse,) = re.findall(r"^epoch 1/1 .*valid rmse (\S+)", shown, re.MULTILINE)
    assert evaluate.main([str(tmp_path / "run"), "--split", "valid", "--json"]) == 0
    assert float(rmse) == pytest.approx(json.loads(capsys.readouterr().out)["rmse y"], rel=1e-3)
    train_rmse = json.loads((tmp_path / "run" / "summary.json").read_text())["scores"]["train"]
    assert train_rmse.keys() == {"rmse y"}


def signature(task, classes):
    loss = {"regression": "mse", "multiclass": "cross_entropy"}.get(task, "binary_cross_entropy")
    return Signature((3,), task, loss, classes, Preprocessing.fit("none", X))


@pytest.mark.parametrize(
    ("task", "answers", "y", "absent", "present"),
    [
        ("binary", [[0.9, 0.1], [0.2, 0.8]], [1, 1], {"auc"}, {"accuracy": 0.5, "brier": 0.425}),
        (
            "multiclass",
            [[0.5, 0.2, 0.3], [0, 1, 0]],
            [0, 1],
            {"auc"},
            {"balanced_accuracy": 1.0, "log_loss": np.log(2) / 2, "brier": 0.19},
        ),
        ("multilabel", [[0.9, 0.1], [0.2, 0.8]], [[1, 1], [1, 0]], {"auc"}, {"accuracy": 0.25}),
        ("multiclass", [[1.0], [1.0]], [0, 0], {"auc", "log_loss", "brier"}, {"accuracy": 1.0}),
    ],
)
def test_what_is_not_defined_is_absent(task, answers, y, absent, present):
    """A class without an example has no AUC; nothing warns."""
    answers, y = np.array(answers, np.float32), np.array(y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = scores_of(signature(task, tuple("abc"[: answers.shape[1]])), answers, y)
    assert not absent & found.keys()
    for name, value in present.items():
        assert found[name] == pytest.approx(value), name


def test_balanced_accuracy_by_hand():
    """Always the same answer is right for one class of two, however frequent it is."""
    for counts, value in (
        ([[195, 0], [5, 0]], 0.5),
        ([[8, 2], [3, 1]], (0.8 + 0.25) / 2),
        ([[4, 0, 0], [0, 0, 0], [2, 0, 2]], 0.75),
    ):
        classes = len(counts)
        pairs = [(i, j) for i in range(classes) for j in range(classes)]
        true, said = np.repeat(pairs, np.ravel(counts), axis=0).T
        task = "binary" if classes == 2 else "multiclass"
        found = scores_of(signature(task, tuple("abc"[:classes])), np.eye(classes)[said], true)
        assert found["balanced_accuracy"] == pytest.approx(value)
