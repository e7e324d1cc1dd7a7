"""Where a network first produced a number that is not finite, once its loss is not finite."""

import jax.numpy as jnp

from jaxmlp.nn.layers import in_order
from jaxmlp.nn.types import Params
from jaxmlp.training.judge import Judge
from jaxmlp.training.step import Examples, take
from jaxmlp.training.trees import finite
from jaxmlp.training.types import HostRow


class Diverged(ArithmeticError):
    """The loss became infinite or not a number.

    Attributes:
      epoch: the epoch, counted from 1.
      step: the step of this epoch, counted from 1.
      layer: the first layer affected, in words.
    """

    def __init__(self, epoch: int, step: int, layer: str) -> None:
        super().__init__(
            f"the loss is not finite in epoch {epoch}, step {step}; first affected: {layer}"
        )
        self.epoch, self.step, self.layer = epoch, step, layer


def first_affected(judge: Judge, params: Params, examples: Examples, row: HostRow) -> str:
    """Return in words which part of the computation first has a value that is not finite.

    Args:
      judge: the network.
      params: the parameters before the step.
      examples: the training examples.
      row: the indices of the step's examples, filled up with -1.

    Returns:
      A layer with its position, or "the input", or "the loss" if all outputs are finite.
    """
    batch = take(examples, jnp.asarray(row))
    x = judge.prepare(batch.x)
    if not finite(x):
        return "the input"
    for number, (layer, p) in enumerate(in_order(judge.model, params), 1):
        if not finite(p):
            return f"layer {number} ({layer.name}), its parameters"
        x = layer(p, x)
        if not finite(x):
            return f"layer {number} ({layer.name}), its output"
    return "the loss"
