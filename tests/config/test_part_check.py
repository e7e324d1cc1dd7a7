"""`jaxmlp.check`: right parts pass, and planted errors are named."""

import dataclasses
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmlp
from jaxmlp import nn, optim
from jaxmlp.errors import InputError
from jaxmlp.nn import activations, losses

pytestmark = pytest.mark.usefixtures("compile_quickly")
DENSE, RELU = nn.dense(4), nn.activation(activations.relu)
PAIR = {"W": np.ones((2, 3)), "b": np.ones(3)}


def activation(value, derivative):
    return nn.Activation("mine", value, derivative)


def loss(per_example, gradient):
    return nn.Loss("mine", per_example, gradient)


def dense(**changes):
    """A dense layer whose backward pass has other arrays in it."""

    def backward(params, x, dz):
        right = {"W": x.T @ dz, "b": dz.sum(0), "dx": dz @ params["W"].T}
        wrong = right | {name: make(params, x, dz) for name, make in changes.items()}
        dx = wrong.pop("dx")
        return wrong, dx

    return dataclasses.replace(DENSE, backward=backward)


def relu(mask):
    def backward(params, cache, da):
        return (), jnp.where(mask(*cache, da), da, 0)

    return dataclasses.replace(RELU, backward=backward)


def squared(z, y):
    return jnp.sum((z - y) ** 2, axis=1)


def rule(step, init=lambda params: ()):
    """An optimizer from its update of one array."""

    def make(rate):
        def update(gradients, state, params=None):
            return jax.tree.map(lambda g: step(rate, g), gradients), state

        return init, update

    return make


RIGHT = {
    "relu": (activations.relu, {}),  # whose kink is among the numbers drawn
    "relu, 1 at 0": (activation(lambda z: jnp.maximum(z, 0), lambda z, a: (z >= 0) * 1.0), {}),
    "a number": (activation(lambda z: 3 * z, lambda z, a: 3.0), {}),
    "cross_entropy": (losses.cross_entropy, {}),
    "huber": (losses.huber, {"x": np.ones((2, 1)), "targets": np.zeros((2, 1))}),
    "dense": (DENSE, {}),
    "dropout": (nn.dropout(0.5), {}),
    "prelu": (nn.prelu, {}),
    "model": (lambda outputs: nn.mlp([3], outputs), {"x": np.ones((3, 4))}),
    "chain": (nn.mlp([3], 2), {"loss": losses.cross_entropy, "targets": np.array([0, 1, 1, 0, 1])}),
    "adam": (optim.adam, {"reference": optax.adam}),
    "momentum": (optim.momentum(0.1), {"params": PAIR}),
    "he_normal": (nn.initializers.he_normal, {}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_parts_pass(name):
    part, given = RIGHT[name]
    with jax.numpy_dtype_promotion("standard"):  # Optax does not keep the strict rules
        found = jaxmlp.check(part, **given)
    assert found.ok, str(found)
    assert str(found).splitlines()[-1] == "ok"
    assert repr(found) == str(found)


MISTAKES = {
    "sign": (activation(jnp.tanh, lambda z, a: a * a - 1), "wrong sign"),
    "z for a": (activation(jnp.tanh, lambda z, a: 1 - z * z), "z is taken where a is meant"),
    "at a": (activation(jnp.sin, lambda z, a: jnp.cos(a)), "at a, not at z"),
    "shifted mask": (
        activation(lambda z: jnp.where(z > 1, z - 1, 0), lambda z, a: (z > 0) * 1.0),
        "mask",
    ),
    "summed slope": (activation(jnp.sin, lambda z, a: jnp.cos(z).sum(1)), "has the shape (7,)"),
    "float32": (
        activation(jnp.sin, lambda z, a: jnp.cos(z.astype("float32")).astype("float64")),
        "float64, not float32",
    ),
    "raises": (activation(jnp.sin, lambda z, a: z @ a), "the derivative raises TypeError"),
    "NaN": (activation(jnp.sin, lambda z, a: jnp.full_like(z, jnp.nan)), "NaN"),
    "small": (activation(jnp.sin, lambda z, a: 1.00001 * jnp.cos(z)), "1 mine z"),
    "value's shape": (activation(lambda z: z.sum(0), lambda z, a: z), "must be of shape"),
    "loss's sign": (loss(squared, lambda z, y: 2 * (y - z)), "wrong sign"),
    "loss's factor": (loss(squared, lambda z, y: z - y), "too small by the factor 2"),
    "loss's N": (loss(squared, lambda z, y: 2 * (z - y) / len(z)), "by the factor N"),
    "loss's mean": (loss(lambda z, y: squared(z, y).mean(), lambda z, y: z), "for each example"),
    "W transposed": (dense(W=lambda w, x, dz: dz.T @ x), "W: transposed"),
    "W over N": (dense(W=lambda w, x, dz: x.T @ dz / len(x)), "W: too small by the factor N ="),
    "b not summed": (dense(b=lambda w, x, dz: dz), "the sum over axis 0 is missing"),
    "b over N": (dense(b=lambda w, x, dz: dz.mean(0)), "b: too small by the factor N = x"),
    "dx's sign": (dense(dx=lambda w, x, dz: -dz @ w["W"].T), "x: has the wrong sign"),
    "dx's product": (dense(dx=lambda w, x, dz: dz @ w["W"]), "backward raises TypeError"),
    "dx plus x": (dense(dx=lambda w, x, dz: dz @ w["W"].T + x), "x: too large by x"),
    "no b": (
        dataclasses.replace(DENSE, backward=lambda w, x, dz: ({"W": x.T @ dz}, x)),
        "dparams like",
    ),
    "no pair": (dataclasses.replace(DENSE, backward=lambda w, x, dz: dz), "(dparams, dx)"),
    "mask from da": (relu(lambda z, a, da: da > 0), "not at the input x"),
    "no mask": (relu(lambda z, a, da: da == da), "dy passes unchanged"),
    "forward": (
        dataclasses.replace(DENSE, forward=lambda w, x: (x, None)),
        "forward raises TypeError",
    ),
    "shape of init": (
        dataclasses.replace(DENSE, init=lambda key, shape: (DENSE.init(key, shape)[0], (9,))),
        "init says the output has the shape (9,)",
    ),
    "up": (rule(lambda rate, g: rate * g), "it has the wrong sign"),
    "type": (rule(lambda rate, g: (-rate * g).astype("float32")), "float64 of shape"),
    "state": (
        lambda rate: (lambda p: (), lambda g, s, p=None: (g, jnp.zeros(3))),
        "state must be a tree like (()), got (*)",
    ),
    "branch": (rule(lambda rate, g: -rate * g if rate > 0 else g), "update under jax.jit raises"),
    "drawn shape": (lambda key, shape, dtype: jnp.zeros(3, dtype), "must be (60, 40), got (3,)"),
    "drawn type": (
        lambda key, shape, dtype: jax.random.normal(key, shape, "float32"),
        "must be float64, got float32",
    ),
    "drawn NaN": (lambda key, shape, dtype: jnp.full(shape, jnp.nan, dtype), "NaN or infinity"),
    "impure": (
        lambda key, shape, dtype: np.random.default_rng().normal(size=shape).astype(dtype),
        "draws others the second time",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_planted_errors_are_named(name):
    part, words = MISTAKES[name]
    found = jaxmlp.check(part)
    assert not found.ok, str(found)
    assert words in str(found).split("FAILED: ", 1)[1], str(found)


def test_an_error_shows_in_its_layer_alone():
    wrong = dense(W=lambda w, x, dz: -(x.T @ dz))
    found = jaxmlp.check(nn.sequential(nn.dense(3), RELU, wrong, RELU))
    assert [row.place for row in found.rows if not row.ok] == ["3 dense 4 W"]


def test_with_a_loss_it_is_gradcheck_s_table():
    """The whole chain from the loss down to the inputs, in one row for each parameter."""
    found = jaxmlp.check(nn.mlp([3], 2), loss=losses.mse)
    names = ["0 input x", "2 dense 3 W", "2 dense 3 b", "4 dense 2 W", "4 dense 2 b"]
    assert [row.place for row in found.rows if row.parameter] == names


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (lambda rate: optim.sgd(2 * rate), "too small by the factor 2"),
        (lambda rate: optim.sgd(1.0), "too small by the factor 1 / rate"),
        (lambda rate: optim.momentum(rate), "wrong from step 2"),
        (lambda rate: 3, "what the reference returns must be a pair (init, update), got 3"),
    ],
)
def test_an_optimizer_beside_a_reference(reference, words):
    found = jaxmlp.check(optim.sgd, reference=reference)
    assert not found.ok
    assert words in str(found)


def test_what_an_optimizer_remembers_elsewhere_is_seen():
    seen = []

    def make(rate):
        def update(gradients, state, params=None):
            seen.append(1)
            return jax.tree.map(lambda g: -g / len(seen), gradients), state

        return (lambda params: ()), update

    assert "remembers something outside its state" in str(jaxmlp.check(make))


def test_another_kind_is_one_clear_line():
    def plain(z):
        return jnp.tanh(z)

    for part, given, words in (
        (plain, {}, "plain has no derivative: put @jaxmlp.nn.activations.elementwise above"),
        (squared, {}, "squared has no gradient: put @jaxmlp.nn.losses.loss above"),
        (activations.elementwise(plain), {}, "plain has no derivative"),
        (losses.loss(squared), {}, "squared has no gradient"),
        (3, {}, "part must be an activation, a layer, a loss, a model, an optimizer or an"),
        (dict, {}, "dict must be an activation"),
        (DENSE, {"kind": "loss"}, "dense 4 must be an nn.Loss"),
        (DENSE, {"kind": "lyer"}, "kind must be one of activation, layer"),
        (DENSE, {"reference": DENSE}, "reference does not apply to a check of kind layer"),
        (
            activations.relu,
            {"targets": [1]},
            "targets does not apply to a check of",
        ),
        (losses.mse, {"x": np.ones(3)}, "x must be the outputs (N, K), got (3,)"),
        (losses.mse, {"x": np.ones((3, 1)), "targets": [1.0]}, "targets must be for 3 examples"),
        ("relu", {}, "part must be a part, or FILE.py:NAME, got 'relu'"),
        ("nowhere.py:relu", {}, "there is no file nowhere.py"),
    ):
        with pytest.raises(InputError) as caught:
            jaxmlp.check(part, **given)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_the_package_stays_light():
    code = "import jaxmlp, sys; jaxmlp.Config(); assert 'jax' not in sys.modules; jaxmlp.check"
    subprocess.run([sys.executable, "-c", code], check=True)
