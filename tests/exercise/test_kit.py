"""The exercises as notebooks: their form, and that they judge as the command does."""

import copy
import re

import nbformat
import pytest
from nbclient import NotebookClient

from experiments.lectures.rows import ROWS
from jaxmlp.errors import InputError
from jaxmlp.exercise import __main__ as exercise
from jaxmlp.exercise import kit, notebook
from jaxmlp.exercise.catalogue import EXERCISES, QUESTIONS, TASKS
from tests.exercise.mistakes import MISTAKES
from tests.exercise.solutions import SOLUTIONS
from tests.helpers import assert_refused

pytestmark = pytest.mark.usefixtures("compile_quickly")

NAME = "which_rate_is_too_high"


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """The notebooks as the command writes them, by the letter of the deck."""
    folder = tmp_path_factory.mktemp("kit") / "a" / "b"
    assert exercise.main(["--export", str(folder)]) == 0
    paths = sorted(folder.iterdir())
    assert [path.name for path in paths] == [f"exercises_{deck}.ipynb" for deck in "abcde"]
    return {path.stem[-1].upper(): nbformat.read(path, 4) for path in paths}


def of_kind(cells, kind):
    return {
        cell.metadata.nbgrader.grade_id: cell
        for cell in cells
        if cell.metadata.get("nbgrader", {}).get(kind)
    }


def all_cells(notebooks):
    return [cell for made in notebooks.values() for cell in made.cells]


def test_each_notebook_is_valid_and_holds_the_exercises_of_its_deck(notebooks):
    for deck, made in notebooks.items():
        nbformat.validate(made)
        names = [name for name, task in TASKS.items() if task.row[0] == deck]
        assert list(of_kind(made.cells, "solution")) == names
        assert list(of_kind(made.cells, "grade")) == [f"{name}-tests" for name in names]
        assert not any(cell.get("outputs") for cell in made.cells)
    assert {task.row for task in TASKS.values()} <= set(ROWS)


def test_the_cells_have_the_metadata_of_nbgrader(notebooks):
    """Students change the cells with holes only; points stand where tests are."""
    cells = all_cells(notebooks)
    for grades, kind in ((False, "solution"), (True, "grade")):
        for cell in of_kind(cells, kind).values():
            data = cell.metadata.nbgrader
            assert (data.schema_version, data.task, data.locked) == (3, False, grades)
            assert (data.grade, data.solution) == (grades, not grades)
            assert ("points" in data) == grades
            mark = "HIDDEN TESTS" if grades else "SOLUTION"
            assert cell.id == data.grade_id
            assert [cell.source.count(f"### {end} {mark}") for end in ("BEGIN", "END")] == [1, 1]


def test_what_is_no_hole_is_locked(notebooks):
    """The imports, the cells that train, and the tests: nbgrader puts them back."""
    for cell in all_cells(notebooks):
        if cell.cell_type == "code":
            data = cell.metadata.nbgrader
            assert data.locked == (not data.solution)
            assert data.grade or data.solution or re.search("import|notebook.show", cell.source)


def test_no_solution_is_written(notebooks):
    """Between the markers of a hole is one line, which raises."""
    for name, cell in of_kind(all_cells(notebooks), "solution").items():
        hole = re.search("### BEGIN SOLUTION\n(.*)\n *### END SOLUTION", cell.source, re.DOTALL)
        line = hole[1].strip()
        assert line.startswith('raise NotImplementedError("')
        assert "\n" not in line
        if name in EXERCISES:
            text = "".join(cell.source.split())
            for statement in SOLUTIONS[name].strip().splitlines()[1:]:
                assert "".join(statement.split()) not in text
        else:
            assert QUESTIONS[name].right(0) not in line.replace("NotImplementedError", "")


def executed(cells, client):
    """Run cells in the client's kernel; return what each graded cell ended with."""
    copied = [copy.deepcopy(cell) for cell in cells]
    for number, cell in enumerate(copied):
        cell.id = f"cell-{number}"  # those of several notebooks stand in one
    client.nb = nbformat.v4.new_notebook(cells=copied)
    for number, cell in enumerate(client.nb.cells):
        if cell.cell_type == "code":
            client.execute_cell(cell, number)
    return {name: outcome(cell) for name, cell in of_kind(client.nb.cells, "grade").items()}


def outcome(cell):
    """Return what a cell printed, and the error that it ended with, "" for none."""
    printed = "".join(out.text for out in cell.outputs if out.output_type == "stream")
    errors = [out for out in cell.outputs if out.output_type == "error"]
    return printed, f"{errors[0].ename}: {errors[0].evalue}" if errors else ""


def test_notebooks_judge_as_the_command_does(notebooks, monkeypatch):
    """Graded cells fail with holes and mistakes, and pass with right solutions."""
    monkeypatch.setenv(
        "JAX_DISABLE_MOST_OPTIMIZATIONS", "1"
    )  # the kernel compiles in half the time
    # to train the runs of all questions would take long; `test_questions` does so
    cells = [cell for cell in all_cells(notebooks) if "notebook.show" not in cell.source]
    client = NotebookClient(nbformat.v4.new_notebook(), timeout=300, allow_errors=True)
    with client.setup_kernel():
        found = executed(cells, client)
        assert len(found) == len(TASKS)
        for name, (_, error) in found.items():
            words = (
                "is not filled" if name.removesuffix("-tests") in EXERCISES else "is not defined"
            )
            assert words in error, name
        holes = of_kind(cells, "solution")
        for name, cell in holes.items():
            cell.source = SOLUTIONS.get(name) or f'{name} = "{TASKS[name].right(0)}"'
        found = executed(cells, client)
        for name, (printed, error) in found.items():
            assert not error, error
            name = name.removesuffix("-tests")
            right = f"{name}: right: " if name in EXERCISES else f"{TASKS[name].right(0)}: right"
            assert right in printed
        old, new, words = MISTAKES["dense_backward"][0]
        holes["dense_backward"].source = SOLUTIONS["dense_backward"].replace(old, new)
        letters = set("ABCD") - {QUESTIONS["which_has_dead_units"].right(0)}
        holes["which_has_dead_units"].source = f'which_has_dead_units = "{min(letters)}"'
        found = executed(notebooks_of(notebooks, "B"), client)
    assert words in found["dense_backward-tests"][1]
    assert "wrong: this run is healthy" in found["which_has_dead_units-tests"][1]
    assert "AssertionError" in found["which_has_dead_units-tests"][1]


def notebooks_of(notebooks, deck):
    kept = ("imports", "dense_backward", "which_has_dead_units")
    cells = notebooks[deck].cells
    return [c for c in cells if c.id.startswith(kept) and "notebook.show" not in c.source]


def softmax(z):
    print("hello")
    return z


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: notebook.judge("softmax", softmax), AssertionError, "wrong: prints 'hello'"),
        (lambda: notebook.example("softmax", softmax), AssertionError, "wrong: prints 'hello'"),
        (lambda: notebook.judge("softmax", lambda z: z), AssertionError, "p  .*entries differ"),
        (lambda: notebook.judge("softmax", 3), InputError, "softmax must be a function, got 3"),
        (lambda: notebook.example("softmax", 3), InputError, "softmax must be a function, got 3"),
        (lambda: notebook.judge("softmaks", softmax), InputError, "did you mean 'softmax'"),
        (lambda: notebook.example("softmaks", softmax), InputError, "did you mean 'softmax'"),
        (lambda: notebook.show("which_rate"), InputError, "unknown question 'which_rate'"),
        (lambda: notebook.answer("which_rate", "A"), InputError, "unknown question 'which_rate'"),
        (lambda: notebook.answer(NAME, "Z"), InputError, "must be the letter of a run"),
        (lambda: notebook.answer(NAME, "D"), AssertionError, "D: wrong: this run is healthy"),
    ],
)
def test_what_a_cell_says_of_a_wrong_answer(call, error, message):
    """In the words of the command, also where a function prints."""
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_no_notebook_takes_the_place_of_a_file(tmp_path, capsys, kind):
    taken = tmp_path / "exercises_c.ipynb"
    taken.write_text("mine") if kind == "file" else taken.symlink_to("nowhere")
    message = f"{taken} exists, and stays as it is"
    assert_refused(capsys, "exercise", exercise.main, ["--export", str(tmp_path)], message)
    assert [*tmp_path.iterdir()] == [taken]


def test_two_exports_write_the_same_bytes(tmp_path):
    paths = kit.export(tmp_path / "one") + kit.export(tmp_path / "two")
    for first, second in zip(paths[:5], paths[5:], strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_a_missing_nbformat_names_the_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("jaxmlp.cli.extras.find_spec", lambda name: None)
    message = "--export needs the package nbformat, which is not installed; try: pip install"
    line = ["--export", str(tmp_path / "x")]
    assert_refused(capsys, "exercise", exercise.main, line, f"{message} 'jaxmlp[notebooks]'")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("softmax --export {}", "--export writes all, so softmax does not apply to it"),
        ("--export {} --all {}", "--all and --export do not apply together"),
        ("--export {} --json", "--json does not apply to --export"),
        ("--export {} --seed 3", "--seed applies to a question about runs"),
        ("--export {}/file/kit", "kit cannot be made: Not a directory"),
    ],
)
def test_bad_input(line, message, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert_refused(
        capsys, "exercise", exercise.main, line.format(tmp_path, tmp_path).split(), message
    )
