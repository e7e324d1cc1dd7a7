"""What `alpha` and `epsilon_inside` set reaches every command, and old runs stay what they were."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmlp
from jaxmlp import gradcheck, optim, train
from jaxmlp.config.factory import build_optimizer
from jaxmlp.config.options import Config
from jaxmlp.config.recipe import recipe_of
from jaxmlp.explain import __main__ as explain
from jaxmlp.export import __main__ as export
from jaxmlp.runs.folder import Run
from jaxmlp.sweep import __main__ as sweep

pytestmark = pytest.mark.usefixtures("compile_quickly")

SMALL = ["--dataset", "iris", "--hidden", "4", "--epochs", "2", "--quiet"]
X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
FAR = np.array([[5.0, -3.0, 1.0], [-4.0, -4.0, 2.0], [0.1, 9.0, -9.0]])


def in_numpy(network, alpha, x):
    """The answers of a network with one hidden layer of leaky ReLU, written out."""
    first, last = (p for p in network.params if "W" in p)
    scaled = network.signature.preprocessing(x)
    z = scaled @ np.asarray(first["W"], float) + np.asarray(first["b"], float)
    a = np.where(z > 0, z, alpha * z)
    z = a @ np.asarray(last["W"], float) + np.asarray(last["b"], float)
    return 1 / (1 + np.exp(-z))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run whose leaky ReLU has another slope."""
    config = Config(hidden=(4,), activation=("leaky_relu",), alpha=0.4, epochs=2)
    out = tmp_path_factory.mktemp("runs") / "leaky"
    return jaxmlp.fit(config, (X, Y), out=out).network, out


def test_alpha_is_saved_and_reopened(made):
    network, out = made
    assert json.loads((out / "config.json").read_text())["alpha"] == 0.4
    again = jaxmlp.load(out)
    assert again.recipe.alpha == 0.4
    p = again.predict_proba(FAR)
    np.testing.assert_array_equal(p, network.predict_proba(FAR))
    np.testing.assert_allclose(p[:, 1], in_numpy(network, 0.4, FAR)[:, 0], rtol=1e-5)


def test_alpha_reaches_the_commands(made, tmp_path, capsys):
    """`gradcheck`, `explain` and `export` take the run's; the first two take the option too."""
    _, out = made
    numpy_file = tmp_path / "model.py"
    assert export.main([str(out), str(numpy_file)]) == 0
    assert '"alpha": 0.4' in numpy_file.read_text().replace("'", '"')
    options = ["--dataset", "xor", "--activation", "elu", "--alpha", "0.3", "--hidden", "3"]
    assert gradcheck.main(options) == 0
    capsys.readouterr()
    assert explain.main(options) == 0
    assert "0.3 (e^z[1] - 1)" in capsys.readouterr().out


def test_a_sweep_varies_both(tmp_path):
    """Each point is what `train` makes of its numbers."""
    grid = ["--grid", "alpha=0.1,0.9", "epsilon-inside=yes,no"]
    options = [*SMALL, "--activation", "leaky_relu", "--epsilon", "0.01"]
    assert sweep.main([*options, *grid, "--out", str(tmp_path / "sweep")]) == 0
    lines = (tmp_path / "sweep" / "results.csv").read_text().splitlines()
    losses = {row.split(",")[lines[0].split(",").index("valid_loss")] for row in lines[1:]}
    assert len(losses) == 4
    one = [*options, "--alpha", "0.9", "--no-epsilon-inside", "--out", str(tmp_path / "one")]
    assert train.main(one) == 0
    best = min(record["valid_loss"] for record in Run.open(tmp_path / "one").read_metrics())
    assert min(abs(float(loss) - best) for loss in losses) < 1e-4


def test_fine_tuning_takes_alpha_over(made):
    _, out = made
    start = Config(init_from=str(out), epochs=1)
    assert jaxmlp.fit(start, (X, Y)).network.recipe.alpha == 0.4
    with pytest.raises(jaxmlp.errors.InputError, match="alpha is that of the network in"):
        jaxmlp.fit(Config(init_from=str(out), alpha=0.2, activation=("leaky_relu",)), (X, Y))


@pytest.mark.parametrize(
    ("optimizer", "usual"),
    [("adagrad", True), ("rmsprop", True), ("adam", False), ("adamw", False)],
)
@pytest.mark.parametrize("source", ["manual", "optax"])
def test_without_the_switch_a_rule_has_its_own_form(optimizer, usual, source):
    """The first step, `dw / sqrt(g)` with epsilon of 1 inside or outside the root.

    Lecture row D10.
    """

    def first_step(inside):
        config = Config(
            task="regression", valid_size=0, loss="mse", optimizer=optimizer, learning_rate=0.5,
            batch_size=1, epochs=1, preprocessing="none", monitor="score", hidden=(), dropout=0.0,
            schedule="constant",
            optimizer_source=source, weight_decay=0.1, epsilon=1.0, beta2=0.9,
            epsilon_inside=inside,
        )  # fmt: skip
        rule = build_optimizer(recipe_of(config), optim.schedules.constant(0.5))
        w = jnp.zeros((1, 1))
        with jax.numpy_dtype_promotion("standard"):  # Optax needs it
            return float(rule.update(jnp.full((1, 1), 3.0), rule.init(w), w)[0][0, 0])

    mean_square = 0.9 if optimizer == "rmsprop" else 9.0
    by_hand = {True: 3 / np.sqrt(mean_square + 1), False: 3 / (np.sqrt(mean_square) + 1)}
    assert first_step(None) == pytest.approx(-0.5 * by_hand[usual], rel=1e-5)
    for inside in (True, False):
        if (optimizer, source, inside) != ("adagrad", "optax", False):
            assert first_step(inside) == pytest.approx(-0.5 * by_hand[inside], rel=1e-5)
