"""Networks that compute in another type than that of their parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from tests.helpers import named_leaves


@pytest.fixture(scope="module")
def network():
    plain = nn.mlp((7, 5), 3, nn.activations.tanh, dropout_rate=0.25)
    params, _ = plain.init(jax.random.key(0), (4,))
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(6, 4)), jnp.float32)
    return plain, jax.tree.map(lambda w: w.astype(jnp.float32), params), x


@pytest.mark.parametrize(("compute", "keep"), [("bfloat16", "float32"), ("float64", "float64")])
def test_all_is_of_its_type_and_near_the_plain_network(network, compute, keep):
    plain, params, x = network
    short = nn.computing_in(plain, compute, keep)
    assert short.name == plain.name
    assert short.layers == plain.layers
    started, _ = short.init(jax.random.key(0), (4,))
    y, key = jnp.arange(6, dtype=jnp.int32) % 3, jax.random.key(1)
    loss = nn.losses.cross_entropy
    (value, outputs), gradient = nn.value_and_grad(short, loss)(started, x, y, None, key)
    (_, expected), slope = nn.value_and_grad(plain, loss)(params, x, y, None, key)
    leaves = [leaf for _, leaf in named_leaves((started, value, outputs, gradient))]
    assert {leaf.dtype for leaf in leaves} == {np.dtype(keep)}
    exact = compute == "float64"
    largest = 1e-6 if exact else 0.05  # bfloat16 has 8 bits
    for (name, a), (_, b) in zip(
        named_leaves((outputs, gradient)), named_leaves((expected, slope)), strict=True
    ):
        difference = float(jnp.max(jnp.abs(a - b.astype(a.dtype))))
        assert difference < largest, name
        assert exact or name or difference > 0
    if not exact:
        assert (
            float(jnp.max(jnp.abs(outputs - expected))) > 1e-4
        )  # it did compute in the short type


def test_by_hand_and_by_machine_agree_in_the_short_type(network):
    plain, params, x = network
    short, loss = nn.computing_in(plain, "bfloat16", "float32"), nn.losses.cross_entropy
    y = jnp.arange(6, dtype=jnp.int32) % 3
    _, by_hand = nn.value_and_grad(short, loss)(params, x, y)
    _, by_machine = jax.value_and_grad(nn.objective(short, loss), has_aux=True)(params, x, y)
    for (name, a), (_, b) in zip(named_leaves(by_hand), named_leaves(by_machine), strict=True):
        np.testing.assert_allclose(a, b, atol=0.02, err_msg=name)
