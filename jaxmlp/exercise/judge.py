"""The verdict on a solution: each array it returned, held against the truth and usual mistakes."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxmlp.errors import InputError
from jaxmlp.exercise.form import Case, Exercise, Leaves

TOLERANCE = 1e-9  # of the norm: rounding in float64 stays far below it, in float32 far above
SINGLE = 1e-6  # of the norm: what float32 can explain


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


class Referee:
    """What is right in an exercise, and what usual mistakes give, in float64.

    It is computed when it is asked for.

    Attributes:
      exercise: the exercise.
      cases: the arguments of each call.
    """

    def __init__(self, exercise: Exercise) -> None:
        with jax.enable_x64(True):
            self.exercise, self.cases = exercise, list(exercise.cases())

    @functools.cached_property
    def truths(self) -> list[Leaves]:
        """What is right in each case."""
        with jax.enable_x64(True):
            return [self.exercise.leaves(self.exercise.truth(**case)) for case in self.cases]

    @functools.cached_property
    def mistakes(self) -> dict[str, list[Leaves]]:
        """What each usual mistake gives in each case; nothing where the shapes do not allow it."""
        return {
            reason: [self._mistaken(wrong, case) for case in self.cases]
            for reason, wrong in self.exercise.wrongs.items()
        }

    def _mistaken(self, wrong: Callable[..., Any], case: Case) -> Leaves:
        try:
            with np.errstate(all="ignore"), jax.enable_x64(True):
                return self.exercise.leaves(wrong(**case))
        except ValueError:  # matrices that do not fit
            return {}

    def judge(self, answers: dict[str, Any]) -> Verdict:
        """Return the verdict on what a function returned.

        Args:
          answers: what `jaxmlp.exercise.child.answers` returned for the cases.

        Returns:
          The verdict.
        """
        exercise = self.exercise
        if "error" in answers:
            return Verdict(exercise, answers["error"])
        found = answers["cases"]
        error = next((answer["error"] for answer in found if "error" in answer), "")
        asked = [number for number, answer in enumerate(found) if "leaves" in answer]
        many = [found[number]["leaves"] for number in asked]
        problems = [_problem(name, [leaves[name] for leaves in many]) for name in exercise.results]
        if not many or any(problems):
            return Verdict(exercise, error, tuple(filter(None, problems)))
        returned = [{name: _array(leaf) for name, leaf in leaves.items()} for leaves in many]
        if exercise.measure is not None:
            try:
                with jax.enable_x64(True):
                    returned = [exercise.leaves(exercise.measure(**leaves)) for leaves in returned]
            except InputError as unfit:
                return Verdict(exercise, str(unfit))
        names = self.truths[0]
        findings = (self._judge_leaf(name, asked, returned) for name in names)
        return Verdict(exercise, error, tuple(f for f in findings if not (error and f.right)))

    def _judge_leaf(self, name: str, asked: list[int], returned: list[Leaves]) -> Finding:
        got = [leaves[name] for leaves in returned]
        want = [self.truths[number][name] for number in asked]
        if all(map(close, got, want)):
            return Finding(name, True)
        reason = next(self._reasons(name, asked, got, want), None)
        return Finding(name, False, reason or _described(got, want, self.exercise.referee))

    def _reasons(
        self, name: str, asked: list[int], got: list[np.ndarray], want: list[np.ndarray]
    ) -> Iterator[str]:
        """Yield what explains all differences, the most likely first."""
        usual = dict(self._usual(name, asked, want))
        cases = [self.cases[number] for number in asked]
        for reason, wrong in usual.items():
            if all(map(close, got, wrong)):
                yield reason
        if all(close(a, b, SINGLE) for a, b in zip(got, want, strict=True)):
            yield "right to about seven digits only: compute in float64, not float32"
        yield from _turned(got, want)
        yield from _factors(self.exercise, cases, got, want)
        yield from _offsets(cases, got, want)
        yield from _shapes(got, want)
        for reason, wrong in usual.items():
            for words in _factors(self.exercise, cases, got, wrong):
                yield f"{reason}; and {words}"

    def _usual(
        self, name: str, asked: list[int], want: list[np.ndarray]
    ) -> Iterator[tuple[str, list[np.ndarray]]]:
        """Yield each usual mistake that shows in this array, with what it gives in each case."""
        for reason, many in self.mistakes.items():
            if all(name in many[number] for number in asked):
                wrong = [many[number][name] for number in asked]
                if not all(map(close, wrong, want)):
                    yield reason, wrong


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


def _offsets(cases: list[Case], got: list[np.ndarray], want: list[np.ndarray]) -> Iterator[str]:
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
