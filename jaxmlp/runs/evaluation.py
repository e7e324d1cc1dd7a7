"""How good a network is on examples: scores, numbers of each class, and its worst mistakes."""

from typing import Any

import jax
import numpy as np

from jaxmlp.config.signature import Signature, arrays_from
from jaxmlp.errors import check
from jaxmlp.runs.calibration import reliability
from jaxmlp.runs.metrics import confusion, precision_recall_f1
from jaxmlp.runs.network import Network
from jaxmlp.runs.scores import scores_of, share_crossed
from jaxmlp.training import Examples, Split, measure, outputs_of

WORST = 24  # mistakes of which pictures are drawn


def evaluate_examples(
    network: Network, names: dict[str, str], x: np.ndarray, y: np.ndarray
) -> tuple[dict[str, Any], np.ndarray]:
    """Measure a network on examples.

    Args:
      network: the network.
      names: what the result says of the examples, such as the names of their data set and part.
      x: inputs, `(N, ...)`.
      y: targets, as a data set has them.

    Returns:
      The numbers that the command prints, and what the network says, `(N, K)`.

    Raises:
      InputError: if the loss or the score is not finite.
    """
    judge, signature, task = network.judge, network.signature, network.task
    examples = Examples(*jax.device_put(arrays_from(signature, x, y)))
    split = Split(examples, np.arange(len(x)), seen=len(x))
    means = measure(judge, network.params, split)
    result: dict[str, Any] = {**names, "examples": len(x), "task": task.name}
    outputs = outputs_of(judge, network.params, split)
    answers = network.interpret_outputs(outputs)
    for name, value in (("loss", means.loss), (task.score, means.score)):
        check(bool(np.isfinite(value)), f"the {name} of the network", "a finite number", value)
        result[name] = value
    result |= scores_of(signature, answers, y)
    if task.name == "regression":
        if signature.quantiles:
            result["expected_coverage"] = signature.quantiles[-1] - signature.quantiles[0]
            result["quantiles_crossed"] = share_crossed(signature, outputs)
        return result, answers
    found = reliability(signature, answers, y)
    result["calibration_error"] = found.error
    result |= _per_class(signature, answers, y)
    result["calibration"] = [
        dict(zip(found._fields, map(float, group), strict=True))
        for group in zip(*found, strict=True)
    ]
    if task.name != "multilabel":
        result["most_confident_mistakes"] = _mistakes(signature, answers, y)
    return result, answers


def _per_class(signature: Signature, probabilities: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return numbers of each class, and the confusion matrix."""
    predicted, pairs = signature.decide(probabilities), None
    if y.ndim == 2:  # labels, each a yes or no of its own
        hits, said, true = (each.sum(axis=0) for each in (y * predicted, predicted, y))
    else:
        pairs = confusion(y, predicted, len(signature.classes))
        hits, said, true = np.diag(pairs), pairs.sum(axis=0), pairs.sum(axis=1)
    names = ("precision", "recall", "f1", "support")
    columns = (*precision_recall_f1(hits, said, true), true)
    table = [
        {"class": name} | dict(zip(names, map(float, row), strict=True))
        for name, row in zip(signature.classes, zip(*columns, strict=True), strict=True)
    ]
    return {"per_class": table} | ({} if pairs is None else {"confusion": pairs.tolist()})


def _mistakes(
    signature: Signature, probabilities: np.ndarray, y: np.ndarray
) -> list[dict[str, Any]]:
    """Return the mistakes to which the network gives the highest probabilities."""
    predicted = signature.decide(probabilities)
    sure = np.take_along_axis(probabilities, predicted[:, None], axis=1)[:, 0]
    wrong = np.flatnonzero(predicted != y)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    return [
        {
            "index": int(i),
            "true": signature.classes[y[i]],
            "predicted": signature.classes[predicted[i]],
            "probability": float(sure[i]),
        }
        for i in worst
    ]
