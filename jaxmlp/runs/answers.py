"""What a network says of an example, and what it takes in, as records for JSON."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxmlp.config.signature import Signature
    from jaxmlp.runs.network import Network


def answer_in_record(network: "Network", row: np.ndarray) -> dict[str, Any]:
    """Return what a network says of one example, as `jaxmlp.predict` and `jaxmlp.serve` show it.

    Args:
      network: the network.
      row: its answer, `(K,)`, a row of `Network.answers`.

    Returns:
      The `prediction`; of classes and labels their `probabilities`, of classes the `probability` of
      the predicted one.
    """
    named = {label: float(value) for label, value in zip(network.classes, row, strict=True)}
    if network.task.name == "regression":
        return {"prediction": named}
    if network.task.name == "multilabel":
        chosen = [label for label, p in named.items() if p > 0.5]
        return {"prediction": chosen, "probabilities": named}
    best = network.classes[int(np.argmax(row))]
    return {"prediction": best, "probability": named[best], "probabilities": named}


def columns_of(signature: "Signature") -> list[dict[str, Any]] | None:
    """Return how a table's row becomes inputs: a record for each column, in their order.

    Args:
      signature: what the network expects.

    Returns:
      The records, each with `name` and `kind`: `number`, `category` or `time`; `None` if the
      network takes arrays.
    """
    record = signature.columns
    if record is None:
        return None
    if "inputs" in record:
        return [dict(column) for column in record["inputs"]]
    pairs = record["categorical"]  # as runs of 0.2 have it, and of 0.1, where it is an object
    pairs = pairs.items() if isinstance(pairs, dict) else pairs
    numbers = [{"name": name, "kind": "number"} for name in record["numeric"]]
    texts = [
        {"name": name, "kind": "category", "categories": [*values], "gaps": False}
        for name, values in pairs
    ]
    return [column | {"fill": None, "gaps": False} for column in numbers] + texts


def width_of(column: dict[str, Any]) -> int:
    """Return how many inputs a column becomes."""
    counted = {"category": "categories", "time": "parts"}.get(column["kind"])
    return (len(column[counted]) if counted else 1) + bool(column["gaps"])
