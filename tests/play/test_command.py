"""The command that the page shows: `jaxmlp.train` reads it, and does what the page does."""

import dataclasses
import json
import shlex

import numpy as np
import pytest

from jaxmlp import train
from jaxmlp.config.complete import complete
from jaxmlp.config.options import Config, config_from
from jaxmlp.config.problem import signature_of
from jaxmlp.data import with_task
from jaxmlp.play.columns import choose_columns
from jaxmlp.play.content import USUAL, dataset_record
from jaxmlp.runs.data import load_data
from tests.play.engine_cases import ask, page

pytestmark = pytest.mark.usefixtures("compile_quickly")

ASKED = """
const commandOf = (state, dataset) => JSON.stringify(jaxmlp.commandOf(state, dataset));
const filesOf = (state, dataset) => JSON.stringify(jaxmlp.filesOf(state, dataset));
"""
STATE = {
    "hidden": [8, 4], "activation": ["tanh", "tanh"], "initializer": "he_normal", "dropout": 0,
    "optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant", "batch_size": 2,
    "weight_decay": 0, "seed": 0, "epochs": 3, "noise": None, "train": None,
}  # fmt: skip
EXPECTED = {
    "hidden": (8, 4), "activation": ("tanh",), "initializer": "he_normal", "dropout": 0.0,
    "optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant", "batch_size": 2,
    "weight_decay": 0.0, "seed": 0, "epochs": 3, "valid_size": 0,
}  # fmt: skip
CASES = {  # what the page says, and what the configuration has then
    "usual": ({}, {}),
    "each activation": (
        {"activation": ["relu", "leaky_relu"], "alpha": 0.2},
        {"activation": ("relu", "leaky_relu"), "alpha": 0.2},
    ),
    "no hidden layer": (
        {"hidden": [], "activation": []},
        {"hidden": (), "activation": ("relu",), "dropout": None},
    ),
    "one layer": (
        {"hidden": [5], "activation": ["gelu"]},
        {"hidden": (5,), "activation": ("gelu",)},
    ),
    "initializer": (
        {"initializer": "uniform", "initializer_scale": 0.25},
        {"initializer": "uniform", "initializer_scale": 0.25},
    ),
    "fan": (
        {"initializer": "xavier_normal", "fan": "fan_out"},
        {"initializer": "xavier_normal", "fan": "fan_out"},
    ),
    "loss": ({"loss": "cross_entropy"}, {"loss": "cross_entropy"}),
    "rule": (
        {"optimizer": "momentum", "momentum": 0.8, "clip_norm": 1.5},
        {"optimizer": "momentum", "momentum": 0.8, "clip_norm": 1.5},
    ),
    "adam": (
        {"optimizer": "adam", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-7, "learning_rate": 1e-9},
        {"optimizer": "adam", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-7, "learning_rate": 1e-9},
    ),
    "rmsprop": ({"optimizer": "rmsprop", "decay": 0.7}, {"optimizer": "rmsprop", "decay": 0.7}),
    "schedule": (
        {"schedule": "cosine_restarts", "restarts": 2, "schedule_end": 0.1},
        {"schedule": "cosine_restarts", "restarts": 2, "schedule_end": 0.1},
    ),
    "regularised": (
        {"dropout": 0.5, "weight_decay": 0.01, "seed": 4294967295},
        {"dropout": 0.5, "weight_decay": 0.01, "seed": 4294967295},
    ),
    "no scaling": ({"preprocessing": "none"}, {"preprocessing": "none"}),
}


@pytest.fixture(scope="module")
def v8():
    with page(more=ASKED) as ready:
        yield ready


def configuration(command):
    """What `jaxmlp.train` reads of a command, as a shell hands it over."""
    *program, name = (words := shlex.split(command))[:3]
    assert [*program, name] == ["python", "-m", "jaxmlp.train"]
    given = vars(train.make_parser().parse_args(words[3:]))
    options = {name for name in vars(Config()) if name in given}
    return config_from({name: given[name] for name in options}, None)


def record_of(**given):
    config = Config(**given)
    return dataset_record(config, load_data(config))


@pytest.mark.parametrize("case", CASES)
def test_train_reads_the_command(v8, case):
    said, changed = CASES[case]
    command = ask(v8, "commandOf", STATE | said, record_of(dataset="xor"))
    assert configuration(command) == Config(dataset="xor", **(EXPECTED | changed))


@pytest.mark.parametrize("name", USUAL)
def test_train_takes_the_command(v8, name):
    """No option of it is refused, or would have no effect."""
    record = record_of(dataset=name)
    config = configuration(ask(v8, "commandOf", STATE, record))
    recipe = complete(config, load_data(config))
    for field in EXPECTED.keys() - {"learning_rate", "weight_decay"}:
        assert getattr(recipe, field) == EXPECTED[field], field
    assert recipe.numbers.learning_rate == 0.1
    assert scaling_kind(config, load_data(config)) == record["preprocessing"]["kind"]


def scaling_kind(config, dataset):
    """How `jaxmlp.train` scales the inputs."""
    signature = signature_of(complete(config, dataset), dataset, np.arange(len(dataset.x_train)))
    return signature.preprocessing.kind


def write_table(path, columns=("height", "the weight", "it's")):
    """Write a table of two classes, whose name and columns need quotes in a shell."""
    rng = np.random.default_rng(0)
    kinds = '"a, ""b"""', "c"
    rows = [",".join([*map(str, rng.normal(size=len(columns))), kinds[n % 2]]) for n in range(40)]
    path.write_text("\n".join([",".join([*columns, "kind"]), *rows]) + "\n")
    return path


def write_labels(path):
    """Write a table of which each row has two labels."""
    rng = np.random.default_rng(1)
    rows = [f"{x},{y},{n % 2},{n % 3 % 2}" for n, (x, y) in enumerate(rng.normal(size=(40, 2)))]
    path.write_text("\n".join(["x1,x2,yes,no", *rows]) + "\n")
    return path


def test_a_table_keeps_its_options(v8, tmp_path):
    file = write_table(tmp_path / "my table's.csv")
    given = {"target": "kind", "drop": ("the weight", "it's")}
    record = record_of(dataset=str(file), **given)
    assert str(tmp_path) not in json.dumps(record), "a page says no folder of its maker"
    command = ask(v8, "commandOf", STATE, record)
    assert configuration(command) == Config(dataset=file.name, **given, **EXPECTED)


@pytest.mark.parametrize("name", ["moons", "spirals", "sine", "table", "numbers", "labels"])
def test_points_of_the_page_alone_become_files(v8, name, tmp_path):
    """The files hold the points of the page: with its noise, and as many as it trains on."""
    columns = ["height", '"the ""weight"", net"']
    table = {"dataset": str(write_table(tmp_path / "my.csv", columns)), "target": "kind"}
    numbers = {"dataset": str(write_table(tmp_path / "2.csv", list("abcd"))), "target": "b,d"}
    labels = {"dataset": str(write_labels(tmp_path / "3.csv")), "target": "yes,no"}
    tables = {"table": table, "numbers": numbers | {"drop": ("kind",)}, "labels": labels}
    given = tables.get(name, {"dataset": name})
    record, data = record_of(**given), load_data(Config(**given))
    said = STATE | {"train": 20} | ({"noise": 0.0} if record["noise"] else {})
    files = ask(v8, "filesOf", said, record)
    for each in files:
        assert "/" not in each["name"]
        (tmp_path / each["name"]).write_text(each["text"])
    config = configuration(ask(v8, "commandOf", said, record))
    assert {config.dataset, config.test} == {each["name"] for each in files}
    whole = {"dataset": str(tmp_path / config.dataset), "test": str(tmp_path / config.test)}
    made = with_task(load_data(dataclasses.replace(config, **whole)), config.task)
    assert made.task == data.task
    if data.task in ("binary", "multiclass"):
        assert list(made.classes) == [f"class {name}" for name in data.classes]
    assert (len(made.x_train), len(made.x_test)) == (20, len(data.x_test))
    assert made.y_train.ravel() == pytest.approx(data.y_train[:20].ravel(), abs=1e-6)
    if record["noise"]:  # without it moons and spirals lie on curves
        assert np.abs(made.x_train - data.x_train[:20]).max() > 0.01
    else:
        assert made.x_train == pytest.approx(data.x_train[:20], abs=1e-6)
    kind = scaling_kind(dataclasses.replace(config, **whole), made)
    assert kind == record["preprocessing"]["kind"]


def test_chosen_columns_of_a_package_s_table_become_files(v8, tmp_path):
    config = Config(dataset="iris")
    wanted = ["petal width (cm)", "sepal length (cm)"]
    config, chosen, as_file = choose_columns(config, load_data(config), wanted)
    record = dataset_record(config, chosen, as_file=as_file)
    files = ask(v8, "filesOf", STATE, record)
    assert [each["name"] for each in files] == ["iris.csv", "iris-test.csv"]
    (tmp_path / "iris.csv").write_text(files[0]["text"])
    made = load_data(Config(dataset=str(tmp_path / "iris.csv"), target="target", test_size=1))
    assert made.x_train.shape[1] == 2
    assert made.task == "multiclass"


def test_points_of_the_data_set_need_no_file(v8):
    assert ask(v8, "filesOf", STATE, record_of(dataset="moons")) == []
