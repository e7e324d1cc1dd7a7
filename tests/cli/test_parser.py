"""Every command takes the limit of memory, and hands it on to all that is read and trained."""

import os

import pytest

from jaxmlp import find_rate, train
from jaxmlp.cli.parser import Parser
from jaxmlp.errors import InputError
from jaxmlp.memory import MEMORY_VARIABLE
from jaxmlp.sweep import __main__ as sweep


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


DATA = {  # the arguments, and the data set that they name
    "first": (["a.csv", "--epochs", "1"], "a.csv"),
    "last": (["--epochs", "1", "a.csv"], "a.csv"),
    "as an option": (["--dataset", "a.csv"], "a.csv"),
    "in both ways": (["--dataset", "a.csv", "a.csv"], "a.csv"),
    "no data": (["--epochs", "1"], None),
}


@pytest.mark.parametrize(("arguments", "name"), DATA.values(), ids=DATA)
@pytest.mark.parametrize("command", [train, find_rate, sweep])
def test_data_may_stand_without_an_option(command, arguments, name):
    if command is find_rate:
        arguments = [{"--epochs": "--seed"}.get(word, word) for word in arguments]
    assert vars(command.make_parser().parse_args(arguments)).get("dataset") == name


def test_data_are_named_once(capsys):
    for arguments, message in (
        (["a.csv", "--dataset", "b.csv"], "the data are given twice: a.csv and --dataset b.csv"),
        (["a.csv", "b.csv"], "unknown argument b.csv"),
    ):
        with pytest.raises(SystemExit) as end:
            train.make_parser().parse_args(arguments)
        assert end.value.code == 2
        assert f": error: {message}\n" in capsys.readouterr().err
