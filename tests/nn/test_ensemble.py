"""Several networks that answer together: what they answer, and their gradients by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import losses
from tests.helpers import assert_trees_close, central_differences, to_float64

K, N = 3, 5
RNG = np.random.default_rng(0)
MIXES = {  # how outputs are mixed, the number of outputs, and what is averaged
    "mean": (nn.MEAN, 2, lambda z: z),
    "softmax": (nn.SOFTMAX, 4, lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True)),
    "sigmoid": (nn.SIGMOID, 2, lambda z: 1 / (1 + np.exp(-z))),
}


def member(outputs=2, rate=0.4):
    return nn.mlp((4,), outputs, dropout_rate=rate)


def started(layer):
    return to_float64(layer.init(jax.random.key(1), (3,))[0])


@pytest.mark.parametrize("name", MIXES)
def test_probabilities_are_averaged(name):
    mix, outputs, answer = MIXES[name]
    z = RNG.normal(size=(K, N, outputs)) * 3
    np.testing.assert_allclose(answer(mix.forward(jnp.asarray(z))), answer(z).mean(0), rtol=1e-12)
    far = jnp.asarray(np.full((K, N, outputs), 800.0))  # exp(800) is infinite
    assert np.isfinite(mix.forward(far)).all()
    assert np.isfinite(mix.backward(-far, jnp.ones((N, outputs)))).all()


@pytest.mark.parametrize("name", MIXES)
def test_the_gradient_of_a_mix(name):
    mix, outputs, _ = MIXES[name]
    z, dy = (
        jnp.asarray(RNG.normal(size=(K, N, outputs))),
        jnp.asarray(RNG.normal(size=(N, outputs))),
    )
    by_hand = mix.backward(z, dy)
    assert_trees_close(by_hand, jax.vjp(mix.forward, z)[1](dy)[0], 1e-12)
    differences = central_differences(lambda z: jnp.vdot(mix.forward(jnp.asarray(z)), dy), z)
    np.testing.assert_allclose(by_hand, differences, atol=1e-7)


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("name", MIXES)
def test_the_gradient_of_an_ensemble(name, keyed):
    mix, outputs, _ = MIXES[name]
    layer = nn.ensemble(member(outputs), K, mix)
    params, x = started(layer), jnp.asarray(RNG.normal(size=(N, 3)))
    dy, key = jnp.asarray(RNG.normal(size=(N, outputs))), jax.random.key(2) if keyed else None
    _, cache = layer.forward(params, x, key)
    machine = jax.vjp(lambda p, x: layer.forward(p, x, key)[0], params, x)[1](dy)
    assert_trees_close(layer.backward(params, cache, dy), machine, 1e-12)


def test_an_ensemble_of_one_is_the_network_alone():
    """Same start, same dropout, same answers; and so is the first of several."""
    alone, key = member(), jax.random.key(3)
    x = jnp.asarray(RNG.normal(size=(N, 3)), jnp.float32)
    params, _ = alone.init(key, (3,))
    for count in (1, K):
        layer = nn.ensemble(alone, count)
        several, shape = layer.init(key, (3,))
        assert shape == (2,)
        first = jax.tree.map(lambda leaf: leaf[0], several)
        assert_trees_close(first, params, 0)
        _, (z, _, _) = layer.forward(several, x, jax.random.key(4))
        np.testing.assert_allclose(z[0], alone.forward(params, x, jax.random.key(4))[0], rtol=1e-6)
        others = np.asarray(several[1]["W"])
        assert len(np.unique(others.reshape(count, -1), axis=0)) == count


def test_in_training_each_member_follows_its_own_loss():
    alone = nn.value_and_grad(member(rate=0.0), losses.cross_entropy)
    layer = nn.ensemble(member(rate=0.0), K, nn.SOFTMAX)
    params, x = started(layer), jnp.asarray(RNG.normal(size=(N, 3)))
    y, w = jnp.asarray([0, 1, 1, 0, 1]), jnp.asarray(RNG.uniform(size=N))
    together = nn.members_value_and_grad(alone, K, nn.SOFTMAX)
    (value, outputs), gradient = together(params, x, y, w, jax.random.key(0))
    each = [alone(jax.tree.map(lambda a, k=k: a[k], params), x, y, w) for k in range(K)]
    np.testing.assert_allclose(value, np.mean([v for (v, _), _ in each]), rtol=1e-12)
    np.testing.assert_allclose(outputs, layer(params, x), rtol=1e-12)
    assert_trees_close(
        gradient, jax.tree.map(lambda *g: jnp.stack(g), *(g for _, g in each)), 1e-12
    )


def test_an_ensemble_has_members():
    with pytest.raises(InputError, match="ensemble must be at least 1, got 0"):
        nn.ensemble(member(), 0)
