"""Where the examples of a run lie in memory."""

import math

import numpy as np

ALIGNMENT = 64  # bytes, of memory that a processor's device can share


def together(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return two arrays one after the other, in memory that a processor's device need not copy.

    Args:
      first: `(N, ...)`.
      second: `(M, ...)`.

    Returns:
      `(N + M, ...)`.
    """
    dtype, shape = np.result_type(first, second), (len(first) + len(second), *first.shape[1:])
    return np.concatenate((first, second), out=aligned(shape, dtype))


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an array with any content, in memory that a processor's device need not copy.

    Args:
      shape: its shape.
      dtype: its type.

    Returns:
      The array.
    """
    size = math.prod(shape) * dtype.itemsize
    room = np.empty(size + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size].view(dtype).reshape(shape)
