"""Activations against `jax.nn`, the slides' numbers, and the far ends of float32.

Lecture rows B10, B11, E4.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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


def test_the_slides_numbers():
    """Sigmoid(5.7) = 0.9966..., softmax(1.5, 0.8, -0.5); lecture row B11: tanh is steeper at 0.

    Lecture row B10.
    """
    assert float(activations.sigmoid(jnp.asarray(5.7))) == pytest.approx(0.9966, abs=1e-4)
    softmax = jax.nn.softmax(jnp.asarray([1.5, 0.8, -0.5]))
    np.testing.assert_allclose(softmax, [0.612, 0.305, 0.083], atol=1e-3)
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
