"""Logical gates as neurons with given weights (lecture rows D1, D2).

A neuron `step(w1 x1 + w2 x2 + b)` divides the plane by a line. AND and OR have such a line. XOR has
none: it needs a layer of two neurons before the last one.
"""

from collections.abc import Sequence

import jax.numpy as jnp

from jaxmlp.nn.activations import step
from jaxmlp.nn.layers import Layer, activation, dense, sequential
from jaxmlp.nn.types import Params


def neurons(kernel: Sequence[Sequence[float]], bias: Sequence[float]) -> tuple[Layer, Params]:
    """One layer of neurons with given weights, `a = step(x W + b)`.

    Args:
      kernel: `W`, a row per input, a column per neuron.
      bias: `b`, one per neuron.

    Returns:
      The layer and its parameters.
    """
    params = ({"W": jnp.asarray(kernel, float), "b": jnp.asarray(bias, float)}, ())
    return sequential(dense(len(bias)), activation(step)), params


def and_gate() -> tuple[Layer, Params]:
    """The neuron `step(x1 + x2 - 1.5)`, which fires if both inputs are 1 (lecture row D1)."""
    return neurons([[1.0], [1.0]], [-1.5])


def or_gate() -> tuple[Layer, Params]:
    """The neuron `step(x1 + x2 - 0.5)`, which fires if at least one input is 1 (lecture row D1)."""
    return neurons([[1.0], [1.0]], [-0.5])


def xor_network() -> tuple[Layer, Params]:
    """The network `step(-AND + OR - 0.5)`: it fires if exactly one input is 1 (lecture row D2)."""
    hidden, first = neurons([[1.0, 1.0], [1.0, 1.0]], [-1.5, -0.5])
    output, last = neurons([[-1.0], [1.0]], [-0.5])
    return sequential(hidden, output), (first, last)
