"""The verdict on a solution: each array it returned, held against the truth and usual mistakes."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxmlp.config.differences import all_close, described, factors, reasons, sizes
from jaxmlp.errors import InputError
from jaxmlp.exercise.form import Case, Exercise, Leaves


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
        if all_close(got, want):
            return Finding(name, True)
        reason = next(self._reasons(name, asked, got, want), None)
        return Finding(name, False, reason or described(got, want, self.exercise.referee))

    def _reasons(
        self, name: str, asked: list[int], got: list[np.ndarray], want: list[np.ndarray]
    ) -> Iterator[str]:
        """Yield what explains all differences, the most likely first."""
        usual = dict(self._usual(name, asked, want))
        cases, batch = [self.cases[number] for number in asked], self.exercise.batch
        for reason, wrong in usual.items():
            if all_close(got, wrong):
                yield reason
        yield from reasons(got, want, cases, batch)
        for reason, wrong in usual.items():
            for words in factors(got, wrong, sizes(cases, batch)):
                yield f"{reason}; and {words}"

    def _usual(
        self, name: str, asked: list[int], want: list[np.ndarray]
    ) -> Iterator[tuple[str, list[np.ndarray]]]:
        """Yield each usual mistake that shows in this array, with what it gives in each case."""
        for reason, many in self.mistakes.items():
            if all(name in many[number] for number in asked):
                wrong = [many[number][name] for number in asked]
                if not all_close(wrong, want):
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
