"""Output folders appear whole, nothing of a killed process stays, nothing of a user is deleted."""

import json
import os
import signal
import subprocess
import sys

import pytest

from jaxmlp.errors import InputError
from jaxmlp.files import new_folder
from jaxmlp.runs.output import Kind, delete_made, held_output, new_output, remove_abandoned

KIND = Kind(
    "run",
    "config.json",
    (
        *(r"data\.bin", r"curves\.png", r"config\.json"),
        *(r"evaluation/(test|train)\.png", r"runs/\d+/data\.bin"),
    ),
)
MAKE = """
import os, signal, sys
from pathlib import Path
from jaxmlp.runs.output import Kind, new_output
path, kind = Path(sys.argv[1]), Kind(*eval(sys.argv[2]))
content, left = sys.argv[3], int(sys.argv[4])

def die_at_the_last(event, arguments):
    global left
    writes = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "fcntl.flock")
    if writes or (event == "open" and str(arguments[0]).startswith(str(path.parent))):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die_at_the_last)
with new_output(path, kind, content, overwrite=True):
    pass
"""


def make_and_die(path, content, events):
    """Make an output folder in a process that is killed after some changes of files."""
    line = [sys.executable, "-c", MAKE, str(path), repr(tuple(KIND)), content, str(events)]
    return subprocess.run(line, check=False).returncode


def hidden(folder):
    return [file.name for file in folder.rglob(".*")]


def test_a_process_killed_at_any_instant_leaves_no_folder_or_a_whole_one(tmp_path):
    """And the next one removes what it left half-made."""
    seen = set()
    for events in range(100):
        path = tmp_path / str(events) / "run"
        path.parent.mkdir()
        status = make_and_die(path, "new", events)
        seen.add((path.exists(), bool(hidden(path.parent))))
        if path.exists():
            assert json.loads((path / "config.json").read_text()) == "new"
            with held_output(path, KIND):
                pass
        else:
            with new_output(path, KIND, "again", overwrite=False):
                pass
        assert [entry.name for entry in path.parent.iterdir()] == ["run"]
        assert [entry.name for entry in path.iterdir()] == ["config.json"]
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert status == 0
    assert {(False, False), (False, True), (True, False)} <= seen


def fill(path):
    """Make a run with all that it can have."""
    with new_output(path, KIND, "old", overwrite=False):
        pass
    for name in ("data.bin", "curves.png", "evaluation/test.png", "runs/3/data.bin"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("old")
    return path


def test_a_process_killed_while_it_overwrites_leaves_a_run(tmp_path):
    """What could be continued goes first, and the configuration is replaced at the end."""
    for events in range(100):
        path = fill(tmp_path / str(events) / "run")
        status = make_and_die(path, "new", events)
        config = json.loads((path / "config.json").read_text())
        assert config in ("old", "new")
        if config == "new":
            assert not (path / "data.bin").exists()
            assert not (path / "runs").exists()
        with new_output(path, KIND, "again", overwrite=True):
            pass
        assert [entry.name for entry in path.iterdir()] == ["config.json"]
        if status == 0:
            break
    assert status == 0
    assert config == "new"


def test_what_a_living_process_is_making_stays(tmp_path):
    with new_folder(tmp_path / "run", lambda made: None):
        pass

    def look(made):
        (made / "config.json").write_text("half")
        remove_abandoned(tmp_path / "run", KIND)
        assert (made / "config.json").exists()

    (tmp_path / "run").rmdir()
    with new_folder(tmp_path / "run", look):
        assert (tmp_path / "run" / "config.json").exists()


def test_a_folder_that_cannot_be_filled_leaves_nothing(tmp_path):
    def fail(made):
        (made / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), new_folder(tmp_path / "run", fail):
        pass
    assert not list(tmp_path.iterdir())


def test_temporary_files_of_others_stay(tmp_path):
    path = fill(tmp_path / "run")
    for name in (
        ".config.json.swp",
        ".config.json.20261126",
        ".notes.txt.ab12cd34.unfinished",
        "evaluation/.mine.png.ab12cd34.unfinished",
    ):
        (path / name).write_text("a user's")
    (tmp_path / ".other.ab12cd34.unfinished").mkdir()
    ours = (
        ".data.bin.ab12cd34.unfinished",
        "evaluation/.test.png.00000000.unfinished",
        "runs/3/.data.bin.________.unfinished",
    )
    for name in ours:
        (path / name).write_text("torn")
    (tmp_path / ".run.ab12cd34.unfinished").mkdir()
    (tmp_path / ".run.ab12cd34.unfinished" / "config.json").write_text("half")
    (path / "runs" / ".4.ab12cd34.unfinished").mkdir()
    (path / "runs" / ".4.ab12cd34.unfinished" / "data.bin").write_text("half")
    with held_output(path, KIND):
        pass
    left = {
        ".config.json.swp",
        ".config.json.20261126",
        ".notes.txt.ab12cd34.unfinished",
        ".mine.png.ab12cd34.unfinished",
        ".other.ab12cd34.unfinished",
    }
    assert set(hidden(tmp_path)) == left


@pytest.mark.parametrize(
    "mine", ["evaluation/notes.txt", "runs/3/notes.txt", "runs/best/data.bin", "data.bin/notes.txt"]
)
def test_a_file_of_a_user_is_never_overwritten(tmp_path, mine):
    path = fill(tmp_path / "run")
    if mine.startswith("data.bin"):
        (path / "data.bin").unlink()
    (path / mine).parent.mkdir(parents=True, exist_ok=True)
    (path / mine).write_text("years of work")
    before = sorted(path.rglob("*"))
    with (
        pytest.raises(InputError, match=r"is not overwritten: it holds .*, which is not part of"),
        new_output(path, KIND, "new", overwrite=True),
    ):
        pass
    assert sorted(path.rglob("*")) == before
    delete_made(path, KIND)
    assert (path / mine).read_text() == "years of work"


def test_what_a_system_leaves_is_in_nobody_s_way(tmp_path):
    """A folder that somebody looked into is deleted and overwritten like any other."""
    path = fill(tmp_path / "run")
    for name in (".DS_Store", "runs/3/.DS_Store", "evaluation/Thumbs.db", "desktop.ini"):
        (path / name).write_text("mine too")
    delete_made(path / "runs" / "3", KIND, role="runs/3/")
    assert not (path / "runs" / "3").exists()
    with new_output(path, KIND, "new", overwrite=True):
        pass
    assert [entry.name for entry in path.iterdir()] == ["config.json"]


def test_no_link_is_followed(tmp_path):
    """A link in the place of a file or folder of ours is deleted, not what it points to."""
    path, mine = fill(tmp_path / "run"), fill(tmp_path / "mine")
    before = sorted(mine.rglob("*"))
    for name in ("data.bin", "evaluation", "runs/3"):
        (path / name).rename(tmp_path / f"moved-{os.path.basename(name)}")
        (path / name).symlink_to(mine / name)
    with new_output(path, KIND, "new", overwrite=True):
        pass
    assert [entry.name for entry in path.iterdir()] == ["config.json"]
    (tmp_path / "link").symlink_to(mine)
    with (
        pytest.raises(InputError, match="is a link; not overwritten"),
        new_output(tmp_path / "link", KIND, "new", overwrite=True),
    ):
        pass
    assert sorted(mine.rglob("*")) == before


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with new_output(tmp_path, KIND, "new", overwrite=False):
        assert os.listdir() == ["config.json"]
    with (
        pytest.raises(InputError, match="is not empty; replace the run with --overwrite"),
        new_output(tmp_path, KIND, "new", overwrite=False),
    ):
        pass
