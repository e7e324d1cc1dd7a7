"""Activations against `jax.nn`, the slides' numbers, and the far ends of float32.

Lecture rows B10, B11, E4.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.config.names import ACTIVATIONS
from jaxmlp.errors import InputError
from jaxmlp.nn import activations

REFEREES = {
    "identity": lambda z: z,
    "relu": jax.nn.relu,
    "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "softplus": jax.nn.softplus,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "silu": jax.nn.silu,
}


@pytest.mark.parametrize("name", ACTIVATIONS.names)
def test_value_equals_jax_nn(name):
    z = jnp.linspace(-30, 30, 601)
    np.testing.assert_allclose(ACTIVATIONS[name](z), REFEREES[name](z), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", ACTIVATIONS.names)
def test_derivative_equals_autodiff_even_at_the_kink(name):
    z = jnp.concatenate([jnp.linspace(-30, 30, 601), jnp.zeros(1)])
    function = ACTIVATIONS[name]
    by_machine = jax.vmap(jax.grad(function.value))(z)
    np.testing.assert_allclose(function.derivative(z, function(z)), by_machine, atol=1e-12)


ALPHAS = [0.01, 0.3, 1.0, 1.7]


@pytest.mark.parametrize("alpha", [*ALPHAS, np.float64(0.3)])
@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_alpha_can_be_set(name, alpha):
    """Lecture row B10: value and slope for any alpha are those of `jax.nn`, and so is the type."""
    function = getattr(activations, f"{name}_of")(alpha)
    referee = {"leaky_relu": jax.nn.leaky_relu, "elu": jax.nn.elu}[name]
    z = jnp.asarray([-1e4, -30.0, -2.5, -0.1, 0.1, 3.0, 1e4])
    a = function(z)
    np.testing.assert_allclose(a, referee(z, float(alpha)), rtol=1e-12)
    by_machine = jax.vmap(jax.grad(lambda z: referee(z, float(alpha))))(z)
    np.testing.assert_allclose(function.derivative(z, a), by_machine, rtol=1e-12, atol=1e-15)
    assert function(z.astype("float32")).dtype == jnp.float32
    assert function.derivative(jnp.zeros(1), jnp.zeros(1)) == float(alpha)
    ends = {"leaky_relu": [-np.inf, np.inf], "elu": [-float(alpha), np.inf]}[name]
    np.testing.assert_array_equal(function(jnp.asarray([-jnp.inf, jnp.inf])), ends)
    assert np.isnan(function.derivative(jnp.asarray(np.nan), jnp.asarray(np.nan)))


def test_the_maximum_is_leaky_relu_up_to_a_slope_of_1():
    """Lecture row B10, erratum 16: `max(alpha z, z)` is another function once alpha > 1."""
    z = jnp.linspace(-3, 3, 13)
    for alpha in ALPHAS:
        same = np.allclose(jnp.maximum(alpha * z, z), activations.leaky_relu_of(alpha)(z))
        assert same == (alpha <= 1), alpha


@pytest.mark.parametrize("beta", [0.5, 1.0, 10.0, 1000.0])
def test_a_rounded_cusp_lies_log_2_over_beta_above_relu_at_most(beta):
    """Value and slope tend to ReLU's; at 0 the bound is reached, and the slope is 1/2.

    Lecture row C12.
    """
    function = activations.softplus_of(beta)
    z = jnp.concatenate([jnp.linspace(-40, 40, 2001), jnp.asarray([0.0, -1e-3, 1e-3])])
    a, sharp = function(z), activations.relu(z)
    above = np.asarray(a - sharp)
    assert np.all(above >= -np.spacing(np.abs(z)))  # z = (beta z) / beta up to the last bit
    assert np.all(above <= np.log(2) / beta * (1 + 1e-12))
    zero = jnp.zeros(())
    assert float(function(zero)) == pytest.approx(np.log(2) / beta, rel=1e-12)
    assert float(function.derivative(zero, function(zero))) == 0.5
    slope = function.derivative(z, a)
    away = np.abs(slope - activations.relu.derivative(z, sharp))[np.asarray(z) != 0]
    assert np.all(away <= np.exp(-beta * np.abs(z[z != 0])) + 1e-15)
    np.testing.assert_allclose(slope, jax.vmap(jax.grad(function.value))(z), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("beta", [0.5, 1.0, 50.0])
def test_a_network_with_rounded_cusps_has_the_gradient_of_one_with_relu_in_the_limit(beta):
    """Where no unit is at its cusp, the distance of the gradients falls as e^(-beta |z|).

    Lecture row C12.
    """
    x = jnp.asarray(np.random.default_rng(0).normal(size=(6, 4)))
    y = jnp.asarray([[0.5], [-1.0], [2.0], [0.0], [1.0], [-0.5]])

    def gradient(function):
        model = nn.mlp((5,), 1, function)
        params, _ = model.init(jax.random.key(1), (4,), dtype=x.dtype)
        _, found = nn.value_and_grad(model, nn.losses.mse)(params, x, y)
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(found)])

    sharp = gradient(activations.relu)
    far = [np.abs(gradient(activations.softplus_of(b)) - sharp).max() for b in (beta, 4 * beta)]
    assert far[1] < far[0] / 2
    if beta == 50:
        assert far[1] < 0.05 * np.abs(sharp).max()


def test_which_slope_is_taken_at_each_kink():
    """The table of `jaxmlp.nn.activations`, ours and the machine's.

    Lecture rows B10, C9, C12, erratum 6.
    """
    zero, one = jnp.zeros(()), jnp.ones((1, 1))
    for function, slope in (
        (activations.relu, 0),
        (activations.leaky_relu, 0.01),
        (activations.leaky_relu_of(0.4), 0.4),
        (activations.elu, 1),
        (activations.elu_of(0.4), 0.4),
    ):
        assert float(function.derivative(zero, function(zero))) == slope
        assert float(jax.grad(function.value)(0.0)) == slope
    prelu, params = nn.prelu(), {"alpha": jnp.asarray([0.4])}
    cache = prelu.forward(params, 0 * one)[1]
    assert float(prelu.backward(params, cache, one)[1][0, 0]) == 0.4
    pool, pixels = nn.max_pool(2), jnp.ones((1, 2, 2, 1))
    dx = pool.backward((), pool.forward((), pixels)[1], jnp.ones((1, 1, 1, 1)))[1]
    np.testing.assert_array_equal(dx.ravel(), [1, 0, 0, 0])
    for loss, slope in ((nn.losses.mae, 0), (nn.losses.quantile_of((0.3,)), 0)):
        assert float(loss.gradient(one, one)[0, 0]) == slope
    for y in (0.0, 1.0):
        assert float(nn.losses.perceptron.gradient(0 * one, y * one)[0, 0]) == 1 - y


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: activations.leaky_relu_of(0.0), "alpha must be a finite positive number, got 0.0"),
        (lambda: activations.elu_of(-1.0), "alpha must be a finite positive number, got -1.0"),
        (lambda: activations.elu_of(float("nan")), "alpha must be a finite positive number"),
        (lambda: activations.softplus_of(np.inf), "beta must be a finite positive number, got inf"),
    ],
)
def test_bad_numbers(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("name", ACTIVATIONS.names)
def test_sound_up_to_1e4_in_float32(name):
    z = jnp.asarray([-1e4, -100.0, -1e-30, 0.0, 1e-30, 100.0, 1e4], jnp.float32)
    function = ACTIVATIONS[name]
    a = function(z)
    slope = function.derivative(z, a)
    assert a.dtype == slope.dtype == jnp.float32
    exact = function(z.astype(jnp.float64))
    np.testing.assert_allclose(a, exact.astype(jnp.float32), rtol=1e-5, atol=1e-37)
    exact_slope = function.derivative(z.astype(jnp.float64), exact)
    np.testing.assert_allclose(slope, exact_slope.astype(jnp.float32), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS.names)
def test_what_is_not_a_number_stays_visible(name):
    function = ACTIVATIONS[name]
    a = function(jnp.asarray(jnp.nan))
    assert jnp.isnan(a)


def test_step_fires_and_has_no_derivative():
    """Forward only; asking for its slope is an error, by hand and by machine.

    Lecture rows E1, E4.
    """
    z = jnp.asarray([-1.0, 0.0, 1e-30])
    np.testing.assert_array_equal(activations.step(z), [0, 1, 1])
    with pytest.raises(InputError, match="the step function has no derivative"):
        activations.step.derivative(z, z)
    with pytest.raises(InputError, match="the step function has no derivative"):
        jax.grad(lambda z: activations.step(z).sum())(z)


def test_relu_takes_the_slope_0_at_0():
    """Lecture row C9, erratum 6: the deck takes 1, JAX 0; ours is JAX's."""
    zero = jnp.zeros(())
    assert float(activations.relu.derivative(zero, zero)) == 0
    assert float(jax.grad(jax.nn.relu)(0.0)) == 0


def test_the_slides_sigmoid_is_cut_off():
    """Sigmoid(5.7) = 0.99667, which rounds to 0.9967; the slide prints 0.9966.

    Lecture row B10, erratum 17.
    """
    value = float(activations.sigmoid(jnp.asarray(5.7)))
    assert value == pytest.approx(0.9966651927, abs=5e-11)
    assert (round(value, 4), math.floor(value * 1e4) / 1e4) == (0.9967, 0.9966)


def test_slopes_at_zero():
    """Lecture row B11: tanh is steeper than the sigmoid, 1 against 1/4."""
    zero = jnp.zeros(())
    assert float(activations.tanh.derivative(zero, activations.tanh(zero))) == 1
    assert float(activations.sigmoid.derivative(zero, activations.sigmoid(zero))) == 0.25


def test_an_activation_has_no_derivative_before_it_is_defined():
    @activations.elementwise
    def double(z):
        """Twice the number."""
        return 2 * z

    z = jnp.ones(3)
    assert (double.name, double.__doc__) == ("double", "Twice the number.")
    with pytest.raises(InputError, match="this activation has no derivative yet"):
        double.derivative(z, double(z))
    double.defderivative(lambda z, a: jnp.full_like(z, 2))
    np.testing.assert_array_equal(double.derivative(z, double(z)), [2, 2, 2])
