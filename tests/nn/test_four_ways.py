"""All ways to one gradient, side by side: lecture rows B4, B7, C3, D8 and erratum 4.

Backpropagation, lecture C's Algorithm 1, products of Jacobian matrices, `jax.grad`, and finite
differences, which come close.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.config.referees import autodiff
from jaxmlp.errors import InputError
from jaxmlp.nn import activations, gradients, losses
from tests.helpers import assert_trees_close

N, FEATURES, CLASSES = 7, 4, 3
forward_differences = functools.partial(gradients.finite_differences, central=False)
WAYS = {
    "backpropagation": (nn.value_and_grad, 1e-12),
    "algorithm_1": (gradients.algorithm_1, 1e-12),
    "jacobian_products": (gradients.jacobian_products, 1e-12),
    "central differences": (gradients.finite_differences, 1e-8),
    "forward differences": (forward_differences, 1e-5),
}
EXACT = [make for make, tolerance in WAYS.values() if tolerance == 1e-12]


def examples(weighted=False):
    rng = np.random.default_rng(1)
    x = jnp.asarray(rng.normal(size=(N, FEATURES)))
    y = jnp.asarray(rng.integers(CLASSES, size=N), jnp.int32)
    weights = jnp.asarray([0.0, 1.5, 0.2, 0.0, 1.0, 3.0, 0.7])
    return (x, y, weights) if weighted else (x, y)


def initialized(model, shape=(FEATURES,)):
    like = jax.eval_shape(lambda key: model.init(key, shape)[0], jax.random.key(0))
    rng = np.random.default_rng(5)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape) / 2), like)


def mlp(hidden=(5, 4), activation="tanh", **settings):
    return nn.mlp(hidden, CLASSES, getattr(activations, activation), **settings)


@functools.cache
def case(hidden, weighted):
    """Return a network, its parameters, data, and what `jax.grad` says."""
    model, data = mlp(hidden), examples(weighted)
    params = initialized(model)
    return model, params, data, jax.jit(autodiff(model, losses.cross_entropy))(params, *data)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("hidden", "weighted"),
    [((), False), ((5, 4), True), ((4, 4, 4, 3), False)],
    ids=str,
)
def test_all_ways_lead_to_one_gradient(way, hidden, weighted):
    make, tolerance = WAYS[way]
    model, params, data, expected = case(hidden, weighted)
    found = jax.jit(make(model, losses.cross_entropy))(params, *data)
    assert_trees_close(found, expected, tolerance)


@pytest.mark.parametrize(
    ("model", "shape", "loss"),
    [
        (mlp(activation="relu"), (FEATURES,), losses.mse),
        (mlp((5,), "gelu"), (2, 2, 1), losses.binary_cross_entropy),
        (
            nn.sequential(
                nn.sequential(nn.dense(4), nn.activation(activations.elu)), nn.dense(CLASSES)
            ),
            (FEATURES,),
            losses.cross_entropy,
        ),
        (nn.dense(CLASSES), (FEATURES,), losses.cross_entropy),
        (nn.dense(CLASSES), (FEATURES,), losses.ignoring(losses.cross_entropy, 1)),
    ],
    ids=["relu-mse", "pictures-gelu-bce", "layers within layers", "one layer", "a label ignored"],
)
def test_other_networks_and_losses(model, shape, loss):
    x, y, weights = examples(weighted=True)
    data = (x.reshape(N, *shape), y, weights)
    params = initialized(model, shape)
    expected = jax.jit(autodiff(model, loss))(params, *data)
    for make in EXACT:
        assert_trees_close(jax.jit(make(model, loss))(params, *data), expected, 1e-12)


def test_algorithm_1_as_printed_lacks_layer_1():
    """K = K, ..., 2 leaves the first layer without a gradient, and k = 1 mends it.

    Lecture row C3, erratum 4.

    Here, as in lecture C, a layer is a dense layer with its activation.
    """
    layers = [nn.sequential(nn.dense(width), nn.activation(activations.relu)) for width in (5, 4)]
    model, loss, data = nn.sequential(*layers, nn.dense(CLASSES)), losses.cross_entropy, examples()
    params = initialized(model)
    _, printed = jax.jit(gradients.algorithm_1(model, loss, down_to=2))(params, *data)
    _, mended = jax.jit(gradients.algorithm_1(model, loss))(params, *data)
    _, expected = jax.jit(autodiff(model, loss))(params, *data)
    assert (len(printed), len(mended)) == (2, 3)
    assert_trees_close(printed, expected[1:], 1e-12)
    assert_trees_close(mended, expected, 1e-12)
    assert np.linalg.norm(expected[0][0]["W"]) > 0.1  # what is missing is not nothing


def slides_procedure(params, x, y, factor=1):
    """Return the gradient of one example as deck D writes it, in NumPy: deltas are rows.

    `delta_L = f - y`, `delta_l = delta_{l+1} W_{l+1} diag(sigma'(h~_l))`, `dl/dW_l = delta_l^T
    h_{l-1}^T` and `dl/db_l = delta_l^T`. With `factor=0` it is `W_l` instead of `W_{l+1}`, as the
    slide on shared factors prints it.
    """
    W, b = [np.asarray(p["W"]).T for p in params], [np.asarray(p["b"]) for p in params]
    h = [np.asarray(x)]
    for kernel, bias in zip(W[:-1], b[:-1], strict=True):
        h.append(np.tanh(kernel @ h[-1] + bias))
    e = np.exp(W[-1] @ h[-1] + b[-1])
    delta = (e / e.sum() - np.eye(CLASSES)[y])[None]
    gradient = [{"W": np.outer(delta, h[-1]).T, "b": delta[0]}]
    for place in reversed(range(len(W) - 1)):
        delta = delta @ W[place + factor] @ np.diag(1 - h[place + 1] ** 2)
        gradient.insert(0, {"W": np.outer(delta, h[place]).T, "b": delta[0]})
    return gradient


def test_the_procedure_with_delta():
    """Its mean over the examples is what backpropagation and Algorithm 1 return.

    Lecture rows D8, C3.
    """
    model, params, (x, y), (_, expected) = case((5, 4), False)
    dense = [w for w in params if w]
    each = [slides_procedure(dense, x[n], y[n]) for n in range(N)]
    mean = jax.tree.map(lambda *d: sum(d) / N, *each)
    found = [
        w for w in jax.jit(gradients.algorithm_1(model, losses.cross_entropy))(params, x, y)[1] if w
    ]
    assert_trees_close(jax.tree.map(np.asarray, found), mean, 1e-12)
    assert_trees_close(jax.tree.map(np.asarray, [w for w in expected if w]), mean, 1e-12)


def test_the_shared_factor_is_the_kernel_above():
    """Lecture row D8, erratum 22: with W^(l) in place of W^(l+1) the shapes do not fit."""
    _, params, (x, y), _ = case((5, 4), False)
    dense = [w for w in params if w]
    with pytest.raises(ValueError, match="mismatch"):
        slides_procedure(dense, x[0], y[0], factor=0)


def test_jacobians_of_a_dense_layer_and_of_an_activation():
    """Lecture row B7: dz/dx = W^T; dz/dW holds x once for each output; da/dz is diagonal."""
    x = jnp.asarray([0.5, -1.0, 2.0])
    layer = nn.dense(2)
    params = initialized(layer, (3,))
    by_params, by_x = gradients.jacobians(layer, params, x)
    np.testing.assert_allclose(by_x, params["W"].T)
    np.testing.assert_allclose(by_params["W"], np.kron(x, np.eye(2)))
    np.testing.assert_allclose(by_params["b"], np.eye(2))
    by_params, by_x = gradients.jacobians(nn.activation(activations.tanh), (), x)
    assert by_params == ()
    np.testing.assert_allclose(by_x, np.diag(1 - np.tanh(x) ** 2))


def test_truncation_against_round_off():
    """Lecture row B4: a large step is wrong by the curvature, a tiny one by rounding."""
    model, params, data, (_, expected) = case((5, 4), True)
    w, unravel = jax.flatten_util.ravel_pytree(params)
    exact, _ = jax.flatten_util.ravel_pytree(expected)

    def value(w):
        return nn.objective(model, losses.cross_entropy)(unravel(w), *data)[0]

    def errors(central, *steps):
        slopes = jax.jit(lambda h: gradients.slopes(value, w, jnp.arange(w.size), h, central))
        return [float(np.linalg.norm(slopes(h) - exact)) for h in steps]

    # ten times the step is ten (forward) or a hundred times (central) the truncation
    coarse, finer, best, tiny = errors(False, 1e-2, 1e-3, 1.5e-8, 1e-13)
    assert coarse == pytest.approx(10 * finer, rel=0.1)
    assert best < min(finer, tiny) / 1000
    coarse, finer, better, tiny = errors(True, 1e-2, 1e-3, 6e-6, 1e-13)
    assert coarse == pytest.approx(100 * finer, rel=0.1)
    assert better < min(finer, tiny) / 1000
    assert better < best / 10


def test_a_step_of_one_s_own():
    model, params, data, expected = case((5, 4), True)
    make = gradients.finite_differences(model, losses.cross_entropy, step=1e-3)
    found = jax.jit(make)(params, *data)
    assert_trees_close(found, expected, 1e-5)
    with pytest.raises(AssertionError, match="relative error"):
        assert_trees_close(found, expected, 1e-8)


def test_differences_under_dropout():
    """With a key every loss is taken under the same masks, so differences are still slopes."""
    model = mlp((6,), dropout_rate=0.5)
    params = initialized(model)
    data, loss = (*examples(weighted=True), jax.random.key(3)), losses.cross_entropy
    found = jax.jit(gradients.finite_differences(model, loss))(params, *data)
    assert_trees_close(found, jax.jit(nn.value_and_grad(model, loss))(params, *data), 1e-8)


@pytest.mark.parametrize("make", [gradients.algorithm_1, gradients.jacobian_products])
def test_one_example_at_a_time_cannot_draw_dropout(make):
    model, params, data, _ = case((5, 4), True)
    with pytest.raises(InputError, match="key must be None") as caught:
        make(model, losses.cross_entropy)(params, *data, jax.random.key(0))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("step", [0.0, -1e-6, float("nan"), float("inf")])
def test_bad_steps(step):
    with pytest.raises(InputError, match="step must be a finite positive number"):
        gradients.finite_differences(nn.dense(1), losses.mse, step)


@pytest.mark.parametrize("down_to", [0, 7])
def test_layers_that_are_not_there(down_to):
    with pytest.raises(InputError, match="down_to must be a layer from 1 to 6"):
        gradients.algorithm_1(mlp(), losses.cross_entropy, down_to)
