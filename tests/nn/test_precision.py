"""Other types than float32: of all that a network computes, or of a gradient's products."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.config.referees import autodiff
from tests.helpers import named_leaves
from tests.networks import drawn

TANH = nn.activations.tanh
VECTOR, PICTURE = (6,), (12, 12, 2)
# name: the network, the shape of an example
MODELS = {
    "linear": (nn.mlp((), 3), VECTOR),
    "one unit": (nn.mlp((1,), 2, TANH), VECTOR),
    "mlp": (nn.mlp((65, 7), 3, TANH), VECTOR),
    "picture": (nn.mlp((64,), 10), PICTURE),
    "dropout": (nn.mlp((9,), 3, dropout_rate=0.5), VECTOR),
    "layer norm": (nn.mlp((9,), 3, normalised=True), VECTOR),
    "prelu": (nn.mlp((9,), 3, nn.prelu), VECTOR),
    "piecewise": (nn.mlp((9,), 3, TANH, embedding=nn.piecewise(4)), VECTOR),
    "periodic": (nn.mlp((9,), 3, TANH, embedding=nn.periodic(4)), VECTOR),
    "lenet": (nn.lenet(10, TANH), PICTURE),
    "ensemble": (nn.ensemble(nn.mlp((9,), 3), 3, nn.SOFTMAX), VECTOR),
}
BATCHES = (1, 2, 5, 128)
FAR = 0.02  # relative error that a gradient may have, of a norm; 2^-8 = 0.004 is that of a product


@pytest.fixture(autouse=True)
def _as_a_user():
    """What is refused depends on how XLA optimises a program; so all of it is on, in float32."""
    jax.config.update("jax_disable_most_optimizations", False)
    with jax.enable_x64(False):
        yield


def problem(model, shape, n=5):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, *shape)).astype(np.float32)
    outputs = jax.eval_shape(lambda key: model.init(key, shape)[0], jax.random.key(0))
    classes = jax.eval_shape(model, outputs, jnp.asarray(x)).shape[-1]
    params = jax.tree.map(lambda w: jnp.asarray(w, jnp.float32), drawn(model, shape))
    return params, jnp.asarray(x), jnp.asarray(rng.integers(0, classes, n))


def gradients(model, params, x, y, key=None, short=True):
    """Return outputs and gradient, by hand and by machine."""
    loss = nn.losses.cross_entropy
    ways = [nn.value_and_grad(model, loss), autodiff(model, loss)]
    ways = [nn.operands_in("bfloat16")(way) for way in ways] if short else ways

    def both(params, x, y):
        by_hand, by_machine = (way(params, x, y, None, key) for way in ways)
        return by_hand[0][1], by_hand[1], by_machine[1]

    return jax.jit(both)(params, x, y)


def apart(got, expected):
    """Return the relative error of each leaf, of its norm."""
    return {
        name: np.linalg.norm(a - b) / np.linalg.norm(b)
        for (name, a), (_, b) in zip(named_leaves(got), named_leaves(expected), strict=True)
    }


@pytest.mark.parametrize("name", MODELS)
def test_no_model_is_refused_and_gradients_are_near(name):
    """Lecture row D8: by hand and by machine, against float32, within the operands' rounding."""
    model, shape = MODELS[name]
    params, x, y = problem(model, shape)
    key = jax.random.key(1)
    expected = gradients(model, params, x, y, key, short=False)
    outputs, by_hand, by_machine = gradients(model, params, x, y, key)
    assert {leaf.dtype for leaf in jax.tree.leaves((outputs, by_hand))} == {np.dtype("float32")}
    for got, want in ((by_hand, expected[1]), (by_machine, expected[2])):
        errors = apart(got, want)
        assert max(errors.values()) < FAR, errors
        assert max(errors.values()) > 1e-5  # it did round
    assert max(apart(by_hand, by_machine).values()) < FAR


@pytest.mark.parametrize("n", BATCHES)
def test_no_batch_is_refused(n):
    model, shape = MODELS["mlp"]
    params, x, y = problem(model, shape, n)
    outputs, by_hand, by_machine = gradients(model, params, x, y)
    assert outputs.shape == (n, 3)
    assert max(apart(by_hand, by_machine).values()) < FAR


def longer(dparams):
    return jax.tree.map(lambda leaf: leaf * 1.05, dparams)


def turned(dparams):
    return jax.tree.map(lambda leaf: leaf[::-1], dparams)


@pytest.mark.parametrize("planted", [longer, turned])
def test_a_planted_error_is_beyond_the_bound(planted):
    model, shape = MODELS["mlp"]
    params, x, y = problem(model, shape)
    _, expected, _ = gradients(model, params, x, y, short=False)
    _, by_hand, _ = gradients(model, params, x, y)
    assert min(apart(planted(by_hand), expected).values()) > FAR


def test_a_network_answers_in_float32():
    """The type is that of a gradient's products: the network itself stays as it is."""
    model, shape = MODELS["mlp"]
    params, x, y = problem(model, shape)
    outputs, _, _ = gradients(model, params, x, y)
    assert np.any(outputs != model(params, x))
    assert np.all(outputs == gradients(model, params, x, y)[0])
    assert np.all(jax.jit(model)(params, x) == gradients(model, params, x, y, short=False)[0])


def test_a_network_of_one_type_has_all_in_it():
    model, shape = nn.mlp((7, 5), 3, TANH, dropout_rate=0.25), (4,)
    wide = nn.computing_in(model, "float64")
    with jax.enable_x64(True):
        params, _ = wide.init(jax.random.key(0), shape)
        x, y = np.ones((6, 4), np.float32), jnp.arange(6) % 3
        found = nn.value_and_grad(wide, nn.losses.cross_entropy)(params, x, y)
        assert {leaf.dtype for leaf in jax.tree.leaves((params, found))} == {np.dtype("float64")}
        assert wide.layers == model.layers
        narrow = jax.tree.map(lambda w: w.astype("float32"), params)
        expected = nn.value_and_grad(model, nn.losses.cross_entropy)(narrow, jnp.asarray(x), y)
    assert max(apart(found, expected).values()) < 1e-5
