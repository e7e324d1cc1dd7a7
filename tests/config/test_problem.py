"""A network that does not fit in memory is refused by its shapes, before it is begun."""

import time

import pytest

from jaxmlp import find_rate, gradcheck, train
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError
from jaxmlp.memory import MEMORY_VARIABLE

HUGE = ("--dataset", "iris", "--hidden", "200000", "200000")
COMMANDS = {
    "train": (train.main, HUGE),
    "find_rate": (find_rate.main, HUGE),
    "gradcheck": (gradcheck.main, HUGE),
    "a width of 2^31 - 1": (train.main, ("--dataset", "iris", "--hidden", str(2**31 - 1))),
    "a picture in batches": (
        train.main,
        *(("--dataset", "mnist_5k", "--model", "lenet", "--batch-size", "1000", "--memory", "9M"),),
    ),
}


@pytest.mark.parametrize(("main", "arguments"), COMMANDS.values(), ids=COMMANDS)
def test_commands_refuse_it_soon(main, arguments, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(MEMORY_VARIABLE, "1G")
    monkeypatch.chdir(tmp_path)
    began = time.perf_counter()
    assert main(list(arguments)) == 2
    assert time.perf_counter() - began < 30
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert " parameters with batches of " in line
    assert "raise this limit with --memory or JAXMLP_MEMORY" in line
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_refuses_it(capsys, monkeypatch, tmp_path):
    from jaxmlp.sweep.__main__ import main

    monkeypatch.setenv(MEMORY_VARIABLE, "1G")
    monkeypatch.chdir(tmp_path)
    assert main(["--dataset", "iris", "--grid", "hidden=8,200000000"]) == 2
    assert "parameters" in capsys.readouterr().err


def test_the_door_from_python_refuses_it(monkeypatch):
    import jaxmlp

    monkeypatch.setenv(MEMORY_VARIABLE, "1G")
    with pytest.raises(InputError, match=r"^training 40,001,800,003 parameters with "):
        jaxmlp.fit(Config(dataset="iris", hidden=(200_000, 200_000), batch_size=32))


def test_a_network_that_fits_is_trained(monkeypatch):
    import jaxmlp

    monkeypatch.setenv(MEMORY_VARIABLE, "1M")
    jaxmlp.fit(Config(dataset="iris", hidden=(4,), epochs=1))
