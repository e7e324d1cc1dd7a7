"""Comparing trees of arrays, derivatives by differences, and commands as a user runs them."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def named_leaves(tree: Any) -> list[tuple[str, np.ndarray]]:
    """Return every leaf as NumPy array with its path."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [(jax.tree_util.keystr(path), np.asarray(leaf)) for path, leaf in leaves]


def assert_trees_close(got: Any, expected: Any, tolerance: float) -> None:
    """Compare structure, shapes, types, and values relative to the norm of each expected leaf."""
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for (name, a), (_, b) in zip(named_leaves(got), named_leaves(expected), strict=True):
        assert a.shape == b.shape, f"{name}: {a.shape} instead of {b.shape}"
        assert a.dtype == b.dtype, f"{name}: {a.dtype} instead of {b.dtype}"
        assert np.all(np.isfinite(b)), f"{name}: the expected value is not finite"
        error = np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30)
        assert error <= tolerance, f"{name}: relative error {error:.2e} exceeds {tolerance:.0e}"


def assert_trees_identical(got: Any, expected: Any) -> None:
    """Compare structure, shapes, types and every bit."""
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for (name, a), (_, b) in zip(named_leaves(got), named_leaves(expected), strict=True):
        assert a.dtype == b.dtype, name
        assert a.shape == b.shape, name
        assert a.tobytes() == b.tobytes(), name


def to_float64(tree: Any) -> Any:
    """Return the tree with every leaf in float64."""
    return jax.tree.map(lambda leaf: leaf.astype("float64"), tree)


def central_differences(f: Callable[[Any], Any], params: Any, step: float = 1e-5) -> Any:
    """Return df/dparams by `(f(w + h) - f(w - h)) / 2h`, at every coordinate of every leaf."""
    leaves, structure = jax.tree.flatten(params)
    slopes = []
    for number, leaf in enumerate(leaves):
        slope = np.zeros(leaf.shape)
        for index in np.ndindex(*leaf.shape):
            values = []
            for sign in (1, -1):
                moved = np.array(leaf)
                moved[index] += sign * step
                tree = [*leaves[:number], moved, *leaves[number + 1 :]]
                values.append(float(f(jax.tree.unflatten(structure, tree))))
            slope[index] = (values[0] - values[1]) / (2 * step)
        slopes.append(slope)
    return jax.tree.unflatten(structure, slopes)


def command(*arguments, **settings):
    """Run `python -m jaxmlp.COMMAND ...` as a user would, and return the finished process."""
    environment = {**os.environ, **settings.pop("env", {})}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)  # a command run in this process set it
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        **settings,
    )


def assert_refused(capsys, name, main, arguments, message):
    """Run a command in this process: it ends with status 2 and one line that holds the message."""
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse's way
        status = stop.code
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith(f"python -m jaxmlp.{name}: error: ")
    assert err.count("\n") == 1, f"more than one line: {err}"
    assert len(err) < 500
    assert message in err, err
