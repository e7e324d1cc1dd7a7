"""The training loop: it learns, reports, chooses the best, and tells where it went wrong."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxmlp.config.options import Config
from jaxmlp.config.problem import problem_from
from jaxmlp.data import Dataset, load
from jaxmlp.training import Diverged, Rules, begin, evaluation, fit, measure
from jaxmlp.training.loop import NO_RULES
from tests.helpers import assert_trees_close, assert_trees_identical


def run(config, dataset, rules=NO_RULES, records=None):
    """Return the problem, where a run of it ended, and its records."""
    problem = problem_from(config, dataset)
    c = problem.config
    records = [] if records is None else records
    *_, last = fit(
        problem.trainer,
        problem.task,
        problem.train,
        problem.valid,
        begin(problem.trainer, c.seed),
        epochs=c.epochs,
        batch_size=c.batch_size,
        seed=c.seed,
        learning_rate=problem.learning_rate,
        rules=rules,
        records=records,
    )
    return problem, last, records


@pytest.fixture(scope="module")
def small():
    """60 digits, all of them for training."""
    whole = load("digits")
    return dataclasses.replace(whole, x_train=whole.x_train[:60], y_train=whole.y_train[:60])


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"])
def test_a_small_batch_is_learned_by_heart(small, optimizer):
    """The surest sign that gradient and update are right: 100 % of 60 pictures."""
    config = Config(optimizer=optimizer, hidden=(32,), epochs=150, batch_size=20, valid_size=0)
    problem, last, records = run(config, small)
    final = measure(problem.trainer, problem.task, last.state.params, problem.train)
    assert final["accuracy"] == 1.0
    assert final["loss"] < 0.1
    assert records[0]["train_loss"] > 5 * final["loss"]


def test_the_records_tell_what_happened(small):
    config = Config(hidden=(16,), epochs=3, batch_size=16, valid_size=20, schedule="constant")
    problem, end, records = run(config, small)
    assert [r["epoch"] for r in records] == [1, 2, 3]
    assert json.loads(json.dumps(records)) == records
    last = measure(problem.trainer, problem.task, end.state.params, problem.valid)
    assert records[-1]["valid_loss"] == last["loss"]
    assert records[-1]["valid_accuracy"] == last["accuracy"]
    assert all(r["learning_rate"] == pytest.approx(0.008) for r in records)
    assert all(r["seconds"] > 0 and r["examples_per_second"] > 0 for r in records)
    scores = [(r["valid_accuracy"], -r["valid_loss"]) for r in records]
    assert int(end.best.epoch) == 1 + scores.index(max(scores))


@pytest.mark.parametrize(
    "rules",
    [
        NO_RULES,
        Rules(patience=4),
        Rules(min_decrease=2e-3),
        Rules(min_change=0.3),
        Rules(plateau=2, factor=0.5),
    ],
    ids=["none", "patience", "min_decrease", "min_change", "plateau"],
)
def test_epochs_at_once_change_nothing(small, rules, monkeypatch):
    """The same state, best and records, to the byte, but for the seconds."""
    settings = {"hidden": (8,), "epochs": 30, "batch_size": 16, "valid_size": 20, "dropout": 0.2}
    config = Config(**settings, optimizer="sgd", learning_rate=1.0, schedule="constant")
    outcomes = []
    for most in (0, 40 * 7, 5000):
        monkeypatch.setattr(evaluation, "EXAMPLES_AT_ONCE", most)
        _, last, records = run(config, small, rules)
        for record in records:
            del record["seconds"], record["examples_per_second"]
        state = last.state._replace(key=jax.random.key_data(last.state.key))
        outcomes.append((records, state, last.best))
    if rules != NO_RULES:
        factors = {record["rate_factor"] for record in outcomes[0][0]}
        assert len(outcomes[0][0]) < 30 or len(factors) > 1  # the rule did apply
    for records, state, best in outcomes[1:]:
        assert records == outcomes[0][0]
        assert_trees_identical((state, best), outcomes[0][1:])


def test_the_same_seed_gives_the_same_bytes_and_another_other(small):
    config = Config(hidden=(8,), epochs=2, batch_size=16, dropout=0.3)
    ends = [run(dataclasses.replace(config, seed=s), small)[1].best.params for s in (1, 1, 2)]
    kernels = [jax.tree.leaves(end)[0].tobytes() for end in ends]
    assert kernels[0] == kernels[1] != kernels[2]


@pytest.mark.parametrize(
    "change", [{"gradient": "autodiff"}, {"optimizer_source": "optax"}], ids=["gradient", "optax"]
)
def test_by_hand_and_by_machine_end_at_the_same_parameters(small, change):
    config = Config(hidden=(16,), epochs=4, batch_size=16, weight_decay=0.1)
    with jax.numpy_dtype_promotion("standard"):  # Optax needs it
        ours, theirs = (
            run(c, small)[1].state.params for c in (config, dataclasses.replace(config, **change))
        )
    assert_trees_close(theirs, ours, 1e-5)


def regression(spread=1.0):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    y = np.stack([x @ [1.0, -2.0, 0.5], x[:, 0] ** 2], axis=1) * spread + 100
    y = y.astype(np.float32)
    return Dataset("made up", x[:200], y[:200], x[200:], y[200:], "regression", ("a", "b"))


@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e4])
def test_regression_is_learned_whatever_the_target_s_unit(spread):
    problem, last, _ = run(Config(epochs=200), regression(spread))
    params = last.best.params
    assert measure(problem.trainer, problem.task, params, problem.test)["r2"] > 0.9


@pytest.mark.parametrize("name", ["xor", "breast_cancer", "wine", "diabetes"])
def test_tables_train_well_with_the_defaults(name):
    problem, last, _ = run(Config(dataset=name), load(name))
    final = measure(problem.trainer, problem.task, last.best.params, problem.test)
    least = {"xor": 1.0, "breast_cancer": 0.94, "wine": 0.94, "diabetes": 0.3}[name]
    assert final[problem.task.score] >= least


def test_divergence_names_epoch_step_and_layer(small):
    config = Config(optimizer="sgd", learning_rate=1e30, schedule="constant", batch_size=20)
    with pytest.raises(
        Diverged, match=r"epoch 1, step \d; first affected: layer 4 \(dense 10\), its output"
    ):
        run(dataclasses.replace(config, loss="mse", valid_size=0), small)


def test_divergence_is_found_at_the_same_step_among_several_epochs(small, monkeypatch):
    config = Config(hidden=(8, 8), loss="mse", batch_size=20, valid_size=0, schedule="constant")
    config = dataclasses.replace(config, optimizer="sgd", learning_rate=3.0, epochs=50)
    words, epochs = [], []
    for most in (0, 5000):
        monkeypatch.setattr(evaluation, "EXAMPLES_AT_ONCE", most)
        records = []
        with pytest.raises(Diverged) as error:
            run(config, small, records=records)
        words.append(str(error.value))
        epochs.append([record["epoch"] for record in records])
        assert error.value.epoch > 1
        assert epochs[-1] == list(range(1, error.value.epoch))  # what was good is on record
    assert words[0] == words[1]


def test_an_input_that_is_not_finite_is_named():
    data = regression()
    data.x_train[7, 1] = np.inf
    with pytest.raises(Exception, match="finite"):
        run(Config(preprocessing="zscore"), data)
