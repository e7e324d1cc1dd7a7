"""The sections of a batch: the gradient of each example, and their mean, which the step takes.

Lecture rows C3, C6, D11.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.explain.formulas import with_respect_to
from jaxmlp.explain.rows import source
from jaxmlp.explain.typeset import Line, Parameter, Remark, Section
from jaxmlp.runs.inspection import Inspected

BIAS = (
    "Forward, one bias is added to every example of the batch (broadcasting). So backward its "
    "gradient is the sum over the batch. The factor before the sum is that of the mean loss."
)


class Batch(NamedTuple):
    """The examples of a step.

    Attributes:
      numbers: their numbers in the training set.
      raw: the inputs as the data set has them.
      y: the targets as the data set has them.
      x: the inputs as the network takes them.
      targets: the targets as the loss takes them.
      weights: their weights in the loss, `None` if all are equal.
    """

    numbers: list[int]
    raw: np.ndarray
    y: np.ndarray
    x: Any
    targets: Any
    weights: Any


class Means(NamedTuple):
    """The loss and the gradient of a batch, and those of each of its examples.

    Attributes:
      losses: the loss of each example.
      each: the gradient of each, a tree like the parameters.
      loss: the batch's loss.
      gradient: the batch's gradient, as training computes it.
    """

    losses: list[Any]
    each: list[Any]
    loss: Any
    gradient: Any


def take_means(inspected: Inspected, params: Any, batch: Batch) -> Means:
    """Return the loss and the gradient of a batch and of each of its examples.

    Args:
      inspected: the network.
      params: its parameters.
      batch: the examples.

    Returns:
      The numbers.
    """
    from jaxmlp.nn.backprop import value_and_grad

    function, x, targets = value_and_grad(inspected.model, inspected.loss), batch.x, batch.targets
    (loss, _), gradient = function(params, x, targets, batch.weights)
    if len(x) == 1:
        return Means([loss], [gradient], loss, gradient)
    alone = [function(params, x[i : i + 1], targets[i : i + 1]) for i in range(len(x))]
    return Means([one[0][0] for one in alone], [one[1] for one in alone], loss, gradient)


def batch_sections(batch: Batch, means: Means, parameters: list[Parameter]) -> list[Section]:
    """Return the gradients of each example and their mean; none for a batch of one.

    Args:
      batch: the examples.
      means: what `take_means` says of them.
      parameters: the arrays of the parameters, in the order of the tree.

    Returns:
      The sections.
    """
    import jax

    if len(batch.numbers) == 1:
        return []
    numbers = ", ".join(map(str, batch.numbers))
    items: list[Any] = [f"The batch has the training examples {numbers}."]
    if batch.weights is not None:
        items.append(Line("w", batch.weights))
    losses = zip(batch.numbers, means.losses, strict=True)
    items += [Line(f"L_{{({i})}}", value) for i, value in losses]
    items.append(Line(f"L = {_mean(batch, 'L_{(i)}')}", means.loss, source("mean")))
    leaves = [jax.tree.leaves(tree) for tree in (means.gradient, *means.each)]
    arrays = list(zip(parameters, *leaves, strict=True))
    layers = [list(group) for _, group in groupby(arrays, lambda array: array[0].layer)]
    return [
        Section("The batch: the mean loss", items, "backward"),
        *(
            Section(
                f"The batch: {layer[0][0].layer}",
                [line for array in layer for line in _gradients(batch, *array)],
                "backward",
            )
            for layer in reversed(layers)
        ),
    ]


def _gradients(batch: Batch, parameter: Parameter, mean: Any, *each: Any) -> Iterator[Any]:
    """Yield the gradient of each example with respect to one array, and their mean."""
    left = with_respect_to(parameter.name)
    for i, own in zip(batch.numbers, each, strict=True):
        yield Line(left.replace(" L}", f" L_{{({i})}}}}"), parameter.shown(own))
    right = _mean(batch, left.replace(" L}", " L_{(i)}}"))
    yield Line(f"{left} = {right}", parameter.shown(mean), source("batch"))
    if parameter.name.startswith("b^"):
        yield Remark(BIAS, source("bias"))
        right = _mean(batch, parameter.name.replace("b", r"\delta", 1) + "_{(i)}")
        yield Line(f"{left} = {right}", parameter.shown(mean), source("bias"))


def _mean(batch: Batch, what: str) -> str:
    if batch.weights is None:
        return rf"\frac{{1}}{{{len(batch.numbers)}}} \sum_i {what}"
    total = f"{float(np.sum(batch.weights)):g}"
    return rf"\frac{{1}}{{{total}}} \sum_i w_i \, {what}"
