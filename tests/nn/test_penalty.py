"""The L2 penalty: its gradient is that of its value, and weight decay's for plain descent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from tests.helpers import assert_trees_close, to_float64


@pytest.mark.parametrize("weights", [None, np.array([2.0, 0.0, 0.5])])
def test_gradient_and_value(weights):
    """Value and gradient are those of the objective as it is written, by `jax.grad`."""
    with jax.enable_x64(True):
        model, loss = nn.mlp((4,), 2, nn.activations.tanh), nn.losses.half_mse
        params = to_float64(model.init(jax.random.key(0), (3,))[0])
        x, y = jax.random.normal(jax.random.key(1), (2, 3, 3), float)
        weights = None if weights is None else jnp.asarray(weights)
        penalised = nn.with_penalty(nn.value_and_grad(model, loss), 0.7)
        (value, _), gradient = penalised(params, x, y[:, :2], weights)

        def objective(params):
            total = 3.0 if weights is None else 2.5
            kernels = [layer["W"] for layer in params if layer]
            squares = sum(jnp.vdot(W, W) for W in kernels)
            return loss(model(params, x), y[:, :2], weights) + 0.7 / (2 * total) * squares

        expected, slope = jax.value_and_grad(objective)(params)
        assert float(value) == pytest.approx(float(expected), rel=1e-14)
        assert_trees_close(gradient, slope, 1e-12)
