"""Embeddings of numbers: what the pieces and the waves are, and their gradients by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import embeddings, losses
from tests.helpers import assert_trees_close, central_differences, to_float64

LAYERS = {
    "piecewise": embeddings.piecewise(3),
    "one piece": embeddings.piecewise(2, (-1.0, 2.0)),
    "periodic": embeddings.periodic(3, waves=2),
}
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(6, 4)) * 2  # some values lie beyond the outer knots


@pytest.fixture
def x():
    return jnp.asarray(INPUTS)


def started(layer):
    params = to_float64(layer.init(jax.random.key(0), (4,))[0])
    return params | {"b": jnp.asarray(RNG.normal(size=params["b"].shape))}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_by_hand_by_machine_and_by_differences(name, x):
    layer = LAYERS[name]
    params = started(layer)
    y, cache = layer.forward(params, x)
    dy = jnp.asarray(RNG.normal(size=y.shape))
    by_hand = layer.backward(params, cache, dy)
    assert_trees_close(by_hand, jax.vjp(layer, params, x)[1](dy), 1e-12)

    def f(both):
        return jnp.vdot(layer(*jax.tree.map(jnp.asarray, both)), dy)

    differences = central_differences(f, (params, x))
    assert_trees_close(by_hand, jax.tree.map(jnp.asarray, differences), 1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_inside_a_network(name, x):
    model = nn.mlp((5,), 3, embedding=LAYERS[name], dropout_rate=0.3)
    params = to_float64(model.init(jax.random.key(1), (4,))[0])
    arguments = (params, x, jnp.asarray([0, 1, 2, 0, 1, 2], jnp.int32), None, jax.random.key(2))
    hand = nn.value_and_grad(model, losses.cross_entropy)(*arguments)
    objective = nn.objective(model, losses.cross_entropy)
    assert_trees_close(hand, jax.value_and_grad(objective, has_aux=True)(*arguments), 1e-12)


def test_the_pieces_of_the_paper():
    """Below, in and above the knots 0, 1, 3: full pieces are 1, later ones 0, the ends go on."""
    layer = embeddings.piecewise(2, (0.0, 1.0, 3.0))
    x = jnp.asarray([[-0.5], [0.25], [1.0], [2.0], [5.0]])
    (e, _, _) = layer.forward(started_with(layer), x)[1]
    expected = [[-0.5, 0.0], [0.25, 0.0], [1.0, 0.0], [1.0, 0.5], [1.0, 2.0]]
    np.testing.assert_allclose(e[:, 0], expected, atol=1e-15)


def started_with(layer):
    return to_float64(layer.init(jax.random.key(0), (1,))[0])


def test_each_input_has_units_of_its_own(x):
    """Units of one input do not see another; with one frequency, they are its period's."""
    for layer in LAYERS.values():
        params = started(layer)
        y = np.asarray(layer(params, x)).reshape(6, 4, -1)
        changed = np.asarray(layer(params, x.at[:, 2].add(0.7))).reshape(6, 4, -1)
        others = [0, 1, 3]
        np.testing.assert_array_equal(changed[:, others], y[:, others])
        assert (changed[:, 2] != y[:, 2]).any()
    wave = embeddings.periodic(3, waves=1)
    params = started(wave) | {"c": jnp.full(4, 0.5)}
    np.testing.assert_allclose(wave(params, x + 2), wave(params, x), atol=1e-12)


@pytest.mark.parametrize("make", [embeddings.piecewise, embeddings.periodic])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_types_and_shapes(make, dtype, x):
    layer = make()
    params, shape = layer.init(jax.random.key(0), (4,), dtype=dtype)
    assert shape == (32,)
    y, cache = layer.forward(params, x.astype(dtype))
    dparams, dx = layer.backward(params, cache, jnp.ones_like(y))
    assert {leaf.dtype for leaf in jax.tree.leaves((params, y, dparams, dx))} == {jnp.dtype(dtype)}
    assert jax.tree.map(jnp.shape, dparams) == jax.tree.map(jnp.shape, params)
    assert not any(leaf.ndim > 1 for name, leaf in params.items() if name != "W")  # these decay


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: embeddings.piecewise(0), "units must be at least 1, got 0"),
        (lambda: embeddings.piecewise(2, (1.0,)), "knots must be two or more that rise"),
        (lambda: embeddings.piecewise(2, (1.0, 1.0)), "knots must be two or more that rise"),
        (lambda: embeddings.periodic(0), "units must be at least 1, got 0"),
        (lambda: embeddings.periodic(2, 0), "waves must be at least 1, got 0"),
        (lambda: embeddings.periodic(spread=0.0), "spread must be positive and finite, got 0"),
        (
            lambda: embeddings.piecewise().init(jax.random.key(0), (2, 2)),
            "the input of an embedding must be a vector, got (2, 2)",
        ),
        (
            lambda: embeddings.periodic().init(jax.random.key(0), (2, 2)),
            "the input of an embedding must be a vector, got (2, 2)",
        ),
    ],
)
def test_what_an_embedding_refuses(call, message):
    with pytest.raises(InputError) as error:
        call()
    assert message in str(error.value)
