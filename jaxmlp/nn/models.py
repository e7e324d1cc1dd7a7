"""The networks of the lectures, composed of layers."""

from collections.abc import Sequence

from jaxmlp.errors import check
from jaxmlp.nn.activations import relu
from jaxmlp.nn.initializers import Initializer, he_normal
from jaxmlp.nn.layers import (
    Chain,
    Layer,
    Nonlinearity,
    dense,
    flatten,
    nonlinearity,
    sequential,
)
from jaxmlp.nn.noise import dropout
from jaxmlp.nn.normalisation import layer_norm


def mlp(
    hidden: Sequence[int],
    outputs: int,
    activations: Nonlinearity | Sequence[Nonlinearity] = relu,
    kernel: Initializer = he_normal,
    dropout_rate: float = 0.0,
    normalised: bool = False,
    embedding: Layer | None = None,
    corruption: Sequence[Layer] = (),
) -> Chain:
    """A multi-layer perceptron (lecture rows A9, D3, E6).

    `h_0 = x`, `h_l = f_l(h_{l-1} W_l + b_l)` for the hidden layers, and raw outputs
    `z = h_{L-1} W_L + b_L`. The output activation is a part of the loss. Biases start at zero.

    Args:
      hidden: the width of each hidden layer; without a width the model is linear.
      outputs: the number of raw outputs.
      activations: one activation for all hidden layers, or one for each. Each is a function, or the
        factory of a layer with parameters, such as `prelu`.
      kernel: initializer of every kernel.
      dropout_rate: probability of dropping a hidden unit in training.
      normalised: whether layer normalisation comes before each activation.
      embedding: a layer of `jaxmlp.nn.embeddings` before the first kernel, or `None`.
      corruption: layers that corrupt the flat inputs in training, such as `gaussian_noise`.

    Returns:
      A chain from any shape to `(outputs,)`.

    Raises:
      InputError: if a width is below 1, or the number of activations is not that of the layers.
    """
    chosen = activations if isinstance(activations, Sequence) else [activations] * len(hidden)
    number = f"{len(hidden)}, one for each hidden layer"
    check(len(chosen) == len(hidden), "the number of activations", number, len(chosen))
    layers = [flatten(), *corruption]
    layers += [] if embedding is None else [embedding]
    for width, function in zip(hidden, chosen, strict=True):
        check(width >= 1, "hidden", "widths of at least 1", width)
        layers.append(dense(width, kernel))
        if normalised:
            layers.append(layer_norm())
        layers.append(nonlinearity(function))
        if dropout_rate:
            layers.append(dropout(dropout_rate))
    return sequential(*layers, dense(outputs, kernel))
