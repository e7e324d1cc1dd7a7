"""Networks as pure functions: layers, losses, initializers, and backpropagation by hand."""

from jaxmlp.nn import (
    activations,
    binary_network,
    curvature,
    gates,
    gradients,
    health,
    information,
    initializers,
    logic,
    losses,
    moments,
    outputs,
    probabilities,
)
from jaxmlp.nn.activations import Activation
from jaxmlp.nn.adversarial import adversarial
from jaxmlp.nn.backprop import objective, value_and_grad, value_and_grads
from jaxmlp.nn.convolution import convolution
from jaxmlp.nn.embeddings import periodic, piecewise
from jaxmlp.nn.ensemble import MEAN, SIGMOID, SOFTMAX, Mix, ensemble, members_value_and_grad
from jaxmlp.nn.initializers import Initializer
from jaxmlp.nn.layers import (
    Chain,
    Layer,
    activation,
    dense,
    flatten,
    sequential,
)
from jaxmlp.nn.lenet import lenet
from jaxmlp.nn.mean_loss import Loss
from jaxmlp.nn.models import mlp
from jaxmlp.nn.noise import dropout, gaussian_noise
from jaxmlp.nn.normalisation import layer_norm
from jaxmlp.nn.penalty import with_penalty
from jaxmlp.nn.pooling import average_pool, max_pool
from jaxmlp.nn.precision import computing_in
from jaxmlp.nn.prelu import prelu
from jaxmlp.nn.products import has_fast_bfloat16, operands_in, product
from jaxmlp.nn.softmax import softmax, softmax_jacobian, softmax_vjp
from jaxmlp.nn.summary import summary

__all__ = [
    "MEAN",
    "SIGMOID",
    "SOFTMAX",
    "Activation",
    "Chain",
    "Initializer",
    "Layer",
    "Loss",
    "Mix",
    "activation",
    "activations",
    "adversarial",
    "average_pool",
    "binary_network",
    "computing_in",
    "convolution",
    "curvature",
    "dense",
    "dropout",
    "ensemble",
    "flatten",
    "gates",
    "gaussian_noise",
    "gradients",
    "has_fast_bfloat16",
    "health",
    "information",
    "initializers",
    "layer_norm",
    "lenet",
    "logic",
    "losses",
    "max_pool",
    "members_value_and_grad",
    "mlp",
    "moments",
    "objective",
    "operands_in",
    "outputs",
    "periodic",
    "piecewise",
    "prelu",
    "probabilities",
    "product",
    "sequential",
    "softmax",
    "softmax_jacobian",
    "softmax_vjp",
    "summary",
    "value_and_grad",
    "value_and_grads",
    "with_penalty",
]
