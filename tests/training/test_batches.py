"""Gradients of mini-batches: right on average, with a variance of 1/B (lecture rows C6, E10)."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from jaxmlp import nn

N = 6
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 3)), RNG.integers(0, 3, N)


@pytest.fixture(scope="module")
def gradient():
    """The gradient of a small network on the examples with these numbers."""
    with jax.enable_x64(True):
        model = nn.mlp((4,), 3, nn.activations.tanh)
        params, _ = model.init(jax.random.key(0), (3,), dtype="float64")
        both = nn.value_and_grad(model, nn.losses.cross_entropy)

        @jax.jit
        def compute(x, y):
            return ravel_pytree(both(params, x, y)[1])[0]

    def of(rows):
        with jax.enable_x64(True):
            chosen = list(rows)
            return np.asarray(compute(jnp.asarray(X[chosen]), jnp.asarray(Y[chosen])))

    return of


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_the_mean_over_an_epoch_is_the_batch_gradient(gradient, size):
    """Lecture rows C6, E10: equal batches, in any order of the examples."""
    whole = gradient(range(N))
    for order in (range(N), [3, 1, 5, 0, 2, 4]):
        batches = np.array(order).reshape(-1, size)
        mean = np.mean([gradient(batch) for batch in batches], axis=0)
        np.testing.assert_allclose(mean, whole, rtol=1e-12, atol=1e-15)


def test_a_smaller_last_batch_counts_by_its_examples(gradient):
    """With batches of four and two only the mean weighted by their sizes is right.

    Lecture row C6.
    """
    whole, parts = gradient(range(N)), [gradient([0, 1, 2, 3]), gradient([4, 5])]
    np.testing.assert_allclose((4 * parts[0] + 2 * parts[1]) / 6, whole, rtol=1e-12, atol=1e-15)
    assert np.abs((parts[0] + parts[1]) / 2 - whole).max() > 1e-3


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_variance_is_that_of_one_example_divided_by_the_size(gradient, size):
    """Exactly, over all N^B batches drawn with replacement; over subsets less still.

    Lecture rows C6, E10.
    """
    single = np.array([gradient([n]) for n in range(N)])
    whole = single.mean(axis=0)
    variance = np.mean((single - whole) ** 2, axis=0)
    drawn = np.array(
        [single[list(b)].mean(axis=0) for b in itertools.product(range(N), repeat=size)]
    )
    np.testing.assert_allclose(
        gradient([0, 0, 1]), (2 * single[0] + single[1]) / 3, rtol=1e-11, atol=1e-14
    )
    np.testing.assert_allclose(drawn.mean(axis=0), whole, atol=1e-14)
    np.testing.assert_allclose(np.mean((drawn - whole) ** 2, axis=0), variance / size, rtol=1e-10)
    subsets = np.array([gradient(b) for b in itertools.combinations(range(N), size)])
    np.testing.assert_allclose(subsets.mean(axis=0), whole, atol=1e-14)
    without = variance / size * (N - size) / (N - 1)  # an epoch's batches have no example twice
    np.testing.assert_allclose(np.mean((subsets - whole) ** 2, axis=0), without, rtol=1e-10)
