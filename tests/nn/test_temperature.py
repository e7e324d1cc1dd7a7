"""Temperature scaling: its slope against JAX and differences, its minimum against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax

from jaxmlp.nn import losses
from jaxmlp.nn.temperature import best_temperature, loss_by_sharpness

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(40, 3)) * 5
LABELS = np.array([RNG.choice(3, p=p) for p in softmax(Z / 3, axis=1)], np.int32)
BITS = (RNG.uniform(size=(40, 3)) < expit(Z / 3)).astype(float)
CASES = {
    "classes": (losses.cross_entropy, Z, LABELS),
    "labels": (losses.binary_cross_entropy, Z, BITS),
    "two classes": (losses.binary_cross_entropy, Z[:, :1], BITS[:, :1]),
}


@pytest.mark.parametrize("name", CASES)
def test_slope_and_minimum(name):
    """Guo et al. 2017; in float64."""
    loss, z, y = CASES[name]
    z, y = jnp.asarray(z), jnp.asarray(y)
    function = jax.jit(loss_by_sharpness(loss, z, y))
    slope_by_jax = jax.jit(jax.grad(lambda b: loss(b * z, y)))
    for b in jnp.asarray([0.1, 1.0, 3.0]):
        value, slope = function(b)
        np.testing.assert_allclose(value, loss(b * z, y), rtol=1e-14)
        np.testing.assert_allclose(slope, slope_by_jax(b), rtol=1e-12)
        ends = [float(function(b + h)[0]) for h in (1e-5, -1e-5)]
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-6, atol=1e-9)
    found = best_temperature(loss, z, y)
    by_scipy = minimize_scalar(lambda t: float(function(jnp.asarray(1 / t))[0]), (0.5, 3.0)).x
    assert found == pytest.approx(by_scipy, rel=1e-6)
    assert found > 1.5  # the outputs were made three times as sure as their targets


def test_no_temperature_is_best():
    """Where all answers are right, or worse than a guess."""
    for labels in (Z.argmax(axis=1), Z.argmin(axis=1)):
        y = jnp.asarray(labels, jnp.int32)
        assert best_temperature(losses.cross_entropy, jnp.asarray(Z), y) is None
