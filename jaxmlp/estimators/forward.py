"""The forward pass in NumPy, so that a fitted estimator predicts without JAX.

It is the network of `jaxmlp.nn.mlp`; a test compares the two.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import erfc, expit, softmax

UNITS = 2**23  # activations of a layer that are in memory at a time


def _relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0, out=z)


def _leaky_relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, z * z.dtype.type(0.01), out=z)


def _elu(z: np.ndarray) -> np.ndarray:
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def _gelu(z: np.ndarray) -> np.ndarray:
    return z * (erfc(z * z.dtype.type(-(2**-0.5))) / 2)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda z: z,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "sigmoid": lambda z: expit(z, out=z),
    "tanh": lambda z: np.tanh(z, out=z),
    "softplus": lambda z: np.logaddexp(z, 0, out=z),
    "gelu": _gelu,
    "silu": lambda z: z * expit(z),
}
OUTPUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda z: z,
    "exp": lambda z: np.exp(z, out=z),
    "logistic": lambda z: expit(z, out=z),
    "softmax": lambda z: softmax(z, axis=1),
}


def forward(
    x: Any,
    coefs: Sequence[np.ndarray],
    intercepts: Sequence[np.ndarray],
    activation: str,
    output: str,
) -> np.ndarray:
    """Return what a network answers, `a = f(h_{L-1} W_L + b_L)` with `h_l = g(h_{l-1} W_l + b_l)`.

    Args:
      x: inputs, `(N, features)`, an array or a sparse matrix of rows.
      coefs: the kernels `W`.
      intercepts: the biases `b`.
      activation: the name of `g`, as in `ACTIVATIONS`.
      output: the name of `f`, as in `OUTPUTS`.

    Returns:
      `(N, outputs)`.
    """
    function, blocks = ACTIVATIONS[activation], []
    rows = max(1, UNITS // max(W.shape[1] for W in coefs))
    for start in range(0, x.shape[0], rows):
        h = x[start : start + rows]
        for layer, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
            h = function(h) if layer else h
            h = h @ W
            h += b
        blocks.append(OUTPUTS[output](h))
    return np.concatenate(blocks)
