"""Questions of diagnosis: each fault shows in the numbers, and answers are judged and explained."""

import json
import operator

import numpy as np
import pytest
from PIL import Image

from jaxmlp.exercise import __main__ as exercise
from jaxmlp.exercise.catalogue import EXERCISES, QUESTIONS, TASKS
from jaxmlp.exercise.drawing import picture
from jaxmlp.exercise.question import LETTERS, Question
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")


def above(name, bound):
    return lambda n: n[name] > bound


# What singles out the run with the fault, by the numbers that the command prints of each run.
CRITERIA = {
    "which_rate_is_too_high": lambda n: n["loss, mean of steps 50 to 59"] > n["loss, step 1"],
    "which_started_at_zero": lambda n: not any(n[f"gradient of kernel {k}"] for k in (1, 2, 3)),
    "which_has_dead_units": above("units active on no example", 0.5),
    "which_test_data_leaked": lambda n: (
        n["test accuracy, epoch 60"] > n["training accuracy, epoch 60"] - 0.1
    ),
    "which_drops_at_evaluation": lambda n: n["lowest of 20 tests"] < n["highest of 20 tests"],
    "which_sign_is_wrong": lambda n: n["slope over |gradient|, kernel 2"] < 0,
    "which_inputs_are_unscaled": above("mean |z| of hidden units", 10),
    "which_gradient_vanishes": lambda n: (
        n["gradient of kernel 1"] < 0.01 * n["gradient of kernel 7"]
    ),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments):
    """Run the command in this process; return its exit status and what it printed."""
    status = exercise.main([*map(str, arguments)])
    out, err = capsys.readouterr()
    assert err == ""
    return status, out


def test_every_question_has_a_criterion():
    assert list(CRITERIA) == list(QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_fault_shows_and_only_its_run_is_right(name, folder, capsys):
    """The criterion singles out one run; its letter passes, the others fail, all are explained."""
    question = QUESTIONS[name]
    status, out = run(capsys, name, "--json")
    asked = json.loads(out)
    assert status == 0
    assert (folder / asked["picture"]).read_bytes().startswith(b"\x89PNG")
    found = [letter for letter, n in asked["runs"].items() if CRITERIA[name](n)]
    assert len(found) == 1
    for letter in LETTERS:
        status, text = run(capsys, name, letter.lower())
        assert status == (letter not in found)
        assert text.startswith(f"{letter}: {'wrong' if status else 'right'}")
        told = " ".join(text.split())
        for words in (question.fault, question.remedy, question.decides, f"row {question.row}"):
            assert " ".join(words.split()) in told
    status, out = run(capsys, name, found[0], "--json")
    verdict = json.loads(out)
    assert (status, verdict["passed"], verdict["row"]) == (0, True, question.row)
    decides = {letter: n[question.decides] for letter, n in asked["runs"].items()}
    assert verdict["runs"] == decides
    others = [value for letter, value in decides.items() if letter not in found]
    assert not min(others) <= decides[found[0]] <= max(others)


def test_a_question_is_asked_without_its_answer(folder, capsys):
    name = "which_inputs_are_unscaled"
    question = QUESTIONS[name]
    status, out = run(capsys, name)
    assert status == 0
    assert all(words in out for words in (question.title, f"{name}.png", f"{name} LETTER"))
    told = " ".join(out.split())
    assert question.text in told
    assert all(words not in told for words in (question.fault, question.remedy))
    *_, table = (part for part in out.split("\n\n") if "mean |z|" in part)
    assert table.split("\n")[0].split() == list(LETTERS)


def test_a_wrong_answer_does_not_tell_the_right_one(folder, capsys):
    name = "which_inputs_are_unscaled"
    wrong = next(letter for letter in LETTERS if letter != QUESTIONS[name].right(0))
    status, out = run(capsys, name, wrong, "--json")
    assert status == 1
    assert list(json.loads(out)["runs"]) == [wrong]
    _, out = run(capsys, name, wrong)
    assert f"in run {QUESTIONS[name].right(0)}" not in out


@pytest.mark.usefixtures("drawn")
def test_a_picture_has_a_column_for_each_run_and_names_its_axes(folder, capsys):
    name = "which_inputs_are_unscaled"
    run(capsys, name)
    with Image.open(folder / f"{name}.png") as image:
        assert min(image.size) > 400
        assert np.ptp(np.asarray(image.convert("L"))) == 255
    for question in QUESTIONS.values():
        drawn = picture(question, question.by_letter(0))
        assert len(drawn.axes) == len(LETTERS) * len(question.panels)
        assert [p.get_title() for p in drawn.axes[:4]] == [f"run {k}" for k in LETTERS]
        assert all(panel.get_xlabel() for panel in drawn.axes)
        assert all(panel.get_ylabel() for panel in drawn.axes[::4])


def test_a_picture_never_takes_the_place_of_a_file(folder, capsys):
    name = "which_has_dead_units"
    (folder / f"{name}.png").symlink_to("nowhere")
    message = f"{name}.png exists, and stays as it is; answer by: python -m jaxmlp.exercise {name}"
    assert_refused(capsys, "exercise", exercise.main, [name], message)
    assert not (folder / "nowhere").exists()


def test_the_same_seed_gives_the_same_runs_and_another_seed_others():
    question = QUESTIONS["which_inputs_are_unscaled"]
    first, again, other = (question.runs(seed) for seed in (0, 0, 1))
    assert [run.numbers for run in first] == [run.numbers for run in again]
    assert all(map(operator.ne, first[0].numbers.values(), other[0].numbers.values()))
    orders = {tuple(q.order(seed)) for q in QUESTIONS.values() for seed in range(20)}
    assert len(orders) == 24  # all orders come
    assert {q.right(0) for q in QUESTIONS.values()} == set(LETTERS)


def test_questions_follow_the_lessons_that_they_need():
    taught = []
    for task in TASKS.values():
        assert set(task.needs) <= set(taught), task.name
        taught.append(task.name)
        if isinstance(task, Question):
            earlier = [name for name, other in EXERCISES.items() if other.row == task.row]
            assert set(earlier) <= set(taught)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("which_has_dead_units Z", "must be the letter of a run, one of A, B, C, D, got 'Z'"),
        ("which_has_dead_units AB", "must be the letter of a run, one of A, B, C, D, got 'AB'"),
        ("which_has_dead_units file.py", "must be the letter of a run"),
        ("which_has_dead_unit", "did you mean 'which_has_dead_units'?"),
        ("relu_backward B", "FILE must be a file, got 'B'"),
        ("which_has_dead_units --seed -1", "--seed must be from 0 to"),
        ("which_has_dead_units A --seed x", "invalid int value: 'x'"),
        ("relu_backward --seed 1", "--seed applies to questions about runs"),
        ("--seed 1", "--seed applies to a question about runs"),
    ],
)
def test_bad_input(line, message, folder, capsys):
    assert_refused(capsys, "exercise", exercise.main, line.split(), message)
