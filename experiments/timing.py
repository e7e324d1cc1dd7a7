"""How long a processor works for compiled functions, how much memory, and how either grows."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

LEAST = 2e-2  # seconds; what is shorter is repeated until it takes as long


def compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Any]:
    """Return a function compiled for arguments like these on the CPU, and them there."""
    placed = jax.device_put(arguments, jax.devices("cpu")[0])
    return jax.jit(function).lower(*placed).compile(), placed


def seconds(programs: Sequence[tuple[Any, Any]], repetitions: int) -> np.ndarray:
    """Return how long the processor works for compiled functions, which take turns.

    That is not the time that passes: it is what all cores spend on this process, and so other
    processes on the same machine disturb it less. What disturbs it still disturbs all in a turn.

    Args:
      programs: each compiled already, with its arguments.
      repetitions: how many times each is measured.

    Returns:
      Processor seconds a call `(programs, repetitions)`, each the mean over calls that take 20 ms
      together.
    """

    def clock(program: Any, arguments: Any, calls: int) -> float:
        began = time.process_time()
        for _ in range(calls):
            jax.block_until_ready(program(*arguments))
        return (time.process_time() - began) / calls

    calls = []
    for each in programs:
        first = clock(*each, 1)  # with whatever happens only once, which is little in a long call
        once = first if first > LEAST else clock(*each, 1)
        calls.append(max(1, int(LEAST / once)))
    pairs = list(zip(programs, calls, strict=True))
    return np.transpose([[clock(*each, n) for each, n in pairs] for _ in range(repetitions)])


def memory(program: Any) -> int:
    """Return the bytes that a compiled function needs beside its arguments."""
    found = program.memory_analysis()
    return found.temp_size_in_bytes + found.output_size_in_bytes


def exponents(sizes: Any, values: Any) -> np.ndarray:
    """Return k of the fit `value = c size^k`, for each repetition.

    Args:
      sizes: `(n,)`.
      values: `(n, repetitions)`.

    Returns:
      `(repetitions,)`.
    """
    return np.polyfit(np.log(np.asarray(sizes, float)), np.log(np.asarray(values, float)), 1)[0]
