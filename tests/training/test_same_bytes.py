"""The training loop, bit by bit: however many epochs are trained at once, the run is the same."""

from dataclasses import replace

import jax
import pytest

from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.training import Diverged, Rules, judge
from tests.helpers import assert_trees_identical
from tests.training.short_runs import run, solve


@pytest.fixture(scope="module")
def with_dropout(small):
    """A problem whose programs serve runs under all rules."""
    settings = {"hidden": (8,), "epochs": 30, "batch_size": 16, "valid_size": 20, "dropout": 0.2}
    config = Config(**settings, optimizer="sgd", learning_rate=1.0, schedule="constant")
    return pose_problem(config, small)


@pytest.mark.parametrize(
    "rules",
    [
        Rules(),
        Rules(patience=4),
        Rules(min_decrease=2e-2),
        Rules(min_change=0.3),
        Rules(plateau=2, factor=0.5),
    ],
    ids=["none", "patience", "min_decrease", "min_change", "plateau"],
)
def test_epochs_at_once_change_nothing(with_dropout, rules, monkeypatch):
    """The same state, best and records, to the byte, but for the seconds."""
    outcomes = []
    for most in (0, 40 * 7, 5000):
        monkeypatch.setattr(judge, "EXAMPLES_AT_ONCE", most)
        last, history = solve(with_dropout, rules)
        records = [replace(r, seconds=0.0, examples_per_second=0.0) for r in history.records]
        state = last.state._replace(key=jax.random.key_data(last.state.key))
        outcomes.append((records, state, history.best))
    if rules != Rules():
        factors = {record.rate_factor for record in outcomes[0][0]}
        assert len(outcomes[0][0]) < 30 or len(factors) > 1  # the rule did apply
    for records, state, best in outcomes[1:]:
        assert records == outcomes[0][0]
        assert_trees_identical((state, best), outcomes[0][1:])


def test_the_same_seed_gives_the_same_bytes_and_another_other(small):
    config = Config(hidden=(8,), epochs=2, batch_size=16, dropout=0.3)
    ends = [run(replace(config, seed=s), small)[2].best.params for s in (1, 1, 2)]
    kernels = [jax.tree.leaves(end)[0].tobytes() for end in ends]
    assert kernels[0] == kernels[1] != kernels[2]


def test_divergence_is_found_at_the_same_step_among_several_epochs(small, monkeypatch):
    config = Config(hidden=(8, 8), loss="mse", batch_size=20, valid_size=0, schedule="constant")
    config = replace(config, optimizer="sgd", learning_rate=3.0, epochs=50)
    words, epochs = [], []
    for most in (0, 5000):
        monkeypatch.setattr(judge, "EXAMPLES_AT_ONCE", most)
        records = []
        with pytest.raises(Diverged) as error:
            run(config, small, records=records)
        words.append(str(error.value))
        epochs.append([record.epoch for record in records])
        assert error.value.epoch > 1
        assert epochs[-1] == list(range(1, error.value.epoch))  # what was good is on record
    assert words[0] == words[1]
