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

ALL = [
    losses.cross_entropy,
    losses.binary_cross_entropy,
    losses.mse,
    losses.half_mse,
    losses.mae,
    losses.huber,
    losses.softmax_squared_error,
    losses.perceptron,
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


def test_a_network_of_no_examples_has_no_outputs():
    model = nn.mlp((4,), 3)
    params = to_float64(model.init(jax.random.key(0), (2, 2, 1))[0])
    assert model(params, jnp.zeros((0, 2, 2, 1))).shape == (0, 3)


def test_a_network_is_exported_with_any_number_of_examples():
    model = nn.mlp((4,), 3)
    params = to_float64(model.init(jax.random.key(0), (2, 2, 1))[0])
    (n,) = jax.export.symbolic_shape("n")
    x = jax.ShapeDtypeStruct((n, 2, 2, 1), jnp.float64)
    like = jax.tree.map(lambda w: jax.ShapeDtypeStruct(w.shape, w.dtype), params)
    exported = jax.export.export(jax.jit(model))(like, x)
    ones = jnp.ones((5, 2, 2, 1))
    np.testing.assert_allclose(exported.call(params, ones), model(params, ones))


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
