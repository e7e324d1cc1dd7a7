"""Scores of answers, and the comparison of methods over tables and splits.

The difference of two methods is taken within a split. Its standard error is that of the mean over
the splits; the splits share rows, so it is rather too small than too large.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

LEAST = 1e-15  # a probability of 0 costs no more than this one
Found = Mapping[str, Mapping[str, Mapping[str, float]]]  # method -> split -> score -> value


class Difference(NamedTuple):
    """How much lower one method's score is than another's, over the splits that both have.

    Attributes:
      mean: the mean difference; below 0 where the first is lower.
      error: its standard error; 0 for a single split.
    """

    mean: float
    error: float


def judge(answers: np.ndarray, y: np.ndarray, classes: bool) -> dict[str, float]:
    """Return the scores of answers.

    Args:
      answers: probabilities `(N, classes)`, or numbers `(N,)`.
      y: labels from 0, or numbers.
      classes: which of the two.

    Returns:
      `log_loss` and `auc`, or `rmse`.
    """
    if not classes:
        return {"rmse": float(np.sqrt(np.mean((answers - y) ** 2)))}
    from sklearn.metrics import log_loss, roc_auc_score

    labels = range(answers.shape[1])
    p = np.clip(answers, LEAST, 1)
    p = p / p.sum(axis=1, keepdims=True)
    two = answers.shape[1] == 2
    auc = roc_auc_score(y, p[:, 1] if two else p, multi_class="ovr", labels=None if two else labels)
    return {"log_loss": float(log_loss(y, p, labels=labels)), "auc": float(auc)}


def difference(found: Found, one: str, other: str, score: str) -> Difference | None:
    """Return the difference of a score of two methods.

    Args:
      found: the scores of a table.
      one: a method.
      other: another method.
      score: the name of the score.

    Returns:
      The difference `one - other`; `None` if they have no split in common.
    """
    common = [
        k for k, has in found.get(one, {}).items() if score in has and k in found.get(other, {})
    ]
    if not common:
        return None
    d = np.array([found[one][k][score] - found[other][k][score] for k in common])
    error = d.std(ddof=1) / np.sqrt(len(d)) if len(d) > 1 else 0.0
    return Difference(float(d.mean()), float(error))


def mean_of(found: Found, method: str, score: str) -> float | None:
    """Return the mean of a score over the splits; `None` if the method does not have it."""
    values = [each[score] for each in found.get(method, {}).values() if score in each]
    return float(np.mean(values)) if values else None


def ranks(tables: Sequence[Found], methods: Sequence[str], score: str) -> dict[str, float]:
    """Return the mean rank of each method, 1 for the lowest mean of a score.

    Args:
      tables: the scores of each table; one that lacks a method does not count.
      methods: the methods.
      score: the name of the score; lower is better.

    Returns:
      The mean rank of each method; empty without a table.
    """
    means = [[mean_of(found, method, score) for method in methods] for found in tables]
    whole = np.array([row for row in means if None not in row], float)
    if not len(whole):
        return {}
    places = (whole[:, :, None] > whole[:, None, :]).sum(2) + 1
    places = places + ((whole[:, :, None] == whole[:, None, :]).sum(2) - 1) / 2
    return dict(zip(methods, places.mean(axis=0).tolist(), strict=True))


def rows(tables: Mapping[str, Any], ours: str, others: Sequence[str], score: str) -> list[Any]:
    """Return a line for each table: its size, our score, and what we lose or gain.

    Args:
      tables: the record of each table.
      ours: the method that is compared.
      others: the methods it is compared with.
      score: the name of the score.

    Returns:
      Lines of texts. A difference is in percent of the other's score for `rmse`; a star marks one
      where ours is worse by more than a standard error.
    """
    lines = []
    for name, record in tables.items():
        found = record["scores"]
        own = mean_of(found, ours, score)
        if own is None:
            continue
        size = f"{record['used']:,}" + ("" if record["used"] == record["rows"] else " drawn")
        texts = [_compared(found, ours, other, score) for other in others]
        lines.append((name, size, str(record["inputs"]), f"{own:.4g}", *texts))
    return lines


def _compared(found: Found, ours: str, other: str, score: str) -> str:
    d = difference(found, ours, other, score)
    base = mean_of(found, other, score)
    if d is None or base is None:
        return ""
    factor, unit = (100 / base, " %") if score == "rmse" else (1, "")
    worse = (d.mean if score != "auc" else -d.mean) > d.error
    digits = 1 if unit else 3
    star = "*" if worse else ""
    return f"{d.mean * factor:+.{digits}f} ± {d.error * factor:.{digits}f}{unit}{star}"


def losses(tables: Mapping[str, Any], ours: str, other: str, score: str) -> tuple[int, int, int]:
    """Return on how many tables ours is better, within a standard error, and worse.

    Args:
      tables: the record of each table.
      ours: the method that is compared.
      other: the method it is compared with.
      score: the name of the score; lower is better.

    Returns:
      Three counts.
    """
    pairs = [difference(record["scores"], ours, other, score) for record in tables.values()]
    known = [d for d in pairs if d is not None]
    better = sum(d.mean < -d.error for d in known)
    worse = sum(d.mean > d.error for d in known)
    return better, len(known) - better - worse, worse
