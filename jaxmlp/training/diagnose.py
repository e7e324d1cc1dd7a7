"""Where a network first produced a number that is not finite, once its loss is not finite."""

import jax.numpy as jnp

from jaxmlp.nn.layers import in_order
from jaxmlp.nn.types import Params
from jaxmlp.training.judge import Judge
from jaxmlp.training.mesh import fetch, put_whole
from jaxmlp.training.step import Examples, take
from jaxmlp.training.trees import finite
from jaxmlp.training.types import HostRow


class Diverged(ArithmeticError):
    """A number of the training became infinite or not a number.

    Attributes:
      epoch: the epoch, counted from 1.
      step: the step of this epoch, counted from 1.
      layer: the first layer affected, in words.
      what: the number that is not finite: the loss, the validation loss, or a parameter.
    """

    def __init__(self, epoch: int, step: int, layer: str, what: str = "the loss") -> None:
        where = f"epoch {epoch}, step {step}; first affected: {layer}"
        super().__init__(f"{what} is not finite in {where}")
        self.epoch, self.step, self.layer, self.what = epoch, step, layer, what


def first_affected(judge: Judge, params: Params, examples: Examples, row: HostRow) -> str:
    """Return in words which part of the computation first has a value that is not finite.

    Args:
      judge: the network.
      params: the parameters before the step, or after the epoch.
      examples: the examples.
      row: the indices of the step's examples, filled up with -1; or those of the validation part.

    Returns:
      A layer with its position, or "the input", or "the loss" if all outputs are finite.
    """
    batch = take(examples, put_whole(row))
    x, params = judge.prepare(jnp.asarray(fetch(batch.x))), fetch(params)
    if not finite(x):
        return "the input"
    for number, (layer, p) in enumerate(in_order(judge.model, params), 1):
        if not finite(p):
            return f"layer {number} ({layer.name}), its parameters"
        x = layer(p, x)
        if not finite(x):
            return f"layer {number} ({layer.name}), its output"
    return "the loss"
