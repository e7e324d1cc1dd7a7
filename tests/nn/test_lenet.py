"""LeNet: its sizes, its gradient, and what it refuses (lecture row C9)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import activations, losses
from jaxmlp.nn.lenet import lenet
from tests.helpers import assert_trees_close
from tests.nn.passes import data, initialise, shapes


def test_lenet_has_the_layers_and_sizes_of_the_paper():
    params, shape = shapes(lenet(10), (28, 28, 1))
    assert shape == (10,)
    sizes = [sum(leaf.size for leaf in jax.tree.leaves(p)) for p in params]
    assert [size for size in sizes if size] == [156, 2416, 48_120, 10_164, 850]
    names = [layer.name for layer in lenet(10, activations.tanh, dropout_rate=0.5).layers]
    assert names == [
        *("convolution 6 @ 5x5", "tanh", "max_pool 2x2"),
        *("convolution 16 @ 5x5", "tanh", "max_pool 2x2", "flatten"),
        *("dense 120", "tanh", "dropout 0.5", "dense 84", "tanh", "dropout 0.5", "dense 10"),
    ]


def test_lenet_gradient_equals_autodiff():
    model, loss = lenet(3, dropout_rate=0.4), losses.cross_entropy
    params, x, _ = data(model, (12, 14, 2))
    params = jax.tree.map(lambda w: w / 10, params)
    arguments = (params, x, jnp.asarray([0, 2, 1, 1], jnp.int32), None, jax.random.key(2))
    hand = jax.jit(nn.value_and_grad(model, loss))(*arguments)
    machine = jax.jit(jax.value_and_grad(nn.objective(model, loss), has_aux=True))(*arguments)
    assert_trees_close(hand, machine, 1e-12)


def test_lenet_learns():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.uniform(size=(32, 28, 28, 1)), jnp.float32)
    labels = jnp.asarray(rng.integers(10, size=32), jnp.int32)
    model = lenet(10)
    value_and_grad = nn.value_and_grad(model, losses.cross_entropy)

    @jax.jit
    def step(params):
        (value, _), gradient = value_and_grad(params, x, labels)
        return jax.tree.map(lambda w, dw: w - 0.1 * dw, params, gradient), value

    params, values = jax.jit(lambda key: model.init(key, (28, 28, 1))[0])(jax.random.key(0)), []
    for _ in range(10):
        params, value = step(params)
        values.append(float(value))
    assert values[-1] < 0.9 * values[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lenet(0), "units must be at least 1, got 0"),
        (lambda: lenet(10, dropout_rate=1.0), "dropout must be in [0, 1), got 1.0"),
        (
            initialise(lenet(10), (11, 28, 1)),
            "the input of lenet must be images (H, W, C) of at least 12 x 12 pixels, got (11, 28,",
        ),
        (initialise(lenet(10), (784,)), "the input of lenet must be images (H, W, C)"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)


def test_a_bad_image_is_named_inside_a_compiled_function():
    with pytest.raises(InputError, match="the input of lenet must be images"):
        jax.jit(lambda key: lenet(10).init(key, (8, 8, 1))[0])(jax.random.key(0))


def test_the_smallest_image_fits():
    assert shapes(lenet(10), (12, 12, 1))[1] == (10,)
