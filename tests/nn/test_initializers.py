"""Initial weights: their moments, and what they do to the variance of signals.

Lecture rows A6, A7, B8, E9.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxmlp import nn
from jaxmlp.config.names import INITIALIZERS, SCALED_INITIALIZERS
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
    """U(-sqrt(1/n), sqrt(1/n)) has variance 1/(3n); sqrt(3/n) gives 1/n.

    Lecture row B8, erratum 1.
    """
    n = 400
    printed = initializers.uniform(np.sqrt(1 / n))(jax.random.key(2), SHAPE)
    right = initializers.uniform(np.sqrt(3 / n))(jax.random.key(2), SHAPE)
    np.testing.assert_allclose(n * np.var(printed), 1 / 3, rtol=0.02)
    np.testing.assert_allclose(n * np.var(right), 1, rtol=0.02)


def test_the_slide_s_deviations():
    """Lecture row A9: sigma = sqrt(2/784) = 0.0505 and sqrt(2/128) = 0.125 for 784-128-10."""
    params, _ = nn.mlp((128,), 10).init(jax.random.key(0), (784,))
    kernels = [p["W"] for p in params if p]
    np.testing.assert_allclose(np.std(kernels[0]), 0.0505, rtol=0.02)
    np.testing.assert_allclose(np.std(kernels[1]), 0.125, rtol=0.05)
    assert all(not p["b"].any() for p in params if p)


@pytest.mark.parametrize(("mode", "kept"), [("fan_in", "forward"), ("fan_out", "backward")])
def test_fan_in_keeps_the_forward_and_fan_out_the_backward_second_moment(mode, kept):
    """Lecture rows A6, A7: E[a^2] through a ReLU layer, and E[dx^2] back through it."""
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
    """Zeros leave only the last bias a gradient; ones keep units alike.

    Lecture rows B8, D9, erratum 13.
    """
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
        (lambda: initializers.truncated_normal(0), "std must be positive"),
        (
            lambda: initializers.orthogonal(jax.random.key(0), (3, 3), gain=0),
            "gain must be positive",
        ),
        (lambda: initializers.uniform(0), "bound must be positive"),
        (lambda: initializers.orthogonal(jax.random.key(0), (3,)), "two or more axes"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    "initializer",
    [
        initializers.truncated_normal(np.sqrt(2 / 400)),
        initializers.variance_scaling(2.0, "fan_in", "truncated_normal"),
    ],
    ids=["truncated_normal", "variance_scaling"],
)
def test_a_truncated_normal_has_its_deviation_and_no_tails(initializer):
    """The distribution by SciPy, and the bound of 2 / 0.88 deviations."""
    W = np.asarray(initializer(jax.random.key(1), SHAPE, jnp.float64)).ravel()
    std = np.sqrt(2 / 400)
    whole = scipy.stats.truncnorm(-2, 2)
    np.testing.assert_allclose(initializers.CUT_DEVIATION, whole.std(), rtol=1e-12)
    np.testing.assert_allclose(W.std(), std, rtol=0.01)
    assert np.abs(W).max() <= 2 * std / whole.std()
    assert scipy.stats.kstest(W * whole.std() / std, whole.cdf).pvalue > 0.01


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64])
@pytest.mark.parametrize("name", INITIALIZERS.names)
def test_every_initializer_draws_in_every_type(name, dtype):
    made = INITIALIZERS[name]
    made = made(0.5) if name in SCALED_INITIALIZERS else made
    W = made(jax.random.key(0), (12, 8), dtype)
    assert (W.shape, W.dtype) == ((12, 8), dtype)
    assert np.all(np.isfinite(W.astype(jnp.float32)))


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (3, 3, 2, 5)])
def test_the_gain_of_orthogonal_kernels(shape):
    plain = initializers.orthogonal(jax.random.key(0), shape, jnp.float64)
    with_gain = functools.partial(initializers.orthogonal, gain=np.sqrt(2))
    scaled = with_gain(jax.random.key(0), shape, jnp.float64)
    np.testing.assert_allclose(scaled, np.sqrt(2) * np.asarray(plain), rtol=1e-15)
    norm = np.linalg.norm(scaled.reshape(-1, shape[-1]), 2)
    assert norm == pytest.approx(np.sqrt(2))
    assert nn.dense(3, with_gain).init(jax.random.key(0), (4,))[0]["W"].shape == (4, 3)


MODELS = {
    "mlp": (nn.mlp((4,), 3, nn.prelu, normalised=True, dropout_rate=0.5), (5,)),
    "lenet": (nn.lenet(3), (12, 12, 1)),
    "nested": (nn.sequential(nn.sequential(nn.dense(2, bias=False)), nn.dense(3)), (5,)),
    "images": (nn.sequential(nn.convolution(2, 3), nn.max_pool(2), nn.average_pool(1)), (4, 4, 1)),
    "one layer": (nn.dense(3, initializers.orthogonal), (5,)),
}


@pytest.mark.parametrize("dtype", [jnp.bfloat16, "float16", np.float64, None], ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_begins_in_the_type_that_is_asked_for(name, dtype):
    """Every parameter; its shapes do not change, and the network computes in that type."""
    model, shape = MODELS[name]
    expected = jnp.dtype(dtype or jnp.float32)

    def both_ways(key, x):
        params, output = model.init(key, shape, dtype)
        named, _ = model.init(key, shape, dtype=dtype)
        y, cache = model.forward(params, x)
        assert y.shape == (2, *output)
        return params, named, y, model.backward(params, cache, y)[0]

    x = jax.ShapeDtypeStruct((2, *shape), expected)
    params, named, y, dparams = jax.eval_shape(both_ways, jax.random.key(0), x)
    usual = jax.eval_shape(lambda key: model.init(key, shape)[0], jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves(usual)} <= {jnp.dtype(jnp.float32)}
    assert params == named == dparams
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, usual)
    assert {leaf.dtype for leaf in jax.tree.leaves((params, y))} == {expected}


@pytest.mark.parametrize("make", [initializers.normal, initializers.truncated_normal])
def test_a_number_of_numpy_does_not_change_the_type_of_a_kernel(make):
    assert make(np.float64(0.5))(jax.random.key(0), (3, 2)).dtype == jnp.float32


def test_a_layer_that_knows_no_type_stands_in_a_chain_of_the_usual_one():
    own = dataclasses.replace(nn.flatten(), init=lambda key, shape: ((), shape))
    model = nn.sequential(own, nn.dense(3, kernel=lambda key, shape: jnp.ones(shape)))
    params, shape = model.init(jax.random.key(0), (4,))
    assert shape == (3,)
    assert params[1]["W"].shape == (4, 3)


def test_a_network_that_computes_in_another_type_keeps_its_own():
    model = nn.computing_in(nn.dense(3), "float16")
    params, _ = model.init(jax.random.key(0), (4,), "float16")
    assert params["W"].dtype == jnp.float16
    with pytest.raises(InputError, match="dtype must be float16, in which the network computes"):
        model.init(jax.random.key(0), (4,), "float32")
