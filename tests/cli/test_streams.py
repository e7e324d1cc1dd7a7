"""Whatever the terminal can show and whoever reads, a command does its work and ends well."""

import json
import subprocess
import sys

import pytest

from tests.helpers import command

TRAIN = ["jaxmlp.train", "--dataset", "xor", "--epochs", "40", "--out"]


def shell(line, **settings):
    """Run a line of a shell, in which `$PY` is Python."""
    line = line.replace("$PY", sys.executable)
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, **settings
    )


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">/dev/full", "standard output cannot be written: No space left on device\n"),
        (">&- 2>&- <&-", ""),
        ("2>/dev/full", ""),
        ("| head -1; exit ${PIPESTATUS[0]}", ""),
    ],
)
def test_training_goes_on_without_an_output(tmp_path, redirection, said):
    done = shell(f"$PY -m {' '.join(TRAIN)} {tmp_path}/run {redirection}")
    assert (done.returncode, done.stderr) == (0, said)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["epochs"] == 40


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("jaxmlp --help >/dev/full", 1),
        ("jaxmlp.evaluate --help | head -1; exit ${PIPESTATUS[0]}", 0),
        ("jaxmlp.sweep --help >&-", 0),
        ("jaxmlp.explain --gates >/dev/full", 1),
        ("jaxmlp.explain --gates | head -1; exit ${PIPESTATUS[0]}", 0),
        ("jaxmlp.predict nowhere x.npy 2>/dev/full", 2),
        ("jaxmlp.train --epochs 2>&-", 2),
    ],
)
def test_the_status_says_whether_the_answers_came_out(line, status):
    """A reader that leaves has seen enough; a full disk loses what was to be read."""
    done = shell(f"$PY -m {line}")
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-8:surrogateescape"])
def test_letters_that_the_encoding_lacks_are_escaped(odd_run, encoding):
    run, _ = odd_run
    done = command("jaxmlp.evaluate", run, env={"PYTHONIOENCODING": encoding}, errors="replace")
    assert (done.returncode, done.stderr) == (0, "")
    name = {"ascii": r"Gr\xf6\xdfe \xb1", "latin-1": "Gr��e �"}.get(encoding, "Größe ±")
    assert name in done.stdout
    assert ("日本" if "utf" in encoding else r"\u65e5\u672c") in done.stdout
