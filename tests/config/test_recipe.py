"""From what a user gives to a recipe and back: nothing is lost, nothing is left to be chosen."""

import dataclasses
import json

import numpy as np
import pytest

from jaxmlp.config.names import OPTIMIZER_TABLE
from jaxmlp.config.options import Config
from jaxmlp.config.recipe import Numbers, complete, recipe_of
from jaxmlp.data import Dataset, load
from jaxmlp.errors import InputError

CONFIGS = [
    ("digits", {}),
    ("digits", {"hidden": (8, 4), "activation": ("relu", "tanh"), "dropout": 0.1, "patience": 2}),
    ("iris", {"model": "softmax_regression", "valid_size": 0}),
    ("moons", {"model": "perceptron"}),
    ("diabetes", {"loss": "huber", "clip_norm": 1.0, "schedule": "plateau"}),
    *(("iris", {"optimizer": name}) for name in OPTIMIZER_TABLE),
    ("iris", {"optimizer": "momentum", "momentum_schedule": "sutskever", "weight_decay": 0.1}),
    ("iris", {"optimizer": "adamw", "weight_decay": 0.0, "epsilon": 1e-6, "beta2": 0.99}),
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
    own = {"adagrad": 1e-7, "rmsprop": 1e-8, "adam": 1e-8, "adamw": 1e-8}
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


@pytest.mark.parametrize("name", ["task", "loss", "optimizer", "epochs", "learning_rate"])
def test_a_saved_configuration_must_be_complete(name):
    config = complete(Config(), load("iris")).to_config()
    with pytest.raises(InputError, match=f"run.json: {name} must be given in a run, got"):
        recipe_of(dataclasses.replace(config, **{name: None}), "run.json")
