"""Dead and saturated units, read off the caches of a forward pass (lecture row B11)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.config.names import ACTIVATIONS
from jaxmlp.errors import InputError
from jaxmlp.nn import activations
from jaxmlp.nn.health import dead_units, health, is_activation, saturated_share


def two_layers(function, bias):
    """A network 1-3-1 whose hidden units see `z = x + bias` each."""
    model = nn.sequential(nn.dense(3), nn.activation(function), nn.dense(1))
    params = (
        {"W": jnp.ones((1, 3)), "b": jnp.asarray(bias)},
        (),
        {"W": jnp.ones((3, 1)), "b": jnp.zeros(1)},
    )
    return model, params


def test_a_dead_unit_gets_no_gradient():
    """Dead is the unit below 0 on every example; its kernel and bias have the gradient 0.

    Lecture row B11.
    """
    model, params = two_layers(activations.relu, [0.0, -5.0, 5.0])
    x = jnp.asarray([[-2.0], [1.0], [3.0]])
    _, caches = model.forward(params, x)
    (found,) = health(model, params, caches)
    assert (found.layer, found.name, found.saturated) == (2, "relu", None)
    np.testing.assert_array_equal(found.dead, [False, True, False])
    assert found.dead_share == pytest.approx(1 / 3)
    loss = nn.losses.mse
    _, gradient = nn.value_and_grad(model, loss)(params, x, jnp.ones((3, 1)))
    moves = np.abs(gradient[0]["W"][0]) + np.abs(gradient[0]["b"])
    np.testing.assert_array_equal(moves == 0, found.dead)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "softplus", "gelu", "tanh", "sigmoid"])
def test_the_variants_keep_the_unit_alive(name):
    model, params = two_layers(ACTIVATIONS[name], [0.0, -5.0, 5.0])
    _, caches = model.forward(params, jnp.asarray([[-2.0], [1.0], [3.0]]))
    assert not health(model, params, caches)[0].dead.any()


@pytest.mark.parametrize(
    ("function", "edge", "steepest"),
    [(activations.sigmoid, 3.6369, 0.25), (activations.tanh, 1.8184, 1.0)],
)
def test_saturated_is_a_slope_below_a_tenth_of_the_steepest(function, edge, steepest):
    """Lecture row B11: a (1 - a) = 1/40 at |z| = 3.637; 1 - a^2 = 1/10 at half of that, 1.818."""
    z = jnp.asarray([[-edge - 0.001, -edge + 0.001, 0.0, edge - 0.001, edge + 0.001]])
    slopes = function.derivative(z, function(z))
    np.testing.assert_array_equal(slopes < 0.1 * steepest, [[True, False, False, False, True]])
    assert float(saturated_share(slopes, steepest)) == pytest.approx(0.4)
    model, params = two_layers(function, [0.0, edge + 1, -edge + 0.5])
    _, caches = model.forward(params, jnp.zeros((1, 1)))
    assert float(health(model, params, caches)[0].saturated) == pytest.approx(1 / 3)


def test_the_units_of_images_are_channels():
    """Lecture row B11: a channel is dead only if all its pixels are, on all examples."""
    slopes = np.zeros((2, 3, 3, 4))
    slopes[1, 2, 0, 1] = 1
    np.testing.assert_array_equal(dead_units(slopes), [True, False, True, True])
    model = nn.lenet(10)
    params, _ = model.init(jax.random.key(0), (16, 16, 1), dtype="float64")
    _, caches = model.forward(params, jnp.ones((2, 16, 16, 1)))
    found = health(model, params, caches)
    assert [len(h.dead) for h in found] == [6, 16, 120, 84]
    assert [model.layers[h.layer - 1].kind for h in found] == ["relu"] * 4


def test_every_activation_is_seen():
    layers = [nn.activation(ACTIVATIONS[name]) for name in ACTIVATIONS.names]
    layers += [nn.prelu(), nn.activation(activations.softplus_of(2.0))]
    assert all(map(is_activation, layers))
    others = [nn.dense(2), nn.dropout(0.1), nn.flatten(), nn.layer_norm(), nn.max_pool(2)]
    assert not any(map(is_activation, others))
    model = nn.sequential(*layers)
    params, _ = model.init(jax.random.key(0), (3,), dtype="float64")
    _, caches = model.forward(params, jnp.ones((2, 3)))
    assert len(health(model, params, caches)) == len(layers)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dead_units(np.zeros((0, 3))), "the number of slopes must be at least 1, got 0"),
        (lambda: saturated_share(np.ones((1, 1)), 0.0), "steepest must be positive, got 0.0"),
        (lambda: saturated_share(np.ones((1, 1)), 1.0, 1.0), r"share must be in \(0, 1\), got 1.0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()
