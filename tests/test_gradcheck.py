"""`python -m jaxmlp.gradcheck`: right gradients pass, and a wrong one does not."""

import dataclasses
import functools
import json

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import gradcheck, nn
from jaxmlp.config import network_rows
from jaxmlp.config.gradient_rows import STEP
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import load
from jaxmlp.nn import activations
from jaxmlp.runs.folder import CONFIG, Run
from jaxmlp.runs.network import Network, save_network
from jaxmlp.training import begin

pytestmark = pytest.mark.usefixtures("compile_quickly")


@functools.cache
def inspected(**given):
    return gradcheck.load_inspected(None, given, gradcheck.Options, gradcheck.HIDDEN)


@pytest.fixture
def small(monkeypatch):
    """Let the command check a network that is made only once."""
    made = inspected(hidden=(3, 2), activation=("relu", "tanh"))
    monkeypatch.setattr(gradcheck, "load_inspected", lambda *_: made)


def saved_run(path, **given):
    """Save a network as training does, without the training."""
    config = Config(**given)
    problem = pose_problem(config, load(config.dataset))
    path.mkdir()
    run = Run(path)
    run.write_json(CONFIG, problem.recipe.to_config().to_dict())
    params = begin(problem.trainer, config.seed)[1].params
    save_network(run, Network(problem.recipe, problem.signature, params))
    return path


def checked(capsys, *arguments):
    """Run the command and return its status and what it printed."""
    status = gradcheck.main([*map(str, arguments)])
    captured = capsys.readouterr()
    assert captured.err == ""
    return status, captured.out


def test_the_default(capsys):
    status, out = checked(capsys, "--json")
    found = json.loads(out)
    assert (status, found["ok"], found["dataset"], found["examples"]) == (0, True, "moons", 8)
    rows = [row for row in found["rows"] if row["parameter"]]
    assert [(row["number"], row["parameter"]) for row in rows] == [
        (0, "x"),
        *((k, name) for k in (2, 4, 6) for name in ("W", "b")),
    ]
    assert [row["layer"] for row in found["rows"] if not row["parameter"]] == [
        "flatten",
        "relu",
        "relu",
    ]
    for row in rows:
        assert row["taken"] == np.prod(row["shape"])
        assert row["machine"] < 1e-14  # two digits better than what passes
        assert row["differences"] < 1e-8
    assert found["tolerances"] == {"machine": 1e-12, "differences": 1e-6}


def test_a_run_s_class_weights_take_part(tmp_path, monkeypatch):
    path = saved_run(tmp_path / "run", dataset="breast_cancer", class_weights="balanced")
    run = gradcheck.load_inspected(str(path), {}, gradcheck.Options, gradcheck.HIDDEN)
    labels, seen = run.dataset.y_train[run.train], []
    compare = network_rows.network_rows
    monkeypatch.setattr(
        network_rows, "network_rows", lambda *given: seen.append(given[3]) or compare(*given)
    )
    assert all(row.ok for row in gradcheck.check_gradient(run, 8))
    _, targets, weights, _ = seen[0]
    shares = [np.mean(labels == label) for label in targets[:, 0]]
    np.testing.assert_allclose(weights, [1 / (2 * share) for share in shares])
    assert len(set(weights)) == 2


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("layer", "number"), [("1", 1), ("relu", 3), ("dense 1", 6)])
def test_a_wrong_sign_is_noticed(capsys, layer, number):
    """In any layer; it shows in that layer's parameters and in all before it, and nowhere else."""
    status, out = checked(capsys, "--break", layer, "--json")
    found = json.loads(out)
    assert (status, found["ok"]) == (1, False)
    for row in found["rows"]:
        if row["parameter"]:
            spoilt = row["number"] <= number
            assert row["ok"] is not spoilt
            assert (row["machine"] > 1) == (row["differences"] > 1) == spoilt


@pytest.mark.usefixtures("small")
def test_what_people_read(capsys):
    status, out = checked(capsys)
    assert (status, out.splitlines()[-1]) == (0, "ok")
    assert "8 examples of moons, binary_cross_entropy, float64\n" in out
    assert "\x1b" not in out
    assert out.count(" ok ") == 7
    status, out = checked(capsys, "--break", "2")
    assert status == 1
    assert "a wrong sign is planted in 2 dense 3\n" in out
    assert "FAILED: 0 input x, 2 dense 3 W, 2 dense 3 b\n" in out
    assert "  2 dense 3 W: has the wrong sign\n" in out
    assert (out.count(" ok "), out.count("FAILED ")) == (4, 3)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("without", [False, True])
def test_colours_where_they_are_wanted(capsys, monkeypatch, without):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    if without:
        monkeypatch.setenv("NO_COLOR", "1")
    _, out = checked(capsys, "--break", "1")
    assert (";31m" in out) is not without
    assert ("[32m" in out) is not without
    assert "FAILED" in out


def test_a_large_parameter_is_sampled(capsys):
    status, out = checked(capsys, "--dataset", "digits", "--hidden", 4, "--dropout", 0.4)
    assert status == 0
    assert "8 examples of digits, cross_entropy, float64, with dropout\n" in out
    line = ("--dataset", "digits", "--hidden", 4, "--input-noise", 0.4, "--input-dropout", 0.1)
    status, out = checked(capsys, *line)
    assert status == 0
    assert "digits, cross_entropy, float64, with dropout, with noise\n" in out
    assert "200 of 512" in out
    assert "200 of 256" in out
    assert "all 40" in out


def test_a_run(capsys, tmp_path):
    path = saved_run(tmp_path / "run", dataset="diabetes", hidden=(3,), activation=("prelu",))
    status, out = checked(capsys, "--run", path, "--examples", 20)
    assert status == 0
    assert "20 examples of diabetes, mse, float64\n" in out
    assert "3 prelu" in out
    assert "alpha" in out


def test_a_run_is_checked_with_the_loss_it_was_trained_with(capsys, tmp_path):
    path = saved_run(
        tmp_path / "run", dataset="iris", hidden=(3,), label_smoothing=0.3, dropout=0.0
    )
    status, out = checked(capsys, "--run", path, "--examples", 20)
    assert status == 0
    assert "20 examples of iris, cross_entropy, smoothed by 0.3, float64\n" in out


def test_a_wrong_sign_where_the_gradient_is_zero_does_not_show(capsys):
    options = ["--dataset", "xor", "--initializer", "zeros", "--hidden", 2, "--break", 3]
    status, out = checked(capsys, *options)
    assert status == 0
    assert "the wrong sign does not show, because the gradient there is zero" in out


def test_an_input_of_zero_puts_every_relu_on_its_kink(capsys, monkeypatch):
    """With biases of 0 as well there is no derivative: such coordinates are left out, and said."""
    made = inspected(dataset="xor", preprocessing="none", hidden=(4,))
    monkeypatch.setattr(gradcheck, "load_inspected", lambda *_: made)
    status, out = checked(capsys)
    assert status == 0
    assert "all 4, 4 kinks" in out
    status, _ = checked(capsys, "--break", 3)
    assert status == 1


def network(activation, z):
    """Return one unit whose input is z for every example, within a network."""
    chosen = inspected(dataset="and", preprocessing="none")
    model = nn.sequential(nn.dense(1), nn.activation(activation), nn.dense(1))
    kernel = np.zeros((2, 1))
    params = (
        {"W": kernel, "b": np.full(1, z)},
        (),
        {"W": np.full((1, 1), 2.0), "b": np.zeros(1)},
    )
    return chosen._replace(model=model, params=params)


@pytest.mark.parametrize("z", [1.0, 0.0, -2e-6, STEP / 12])
def test_a_kink_raises_no_false_alarm(z):
    rows = gradcheck.check_gradient(network(activations.relu, z), 4)
    assert all(row.ok for row in rows)
    assert sum(row.kinks for row in rows) == (0 if abs(z) == 1 else 3)  # W's two, and b


@pytest.mark.parametrize("z", [1.0, 2e-6])
def test_a_slightly_wrong_slope_is_noticed(z):
    """One part in a hundred thousand, beside a kink as well as far from it."""
    right = activations.leaky_relu
    wrong = nn.Activation("wrong", right.value, lambda z, a: 1.00001 * right.derivative(z, a))
    rows = gradcheck.check_gradient(network(wrong, z), 4)
    bias = next(row for row in rows if (row.number, row.parameter) == (1, "b"))
    assert bias.machine == pytest.approx(1e-5, rel=0.01)
    assert not bias.ok
    if abs(z) == 1:
        assert bias.differences == pytest.approx(1e-5, rel=0.01)


def test_a_model_of_one_layer():
    chosen = inspected(dataset="and", preprocessing="none")
    layer = nn.dense(1)
    params = {"W": np.full((2, 1), 0.5), "b": np.zeros(1)}
    chosen = chosen._replace(model=layer, params=params)
    rows = gradcheck.check_gradient(chosen, 4)
    assert [(row.number, row.layer, row.parameter) for row in rows] == [
        (0, "input", "x"),
        (1, "dense 1", "W"),
        (1, "dense 1", "b"),
    ]
    assert all(row.ok for row in rows)
    spoilt = gradcheck.check_gradient(chosen, 4, broken=1)
    assert [row.ok for row in spoilt] == [False, False, False]


def test_not_a_number_fails():
    def derivative(z, a):
        return jnp.full_like(z, jnp.nan)

    wrong = nn.Activation("wrong", jnp.tanh, derivative)
    rows = gradcheck.check_gradient(network(wrong, 1.0), 4)
    assert [row.ok for row in rows if row.parameter] == [False, False, False, True, True]


def test_another_seed_looks_elsewhere():
    chosen = inspected(hidden=(3, 2), activation=("relu", "tanh"))
    other = chosen._replace(recipe=dataclasses.replace(chosen.recipe, seed=1))
    first, second = (gradcheck.check_gradient(one, 3)[0] for one in (chosen, other))
    assert first.ok
    assert second.ok
    assert first.differences != second.differences
    assert jnp.zeros(1).dtype == "float32"  # no float64 is left behind


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--break 9", "unknown layer '9', expected one of 1 flatten, 2 dense 3, 3 relu, 4 dense 2"),
        ("--break dens", "did you mean"),
        ("--examples 0", "--examples must be from 1 to 900, the number of training examples"),
        ("--examples 901", "got 901"),
    ],
)
def test_bad_choices(capsys, options, message):
    fails(capsys, options, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--break relu", "layers 3, 5 are all relu: give one number to --break"),
        ("--exampels 3", "unknown option --exampels; did you mean --examples?"),
        ("--activation step", "the step function has no derivative"),
        ("--optimizer adam", "unknown option --optimizer"),
        ("--dataset minst", "did you mean 'mnist'?"),
        ("--run nowhere", "there is no run folder nowhere"),
        ("--run nowhere --hidden 3", "--hidden does not apply with --run: the run has its own"),
    ],
)
def test_bad_input(capsys, options, message):
    fails(capsys, options, message)


def fails(capsys, options, message):
    try:
        status = gradcheck.main(options.split())
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("python -m jaxmlp.gradcheck: error: ")
    assert message in err


def test_a_run_whose_data_are_gone(capsys, tmp_path):
    path = saved_run(tmp_path / "run", dataset="iris")
    text = (path / CONFIG).read_text()
    (path / CONFIG).write_text(text.replace('"iris"', '"wine"'))
    assert gradcheck.main(["--run", str(path)]) == 2
    assert "the shape of an example of wine must be" in capsys.readouterr().err
