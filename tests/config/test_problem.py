"""A network too large for the memory is refused by its shapes; which examples validate."""

import re
import time

import numpy as np
import pytest

from jaxmlp import find_rate, gradcheck, train
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import Dataset, dataset_in_memory
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


def test_the_data_s_weights_count_in_training():
    """A weight of 2 counts twice and one of 0 not at all; `balanced` counts with the weights."""
    x = np.arange(12.0).reshape(6, 2)
    y, own = np.array([0, 0, 0, 1, 1, 1], np.int32), np.array([2.0, 1, 1, 0, 1, 1])
    data = Dataset("made", x, y, x, y, "binary", ("a", "b"), provenance={}, weights=own)
    expected = {"none": own, "balanced": own * 6 / 2 / np.array([4, 4, 4, 2, 2, 2])}
    for class_weights, weights in expected.items():
        problem = pose_problem(Config(valid_size=0, class_weights=class_weights), data)
        found = problem.train.examples.weights[problem.train.indices]
        np.testing.assert_allclose(found, weights, rtol=1e-6)


WEIGHTS = {
    "too few": ([1.0], "the shape of weights must be (2,), got (1,)"),
    "negative": ([1.0, -1.0], "the weight of example 1 must be a finite number >= 0, got -1.0"),
    "not a number": (
        [np.nan, 1.0],
        "the weight of example 0 must be a finite number >= 0, got nan",
    ),
    "all 0": ([0.0, 0.0], "weights must be positive for some examples, got 'all 0'"),
}


@pytest.mark.parametrize(("weights", "message"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_make_no_loss_are_refused(weights, message):
    x, y = np.ones((2, 1)), np.array([0, 1], np.int32)
    with pytest.raises(InputError, match=re.escape(message)):
        Dataset("made", x, y, x, y, "binary", ("a", "b"), weights=np.array(weights))


def test_the_data_s_own_validation_part():
    """It is used as it is, unless the user asks for another number: then all examples are drawn."""
    x, y = np.arange(60.0).reshape(30, 2), np.arange(30) % 2
    parts = {"x_train": x[:20], "y_train": y[:20], "x_val": x[20:25], "y_val": y[20:25]}
    dataset = dataset_in_memory(parts | {"x_test": x[25:], "y_test": y[25:]})
    problem = pose_problem(Config(epochs=1), dataset)
    assert problem.recipe.valid_size == 5
    assert problem.valid.indices.tolist() == [20, 21, 22, 23, 24]
    assert problem.train.indices.tolist() == list(range(20))
    other = pose_problem(Config(epochs=1, valid_size=8), dataset)
    assert len(other.valid.indices) == 8
    assert set(other.valid.indices) | set(other.train.indices) == set(range(25))
