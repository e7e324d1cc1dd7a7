"""How good a network is on data that are larger than memory, part by part."""

import dataclasses
from typing import Any

import numpy as np

from jaxmlp.config.options import Config
from jaxmlp.config.signature import Signature
from jaxmlp.config.streaming import PARTS, Kept, Targets, part_of
from jaxmlp.data import Columns
from jaxmlp.data.stream_open import open_stream
from jaxmlp.data.streams import Stream
from jaxmlp.errors import InputError, check, listed
from jaxmlp.runs.data import find_large, table_options
from jaxmlp.runs.evaluation import evaluate_examples
from jaxmlp.runs.network import Network
from jaxmlp.training import measure

MOST = 50_000  # examples whose answers are compared one by one
BYTES = 1 << 26  # that they may take


def open_fitting(config: Config, signature: Signature, other: bool, again: bool) -> Stream | None:
    """Open data that a trained network was trained on, or could have been.

    Args:
      config: names the data.
      signature: what the network expects and returns.
      other: whether the data are not those that it was trained on; then all are the test part.
      again: see `jaxmlp.runs.data.open_if_large`.

    Returns:
      The data; `None` if they are to be loaded as a whole.

    Raises:
      InputError: if they do not fit the network.
    """
    shards = find_large(config, again)
    if shards is None:
        return None
    if other:
        shards.blocks = [block._replace(test=True) for block in shards.blocks]
    columns = None if signature.columns is None else Columns.from_dict(signature.columns)
    classes = signature.classes if other else None
    stream = open_stream(shards, table_options(config), config.task, columns, classes)
    shape = stream.first.shape[1:]
    what = f"the shape of an example of {stream.name}"
    check(shape == signature.input_shape, what, f"{signature.input_shape} as in training", shape)
    many, known = len(stream.classes), len(signature.classes)
    if stream.task == "regression":
        check(many == known, f"the number of values to predict in {stream.name}", str(known), many)
    elif stream.classes != signature.classes:
        ours, theirs = (listed(names, 20) for names in (signature.classes, stream.classes))
        raise InputError(f"the network knows the classes {ours}; {stream.name} has {theirs}")
    return stream


def evaluate_stream(
    network: Network, names: dict[str, str], stream: Stream, split: str
) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray]:
    """Measure a network on a part of data that are larger than memory.

    Loss and score are those of all examples. What needs many answers at once, such as the AUC, is
    that of at most 50,000 examples, chosen evenly; `scored_examples` says of how many.

    Args:
      network: the network.
      names: what the result says of the examples.
      stream: the data.
      split: `train`, `valid` or `test`.

    Returns:
      The numbers that the command prints; inputs and targets of the examples that were chosen, and
      what the network says of them.

    Raises:
      InputError: if there is no such part, or the loss or the score is not finite.
    """
    recipe, signature = network.recipe, network.signature
    if stream.size(PARTS["train"]):
        stream = stream.with_valid(recipe.valid_size, recipe.seed)
    part = PARTS[split]
    size = stream.size(part)
    if size == 0:
        raise InputError(f"--split {split} does not apply: the run has no such part")
    most = min(MOST, max(1000, BYTES // (8 * stream.first[0].size)))
    kept, seen = Kept(size, most), 0
    for rows in stream.read(part):
        kept.take(kept.among(rows, seen))
        seen += len(rows.y)
    x, y = kept.arrays()
    result, answers = evaluate_examples(network, names, x, y)
    if len(y) == size:
        return result, x, y, answers
    targets = Targets(stream)
    recipe = dataclasses.replace(recipe, window_rows=most)
    found = measure(
        network.judge, network.params, part_of(recipe, signature, stream, targets, part, kept)
    )
    all_of_it = {"examples": size, "loss": found.loss}
    if signature.threshold == 0.5:
        all_of_it[network.task.score] = found.score
    return result | all_of_it | {"scored_examples": len(y)}, x, y, answers
