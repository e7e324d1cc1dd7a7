"""Small functions of trees of arrays: size, distance, copies, and entries of a first axis."""

import math
from typing import Any

import jax
import numpy as np

from jaxmlp.optim.base import Params
from jaxmlp.training.types import AnyTree, Array, Count, Shapes, Tree


def count(params: Params | Shapes) -> int:
    """Return the number of parameters in a tree (lecture rows E3, E14).

    Args:
      params: the parameters, or their shapes.

    Returns:
      The sum of the leaves' sizes.
    """
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def size_in_bytes(tree: Any) -> int:
    """Return how much memory the arrays of a tree take.

    Args:
      tree: arrays, or their shapes.

    Returns:
      The sum of the leaves' bytes.
    """
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def finite(tree: AnyTree) -> bool:
    """Return whether every number of a tree is finite.

    Args:
      tree: arrays or numbers.

    Returns:
      False if there is an infinity or a NaN.
    """
    return all(bool(np.all(np.isfinite(leaf))) for leaf in jax.tree.leaves(tree))


def distance(a: Params, b: Params) -> float:
    """Return `|a - b|`, the Euclidean length over all leaves (lecture row C7).

    Args:
      a: a tree of arrays.
      b: a tree of the same structure.

    Returns:
      The distance.
    """
    squares = jax.tree.map(lambda a, b: float(np.sum((np.asarray(a) - b) ** 2)), a, b)
    return float(np.sqrt(sum(jax.tree.leaves(squares))))


def copy_to_host(tree: Tree) -> Tree:
    """Return a copy of a tree in host memory of its own.

    Args:
      tree: arrays on any device.

    Returns:
      The tree in NumPy arrays.
    """
    copy: Tree = jax.tree.map(lambda leaf: np.array(leaf), tree)
    return copy


def take_entry(tree: Tree, k: int) -> Tree:
    """Return entry `k` along the first axis of every leaf, in host memory of its own.

    Args:
      tree: arrays of shapes `(n, ...)`, on any device.
      k: the position, less than `n`.

    Returns:
      The tree in NumPy arrays of shapes `(...)`.
    """
    entry: Tree = jax.tree.map(lambda leaf: np.array(np.asarray(leaf)[k]), tree)
    return entry


def put_entry(trees: Tree, k: Count, tree: Tree) -> Tree:
    """Replace entry `k` along the first axis of every leaf.

    Args:
      trees: arrays of shapes `(n, ...)`.
      k: the position.
      tree: the new entry, arrays of shapes `(...)`.

    Returns:
      Arrays like `trees`; the arguments do not change.
    """

    def put(leaves: Array, leaf: Array) -> Array:
        return jax.lax.dynamic_update_index_in_dim(leaves, leaf, k, axis=0)

    replaced: Tree = jax.tree.map(put, trees, tree)
    return replaced
