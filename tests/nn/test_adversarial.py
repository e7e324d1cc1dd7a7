"""Adversarial training: the inputs near by with the greater loss (Goodfellow et al. 2015)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.config.referees import autodiff_of_both
from jaxmlp.errors import InputError
from jaxmlp.nn import losses
from tests.helpers import assert_trees_close, central_differences

EPSILON = 0.05
MODELS = {
    "a linear model": ((4,), nn.sequential(nn.dense(3))),
    "tanh": ((4,), nn.mlp((5,), 3, nn.activations.tanh)),
    "dropout and layer_norm": (
        (4,),
        nn.mlp((6, 5), 3, nn.activations.elu, nn.initializers.he_normal, 0.4, True),
    ),
    "embedded numbers": ((4,), nn.sequential(nn.periodic(3), nn.flatten(), nn.dense(3))),
    "convolution": (
        (6, 6, 2),
        nn.sequential(
            nn.convolution(3, 3),
            nn.activation(nn.activations.tanh),
            nn.average_pool(2),
            nn.flatten(),
            nn.dense(3),
        ),
    ),
}


def drawn(name):
    shape, model = MODELS[name]
    rng = np.random.default_rng(1)
    params, _ = model.init(jax.random.key(0), shape, "float64")
    x, y = rng.normal(size=(7, *shape)), rng.integers(3, size=7)
    weights = jnp.asarray(rng.uniform(0, 2, size=7))
    return model, params, (jnp.asarray(x), jnp.asarray(y), weights, jax.random.key(2))


@pytest.mark.parametrize("name", MODELS)
def test_gradients_of_parameters_and_inputs_equal_autodiff(name):
    """Lecture row B7: the chain of every layer ends at dL/dx."""
    model, params, batch = drawn(name)
    by_hand = nn.value_and_grads(model, losses.cross_entropy)(params, *batch)
    by_machine = autodiff_of_both(model, losses.cross_entropy)(params, *batch)
    assert_trees_close(by_hand, by_machine, 1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_it_is_the_gradient_of_the_mean_of_both_losses(name):
    """By `jax.grad` of the paper's objective, written out, with moved inputs as constants."""
    model, params, (x, *rest) = drawn(name)
    loss = nn.objective(model, losses.cross_entropy)
    slope = jax.grad(lambda x: loss(params, x, *rest)[0])(x)
    moved = x + EPSILON * np.sign(slope)

    def both(params):
        return (loss(params, x, *rest)[0] + loss(params, moved, *rest)[0]) / 2

    expected = jax.grad(both)(params)
    for gradients in (nn.value_and_grads, autodiff_of_both):
        step = nn.adversarial(gradients(model, losses.cross_entropy), EPSILON)
        (value, outputs), found = jax.jit(step)(params, x, *rest)
        assert_trees_close(found, expected, 1e-11)
        clean, at_x = loss(params, x, *rest)
        assert float(value) == pytest.approx(float(clean), rel=1e-12)
        np.testing.assert_allclose(outputs, at_x, rtol=1e-10)


def test_it_is_the_slope_of_the_mean_loss_by_central_differences():
    model, params, (x, *rest) = drawn("tanh")
    loss = nn.objective(model, losses.cross_entropy)
    slope = jax.grad(lambda x: loss(params, x, *rest)[0])(x)
    moved = x + EPSILON * jnp.sign(slope)
    both = jax.jit(lambda w: (loss(w, x, *rest)[0] + loss(w, moved, *rest)[0]) / 2)
    step = nn.adversarial(nn.value_and_grads(model, losses.cross_entropy), EPSILON)
    differences = jax.tree.map(jnp.asarray, central_differences(both, params))
    assert_trees_close(step(params, x, *rest)[1], differences, 1e-7)


def test_of_a_linear_model_the_moved_input_is_the_worst_in_the_box():
    """Two classes: all corners of the box are tried, and none has a greater loss."""
    model = nn.sequential(nn.dense(2))
    params, _ = model.init(jax.random.key(0), (3,), "float64")
    x, y = jnp.asarray([[0.3, -1.0, 2.0]]), jnp.asarray([1])
    loss = nn.objective(model, losses.cross_entropy)
    (_, _), (_, dx) = nn.value_and_grads(model, losses.cross_entropy)(params, x, y)
    worst = loss(params, x + EPSILON * jnp.sign(dx), y)[0]
    corners = np.stack(np.meshgrid(*[(-EPSILON, EPSILON)] * 3), axis=-1).reshape(-1, 3)
    greatest = max(float(loss(params, x + corner[None], y)[0]) for corner in corners)
    assert float(worst) == pytest.approx(greatest, rel=1e-12)


@pytest.mark.parametrize("epsilon", [0.0, -0.1, np.inf, np.nan])
def test_an_epsilon_that_is_no_distance_is_an_error(epsilon):
    with pytest.raises(InputError, match="adversarial must be a finite positive number, got"):
        nn.adversarial(nn.value_and_grads(nn.mlp((), 3), losses.cross_entropy), epsilon)
