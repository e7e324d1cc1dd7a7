"""Gates by the given weights (lecture rows D1, D2), and the perceptron's rule and its limits.

Lecture rows E1, E2.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn, optim
from jaxmlp.nn import logic, losses

CORNERS = np.array(list(itertools.product((0.0, 1.0), repeat=2)))


@pytest.mark.parametrize(
    ("gate", "truth"),
    [
        (logic.and_gate, [0, 0, 0, 1]),
        (logic.or_gate, [0, 1, 1, 1]),
        (logic.xor_network, [0, 1, 1, 0]),
    ],
)
def test_truth_tables(gate, truth):
    model, params = gate()
    np.testing.assert_array_equal(model(params, jnp.asarray(CORNERS))[:, 0], truth)


def test_no_neuron_on_a_fine_grid_does_xor():
    """Lecture row D1: the best that a line can do is three of four."""
    grid = np.linspace(-2, 2, 21)
    w1, w2, b = np.meshgrid(grid, grid, grid)
    fires = w1[..., None] * CORNERS[:, 0] + w2[..., None] * CORNERS[:, 1] + b[..., None] >= 0
    assert np.max(np.sum(fires == [0, 1, 1, 0], axis=-1)) == 3


def learn(x, y, epochs, rate=1.0):
    """Show the examples to a perceptron one by one; return its answers and mistakes per epoch."""
    model = nn.mlp((), 1, kernel=nn.initializers.zeros)
    params = model.init(jax.random.key(0), (2,))[0]
    params = jax.tree.map(lambda leaf: leaf.astype(float), params)
    gradient = jax.jit(nn.value_and_grad(model, losses.perceptron))
    optimizer = optim.sgd(rate)
    mistakes = []
    for _ in range(epochs):
        mistakes.append(0)
        for row, label in zip(x, y, strict=True):
            (_, z), g = gradient(params, row[None], np.array([[label]]))
            mistakes[-1] += bool(z[0, 0] >= 0) != bool(label)
            updates, _ = optimizer.update(g, optimizer.init(params))
            params = jax.tree.map(jnp.add, params, updates)
    return np.asarray(model(params, x)[:, 0] >= 0), mistakes


def by_the_rule(x, y, epochs, rate=1.0):
    """Lecture row E1, in NumPy: theta_j := theta_j + alpha (y - h(x)) x_j."""
    theta = np.zeros(3)
    mistakes = []
    for _ in range(epochs):
        mistakes.append(0)
        for row, label in zip(x, y, strict=True):
            extended = np.append(row, 1.0)
            h = float(theta @ extended >= 0)
            theta = theta + rate * (label - h) * extended
            mistakes[-1] += h != label
    return mistakes


@pytest.mark.parametrize(("truth", "ends"), [([0, 0, 0, 1], True), ([0, 1, 1, 0], False)])
def test_descent_on_its_loss_is_the_perceptron_s_rule(truth, ends):
    """It ends where the classes can be separated (AND), and goes on for ever on XOR.

    Lecture row E1.
    """
    said, mistakes = learn(CORNERS, np.array(truth, float), 12)
    assert mistakes == by_the_rule(CORNERS, truth, 12)
    assert np.array_equal(said, truth) == ends
    assert (mistakes[-1] == 0) == ends
