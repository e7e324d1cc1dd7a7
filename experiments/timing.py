"""Processor time and memory of compiled functions, and the exponents of their growth."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

LEAST = 2e-2  # seconds; shorter calls are repeated until they take as long


def compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Any]:
    """Return a function compiled for the CPU and these arguments, with the arguments on the CPU."""
    placed = jax.device_put(arguments, jax.devices("cpu")[0])
    return jax.jit(function).lower(*placed).compile(), placed


def seconds(programs: Sequence[tuple[Any, Any]], repetitions: int) -> np.ndarray:
    """Return the processor time of compiled functions, which take turns.

    Processor time is the time that all cores spend on this process. Other processes on the same
    machine disturb it less than clock time, and they disturb all functions of a turn alike.

    Args:
      programs: compiled functions, each with its arguments.
      repetitions: the number of measurements of each.

    Returns:
      Processor seconds per call, `(programs, repetitions)`, each the mean over calls that take 20
      ms together.
    """

    def clock(program: Any, arguments: Any, calls: int) -> float:
        began = time.process_time()
        for _ in range(calls):
            jax.block_until_ready(program(*arguments))
        return (time.process_time() - began) / calls

    calls = []
    for each in programs:
        first = clock(*each, 1)  # includes one-time work, which is little in a long call
        once = first if first > LEAST else clock(*each, 1)
        calls.append(max(1, int(LEAST / once)))
    pairs = list(zip(programs, calls, strict=True))
    return np.transpose([[clock(*each, n) for each, n in pairs] for _ in range(repetitions)])


def memory(program: Any) -> int:
    """Return the bytes that a compiled function needs in addition to its arguments."""
    found = program.memory_analysis()
    return found.temp_size_in_bytes + found.output_size_in_bytes


def exponents(sizes: Any, values: Any) -> np.ndarray:
    """Return the exponent k of the fit `value = c size^k`, for each repetition.

    Args:
      sizes: `(n,)`.
      values: `(n, repetitions)`.

    Returns:
      `(repetitions,)`.
    """
    return np.polyfit(np.log(np.asarray(sizes, float)), np.log(np.asarray(values, float)), 1)[0]
