"""The folder of a run: held by one process at a time, and nothing of a user's is deleted in it."""

import errno
import subprocess
import sys
import time

import pytest

from jaxmlp import train
from jaxmlp.errors import InputError
from jaxmlp.files import locked_folder
from jaxmlp.runs.folder import Run

pytestmark = pytest.mark.usefixtures("compile_quickly")

QUICK = ["--dataset", "xor", "--hidden", "--epochs", "2", "--quiet"]


@pytest.fixture
def busy(tmp_path):
    """A run in which another process trains, without an end."""
    path = tmp_path / "busy"
    line = ["--dataset", "digits", "--hidden", "8", "--epochs", "1000000", "--out", str(path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "jaxmlp.train", *line, "--quiet"], stderr=subprocess.DEVNULL
    )
    limit = time.monotonic() + 60
    while not (path / "checkpoint.safetensors").exists():
        assert time.monotonic() < limit
        time.sleep(0.05)
    yield path, process
    process.kill()
    process.wait()


def test_a_folder_in_which_a_process_trains_is_refused(busy, capsys):
    """The lock ends with the process, even if it is killed."""
    path, process = busy
    for line in (["--resume", str(path)], [*QUICK, "--overwrite", "--out", str(path)]):
        assert train.main(line) == 2
        assert f"another process is at work in {path}" in capsys.readouterr().err
    assert process.poll() is None
    process.kill()
    process.wait()
    assert train.main([*QUICK, "--overwrite", "--out", str(path)]) == 0
    assert Run.open(path).config.dataset == "xor"


def test_a_lock_is_given_back(tmp_path):
    for _ in range(2):
        with locked_folder(tmp_path), pytest.raises(InputError), locked_folder(tmp_path):
            pass


def test_what_a_killed_process_left_half_written_is_removed(digits_copy, tmp_path):
    torn = digits_copy / ".checkpoint.safetensors.ab12cd_9.unfinished"
    torn.write_bytes(b"torn")
    assert train.main(["--resume", str(digits_copy), "--quiet"]) == 0
    assert not torn.exists()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".config.json.x9x9x9x9.unfinished").write_text(
        "{"
    )  # killed before the first file
    assert train.main([*QUICK, "--out", str(tmp_path / "new")]) == 0
    assert not list((tmp_path / "new").glob(".*"))
    ours = tmp_path / "new" / ".config.json.swp"  # an editor's
    ours.write_text("a user's")
    assert train.main(["--resume", str(tmp_path / "new"), "--quiet"]) == 0
    assert ours.exists()


def test_without_locks_on_folders_a_run_is_trained_all_the_same(tmp_path, monkeypatch):
    """As on some network file systems."""

    def refuse(handle, operation):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("fcntl.flock", refuse)
    assert train.main([*QUICK, "--out", str(tmp_path / "run")]) == 0


def test_nothing_is_deleted_through_a_link(digits_copy, tmp_path, capsys):
    (tmp_path / "link").symlink_to(digits_copy)
    assert train.main([*QUICK, "--overwrite", "--out", str(tmp_path / "link")]) == 2
    assert "is a link; not overwritten" in capsys.readouterr().err
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    (digits_copy / "evaluation").symlink_to(mine)
    assert train.main([*QUICK, "--overwrite", "--out", str(digits_copy)]) == 0
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_the_current_folder_can_hold_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert train.main([*QUICK, "--overwrite", "--out", "."]) == 0
    assert (tmp_path / "model.safetensors").exists()
