"""Several processes train the network that one trains, end together, and refuse what differs.

Real processes on this machine, each with a hard limit of time. Where one ends alone, the others say
so in one line.
"""

import json
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import jaxmlp
from jaxmlp import train
from jaxmlp.errors import InputError
from jaxmlp.training.processes import (
    LOST,
    Meeting,
    any_process,
    check_alike,
    on_first,
    told,
    told_number,
)

LIMIT = 120  # seconds for all processes of a run
LOSS = 60  # seconds until a process ends that has lost another
BASE = ["--dataset", "digits", "--hidden", "16", "--batch-size", "90", "--precision", "float64"]
PROG = "python -m jaxmlp.train: "
STARTED = "from jaxmlp import train; from jaxmlp.cli.process import run_process;"
OTHER_VERSION = f"from jaxmlp.runs import environment as e; e.__version__ = '9.9'; {STARTED}"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def begin(many, words, only=range(64), more=None, code=STARTED, codes=None):
    """Start processes of a run; `more` and `code` are options and program of the last one.

    `codes` are the programs of all.
    """
    meeting = ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", str(many)]
    begun = []
    for i in [i for i in range(many) if i in only]:
        last = i == many - 1
        line = [*words, "--quiet", *meeting, "--process", str(i), *((more or []) if last else [])]
        own = codes[i] if codes else code if last else STARTED
        program = f"{own} run_process(lambda: train.main({line!r}))"
        line = [sys.executable, "-c", program]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        begun.append(subprocess.Popen(line, **pipes))
    return begun


def ended(processes, limit=LIMIT):
    """Return the exit status and the errors of each process, none of which may stay."""
    until = time.monotonic() + limit
    found = []
    try:
        for process in processes:
            _, errors = process.communicate(timeout=max(1, until - time.monotonic()))
            found.append((process.returncode, errors))
    finally:
        for process in processes:
            process.kill()
    return found


def train_long(folder, many=2):
    """Start a run that does not end by itself, and wait until it has trained some epochs."""
    processes = begin(
        many, [*BASE, "--epochs", "100000", "--schedule", "constant", "--out", str(folder)]
    )
    until = time.monotonic() + LIMIT
    while not (folder / "metrics.jsonl").exists() or not (folder / "metrics.jsonl").stat().st_size:
        if time.monotonic() > until or any(p.poll() is not None for p in processes):
            raise AssertionError(ended(processes, 5))
        time.sleep(0.1)
    return processes


def interrupted(folder, many):
    """Let processes go on with a run, and end the first of them once there are more epochs."""
    before = len((folder / "metrics.jsonl").read_text().splitlines())
    processes, until = begin(many, ["--resume", str(folder)]), time.monotonic() + LIMIT
    while len((folder / "metrics.jsonl").read_text().splitlines()) <= before:
        if time.monotonic() > until or any(p.poll() is not None for p in processes):
            raise AssertionError(ended(processes, 5))
        time.sleep(0.2)
    processes[0].send_signal(signal.SIGINT)
    return processes


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The run of one process."""
    out = tmp_path_factory.mktemp("alone") / "run"
    assert train.main([*BASE, "--epochs", "2", "--quiet", "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize(("many", "more"), [(2, ["--shard-parameters"]), (4, [])])
def test_processes_train_what_one_trains(alone, tmp_path, many, more):
    """Parameters to 1e-12, metrics, and the files of the run, which the first alone writes."""
    out = tmp_path / "run"
    words = [*BASE, "--epochs", "2", "--out", str(out), *more]
    assert ended(begin(many, words)) == [(0, "")] * many
    first, other = (jax.tree.leaves(jaxmlp.load(run).params) for run in (alone, out))
    for a, b in zip(first, other, strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-12)
    summaries = [json.loads((run / "summary.json").read_text()) for run in (alone, out)]
    assert [(s["processes"], s["devices"]) for s in summaries] == [(1, 1), (many, many)]
    for name in ("test_loss", "test_accuracy", "best_epoch"):
        np.testing.assert_allclose(summaries[1][name], summaries[0][name], rtol=1e-10)
    assert {f.name for f in out.iterdir()} == {f.name for f in alone.iterdir()}
    assert (out / "config.json").read_text() == (alone / "config.json").read_text()


@pytest.mark.parametrize("killed", [0, 1])
def test_when_a_process_is_killed_the_other_says_so_and_the_run_goes_on(tmp_path, killed):
    folder = tmp_path / "run"
    processes = train_long(folder)
    processes[killed].kill()
    ((status, errors),) = ended([processes[1 - killed]], LOSS)
    processes[killed].communicate()
    if killed:
        assert (status, errors.count("\n")) == (1, 1)
        assert errors.startswith(f"{PROG}{LOST}: ")
    else:  # JAX itself watches the first process, and has words and a status of its own
        assert status in (1, -signal.SIGABRT)
        assert LOST in errors or "JAX distributed service detected fatal errors" in errors
    assert ended(interrupted(folder, 1)) == [(130, "")]


def test_a_signal_to_one_process_ends_all_of_them_in_order(tmp_path):
    """Two go on where two were left."""
    folder = tmp_path / "run"
    processes = train_long(folder)
    processes[1].send_signal(signal.SIGINT)
    assert ended(processes) == [(130, "")] * 2
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["interrupted"]
    assert ended(interrupted(folder, 2)) == [(130, "")] * 2


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--epochs", "7"], STARTED, "another configuration than process 0: epochs is 7, there 2"),
        ([], OTHER_VERSION, "another version than process 0: jaxmlp is '9.9', there"),
        (["--dataset", "iris"], STARTED, "another data set than process 0: checksum is"),
        (["--task", "regression"], STARTED, "another configuration than process 0: task is"),
    ],
    ids=["epochs", "version", "data", "task"],
)
def test_a_process_that_differs_is_refused_by_all(tmp_path, more, code, words):
    line = [*BASE, "--epochs", "2", "--out", str(tmp_path / "run")]
    for status, errors in ended(begin(2, line, more=more, code=code)):
        assert status == 2
        assert f"{PROG}error: process 1 has {words}" in errors
        assert errors.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_that_the_first_process_cannot_use_ends_all(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    line = [*BASE, "--epochs", "2", "--out", str(tmp_path / "run")]
    for status, errors in ended(begin(2, line)):
        assert status == 2
        assert "is not empty" in errors
        assert errors.count("\n") == 1


@pytest.mark.parametrize("only", [0, 1])
def test_a_coordinator_that_does_not_answer_is_one_line_after_half_a_minute(tmp_path, only):
    began = time.monotonic()
    line = [*BASE, "--out", str(tmp_path / "run")]
    ((status, errors),) = ended(begin(2, line, only=[only]))
    assert status == 2
    assert f"{PROG}error: the processes have not met at coordinator 127.0.0.1:" in errors
    assert errors.endswith(" within 30 seconds\n")
    assert errors.count("\n") == 1
    assert 28 < time.monotonic() - began < 50


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--processes", "2"], "--processes needs --coordinator: the three belong together"),
        (["--coordinator", "a:1", "--process", "0"], "--coordinator needs --processes"),
        (["--distributed", "--processes", "2"], "--distributed does not apply with --coordinator"),
        (
            ["--coordinator", "here", "--processes", "2", "--process", "0"],
            "coordinator must be HOST:PORT, got 'here'",
        ),
        (
            ["--coordinator", "a:99999", "--processes", "2", "--process", "0"],
            "coordinator must be HOST:PORT, got 'a:99999'",
        ),
        (
            ["--coordinator", "a:1", "--processes", "2", "--process", "2"],
            "process must be from 0 to 1, got 2",
        ),
        (
            ["--coordinator", "a:1", "--processes", "0", "--process", "0"],
            "processes must be at least 1, got 0",
        ),
    ],
)
def test_options_that_cannot_be_are_one_line(tmp_path, capsys, words, said):
    assert train.main([*BASE, "--out", str(tmp_path / "run"), *words]) == 2
    assert f"error: {said}" in capsys.readouterr().err


def test_a_process_by_itself_agrees_with_itself():
    assert told(lambda: b"said") == b"said"
    assert told_number(3) == 3
    assert [any_process(here) for here in (True, False)] == [True, False]
    assert on_first(lambda: 7) == 7
    check_alike({"a": 1}, "configuration")
    with pytest.raises(InputError, match="the three belong together"):
        Meeting(processes=2).check()
