"""The softmax by hand, its Jacobian and its vector-Jacobian product.

Lecture rows A1, A3, B7, B10, C3, D7.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(5, 4)) * 3
SHAPES = [(4,), (5, 4), (2, 3, 4)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_value_is_jax_s(shape):
    """Of one row, a batch, or any number of axes; with and without the shift.

    Lecture rows A1, B10.
    """
    z = jnp.asarray(RNG.normal(size=shape))
    for shifted in (True, False):
        np.testing.assert_allclose(nn.softmax(z, shifted), jax.nn.softmax(z), rtol=1e-13)


@pytest.mark.parametrize(("dtype", "overflows"), [("float32", 89), ("float64", 710)])
def test_the_shift_changes_nothing_but_the_overflow(dtype, overflows):
    """Logits plus 1000 give the same bits; without the shift they give NaN, from 89 or 710 on.

    Lecture row A1.

    The logits are multiples of 1/8, so that adding 1000 rounds nothing.
    """
    z = jnp.asarray([[1.5, 0.75, -0.5], [-3.0, 0.0, 2.125]], dtype)
    p, far = nn.softmax(z), nn.softmax(z + 1000)
    assert p.dtype == far.dtype == dtype
    np.testing.assert_array_equal(far, p)
    np.testing.assert_allclose(nn.softmax(z, shifted=False), p, rtol=1e-6)
    assert np.isnan(nn.softmax(z + 1000, shifted=False)).all()
    row = jnp.asarray([[1.0, 0.0]], dtype)
    assert not np.isnan(nn.softmax(row * (overflows - 1), shifted=False)).any()
    assert np.isnan(nn.softmax(row * overflows, shifted=False)).any()


def test_far_below_zero_the_unshifted_one_divides_0_by_0():
    """Lecture row A1: the other end, which the shift mends too."""
    z = jnp.asarray([[-1000.0, -1001.0]])
    assert np.isnan(nn.softmax(z, shifted=False)).all()
    np.testing.assert_allclose(nn.softmax(z), [[np.e / (1 + np.e), 1 / (1 + np.e)]], rtol=1e-14)


def test_infinite_logits():
    """Minus infinity rules a class out; plus infinity and rows of minus infinity have no limit."""
    inf = jnp.inf
    z = jnp.asarray([[0.0, 0.0, -inf], [0.0, inf, 0.0], [-inf, -inf, -inf]])
    np.testing.assert_array_equal(nn.softmax(z)[0], [0.5, 0.5, 0])
    assert np.isnan(nn.softmax(z)[1:]).any(axis=1).all()


def test_the_slides_example_is_rounded_too_early():
    """Of (1.5, 0.8, -0.5) the slide prints 0.612, 0.305, 0.083; right is 0.613, 0.304, 0.083.

    Lecture row B10.

    The slide divides 4.48 and 2.23 by 7.32, numbers that are rounded already.
    """
    p = nn.softmax(jnp.asarray([1.5, 0.8, -0.5]))
    np.testing.assert_allclose(p, [0.6127749156, 0.3042950176, 0.0829300668], atol=5e-11)
    assert [round(float(value), 3) for value in p] == [0.613, 0.304, 0.083]
    printed = [round(part / 7.32, 3) for part in (4.48, 2.23, 0.61)]
    assert printed == [0.612, 0.305, 0.083]


def test_the_jacobian_by_hand():
    """Lecture row C3: of p = (1/2, 1/4, 1/4)."""
    expected = np.array([[4, -2, -2], [-2, 3, -1], [-2, -1, 3]]) / 16
    np.testing.assert_array_equal(nn.softmax_jacobian(jnp.asarray([0.5, 0.25, 0.25])), expected)


def test_the_jacobian_is_autodiff_s():
    """Lecture rows A3, C3: diag(p) - p p^T, symmetric, with rows that sum to 0."""
    J = nn.softmax_jacobian(nn.softmax(Z))
    by_machine = jax.vmap(jax.jacobian(jax.nn.softmax))(jnp.asarray(Z))
    np.testing.assert_allclose(J, by_machine, rtol=1e-12, atol=1e-16)
    np.testing.assert_array_equal(J, np.swapaxes(J, 1, 2))
    np.testing.assert_allclose(J.sum(axis=2), np.zeros((5, 4)), atol=1e-15)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_product_needs_no_matrix(shape):
    """Lecture rows B7, C3: p (dp - sum dp p) is dp times the Jacobian, and what `jax.vjp` says."""
    z, dp = (jnp.asarray(RNG.normal(size=shape)) for _ in range(2))
    p, pull_back = jax.vjp(jax.nn.softmax, z)
    dz = nn.softmax_vjp(p, dp)
    np.testing.assert_allclose(dz, pull_back(dp)[0], rtol=1e-12, atol=1e-15)
    by_matrix = np.einsum("...i,...ij->...j", dp, nn.softmax_jacobian(p))
    np.testing.assert_allclose(dz, by_matrix, rtol=1e-12, atol=1e-15)


def test_of_two_classes_it_is_a_sigmoid_of_the_difference():
    """Softmax(o1, o2) = (sigmoid(o1 - o2), 1 - sigmoid(o1 - o2)), its Jacobian p (1 - p).

    Lecture row D7.
    """
    o = jnp.asarray([[2.0, 0.5], [-1.0, 3.0]])
    s = 1 / (1 + np.exp(-np.array([1.5, -4.0])))
    p = nn.softmax(o)
    np.testing.assert_allclose(p, np.stack([s, 1 - s], axis=1), rtol=1e-13)
    J = nn.softmax_jacobian(p)
    signs = np.array([[1, -1], [-1, 1]])
    np.testing.assert_allclose(J, (s * (1 - s))[:, None, None] * signs, rtol=1e-12)
