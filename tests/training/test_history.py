"""When a run ends early and when its rate falls, rule by rule and in the loop.

Lecture rows C5, C7.
"""

import numpy as np
import pytest

from jaxmlp import train
from jaxmlp.runs.folder import Run
from jaxmlp.training import MULTICLASS, Best, History, Means, Record, Rules

pytestmark = pytest.mark.usefixtures("compile_quickly")


def history(rules, losses=(), scores=None, factors=None, change=None, valid_losses=None):
    """A history with such epochs; a score of `None` stands for no validation part."""
    scores = scores or [0.5 + i / 100 for i in range(len(losses))]
    factors = factors or [1.0] * len(losses)
    valid = valid_losses or [1.0] * len(losses)
    records = [
        Record(i + 1, Means(a, 0.5), b and Means(d, b), c, c * 0.1, change)
        for i, (a, b, c, d) in enumerate(zip(losses, scores, factors, valid, strict=True))
    ]
    best = Best.before({"W": np.zeros(2)})
    return History(MULTICLASS, best, lambda epoch: 0.1, rules, records)


LOSSES_RISE = {"losses": [3, 2, 1], "scores": [0.7, 0.8, 0.9], "valid_losses": [0.1, 0.2, 0.3]}


@pytest.mark.parametrize(
    ("rules", "epochs", "word"),
    [
        (Rules(), {"losses": [1.0, 1.0, 1.0]}, None),
        (
            Rules(patience=2),
            {"losses": [3, 2, 1], "scores": [0.9, 0.8, 0.8]},
            "no better validation accuracy",
        ),
        (Rules(patience=2), {"losses": [3, 2, 1], "scores": [0.8, 0.9, 0.8]}, None),
        (Rules(patience=2), {"losses": [3, 2, 1], "scores": [None, None, None]}, None),
        (Rules(patience=2, monitor="loss"), LOSSES_RISE, "no better validation loss for 2 epochs"),
        (Rules(patience=3, monitor="loss"), LOSSES_RISE, None),
        (Rules(patience=2), LOSSES_RISE, None),
        (
            Rules(patience=2, min_improvement=0.1),
            {"losses": [3, 2, 1], "scores": [0.5, 0.55, 0.59]},
            "no better validation accuracy by at least 0.1 for 2 epochs",
        ),
        (
            Rules(
                patience=2, min_improvement=0.1
            ),  # by just as much, from the best and not the last
            {"losses": [4, 3, 2, 1], "scores": [0.5, 0.55, 0.6, 0.65]},
            None,
        ),
        (Rules(min_decrease=0.1), {"losses": [1.0, 1.05]}, "the training loss changed by 0.05"),
        (Rules(min_decrease=0.1), {"losses": [1.0, 1.2]}, None),  # C7: |L(w_t) - L(w_{t-1})|
        (Rules(min_decrease=0.1), {"losses": [1.0, 0.95]}, "the training loss changed by 0.05"),
        (Rules(min_decrease=0.1), {"losses": [1.0, 0.8]}, None),
        (Rules(min_decrease=0.1), {"losses": [1.0]}, None),
        (Rules(min_change=0.1), {"losses": [1.0], "change": 0.01}, "the parameters moved by 0.01"),
        (Rules(min_change=0.1), {"losses": [1.0], "change": 1.0}, None),
        (Rules(patience=1, min_decrease=1.0, min_change=1.0), {}, None),
    ],
)
def test_reasons_to_stop(rules, epochs, word):
    """Early stopping, a small decrease of the loss, a small step of the parameters.

    Lecture row C7.
    """
    reason = history(rules, **epochs).reason_to_stop()
    assert (word is None and reason is None) or reason.startswith(word)


@pytest.mark.parametrize(
    ("losses", "factors", "factor"),
    [
        ([3, 2, 1, 1, 1], [1.0] * 5, 0.5),
        ([3, 2, 1, 1, 0.9], [1.0] * 5, 1.0),
        ([1, 1], [1.0] * 2, 1.0),  # too soon to say
        ([1, 1, 1, 1], [1.0, 1.0, 1.0, 0.5], 0.5),  # lowered an epoch ago
        ([1, 1, 1, 1, 1], [1.0, 1.0, 1.0, 0.5, 0.5], 0.25),
        ([1, 1, 1, 2, 0.9], [1.0, 1.0, 1.0, 0.5, 0.5], 0.5),  # lower than ever
        ([], [], 1.0),
    ],
)
def test_the_rate_falls_when_progress_saturates(losses, factors, factor):
    """Lecture row C5."""
    rules = Rules(plateau=2, factor=0.5)
    assert history(rules, losses, factors=factors).rate_factor() == factor
    last = factors[-1] if factors else 1.0
    assert history(Rules(), losses, factors=factors).rate_factor() == last


@pytest.mark.parametrize("patience", [1, 2, 5])
@pytest.mark.parametrize("first", [0, 3])
def test_every_division_comes_after_the_same_number_of_epochs(patience, first):
    """`first` epochs of progress, then none: the rate falls every `patience` epochs.

    Lecture row C5.
    """
    losses = [9.0 - i for i in range(first)] + [1.0] * (1 + 4 * patience)
    kept, factors = history(Rules(plateau=patience, factor=0.5)), []
    for loss in losses:
        factors.append(kept.rate_factor())
        kept.add_epoch(Means(loss, 0.5), None, dict, 1.0, 1.0)
    best = first + 1  # epochs up to the lowest loss
    expected = [0.5 ** max(0, (epoch - best) // patience) for epoch in range(len(losses))]
    assert factors == expected
    assert kept.rate_factor() == 0.5**4


def test_the_rate_falls_where_keras_lets_it_fall():
    """Against `ReduceLROnPlateau("loss", 0.5, patience=2, min_delta=1e-9)` of Keras 3.15."""
    losses = [3, 2, 2.5, 2, 1.5, 1.5, 1.6, 1.4, 1.4, 1.4, 1.4, 1.4, 1.3, 1.39, 1.3, 1.3, 1.3]
    keras = [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    keras += [0.125, 0.125, 0.0625, 0.0625, 0.0625, 0.03125, 0.03125, 0.015625]
    kept = history(Rules(plateau=2, factor=0.5))
    for loss, factor in zip(losses, keras, strict=True):
        kept.add_epoch(Means(loss, 0.5), None, dict, 1.0, 1.0)
        assert kept.rate_factor() == factor


@pytest.mark.parametrize("scores", [[], [0.5], [0.5, 0.4], [0.5, 0.4, 0.6], [0.5, 0.5, 0.5]])
@pytest.mark.parametrize("patience", [3, 4, 9])
def test_no_rule_applies_sooner_than_said(patience, scores):
    """Lecture row C7: if no epoch gets better the run stops just then, and never before."""
    rules = Rules(patience=patience)
    ahead = history(rules, [1] * len(scores), scores).epochs_ahead()
    for more in range(1, ahead + 1):
        worse = [*scores, *[0.1] * more]
        stops = history(rules, [1] * len(worse), worse).reason_to_stop() is not None
        assert stops == (more == ahead + (not scores))  # the first of all is the best so far


@pytest.mark.parametrize("rule", ["min_decrease", "min_change", "plateau"])
def test_rules_of_change_may_apply_after_any_epoch(rule):
    """Lecture rows C5, C7."""
    assert history(Rules(**{rule: 2}), [3, 2, 1]).epochs_ahead() == 1
    assert history(Rules(patience=5), [1], [None]).epochs_ahead() == 5
    assert history(Rules(), [3, 2, 1]).epochs_ahead() > 10**6


@pytest.mark.parametrize(
    ("rules", "best"),
    [
        (Rules(), 3),  # the highest score, and among equals the lowest loss
        (Rules(monitor="loss"), 5),
        (Rules(min_improvement=0.1), 3),
        (Rules(min_improvement=0.2), 1),
        (Rules(monitor="loss", min_improvement=0.1), 5),
        (Rules(monitor="loss", min_improvement=0.75), 5),
        (Rules(monitor="loss", min_improvement=1.0), 1),
        (Rules(monitor="last", min_improvement=1.0), 5),  # whatever the epoch says
    ],
)
def test_the_best_is_what_the_monitor_says(rules, best):
    """Lecture row C7: by default the zero-one error, not the loss."""
    kept = history(rules)
    epochs = [(0.5, 0.9), (0.5, 0.8), (0.6, 2.0), (0.6, 2.0), (0.55, 0.1)]
    for k, (score, loss) in enumerate(epochs, 1):
        weights = {"W": np.full(2, k)}
        kept.add_epoch(Means(1.0, 0.5), Means(loss, score), lambda w=weights: w, 1.0, 1.0)
    assert int(kept.best.epoch) == best
    assert kept.best.params["W"][0] == best
    assert (float(kept.best.score), float(kept.best.loss)) == epochs[best - 1]


@pytest.mark.parametrize("monitor", ["score", "loss"])
@pytest.mark.parametrize("least", [0.0, 0.05])
def test_the_records_alone_decide(monitor, least):
    """A resumed run, which has its records and its best, decides as one that went on."""
    rules = Rules(patience=3, monitor=monitor, min_improvement=least)
    rng = np.random.default_rng(3)
    whole = history(rules)
    for epoch in range(40):
        valid = Means(*rng.random(2).round(2))
        whole.add_epoch(Means(1.0, 0.5), valid, lambda epoch=epoch: {"W": epoch}, 1.0, 1.0)
        lines = [record.to_dict("accuracy") for record in whole.records]
        records = [Record.from_dict(line, "accuracy") for line in lines]
        resumed = History(MULTICLASS, whole.best, lambda epoch: 0.1, rules, records)
        assert resumed.reason_to_stop() == whole.reason_to_stop()
        assert resumed.epochs_ahead() == whole.epochs_ahead()
        if least or monitor == "loss":  # otherwise a lower loss of an equal score is kept too
            waited = epoch + 1 - int(whole.best.epoch)
            assert (whole.reason_to_stop() is not None) == (waited >= 3)


def test_without_a_validation_part_the_latest_is_the_best():
    """And the step of the parameters is `|w_t - w_{t-1}|` (lecture row C7)."""
    kept = history(Rules(min_change=1e-3))
    kept.remember_parameters({"W": np.zeros(2)})
    for k in (1, 2):
        kept.add_epoch(Means(1.0, 0.5), None, lambda k=k: {"W": np.array([3.0, 4.0]) * k}, 1.0, 1.0)
    assert int(kept.best.epoch) == 2
    assert [record.parameter_change for record in kept.records] == [5.0, 5.0]


class Unread(list):
    """Records that are not gone through from the first to the last."""

    def __iter__(self):
        raise AssertionError("a rule that is off reads all records")


def test_without_patience_a_long_run_does_not_go_through_its_records():
    """Each epoch asks: to read all records each time would take the square of their number."""
    kept = history(Rules(min_decrease=0.0), [3, 2, 1])
    kept.records = Unread(kept.records)
    assert kept.reason_to_stop() is None
    assert kept.epochs_ahead() > 10**6
    assert kept.rate_factor() == 1.0


def run(tmp_path, options):
    assert train.main([*options.split(), "--quiet", "--out", str(tmp_path)]) == 0
    return Run.open(tmp_path).read_metrics(), Run.open(tmp_path).read_json("summary.json")


def test_early_stopping_keeps_the_best(tmp_path):
    """Lecture row C7: it ends long before its last epoch, and what it saves is the best it saw."""
    lines, summary = run(tmp_path, "--dataset digits --epochs 500 --patience 4 --hidden 32")
    assert len(lines) < 200
    assert "no better validation accuracy for 4 epochs" in summary["stopped_early"]
    assert summary["valid_accuracy"] == max(record["valid_accuracy"] for record in lines)
    assert summary["best_epoch"] == len(lines) - 4
    assert train.main(["--resume", str(tmp_path), "--quiet"]) == 0  # stays where it stopped
    assert len(Run.open(tmp_path).read_metrics()) == len(lines)


def test_the_rate_is_divided_by_ten_on_a_plateau(tmp_path):
    """Lecture row C5."""
    options = "--dataset iris --epochs 60 --schedule plateau --plateau-patience 2 --optimizer sgd"
    lines, _ = run(tmp_path, f"{options} --learning-rate 3 --hidden 4")
    rates = [record["learning_rate"] for record in lines]
    assert rates[0] == pytest.approx(3)
    assert sorted(set(rates), reverse=True)[1] == pytest.approx(0.3)
    assert rates == sorted(rates, reverse=True)


def test_a_rate_is_not_divided_for_ever():
    """After sixty plateaus it is small and positive, so the records can be read again."""
    now = history(Rules(plateau=1), losses=[1.0])
    for _ in range(60):
        now.add_epoch(Means(1.0, 0.5), None, lambda: {"W": np.zeros(2)}, 0.0, 0.0)
    factors = [record.rate_factor for record in now.records]
    assert min(factors) == pytest.approx(1e-8, rel=1e-3)


def test_an_improvement_that_rounding_hides_is_none():
    equal = [Means(0.5, 0.75)] * 10
    assert Rules(patience=3, min_improvement=1e-18).epochs_without_progress(equal) == 9


@pytest.mark.parametrize("least", ["0", "0.02"])
def test_early_stopping_on_the_loss_keeps_the_lowest(tmp_path, least):
    options = "--dataset digits --epochs 500 --patience 4 --hidden 32 --monitor loss"
    lines, summary = run(tmp_path, f"{options} --min-improvement {least}")
    assert len(lines) < 200
    losses = [record["valid_loss"] for record in lines]
    assert summary["stopped_early"].startswith("no better validation loss")
    assert summary["best_epoch"] == len(lines) - 4
    best = losses[summary["best_epoch"] - 1]
    assert summary["valid_loss"] == pytest.approx(best, rel=1e-5)
    assert best - float(least) < min(losses) + 1e-9
