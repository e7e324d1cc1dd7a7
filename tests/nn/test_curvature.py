"""Hessians from hand-written gradients, convexity and shares of the gradient.

Lecture rows C11, C13, D12.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import curvature

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
LABELS = RNG.integers(0, 3, 12)
TWO = RNG.integers(0, 2, (12, 1)).astype(float)
NETWORKS = {
    "tanh": (lambda: nn.mlp((4,), 3, nn.activations.tanh), nn.losses.cross_entropy, LABELS),
    "gelu, two layers": (
        *(lambda: nn.mlp((3, 3), 1, nn.activations.gelu), nn.losses.binary_cross_entropy, TWO),
    ),
    "elu, squares": (lambda: nn.mlp((4,), 1, nn.activations.elu), nn.losses.mse, TWO),
    "relu": (lambda: nn.mlp((4,), 3), nn.losses.cross_entropy, LABELS),
    "softmax regression": (lambda: nn.mlp((), 3), nn.losses.cross_entropy, LABELS),
}


def risk_of(make, loss, targets, seed=0):
    model = make()
    params, _ = model.init(jax.random.key(seed), (3,), dtype="float64")
    moved = jax.tree.map(
        lambda w: w + 0.1 * jnp.cos(jnp.arange(1.0, w.size + 1)).reshape(w.shape), params
    )
    risk = curvature.flat_risk(model, loss, moved, X, targets)

    def by_machine(w):
        return nn.objective(model, loss)(risk.restore(w), X, targets)[0]

    return risk, by_machine


@pytest.mark.parametrize(("make", "loss", "targets"), NETWORKS.values(), ids=NETWORKS)
def test_the_hessian_is_that_of_jax(make, loss, targets):
    """`jax.hessian` within 1e-8 of its norm, and a product with a vector likewise.

    Lecture row C13.
    """
    risk, by_machine = risk_of(make, loss, targets)
    expected = jax.hessian(by_machine)(risk.w)
    scale = np.linalg.norm(expected)
    ours = curvature.hessian(risk.gradient, risk.w)
    np.testing.assert_allclose(ours, expected, atol=1e-8 * scale)
    v = jnp.asarray(np.random.default_rng(1).normal(size=risk.w.size) * 7)
    product = curvature.hessian_vector(risk.gradient, risk.w, v)
    np.testing.assert_allclose(product, expected @ v, atol=1e-8 * scale * np.linalg.norm(v))
    assert float(risk.value(risk.w)) == pytest.approx(float(by_machine(risk.w)), rel=1e-12)
    np.testing.assert_array_equal(
        curvature.hessian_vector(risk.gradient, risk.w, 0 * v), np.zeros(v.size)
    )


def points(risk, many=12):
    """Random points, small and large."""
    rng = np.random.default_rng(2)
    scales = [0.1, 1.0, 4.0]
    return [jnp.asarray(scales[k % 3] * rng.normal(size=risk.w.size)) for k in range(many)]


@pytest.mark.parametrize(
    ("outputs", "loss", "targets"),
    [(3, nn.losses.cross_entropy, LABELS), (1, nn.losses.binary_cross_entropy, TWO)],
)
def test_the_risk_of_logistic_regression_is_convex(outputs, loss, targets):
    """No eigenvalue below 0, at any point; the same by the closed form.

    Lecture row C11, erratum 21.
    """
    risk, _ = risk_of(lambda: nn.mlp((), outputs), loss, targets)
    for w in points(risk):
        least = float(curvature.smallest_eigenvalue(risk.gradient, w))
        assert least >= -1e-9
        (params,) = [p for p in risk.restore(w) if "W" in p]
        z = X @ params["W"] + params["b"][None, :]
        z = np.hstack([np.zeros_like(z), z]) if outputs == 1 else np.asarray(z)
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        inputs = np.hstack([X, np.ones((len(X), 1))])
        by_outputs = np.einsum("nk,kl->nkl", p, np.eye(p.shape[1])) - np.einsum("nk,nl->nkl", p, p)
        if outputs == 1:
            by_outputs = by_outputs[:, 1:, 1:]
        H = np.einsum("nkl,ni,nj->ikjl", by_outputs, inputs, inputs) / len(X)
        H = H.reshape(inputs.shape[1] * outputs, -1)
        assert least == pytest.approx(np.linalg.eigvalsh(H)[0], abs=1e-9)


@pytest.mark.parametrize("name", ["tanh", "gelu, two layers", "elu, squares"])
def test_the_risk_of_a_network_is_not_convex(name):
    """The risk bends down somewhere, and the value along that line says so.

    Lecture row C11, erratum 21.
    """
    risk, _ = risk_of(*NETWORKS[name])
    least = [float(curvature.smallest_eigenvalue(risk.gradient, w)) for w in points(risk)]
    assert min(least) < -1e-3
    w = points(risk)[int(np.argmin(least))]
    v = jnp.linalg.eigh(curvature.hessian(risk.gradient, w))[1][:, 0]
    middle = (risk.value(w + 1e-2 * v) + risk.value(w - 1e-2 * v)) / 2
    assert float(middle) < float(risk.value(w))


def test_the_gradient_lies_along_the_steep_directions():
    """Lecture row D12: on a quadratic the shares are those of (lambda c)^2."""
    rng = np.random.default_rng(3)
    u, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    curvatures, c = np.array([0.1, 1.0, 3.0, 10.0]), np.array([1.0, -1.0, 1.0, 1.0])
    H = jnp.asarray(u @ np.diag(curvatures) @ u.T)
    found = curvature.gradient_shares(H, H @ jnp.asarray(u @ c))
    np.testing.assert_allclose(found.curvatures, curvatures, rtol=1e-10)
    expected = curvatures**2 / np.sum(curvatures**2)
    np.testing.assert_allclose(found.shares, expected, rtol=1e-9)
    assert float(found.shares[-1] / found.shares[0]) == pytest.approx(100**2, rel=1e-9)


def test_the_price_of_a_hessian():
    """Lecture row C13: n^2 numbers; 41 GB for 784-128-10."""
    assert curvature.hessian_bytes(101_770) == 4 * 101_770**2
    assert curvature.hessian_bytes(10, "float64") == 800
    with pytest.raises(InputError, match="n must be at least 0, got -1"):
        curvature.hessian_bytes(-1)


def test_a_gradient_of_0_has_no_direction():
    with pytest.raises(InputError, match="the gradient must be different from 0, got 0"):
        curvature.gradient_shares(jnp.eye(2), jnp.zeros(2))


def test_the_risk_counts_weights():
    """The vector and the tree hold the same numbers; weights reach value and gradient."""
    model = nn.mlp((2,), 3, nn.activations.tanh)
    params, _ = model.init(jax.random.key(0), (3,), dtype="float64")
    weights = jnp.arange(12.0)
    risk = curvature.flat_risk(model, nn.losses.cross_entropy, params, X, LABELS, weights)
    both = nn.value_and_grad(model, nn.losses.cross_entropy)
    (value, _), gradient = both(params, X, LABELS, weights)
    assert float(risk.value(risk.w)) == pytest.approx(float(value), rel=1e-12)
    np.testing.assert_allclose(risk.gradient(risk.w), ravel_pytree(gradient)[0], rtol=1e-12)
