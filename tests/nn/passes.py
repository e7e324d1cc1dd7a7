"""Both passes of a layer of images, by hand and by machine."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.helpers import assert_trees_close

N = 4  # images


def images(shape, seed=3):
    """Return images of any numbers, of small whole numbers, after a ReLU, and of one colour."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(N, *shape))
    numbers[1] = rng.integers(-1, 2, size=shape)
    numbers[2] = np.maximum(0, numbers[2])
    numbers[3] = 0.5
    return jnp.asarray(numbers)


def by_hand(layer):
    """Return `(params, x, dy) -> (y, dparams, dx)` as the layer has it."""

    def run(params, x, dy):
        y, cache = layer.forward(params, x)
        return y, *layer.backward(params, cache, dy)

    return run


def by_machine(f):
    """Return `(params, x, dy) -> (y, dparams, dx)` of a function of `(params, x)`."""

    def run(params, x, dy):
        y, pull_back = jax.vjp(f, params, x)
        return y, *pull_back(dy)

    return run


def shapes(layer, shape):
    """Return the layer's parameters, as shapes only, and its output shape."""
    output_shape = ()

    def init(key):
        nonlocal output_shape
        params, output_shape = layer.init(key, shape)
        return params

    return jax.eval_shape(init, jax.random.key(0)), output_shape


def data(layer, shape, seed=5):
    """Return parameters, which need not be drawn the layer's way here, images, and dL/dy."""
    params, output_shape = shapes(layer, shape)
    rng = np.random.default_rng(seed)
    params = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), params)
    return params, images(shape), jnp.asarray(rng.normal(size=(N, *output_shape)))


def initialise(layer, shape):
    """Return a call that initialises the layer for such images."""
    return lambda: layer.init(jax.random.key(0), shape)


def assert_equals_jax(layer, run, arguments, own):
    """Compare a layer's passes with those by machine, of the layer and of JAX's own operation.

    `run` is the layer's compiled `by_hand`, and `own` is `(params, x) -> y`.
    """
    hand = run(*arguments)
    referees = by_machine(layer), by_machine(own)
    machine, expected = jax.jit(lambda *a: [referee(*a) for referee in referees])(*arguments)
    assert hand[0].shape == arguments[2].shape  # as init said
    assert_trees_close(hand, machine, 1e-12)
    assert_trees_close(hand, expected, 1e-12)
