"""The fold of a run: the word that names it, and the examples that it leaves for training."""

from dataclasses import replace

import numpy as np
import pytest

from jaxmlp.config.complete import complete
from jaxmlp.config.folds import fold_parts, parse_fold
from jaxmlp.config.options import Config
from jaxmlp.data import Dataset, load
from jaxmlp.errors import InputError

NOT_FOLDS = ["", "2", "/", "2/", "/5", "0/5", "6/5", "1/1", "-1/5", "1/5/2", "01/5", "1 /5", "²/5"]


@pytest.mark.parametrize("word", [*NOT_FOLDS, "a/b", "1/" + "9" * 10])
def test_a_word_that_names_no_fold(word):
    for named in (parse_fold, lambda word: Config(fold=word)):
        with pytest.raises(InputError, match=r"^fold must be K/N with N at least 2 and K from 1"):
            named(word)


def test_a_word_that_names_a_fold():
    assert parse_fold("2/5") == (2, 5)
    assert parse_fold("12/12") == (12, 12)


def made(rows=60, **fields):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows, 2)), np.arange(rows, dtype=np.int32) % 3
    return Dataset("made", x, y, x[:3], y[:3], "multiclass", ("a", "b", "c"), **fields)


@pytest.mark.parametrize("kind", ["classes", "groups", "own validation part", "regression"])
def test_every_example_validates_once(kind):
    groups = np.arange(60) // 4
    fields = {"groups": {"groups": groups}, "own validation part": {"valid": 20}}.get(kind, {})
    data = load("diabetes") if kind == "regression" else made(**fields)
    many, parts = len(data.y_train), [fold_parts(data, f"{k}/5", 3) for k in range(1, 6)]
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(many))
    for rest, held in parts:
        assert sorted([*rest, *held]) == list(range(many))
        if kind == "groups":
            assert not {*groups[rest]} & {*groups[held]}
        elif kind != "regression":
            assert np.bincount(data.y_train[held]).tolist() == [4, 4, 4]


def test_folds_know_no_time():
    with pytest.raises(InputError, match="folds do not apply to examples ordered in time: a netw"):
        fold_parts(made(ordered=True), "1/3", 0)


def test_a_recipe_with_a_fold_validates_on_it_and_chooses_nothing_by_it():
    data = made(rows=61)
    recipes = [complete(Config(fold=f"{k}/4"), data) for k in range(1, 5)]
    assert sorted(recipe.valid_size for recipe in recipes) == [15, 15, 15, 16]
    assert {recipe.monitor for recipe in recipes} == {"last"}
    assert complete(recipes[0].to_config(), data) == recipes[0]
    assert complete(Config(fold="1/4", monitor="loss"), data).monitor == "loss"
    quantiles = complete(Config(fold="1/4", loss="quantile"), load("diabetes"))
    assert quantiles.monitor == "last"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"valid_size": 9},
            "valid_size must be left out with fold 1/4, which has 15 examples",
        ),
        ({"patience": 3}, "patience 3 needs monitor score or loss, got last"),
        ({"min_improvement": 0.1}, "min_improvement 0.1 needs monitor score or loss, got last"),
    ],
)
def test_what_contradicts_a_fold(given, message):
    with pytest.raises(InputError, match=message):
        complete(replace(Config(fold="1/4"), **given), made())
