"""The referee of `python -m jaxmlp.exercise`: right solutions pass, and mistakes are named."""

import functools
import itertools
import warnings

import jax
import pytest

from experiments.lectures.rows import ROWS
from jaxmlp.config.differences import close
from jaxmlp.exercise import child
from jaxmlp.exercise.catalogue import EXERCISES
from jaxmlp.exercise.judge import Referee
from tests.exercise.mistakes import MISTAKES
from tests.exercise.solutions import SOLUTIONS

pytestmark = pytest.mark.usefixtures("compile_quickly")

PROMOTION = jax.numpy_dtype_promotion  # Optax does not keep the strict rules of the tests


@functools.cache
def referee(name):
    """Return the referee of an exercise: what it computes serves all solutions."""
    return Referee(EXERCISES[name])


def judged(name, source, folder):
    """Return the verdict on a solution, in this process."""
    file = folder / f"{name}.py"
    head = "" if "__future__" in source else "import numpy as np\nimport jax.numpy as jnp\n"
    file.write_text(head + source)
    with jax.enable_x64(True), PROMOTION("standard"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a mistake may overflow
        judge = referee(name)
        results = list(judge.exercise.results)
        return judge.judge(child.answers(str(file), name, results, judge.cases))


def said(verdict):
    """Return everything that a verdict says."""
    return "\n".join([verdict.error, *(f"{f.name}: {f.says}" for f in verdict.findings)])


def test_every_exercise_has_its_solution_and_its_mistakes():
    assert list(SOLUTIONS) == list(MISTAKES) == list(EXERCISES)
    assert min(map(len, MISTAKES.values())) >= 8


@pytest.mark.parametrize("name", EXERCISES)
def test_a_right_solution_passes_and_usual_mistakes_are_named(name, tmp_path):
    """Each mistake is told from the others by the words that belong to it."""
    verdict = judged(name, SOLUTIONS[name], tmp_path)
    assert verdict.passed, said(verdict)
    assert list(verdict.findings)
    for old, new, words in MISTAKES[name]:
        assert old in SOLUTIONS[name], old
        verdict = judged(name, SOLUTIONS[name].replace(old, new), tmp_path)
        assert not verdict.passed, new
        assert words in said(verdict), f"{new!r}\n{said(verdict)}"


@pytest.mark.parametrize("name", EXERCISES)
def test_each_mistake_shows_and_no_two_look_alike(name):
    """The cases are chosen so: a reason that is printed is the only one of its exercise."""
    with jax.enable_x64(True), PROMOTION("standard"):
        truths, mistakes = referee(name).truths, referee(name).mistakes
    for leaf in truths[0]:
        want = [leaves[leaf] for leaves in truths]
        shown = {
            reason: [leaves[leaf] for leaves in many]
            for reason, many in mistakes.items()
            if all(leaf in leaves for leaves in many)
        }
        wrong = {k: v for k, v in shown.items() if not all(map(close, v, want))}
        for a, b in itertools.combinations(wrong, 2):
            assert not all(map(close, wrong[a], wrong[b])), f"{leaf}: {a} = {b}"
    for reason, many in mistakes.items():
        pairs = zip(many, truths, strict=True)
        assert any(not close(got[k], want[k]) for got, want in pairs for k in got), reason


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def relu_backward(z, da): return None", "dz: must be an array of real numbers, got None"),
        ("def relu_backward(z, da): return 'a'", "dz: must be an array of real numbers, got a str"),
        ("def relu_backward(z, da): return 1j * z", "a ndarray of complex128"),
        ("def relu_backward(z, da): return [[1], [1, 2]]", "rows of different lengths"),
        ("def relu_backward(z, da): return z, da", "dz: has the shape (2, 4, 3), must be (4, 3)"),
        ("def relu_backward(z): return z", "takes 1 positional argument but 2 were given"),
        ("def relu_backward(z, da): return np.zeros(200000)", "(200000,), far too large"),
        ("def relu_backward(z, da): return da * np.nan", "holds NaN or infinity in case 1 of 2"),
        ("def relu_backward(z, da): return (z > 0) * da + 0.1", "entries differ; got"),
        ("def relu_backward(z, da): return relu_backward(z, da)", "RecursionError"),
        ("def relu_backward(z, da): raise SystemExit(0)", "exits; a function only returns"),
        ("relu_backward = 3", "defines no function relu_backward"),
        ("def relu(z, da): return da", "defines no function relu_backward"),
        (
            "def relu_backward(z, da)\n    return da",
            "does not import: SyntaxError: expected ':' (line 3)",
        ),
        ("import no_such_module", "does not import: ModuleNotFoundError"),
        ("import sys; sys.exit(0)", "does not import: exits"),
        ("def relu_backward(z, da):\n    da *= z > 0\n    return -da", "has the wrong sign"),
    ],
)
def test_what_is_no_solution_is_told_in_a_line(source, words, tmp_path):
    verdict = judged("relu_backward", source, tmp_path)
    assert not verdict.passed
    assert words in said(verdict)


@pytest.mark.parametrize(
    "source",
    [
        "def relu_backward(z, da): return jnp.where(z > 0, da, 0)",
        "def relu_backward(z, da): return (da * (z > 0)).tolist()",
        "def relu_backward(z, da): return {'dz': da * (z > 0)}",
        "def relu_backward(z, da): return (da * (z > 0),)",
        "def relu_backward(z, da):\n    da *= z > 0\n    return da",
        "relu_backward = lambda *of: of[1] * (of[0] > 0)",
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass A:\n    n: int = 0\ndef relu_backward(z, da): return da * (z > A().n)",
    ],
)
def test_a_right_solution_may_take_any_form(source, tmp_path):
    """`jax.numpy`, lists, names, a tuple of one, and arguments that are overwritten."""
    verdict = judged("relu_backward", source, tmp_path)
    assert verdict.passed, said(verdict)


def test_a_mistake_is_named_on_the_cases_that_were_answered(tmp_path):
    """Square matrices hide what others show as an error; both are told."""
    source = SOLUTIONS["dense_backward"].replace("dz @ W.T", "dz @ W")
    verdict = judged("dense_backward", source, tmp_path)
    assert "ValueError" in verdict.error
    assert "(line 5)" in verdict.error
    assert [finding.name for finding in verdict.findings] == ["dx"]


def test_the_order_is_that_of_the_lessons():
    """Rows follow one another as in the decks, and nothing is needed before it is taught."""
    rows = [(e.row[0], int(e.row[1:])) for e in EXERCISES.values()]
    assert rows == sorted(rows)
    taught = []
    for exercise in EXERCISES.values():
        assert set(exercise.needs) <= set(taught), exercise.name
        taught.append(exercise.name)
    assert 25 <= len(taught) <= 35


def test_every_row_is_one_of_the_lectures():
    assert {exercise.row for exercise in EXERCISES.values()} <= set(ROWS)
