"""`python -m jaxmlp.exercise` as it is used: holes, files of every kind, JSON and exit status."""

import ast
import json
import os
import time

import pytest

from jaxmlp.exercise import __main__ as exercise
from jaxmlp.exercise import child
from jaxmlp.exercise.catalogue import EXERCISES, TASKS
from jaxmlp.exercise.hole import hole
from tests.exercise.solutions import SOLUTIONS
from tests.helpers import assert_refused, command

pytestmark = pytest.mark.usefixtures("compile_quickly")

NAME = "relu_backward"
RIGHT = f"import numpy as np\n{SOLUTIONS[NAME]}"


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


def test_the_list_has_a_line_for_each_exercise(capsys):
    status, out = run(capsys)
    assert status == 0
    lines = [line.split(maxsplit=2) for line in out.splitlines()]
    assert [(row, name) for row, name, _ in lines] == [(t.row, t.name) for t in TASKS.values()]
    assert max(map(len, out.splitlines())) <= 120
    status, out = run(capsys, "--json")
    assert [row["name"] for row in json.loads(out)] == list(TASKS)


@pytest.mark.parametrize("name", EXERCISES)
def test_a_hole_holds_the_task_and_fails_as_delivered(name, tmp_path):
    """It parses, names every argument, result and row, computes nothing and raises."""
    task = EXERCISES[name]
    text = hole(task, "python -m jaxmlp.exercise")
    assert max(map(len, text.splitlines())) <= 110
    module = ast.parse(text)
    _, _, function = module.body
    assert [argument.arg for argument in function.args.args] == list(task.arguments)
    assert [type(node) for node in function.body] == [ast.Expr, ast.Raise]
    for word in (*task.arguments, *task.results, f"row {task.row}", task.title, "Hint:"):
        assert word in text
    file = tmp_path / f"{name}.py"
    file.write_text(text)
    answers = child.answers(str(file), name, list(task.results), task.cases())
    line = len(text.splitlines())
    assert answers == {
        "error": f"NotImplementedError: the hole in {name} is not filled (line {line})"
    }


def test_a_hole_is_written_and_never_over_a_file(folder, capsys):
    assert run(capsys, NAME) == (0, f"{NAME}.py\n")
    delivered = (folder / f"{NAME}.py").read_text()
    (folder / f"{NAME}.py").write_text("mine")
    message = f"{NAME}.py exists, and stays as it is"
    assert_refused(capsys, "exercise", exercise.main, [NAME], message)
    assert (folder / f"{NAME}.py").read_text() == "mine"
    (folder / "link.py").symlink_to("nowhere")
    (folder / f"{NAME}.py").unlink()
    (folder / f"{NAME}.py").symlink_to("nowhere")  # a link counts as a file
    assert_refused(capsys, "exercise", exercise.main, [NAME], message)
    assert not (folder / "nowhere").exists()
    (folder / f"{NAME}.py").unlink()
    (folder / f"{NAME}.py").write_text(delivered)
    status, out = run(capsys, NAME, f"{NAME}.py")
    assert status == 1
    assert out.startswith(
        f"{NAME}.py: wrong: NotImplementedError: the hole in {NAME} is not filled"
    )


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert_refused(capsys, "exercise", exercise.main, [NAME], f"{NAME}.py cannot be written")


def test_right_and_wrong_files(folder, capsys):
    """The status, the text and the JSON say the same; the solution is not printed."""
    file = folder / "my work"
    file.write_text(RIGHT)
    status, out = run(capsys, NAME, file)
    assert (status, out) == (0, f"{file}: right: dz agrees with jax.grad\n")
    file.write_text(RIGHT.replace("z > 0", "da > 0"))
    status, out = run(capsys, NAME, file)
    says = "the mask is taken from da, must be from z"
    assert (status, out) == (1, f"{file}: wrong\n  dz  {says}\n")
    status, out = run(capsys, NAME, file, "--json")
    assert status == 1
    record = json.loads(out)
    assert record["right"] == 0
    assert record["files"] == [
        {
            "file": str(file),
            "exercise": NAME,
            "row": "B10",
            "passed": False,
            "error": "",
            "results": [{"name": "dz", "right": False, "says": says}],
        }
    ]


HOSTILE = {  # what each file does, and what is said about it
    "relu_backward": ("import time\nwhile True: time.sleep(1)", "did not end within 8 s"),
    "leaky_relu_backward": (
        "def leaky_relu_backward(z, da, a):\n    print('hello')\n    return da",
        "prints 'hello'",
    ),
    "prelu_backward": (
        "while True:\n    try: print('x')\n    except BaseException: break",
        "prints 'x'",
    ),
    "softmax": ("import os; os._exit(0)", "ended its process with exit status 0"),
    "cross_entropy": ("import os; os.kill(os.getpid(), 9)", "ended its process with signal 9"),
    "dense_backward": ("import sys; sys.exit(3)", "does not import: exits"),
    "gates": ("def gates(x, y, z, df)\n    return x", "SyntaxError: expected ':' (line 1)"),
    "he": ("def they(n): return n", "defines no function he"),
    "dropout": ("\x00", "does not import: "),
    "softmax_jacobian": ("import numpy as np\nnp.ones(2**33)", "MemoryError"),
    "momentum": ("input('name?')", "prints 'name?'"),
    "huffman": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=[99]).start()\n"
        "def huffman(q):\n    parts, n = sorted(q), 0\n    while len(parts) > 1:\n"
        "        joined = parts[0] + parts[1]\n        n += joined\n"
        "        parts = sorted([*parts[2:], joined])\n    return n",
        "right: length agrees",
    ),
}


def test_hostile_files_are_told_in_a_line_and_the_others_go_on(tmp_path, capsys):
    """Files that loop, print, exit, kill themselves, ask or cannot be read; and helpers beside."""
    for name, (source, _) in HOSTILE.items():
        (tmp_path / f"{name}.py").write_text(source)
    (tmp_path / "helper.py").write_text("def mask(z): return z > 0")
    (tmp_path / "notes.txt").write_text("no exercise")
    (tmp_path / "max_pooling_backward.py").mkdir()
    (tmp_path / "adagrad.py").write_text("from helper import mask\nadagrad = mask")
    status, out = run(capsys, "--all", tmp_path, "--timeout", 8)
    assert status == 1
    lines = dict(line.split(".py: ", 1) for line in out.splitlines() if ".py: " in line)
    found = {os.path.basename(path): text for path, text in lines.items()}
    for name, (_, words) in HOSTILE.items():
        assert words in found[name], name
    assert "wrong: TypeError: mask() takes 1 positional argument" in found["adagrad"]
    assert out.splitlines()[-1] == f"1 of {len(HOSTILE) + 1} files are right"
    assert list(found) == [name for name in EXERCISES if name in found]


def test_what_a_file_starts_ends_with_it(tmp_path, capsys):
    file, alive = tmp_path / "he.py", tmp_path / "alive"
    started = ["sh", "-c", f"sleep 5; touch '{alive}'"]
    file.write_text(f"import subprocess, time\nsubprocess.Popen({started})\ntime.sleep(99)")
    status, out = run(capsys, "he", file, "--timeout", "2.5")
    assert (status, out) == (1, f"{file}: wrong: did not end within 2.5 s\n")
    time.sleep(4)
    assert not alive.exists()


def test_a_process_of_its_own_as_a_user_runs_it(tmp_path):
    """From a folder of the user's whose files have the names of modules; with `jax.numpy`."""
    (tmp_path / "relu_backward.py").write_text(
        "import jax.numpy as jnp\nfrom jaxmlp import nn\n"
        "def relu_backward(z, da):\n"
        "    return da * nn.activations.relu.derivative(z, jnp.maximum(z, 0))\n"
    )
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong json')")
    done = command("jaxmlp", "exercise", "--all", tmp_path, "--json", cwd=tmp_path.parent)
    assert done.stderr == ""
    assert json.loads(done.stdout)["right"] == 1
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("relu_backwards", "unknown exercise 'relu_backwards', expected one of softmax"),
        ("relu_backwards", "did you mean 'relu_backward'?"),
        ("relu_backward nothing.py", "FILE must be a file, got 'nothing.py'"),
        ("relu_backward .", "FILE must be a file, got '.'"),
        ("--all nowhere", "--all must be a folder, got 'nowhere'"),
        ("--all .", ". holds no file that is named after an exercise"),
        ("relu_backward --all .", "--all checks a whole folder"),
        ("relu_backward --json", "--json does not apply"),
        ("--timeout 0", "--timeout must be a positive number of seconds, got 0"),
        ("--timeout nan", "--timeout must be a positive number of seconds, got nan"),
        ("--timeout inf", "--timeout must be a positive number of seconds, got inf"),
        ("--timeout soon", "invalid float value: 'soon'"),
        ("--exports x", "unknown option --exports"),
    ],
)
def test_bad_input(line, message, folder, capsys):
    assert_refused(capsys, "exercise", exercise.main, line.split(), message)
