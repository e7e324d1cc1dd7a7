"""Convolution and pooling: every gradient by hand against JAX, differences and PyTorch.

Lecture row C9. JAX is asked twice: to differentiate our forward pass, and its own operation, which
also says what "same" means and where the gradient goes in a tie.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxmlp.errors import InputError
from jaxmlp.nn.convolution import convolution
from jaxmlp.nn.pooling import average_pool, max_pool
from tests.helpers import assert_trees_close, central_differences
from tests.nn.passes import assert_equals_jax, by_hand, by_machine, data, initialise, shapes

CHANNELS = 3


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


@functools.cache
def case_by_hand(case):
    """Return a case's layer and its compiled `by_hand`, for all the tests that ask for it."""
    layer = build(case)
    return layer, jax.jit(by_hand(layer))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_forward_and_gradients_equal_jax(case):
    layer, run = case_by_hand(case)
    arguments = data(layer, case.image)
    assert_equals_jax(layer, run, arguments, jax_own(case))


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
    wrong = jax.jit(by_hand(dataclasses.replace(right, backward=not_flipped)))(*arguments)
    expected = jax.jit(by_machine(right))(*arguments)
    with pytest.raises(AssertionError, match="relative error"):
        assert_trees_close(wrong, expected, 1e-12)


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


@pytest.mark.usefixtures("unchecked")
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
        (
            initialise(convolution(1, 3, dilation=(3, 1)), (6, 9, 1)),
            "no smaller than its window, 3x3, whose cells reach over 7x3, got (6, 9, 1)",
        ),
        (initialise(max_pool(2), (28, 28)), "input of max_pool must be an image (H, W, C)"),
        (initialise(max_pool(2), (2, 1, 3)), "input of max_pool must be no smaller than"),
        (initialise(average_pool(2), (28, 28)), "input of average_pool must be an image"),
        (initialise(average_pool(2), (2, 1, 3)), "input of average_pool must be no smaller than"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)


def test_the_smallest_images_fit():
    for layer, shape, expected in (
        (convolution(4, 3), (3, 3, 1), (1, 1, 4)),
        (convolution(4, 3, padding="same"), (1, 1, 2), (1, 1, 4)),
        (max_pool((2, 3)), (2, 3, 5), (1, 1, 5)),
    ):
        assert shapes(layer, shape)[1] == expected
