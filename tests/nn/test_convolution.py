"""Convolution, pooling and LeNet: every gradient by hand against JAX, differences and PyTorch.

Row C9. JAX is asked twice: to differentiate our forward pass, and its own operation, which also
says what "same" means and where the gradient goes in a tie.
"""

import functools
import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import activations, losses
from jaxmlp.nn.convolution import average_pool, convolution, max_pool
from jaxmlp.nn.lenet import lenet
from tests.helpers import assert_trees_close, central_differences

N, CHANNELS = 4, 3


class Case(NamedTuple):
    """An image and the windows over it."""

    kind: str
    image: tuple[int, int, int]
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: str

    def __str__(self) -> str:
        sizes = ["x".join(map(str, part)) for part in (self.image, self.window, self.stride)]
        return "-".join([self.kind, *sizes, self.padding])


GEOMETRIES = [
    ((5, 5, 1), (2, 3), (1, 1)),
    ((6, 4, 2), (2, 2), (2, 2)),  # windows touch
    ((7, 5, 2), (2, 2), (2, 2)),  # the last row and column are left over
    ((7, 8, 2), (3, 3), (2, 2)),  # windows overlap, one column is left over
    ((8, 6, 1), (3, 2), (1, 3)),
    ((5, 7, 2), (1, 2), (2, 3)),  # a row and a column in between are seen by no window
    ((2, 3, 1), (2, 3), (1, 1)),  # the window is the image
    ((2, 2, 1), (3, 4), (1, 2)),  # and larger than it
]
CASES = [
    Case(kind, image, window, stride, padding)
    for kind in ("convolution", "max_pool", "average_pool")
    for image, window, stride in GEOMETRIES
    for padding in ("valid", "same")
    if padding == "same" or (image[0] >= window[0] and image[1] >= window[1])
]


def build(case: Case):
    windows = (case.window, case.stride, case.padding)
    if case.kind == "convolution":
        return convolution(CHANNELS, *windows)
    return {"max_pool": max_pool, "average_pool": average_pool}[case.kind](*windows)


def jax_own(case: Case):
    """Return JAX's own operation, `(params, x) -> y`."""
    window, stride = (1, *case.window, 1), (1, *case.stride, 1)
    padding = case.padding.upper()

    def convolve(params, x):
        axes = ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(x, params["W"], case.stride, padding, dimension_numbers=axes)
        return y + params["b"][None, None, None, :]

    def total(x):
        return lax.reduce_window(x, 0.0, lax.add, window, stride, padding)

    return {
        "convolution": convolve,
        "max_pool": lambda _, x: lax.reduce_window(x, -jnp.inf, lax.max, window, stride, padding),
        "average_pool": lambda _, x: total(x) / total(jnp.ones_like(x)),
    }[case.kind]


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


@functools.cache
def case_by_hand(case):
    """Return a case's layer and its compiled `by_hand`, for all the tests that ask for it."""
    layer = build(case)
    return layer, jax.jit(by_hand(layer))


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


@pytest.mark.parametrize("case", CASES, ids=str)
def test_forward_and_gradients_equal_jax(case):
    layer, run = case_by_hand(case)
    arguments = data(layer, case.image)
    hand = run(*arguments)
    referees = by_machine(layer), by_machine(jax_own(case))
    machine, own = jax.jit(lambda *a: [referee(*a) for referee in referees])(*arguments)
    assert hand[0].shape == arguments[2].shape  # as init said
    assert_trees_close(hand, machine, 1e-12)
    assert_trees_close(hand, own, 1e-12)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kind", ["convolution", "max_pool", "average_pool"])
def test_gradients_equal_central_differences(kind, padding):
    layer = build(Case(kind, (4, 3, 2), (3, 2), (2, 1), padding))
    params, x, dy = data(layer, (4, 3, 2))
    x, dy = x[:1], dy[:1]  # the image without ties, where there is a derivative
    _, *gradients = jax.jit(by_hand(layer))(params, x, dy)
    value = jax.jit(lambda inputs: jnp.vdot(layer(*inputs), dy))
    differences = central_differences(value, [params, x])
    assert_trees_close(gradients, jax.tree.map(jnp.asarray, differences), 1e-7)


@pytest.mark.parametrize("kind", ["convolution", "max_pool", "average_pool"])
def test_float32(kind):
    layer, run = case_by_hand(Case(kind, (7, 8, 2), (3, 3), (2, 2), "same"))
    arguments = jax.tree.map(lambda a: a.astype(jnp.float32), data(layer, (7, 8, 2)))
    assert_trees_close(run(*arguments), jax.jit(by_machine(layer))(*arguments), 1e-5)


def test_a_wrong_gradient_is_noticed():
    """Forgetting to flip the kernel gives a gradient of the right shape."""
    right = convolution(CHANNELS, 3, padding="same")

    def not_flipped(params, x, dy):
        flipped = {"W": jnp.flip(params["W"], (0, 1)), "b": params["b"]}
        return right.backward(flipped, x, dy)

    arguments = data(right, (5, 5, 1))
    wrong = jax.jit(by_hand(right._replace(backward=not_flipped)))(*arguments)
    expected = jax.jit(by_machine(right))(*arguments)
    with pytest.raises(AssertionError, match="relative error"):
        assert_trees_close(wrong, expected, 1e-12)


# ties


def test_in_a_tie_the_first_pixel_row_by_row_gets_the_gradient():
    layer = max_pool(2)
    x = jnp.asarray([[1.0, 2, 0, 3], [2, 2, 3, 3]])[None, :, :, None]
    y, _, dx = jax.jit(by_hand(layer))((), x, jnp.asarray([[5.0, 7]])[None, :, :, None])
    np.testing.assert_array_equal(y[0, :, :, 0], [[2, 3]])
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 5, 0, 7], [0, 0, 0, 0]])


def test_gradients_of_overlapping_windows_add_up():
    layer = max_pool(3, stride=1)
    x = np.zeros((1, 5, 5, 1))
    x[0, 2, 2, 0] = 1  # seen by all nine windows
    *_, dx = jax.jit(by_hand(layer))((), x, np.ones((1, 3, 3, 1)))
    np.testing.assert_array_equal(dx, 9 * x)


def brute_force(x, dy, window, stride, padding):
    """Return y and dx of max-pooling and of average-pooling, window by window."""
    pads = lax.padtype_to_pads(x.shape, window, stride, padding.upper())
    largest, mean = np.zeros_like(dy), np.zeros_like(dy)
    d_largest, d_mean = np.zeros_like(x), np.zeros_like(x)
    for i, j in np.ndindex(dy.shape):
        top, left = i * stride[0] - pads[0][0], j * stride[1] - pads[1][0]
        rows = slice(max(top, 0), top + window[0])
        columns = slice(max(left, 0), left + window[1])
        seen = x[rows, columns]
        largest[i, j], mean[i, j] = seen.max(), seen.mean()
        p, q = np.unravel_index(seen.argmax(), seen.shape)  # NumPy's, too, is the first
        d_largest[rows, columns][p, q] += dy[i, j]
        d_mean[rows, columns] += dy[i, j] / seen.size
    return (largest, d_largest), (mean, d_mean)


sizes = st.integers(1, 4)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    image=st.tuples(st.integers(4, 6), st.integers(4, 6)),
    window=st.tuples(sizes, sizes),
    stride=st.tuples(sizes, sizes),
    padding=st.sampled_from(["valid", "same"]),
    draw=st.data(),
)
def test_pooling_is_what_it_is_window_by_window(image, window, stride, padding, draw):
    values = st.sampled_from([-1.5, 0.0, 0.0, 1.0, 2.0])
    pixels = draw.draw(st.lists(values, min_size=image[0] * image[1], max_size=image[0] * image[1]))
    x = np.reshape(pixels, image)
    layers = max_pool(window, stride, padding), average_pool(window, stride, padding)
    _, shape = shapes(layers[0], (*image, 1))
    dy = np.arange(1.0, 1 + np.prod(shape)).reshape(shape[:2])
    expected = brute_force(x, dy, window, stride, padding)
    for layer, (y, dx) in zip(layers, expected, strict=True):
        got_y, _, got_dx = jax.jit(by_hand(layer))((), x[None, :, :, None], dy[None, :, :, None])
        np.testing.assert_allclose(got_y[0, :, :, 0], y, rtol=1e-14)
        np.testing.assert_allclose(got_dx[0, :, :, 0], dx, rtol=1e-13)


def test_relu_and_max_pooling_together():
    """C9: the Jacobian is `df/da` at the winner and 0 elsewhere, ties included.

    The lecture takes `df/da = 1` at `a = 0`; ours is 0, like that of `jax.nn.relu`, so a window
    whose largest activation is 0 or less passes nothing back. ReLU never swaps the order of two
    activations, so pooling first gives the same.
    """
    pool = max_pool(3, 2, "same")
    relu = nn.activation(activations.relu)
    rng = np.random.default_rng(0)
    z = rng.integers(-4, 3, size=(N, 6, 7, 2)).astype(float)
    z[0], z[1, :3] = 0, -1
    dy = rng.normal(size=(N, 3, 4, 2))
    own = jax_own(Case("max_pool", (6, 7, 2), (3, 3), (2, 2), "same"))
    expected = jax.jit(by_machine(lambda _, z: own((), jax.nn.relu(z))))((), z, dy)
    for network in (nn.sequential(relu, pool), nn.sequential(pool, relu)):
        y, _, dz = jax.jit(by_hand(network))(((), ()), z, dy)
        assert_trees_close(((), y, dz), ((), expected[0], expected[2]), 1e-15)
    assert not np.any(expected[2][0])
    assert np.count_nonzero(expected[2]) > N


def test_a_pixel_that_is_not_a_number_is_not_hidden():
    x = np.ones((4, 2, 4, 1))
    x[range(4), [0, 0, 1, 1], [0, 1, 0, 1]] = np.nan  # each cell of the first window, once
    for layer in (max_pool(2), average_pool(2)):
        y = jax.jit(layer.__call__)((), x)
        np.testing.assert_array_equal(np.isnan(y[:, 0, :, 0]), [[True, False]] * 4)


# PyTorch


@pytest.fixture(scope="module")
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="PyTorch, the second referee, is not installed")


def in_torch(torch, function, *arrays):
    """Return the function's value y, a dL/dy, and dL/da of each array for it."""
    tensors = [torch.tensor(np.array(a), requires_grad=True) for a in arrays]
    y = function(*tensors)
    dy = torch.arange(1, 1 + y.numel(), dtype=y.dtype).reshape(y.shape)
    y.backward(dy)
    return [y.detach().numpy(), dy.numpy(), *(tensor.grad.numpy() for tensor in tensors)]


@pytest.mark.parametrize("case", [case for case in CASES if case.image[0] > 5], ids=str)
def test_torch_agrees(torch, case):
    layer, run = case_by_hand(case)
    functional = torch.nn.functional
    params, x, _ = data(layer, case.image)
    pads = lax.padtype_to_pads(x.shape[1:3], case.window, case.stride, case.padding.upper())
    around = [*pads[1], *pads[0]]

    def pool(pooling, x, outside):
        x = functional.pad(x.permute(0, 3, 1, 2), around, value=outside)
        return pooling(x, case.window, case.stride).permute(0, 2, 3, 1)

    def function(x, W=None, b=None):
        if case.kind == "max_pool":
            return pool(functional.max_pool2d, x, -torch.inf)
        if case.kind == "average_pool":
            inside = pool(functional.avg_pool2d, torch.ones_like(x), 0)  # a share of the window
            return pool(functional.avg_pool2d, x, 0) / inside
        x = functional.pad(x.permute(0, 3, 1, 2), around)
        return functional.conv2d(x, W.permute(3, 2, 0, 1), b, case.stride).permute(0, 2, 3, 1)

    leaves = [params["W"], params["b"]] if params else []
    y, dy, dx, *dparams = in_torch(torch, function, x, *leaves)
    got_y, got_dparams, got_dx = run(params, x, dy)
    assert_trees_close((got_y, got_dx, jax.tree.leaves(got_dparams)), (y, dx, dparams), 1e-12)


# LeNet


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


# what is refused


def initialise(layer, shape):
    return lambda: layer.init(jax.random.key(0), shape)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convolution(0, 3), "channels must be a whole number of at least 1, got 0"),
        (lambda: convolution(1.5, 3), "channels must be a whole number of at least 1, got 1.5"),
        (lambda: convolution(1, 0), "window must be a whole number of at least 1, or two of them"),
        (lambda: convolution(1, 2.5), "or two of them, got 2.5"),
        (lambda: convolution(1, (3, 3, 3)), "or two of them, got (3, 3, 3)"),
        (lambda: convolution(1, 3, 0), "stride must be a whole number of at least 1"),
        (lambda: convolution(1, 3, (1, -1)), "or two of them, got (1, -1)"),
        (lambda: convolution(1, 3, padding="SAME"), "padding must be valid or same, got 'SAME'"),
        (lambda: max_pool(0), "window must be a whole number"),
        (lambda: max_pool(2, 0), "stride must be a whole number"),
        (lambda: max_pool(2, padding="full"), "padding must be valid or same, got 'full'"),
        (lambda: average_pool([2, 0]), "window must be a whole number"),
        (lambda: average_pool(2, (0, 1)), "stride must be a whole number"),
        (lambda: average_pool(2, padding=""), "padding must be valid or same, got ''"),
        (
            initialise(convolution(1, 3), (784,)),
            "the input of convolution must be an image (H, W, C), got (784,)",
        ),
        (initialise(convolution(1, 3), (28, 28, 0)), "image (H, W, C), got (28, 28, 0)"),
        (
            initialise(convolution(1, (5, 3)), (4, 9, 1)),
            "the input of convolution must be no smaller than its window, 5x3, got (4, 9, 1)",
        ),
        (initialise(max_pool(2), (28, 28)), "input of max_pool must be an image (H, W, C)"),
        (initialise(max_pool(2), (2, 1, 3)), "input of max_pool must be no smaller than"),
        (initialise(average_pool(2), (28, 28)), "input of average_pool must be an image"),
        (initialise(average_pool(2), (2, 1, 3)), "input of average_pool must be no smaller than"),
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


def test_the_smallest_images_fit():
    for layer, shape, expected in (
        (lenet(10), (12, 12, 1), (10,)),
        (convolution(4, 3), (3, 3, 1), (1, 1, 4)),
        (convolution(4, 3, padding="same"), (1, 1, 2), (1, 1, 4)),
        (max_pool((2, 3)), (2, 3, 5), (1, 1, 5)),
    ):
        assert shapes(layer, shape)[1] == expected
