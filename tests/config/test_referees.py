"""JAX's differentiation under our names, which the exercises ask."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.config import referees
from tests.helpers import central_differences


def test_slopes_are_those_by_differences():
    """Of every argument, and again for the same function at other shapes."""

    def f(x, W):
        return (jnp.tanh(x @ W) ** 2).sum()

    with jax.enable_x64(True):
        for seed, (n, m) in enumerate([(3, 2), (4, 5)]):
            rng = np.random.default_rng(seed)
            at = rng.standard_normal(n), rng.standard_normal((n, m))
            found = referees.slopes(f, *at)
            expected = central_differences(lambda both: f(*both), at)
            for got, want in zip(found, expected, strict=True):
                assert got.shape == want.shape
                np.testing.assert_allclose(got, want, atol=1e-8)


def test_a_jacobian_has_a_row_for_each_output():
    with jax.enable_x64(True):
        found = referees.jacobian(
            lambda x: jnp.stack([x[0] * x[1], x[2] ** 2]), np.array([1.0, 2.0, 3.0])
        )
    np.testing.assert_allclose(found, [[2, 1, 0], [0, 0, 6]])
