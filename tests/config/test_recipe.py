"""From what a user gives to a recipe and back: nothing is lost, nothing is left to be chosen."""

import dataclasses
import json

import numpy as np
import pytest

from jaxmlp.config.complete import complete
from jaxmlp.config.factory import build_model
from jaxmlp.config.names import OPTIMIZER_TABLE
from jaxmlp.config.options import Config
from jaxmlp.config.recipe import Numbers, recipe_of
from jaxmlp.data import Dataset, load
from jaxmlp.errors import InputError

CONFIGS = [
    ("digits", {}),
    ("digits", {"hidden": (8, 4), "activation": ("relu", "tanh"), "dropout": 0.1, "patience": 2}),
    ("iris", {"model": "softmax_regression", "valid_size": 0}),
    ("moons", {"model": "perceptron"}),
    ("iris", {"embed": "periodic", "ensemble": 3, "dropout": 0.0}),
    ("diabetes", {"loss": "huber", "clip_norm": 1.0, "schedule": "plateau"}),
    *(("iris", {"optimizer": name}) for name in OPTIMIZER_TABLE),
    ("iris", {"optimizer": "momentum", "momentum_schedule": "sutskever", "weight_decay": 0.1}),
    ("iris", {"optimizer": "adamw", "weight_decay": 0.0, "epsilon": 1e-6, "beta2": 0.99}),
    ("iris", {"optimizer": "momentum", "ema": 0.99, "sam": 0.1}),
    ("iris", {"max_norm": 3.0, "input_dropout": 0.2, "input_noise": 0.1}),
    ("iris", {"adversarial": 0.1}),
]


@pytest.mark.parametrize(("dataset", "given"), CONFIGS, ids=str)
def test_a_recipe_survives_its_journey_through_a_file(dataset, given):
    recipe = complete(Config(dataset=dataset, **given), load(dataset))
    saved = json.loads(json.dumps(recipe.to_config().to_dict()))
    assert recipe_of(Config.from_dict(saved, "config.json")) == recipe
    assert complete(Config.from_dict(saved, "config.json"), load(dataset)) == recipe
    assert hash(recipe) == hash(dataclasses.replace(recipe))


@pytest.mark.parametrize("optimizer", OPTIMIZER_TABLE)
def test_a_rule_has_its_own_numbers_and_no_others(optimizer):
    recipe = complete(Config(optimizer=optimizer), load("iris"))
    used = {"learning_rate", *OPTIMIZER_TABLE[optimizer].arguments.values()}
    for name, value in zip(Numbers._fields, recipe.numbers, strict=True):
        assert (value is not None) == (name in used), name
    own = {"adagrad": 1e-7}
    own |= dict.fromkeys(("rmsprop", "adam", "adamw", "muon", "schedule_free_adamw"), 1e-8)
    assert recipe.numbers.epsilon == own.get(optimizer)
    given = complete(Config(optimizer=optimizer, epsilon=1e-3), load("iris")).numbers.epsilon
    assert given == (1e-3 if optimizer in own else None)


@pytest.mark.parametrize(
    ("n", "valid", "batch", "epochs"),
    [(12, 1, 11, 2000), (600, 60, 128, 400), (60_000, 5000, 128, 10)],
)
def test_what_is_left_to_the_data_follows_from_their_size(n, valid, batch, epochs):
    x, y = np.zeros((n, 2), np.float32), np.arange(n, dtype=np.int32) % 3
    recipe = complete(Config(), Dataset("made", x, y, x[:1], y[:1], "multiclass", ("a", "b", "c")))
    assert (recipe.valid_size, recipe.batch_size, recipe.epochs) == (valid, batch, epochs)


@pytest.mark.parametrize(
    "name", ["task", "loss", "optimizer", "epochs", "learning_rate", "monitor", "dropout"]
)
def test_a_saved_configuration_must_be_complete(name):
    config = complete(Config(), load("iris")).to_config()
    with pytest.raises(InputError, match=f"run.json: {name} must be given in a run, got"):
        recipe_of(dataclasses.replace(config, **{name: None}), "run.json")


@pytest.mark.parametrize("optimizer", OPTIMIZER_TABLE)
def test_a_regression_at_the_default_rate_of_a_plain_rule_is_clipped(optimizer):
    """The default rates suit classes; a squared error has no bound, and the rate was too great."""
    plain = optimizer in ("sgd", "momentum", "nesterov", "schedule_free_sgd")
    data, asked = load("diabetes"), Config(optimizer=optimizer)
    recipe = complete(asked, data)
    assert recipe.numbers.clip_norm == (1.0 if plain else None)
    saved = Config.from_dict(json.loads(json.dumps(recipe.to_config().to_dict())), "config.json")
    assert complete(saved, data) == recipe_of(saved) == recipe
    given = complete(dataclasses.replace(asked, clip_norm=3.0), data)
    assert given.numbers.clip_norm == 3.0
    own_rate = complete(dataclasses.replace(asked, learning_rate=0.01), data)
    assert own_rate.numbers.clip_norm is None
    assert complete(asked, load("iris")).numbers.clip_norm is None


def test_a_run_that_was_saved_without_clipping_stays_without():
    """As version 0.1 saved it: the rate is given, and `null` stands for no limit."""
    recipe = complete(Config(optimizer="sgd"), load("diabetes")).to_config()
    earlier = dataclasses.replace(recipe, clip_norm=None)
    assert complete(earlier, load("diabetes")).numbers.clip_norm is None
    assert recipe_of(earlier).numbers.clip_norm is None


def made(n, dtype, task="multiclass", features=2):
    """Return a data set of `n` rows of one type."""
    x, y = np.zeros((n, features), dtype), np.arange(n, dtype=np.int32) % 2
    y = y[:, None].astype(np.float32) if task == "regression" else y
    return Dataset("made", x, y, x[:1], y[:1], task, ("a", "b") if y.ndim == 1 else ("y",))


@pytest.mark.parametrize(
    ("n", "task", "rate", "decay", "dropout"),
    [
        (100, "multiclass", 0.003, 1.5, 0.2),
        (10_000, "multiclass", 0.003, 1.5 / 9, 0.2),
        (100, "regression", 0.005, 1.0, 0.0),
        (1_000_000, "regression", 0.005, 0.1, 0.0),
    ],
)
def test_a_table_has_defaults_of_its_own_by_its_size(n, task, rate, decay, dropout):
    recipe = complete(Config(), made(n, np.float64, task))
    assert (recipe.preprocessing, recipe.monitor) == ("robust", "loss")
    assert (recipe.dropout, recipe.numbers.learning_rate) == (dropout, rate)
    assert recipe.numbers.weight_decay == pytest.approx(decay)


@pytest.mark.parametrize(
    "data", [made(300, np.float32), made(300, np.uint8), load("digits"), load("moons")], ids=str
)
def test_all_other_data_keep_theirs(data):
    recipe = complete(Config(), data)
    assert (recipe.preprocessing, recipe.monitor, recipe.dropout) == ("auto", "score", 0.0)
    assert recipe.numbers[:2] == (0.008, 0.1)


def test_explicit_options_win_over_the_defaults_of_a_table():
    given = {"preprocessing": "zscore", "monitor": "score", "dropout": 0.5, "learning_rate": 0.01}
    given |= {"weight_decay": 0.0, "epochs": 3}
    config = complete(Config(**given), made(300, np.float64)).to_config()
    assert {name: getattr(config, name) for name in given} == given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"hidden": ()}, {"dropout": 0.0}),
        ({"model": "softmax_regression"}, {"dropout": 0.0}),
        ({"valid_size": 0}, {"monitor": "score"}),
        ({"optimizer": "adam"}, {"preprocessing": "robust"}),
    ],
)
def test_no_default_of_a_table_is_idle(given, expected):
    """Nothing is dropped without hidden units, and nothing monitored without a validation part."""
    recipe = complete(Config(**given), made(300, np.float64))
    assert {name: getattr(recipe, name) for name in expected} == expected
    if "optimizer" in given:
        assert recipe.numbers[:2] == (OPTIMIZER_TABLE["adam"].rate, None)


def test_a_run_of_an_earlier_version_keeps_what_it_did():
    """Version 0.1 had no monitor: it chose by the score."""
    saved = complete(Config(), made(300, np.float64)).to_config().to_dict()
    saved |= {"preprocessing": "auto", "dropout": 0.0, "version": "0.1.0"}
    del saved["monitor"]
    config = Config.from_dict(saved, "config.json")
    recipe = complete(config, made(300, np.float64))
    assert (recipe.preprocessing, recipe.monitor, recipe.dropout) == ("auto", "score", 0.0)
    assert Config.from_dict({"hidden": [3]}, "mine.json").monitor is None


@pytest.mark.parametrize(
    ("fast", "given", "expected"),
    [
        (True, {}, "bfloat16"),
        (False, {}, "float32"),  # the device gains nothing
        (True, {"hidden": (63,)}, "float32"),
        (True, {"hidden": (128, 10)}, "float32"),
        (True, {"hidden": ()}, "float32"),
        (True, {"batch_size": 32}, "float32"),
        (True, {"model": "lenet"}, "float32"),
        (True, {"preprocessing": "none"}, "float32"),  # of 2014 and 2016 it makes one number
        (True, {"precision": "float32"}, "float32"),
        (False, {"precision": "bfloat16"}, "bfloat16"),
        (True, {"precision": "float64"}, "float64"),
    ],
)
def test_auto_takes_bfloat16_where_it_gains(monkeypatch, fast, given, expected):
    monkeypatch.setattr("jaxmlp.config.defaults.has_fast_bfloat16", lambda: fast)
    recipe = complete(Config(**{"dataset": "digits", "precision": "auto"} | given), load("digits"))
    assert recipe.precision == expected
    saved = recipe.to_config().to_dict()  # elsewhere, the run computes as it did here
    monkeypatch.setattr("jaxmlp.config.defaults.has_fast_bfloat16", lambda: not fast)
    assert complete(Config.from_dict(saved, "config.json"), load("digits")) == recipe


@pytest.mark.parametrize("name", ["piecewise", "periodic"])
def test_an_embedding_comes_before_the_first_kernel(name):
    recipe = complete(Config(embed=name, hidden=(4,), dropout=0.0), load("iris"))
    kinds = [layer.kind for layer in build_model(recipe, 3).layers]
    assert kinds == ["flatten", name, "dense", "relu", "dense"]
    with pytest.raises(InputError, match=f"embed is for an mlp, got {name} with softmax_regr"):
        complete(Config(embed=name, model="softmax_regression"), load("iris"))


def test_a_rule_has_its_own_momentum_and_schedule():
    """One cycle, but where an average takes the place of a falling rate."""
    own = {
        name: complete(Config(optimizer=name), load("iris"))
        for name in ("momentum", "muon", "schedule_free_sgd", "schedule_free_adamw")
    }
    found = {name: (recipe.numbers.momentum, recipe.schedule) for name, recipe in own.items()}
    assert found == {
        "momentum": (0.9, "one_cycle"),
        "muon": (0.95, "one_cycle"),
        "schedule_free_sgd": (None, "constant"),
        "schedule_free_adamw": (None, "constant"),
    }
    given = Config(optimizer="muon", momentum=0.9, schedule="cosine")
    recipe = complete(given, load("iris"))
    assert (recipe.numbers.momentum, recipe.schedule) == (0.9, "cosine")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"optimizer": "schedule_free_sgd", "schedule": "plateau"},
            "schedule_free_sgd takes schedule constant, got plateau",
        ),
        (
            {"optimizer": "schedule_free_adamw", "ema": 0.9},
            "ema does not apply to schedule_free_adamw, which keeps an average of its own",
        ),
        (
            {"optimizer": "schedule_free_sgd", "optimizer_source": "optax", "beta1": 0.0},
            "beta1 of Optax's schedule_free_sgd must be positive, got 0",
        ),
        (
            {"optimizer": "muon", "model": "softmax_regression"},
            "muon is for the kernels of hidden layers, and there are none",
        ),
        ({"optimizer": "muon", "hidden": ()}, "muon is for the kernels of hidden layers"),
        (
            {"optimizer": "muon", "momentum_schedule": "sutskever"},
            "needs the hand-written momentum or nesterov, got muon",
        ),
    ],
)
def test_what_a_rule_cannot_be_combined_with(given, message):
    with pytest.raises(InputError) as caught:
        complete(Config(**given), load("iris"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ema": 1.0}, "ema must be in (0, 1), got 1"),
        ({"ema": 0.0}, "ema must be in (0, 1), got 0"),
        ({"sam": 0.0}, "sam must be a finite positive number, got 0"),
    ],
)
def test_numbers_that_can_never_be_right(given, message):
    with pytest.raises(InputError) as caught:
        Config(**given)
    assert message in str(caught.value)


RATES = ("learning_rate", "epsilon", "weight_decay", "clip_norm", "initializer_scale")


@pytest.mark.parametrize("name", RATES)
def test_a_number_that_float32_does_not_hold_is_refused(name):
    """No warning of an overflow, and no run at a rate of infinity; float64 holds it."""
    for value in (1e39, 1e308):
        for precision in ("float32", "bfloat16"):
            config = Config(**{name: value, "precision": precision, "optimizer": "adamw"})
            with pytest.raises(InputError) as error:
                complete(config, load("iris"))
            words = "at most 3.402823e+38, the greatest number of float32; precision float64 holds"
            assert str(error.value) == f"{name} must be {words} more, got {value}"
        config = Config(**{name: value, "precision": "float64", "optimizer": "adamw"})
        assert complete(config, load("iris")).to_config() is not None
    complete(Config(**{name: 3e38}), load("iris"))


def test_the_patience_of_plateau_needs_plateau():
    assert complete(Config(schedule="plateau", plateau_patience=5), load("iris"))
    with pytest.raises(InputError) as error:
        complete(Config(plateau_patience=5, schedule="cosine"), load("iris"))
    assert str(error.value) == "plateau_patience applies only to plateau, got 5 with cosine"
