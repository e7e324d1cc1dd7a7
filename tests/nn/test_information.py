"""Entropy and its kin against SciPy, and what the lecture says of them (lecture row C10)."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmlp.errors import InputError
from jaxmlp.nn import information

RNG = np.random.default_rng(0)
Q, P = RNG.dirichlet(np.ones(5), size=8), RNG.dirichlet(np.ones(5), size=8)


@pytest.mark.parametrize("base", [2.0, np.e, 10.0])
def test_equals_scipy(base):
    h, kl = stats.entropy(Q, base=base, axis=1), stats.entropy(Q, P, base=base, axis=1)
    np.testing.assert_allclose(information.entropy(Q, base), h, rtol=1e-12)
    np.testing.assert_allclose(information.kl_divergence(Q, P, base), kl, rtol=1e-11)
    np.testing.assert_allclose(information.cross_entropy(Q, P, base), h + kl, rtol=1e-12)


def test_what_the_lecture_says():
    """H(0) = H(1) = 0, H(1/2) = 1 bit, H(q, p) >= H(q), and it is not symmetric."""
    coins = jnp.asarray([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    np.testing.assert_allclose(information.entropy(coins), [0, 0, 1])
    assert np.all(information.cross_entropy(Q, P) >= information.entropy(Q))
    assert not np.allclose(information.cross_entropy(Q, P), information.cross_entropy(P, Q))
    assert information.cross_entropy(coins[0], coins[1]) == np.inf


def test_the_last_formula_of_the_appendix_lacks_its_minus_signs():
    """Lecture row C10, erratum 5: H(y, p) is -log p for y = 1, a cost and not a reward."""
    p = 0.8
    cost = information.cross_entropy(jnp.asarray([0.0, 1.0]), jnp.asarray([1 - p, p]))
    assert float(cost) == pytest.approx(-np.log2(p))
    assert float(cost) > 0 > np.log2(p)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: information.entropy(Q, 1), "base must be positive and not 1"),
        (lambda: information.cross_entropy(Q, P, -2), "base must be positive and not 1"),
        (lambda: information.kl_divergence(Q, P[:, :3]), r"p must be of the shape of q, \(8, 5\)"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()
