"""The layers of a network in a table: the shape of each output and the number of parameters.

Lecture row E14.

A dense layer from n to m units has `m n + m` parameters: a weight for each pair, and a bias for
each unit (lecture row E3).
"""

import math
from typing import NamedTuple

import jax
from jaxtyping import PyTree

from jaxmlp.nn.layers import Chain, Layer, parts
from jaxmlp.nn.types import Shape


class Row(NamedTuple):
    """One layer of a network.

    Attributes:
      layer: its name, such as "dense 128".
      output: the shape of its output for one example.
      parameters: how many numbers it learns.
    """

    layer: str
    output: Shape
    parameters: int


def summary(model: Layer, input_shape: Shape) -> tuple[Row, ...]:
    """Return the layers of a network, first to last, with shapes and counts (lecture rows E3, E14).

    Shapes are all that is computed, so a network that no memory holds has a summary too.

    Args:
      model: a chain, or a single layer.
      input_shape: the shape of one example.

    Returns:
      A row for each layer; those of a chain within the chain stand in its place.

    Raises:
      InputError: if an input has a shape that a layer does not take.
    """
    rows: list[Row] = []
    for layer in parts(model):
        if isinstance(layer, Chain):
            rows += summary(layer, input_shape)
        else:
            rows.append(_row(layer, input_shape))
        input_shape = rows[-1].output
    return tuple(rows)


def _row(layer: Layer, shape: Shape) -> Row:
    outputs: list[Shape] = []

    def init(key: jax.Array) -> PyTree:
        params, output = layer.init(key, shape)
        outputs.append(output)
        return params

    like = jax.eval_shape(init, jax.random.key(0))
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(like))
    return Row(layer.name, outputs[-1], count)


def compact(rows: tuple[Row, ...], input_shape: Shape, most: int = 12) -> tuple[Row, ...]:
    """Return a summary that fits on a screen: a row for each layer with parameters.

    A layer without parameters, such as an activation, joins the one before it, and the output is
    that of the last one joined. A layer that changes nothing before the first parameters, such as
    `flatten` of a table's rows, is left out. Of more rows than have room, one row stands for those
    in the middle. The sum of the parameters stays the same.

    Args:
      rows: the summary.
      input_shape: the shape of one example.
      most: the number of rows that have room, at least 3.

    Returns:
      The rows.
    """
    joined: list[Row] = []
    for row in rows:
        alone = not joined or (row.parameters and joined[-1].parameters)
        if row.output == input_shape and not row.parameters and not joined:
            continue
        if alone:
            joined.append(row)
        else:
            last = joined.pop()
            count = last.parameters + row.parameters
            joined.append(Row(f"{last.layer}, {row.layer}", row.output, count))
    if len(joined) <= most:
        return tuple(joined)
    head, tail = joined[: most - most // 3 - 1], joined[len(joined) - most // 3 :]
    middle = joined[len(head) : len(joined) - len(tail)]
    rest = Row(f"{len(middle)} more", middle[-1].output, parameter_count(tuple(middle)))
    return (*head, rest, *tail)


def parameter_count(rows: tuple[Row, ...]) -> int:
    """Return the number of parameters of a whole network.

    Args:
      rows: its summary.

    Returns:
      Their sum.
    """
    return sum(row.parameters for row in rows)


def summary_text(rows: tuple[Row, ...], members: int = 1) -> str:
    """Return a summary as a table of text.

    Args:
      rows: the summary.
      members: the number of such networks in an ensemble; they stand in a line of their own.

    Returns:
      Lines: a heading, a line for each layer, and the total.
    """
    table = [("layer", "output", "parameters")]
    table += [(row.layer, " x ".join(map(str, row.output)), f"{row.parameters:,}") for row in rows]
    total = parameter_count(rows)
    if members > 1:
        table.append((f"{members} such networks", "", f"{members} x {total:,}"))
    table.append(("total", "", f"{members * total:,}"))
    widths = [max(len(line[k]) for line in table) for k in range(3)]
    return "\n".join(
        f"{layer:<{widths[0]}}  {output:>{widths[1]}}  {count:>{widths[2]}}"
        for layer, output, count in table
    )
