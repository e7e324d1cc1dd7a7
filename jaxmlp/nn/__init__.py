"""Networks as pure functions: layers, losses, initializers, and backpropagation by hand."""

from jaxmlp.nn import activations, initializers, losses
from jaxmlp.nn.activations import Activation
from jaxmlp.nn.backprop import objective, value_and_grad
from jaxmlp.nn.layers import Layer, activation, dense, dropout, flatten, sequential
from jaxmlp.nn.losses import Loss
from jaxmlp.nn.models import mlp

__all__ = [
    "Activation",
    "Layer",
    "Loss",
    "activation",
    "activations",
    "dense",
    "dropout",
    "flatten",
    "initializers",
    "losses",
    "mlp",
    "objective",
    "sequential",
    "value_and_grad",
]
