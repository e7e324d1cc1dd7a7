"""The metrics of answers, from the counts and ranks that define them.

They are scikit-learn's, to which the tests hold them. They stand here because every training ends
with them, and importing scikit-learn takes a quarter of a short one.
"""

import numpy as np

EPSILON = float(np.finfo(np.float64).eps)  # the least probability, so that its log is finite


def confusion(true: np.ndarray, said: np.ndarray, classes: int) -> np.ndarray:
    """Return the confusion matrix: counts `[true class, predicted class]`, `(classes, classes)`.

    Args:
      true: the true class of each example, `(N,)`.
      said: the predicted class of each example, `(N,)`.
      classes: the number of classes.
    """
    pairs = np.ravel(true).astype(np.int64) * classes + np.ravel(said)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def precision_recall_f1(
    hits: np.ndarray, said: np.ndarray, true: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `hits / said`, `hits / true` and their harmonic mean `2 hits / (said + true)`.

    Args:
      hits: how often each class was said and true, `(classes,)`.
      said: how often it was said.
      true: how often it was true.

    Returns:
      The precision, the recall and the F1 of each class; 0 where nothing was said or true.
    """
    return _share(hits, said), _share(hits, true), _share(2 * hits, said + true)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def auc(true: np.ndarray, p: np.ndarray) -> float:
    """Return the area under the ROC curve, from the ranks of the probabilities.

    It is the share of pairs of a true and an untrue example of which the true one has the greater
    probability; a pair of equals counts half (Mann and Whitney 1947).

    Args:
      true: whether each example is of the class, `(N,)`; some are and some are not.
      p: the probability of the class, `(N,)`.
    """
    is_true = true.astype(bool)
    others = np.sort(p[~is_true])
    below, up_to = (np.searchsorted(others, p[is_true], side).mean() for side in ("left", "right"))
    return float((below + up_to) / 2 / len(others))


def log_loss(p: np.ndarray) -> float:
    """Return `-mean(log(p))` of the probabilities that the truth was given."""
    return float(-np.mean(np.log(np.maximum(p, EPSILON))))
