"""Both ends of what users install are found, tested, and missed loudly."""

import importlib.util
import os
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = {
    "name": "ours",
    "requires-python": ">=3.11",
    "dependencies": ["a>=1.2,<3", "B-c>=4"],
    "optional-dependencies": {"test": ["d>=0.1", "ours[e,f]"], "e": ["e>=5,<6"], "f": ["f>=7.1"]},
}


@pytest.fixture(scope="module")
def ends():
    spec = importlib.util.spec_from_file_location("ends", ROOT / ".ci" / "ends.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(path, text):
    """Write a program for the shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_lowest_versions_are_those_of_all_bounds(ends):
    found = ends.lowest(PROJECT)
    assert found == ["a==1.2", "B-c==4", "d==0.1", "e==5", "f==7.1"]


def test_every_dependency_has_a_lowest_version(ends):
    """Of pyproject.toml itself, those of all its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in project["optional-dependencies"]:
        assert len(ends.lowest(project, extra)) >= len(project["dependencies"])
    found = dict(constraint.split("==") for constraint in ends.lowest(project))
    assert found["jax"] == found["jaxlib"]  # a version of jax brings the jaxlib of that version


@pytest.mark.parametrize("line", ["a", "a<3", "a==1", "a~=1.2"])
def test_a_dependency_without_a_lowest_version_is_refused(ends, line):
    with pytest.raises(SystemExit, match=re.escape(f"must begin with NAME>=VERSION, got '{line}'")):
        ends.lowest({**PROJECT, "dependencies": [line]})


def test_only_pythons_that_answer_are_found(ends, tmp_path):
    """A shim that fails, a version before its release and a script beside them are none."""
    first, second = tmp_path / "first", tmp_path / "second"
    program(first / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    program(first / "python3.14", "echo 3 14 beta")
    program(first / "python3.13-config", "echo 3 13 final")
    right = program(second / "python3.12", "echo 3 12 final")
    other = program(second / "python3.13", "echo 3 13 final")
    program(tmp_path / "third" / "python3.13", "echo 3 13 final")
    found = ends.interpreters([first, second, tmp_path / "third", tmp_path / "none"])
    assert found == {(3, 12): str(right), (3, 13): str(other)}


@pytest.fixture
def made(ends, tmp_path, monkeypatch):
    """A `make` that notes its arguments, and fails where one has the text in the file `fails`."""
    monkeypatch.setattr(ends, "ROOT", tmp_path)
    (tmp_path / "fails").write_text("nothing")
    program(
        tmp_path / "bin" / "make",
        f'cd {tmp_path}; echo "$PIP_CONSTRAINT|$*" >> made\n'
        'if echo "$*" | grep -q "$(cat fails)"; then echo "ERROR: no network" >&2; exit 2; fi\n'
        'venv=$(echo "$1" | cut -d= -f2); mkdir -p $venv/bin; rm -f $venv/bin/python\n'
        f"printf '#!/bin/sh\\necho Python 3.x, jax 0.x\\n' > $venv/bin/python\n"
        "chmod +x $venv/bin/python",
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)
    return tmp_path


OLD, NEW, NEWER = (3, 11), (3, 98), (3, 99)
PATHS = {OLD: "python3.11", NEW: "python3.98", NEWER: "python3.99"}


@pytest.mark.parametrize(
    ("found", "here", "fails", "words"),
    [
        ((OLD, NEW), OLD, "nothing", "oldest passed, newest passed"),
        ((OLD, NEW), OLD, "oldest.*/.installed", "oldest NOT RUN, newest passed"),
        ((OLD, NEW), OLD, "newest.*/.installed", "oldest passed, newest NOT RUN"),
        ((OLD, NEW), OLD, "newest.* test", "oldest passed, newest FAILED"),
        ((OLD, NEW), OLD, "oldest.* test", "oldest FAILED, newest passed"),
        ((OLD, NEW), NEW, "newest", "oldest passed, newest passed"),  # by `make test`
        ((OLD,), OLD, "nothing", "oldest passed, newest NOT RUN"),
        ((NEW,), OLD, "nothing", "oldest NOT RUN, newest passed"),
        ((OLD, NEW, NEWER), OLD, "3.99", "oldest passed, newest NOT RUN, newest passed"),
        ((), OLD, "nothing", "oldest NOT RUN, newest NOT RUN"),
    ],
)
def test_what_becomes_of_each_end(ends, made, found, here, fails, words):
    """An end that cannot be installed is not run; of newer Pythons the next newest is taken."""
    (made / "fails").write_text(fails)
    paths = {version: PATHS[version] for version in found}
    outcomes = ends.run_ends(paths, here, PROJECT, "tests/nn")
    assert ", ".join(f"{o.end} {o.word}" for o in outcomes) == words


def test_an_end_has_its_own_environment_constraints_and_tests(ends, made):
    paths = {OLD: "python3.11", NEW: "python3.98"}
    oldest, newest = ends.run_ends(paths, OLD, PROJECT, "tests/nn")
    old, new = ".venv-oldest-python3.11", ".venv-newest-python3.98"
    assert (made / "made").read_text().splitlines() == [
        f"build/oldest.txt|VENV={old} PYTHON=python3.11 {old}/.installed-test",
        f"build/oldest.txt|VENV={old} PYTHON=python3.11 test "
        "ARGS=-W ignore::DeprecationWarning tests/nn",
        f"|VENV={new} PYTHON=python3.98 {new}/.installed-test",
        f"|VENV={new} PYTHON=python3.98 test ARGS=tests/nn",
    ]
    assert (made / "build" / "oldest.txt").read_text().split() == ends.lowest(PROJECT)
    assert oldest.text == newest.text == "Python 3.x, jax 0.x, 0 s"


def test_why_an_end_cannot_be_installed_is_said(ends, made, capfd):
    (made / "fails").write_text("newest")
    _, newest = ends.run_ends({OLD: "python3.11", NEW: "python3.98"}, OLD, PROJECT, "")
    assert newest.text == "the packages of python3.98 cannot be installed: ERROR: no network"
    assert "ERROR: no network" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "loud", "status", "strict"),
    [
        ("passed passed", "", 0, 0),
        ("passed NOT_RUN", " THE NEWEST END WAS NOT TESTED ", 0, 1),
        ("NOT_RUN passed", " THE OLDEST END WAS NOT TESTED ", 0, 1),
        ("NOT_RUN NOT_RUN", " THE NEWEST AND THE OLDEST END WAS NOT TESTED ", 0, 1),
        ("FAILED passed", "", 1, 1),
        ("passed FAILED", "", 1, 1),
        ("NOT_RUN FAILED", " THE OLDEST END WAS NOT TESTED ", 1, 1),
    ],
)
def test_the_last_line_is_loud_and_the_status_tells(
    ends, monkeypatch, capsys, words, loud, status, strict
):
    """A missing end is loud and no failure, unless both were asked for; a failed one is one."""
    found = [
        ends.Outcome(end, word.replace("_", " "), "why")
        for end, word in zip(("oldest", "newest"), words.split(), strict=True)
    ]
    asked = []
    monkeypatch.setattr(ends, "interpreters", lambda folders: {})
    monkeypatch.setattr(ends, "run_ends", lambda *given: asked.append(given[-1]) or found)
    assert [ends.main([]), ends.main(["--both"])] == [status, strict]
    assert asked == [" ".join(ends.SELECTION), ""]
    assert (loud or "=" * 100) in capsys.readouterr().out.splitlines()[-1]


def test_what_is_selected_is_there(ends):
    for name in ends.SELECTION:
        assert (ROOT / name).exists(), name
