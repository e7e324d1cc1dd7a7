"""Parts of one's own from a file: they train like ours, are recorded, and are named again."""

import dataclasses
import hashlib
import json
import pickle

import numpy as np
import pytest

import jaxmlp
from jaxmlp import evaluate, find_rate, gradcheck, predict, train
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import parts_of
from jaxmlp.errors import InputError
from jaxmlp.explain import __main__ as explain_command
from jaxmlp.export import __main__ as export_command
from jaxmlp.play import __main__ as play_command
from jaxmlp.sweep import __main__ as sweep_command
from tests.helpers import assert_refused, assert_trees_identical

pytestmark = pytest.mark.usefixtures("compile_quickly")

SOURCE = """
import jax
import jax.numpy as jnp
from jaxmlp import nn
from jaxmlp.nn.activations import elementwise
from jaxmlp.nn.losses import loss


@elementwise
def relu(z):
    return jnp.where(z <= 0, 0, z * jnp.sign(z))


relu.defderivative(lambda z, a: jnp.sign(a))


def bent(z):
    return jnp.where(z <= 0, 0, z * jnp.sign(z))


def leaky():
    return nn.prelu()


@loss
def errors(z, y):
    return jnp.sum((z - y) ** 2, axis=1)


errors.defgradient(lambda z, y: 2 * (z - y))


def distance(z, y):
    return jnp.sum((z - y) ** 2, axis=1)


def descent(rate):
    def update(gradients, state, params=None):
        return jax.tree.map(lambda g: -rate * g, gradients), state

    return (lambda params: ()), update


def small(key, shape, dtype):
    return 0.01 * jax.random.normal(key, shape, dtype)


def net(outputs):
    return nn.mlp([4], outputs)


narrow = net
"""
SMALL = {"dataset": "sine", "hidden": (4,), "epochs": 1, "batch_size": 128, "valid_size": 20}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder with a file of parts."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("mine.py").write_text(SOURCE)
    return tmp_path


def checksum(path="mine.py"):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


OURS = {  # copies, and ours
    "parts": (
        {
            "activation": ("mine.py:relu", "mine.py:leaky"),
            "loss": "mine.py:errors",
            "optimizer": "mine.py:descent",
            "initializer": "mine.py:small",
        },
        {
            "activation": ("relu", "prelu"),
            "loss": "mse",
            "optimizer": "sgd",
            "initializer": "normal",
        },
        {"hidden": (4, 4), "learning_rate": 0.1},
    ),
    "plain functions": (
        {"activation": ("tanh", "mine.py:bent"), "loss": "mine.py:distance"},
        {"activation": ("tanh", "relu"), "loss": "mse"},
        {"hidden": (4, 4), "gradient": "autodiff"},
    ),
    "model": ({"model": "mine.py:net"}, {"hidden": (4,)}, {}),
}


def as_options(given):
    """Return fields as the options of a command."""
    many = {k: v if isinstance(v, tuple) else (v,) for k, v in given.items()}
    return [w for k, v in many.items() for w in (f"--{k.replace('_', '-')}", *map(str, v))]


@pytest.mark.parametrize("name", OURS)
def test_copies_on_the_command_line_train_to_the_bytes_of_ours_in_python(name):
    copies, ours, given = OURS[name]
    first = jaxmlp.fit(Config(**{**SMALL, **given, **ours}))
    small = {field: value for field, value in SMALL.items() if field != "hidden"}
    options = as_options({**small, **given, **copies})
    assert train.main([*options, "--out", "run", "--quiet"]) == 0
    network = jaxmlp.load("run", parts="mine.py")
    assert_trees_identical(network.params, first.network.params)
    with open("run/metrics.jsonl") as file:
        assert json.loads(file.readline())["train_loss"] == first.records[0].train.loss


def test_what_a_run_records():
    result = jaxmlp.fit(Config(**SMALL, activation=("mine.py:relu",)), out="run")
    part = f"mine.py:relu@{checksum()}"
    with open("run/config.json") as file:
        assert json.load(file)["activation"] == [part]
    record = {"field": "activation", "name": "relu", "file": "mine.py", "sha256": checksum()}
    assert result.summary["parts"] == [record]
    with open("run/summary.json") as file:
        assert json.load(file)["parts"] == [record]
    assert result.network.recipe.activation == (part,)
    again = pickle.loads(pickle.dumps(result.network.recipe.activation[0]))
    assert (again, again.made) == (part, None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with all kinds of parts but a model."""
    path = tmp_path_factory.mktemp("own")
    file = path / "mine.py"
    file.write_text(SOURCE)
    parts = {"activation": (f"{file}:relu",), "loss": f"{file}:errors"}
    parts |= {"optimizer": f"{file}:descent", "initializer": f"{file}:small"}
    jaxmlp.fit(Config(**SMALL, **parts), out=path / "run")
    return str(path / "run")


def missing(run):
    """Return the calls that reopen a run, with a line's beginning."""
    np.save("x.npy", np.zeros((2, 1)))
    return {
        "evaluate": (evaluate.main, [run]),
        "predict": (predict.main, [run, "x.npy"]),
        "gradcheck": (gradcheck.main, ["--run", run]),
        "explain": (explain_command.main, ["--run", run]),
        "train": (train.main, ["--resume", run, "--epochs", "2"]),
        "find_rate": (find_rate.main, ["--config", f"{run}/config.json"]),
        "export": (export_command.main, [run, "card.md"]),
    }


def test_every_command_says_what_a_run_needs(run, capsys):
    for name, (main, arguments) in missing(run).items():
        assert_refused(capsys, name, main, arguments, "by --parts (parts= in Python); it needs")
        needs = "activation relu, initializer small, loss errors, optimizer descent"
        assert_refused(capsys, name, main, arguments, f"mine.py with {needs}, SHA-256 {checksum()}")
    with pytest.raises(InputError, match="no code is taken from a run"):
        jaxmlp.load(run)


def test_every_command_takes_the_file_when_it_is_named(run, capsys, folder):
    """Whatever its folder and its name are today."""
    folder.joinpath("mine.py").rename("renamed.py")
    for name, (main, arguments) in missing(run).items():
        if name != "train":
            assert main([*arguments, "--parts", "renamed.py"]) == 0, name
    out = capsys.readouterr().out
    assert "renamed.py:relu" in out
    assert "ok" in out
    assert jaxmlp.load(run, parts=["renamed.py"]).predict(np.zeros((2, 1))).shape == (2,)


def test_a_run_goes_on_with_its_parts_as_the_longer_run(folder):
    given = {**SMALL, "activation": ("mine.py:relu",), "optimizer": "mine.py:descent"}
    whole = jaxmlp.fit(Config(**given | {"epochs": 2, "schedule": "constant"}))
    jaxmlp.fit(Config(**given, schedule="constant"), out="run")
    options = ["--resume", "run", "--epochs", "2", "--quiet"]
    assert train.main([*options, "--parts", "mine.py"]) == 0
    assert (
        train.main(["--resume", "run", "--activation", "mine.py:relu", "--parts", "mine.py"]) == 0
    )
    assert_trees_identical(jaxmlp.load("run", parts="mine.py").params, whole.network.params)


def test_a_changed_file_is_refused_unless_the_user_knows(run, capsys, folder):
    folder.joinpath("mine.py").write_text(SOURCE + "# changed\n")
    assert_refused(
        capsys, "evaluate", evaluate.main, [run, "--parts", "mine.py"], "--changed-parts"
    )
    old = hashlib.sha256(SOURCE.encode()).hexdigest()
    words = f"its SHA-256 was {old}, now {checksum()}"
    assert_refused(capsys, "evaluate", evaluate.main, [run, "--parts", "mine.py"], words)
    more = ["--resume", run, "--epochs", "2", "--parts", "mine.py"]
    assert_refused(capsys, "train", train.main, more, f"now {checksum()}\n")
    assert evaluate.main([run, "--parts", "mine.py", "--changed-parts", "--json"]) == 0
    network = jaxmlp.load(run, parts="mine.py", changed_parts=True)
    assert network.recipe.activation[0].checksum == checksum()


def test_a_file_that_is_none_of_the_run_s(run, capsys, folder):
    folder.joinpath("other.py").write_text("")
    other = [run, "--parts", "other.py"]
    assert_refused(capsys, "evaluate", evaluate.main, other, "got other.py; it needs mine.py with")
    jaxmlp.fit(Config(**SMALL), out="plain")
    words = "--parts mine.py does not apply: the run has no parts of its own"
    assert_refused(capsys, "evaluate", evaluate.main, ["plain", "--parts", "mine.py"], words)


def test_code_in_a_run_folder_is_never_run(capsys, folder):
    """Neither a file that lies there, nor one that its configuration names without a checksum."""
    jaxmlp.fit(Config(**SMALL, activation=("mine.py:relu",)), out="run")
    trap = "raise SystemExit('run')\n"
    folder.joinpath("mine.py").unlink()
    folder.joinpath("run", "mine.py").write_text(trap)
    assert_refused(capsys, "evaluate", evaluate.main, ["run"], "no code is taken from a run")
    config = folder / "run" / "config.json"
    for value in ("run/mine.py:relu", f"run/mine.py:relu@{checksum('run/mine.py')}"):
        saved = json.loads(config.read_text()) | {"activation": [value]}
        config.write_text(json.dumps(saved))
        options = ["--config", str(config), "--out", "new"]
        assert_refused(capsys, "train", train.main, options, "activation must be FILE.py:NAME@SHA")


def test_another_run_starts_from_one_with_parts(folder):
    jaxmlp.fit(Config(**SMALL, activation=("mine.py:relu",)), out="run")
    options = ["--dataset", "sine", "--init-from", "run", "--epochs", "1", "--quiet", "--out"]
    assert train.main([*options, "a", "--parts", "mine.py"]) == 0
    assert train.main([*options, "b", "--hidden", "4", "--activation", "mine.py:relu"]) == 0
    a, b = (jaxmlp.load(name, parts="mine.py") for name in "ab")
    assert_trees_identical(a.params, b.params)


def test_other_programs_do_not_know_them(capsys):
    for given, words in (
        (
            {"activation": ("mine.py:relu",)},
            "your own, mine.py:relu of run",
        ),
        (
            {"model": "mine.py:net", "hidden": None},
            "your own, mine.py:net of run",
        ),
    ):
        jaxmlp.fit(Config(**{**SMALL, **given}), out="run", overwrite=True)
        for file in ("net.onnx", "net.py", "net.js"):
            arguments = ["run", file, "--parts", "mine.py"]
            assert_refused(capsys, "export", export_command.main, arguments, words)
        assert_refused(capsys, "export", export_command.main, ["run"], words)
        page = f"the page does not know parts of {words}"
        assert_refused(capsys, "play", play_command.main, ["--run", "run"], page)


def test_a_sweep_with_two_versions_of_a_part(capsys, folder):
    """Each has a program of its own; the sweep goes on when both files are named again."""
    folder.joinpath("new").mkdir()
    changed = SOURCE.replace("jnp.sign(a)", "2 * jnp.sign(a)")
    folder.joinpath("new", "mine.py").write_text(changed)
    grid = "activation=mine.py:relu,new/mine.py:relu"
    options = ["--dataset", "sine", "--hidden", "4", "--epochs", "1", "--quiet", "--out", "s"]
    options += ["--optimizer", "sgd"]  # Adam's step is the same for twice the gradient
    assert sweep_command.main([*options, "--grid", grid]) == 0
    with open("s/results.csv") as file:
        rows = [line.split(",") for line in file.read().splitlines()[1:]]
    sums = [checksum()[:8], checksum("new/mine.py")[:8]]
    assert [row[1] for row in rows] == [f"mine.py:relu@{part}" for part in sums]
    assert rows[0][5] != rows[1][5]
    folder.joinpath("s", "summary.json").unlink()
    more = ["--resume", "s", "--quiet"]
    assert_refused(capsys, "sweep", sweep_command.main, more, "no code is taken from a run")
    assert sweep_command.main([*more, "--parts", "mine.py", "--parts", "new/mine.py"]) == 0


def test_a_part_in_python_is_that_of_the_command_line():
    config = Config(activation=("mine.py:relu", "relu"), optimizer="mine.py:descent")
    assert parts_of(config).keys() == {"activation", "optimizer"}
    assert dataclasses.replace(config, seed=1).activation == config.activation
    assert f"{config.optimizer}" == "mine.py:descent"
    saved = Config.from_dict(json.loads(json.dumps(config.to_dict())), "a file")
    assert saved == config
    with pytest.raises(InputError, match="no code is taken from a run"):
        _ = saved.optimizer.value
    named = f"mine.py:relu@{checksum()}"
    assert Config(activation=(named,)).activation == (named,)
    with pytest.raises(InputError, match="has changed since the run took relu"):
        Config(activation=(f"mine.py:relu@{'0' * 64}",))
