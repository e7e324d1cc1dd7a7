"""The scores of a network in its owner's terms, the same as scikit-learn's metrics.

| task | scores |
|---|---|
| classes | accuracy, balanced accuracy, AUC, log-loss, Brier score |
| labels | accuracy, exact match, AUC, log-loss and Brier score: means over the labels |
| numbers | RMSE and MAE of each value, in the target's own unit |
| quantiles | also the mean pinball loss, and the coverage: how often the outer two hold the truth |

`train`, `evaluate` and `Network.scores` all ask here, so they say the same of the same answers. The
loss and the r2 beside these are those that training watches (`jaxmlp.training.judge`).
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

from jaxmlp.config.problem import Problem
from jaxmlp.config.signature import Signature
from jaxmlp.runs import metrics
from jaxmlp.runs.words import in_digits, score_in_words
from jaxmlp.training import Part

WORDS = {"auc": "AUC", "log_loss": "log-loss", "brier": "Brier score"}


def scores_of(signature: Signature, answers: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the scores of answers.

    Args:
      signature: names the task, the classes, labels or values, and the scaling of the target.
      answers: what the network says, `Network.answers`: probabilities `(N, classes)`, or values in
        the target's own unit.
      y: the truth as a data set has it: labels `(N,)`, zeros and ones `(N, labels)`, or values.

    Returns:
      The scores by their names. What is not defined is absent: an AUC where a class has no example.
    """
    if signature.task == "regression":
        return _errors(signature, answers, y)
    p = answers.astype(np.float64)
    if signature.task == "multilabel":
        return _label_scores(p, y, signature.decide(answers))
    return _class_scores(p / p.sum(axis=1, keepdims=True), y, signature.decide(answers))


def _errors(signature: Signature, answers: np.ndarray, y: np.ndarray) -> dict[str, float]:
    quantiles, y = signature.quantiles, y.reshape(len(y), -1).astype(np.float64)
    error = y - signature.middle(answers).reshape(y.shape)
    each = {"rmse": np.sqrt(np.mean(error**2, axis=0)), "mae": np.mean(np.abs(error), axis=0)}
    if len(quantiles) > 1:
        groups = answers.reshape(len(y), -1, len(quantiles))
        error, q = y[:, :, None] - groups, np.array(quantiles)
        each["pinball"] = np.mean(np.maximum(q * error, (q - 1) * error), axis=(0, 2))
        inside = (groups[:, :, 0] <= y) & (y <= groups[:, :, -1])
        each["coverage"] = inside.mean(axis=0)
    return {
        f"{kind} {name}": float(value)
        for kind, values in each.items()
        for name, value in zip(signature.classes, values, strict=True)
    }


def _class_scores(p: np.ndarray, y: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Return the scores of classes; `p` are probabilities `(N, K)`, `said` the answers `(N,)`."""
    count = p.shape[1]
    pairs = metrics.confusion(y, said, count)
    hits, true = np.diag(pairs), pairs.sum(axis=1)
    present = true > 0  # a class without an example has no recall, and does not count
    scores = {
        "accuracy": hits.sum() / len(y),
        "balanced_accuracy": np.mean(hits[present] / true[present]),
    }
    if count > 1 and present.all():
        asked = (1,) if count == 2 else range(count)
        scores["auc"] = np.mean([metrics.auc(y == k, p[:, k]) for k in asked])
    if count > 1:
        scores["log_loss"] = metrics.log_loss(p[np.arange(len(y)), y])
        scores["brier"] = _brier(np.eye(count)[y], p) * (1 if count == 2 else count)
    return {name: float(value) for name, value in scores.items()}


def _label_scores(p: np.ndarray, y: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Return the scores of labels, each a yes or no of its own; all are `(N, labels)`."""
    y, right = y.astype(int), said == y
    scores = {
        "accuracy": np.mean(right),
        "exact_match": np.mean(right.all(axis=1)),
        "log_loss": metrics.log_loss(np.where(y, p, 1 - p)),
        "brier": _brier(y, p),
    }
    if np.ptp(y, axis=0).all():
        scores["auc"] = np.mean([metrics.auc(t, q) for t, q in zip(y.T, p.T, strict=True)])
    return {name: float(value) for name, value in scores.items()}


def _brier(y: np.ndarray, p: np.ndarray) -> float:
    """Return the mean squared error of probabilities.

    It is the Brier score of two classes; that of more is the sum over the classes, as in
    scikit-learn's `brier_score_loss`, which takes more than two since 1.7.
    """
    return float(np.mean((y - p) ** 2))


def share_crossed(signature: Signature, outputs: np.ndarray) -> float:
    """Return the share of examples of which raw quantiles cross, before they are sorted."""
    each = outputs.reshape(len(outputs), -1, len(signature.quantiles))
    return float(np.mean((np.diff(each, axis=2) < 0).any(axis=(1, 2))))


def scores_in_words(scores: Mapping[str, float]) -> str:
    """Return scores in one line, without the accuracies."""
    parts = [
        f"{WORDS.get(name, name.replace('_', ' '))}"
        f" {score_in_words(name, value) if name == 'auc' else in_digits(value)}"
        for name, value in scores.items()
        if not name.endswith("accuracy")
    ]
    return ", ".join(parts)


def rmse_by_r2(problem: Problem, split: Part) -> Callable[[float], float] | None:
    """Return what turns the r2 of a part into its RMSE in the target's unit, of a single value.

    The score of a part is `r2 = 1 - MSE / Var` of the standardised target, so its RMSE is
    `d sqrt((1 - r2) Var)` with the target's deviation `d`: no further pass over the data. Several
    values share one r2, which does not tell their errors apart.

    Args:
      problem: what is trained.
      split: the part.

    Returns:
      `r2 -> RMSE`, or `None` if the network does not predict a single value.
    """
    target = problem.signature.target_preprocessing
    if target is None or len(problem.signature.classes) > 1:
        return None
    variance = float(np.var(split.targets, dtype=np.float64)) or 1.0
    deviation = float(np.ravel(1 / target.scale)[0])
    return lambda r2: deviation * math.sqrt(max(0.0, 1 - r2) * variance)
