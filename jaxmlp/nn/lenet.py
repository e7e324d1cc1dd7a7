"""LeNet-5, the convolutional network that read cheques, composed of layers."""

import dataclasses
from collections.abc import Sequence

from jax.typing import DTypeLike

from jaxmlp.errors import check
from jaxmlp.nn.activations import relu
from jaxmlp.nn.convolution import convolution
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
from jaxmlp.nn.pooling import max_pool
from jaxmlp.nn.types import Params, RandomKey, Shape


def lenet(
    outputs: int,
    activation: Nonlinearity = relu,
    kernel: Initializer = he_normal,
    dropout_rate: float = 0.0,
    corruption: Sequence[Layer] = (),
) -> Chain:
    """LeNet-5 as one would write it today (lecture row C9).

    Two convolutions find features, and pooling halves the image after each. Three dense layers
    classify the features:

        (H, W, C)  - 6 @ 5x5 same  - pool 2 -  (H/2, W/2, 6)
                   - 16 @ 5x5      - pool 2 -  (H/4 - 2, W/4 - 2, 16)
                   - 120 - 84 - outputs

    The layers and widths are those of LeCun, Bottou, Bengio and Haffner (1998); for images of
    28 x 28 there are 61,706 parameters. These parts are new: ReLU instead of tanh; the maximum of a
    window instead of its mean with two learned numbers; a second convolution that sees all six
    channels instead of some; raw outputs for a softmax instead of distances to drawn digits; He's
    initialization; and dropout.

    Args:
      outputs: the number of raw outputs.
      activation: the activation of all hidden layers.
      kernel: initializer of every kernel; biases start at zero.
      dropout_rate: probability of dropping a unit of the two hidden dense layers in training.
      corruption: layers that corrupt the image in training, such as `gaussian_noise`.

    Returns:
      A chain from `(H, W, C)`, of at least 12 x 12 pixels, to `(outputs,)`.

    Raises:
      InputError: if `outputs` is below 1 or the dropout rate is outside [0, 1); when initialised,
        if the input is not an image or is too small.
    """
    layers = [*corruption]
    for channels, padding in ((6, "same"), (16, "valid")):
        layers += [convolution(channels, 5, padding=padding, kernel=kernel)]
        layers += [nonlinearity(activation), max_pool(2)]
    layers.append(flatten())
    for units in (120, 84):
        layers += [dense(units, kernel), nonlinearity(activation)]
        layers += [dropout(dropout_rate)] if dropout_rate else []
    network = sequential(*layers, dense(outputs, kernel))

    def init(key: RandomKey, shape: Shape, dtype: DTypeLike | None = None) -> tuple[Params, Shape]:
        # pooling halves 12 pixels to 6, the second window leaves 2, and pooling halves them to 1
        good = len(shape) == 3 and min(shape[:2]) >= 12
        check(good, "the input of lenet", "images (H, W, C) of at least 12 x 12 pixels", shape)
        return network.init(key, shape, dtype)

    return dataclasses.replace(network, init=init, name="lenet")
