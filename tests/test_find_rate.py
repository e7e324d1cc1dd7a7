"""`python -m jaxmlp.find_rate`: the range test finds a rate that learns (lecture rows B3, C5)."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from jaxmlp import find_rate, train
from jaxmlp.config.options import Config
from jaxmlp.runs.folder import Run

pytestmark = pytest.mark.usefixtures("compile_quickly")


@pytest.mark.usefixtures("drawn")
def test_it_finds_a_rate_that_learns(capsys, tmp_path):
    options = ["--dataset", "digits", "--hidden", "32", "--optimizer", "sgd", "--seed", "1"]
    assert find_rate.main([*options, "--picture", str(tmp_path / "rates.png")]) == 0
    rows = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    rate = float(rows["suggested rate"])
    assert 0.01 < rate < 3
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
    constant = f"--learning-rate {rate} --schedule constant --epochs 10 --quiet".split()
    assert train.main([*options, *constant, "--out", str(tmp_path / "run")]) == 0
    assert Run.open(tmp_path / "run").read_json("summary.json")["test_accuracy"] > 0.9


def test_it_takes_the_configuration_of_a_run(capsys, tmp_path):
    """The run's fields are as good as options; its rate and schedule do not count."""
    options = ["--dataset", "iris", "--hidden", "3", "--optimizer", "sgd", "--seed", "1"]
    run = tmp_path / "run"
    rate = ["--learning-rate", "0.1", "--schedule", "plateau", "--epochs", "1", "--quiet"]
    assert train.main([*options, *rate, "--out", str(run)]) == 0

    def found(*line):
        assert find_rate.main([*line, "--steps", "60"]) == 0
        return capsys.readouterr().out

    config = ["--config", str(run / "config.json")]
    assert found(*config) == found(*options)
    assert found(*config, "--seed", "2") == found(*options, "--seed", "2") != found(*options)
    assert find_rate.main(["--config", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err


def test_it_offers_no_option_that_changes_nothing():
    options = {
        name for action in find_rate.make_parser()._actions for name in action.option_strings
    }
    idle = {"--" + name.replace("_", "-") for name in find_rate.IDLE}
    assert not idle & options
    every = {"--" + field.name.replace("_", "-") for field in dataclasses.fields(Config)}
    assert every - idle <= options


def test_its_batches_are_full_and_take_each_example_in_turn():
    """As many shuffles as needed follow each other, however many steps there are."""
    indices = np.arange(7)
    train = SimpleNamespace(indices=indices)
    problem = SimpleNamespace(recipe=SimpleNamespace(seed=3, batch_size=4), train=train)
    drawn = np.concatenate([order.ravel() for order in find_rate._batches(problem, 7)])
    assert len(drawn) == 28
    for begun in range(0, 28, 7):
        assert sorted(drawn[begun : begun + 7]) == list(indices)
    endless = find_rate._batches(problem, 10**12)
    assert next(endless).shape == (1, 1, 4)


def test_the_suggestions_on_a_known_curve():
    rates = np.logspace(-4, 1, 200)
    losses = 2 - 1.5 / (1 + np.exp(-4 * np.log(rates / 0.01))) + 5 * (rates / 5) ** 4
    steepest, lowest = find_rate.suggestion(rates, losses)
    assert steepest == pytest.approx(0.01, rel=0.1)
    assert 0.05 < lowest < 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--lowest 0", "--lowest must be positive and less than 10, got 0.0"),
        ("--lowest 5 --highest 1", "--lowest must be positive and less than 1, got 5.0"),
        ("--highest inf", "--highest must be finite, got inf"),
        ("--dataset iris --lowest 1e6 --highest 1e9", "--lowest must be a rate at which the loss"),
        ("--picture nowhere/rates.png", "--picture must be a file in a folder that exists"),
        ("--steps 3", "--steps must be at least 20, got 3"),
        ("--steps 1000000000000", "--steps must be at most 1000000, got 1000000000000"),
        ("--learning-rate 1", "unknown option --learning-rate"),
        ("--epochs 3", "unknown option --epochs; did you mean --steps?"),
        ("--patience 3", "unknown option --patience"),
        ("--min-decreas 3", "unknown option --min-decreas"),
        ("--batch-sise 3", "unknown option --batch-sise; did you mean --batch-size?"),
    ],
)
def test_bad_options(capsys, options, message):
    try:
        status = find_rate.main(options.split())
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in capsys.readouterr().err
