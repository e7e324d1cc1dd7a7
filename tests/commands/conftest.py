"""Runs that several tests look at: made once per worker, read and never changed."""

import os
import shutil
import subprocess
import sys

import pytest

from jaxmlp import train


def command(*arguments, **settings):
    """Run `python -m jaxmlp.COMMAND ...` as a user would, and return the finished process."""
    environment = {**os.environ, **settings.pop("env", {})}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)  # a command run in this process set it
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        **settings,
    )


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """A short run on the 8x8 digits."""
    out = tmp_path_factory.mktemp("runs") / "digits"
    arguments = ["--dataset", "digits", "--epochs", "4", "--hidden", "32", "--quiet", "--out"]
    assert train.main([*arguments, str(out)]) == 0
    return out


@pytest.fixture
def digits_copy(digits_run, tmp_path):
    """A copy of that run, to be spoilt."""
    return shutil.copytree(digits_run, tmp_path / "run")
