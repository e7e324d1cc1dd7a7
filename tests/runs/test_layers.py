"""The layers of a network in words: at the start of `train`, and in what `jaxmlp.load` returns."""

import re

import jax
import numpy as np
import pytest

import jaxmlp
from jaxmlp import train
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.runs.layers import layers_in_words
from jaxmlp.runs.network import Network

pytestmark = pytest.mark.usefixtures("compile_quickly")

CONFIGS = {
    "mlp": Config(dataset="digits", hidden=(16, 8), dropout=0.1),
    "linear": Config(dataset="iris", hidden=()),
    "prelu, normalised": Config(dataset="wine", activation=("prelu",), layer_norm=True),
    "embedding": Config(dataset="iris", embed="piecewise"),
    "ensemble": Config(dataset="iris", hidden=(5,), ensemble=3),
    "bfloat16": Config(dataset="iris", hidden=(5,), precision="bfloat16"),
    "deep": Config(dataset="xor", hidden=(4,) * 30, batch_size=4),
    "lenet": Config(dataset="mnist_5k", model="lenet"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_total_is_the_number_of_parameters_in_the_tree(name):
    config = CONFIGS[name]
    problem = pose_problem(config, load(config.dataset))
    params = jax.eval_shape(problem.trainer.init, np.uint32(0)).params
    lines = layers_in_words(problem.recipe, problem.signature).splitlines()
    total = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert lines[-1].split() == ["total", f"{total:,}"]
    assert len(lines) <= 16
    each = [line for line in lines[1:-1] if "such networks" not in line]
    own = sum(int(line.split()[-1].replace(",", "")) for line in each)
    assert problem.recipe.ensemble * own == total


def test_a_loaded_network_says_what_it_is(digits_run):
    """On one screen: run, data, task, layers, total."""
    network = jaxmlp.load(digits_run)
    assert repr(network) == (
        "Network\n"
        f"run     {digits_run}\n"
        "data    digits\n"
        "task    multiclass, 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n"
        "input   8 x 8 x 1\n"
        "\n"
        "layer                    output  parameters\n"
        "flatten, dense 32, relu      32       2,080\n"
        "dense 10                     10         330\n"
        "total                                 2,410"
    )
    alone = Network(network.recipe, network.signature, network.params)
    assert "\nrun " not in repr(alone)


def test_a_result_knows_its_folder(tmp_path):
    config = Config(dataset="xor", hidden=(2,), epochs=1, batch_size=4)
    results = [jaxmlp.fit(config, out=out) for out in (None, tmp_path / "run")]
    assert [result.network.path for result in results] == [None, tmp_path / "run"]
    assert repr(results[1].network) == repr(jaxmlp.load(tmp_path / "run"))


def test_names_of_users_stay_on_their_lines(tmp_path):
    """A class with a line end, and hundreds of classes."""
    x = np.random.default_rng(0).normal(size=(400, 3))
    y = np.array([f"a\n{k % 100}{'z' * 20}" for k in range(400)])
    network = jaxmlp.fit(Config(hidden=(2,), epochs=1), (x, y)).network
    lines = repr(network).splitlines()
    assert [line.split()[0] for line in lines if line] == [
        *("Network", "data", "task", "input", "layer", "dense", "dense", "total")
    ]
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("quiet", [True, False])
def test_train_begins_with_the_layers_unless_it_is_quiet(quiet, tmp_path, capsys):
    line = ["xor", "--hidden", "3", "--epochs", "1", "--batch-size", "4"]
    assert train.main([*line, *["--quiet"] * quiet, "--out", str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    found = re.search(r"\n\nlayer .*?parameters\n(.*)\ntotal +13\n\nepoch 1/1", out, re.S)
    assert (out == "") == quiet
    assert (found is None) == quiet
    if found:
        assert [row.split()[-1] for row in found[1].splitlines()] == ["9", "4"]
