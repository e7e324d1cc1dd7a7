"""Layers: shapes, dropout's expectation, composition, and what they refuse.

Lecture rows B7, C8, D3.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import activations
from jaxmlp.nn.activations import relu
from jaxmlp.nn.layers import in_order
from tests.helpers import assert_trees_close, to_float64


def test_a_composition_of_layers_is_a_layer():
    parts = [nn.flatten(), nn.dense(5), nn.activation(activations.tanh), nn.dense(2)]
    flat = nn.sequential(*parts)
    nested = nn.sequential(parts[0], nn.sequential(*parts[1:3]), parts[3])
    f, i, h, o = to_float64(flat.init(jax.random.key(0), (2, 3))[0])
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 2, 3)))
    y, cache = flat.forward((f, i, h, o), x)
    y2, cache2 = nested.forward((f, (i, h), o), x)
    assert_trees_close(y2, y, 1e-15)
    dy = jnp.ones_like(y)
    (_, di, _, do), dx = flat.backward((f, i, h, o), cache, dy)
    (_, (di2, _), do2), dx2 = nested.backward((f, (i, h), o), cache2, dy)
    assert_trees_close((di2, do2, dx2), (di, do, dx), 1e-15)
    assert dx.shape == x.shape


def test_dropout_is_the_identity_without_a_key_and_keeps_the_expectation_with_one():
    """Dividing by p in training equals multiplying by p afterwards, in expectation.

    Lecture row C8.
    """
    layer = nn.dropout(0.3)
    x = jnp.full((200, 500), 2.0)
    np.testing.assert_array_equal(layer((), x), x)
    y, kept = layer.forward((), x, jax.random.key(0))
    share = float(jnp.mean(kept, dtype=float))
    assert share == pytest.approx(0.7, abs=0.005)  # three standard deviations are 0.0044
    np.testing.assert_allclose(y, np.where(kept, 2 / 0.7, 0))
    lecture = float(jnp.mean(jnp.where(kept, x, 0)))  # drops, does not divide
    assert lecture == pytest.approx(0.7 * 2, abs=0.01)  # so the weights take the factor p
    assert float(jnp.mean(y)) == pytest.approx(2, abs=0.015)


def test_dropout_draws_anew_for_each_key_and_layer():
    layer = nn.sequential(nn.dropout(0.5), nn.dropout(0.5))
    x = jnp.ones((50, 50))
    _, (first, second) = layer.forward(((), ()), x, jax.random.key(0))
    _, (other, _) = layer.forward(((), ()), x, jax.random.key(1))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_noise_is_the_identity_without_a_key_and_gaussian_with_one():
    """The gradient passes unchanged, so the noise is not scaled by it."""
    layer = nn.gaussian_noise(0.5)
    x = jnp.full((200, 500), 2.0)
    np.testing.assert_array_equal(layer((), x), x)
    y, cache = layer.forward((), x, jax.random.key(0))
    assert stats.kstest(np.ravel(y - x) / 0.5, "norm").pvalue > 1e-3
    again, _ = layer.forward((), x, jax.random.key(1))
    assert abs(np.corrcoef(np.ravel(y), np.ravel(again))[0, 1]) < 0.02
    np.testing.assert_array_equal(layer.backward((), cache, x)[1], x)
    none, _ = nn.gaussian_noise(np.float64(0)).forward((), x, jax.random.key(0))
    np.testing.assert_array_equal(none, x)


def test_the_inputs_of_a_network_are_corrupted_first():
    """Before an embedding of an mlp, and before the first windows of lenet."""
    noise = [nn.dropout(0.2), nn.gaussian_noise(0.1)]
    embedded = nn.mlp((4,), 3, embedding=nn.piecewise(4), corruption=noise)
    names = [layer.name for layer in embedded.layers]
    assert names[:3] == ["flatten", "dropout 0.2", "gaussian_noise 0.1"]
    assert [layer.name for layer in nn.lenet(3, corruption=noise).layers][:2] == names[1:3]


@pytest.mark.parametrize(
    "transform", [jax.jit, jax.checkpoint, lambda f: lambda *given: jax.eval_shape(f, *given)]
)
@pytest.mark.parametrize("layer", [nn.dense(3), nn.mlp((4,), 3)], ids=["layer", "chain"])
def test_jax_transforms_a_layer_as_any_function(layer, transform):
    params, _ = layer.init(jax.random.key(0), (2,))
    x = jnp.ones((5, 2), jnp.float32)
    got, expected = transform(layer)(params, x), layer(params, x)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype) == ((5, 3), jnp.float32)
    if isinstance(got, jax.Array):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_a_layer_cannot_be_changed():
    layer = nn.dense(3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        layer.name = "other"
    assert repr(layer) == "Layer(name='dense 3', kind='dense')"


CHAINS = [
    nn.sequential(nn.dense(3)),
    nn.mlp((4,), 3),
    nn.lenet(10),
    nn.computing_in(nn.mlp((4,), 3), "float64"),
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_a_chain_is_told_by_its_type(chain):
    assert isinstance(chain, nn.Chain)
    params = [object() for _ in chain.layers]
    assert in_order(chain, params) == list(zip(chain.layers, params, strict=True))


def test_a_single_layer_is_its_only_one():
    layer = nn.dense(3)
    assert not isinstance(layer, nn.Chain)
    params = {"W": 0, "b": 0}
    assert in_order(layer, params) == [(layer, params)]
    with pytest.raises(ValueError, match="zip"):
        in_order(nn.mlp((4,), 3), ((), ()))


def test_kinds_are_the_first_word_of_names():
    """The name adds numbers to the kind: dense 3 is a dense layer."""
    image = [nn.convolution(2, 3), nn.max_pool(2), nn.average_pool(2), nn.layer_norm()]
    others = [nn.dense(3), nn.prelu(), nn.dropout(0.5), nn.flatten(), nn.activation(relu)]
    others.append(nn.gaussian_noise(0.5))
    layers = [*image, *others]
    assert [layer.kind for layer in layers] == [layer.name.split()[0] for layer in layers]


def test_mlp_has_the_layers_it_is_asked_for():
    """Lecture rows D3, A9: 784-128-10 has 101,770 parameters."""
    model = nn.mlp((128,), 10, dropout_rate=0.5)
    names = [layer.name for layer in model.layers]
    assert names == ["flatten", "dense 128", "relu", "dropout 0.5", "dense 10"]
    params, shape = model.init(jax.random.key(0), (28, 28, 1))
    assert shape == (10,)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 101_770


@pytest.mark.parametrize(("outputs", "expected"), [(1, 3073), (3, 3 * 3073)])
def test_the_slides_parameter_counts(outputs, expected):
    """Lecture row E3: one neuron on a 32x32 colour picture, and three independent ones."""
    params, _ = nn.mlp((), outputs).init(jax.random.key(0), (32, 32, 3))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.dense(0), "units must be at least 1, got 0"),
        (lambda: nn.dense(3).init(jax.random.key(0), (2, 2)), "must be a vector, got (2, 2)"),
        (lambda: nn.dropout(1.0), "dropout must be in [0, 1), got 1.0"),
        (lambda: nn.dropout(-0.1), "dropout must be in [0, 1), got -0.1"),
        (lambda: nn.gaussian_noise(-0.1), "noise must be a finite number >= 0, got -0.1"),
        (lambda: nn.gaussian_noise(np.inf), "noise must be a finite number >= 0, got inf"),
        (lambda: nn.sequential(), "given at least one layer"),
        (lambda: nn.mlp((4, 0), 2), "hidden must be widths of at least 1, got 0"),
        (
            lambda: nn.mlp((4, 4), 2, [relu]),
            "the number of activations must be 2, one for each hidden layer, got 1",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
