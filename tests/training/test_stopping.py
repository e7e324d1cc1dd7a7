"""When a run ends early and when its rate falls (C5, C7), rule by rule and in the loop."""

import pytest

from jaxmlp import train
from jaxmlp.runs.folder import Run
from jaxmlp.training.stopping import Rules, reason_to_stop, saturated, undisturbed


def records(losses=(), scores=None, factors=None, change=None):
    scores = scores or [0.5 + i / 100 for i in range(len(losses))]
    factors = factors or [1.0] * len(losses)
    rows = zip(losses, scores, factors, strict=True)
    return [
        {"train_loss": a, "valid_accuracy": b, "rate_factor": c, "parameter_change": change}
        for a, b, c in rows
    ]


@pytest.mark.parametrize(
    ("rules", "history", "word"),
    [
        (Rules(), records([1.0, 1.0, 1.0]), None),
        (Rules(patience=2), records([3, 2, 1], [0.9, 0.8, 0.8]), "no better validation accuracy"),
        (Rules(patience=2), records([3, 2, 1], [0.8, 0.9, 0.8]), None),
        (Rules(patience=2), records([3, 2, 1], [None, None, None]), None),
        (Rules(min_decrease=0.1), records([1.0, 0.95]), "the training loss changed by 0.05"),
        (Rules(min_decrease=0.1), records([1.0, 0.8]), None),
        (Rules(min_decrease=0.1), records([1.0]), None),
        (Rules(min_change=0.1), records([1.0], change=0.01), "the parameters moved by 0.01"),
        (Rules(min_change=0.1), records([1.0], change=1.0), None),
        (Rules(patience=1, min_decrease=1.0, min_change=1.0), [], None),
    ],
)
def test_reasons_to_stop(rules, history, word):
    reason = reason_to_stop(rules, history, "accuracy")
    assert (word is None and reason is None) or reason.startswith(word)


@pytest.mark.parametrize(
    ("losses", "factors", "expected"),
    [
        ([3, 2, 1, 1, 1], [1.0] * 5, True),
        ([3, 2, 1, 1, 0.9], [1.0] * 5, False),
        ([1, 1], [1.0] * 2, False),  # too soon to say
        ([1, 1, 1, 1], [1.0, 1.0, 0.1, 0.1], False),  # lowered two epochs ago
        ([1, 1, 1, 1, 1], [1.0, 1.0, 0.1, 0.1, 0.1], True),
    ],
)
def test_saturation(losses, factors, expected):
    assert saturated(Rules(plateau=2), records(losses, factors=factors)) == expected
    assert not saturated(Rules(), records(losses, factors=factors))


@pytest.mark.parametrize("scores", [[], [0.5], [0.5, 0.4], [0.5, 0.4, 0.6], [0.5, 0.5, 0.5]])
@pytest.mark.parametrize("patience", [3, 4, 9])
def test_no_rule_applies_sooner_than_said(patience, scores):
    """If no epoch gets better the run stops just then, and never before."""
    rules = Rules(patience=patience)
    ahead = undisturbed(rules, records([1] * len(scores), scores), "accuracy")
    for more in range(1, ahead + 1):
        worse = [*scores, *[0.1] * more]
        stops = reason_to_stop(rules, records([1] * len(worse), worse), "accuracy") is not None
        assert stops == (more == ahead + (not scores))  # the first of all is the best so far


@pytest.mark.parametrize("rule", ["min_decrease", "min_change", "plateau"])
def test_rules_of_change_may_apply_after_any_epoch(rule):
    assert undisturbed(Rules(**{rule: 2}), records([3, 2, 1]), "accuracy") == 1
    assert undisturbed(Rules(patience=5), records([1], [None]), "accuracy") == 5
    assert undisturbed(Rules(), records([3, 2, 1]), "accuracy") > 10**6


def run(tmp_path, options):
    assert train.main([*options.split(), "--quiet", "--out", str(tmp_path)]) == 0
    return Run.open(tmp_path).read_metrics(), Run.open(tmp_path).read_json("summary.json")


def test_early_stopping_keeps_the_best(tmp_path):
    """C7: it ends long before its last epoch, and what it saves is the best it saw."""
    history, summary = run(tmp_path, "--dataset digits --epochs 500 --patience 4 --hidden 32")
    assert len(history) < 200
    assert "no better validation accuracy for 4 epochs" in summary["stopped_early"]
    assert summary["valid_accuracy"] == max(record["valid_accuracy"] for record in history)
    assert summary["best_epoch"] == len(history) - 4
    assert train.main(["--resume", str(tmp_path), "--quiet"]) == 0  # stays where it stopped
    assert len(Run.open(tmp_path).read_metrics()) == len(history)


def test_the_rate_is_divided_by_ten_on_a_plateau(tmp_path):
    """C5."""
    options = "--dataset iris --epochs 60 --schedule plateau --plateau-patience 2 --optimizer sgd"
    history, _ = run(tmp_path, f"{options} --learning-rate 3 --hidden 4")
    rates = [record["learning_rate"] for record in history]
    assert rates[0] == pytest.approx(3)
    assert sorted(set(rates), reverse=True)[1] == pytest.approx(0.3)
    assert rates == sorted(rates, reverse=True)
