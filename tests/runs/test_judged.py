"""Parameters that are judged beside those that are trained: an average, and schedule-free's x."""

import time
from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxmlp import find_rate
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.optim import judged_params
from jaxmlp.runs import network
from jaxmlp.runs.fit import fit, new_run, train_problem
from jaxmlp.runs.folder import Run
from jaxmlp.sweep import __main__ as sweep
from jaxmlp.training import measure
from tests.helpers import assert_trees_identical

pytestmark = pytest.mark.usefixtures("compile_quickly")

BASE = Config(
    dataset="iris", hidden=(3,), batch_size=48, epochs=3, valid_size=12, learning_rate=0.2
)
KINDS = {
    "an average": replace(BASE, optimizer="momentum", ema=0.8),
    "schedule-free": replace(BASE, optimizer="schedule_free_sgd"),
    "schedule-free of Optax": replace(
        BASE, optimizer="schedule_free_adamw", optimizer_source="optax"
    ),
    "an average of members": replace(BASE, ema=0.8, ensemble=2, sam=0.1),
    "an average of adversaries": replace(BASE, ema=0.8, adversarial=0.1, gradient="autodiff"),
    "an average of noise": replace(BASE, ema=0.8, max_norm=1.0, input_noise=0.2, input_dropout=0.1),
}


@pytest.fixture(autouse=True, scope="module")
def _standard():
    with jax.numpy_dtype_promotion("standard"):  # Optax needs it
        yield


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tmp_path_factory):
    """A run in a folder, and where its training ended."""
    path, data = tmp_path_factory.mktemp("judged") / "run", load("iris")
    problem = pose_problem(KINDS[request.param], data)
    with new_run(path, problem, overwrite=False) as run:
        outcome = train_problem(problem, data.source, None, run, 0.0, True, lambda: False)
    return KINDS[request.param], outcome


def test_the_records_and_the_best_are_those_of_the_judged_parameters(trained):
    _, outcome = trained
    state, history, problem = outcome.state, outcome.history, outcome.problem
    judged = judged_params(state.params, state.opt_state)
    found, at_y = (
        measure(problem.trainer.judge, params, problem.valid) for params in (judged, state.params)
    )
    assert history.records[-1].valid == found
    assert found != at_y  # the trap: the parameters of training are others
    best = history.records[int(history.best.epoch) - 1].valid
    assert measure(problem.trainer.judge, history.best.params, problem.valid) == best


def test_the_saved_network_is_the_judged_one(trained, tmp_path):
    config, outcome = trained
    result = fit(config, "iris", out=tmp_path / "run")
    assert_trees_identical(result.network.params, outcome.history.best.params)
    loaded = network.load(tmp_path / "run")
    x = np.random.default_rng(0).normal(size=(5, 4))
    np.testing.assert_array_equal(loaded.predict_proba(x), result.network.predict_proba(x))


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(trained, tmp_path, monkeypatch):
    config, _ = trained
    monkeypatch.setattr("jaxmlp.training.clock.Clock.steps_until_look", lambda clock: 1)
    data, files = load("iris"), ("checkpoint.safetensors", "config.json")
    problem = pose_problem(config, data)
    ends = []
    for most in (None, 4):
        looks = []
        with new_run(tmp_path / str(most), problem, overwrite=False) as run:
            stop = lambda looks=looks, most=most: looks.append(0) or len(looks) == most  # noqa: E731
            train_problem(problem, data.source, None, run, time.perf_counter(), True, stop)
        with Run.held(tmp_path / str(most)) as run:
            train_problem(problem, data.source, None, run, time.perf_counter(), True, bool)
        ends.append([(tmp_path / str(most) / file).read_bytes() for file in files])
    assert ends[0] == ends[1]


def test_an_average_follows_the_rate_that_a_plateau_lowers(tmp_path):
    """The average is one of the points of training, whatever factor the updates have."""
    config = replace(BASE, optimizer="sgd", schedule="plateau", plateau_patience=1, epochs=8)
    plain, averaged = (pose_problem(replace(config, ema=ema), load("iris")) for ema in (None, 1e-9))
    ends = [
        train_problem(p, load("iris").source, None, None, 0.0, True, lambda: False)
        for p in (plain, averaged)
    ]
    assert ends[0].history.records[-1].rate_factor < 1
    assert_trees_identical(ends[1].state.params, ends[0].state.params)
    for a, b in zip(*(jax.tree.leaves(end.history.best.params) for end in ends), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["an average", "schedule-free"])
def test_a_run_that_starts_from_another_judges_what_it_started_from(kind, tmp_path):
    """The rule's copies are those of the weights taken over, not of a fresh start."""
    fit(BASE, "iris", out=tmp_path / "first")
    config = replace(
        KINDS[kind], hidden=None, init_from=str(tmp_path / "first"), learning_rate=1e-9, epochs=1
    )
    second = fit(config, "iris").network
    first = network.load(tmp_path / "first")
    for a, b in zip(*(jax.tree.leaves(n.params) for n in (first, second)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
    "grid",
    [
        ["ema=0.5,0.9", "sam=0.05,0.1", "max_norm=0.5,1", "adversarial=0.05,0.1"],
        ["optimizer=muon,lion,sign_sgd,schedule_free_sgd", "learning_rate=0.01,0.02"],
    ],
    ids=["numbers", "rules"],
)
def test_a_sweep_trains_each_as_a_run_alone(grid, tmp_path):
    """Numbers are arguments of one program; rules have programs of their own."""
    line = "--dataset iris --hidden 4 --epochs 2 --batch-size 32 --quiet --out"
    assert sweep.main([*line.split(), str(tmp_path / "sweep"), "--grid", *grid]) == 0
    best = Run.open(tmp_path / "sweep" / "best")
    alone = fit(best.config, "iris")
    for line, record in zip(best.read_metrics(), alone.records, strict=True):
        assert line["valid_loss"] == pytest.approx(record.valid.loss, rel=2e-5)


def test_find_rate_takes_every_rule(capsys):
    line = "--dataset iris --hidden 4 --steps 40 --ema 0.9 --sam 0.05 --max-norm 2"
    line += " --adversarial 0.1 --optimizer"
    for rule in ("muon", "lion"):
        assert find_rate.main([*line.split(), rule]) == 0
    line = "--dataset iris --hidden 4 --steps 40 --optimizer schedule_free_sgd --lowest 1e-3"
    assert find_rate.main(line.split()) == 0
    assert capsys.readouterr().out.count("suggested rate") == 3
