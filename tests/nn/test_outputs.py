"""A ReLU or a softplus behind the output, for targets that are never negative.

Lecture rows E5, E13.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.nn import activations, losses
from tests.helpers import assert_trees_close, central_differences

RNG = np.random.default_rng(0)
NAMES = ("relu", "softplus")
Z = RNG.normal(size=(7, 2)) * 3
Y = RNG.normal(size=(7, 2))
SHIFT = np.array([0.5, 2.0])  # mean over deviation of two targets
DEFINITIONS = {"relu": lambda u: np.maximum(u, 0), "softplus": lambda u: np.log(1 + np.exp(u))}


def standardised(name, shift=SHIFT):
    return nn.outputs.standardised(getattr(activations, name), jnp.asarray(shift))


def test_ages_by_hand():
    """Ages of mean 6 and deviation 3, so c = 2: z = -1 is age 3, z = -2 and -3 are age 0.

    Lecture row E13.

    For ages below 0 the slope is 0. With the softplus z = -2 is age 3 log 2, with slope 1/2.
    """
    z = jnp.asarray([[-1.0], [-2.0], [-3.0], [0.0]])
    relu, softplus = (standardised(name, [2.0]) for name in NAMES)
    np.testing.assert_array_equal(6 + 3 * relu(z), [[3], [0], [0], [6]])
    np.testing.assert_array_equal(relu.derivative(z, relu(z)), [[1], [0], [0], [1]])
    assert float(6 + 3 * softplus(z)[1, 0]) == pytest.approx(3 * np.log(2), rel=1e-14)
    assert float(softplus.derivative(z, softplus(z))[1, 0]) == 0.5


@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_that_of_the_target_s_own_unit(name):
    """A value m + s a is s f(z + m / s), at least 0; da/dz is `jax.grad`'s, at the kink too."""
    f = standardised(name)
    z = jnp.asarray(np.concatenate([Z, -SHIFT[None]]))
    expected = DEFINITIONS[name](np.asarray(z) + SHIFT)
    np.testing.assert_allclose(f(z) + SHIFT[None], expected, rtol=1e-12, atol=1e-14)
    slope = jax.vmap(jax.grad(lambda row: f(row[None]).sum()))(z)
    np.testing.assert_allclose(f.derivative(z, f(z)), slope, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_a_target_far_from_zero_loses_no_digits(name):
    """In float32, with a mean of 900 deviations, a is z to the last bit."""
    z = jnp.asarray([[0.1234567], [-3.7654321]], jnp.float32)
    f = standardised(name, [900.0])
    np.testing.assert_array_equal(f(z), z)
    assert f(z).dtype == f.derivative(z, f(z)).dtype == jnp.float32


@pytest.mark.parametrize("name", NAMES)
def test_at_infinity(name):
    """The limits: -c with slope 0, and infinity with slope 1; NaN stays."""
    f, inf = standardised(name, [2.0]), jnp.inf
    z = jnp.asarray([[-inf], [inf], [jnp.nan]])
    np.testing.assert_array_equal(f(z), [[-2], [inf], [jnp.nan]])
    np.testing.assert_array_equal(f.derivative(z, f(z)), [[0], [1], [jnp.nan]])


LOSSES = (losses.mse, losses.half_mse, losses.mae, losses.huber, losses.quantile_of((0.1, 0.9)))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("name", NAMES)
def test_a_loss_behind_an_activation(name, loss):
    """l(f(z), y) with dl/dz = dl/da f'(z): by `jax.grad`; weighted too; some z are cut off."""
    f = standardised(name)
    own = nn.outputs.behind(f, loss)
    z, w = jnp.asarray(Z), jnp.asarray(RNG.uniform(size=7))
    assert own.name == f"{loss.name} of {name}"
    assert (Z + SHIFT < 0).any()
    for weights in (None, w):
        np.testing.assert_allclose(own(z, Y, weights), loss(f(z), Y, weights), rtol=1e-14)
        slope = jax.grad(lambda z, weights=weights: own(z, Y, weights))(z)
        np.testing.assert_allclose(own.gradient(z, Y, weights), slope, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_backpropagation_through_it(name):
    """Lecture rows E6, E13: the whole gradient, by autodiff and by central differences."""
    model = nn.mlp((5,), 2, activations.tanh)
    like = jax.eval_shape(lambda: model.init(jax.random.key(0), (3,))[0])
    params = jax.tree.map(lambda p: jnp.asarray(RNG.normal(size=p.shape)), like)
    x, loss = (
        jnp.asarray(RNG.normal(size=(7, 3))),
        nn.outputs.behind(standardised(name), losses.mse),
    )
    (_, outputs), by_hand = nn.value_and_grad(model, loss)(params, x, Y)
    by_machine = jax.grad(lambda p: nn.objective(model, loss)(p, x, Y)[0])(params)
    assert_trees_close(by_hand, by_machine, 1e-12)
    value = jax.jit(lambda p: nn.objective(model, loss)(p, x, Y)[0])
    assert_trees_close(by_hand, jax.tree.map(jnp.asarray, central_differences(value, params)), 1e-7)
    np.testing.assert_array_equal(outputs, model(params, x))  # a network returns raw outputs


def test_a_unit_below_zero_everywhere_learns_from_a_softplus_only():
    """The ReLU's gradient is 0 where the prediction is cut off, the softplus's never.

    Lecture row E13.
    """
    z, y = jnp.full((4, 1), -5.0), jnp.ones((4, 1))
    slopes = {
        name: nn.outputs.behind(standardised(name, [2.0]), losses.mse).gradient(z, y)
        for name in NAMES
    }
    np.testing.assert_array_equal(slopes["relu"], np.zeros((4, 1)))
    assert (slopes["softplus"] < 0).all()
