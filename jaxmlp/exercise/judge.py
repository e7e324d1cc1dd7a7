"""The verdict on a solution: each array it returned, held against the truth and usual mistakes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxmlp.exercise.form import Case, Exercise, Leaves

TOLERANCE = 1e-9  # of the norm: rounding in float64 stays far below it, in float32 far above
SINGLE = 1e-4  # of the norm: what float32 can explain


@dataclass(frozen=True)
class Finding:
    """What is to be said about one array.

    Attributes:
      name: the array's.
      right: whether it agrees with the referee.
      says: what is wrong with it, "" if nothing is.
    """

    name: str
    right: bool
    says: str = ""


@dataclass(frozen=True)
class Verdict:
    """What is to be said about one file.

    Attributes:
      exercise: the exercise.
      error: the reason why the file could not be judged, "" if it could.
      findings: one for each array; without those that no case returned.
    """

    exercise: Exercise
    error: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything is right."""
        return not self.error and all(finding.right for finding in self.findings)


def judge(exercise: Exercise, answers: dict[str, Any], cases: Sequence[Case]) -> Verdict:
    """Return the verdict on what a function returned.

    Args:
      exercise: the exercise.
      answers: what `jaxmlp.exercise.child.answers` returned for its cases.
      cases: the arguments of each call.

    Returns:
      The verdict.
    """
    if "error" in answers:
        return Verdict(exercise, answers["error"])
    pairs = list(zip(cases, answers["cases"], strict=True))
    error = next((answer["error"] for _, answer in pairs if "error" in answer), "")
    good = [(case, answer["leaves"]) for case, answer in pairs if "leaves" in answer]
    asked = [case for case, _ in good]
    findings = [
        _problem(name, [leaves[name] for _, leaves in good]) for name in exercise.results if good
    ]
    if not good or any(findings):
        return Verdict(exercise, error, tuple(finding for finding in findings if finding))
    returned = [{name: _array(leaf) for name, leaf in leaves.items()} for _, leaves in good]
    types = {leaf["dtype"] for _, leaves in good for leaf in leaves.values()}
    if exercise.measure is not None:
        returned = [exercise.leaves(exercise.measure(**leaves)) for leaves in returned]
    truths = [exercise.leaves(exercise.truth(**case)) for case in asked]
    found = [_judge_leaf(exercise, name, asked, returned, truths, types) for name in truths[0]]
    return Verdict(exercise, error, tuple(f for f in found if not (error and f.right)))


def _problem(name: str, leaves: list[dict[str, Any]]) -> Finding | None:
    """Return what keeps an array from being compared, or `None`."""
    for leaf in leaves:
        if "problem" in leaf:
            return Finding(name, False, leaf["problem"])
        if leaf["values"] is None:
            return Finding(name, False, f"has the shape {_shape(leaf['shape'])}, far too large")
    return None


def _array(leaf: dict[str, Any]) -> np.ndarray:
    return np.asarray(leaf["values"], np.float64).reshape(leaf["shape"])


def _shape(shape: Sequence[int]) -> str:
    return str(tuple(shape))


def close(a: np.ndarray, b: np.ndarray, tolerance: float = TOLERANCE) -> bool:
    """Return whether two arrays have one shape and, but for rounding, the same numbers."""
    if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return False
    finite = np.isfinite(b)
    same = np.array_equal(a[~finite], b[~finite], equal_nan=True)
    scale = max(float(np.linalg.norm(b[finite])), 1e-30)
    return bool(same and np.linalg.norm(a[finite] - b[finite]) <= tolerance * scale)


def _judge_leaf(
    exercise: Exercise,
    name: str,
    cases: list[Case],
    returned: list[Leaves],
    truths: list[Leaves],
    types: set[str],
) -> Finding:
    got, want = ([leaves[name] for leaves in many] for many in (returned, truths))
    if all(map(close, got, want)):
        return Finding(name, True)
    if not types <= {"float64", "int64", "bool"} and all(
        close(a, b, SINGLE) for a, b in zip(got, want, strict=True)
    ):
        return Finding(name, False, f"right but for rounding: compute in float64, not {min(types)}")
    reason = next(_reasons(exercise, name, cases, got, want), None)
    return Finding(name, False, reason or _described(got, want, exercise.referee))


def _reasons(
    exercise: Exercise,
    name: str,
    cases: list[Case],
    got: list[np.ndarray],
    want: list[np.ndarray],
) -> Iterator[str]:
    """Yield what explains all differences, the most likely first."""
    usual = dict(_usual(exercise, name, cases, want))
    for reason, wrong in usual.items():
        if all(map(close, got, wrong)):
            yield reason
    for words in _turned(got, want):
        yield words
    for words in _factors(exercise, cases, got, want):
        yield words
    for words in _shapes(got, want):
        yield words
    for reason, wrong in usual.items():
        for words in _factors(exercise, cases, got, wrong):
            yield f"{reason}; and {words}"


def _usual(
    exercise: Exercise, name: str, cases: list[Case], want: list[np.ndarray]
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield each usual mistake that shows in this array, with what it gives in each case."""
    for reason, mistake in exercise.wrongs.items():
        try:
            with np.errstate(all="ignore"):
                many = [exercise.leaves(mistake(**case)) for case in cases]
        except ValueError:  # the shapes of these cases do not allow this mistake
            continue
        if all(name in leaves for leaves in many):
            wrong = [leaves[name] for leaves in many]
            if not all(map(close, wrong, want)):
                yield reason, wrong


def _turned(got: list[np.ndarray], want: list[np.ndarray]) -> Iterator[str]:
    if all(close(a.T, b) for a, b in zip(got, want, strict=True)):
        yield f"transposed: the shape is {_shape(got[-1].shape)}, must be {_shape(want[-1].shape)}"


def _factors(
    exercise: Exercise, cases: list[Case], got: list[np.ndarray], want: list[np.ndarray]
) -> Iterator[str]:
    """Yield the number by which all entries of all cases are too large."""
    factors = [_factor(a, b) for a, b in zip(got, want, strict=True)]
    if None in factors:
        return
    numbers = np.array(factors, float)
    one = np.ones(len(numbers))
    sign = "" if numbers[0] > 0 else ", and has the wrong sign"
    if np.allclose(numbers, -one, rtol=1e-7):
        yield "has the wrong sign"
    for text, sizes in _sizes(exercise, cases):
        if np.allclose(abs(numbers), sizes, rtol=1e-7):
            yield f"too large by the factor {text}{sign}"
        if np.allclose(abs(numbers) * sizes, one, rtol=1e-7):
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


def _sizes(exercise: Exercise, cases: list[Case]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the length of each axis of each argument, in every case: first that of the batch."""
    axes = [
        (name, axis)
        for name, value in cases[0].items()
        if isinstance(value, np.ndarray)
        for axis in range(value.ndim)
    ]
    if exercise.batch is not None:
        axes.insert(0, exercise.batch)
    for name, axis in axes:
        sizes = np.array([case[name].shape[axis] for case in cases], float)
        if (sizes > 1).all():
            first = (name, axis) == exercise.batch
            yield f"{'N = ' if first else ''}{name}.shape[{axis}]", sizes


def _shapes(got: list[np.ndarray], want: list[np.ndarray]) -> Iterator[str]:
    """Yield what a wrong shape comes from, or at least which shape was expected."""
    pairs = list(zip(got, want, strict=True))
    wrong = [(a.shape, b.shape) for a, b in pairs if a.shape != b.shape]
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


def _described(got: list[np.ndarray], want: list[np.ndarray], referee: str) -> str:
    """Return where an array differs, if no reason was found."""
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
