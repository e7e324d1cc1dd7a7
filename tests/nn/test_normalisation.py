"""Layer normalisation: its gradient against JAX, differences and PyTorch, and what it is for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import activations, losses
from jaxmlp.nn.normalisation import layer_norm
from tests.helpers import assert_trees_close, central_differences, to_float64

SHAPES = [(3,), (5,), (3, 4), (2, 3, 4)]


def data(shape, seed=0):
    """Return parameters, inputs far from mean 0 and variance 1, and dL/dy."""
    rng = np.random.default_rng(seed)
    params = {name: jnp.asarray(rng.normal(size=shape[-1:])) for name in ("gamma", "beta")}
    x = jnp.asarray(rng.normal(5, 3, size=(6, *shape)))
    return params, x, jnp.asarray(rng.normal(size=(6, *shape)))


@jax.jit
def by_hand(params, x, dy):
    layer = layer_norm()
    y, cache = layer.forward(params, x)
    return y, *layer.backward(params, cache, dy)


@jax.jit
def by_machine(params, x, dy):
    y, pull_back = jax.vjp(layer_norm(), params, x)
    return y, *pull_back(dy)


def reference(params, x, epsilon=1e-5):
    """Return the output as NumPy finds it."""
    x = np.asarray(x)
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    gamma, beta = np.asarray(params["gamma"]), np.asarray(params["beta"])
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_equal_autodiff(shape):
    params, x, dy = data(shape)
    hand = by_hand(params, x, dy)
    np.testing.assert_allclose(hand[0], reference(params, x), rtol=1e-12)
    assert_trees_close(hand, by_machine(params, x, dy), 1e-12)


@pytest.mark.parametrize("shape", [(5,), (3, 4)], ids=str)
def test_gradients_equal_central_differences(shape):
    params, x, dy = data(shape)
    _, *gradients = by_hand(params, x, dy)
    value = jax.jit(lambda inputs: jnp.vdot(layer_norm()(*inputs), dy))
    differences = central_differences(value, [params, x])
    assert_trees_close(gradients, jax.tree.map(jnp.asarray, differences), 1e-7)


def test_float32():
    arguments = jax.tree.map(lambda a: a.astype(jnp.float32), data((5,)))
    assert_trees_close(by_hand(*arguments), by_machine(*arguments), 1e-5)


def test_float32_far_from_zero():
    """The variance is taken of what is left without the mean, so that nothing cancels."""
    params, x, _ = data((8,))
    x = (x + 10_000).astype(jnp.float32)
    params = jax.tree.map(lambda a: a.astype(jnp.float32), params)
    expected = reference(params, np.asarray(x, np.float64))
    np.testing.assert_allclose(layer_norm()(params, x), expected, atol=1e-2)


def test_a_wrong_gradient_is_noticed():
    """Taking mean and variance for constants is the usual mistake."""
    params, x, dy = data((5,))
    y, dparams, _ = by_hand(params, x, dy)
    _, (_, sigma) = layer_norm().forward(params, x)
    wrong = y, dparams, dy * params["gamma"][None, :] / sigma
    with pytest.raises(AssertionError, match="relative error"):
        assert_trees_close(wrong, by_machine(params, x, dy), 1e-12)


def test_inside_a_network():
    model = nn.sequential(
        nn.dense(5), layer_norm(), nn.activation(activations.relu), nn.dropout(0.4), nn.dense(3)
    )
    params = to_float64(jax.jit(lambda key: model.init(key, (4,))[0])(jax.random.key(1)))
    rng = np.random.default_rng(2)
    x, labels = (
        jnp.asarray(rng.normal(size=(6, 4))),
        jnp.asarray(rng.integers(3, size=6), jnp.int32),
    )
    arguments = (params, x, labels, None, jax.random.key(3))
    hand = jax.jit(nn.value_and_grad(model, losses.cross_entropy))(*arguments)
    objective = nn.objective(model, losses.cross_entropy)
    machine = jax.jit(jax.value_and_grad(objective, has_aux=True))(*arguments)
    assert_trees_close(hand, machine, 1e-12)


def test_units_start_with_mean_0_and_variance_1():
    params, shape = layer_norm().init(jax.random.key(0), (3, 50))
    assert shape == (3, 50)
    assert {name: leaf.shape for name, leaf in params.items()} == {"gamma": (50,), "beta": (50,)}
    y = layer_norm()(to_float64(params), data((3, 50))[1])
    np.testing.assert_allclose(np.mean(y, axis=-1), 0, atol=1e-14)
    np.testing.assert_allclose(np.var(y, axis=-1), 1, rtol=1e-5)


def test_shift_and_scale_of_the_input_do_not_matter():
    """So the gradient has no part along either: `sum dx = 0` and `sum x dx = 0`."""
    params, x, dy = data((5,))
    layer = layer_norm(1e-20)
    y, cache = layer.forward(params, x)
    np.testing.assert_allclose(layer(params, 7 * x - 3), y, rtol=1e-10)
    _, dx = layer.backward(params, cache, dy)
    np.testing.assert_allclose(np.sum(dx, axis=-1), 0, atol=1e-14)
    np.testing.assert_allclose(np.sum(x * dx, axis=-1), 0, atol=1e-13)


def test_units_that_are_all_alike_give_beta():
    params, _, dy = data((4,))
    y, _, dx = by_hand(params, jnp.full((6, 4), 3.0), dy)
    np.testing.assert_allclose(y, np.tile(params["beta"], (6, 1)))
    assert np.all(np.isfinite(dx))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_torch_agrees(torch, shape):
    params, x, dy = data(shape)
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in (*params.values(), x)]
    gamma, beta, x_torch = leaves
    y = torch.nn.functional.layer_norm(x_torch, shape[-1:], gamma, beta, 1e-5)
    y.backward(torch.tensor(np.array(dy)))
    dgamma, dbeta, dx = (leaf.grad.numpy() for leaf in leaves)
    expected = y.detach().numpy(), {"gamma": dgamma, "beta": dbeta}, dx
    assert_trees_close(by_hand(params, x, dy), expected, 1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layer_norm(0.0), "epsilon must be positive, got 0.0"),
        (lambda: layer_norm(-1e-5), "epsilon must be positive, got -1e-05"),
        (lambda: layer_norm(float("nan")), "epsilon must be positive, got nan"),
        (
            lambda: layer_norm().init(jax.random.key(0), (28, 28, 1)),
            "the input of layer_norm must be of two or more units on its last axis, got (28, 28,",
        ),
        (lambda: layer_norm().init(jax.random.key(0), ()), "on its last axis, got ()"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
