"""Every command takes the limit of memory, and hands it on to all that is read and trained."""

import os

import pytest

from jaxmlp.cli.parser import Parser
from jaxmlp.errors import InputError
from jaxmlp.memory import MEMORY_VARIABLE


def test_memory_sets_the_variable(monkeypatch):
    monkeypatch.setenv(MEMORY_VARIABLE, "1G")
    assert vars(Parser(prog="x").parse_args([])) == {}
    assert os.environ[MEMORY_VARIABLE] == "1G"
    assert vars(Parser(prog="x").parse_args(["--memory", "500M"])) == {}
    assert os.environ[MEMORY_VARIABLE] == "500M"


def test_memory_that_is_no_amount(monkeypatch):
    monkeypatch.setenv(MEMORY_VARIABLE, "1G")
    with pytest.raises(InputError, match=r"^--memory must be an amount of memory such as 4G or"):
        Parser(prog="x").parse_args(["--memory", "lots"])
    assert os.environ[MEMORY_VARIABLE] == "1G"


def test_an_error_is_one_line_whatever_was_typed(capsys):
    odd = "--\x1b[31mred\n[bold]\u202e\udcff" + "y" * 10_000
    with pytest.raises(SystemExit) as end:
        Parser(prog="x").parse_args([odd])
    line = capsys.readouterr().err
    assert end.value.code == 2
    assert line.startswith(r"x: error: unknown option --\x1b[31mred\n[bold]\u202e\udcffyyy")
    assert len(line) <= 500
    assert line.rstrip("\n").isprintable()
