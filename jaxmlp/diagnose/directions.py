"""Directions in which a loss surface is cut, and the place of a path in such a plane.

A point of the plane is `theta + a d1 + b d2`, with the network's parameters `theta` in its middle.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.nn.types import Params


class Directions(NamedTuple):
    """Two directions, trees like the parameters.

    Attributes:
      first, second: the directions.
      shares: of the path's variance that lies along each; `None` for random directions.
    """

    first: Params
    second: Params
    shares: tuple[float, float] | None = None


def filter_normalised(rng: np.random.Generator, params: Params, members: int = 1) -> Params:
    """Draw a random direction whose filters are as long as those of the parameters.

    `d_j <- d_j |theta_j| / |d_j|` for each filter `j`, with `d` from a normal distribution: the
    weights that lead into one unit of a dense layer, `W[:, j]`, or the kernel of one channel of a
    convolution, `W[:, :, :, j]`. Biases, and all else that is a vector, stay where they are,
    `d = 0`. So a step of 1 moves every unit by as much as it weighs, and the sharpness of two
    networks can be compared, although ReLU units could be scaled up and down (Li, Xu, Taylor,
    Studer and Goldstein 2018: Visualizing the Loss Landscape of Neural Nets).

    Args:
      rng: the source of the random numbers.
      params: the parameters.
      members: the number of networks of an ensemble, which a first axis of every leaf counts.

    Returns:
      A direction, a tree of NumPy arrays like the parameters.
    """
    single = members == 1

    def direction(leaf: Any) -> np.ndarray:
        theta = np.asarray(leaf)[None] if single else np.asarray(leaf)
        if theta.ndim < 3:  # a vector in each member
            return np.zeros_like(leaf)
        d = rng.normal(size=theta.shape)
        axes = tuple(range(1, theta.ndim - 1))
        lengths = [np.sqrt(np.sum(a**2, axis=axes, keepdims=True)) for a in (theta, d)]
        d = d * lengths[0] / np.where(lengths[1] == 0, 1, lengths[1])
        return np.asarray(d[0] if single else d, theta.dtype)

    directions: Params = jax.tree.map(direction, params)
    return directions


def random_directions(seed: int, params: Params, members: int = 1) -> Directions:
    """Draw two filter-normalised directions; in so many dimensions they are nearly orthogonal."""
    rng = np.random.default_rng(seed)
    return Directions(*(filter_normalised(rng, params, members) for _ in range(2)))


def principal_directions(params: Params, path: Params) -> Directions:
    """Find the two orthonormal directions along which a path varies most.

    They are the first two right singular vectors of the rows `theta_k - mean`, where `theta_k` are
    the parameters after the epochs. The share of direction `i` in the variance is
    `s_i^2 / sum_j s_j^2`, with the singular values `s` (Li et al. 2018, section 7). The first
    points to the end of the path.

    Args:
      params: the parameters, for the form of the directions.
      path: the parameters of several epochs; a first axis counts them, at least 3.

    Returns:
      The directions, with their shares.
    """
    rows = flat_rows(path)
    centred = rows - rows.mean(axis=0)
    # the path has few epochs and many parameters, so its Gram matrix is the small one
    squares, left = np.linalg.eigh(centred @ centred.T)
    two: list[np.ndarray] = []
    for k in (-1, -2):
        vector = left[:, k] @ centred
        length = np.linalg.norm(vector)
        for other in two:  # against rounding
            vector = vector - (vector @ other) * other
        size = np.linalg.norm(vector)
        known = length > 1e-6 * np.sqrt(max(squares[-1], 1e-300)) and size > 0.5 * length
        two.append(vector / size if known else _any_orthogonal(two, rows.shape[1]))
    two[0] = two[0] if (rows[-1] - rows[0]) @ two[0] >= 0 else -two[0]
    total = max(float(np.maximum(squares, 0).sum()), 1e-300)
    shares = tuple(float(max(squares[k], 0) / total) for k in (-1, -2))
    trees = [like(params, vector) for vector in two]
    return Directions(trees[0], trees[1], (shares[0], shares[1]))


def _any_orthogonal(others: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Return a direction orthogonal to others, for a path that lies on a line."""
    vector = np.random.default_rng(len(others)).normal(size=size)
    for other in others:
        vector -= (vector @ other) * other
    return np.asarray(vector / np.linalg.norm(vector))


def places_of(params: Params, path: Params, directions: Directions) -> np.ndarray:
    """Return where a path lies in the plane of two orthonormal directions around the parameters.

    `(a_k, b_k) = (d1 . (theta_k - theta), d2 . (theta_k - theta))`, the nearest point of the plane.

    Args:
      params: the middle of the plane, `theta`.
      path: the parameters of several epochs; a first axis counts them.
      directions: orthonormal.

    Returns:
      `(epochs, 2)`.
    """
    middle = flat_rows(jax.tree.map(lambda leaf: np.asarray(leaf)[None], params))
    plane = [
        flat_rows(jax.tree.map(lambda leaf: np.asarray(leaf)[None], d)) for d in directions[:2]
    ]
    return np.asarray((flat_rows(path) - middle) @ np.concatenate(plane).T)


def flat_rows(path: Params) -> np.ndarray:
    """Return the parameters of each epoch as a row, float64 `(epochs, parameters)`."""
    leaves = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(path)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


def like(params: Params, row: np.ndarray) -> Params:
    """Return a row of numbers as a tree of the form and the types of the parameters."""
    leaves, structure = jax.tree.flatten(params)
    ends = np.cumsum([np.size(leaf) for leaf in leaves])
    pieces = np.split(row, ends[:-1])
    shaped = [
        piece.reshape(np.shape(leaf)).astype(leaf.dtype)
        for piece, leaf in zip(pieces, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, shaped)


def moved(params: Params, directions: Directions, a: Any, b: Any) -> Params:
    """Return `theta + a d1 + b d2`."""

    def move(theta: jax.Array, d1: jax.Array, d2: jax.Array) -> jax.Array:
        return theta + a.astype(theta.dtype) * d1 + b.astype(theta.dtype) * d2

    return jax.tree.map(move, params, *directions[:2])
