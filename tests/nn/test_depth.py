"""What depth does to signals: linear layers collapse, variances vanish or explode.

Lecture rows A8, D4, E8.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.nn import activations
from jaxmlp.nn.initializers import he_normal, normal

DEPTHS = [1, 10, 40]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_equal_layers_scale_signal_and_gradient_by_a_power(factor, depth):
    """(0.5 I)^L and (1.5 I)^L; dx the same, and dW of each layer factor^(L - 1) dy x^T.

    Lecture row E8.
    """
    n = 3
    model = nn.sequential(*[nn.dense(n, bias=False) for _ in range(depth)])
    params = tuple({"W": factor * jnp.eye(n)} for _ in range(depth))
    x, dy = jnp.asarray([[1.0, -2.0, 3.0]]), jnp.asarray([[0.5, 1.0, -1.0]])
    y, caches = model.forward(params, x)
    np.testing.assert_allclose(y, factor**depth * x, rtol=1e-12)
    dparams, dx = model.backward(params, caches, dy)
    np.testing.assert_allclose(dx, factor**depth * dy, rtol=1e-12)
    for gradient in dparams:
        np.testing.assert_allclose(gradient["W"], factor ** (depth - 1) * x.T @ dy, rtol=1e-12)


def test_forty_layers_are_a_factor_of_a_trillion_or_ten_million():
    """0.5^40 = 9.1e-13 vanishes, 1.5^40 = 1.1e7 explodes; biases do not help the gradient.

    Lecture row E8.
    """
    model = nn.sequential(*[nn.dense(2) for _ in range(40)])
    for factor, expected in ((0.5, 9.0949470177e-13), (1.5, 1.1057332321e7)):
        params = tuple({"W": factor * jnp.eye(2), "b": jnp.ones(2)} for _ in range(40))
        _, caches = model.forward(params, jnp.ones((1, 2)))
        dparams, dx = model.backward(params, caches, jnp.ones((1, 2)))
        np.testing.assert_allclose(dx, np.full((1, 2), expected), rtol=1e-9)
        np.testing.assert_allclose(dparams[0]["b"], np.full(2, expected / factor), rtol=1e-9)


@pytest.mark.parametrize("widths", [(4,), (6, 2), (3, 5, 7)])
def test_linear_layers_collapse_to_one(widths):
    """`x W_1 ... W_L + b` with one kernel and bias; its rank is at most the least width.

    Lecture row D4.
    """
    model = nn.mlp(widths, 4, activations.identity)
    params, _ = model.init(jax.random.key(0), (5,), dtype="float64")
    params = jax.tree.map(lambda w: w + 0.1, params)
    dense = [p for p in params if "W" in p]
    W, b = np.eye(5), np.zeros(5)
    for p in dense:
        W, b = W @ p["W"], b @ p["W"] + p["b"]
    x = jnp.asarray(np.random.default_rng(0).normal(size=(9, 5)))
    np.testing.assert_allclose(model(params, x), x @ W + b[None], rtol=1e-10, atol=1e-12)
    assert np.linalg.matrix_rank(W) == min(*widths, 4)
    one = nn.dense(4)
    same = one({"W": jnp.asarray(W), "b": jnp.asarray(b)}, x)
    np.testing.assert_allclose(model(params, x), same, rtol=1e-10, atol=1e-12)
    bent = nn.mlp(widths, 4, activations.relu)(params, x)
    assert np.abs(bent - same).max() > 1e-2


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_linear_layers_have_the_gradient_of_the_one_map(factor, depth):
    """The gradient of the product map reaches each factor by the chain rule.

    Lecture rows D4, E8.
    """
    model = nn.sequential(*[nn.dense(2, bias=False) for _ in range(depth)])
    params = tuple({"W": factor * jnp.eye(2)} for _ in range(depth))
    x, y = jnp.ones((1, 2)), jnp.zeros((1, 2))
    (value, _), gradient = nn.value_and_grad(model, nn.losses.half_mse)(params, x, y)
    assert float(value) == pytest.approx(factor ** (2 * depth), rel=1e-12)
    np.testing.assert_allclose(
        gradient[0]["W"], np.full((2, 2), factor ** (2 * depth - 1)), rtol=1e-12
    )


WIDTH = 400


@pytest.fixture(scope="module")
def variances():
    """The variance of the activations after each of eight ReLU layers, by initializer."""
    kernels = {"he": he_normal, "0.01": normal(0.01), "0.1": normal(0.1), "1": normal(1.0)}
    found = {}
    with jax.enable_x64(True):
        x = jax.random.normal(jax.random.key(1), (100, WIDTH), "float64")
        for name, kernel in kernels.items():
            a, each = x, []
            for k in range(8):
                layer = nn.sequential(nn.dense(WIDTH, kernel), nn.activation(activations.relu))
                params, _ = layer.init(jax.random.key(10 + k), (WIDTH,), dtype="float64")
                a = layer(params, a)
                each.append(float(jnp.var(a)))
            found[name] = np.array(each)
    return found


def test_he_keeps_the_activations_and_a_plain_normal_does_not(variances):
    """After ReLU layers 1 to 8 the variance stays, falls or rises by WIDTH std^2 / 2 each.

    Lecture row A8.
    """
    he = variances["he"]
    # of z with variance 2 (E[a^2] = 1 in the layer before), ReLU keeps the share 1/2 - 1/(2 pi)
    np.testing.assert_allclose(he, 2 * (0.5 - 0.5 / np.pi), rtol=0.35)
    for name in ("0.01", "0.1", "1"):
        ratio = variances[name][1:] / variances[name][:-1]
        np.testing.assert_allclose(ratio, WIDTH * float(name) ** 2 / 2, rtol=0.25)
    assert variances["0.01"][-1] < 1e-12
    assert variances["1"][-1] > 1e14
