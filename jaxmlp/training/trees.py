"""Small functions of trees of arrays: size, distance, copies, and entries of a first axis."""

from typing import Any

import jax
import numpy as np
from jax import Array


def count(params: Any) -> int:
    """Return the number of parameters in a tree."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def finite(tree: Any) -> bool:
    """Return whether every number of a tree is finite."""
    return all(bool(np.all(np.isfinite(leaf))) for leaf in jax.tree.leaves(tree))


def distance(a: Any, b: Any) -> float:
    """Return `|a - b|`, the Euclidean length over all leaves."""
    squares = jax.tree.map(lambda a, b: float(np.sum((np.asarray(a) - b) ** 2)), a, b)
    return float(np.sqrt(sum(jax.tree.leaves(squares))))


def copy_to_host(tree: Any) -> Any:
    """Return a copy of a tree in host memory of its own."""
    return jax.tree.map(lambda leaf: np.array(leaf), tree)


def take_entry(tree: Any, k: int) -> Any:
    """Return entry `k` along the first axis of every leaf, in host memory of its own."""
    return jax.tree.map(lambda leaf: np.array(np.asarray(leaf)[k]), tree)


def put_entry(trees: Any, k: Array, tree: Any) -> Any:
    """Replace entry `k` along the first axis of every leaf."""
    return jax.tree.map(
        lambda leaves, leaf: jax.lax.dynamic_update_index_in_dim(leaves, leaf, k, axis=0),
        trees,
        tree,
    )
