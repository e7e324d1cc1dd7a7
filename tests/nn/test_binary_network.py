"""Lecture E's three-layer network in its matrices, and the order of its updates.

Lecture rows E6, E12, D11.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.nn import activations, binary_network, losses
from jaxmlp.nn.binary_network import Weights
from tests.helpers import assert_trees_close

FEATURES, H1, H2, N = 3, 4, 2, 5


def drawn(features=FEATURES, h1=H1, h2=H2, n=N):
    rng = np.random.default_rng(1)
    shapes = ((h1, features), (h1, 1), (h2, h1), (h2, 1), (1, h2), (1, 1))
    w = Weights(*(jnp.asarray(rng.normal(size=shape)) for shape in shapes))
    x = jnp.asarray(rng.normal(size=(features, n)))
    return w, x, jnp.asarray(rng.integers(2, size=(1, n)), float)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("n", [1, N])
def test_the_slides_matrices_are_autodiff_and_backpropagation(name, n):
    """The gradients dL/dW3, dL/dW2, dL/dW1 and the biases', of one example and of a batch.

    Lecture rows E6, D8.
    """
    g = getattr(activations, name)
    w, x, y = drawn(n=n)
    found = binary_network.gradient(w, x, y, g)

    def value(w):
        return binary_network.loss(binary_network.forward(w, x, g), y)

    assert_trees_close(found, jax.grad(value)(w), 1e-12)
    model = nn.mlp((H1, H2), 1, g)
    layers = ((w.W1, w.b1), (w.W2, w.b2), (w.W3, w.b3))
    dense = iter([{"W": W.T, "b": b[:, 0]} for W, b in layers])
    like = jax.eval_shape(lambda: model.init(jax.random.key(0), (FEATURES,))[0])
    params = tuple(next(dense) if layer else layer for layer in like)
    (loss, _), rows = nn.value_and_grad(model, losses.binary_cross_entropy)(params, x.T, y.T)
    assert float(loss) == pytest.approx(float(value(w)), rel=1e-13)
    columns = [part for d in rows if d for part in (d["W"].T, d["b"][:, None])]
    assert_trees_close(Weights(*columns), found, 1e-12)


def printed(w, v, y, slope2, a1):
    """Return dL/dW2 as the slide prints it: (a3 - y) w3 g'(z2) a1, matrix after matrix."""
    return (v.a3 - y) @ w.W3 @ slope2 @ a1


def test_the_printed_product_has_shapes_that_do_not_fit():
    """With more units than one, neither as products nor element by element.

    Lecture row E6, erratum 23.
    """
    w, x, y = drawn(n=1)
    v = binary_network.forward(w, x)
    slope2 = activations.sigmoid.derivative(v.z2, v.a2)
    with pytest.raises(TypeError, match="contracting dimensions"):
        printed(w, v, y, slope2, v.a1)
    with pytest.raises(ValueError, match="broadcast"):
        np.asarray(v.a3 - y) * np.asarray(w.W3) * np.asarray(slope2) * np.asarray(v.a1)
    right = binary_network.dw2(w.W3, v.a3 - y, slope2, v.a1)
    assert right.shape == w.W2.shape == (H2, H1)


def test_the_printed_product_is_right_for_one_unit_in_each_layer():
    """Lecture row E6, erratum 23: there every factor is a number."""
    w, x, y = drawn(1, 1, 1, 1)
    v = binary_network.forward(w, x)
    slope2 = activations.sigmoid.derivative(v.z2, v.a2)
    right = binary_network.gradient(w, x, y).W2
    np.testing.assert_allclose(printed(w, v, y, slope2, v.a1), right, rtol=1e-12)


def ones():
    """All kernels 1, biases 0, x = 1, y = 0; with ReLU units every hidden value is 1."""
    one, zero = jnp.ones((1, 1)), jnp.zeros((1, 1))
    return Weights(one, zero, one, zero, one, zero), one, zero


def test_the_order_of_the_updates():
    """Lecture row E12: all kernels at once move by s = sigmoid(1) each; layer by layer they do not.

    dL/dW3 = s = 0.7311 leaves W3 = 1 - s = 0.2689. dL/dW2 is s with the old W3, and s (1 - s) =
    0.1966 with the new one, which leaves W2 = 0.8034. dL/dW1 is s with the old kernels, and
    s (1 - s) 0.8034 = 0.1580 with the new ones.
    """
    w, x, y = ones()
    s = 0.7310585786300049
    at_once = binary_network.step(w, x, y, 1.0, activations.relu)
    np.testing.assert_allclose([at_once.W3, at_once.W2, at_once.W1], np.full((3, 1, 1), 1 - s))
    in_turn = binary_network.step_layer_by_layer(w, x, y, 1.0, activations.relu)
    moved = [float(1 - W[0, 0]) for W in (in_turn.W3, in_turn.W2, in_turn.W1)]
    np.testing.assert_allclose(moved, [0.7310585786, 0.1966119332, 0.1579556810], rtol=1e-9)


def test_the_step_from_the_old_values_is_that_of_gradient_descent():
    """What `optim.sgd` does with `value_and_grad`; only the top layer agrees in the other.

    Lecture row E12.
    """
    w, x, y = drawn()
    expected = jax.tree.map(lambda p, d: p - 0.5 * d, w, binary_network.gradient(w, x, y))
    at_once = binary_network.step(w, x, y, 0.5)
    assert_trees_close(at_once, expected, 1e-15)
    in_turn = binary_network.step_layer_by_layer(w, x, y, 0.5)
    assert_trees_close((in_turn.W3, in_turn.b3), (at_once.W3, at_once.b3), 1e-15)
    for name in ("W2", "b2", "W1", "b1"):
        there, here = getattr(in_turn, name), getattr(at_once, name)
        assert float(jnp.abs(there - here).max()) > 1e-4, name


def test_a_bias_that_is_broadcast_is_summed_backward():
    """By hand, and for a dense layer, whose bias meets every row; broadcasting is a copy.

    Lecture row D11.
    """
    delta = jnp.asarray([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]])
    np.testing.assert_array_equal(binary_network.db(delta), [[2.0], [-1 / 6]])
    layer, b = nn.dense(2), jnp.asarray([10.0, 20.0])
    params = {"W": jnp.ones((1, 2)), "b": b}
    z, cache = layer.forward(params, jnp.asarray([[1.0], [2.0], [3.0]]))
    np.testing.assert_array_equal(z, [[11, 21], [12, 22], [13, 23]])
    dparams, _ = layer.backward(params, cache, delta.T)
    np.testing.assert_array_equal(dparams["b"], [6, -0.5])
    _, pull_back = jax.vjp(lambda b: jnp.broadcast_to(b[None], (3, 2)), b)
    np.testing.assert_array_equal(pull_back(delta.T)[0], [6, -0.5])
    copied = nn.gates.copy.backward((10.0,), 10.0, 1.0, 2.0, 3.0)
    assert copied == (6.0,)
