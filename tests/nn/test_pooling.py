"""Pooling where windows tie, overlap or leave the image (lecture row C9)."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from jaxmlp import nn
from jaxmlp.nn import activations
from jaxmlp.nn.pooling import average_pool, max_pool
from tests.helpers import assert_trees_close
from tests.nn.passes import N, by_hand, by_machine, shapes


def test_in_a_tie_the_first_pixel_row_by_row_gets_the_gradient():
    layer = max_pool(2)
    x = jnp.asarray([[1.0, 2, 0, 3], [2, 2, 3, 3]])[None, :, :, None]
    y, _, dx = jax.jit(by_hand(layer))((), x, jnp.asarray([[5.0, 7]])[None, :, :, None])
    np.testing.assert_array_equal(y[0, :, :, 0], [[2, 3]])
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 5, 0, 7], [0, 0, 0, 0]])


def test_gradients_of_overlapping_windows_add_up():
    layer = max_pool(3, stride=1)
    x = np.zeros((1, 5, 5, 1))
    x[0, 2, 2, 0] = 1  # seen by all nine windows
    *_, dx = jax.jit(by_hand(layer))((), x, np.ones((1, 3, 3, 1)))
    np.testing.assert_array_equal(dx, 9 * x)


def brute_force(x, dy, window, stride, padding):
    """Return y and dx of max-pooling and of average-pooling, window by window."""
    pads = lax.padtype_to_pads(x.shape, window, stride, padding.upper())
    largest, mean = np.zeros_like(dy), np.zeros_like(dy)
    d_largest, d_mean = np.zeros_like(x), np.zeros_like(x)
    for i, j in np.ndindex(dy.shape):
        top, left = i * stride[0] - pads[0][0], j * stride[1] - pads[1][0]
        rows = slice(max(top, 0), top + window[0])
        columns = slice(max(left, 0), left + window[1])
        seen = x[rows, columns]
        largest[i, j], mean[i, j] = seen.max(), seen.mean()
        p, q = np.unravel_index(seen.argmax(), seen.shape)  # NumPy's, too, is the first
        d_largest[rows, columns][p, q] += dy[i, j]
        d_mean[rows, columns] += dy[i, j] / seen.size
    return (largest, d_largest), (mean, d_mean)


sizes = st.integers(1, 4)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    image=st.tuples(st.integers(4, 6), st.integers(4, 6)),
    window=st.tuples(sizes, sizes),
    stride=st.tuples(sizes, sizes),
    padding=st.sampled_from(["valid", "same"]),
    draw=st.data(),
)
def test_pooling_is_what_it_is_window_by_window(image, window, stride, padding, draw):
    values = st.sampled_from([-1.5, 0.0, 0.0, 1.0, 2.0])
    pixels = draw.draw(st.lists(values, min_size=image[0] * image[1], max_size=image[0] * image[1]))
    x = np.reshape(pixels, image)
    layers = max_pool(window, stride, padding), average_pool(window, stride, padding)
    _, shape = shapes(layers[0], (*image, 1))
    dy = np.arange(1.0, 1 + np.prod(shape)).reshape(shape[:2])
    expected = brute_force(x, dy, window, stride, padding)
    for layer, (y, dx) in zip(layers, expected, strict=True):
        got_y, _, got_dx = jax.jit(by_hand(layer))((), x[None, :, :, None], dy[None, :, :, None])
        np.testing.assert_allclose(got_y[0, :, :, 0], y, rtol=1e-14)
        np.testing.assert_allclose(got_dx[0, :, :, 0], dx, rtol=1e-13)


def test_relu_and_max_pooling_together():
    """Lecture row C9: the Jacobian is `df/da` at the winner and 0 elsewhere, ties included.

    The lecture takes `df/da = 1` at `a = 0`; ours is 0, like that of `jax.nn.relu`, so a window
    whose largest activation is 0 or less passes nothing back. ReLU never swaps the order of two
    activations, so pooling first gives the same.
    """
    pool = max_pool(3, 2, "same")
    relu = nn.activation(activations.relu)
    rng = np.random.default_rng(0)
    z = rng.integers(-4, 3, size=(N, 6, 7, 2)).astype(float)
    z[0], z[1, :3] = 0, -1
    dy = rng.normal(size=(N, 3, 4, 2))

    def own(_, z):
        windows = (1, 3, 3, 1), (1, 2, 2, 1), "SAME"
        return lax.reduce_window(jax.nn.relu(z), -jnp.inf, lax.max, *windows)

    expected = jax.jit(by_machine(own))((), z, dy)
    for network in (nn.sequential(relu, pool), nn.sequential(pool, relu)):
        y, _, dz = jax.jit(by_hand(network))(((), ()), z, dy)
        assert_trees_close(((), y, dz), ((), expected[0], expected[2]), 1e-15)
    assert not np.any(expected[2][0])
    assert np.count_nonzero(expected[2]) > N


def test_a_pixel_that_is_not_a_number_is_not_hidden():
    x = np.ones((4, 2, 4, 1))
    x[range(4), [0, 0, 1, 1], [0, 1, 0, 1]] = np.nan  # each cell of the first window, once
    for layer in (max_pool(2), average_pool(2)):
        y = jax.jit(layer.__call__)((), x)
        np.testing.assert_array_equal(np.isnan(y[:, 0, :, 0]), [[True, False]] * 4)
