"""What a network looks at, column by column: permutation importance and partial dependence.

A column of a table is one or several inputs: a number, or an input for each category and one for a
gap. All inputs of a column change together.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxmlp.config.signature import Signature
from jaxmlp.data.columns import Columns
from jaxmlp.errors import InputError, check, unknown
from jaxmlp.runs.network import Network

REPEATS = 5
MOST = 5000  # examples that are asked
PLACES = 25  # at which the dependence on a number is shown
Groups = dict[str, list[int]]


def columns_of(signature: Signature) -> Groups:
    """Return the inputs of each column.

    Args:
      signature: of a network.

    Returns:
      The indices of its inputs by the name of the column. Inputs without names are numbered from 1.

    Raises:
      InputError: if its examples are pictures.
    """
    shape, record = signature.input_shape, signature.columns
    if len(shape) != 1:
        raise InputError(f"importance and partial are for tables, got examples of shape {shape}")
    if record is None:
        return {f"input {i + 1}": [i] for i in range(shape[0])}
    groups, end = {}, 0
    for column in Columns.from_dict(record).inputs:
        start, end = end, end + len(column.input_names)
        groups[column.name] = [*range(start, end)]
    return groups


@dataclass
class _Asked:
    """A network as scikit-learn asks it: for examples put together from the columns of several.

    A row of `places` names, for each column, the example from which that column is taken. So to
    permute a column of `places` permutes all inputs of a column of the table.
    """

    network: Network
    x: np.ndarray
    groups: list[list[int]]

    def fit(self, places: np.ndarray, y: np.ndarray) -> "_Asked":
        """Do nothing: scikit-learn wants an estimator to have this."""
        return self

    def answers(self, places: np.ndarray) -> np.ndarray:
        """Return what the network says of the examples that are put together."""
        x = np.empty((len(places), self.x.shape[1]), self.x.dtype)
        for column, inputs in enumerate(self.groups):
            x[:, inputs] = self.x[places[:, column]][:, inputs]
        return self.network.answers(x)


def _badness(signature: Signature, answers: np.ndarray, y: np.ndarray) -> float:
    """Return the log-loss of classes, or the RMSE of a value, of several in their deviations."""
    from sklearn import metrics

    target = signature.target_preprocessing
    if target is not None:
        scale = 1.0 if len(signature.classes) == 1 else target.scale
        said = signature.middle(answers)
        return float(metrics.root_mean_squared_error(y * scale, said * scale))
    p = answers.astype(np.float64)
    if signature.task == "multilabel":
        p, y = np.stack([1 - p.ravel(), p.ravel()], axis=1), np.ravel(y)
    labels = np.arange(p.shape[1])
    return float(metrics.log_loss(y, p / p.sum(axis=1, keepdims=True), labels=labels))


def what_grows(signature: Signature) -> str:
    """Return the name of the score that an importance is the growth of."""
    several = " in deviations" if len(signature.classes) > 1 else f" of {signature.classes[0]}"
    return f"RMSE{several}" if signature.task == "regression" else "log-loss"


def importance(network: Network, x: np.ndarray, y: np.ndarray) -> list[dict[str, Any]]:
    """Return how much worse a network becomes when a column is permuted (Breiman 2001).

    Args:
      network: the network.
      x: inputs as a data set has them, `(N, inputs)`; at most 5000 of them are asked.
      y: their targets as a data set has them.

    Returns:
      For each column its name, and mean and deviation over five permutations of the growth of the
      log-loss or the RMSE; the most important column first.

    Raises:
      InputError: if the examples are pictures.
    """
    from sklearn.inspection import permutation_importance

    groups, signature = columns_of(network.signature), network.signature
    some = np.random.default_rng(0).permutation(len(x))[:MOST]
    x, y = x[some], y[some]
    found = permutation_importance(
        _Asked(network, x, [*groups.values()]),
        np.repeat(np.arange(len(x))[:, None], len(groups), axis=1),
        y,
        scoring=lambda asked, places, y: -_badness(signature, asked.answers(places), y),
        n_repeats=REPEATS,
        random_state=0,
    )
    deviations = found.importances.std(axis=1, ddof=1)  # scikit-learn's own divides by n (A11)
    pairs = zip(groups, found.importances_mean, deviations, strict=True)
    rows = [{"column": n, "mean": float(m), "deviation": float(d)} for n, m, d in pairs]
    return sorted(rows, key=lambda row: -row["mean"])


def partial_dependence(network: Network, x: np.ndarray, column: str) -> dict[str, Any]:
    """Return the mean answer if a column had the same value in all examples (Friedman 2001).

    Args:
      network: the network.
      x: inputs as a data set has them, `(N, inputs)`; at most 5000 of them are asked.
      column: the name of the column.

    Returns:
      `values` of the column, quantiles of a number or the categories, and for each class or value
      the mean answer at each: `answers`.

    Raises:
      InputError: if there is no such column, the examples are pictures, or the column is neither a
        number nor a category.
    """
    groups, record = columns_of(network.signature), network.signature.columns
    if column not in groups:
        raise unknown("column", column, groups)
    inputs = groups[column]
    x = x[np.random.default_rng(0).permutation(len(x))[:MOST]]
    known = None if record is None else Columns.from_dict(record).inputs[[*groups].index(column)]
    if known is None or known.kind == "number":
        steps = np.linspace(0.02, 0.98, PLACES)
        values: Any = np.unique(np.quantile(x[:, inputs[0]], steps, method="nearest")).tolist()
        rows = [[value, *[0] * (len(inputs) - 1)] for value in values]
    else:
        check(known.kind == "category", column, "a number or a category", known.kind)
        values = [name.removeprefix(f"{column}=") for name in known.input_names]
        rows = np.eye(len(inputs)).tolist()
    means = []
    for row in rows:
        same = x.copy()
        same[:, inputs] = row
        means.append(network.answers(same).mean(axis=0))
    answers = np.array(means, float).T.tolist()
    return {"values": values, "answers": dict(zip(network.classes, answers, strict=True))}
