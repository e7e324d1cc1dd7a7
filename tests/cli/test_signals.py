"""Ctrl-C and SIGTERM end a command in order, from its first moments on."""

import gc
import signal
import subprocess
import sys
import time

import pytest

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
TRAIN = ["jaxmlp.train", "--dataset", "digits", "--epochs", "100000", "--hidden", "64"]
FIRST = 0.6  # seconds until Python has surely started, also on a busy machine


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("seconds", [FIRST, 1.5, 2.5])
def test_a_signal_while_the_start_imports_loads_or_compiles(tmp_path, number, seconds):
    line = [sys.executable, "-m", *TRAIN, "--out", str(tmp_path / "run")]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == STATUS[number]
    # either training had begun, and it stopped after a step and saved, or it had not
    saved = "continue with --resume" in out
    assert err == ("" if saved else "python -m jaxmlp.train: interrupted\n")


SWALLOWS = """
import gc, os, signal, sys, time
from jaxmlp.cli.parser import run_command
from jaxmlp.cli.process import run_process

def main(arguments):
    gc.callbacks.append(lambda phase, info: phase == "stop" and os.kill(os.getpid(), {number}))
    gc.collect()
    gc.callbacks.clear()
    time.sleep(20)
    return 0

run_process(lambda: run_command(main, "name", []))
"""


@pytest.mark.parametrize("number", STATUS)
def test_a_signal_that_python_drops_comes_again(number):
    """Python drops exceptions of callbacks of the garbage collector."""
    assert gc.callbacks  # such as one of JAX
    line = [sys.executable, "-c", SWALLOWS.format(number=int(number))]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (STATUS[number], "name: interrupted\n")


STILL_IMPORTS = """
import sys, time, types
from jaxmlp.cli import process

def load(name):
    time.sleep(30)

process.import_module = load
process.import_beside("slow")
def main():
    {what}
process.run_process(main)
"""


@pytest.mark.parametrize(
    ("what", "status"),
    [("return 2", 2), ("sys.exit(2)", 2), ("raise SystemExit", 0), ("raise TypeError", 1)],
)
def test_a_process_ends_at_once_while_a_thread_imports(what, status):
    """Whatever ends the command: a status, argparse or a bug, whose traceback is shown."""
    began = time.monotonic()
    line = [sys.executable, "-c", STILL_IMPORTS.format(what=what)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=25)
    assert (done.returncode, done.stdout) == (status, "")
    assert ("TypeError" in done.stderr) == ("TypeError" in what)
    assert time.monotonic() - began < 20


GARBAGE = """
import atexit, gc, weakref
from jaxmlp.cli.process import run_process

class Node:
    pass

def main():
    first = Node()
    first.own, gone = first, weakref.ref(first)
    del first
    many = [[] for _ in range(50_000)]
    before = gone() is not None
    more = [[] for _ in range(100_000)]
    print(before, gone() is None)
    return 0

atexit.register(lambda: print(gc.get_freeze_count() > 5_000))
run_process(main)
"""


def test_a_process_searches_for_garbage_seldom_and_not_at_its_end():
    """Modules and traces stay, so looking through them again and again is lost time."""
    line = [sys.executable, "-c", GARBAGE]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]


def test_python_waits_for_the_import_where_it_ends_by_itself():
    """So a user's own program cannot abort in C++ code that a thread still loads."""
    code = "from jaxmlp.cli.process import import_beside; import_beside('jax')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
