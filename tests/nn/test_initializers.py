"""Initial weights: their moments, and what they do to the variance of signals (A6, A7, B8, E9)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import initializers

SHAPE = (400, 300)
VARIANCES = {
    "lecun_normal": 1 / 400,
    "lecun_uniform": 1 / 400,
    "xavier_normal": 2 / 700,
    "xavier_uniform": 2 / 700,
    "he_normal": 2 / 400,
    "he_uniform": 2 / 400,
    "zeros": 0,
    "ones": 0,
}


@pytest.mark.parametrize("name", VARIANCES)
def test_variance(name):
    W = getattr(initializers, name)(jax.random.key(1), SHAPE)
    assert W.shape == SHAPE
    assert W.dtype == jnp.float32
    # the sample variance of 120,000 values has a relative deviation of 0.4 %
    np.testing.assert_allclose(np.var(W, dtype=np.float64), VARIANCES[name], rtol=0.02)
    if name.endswith("uniform"):
        assert float(jnp.abs(W).max()) <= np.sqrt(3 * VARIANCES[name])


def test_the_deck_s_xavier_bound_has_a_third_of_the_variance():
    """B8, erratum 1: U(-sqrt(1/n), sqrt(1/n)) has variance 1/(3n); sqrt(3/n) gives 1/n."""
    n = 400
    printed = initializers.uniform(np.sqrt(1 / n))(jax.random.key(2), SHAPE)
    right = initializers.uniform(np.sqrt(3 / n))(jax.random.key(2), SHAPE)
    np.testing.assert_allclose(n * np.var(printed), 1 / 3, rtol=0.02)
    np.testing.assert_allclose(n * np.var(right), 1, rtol=0.02)


def test_the_slide_s_deviations():
    """A9: sigma = sqrt(2/784) = 0.0505 and sqrt(2/128) = 0.125 for 784-128-10."""
    params, _ = nn.mlp((128,), 10).init(jax.random.key(0), (784,))
    kernels = [p["W"] for p in params if p]
    np.testing.assert_allclose(np.std(kernels[0]), 0.0505, rtol=0.02)
    np.testing.assert_allclose(np.std(kernels[1]), 0.125, rtol=0.05)
    assert all(not p["b"].any() for p in params if p)


@pytest.mark.parametrize(("mode", "kept"), [("fan_in", "forward"), ("fan_out", "backward")])
def test_fan_in_keeps_the_forward_and_fan_out_the_backward_second_moment(mode, kept):
    """A6, A7: E[a^2] through a ReLU layer, and E[dx^2] back through it."""
    n_in, n_out = 1500, 500
    W = initializers.variance_scaling(2.0, mode, "normal")(jax.random.key(0), (n_in, n_out))
    rng = np.random.default_rng(0)
    z_before = rng.normal(size=(300, n_in)).astype(np.float32)
    a = np.maximum(z_before, 0)
    z = a @ W
    forward = np.mean(z**2) / np.mean(z_before**2)
    dz = rng.normal(size=z.shape).astype(np.float32) * np.float32(z > 0)
    back = dz @ W.T
    backward = np.mean(back**2) / (2 * np.mean(dz**2))
    ratio = {"forward": forward, "backward": backward}
    np.testing.assert_allclose(ratio.pop(kept), 1, rtol=0.05)
    assert abs(ratio.popitem()[1] - 1) > 0.5


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (3, 3, 2, 5)])
def test_orthogonal_kernels_keep_norms(shape):
    W = initializers.orthogonal(jax.random.key(0), shape, jnp.float64).reshape(-1, shape[-1])
    gram = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-14)


def test_the_printed_orders_of_zeros_and_ones():
    """B8, D9, erratum 13: zeros leave only the last bias a gradient; ones keep units alike."""
    x = np.random.default_rng(0).normal(size=(9, 4))
    y = np.arange(9).astype(np.int32) % 2
    for kernel in (initializers.zeros, initializers.ones):
        model = nn.mlp((5,), 3, nn.activations.sigmoid, kernel)
        params = jax.tree.map(lambda w: w.astype(float), model.init(jax.random.key(0), (4,))[0])
        _, (_, first, _, last) = nn.value_and_grad(model, nn.losses.cross_entropy)(params, x, y)
        assert np.abs(last["b"]).max() > 0.1
        assert np.abs(last["W"]).max() > 0.01  # sigmoid units are 1/2 at 0, and the kernel moves
        np.testing.assert_allclose(last["W"], np.tile(last["W"][:1], (5, 1)), rtol=1e-12)
        np.testing.assert_allclose(first["W"], np.tile(first["W"][:, :1], (1, 5)), atol=1e-16)
        if kernel is initializers.zeros:
            assert not first["W"].any()


def test_fans_of_dense_and_convolution_kernels():
    assert initializers.fans((4, 6)) == {"fan_in": 4, "fan_out": 6, "fan_avg": 5}
    assert initializers.fans((3, 5, 2, 8)) == {"fan_in": 30, "fan_out": 120, "fan_avg": 75}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: initializers.fans((3,)), "two or more axes"),
        (lambda: initializers.variance_scaling(0, "fan_in", "normal"), "gain must be positive"),
        (lambda: initializers.variance_scaling(1, "fan", "normal"), "mode must be"),
        (lambda: initializers.variance_scaling(1, "fan_in", "cauchy"), "distribution must be"),
        (lambda: initializers.constant(float("nan")), "value must be finite"),
        (lambda: initializers.normal(-1), "std must be positive"),
        (lambda: initializers.uniform(0), "bound must be positive"),
        (lambda: initializers.orthogonal(jax.random.key(0), (3,)), "two or more axes"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()
