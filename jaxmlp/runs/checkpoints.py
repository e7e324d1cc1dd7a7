"""Any tree of arrays as one safetensors file, and back; no pickle, no user code.

A leaf is named by its path in the tree (`state/params/1/W`). A random key is stored as its data and
the name of its generator. The same tree gives the same bytes.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from jaxmlp.config.schema import HEADER, Shape, checked
from jaxmlp.errors import InputError
from jaxmlp.files import parse_json, write_atomically

Names = dict[str, str]


def _named_leaves(tree: Any) -> list[tuple[str, Any]]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(jax.tree_util.keystr(path, simple=True, separator="/"), leaf) for path, leaf in leaves]


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def save_tree(path: Path, tree: Any, metadata: dict[str, Any]) -> None:
    """Write a tree of arrays and a record beside it, atomically.

    Args:
      path: the file.
      tree: any tree of arrays and random keys.
      metadata: any JSON-able record.
    """
    arrays, keys = {}, {}
    for name, leaf in _named_leaves(tree):
        if _is_key(leaf):
            keys[name] = str(jax.random.key_impl(leaf))
            leaf = jax.random.key_data(leaf)
        arrays[name] = np.asarray(leaf)
    record = json.dumps({"keys": keys, "record": metadata}, sort_keys=True, allow_nan=False)
    write_atomically(path, save(arrays, {"jaxmlp": record}))


def load_metadata(path: Path, shape: Shape = Any) -> dict[str, Any]:
    """Return the record of a file that `save_tree` wrote.

    Args:
      path: the file.
      shape: what the record must be; see `jaxmlp.config.schema`.

    Returns:
      The record.

    Raises:
      InputError: if the file is missing, broken, or not one of ours, or the record is wrong.
    """
    with _opened(path) as file:
        record: dict[str, Any] = checked(_header(file, path)["record"], shape, path)
    return record


def load_tree(
    path: Path,
    like: Any,
    earlier: Callable[[set[str]], Names] | None = None,
    may_lack: str | None = None,
) -> Any:
    """Return the tree of arrays that `save_tree` wrote.

    Args:
      path: the file.
      like: a tree of the same structure, shapes and types; only those of its leaves are used, so
        `jax.eval_shape` can make it.
      earlier: from the names in a file of an earlier version to the names they have now; asked
        where the names in the file are not those of the tree.
      may_lack: the name of a branch that the file may lack.

    Returns:
      A tree of NumPy arrays and random keys, without the branch that the file lacks.

    Raises:
      InputError: if the file is missing, broken, not one of ours, or of another tree.
    """
    with _opened(path) as file:
        header = _header(file, path)
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if may_lack is not None and not any(name.startswith(f"{may_lack}/") for name in arrays):
        like = {name: branch for name, branch in like.items() if name != may_lack}
    keys, named = header["keys"], _named_leaves(like)
    if earlier is not None and arrays.keys() != {name for name, _ in named}:
        now = earlier(set(arrays))
        arrays = {now.get(name, name): array for name, array in arrays.items()}
    differing = sorted(arrays.keys() ^ {name for name, _ in named})
    if differing:
        raise InputError(f"{path} does not fit the model: {differing[0]!r} is in only one of them")
    leaves = []
    for name, leaf in named:
        array: Any = arrays[name]
        if name in keys:
            array = _as_key(array, keys[name], f"{path}: {name}")
        else:
            _check_numbers(array, f"{path}: {name}", "/opt_state/" not in name)
        if array.shape != leaf.shape or array.dtype != leaf.dtype:
            got, expected = f"{array.dtype}{array.shape}", f"{leaf.dtype}{leaf.shape}"
            raise InputError(f"{path} does not fit the model: {name} is {got}, expected {expected}")
        leaves.append(array)
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _as_key(data: np.ndarray, generator: str, where: str) -> jax.Array:
    try:
        return jax.random.wrap_key_data(jnp.asarray(data), impl=generator)
    except (TypeError, ValueError):
        raise InputError(f"{where} is no key of the generator {generator!r}") from None


def _check_numbers(array: np.ndarray, where: str, finite: bool) -> None:
    """Reject NaN, and infinity where it can be none: a moment of an optimizer may overflow."""
    good = np.isfinite(array) if finite else ~np.isnan(array)
    if not good.all():
        expected = "finite" if finite else "a number"
        raise InputError(f"{where} must be {expected} everywhere, got {array[~good][0]}")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (SafetensorError, OSError, TypeError) as error:
        raise InputError(f"{path} is not a whole safetensors file: {error}") from None


def _header(file: Any, path: Path) -> dict[str, Any]:
    """Return the part of the metadata that is ours."""
    text = (file.metadata() or {}).get("jaxmlp")
    if text is None:
        raise InputError(f"{path} was not written by jaxmlp")
    header: dict[str, Any] = checked(parse_json(text, path), HEADER, path)
    return header
