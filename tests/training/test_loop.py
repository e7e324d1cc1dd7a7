"""The training loop: it learns, reports, chooses the best, and tells where it went wrong."""

import itertools
import json
from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxmlp.config.names import OPTIMIZER_TABLE
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import Dataset, load
from jaxmlp.training import Diverged, Record, Rules, measure
from tests.helpers import assert_trees_close
from tests.training.short_runs import run

pytestmark = pytest.mark.usefixtures("compile_quickly")


def measured(problem, params, split):
    return measure(problem.trainer.judge, params, split)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"])
def test_a_small_batch_is_learned_by_heart(small, optimizer):
    """The surest sign that gradient and update are right: 100 % of 60 pictures."""
    config = Config(optimizer=optimizer, hidden=(32,), epochs=150, batch_size=20, valid_size=0)
    problem, last, history = run(config, small)
    final = measured(problem, last.state.params, problem.train)
    assert final.score == 1.0
    assert final.loss < 0.1
    assert history.records[0].train.loss > 5 * final.loss


def test_the_records_tell_what_happened(small):
    config = Config(hidden=(16,), epochs=3, batch_size=16, valid_size=20, schedule="constant")
    problem, end, history = run(config, small)
    records = history.records
    assert [r.epoch for r in records] == [1, 2, 3]
    assert records[-1].valid == measured(problem, end.state.params, problem.valid)
    assert all(r.learning_rate == pytest.approx(0.008) for r in records)
    assert all(r.seconds > 0 and r.examples_per_second > 0 for r in records)
    scores = [(r.valid.score, -r.valid.loss) for r in records]
    assert int(history.best.epoch) == 1 + scores.index(max(scores))


@pytest.mark.parametrize("valid_size", [0, 20])
def test_records_survive_a_journey_through_json(small, valid_size):
    config = Config(hidden=(4,), epochs=2, batch_size=16, valid_size=valid_size)
    _, _, history = run(config, small, Rules(min_change=1e-9))
    lines = [json.loads(json.dumps(record.to_dict("accuracy"))) for record in history.records]
    assert [Record.from_dict(line, "accuracy") for line in lines] == history.records
    assert lines[0]["valid_accuracy"] == (history.records[0].valid or (None, None))[1]


@pytest.mark.parametrize(
    "change", [{"gradient": "autodiff"}, {"optimizer_source": "optax"}], ids=["gradient", "optax"]
)
def test_by_hand_and_by_machine_end_at_the_same_parameters(small, change):
    config = Config(hidden=(16,), epochs=4, batch_size=16, weight_decay=0.1)
    with jax.numpy_dtype_promotion("standard"):  # Optax needs it
        ours, theirs = (run(c, small)[1].state.params for c in (config, replace(config, **change)))
    assert_trees_close(theirs, ours, 1e-5)


def regression(spread=1.0):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    y = np.stack([x @ [1.0, -2.0, 0.5], x[:, 0] ** 2], axis=1) * spread + 100
    y = y.astype(np.float32)
    return Dataset("made up", x[:200], y[:200], x[200:], y[200:], "regression", ("a", "b"))


@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e4])
def test_regression_is_learned_whatever_the_target_s_unit(spread):
    problem, _, history = run(Config(epochs=200), regression(spread))
    assert measured(problem, history.best.params, problem.test).score > 0.9


def heavy_tailed():
    """Inputs with Cauchy tails, and one outlier of a million among the targets.

    They have the shape of diabetes: what is compiled for one of the two serves the other.
    """
    like, rng = load("diabetes"), np.random.default_rng(1)
    count = len(like.x_train)
    x = rng.standard_cauchy(size=(count + len(like.x_test), 10))
    y = x[:, :1] - 2 * x[:, 1:2]
    y[3] = 1e6
    x, y = x.astype(like.x_train.dtype), y.astype(like.y_train.dtype)
    return Dataset("made up", x[:count], y[:count], x[count:], y[count:], "regression", ("a",))


@pytest.mark.parametrize(
    ("optimizer", "data"),
    [
        *itertools.product(OPTIMIZER_TABLE, ["diabetes", "heavy tails"]),
        # one rule of each kind: without a memory, with momentum, with rates of each parameter
        *itertools.product(["sgd", "nesterov", "adam"], ["more columns than rows"]),
    ],
)
def test_a_regression_survives_the_defaults_of_every_rule(optimizer, data):
    """At the default rates of sgd, momentum and nesterov it left the finite numbers."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 500)).astype(np.float32), rng.normal(size=(40, 1))
    dataset = {
        "diabetes": lambda: load("diabetes"),
        "heavy tails": heavy_tailed,
        "more columns than rows": lambda: Dataset(
            "wide", x[:30], y[:30], x[30:], y[30:], "regression", ("a",)
        ),
    }[data]()
    _, _, history = run(Config(optimizer=optimizer, epochs=60), dataset)
    losses = [record.train.loss for record in history.records]
    assert len(losses) == 60
    assert losses[-1] < min(losses[0], 1.01)


@pytest.mark.parametrize("name", ["xor", "breast_cancer", "wine", "diabetes"])
def test_tables_train_well_with_the_defaults(name):
    problem, _, history = run(Config(dataset=name), load(name))
    final = measured(problem, history.best.params, problem.test)
    least = {"xor": 1.0, "breast_cancer": 0.94, "wine": 0.94, "diabetes": 0.3}[name]
    assert final.score >= least


def test_divergence_names_epoch_step_and_layer(small):
    config = Config(optimizer="sgd", learning_rate=1e30, schedule="constant", batch_size=20)
    with pytest.raises(
        Diverged, match=r"epoch 1, step \d; first affected: layer 4 \(dense 10\), its output"
    ):
        run(replace(config, loss="mse", valid_size=0), small)


@pytest.mark.parametrize("valid_size", [0, 20])
def test_a_last_step_that_breaks_the_parameters_is_found(small, valid_size):
    """The loss of the only step is finite; what follows from its update is not."""
    config = Config(
        optimizer="sgd", learning_rate=3e38, schedule="constant", batch_size=60 - valid_size
    )
    config = replace(config, hidden=(), loss="mse", epochs=1, valid_size=valid_size)
    where = r"epoch 1, step 1; first affected: layer 2 \(dense 10\)"
    with pytest.raises(Diverged, match=f"^a parameter is not finite in {where}"):
        run(config, small)


def test_a_validation_loss_that_is_not_finite_is_named(small):
    """Training goes well; a held-out example is too great for the type."""
    data = regression()
    config = Config(
        epochs=2, valid_size=20, batch_size=180, hidden=(), preprocessing="zscore", monitor="score"
    )
    held = pose_problem(config, data).valid.indices
    data.x_train[held[0]] = 1e36
    where = r"epoch 1, step 1; first affected: the loss"
    with pytest.raises(Diverged, match=f"^the validation loss is not finite in {where}$"):
        run(config, data)


def test_an_input_that_is_not_finite_is_named():
    data = regression()
    data.x_train[7, 1] = np.inf
    with pytest.raises(Exception, match="finite"):
        run(Config(preprocessing="zscore"), data)
