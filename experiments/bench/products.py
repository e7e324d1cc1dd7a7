"""The rate at which a library multiplies two square matrices, a limit of the machine."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

LIBRARIES = {
    "numpy": "sklearn",
    "torch": "torch",
    "jax": "jaxmlp",
}  # library -> the peer whose process runs it


def rate(library: str, size: int, seconds: float) -> float:
    """Return the best rate within a time, in 10^9 operations per second (`2 n^3` per product)."""
    multiply = _multiplication(library, size)
    multiply()
    best, until = 0.0, time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        multiply()
        best = max(best, 2 * size**3 / (time.perf_counter() - began) / 1e9)
    return best


def _multiplication(library: str, size: int) -> Callable[[], Any]:
    a, b = np.random.default_rng(0).standard_normal((2, size, size), np.float32)
    if library == "numpy":
        return lambda: a @ b
    if library == "torch":
        import torch

        ta, tb = torch.from_numpy(a), torch.from_numpy(b)
        return lambda: ta @ tb
    import jax

    ja, jb = jax.device_put((a, b))
    multiply = jax.jit(lambda a, b: a @ b)
    return lambda: jax.block_until_ready(multiply(ja, jb))
