"""What is wrong with an array, told from its difference to the right one, in words.

The arrays come in several cases whose sizes differ. So a factor that is the number of examples in
each of them is that number, and no accident. The referee of the exercises and `jaxmlp.check` both
take their words from here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

TOLERANCE = 1e-9  # of the norm: rounding in float64 stays far below it, in float32 far above
SINGLE = 1e-6  # of the norm: what float32 can explain
Case = Mapping[str, Any]  # the arguments of one call, by name
Arrays = Sequence[np.ndarray]  # one for each case
Axis = tuple[str, int]  # an argument and an axis of it


def close(a: np.ndarray, b: np.ndarray, tolerance: float = TOLERANCE) -> bool:
    """Return whether two arrays have one shape and, but for rounding, the same numbers."""
    if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return False
    finite = np.isfinite(b)
    same = np.array_equal(a[~finite], b[~finite], equal_nan=True)
    scale = max(float(np.linalg.norm(b[finite])), 1e-30)
    return bool(same and np.linalg.norm(a[finite] - b[finite]) <= tolerance * scale)


def all_close(got: Arrays, want: Arrays, tolerance: float = TOLERANCE) -> bool:
    """Return whether the arrays of all cases agree, as `close` says it."""
    return all(close(a, b, tolerance) for a, b in zip(got, want, strict=True))


def reasons(
    got: Arrays, want: Arrays, cases: Sequence[Case], batch: Axis | None = None
) -> Iterator[str]:
    """Yield what explains the differences in all cases, the most likely first.

    Args:
      got: the array to judge, in each case.
      want: the right one.
      cases: the arguments from which it was computed: sizes of their axes may be a factor, and an
        argument may have been added or left out.
      batch: the argument and the axis that count the examples.

    Yields:
      A reason in words; nothing if none is known.
    """
    if all_close(got, want, SINGLE):
        yield "right to about seven digits only: compute in float64, not float32"
    if all_close([a.T for a in got], want):
        yield f"transposed: the shape is {_shape(got[-1])}, must be {_shape(want[-1])}"
    yield from factors(got, want, sizes(cases, batch))
    yield from _offsets(cases, got, want)
    yield from _shapes(got, want)


def sizes(cases: Sequence[Case], batch: Axis | None = None) -> dict[str, np.ndarray]:
    """Return the length of each axis of each argument in every case: first that of the batch."""
    axes = [
        (name, axis)
        for name, value in cases[0].items()
        if isinstance(value, np.ndarray)
        for axis in range(value.ndim)
    ]
    if batch is not None:
        axes.insert(0, batch)
    found: dict[str, np.ndarray] = {}
    for name, axis in axes:
        lengths = np.array([case[name].shape[axis] for case in cases], float)
        first = "N = " if (name, axis) == batch and not found else ""
        if (lengths > 1).all():
            found[f"{first}{name}.shape[{axis}]"] = lengths
    return found


def factors(got: Arrays, want: Arrays, known: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield the number by which all entries of all cases are too large.

    Args:
      got: the array to judge, in each case.
      want: the right one.
      known: numbers that a factor may be, in each case, by their names.

    Yields:
      The factor in words; nothing if there is none.
    """
    found = [_factor(a, b) for a, b in zip(got, want, strict=True)]
    if None in found:
        return
    numbers = np.array(found, float)
    one = np.ones(len(numbers))
    sign = "" if numbers[0] > 0 else ", and has the wrong sign"
    if np.allclose(numbers, -one, rtol=1e-7):
        yield "has the wrong sign"
    for text, lengths in known.items():
        if np.allclose(abs(numbers), lengths, rtol=1e-7):
            yield f"too large by the factor {text}{sign}"
        if np.allclose(abs(numbers) * lengths, one, rtol=1e-7):
            yield f"too small by the factor {text}{sign}"
    if np.allclose(numbers, numbers[0], rtol=1e-7) and not np.isclose(abs(numbers[0]), 1, 1e-7):
        large = "large" if abs(numbers[0]) > 1 else "small"
        factor = max(abs(numbers[0]), 1 / abs(numbers[0]))
        yield f"too {large} by the factor {factor:.4g}{sign}"


def _factor(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return c with `a = c b`, or `None` if there is none."""
    if a.shape != b.shape or not np.isfinite(a).all() or not np.isfinite(b).all() or not b.any():
        return None
    c = float((a * b).sum() / (b * b).sum())
    return c if c != 0 and close(a, c * b) else None


def _offsets(cases: Sequence[Case], got: Arrays, want: Arrays) -> Iterator[str]:
    """Yield the argument that was forgotten, or added though it has no place there."""
    for name in cases[0]:
        added = [case[name] for case in cases]
        if not all(_fits(value, b) for value, b in zip(added, want, strict=True)):
            continue
        triples = list(zip(got, want, added, strict=True))
        if all(close(a, b - value) for a, b, value in triples):
            yield f"too small by {name}, which is missing"
        if all(close(a, b + value) for a, b, value in triples):
            yield f"too large by {name}"


def _fits(value: Any, b: np.ndarray) -> bool:
    """Return whether an argument can be added to an array of numbers."""
    if not isinstance(value, float | np.ndarray):
        return False
    shape = np.shape(value)
    pairs = zip(shape[::-1], b.shape[::-1], strict=False)
    return len(shape) <= b.ndim and all(n in (1, size) for n, size in pairs)


def _shapes(got: Arrays, want: Arrays) -> Iterator[str]:
    """Yield what a wrong shape comes from, or at least which shape was expected."""
    pairs = list(zip(got, want, strict=True))
    wrong = [(a, b) for a, b in pairs if a.shape != b.shape]
    if not wrong:
        return
    text = f"has the shape {_shape(wrong[-1][0])}, must be {_shape(wrong[-1][1])}"
    if all(a.size == b.size and close(a.reshape(b.shape), b) for a, b in pairs):
        yield f"{text}; the numbers are right"
    for axis in range(max(a.ndim for a in got)):
        if all(a.ndim > axis and close(a.sum(axis), b) for a, b in pairs):
            yield f"{text}: the sum over axis {axis} is missing"
    for axis in range(max(b.ndim for b in want)):
        if all(b.ndim > axis and close(a, b.sum(axis)) for a, b in pairs):
            yield f"{text}: it is summed over axis {axis} too"
    if all(close(a, np.asarray(b.sum())) for a, b in pairs):
        yield f"{text}: it is summed over all axes"
    yield text


def _shape(array: np.ndarray) -> str:
    return str(tuple(array.shape))


def described(got: Arrays, want: Arrays, referee: str) -> str:
    """Return where an array differs, if no reason was found.

    Args:
      got: the array to judge, in each case.
      want: the right one, of the same shape.
      referee: what has computed it.

    Returns:
      The words; "" if nothing differs.
    """
    for number, (a, b) in enumerate(zip(got, want, strict=True), 1):
        if close(a, b):
            continue
        place = f"in case {number} of {len(got)}"
        if not np.isfinite(a).all():
            return f"holds NaN or infinity {place}"
        off = ~np.isclose(a, b, rtol=TOLERANCE, atol=TOLERANCE * np.abs(b).max())
        worst = np.unravel_index(np.argmax(np.abs(a - b)), b.shape)
        at = f" at {[int(i) for i in worst]}" if b.ndim else ""
        entries = f"{off.sum()} of {b.size} entries differ; " if b.size > 1 else ""
        return f"{entries}got {a[worst]:.6g}{at} {place}, {referee} says {b[worst]:.6g}"
    return ""
