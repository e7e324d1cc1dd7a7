"""Variances of samples, He's gain and the mean of activations.

Lecture rows A6, A7, A10, A11, B13, B14.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from jaxmlp import nn
from jaxmlp.config.names import ACTIVATIONS
from jaxmlp.errors import InputError
from jaxmlp.nn import activations, moments
from jaxmlp.nn.initializers import he_normal

OTHERS = {
    "leaky_relu 0.3": activations.leaky_relu_of(0.3),
    "elu 0.5": activations.elu_of(0.5),
    "rounded 20": activations.softplus_of(20.0),
}
EVERY = {name: ACTIVATIONS[name] for name in ACTIVATIONS.names} | OTHERS


def test_dividing_by_n_minus_1_is_right_on_average():
    """Lecture row A11: exactly, over all samples of three that can be drawn from a loaded die."""
    faces = np.array([0.0, 1.0, 5.0])
    chances = np.array([0.5, 0.3, 0.2])
    true = np.sum(chances * faces**2) - np.sum(chances * faces) ** 2
    centre = np.sum(chances * faces)
    samples = [list(drawn) for drawn in itertools.product(range(3), repeat=3)]
    weights = np.array([np.prod(chances[drawn]) for drawn in samples])
    x = jnp.asarray(np.array([faces[drawn] for drawn in samples]).T)
    assert float(weights @ moments.sample_variance(x)) == pytest.approx(true, rel=1e-12)
    by_n = float(weights @ moments.population_variance(x))
    assert by_n == pytest.approx(true * 2 / 3, rel=1e-12)
    known = float(weights @ moments.population_variance(x, centre))
    assert known == pytest.approx(true, rel=1e-12)


def test_the_two_variances_are_numpy_s():
    x = np.random.default_rng(0).normal(3, 2, (5, 4))
    np.testing.assert_allclose(moments.sample_variance(x), np.var(x, axis=0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(moments.population_variance(x), np.var(x, axis=0), rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.01, 0.3, 1.0, 2.0])
def test_the_gain_of_leaky_relu(alpha):
    """Lecture row A10: 2 / (1 + alpha^2), forward and backward, and for the limit ReLU 2."""
    function = activations.leaky_relu_of(alpha)
    for backward in (False, True):
        assert moments.gain_of(function, backward) == pytest.approx(2 / (1 + alpha**2), rel=1e-12)
        assert moments.gain_of(activations.relu, backward) == pytest.approx(2, rel=1e-12)
        assert moments.gain_of(activations.identity, backward) == pytest.approx(1, rel=1e-12)


def test_the_gain_of_elu_in_closed_form():
    """E[f^2] = 1/2 + E[(e^z - 1)^2; z < 0], with E[e^(kz); z < 0] = e^(k^2/2) Phi(-k).

    Lecture row A10.
    """

    def below(k):
        return math.exp(k * k / 2) * norm.cdf(-k)

    for alpha in (0.5, 1.0, 1.6):
        value = 0.5 + alpha**2 * (below(2) - 2 * below(1) + 0.5)
        slope = 0.5 + alpha**2 * below(2)
        function = activations.elu_of(alpha)
        assert moments.gain_of(function) == pytest.approx(1 / value, rel=1e-12)
        assert moments.gain_of(function, backward=True) == pytest.approx(1 / slope, rel=1e-12)


def test_the_gain_of_gelu_in_closed_form():
    """E[z^2 Phi(z)^2] = 1/3 + 1/(2 pi sqrt(3)), the slide's 2 is too small for GELU.

    Lecture row A10.
    """
    expected = 1 / (1 / 3 + 1 / (2 * math.pi * math.sqrt(3)))
    assert moments.gain_of(activations.gelu) == pytest.approx(expected, rel=1e-12)
    assert expected > 2


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_gains_by_simulation_and_by_another_quadrature(name, backward):
    """Lecture row A10: a million draws within 5 standard errors, SciPy's adaptive rule to 1e-9."""
    function = EVERY[name]

    def square(z):
        a = function(z)
        return np.asarray(function.derivative(z, a) if backward else a) ** 2

    gain = moments.gain_of(function, backward)
    drawn = square(jnp.asarray(np.random.default_rng(1).normal(size=1_000_000)))
    error = drawn.std(ddof=1) / 1000
    assert abs(drawn.mean() - 1 / gain) <= 5 * error + 1e-12

    def weighted(z):
        return float(square(jnp.asarray([z]))[0]) * norm.pdf(z)

    parts = [quad(weighted, *ends, epsabs=1e-11, limit=60)[0] for ends in ((-9, 0), (0, 9))]
    assert 1 / gain == pytest.approx(sum(parts), rel=1e-8)


@pytest.mark.parametrize("name", ["relu", "leaky_relu 0.3", "elu", "gelu", "tanh", "silu"])
def test_the_gain_keeps_the_variance_through_a_wide_layer(name):
    """Lecture rows A6, A7, A10: `fan_in` keeps that of z forward, `fan_out` that of dz backward."""
    function, width = EVERY[name], 1500
    keys = jax.random.split(jax.random.key(0), 4)
    z = jax.random.normal(keys[0], (20, width), "float64")
    a = function(z)
    W = moments.he_for(function)(keys[1], (width, width), "float64")
    assert float(jnp.mean((a @ W) ** 2) / jnp.mean(z**2)) == pytest.approx(1, abs=0.03)
    W = moments.he_for(function, "fan_out")(keys[2], (width, width), "float64")
    dz = jax.random.normal(keys[3], (20, width), "float64")
    back = (dz @ W.T) * function.derivative(z, a)
    assert float(jnp.mean(back**2) / jnp.mean(dz**2)) == pytest.approx(1, abs=0.03)


def test_he_for_relu_is_he_normal():
    key = jax.random.key(3)
    ours = moments.he_for(activations.relu)(key, (7, 5), "float64")
    np.testing.assert_allclose(ours, he_normal(key, (7, 5), "float64"), rtol=1e-12)
    both = moments.he_for(activations.gelu, "fan_avg", "uniform")(key, (400, 200), "float64")
    gelu = [moments.gain_of(activations.gelu, backward) for backward in (False, True)]
    assert float(jnp.max(jnp.abs(both))) <= math.sqrt(3 * sum(gelu) / 2 / 300)


@pytest.mark.parametrize("deviation", [0.3, 1.0, 2.5])
def test_elu_shifts_less_than_relu(deviation):
    """The mean activation in closed form; lecture row B13: tanh is centred, the sigmoid is at 1/2.

    Lecture row B14.
    """
    s = deviation
    relu = s / math.sqrt(2 * math.pi)
    for alpha in (0.5, 1.0):
        elu = relu + alpha * (math.exp(s * s / 2) * norm.cdf(-s) - 0.5)
        found = moments.mean_activation(activations.elu_of(alpha), deviation=s)
        assert found == pytest.approx(elu, rel=1e-10)
        assert 0 < found < relu
    assert moments.mean_activation(activations.relu, deviation=s) == pytest.approx(relu, rel=1e-12)
    assert moments.mean_activation(activations.tanh, deviation=s) == pytest.approx(0, abs=1e-12)
    assert moments.mean_activation(activations.sigmoid, deviation=s) == pytest.approx(0.5)


def test_the_mean_activation_where_z_is_not_centred():
    """The kink of ReLU lies then elsewhere: m Phi(m / s) + s phi(m / s)."""
    for m, s in ((0.7, 1.3), (-2.0, 0.5), (30.0, 1.0), (-30.0, 1.0)):
        expected = m * norm.cdf(m / s) + s * norm.pdf(m / s)
        found = moments.mean_activation(activations.relu, m, s)
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: moments.sample_variance(np.ones(1)), "the number of values must be at least 2"),
        (lambda: moments.population_variance(np.ones(0)), "values must be at least 1, got 0"),
        (lambda: moments.normal_mean(activations.relu, 0.0, 0.0), "deviation must be a finite pos"),
        (lambda: moments.mean_activation(activations.relu, 0.0, -1.0), "deviation must be a fin"),
        (lambda: moments.gain_of(activations.step, backward=True), "has no derivative"),
        (lambda: moments.he_for(activations.elu, "fan"), "mode must be fan_in, fan_out or fan_avg"),
        (lambda: moments.he_for(nn.activations.elu, "fan_in", "x"), "distribution must be normal"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()
