"""Slips of a user that once gave a number instead of an error; edges where a number is right."""

import dataclasses

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import losses
from tests.helpers import central_differences, to_float64
from tests.nn.passes import shapes

ALL = [
    losses.cross_entropy,
    losses.binary_cross_entropy,
    losses.mse,
    losses.half_mse,
    losses.mae,
    losses.huber,
    losses.softmax_squared_error,
    losses.perceptron,
    losses.huber_of(0.5),
    losses.binary_cross_entropy_of(2.0),
    losses.poisson,
    losses.smoothed(losses.cross_entropy, 0.1),
    losses.smoothed(losses.binary_cross_entropy, 0.1),
]


def named(loss):
    return loss.name


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_labels_with_one_output_are_refused(loss):
    """As one-hot rows of one class they would all be 1, and invert the labels."""
    z = jnp.array([[3.0], [-3.0]])
    for call in (loss, loss.gradient):
        with pytest.raises(InputError, match=r"give y as \(N, 1\)"):
            call(z, jnp.array([1, 0]))


def test_integers_of_the_outputs_shape_are_numbers():
    z, y = jnp.array([[3.0], [-3.0]]), jnp.array([[1], [0]])
    expected = np.log1p(np.exp(-3.0))
    assert float(losses.binary_cross_entropy(z, y)) == pytest.approx(expected)
    assert float(losses.mse(jnp.array([[30.0]]), jnp.array([[30]]))) == 0


@pytest.mark.parametrize("loss", ALL, ids=named)
@pytest.mark.parametrize("label", [-1, 3, 7])
def test_a_label_out_of_range_is_an_error_and_nan_where_it_is_not_known(loss, label):
    z, y = jnp.zeros((2, 3)), jnp.array([0, label])
    for call in (loss, loss.gradient):
        with pytest.raises(InputError, match=rf"labels must be in \[0, 3\), got {label}"):
            call(z, y)
        assert np.isnan(np.asarray(jax.jit(call)(z, y))).any()
    assert np.isfinite(jax.jit(loss)(z, y, jnp.array([1.0, 0.0])))  # of weight 0, it does not count


def test_the_gradient_of_cross_entropy_with_targets_that_do_not_sum_to_one():
    z, y = jnp.array([[2.0, 1.0, 0.0]]), jnp.array([[1.0, 1.0, 0.0]])
    by_differences = central_differences(lambda z: losses.cross_entropy(jnp.asarray(z), y), z)
    np.testing.assert_allclose(losses.cross_entropy.gradient(z, y), by_differences, atol=1e-8)


def test_a_class_that_is_ruled_out_costs_nothing():
    """A logit of minus infinity, as a mask gives it (PyTorch and Optax: 0.693)."""
    z, y = jnp.array([[0.0, 0.0, -jnp.inf]]), jnp.array([0])
    assert float(losses.cross_entropy(z, y)) == pytest.approx(np.log(2))
    np.testing.assert_allclose(losses.cross_entropy.gradient(z, y), [[-0.5, 0.5, 0.0]])
    np.testing.assert_allclose(jax.grad(losses.cross_entropy)(z, y), [[-0.5, 0.5, 0.0]])


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_the_mean_of_nothing_is_nan(loss):
    z, y = jnp.zeros((0, 3)), jnp.zeros((0, 3))
    assert np.isnan(loss(z, y))
    assert loss.gradient(z, y).shape == (0, 3)
    assert np.isnan(loss(jnp.ones((2, 3)), jnp.ones((2, 3)), jnp.zeros(2)))


IMAGE, VECTOR = (12, 12, 2), (5,)
LAYERS = {  # each layer, and the shape of its input
    "dense": (nn.dense(3), VECTOR),
    "activation": (nn.activation(nn.activations.gelu), VECTOR),
    "dropout": (nn.dropout(0.5), VECTOR),
    "flatten": (nn.flatten(), IMAGE),
    "layer_norm": (nn.layer_norm(), IMAGE),
    "prelu": (nn.prelu(), IMAGE),
    "shared prelu": (nn.prelu(shared=True), VECTOR),
    "convolution": (nn.convolution(4, 3, 2, "same"), IMAGE),
    "max_pool": (nn.max_pool(2), IMAGE),
    "average_pool": (nn.average_pool(3, 2, "same"), IMAGE),
    "mlp": (nn.mlp((4,), 3, nn.prelu, dropout_rate=0.5, normalised=True), IMAGE),
    "lenet": (nn.lenet(3), IMAGE),
    "piecewise": (nn.piecewise(3), VECTOR),
    "periodic": (nn.periodic(3), VECTOR),
    "ensemble": (nn.ensemble(nn.mlp((4,), 3, dropout_rate=0.5), 2, nn.SOFTMAX), VECTOR),
}


def started(name):
    layer, shape = LAYERS[name]
    params = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.1), shapes(layer, shape)[0])
    return layer, params, shape


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_no_examples_have_no_outputs_and_no_gradient(name, keyed):
    """Zero rows pass forward and backward; the gradient of parameters is a sum of nothing."""
    layer, params, shape = started(name)
    x = jnp.zeros((0, *shape))

    @jax.jit
    def run(params, x):
        y, cache = layer.forward(params, x, jax.random.key(1) if keyed else None)
        return y, *layer.backward(params, cache, jnp.zeros(y.shape))

    y, dparams, dx = run(params, x)
    assert y.shape[0] == 0
    assert dx.shape == x.shape
    assert jax.tree.map(jnp.shape, dparams) == jax.tree.map(jnp.shape, params)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(dparams))


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_the_loss_of_a_network_without_examples_is_nan(loss):
    layer, params, shape = started("mlp")
    y = jnp.zeros((0, 3))
    gradient = jax.jit(nn.value_and_grad(layer, loss))
    (value, outputs), dparams = gradient(params, jnp.zeros((0, *shape)), y)
    assert np.isnan(value)
    assert outputs.shape == (0, 3)
    assert jax.tree.map(jnp.shape, dparams) == jax.tree.map(jnp.shape, params)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_exported_with_any_number_of_examples(name):
    """Forward and backward."""
    layer, params, shape = started(name)
    (n,) = jax.export.symbolic_shape("n")

    def both(params, x):
        y, cache = layer.forward(params, x)
        return y, layer.backward(params, cache, jnp.ones_like(y))

    like = jax.tree.map(lambda w: jax.ShapeDtypeStruct(w.shape, w.dtype), params)
    x = jax.ShapeDtypeStruct((n, *shape), jnp.float64)
    exported = jax.export.export(jax.jit(both))(like, x)
    ones = jnp.ones((5, *shape))
    for got, expected in zip(
        jax.tree.leaves(exported.call(params, ones)),
        jax.tree.leaves(jax.jit(both)(params, ones)),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", ALL, ids=named)
def test_a_gradient_is_exported_with_any_number_of_examples(loss):
    layer, params, shape = started("mlp")
    (n,) = jax.export.symbolic_shape("n")
    like = jax.tree.map(lambda w: jax.ShapeDtypeStruct(w.shape, w.dtype), params)
    arrays = [jax.ShapeDtypeStruct((n, *size), jnp.float64) for size in (shape, (3,), ())]
    gradient = jax.jit(nn.value_and_grad(layer, loss))
    exported = jax.export.export(gradient)(like, *arrays)
    data = jnp.ones((5, *shape)), jnp.ones((5, 3)), jnp.arange(5.0)
    (got, _), _ = exported.call(params, *data)
    np.testing.assert_allclose(got, gradient(params, *data)[0][0], rtol=1e-12)


@pytest.mark.usefixtures("unchecked")
def test_a_dense_layer_of_three_axes_is_refused():
    layer = nn.dense(3)
    params, _ = layer.init(jax.random.key(0), (4,))
    with pytest.raises(InputError, match=r"must be of shape \(N, in\), got \(2, 5, 4"):
        layer(params, jnp.zeros((2, 5, 4)))


def spoilt(backward):
    """A network whose second layer has this `backward`."""
    layer = nn.dense(3)
    broken = dataclasses.replace(layer, backward=lambda *given: backward(layer, *given))
    model = nn.sequential(nn.dense(2), broken)
    return model, to_float64(model.init(jax.random.key(0), (4,))[0])


def unsummed(layer, params, x, dz):
    """The gradient of the bias is not summed over the batch."""
    dparams, dx = layer.backward(params, x, dz)
    return {**dparams, "b": dz}, dx


def scalar(layer, params, x, dz):
    """The gradient of the bias is summed over everything."""
    dparams, dx = layer.backward(params, x, dz)
    return {**dparams, "b": jnp.sum(dz)}, dx


def missing(layer, params, x, dz):
    """There is no gradient of the bias."""
    dparams, dx = layer.backward(params, x, dz)
    return {"W": dparams["W"]}, dx


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("backward", "message"),
    [
        (unsummed, r"layer 2 \(dense 3\) with respect to b must be of shape \(3,\), got \(5, 3\)"),
        (scalar, r"layer 2 \(dense 3\) with respect to b must be of shape \(3,\), got \(\)"),
        (
            missing,
            r"layer 2 \(dense 3\) must be a tree like the layer's parameters",
        ),
    ],
)
def test_a_gradient_of_another_shape_is_named(backward, message):
    model, params = spoilt(backward)
    gradient = nn.value_and_grad(model, losses.mse)
    for function in (gradient, jax.jit(gradient)):
        with pytest.raises(InputError, match=message):
            function(params, jnp.ones((5, 4)), jnp.ones((5, 3)))
