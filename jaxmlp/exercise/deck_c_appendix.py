"""Exercises of lecture C's appendix: convolution, max-pooling and Huffman's code."""

import itertools
from typing import Any

import jax
import numpy as np

from jaxmlp import nn
from jaxmlp.config.referees import slopes
from jaxmlp.exercise.form import Exercise, draw

Array = np.ndarray


def _correlate(x: Array, W: Array) -> Array:
    """Return the sum of products of W with every window of x."""
    return np.einsum("ijuv,uv->ij", np.lib.stride_tricks.sliding_window_view(x, W.shape), W)


def _padded(dy: Array, W: Array) -> Array:
    return np.pad(dy, [(k - 1, k - 1) for k in W.shape])


def _convolution(x: Array, W: Array, dy: Array) -> tuple[jax.Array, ...]:
    layer = nn.convolution(1, W.shape, bias=False)

    def value(x: jax.Array, W: jax.Array) -> jax.Array:
        y = layer({"W": W[:, :, None, None]}, x[None, :, :, None])
        return (y[0, :, :, 0] * dy).sum()

    return slopes(value, x, W)


CONVOLUTION = Exercise(
    name="convolution_backward",
    row="C9",
    title="A convolution with one channel, backward.",
    formula="""
    y_ij = sum_uv W_uv x_(i+u)(j+v),   for every window that lies inside the image
    dx, dW = the derivatives of the loss L, where dy = dL/dy is given
    """,
    arguments={
        "x": "an image, (H, V)",
        "W": "the kernel, (k, l); it is not flipped",
        "dy": "(H - k + 1, V - l + 1)",
    },
    results={"dx": "(H, V)", "dW": "(k, l)"},
    hint="Go through all i, j: y_ij sends W dy_ij back to its window of x, and that window times"
    " dy_ij to W. Each pixel lies in several windows.",
    referee="jax.grad",
    needs=("dense_backward",),
    cases=lambda: [
        draw(7, x=(5, 6), W=(3, 2), dy=(3, 5)),
        draw(8, x=(4, 4), W=(2, 2), dy=(3, 3)),
    ],
    truth=_convolution,
    wrongs={
        "the kernel must not be turned round in dx": lambda x, W, dy: {
            "dx": _correlate(_padded(dy, W), W)
        },
        "dW is turned round by 180 degrees": lambda x, W, dy: {"dW": _correlate(x, dy)[::-1, ::-1]},
        "the last window alone writes a pixel: windows overlap and add up": lambda x, W, dy: {
            "dx": _pasted(x, W, dy)
        },
        "dy must be padded: the pixels at the border are missing": lambda x, W, dy: {
            "dx": _correlate(dy, W[::-1, ::-1])
        },
        "this is the forward pass of dy, padded on one side only": lambda x, W, dy: {
            "dx": _correlate(np.pad(dy, [(0, 2 * (k - 1)) for k in W.shape]), W[::-1, ::-1])
        },
        "dy is not used": lambda x, W, dy: {"dW": _correlate(x, np.ones_like(dy))},
    },
)


def _pasted(x: Array, W: Array, dy: Array) -> Array:
    dx = np.zeros_like(x)
    for i, j in np.ndindex(*dy.shape):
        dx[i : i + W.shape[0], j : j + W.shape[1]] = W * dy[i, j]
    return dx


def _blocks(x: Array) -> Array:
    """Return the four cells of every window, `(I, J, 4)`, row by row."""
    H, V = x.shape
    return x.reshape(H // 2, 2, V // 2, 2).transpose(0, 2, 1, 3).reshape(H // 2, V // 2, 4)


def _image(blocks: Array) -> Array:
    i, j, _ = blocks.shape
    return blocks.reshape(i, j, 2, 2).transpose(0, 2, 1, 3).reshape(2 * i, 2 * j)


def _largest(x: Array) -> Array:
    blocks = _blocks(x)
    return blocks == blocks.max(-1, keepdims=True)


def _one(x: Array, index: Array) -> Array:
    """Return a mask with one cell of each window."""
    return np.eye(4)[index]


def _pool(x: Array, dy: Array) -> Any:
    layer = nn.max_pool(2)

    @jax.jit
    def dx(x: jax.Array, dy: jax.Array) -> jax.Array:
        _, cache = layer.forward((), x[None, :, :, None])
        return layer.backward((), cache, dy[None, :, :, None])[1][0, :, :, 0]

    return dx(x, dy)


POOLING = Exercise(
    name="max_pooling_backward",
    row="C9",
    title="Max-pooling over windows of 2 x 2, backward, ties included.",
    formula="""
    y_ij = the largest of the four pixels of window (i, j); windows touch and do not overlap
    dx = dL/dx, where dy = dL/dy is given; of equal pixels the first gets dy_ij, row by row
    """,
    arguments={"x": "an image, (H, V), both even", "dy": "(H/2, V/2)"},
    results={"dx": "(H, V)"},
    hint="Max routes: one pixel of each window gets the whole gradient. numpy.argmax returns the"
    " first of equal numbers.",
    referee="jaxmlp.nn.max_pool",
    needs=("gates",),
    cases=lambda: [
        {"x": np.round(draw(9, x=(6, 4))["x"]), **draw(10, dy=(3, 2))},
        {"x": np.array([[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 0.0]]), **draw(11, dy=(1, 2))},
    ],
    truth=_pool,
    wrongs={
        "ties: each of equal pixels gets all of dy, only the first may": lambda x, dy: _image(
            _largest(x) * dy[:, :, None]
        ),
        "ties: equal pixels share dy, the first must get all of it": lambda x, dy: _image(
            _largest(x) / _largest(x).sum(-1, keepdims=True) * dy[:, :, None]
        ),
        "ties: the last of equal pixels gets dy, must be the first": lambda x, dy: _image(
            _one(x, 3 - np.argmax(_blocks(x)[..., ::-1], -1)) * dy[:, :, None]
        ),
        "ties: the first pixel column by column gets dy, must be row by row": lambda x, dy: _image(
            _one(x, np.array([0, 2, 1, 3])[np.argmax(_blocks(x)[..., [0, 2, 1, 3]], -1)])
            * dy[:, :, None]
        ),
        "all four pixels get dy: max routes to one": lambda x, dy: np.kron(dy, np.ones((2, 2))),
        "this is average pooling: each pixel gets a quarter": lambda x, dy: np.kron(
            dy, np.full((2, 2), 0.25)
        ),
        "dy is not used: this is the mask alone": lambda x, dy: _image(
            _one(x, np.argmax(_blocks(x), -1))
        ),
        "the smallest pixel gets dy, must be the largest": lambda x, dy: _image(
            _one(x, np.argmin(_blocks(x), -1)) * dy[:, :, None]
        ),
        "dy is multiplied by the pixel": lambda x, dy: _image(
            _one(x, np.argmax(_blocks(x), -1)) * _blocks(x) * dy[:, :, None]
        ),
    },
)


def _shannon(q: Array) -> Array:
    return np.ceil(-np.log2(q) - 1e-12)


def _best_code(q: Array) -> float:
    """Return the least mean length of all prefix codes.

    A prefix code with the lengths l exists if and only if `sum 2^-l <= 1` (Kraft's inequality).
    """
    many = np.array(list(itertools.product(range(1, len(q)), repeat=len(q))), float)
    possible = (2**-many).sum(1) <= 1
    return float((many[possible] @ q).min())


def _merged(q: Array, order: int = 1) -> float:
    """Return the mean length if parts are joined in a wrong order, 0 for as they stand."""
    parts, length = list(q), 0.0
    while len(parts) > 1:
        parts = sorted(parts, reverse=order < 0) if order else parts
        joined = parts[0] + parts[1]
        parts, length = [*parts[2:], joined], length + joined
    return length


HUFFMAN = Exercise(
    name="huffman",
    row="C10",
    title="The mean length of a Huffman code.",
    formula="""
    Join the two least likely symbols to one, until one is left. Each joining makes the codes of all
    symbols in it one bit longer.
    length = sum_i q_i l_i, in bits, with the length l_i of symbol i's code
    """,
    arguments={"q": "the probability of each symbol, (K,), with K of at least 2"},
    results={"length": "a number"},
    hint="A joined symbol is a symbol again. Its probability is the sum of the two.",
    referee="the best of all prefix codes",
    cases=lambda: [
        {"q": np.array([0.4, 0.1, 0.3, 0.15, 0.05])},
        {"q": np.array([0.15, 0.35, 0.1, 0.4])},
        {"q": np.array([0.3, 0.7])},
    ],
    truth=_best_code,
    wrongs={
        "this is the entropy: no code of whole bits reaches it here": lambda q: -(q @ np.log2(q)),
        "codes of one length for all symbols": lambda q: np.ceil(np.log2(len(q))),
        "the two most likely are joined, must be the two least likely": lambda q: _merged(q, -1),
        "the symbols are joined in the order in which they stand": lambda q: _merged(q, 0),
        "lengths of ceil(-log2 q) are Shannon's, and longer": lambda q: q @ _shannon(q),
        "the last joining is missing: it adds one bit to all codes": lambda q: _best_code(q) - 1,
        "natural logarithms: this is the entropy in nats": lambda q: -(q @ np.log(q)),
    },
)

EXERCISES = (CONVOLUTION, POOLING, HUFFMAN)
