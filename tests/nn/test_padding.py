"""Numeric padding, dilation, groups and no bias: against JAX, differences and PyTorch."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxmlp import nn
from jaxmlp.errors import InputError
from tests.helpers import assert_trees_close, central_differences, to_float64
from tests.nn.passes import assert_equals_jax, by_hand, by_machine, data, initialise, shapes


class Case(NamedTuple):
    """A convolution, and the padding as JAX and PyTorch write it."""

    image: tuple[int, int, int]
    channels: int
    window: Any
    stride: Any
    padding: Any
    sides: Any
    dilation: Any = 1
    groups: int = 1
    bias: bool = True

    def __str__(self) -> str:
        return "-".join(map(str, self)).replace(" ", "")


NONE = ((0, 0), (0, 0))
CONVOLUTIONS = [
    Case((5, 6, 2), 3, 3, 1, 1, ((1, 1), (1, 1))),
    Case((7, 8, 1), 2, 3, 2, (2, 0), ((2, 2), (0, 0))),
    Case((6, 5, 2), 3, (3, 2), (2, 3), ((0, 2), (1, 0)), ((0, 2), (1, 0))),
    Case((4, 4, 1), 2, 2, 3, 3, ((3, 3), (3, 3))),  # some windows lie outside
    Case((2, 3, 2), 3, 4, 1, ((1, 1), (2, 2)), ((1, 1), (2, 2))),  # the window is the larger one
    Case((9, 8, 2), 3, 3, 1, "valid", NONE, dilation=2),
    Case((9, 8, 2), 3, 3, (2, 1), "valid", NONE, dilation=(3, 2)),
    Case((8, 9, 1), 2, (3, 2), 2, (2, 3), ((2, 2), (3, 3)), dilation=(2, 3)),
    Case((5, 6, 4), 6, 3, 1, "valid", NONE, groups=2),
    Case((6, 5, 3), 3, 2, 2, 1, ((1, 1), (1, 1)), groups=3),  # depthwise
    Case((6, 5, 3), 6, 3, 1, 2, ((2, 2), (2, 2)), dilation=2, groups=3),
    Case((6, 5, 2), 3, 3, 2, "valid", NONE, bias=False),
    Case((6, 6, 4), 4, 3, 1, 1, ((1, 1), (1, 1)), groups=4, bias=False),
]


def build(case):
    more = {"dilation": case.dilation, "groups": case.groups}
    if not case.bias:
        more["bias"] = False
    return nn.convolution(case.channels, case.window, case.stride, case.padding, **more)


@functools.cache
def by_hand_of(case):
    layer = build(case)
    return layer, jax.jit(by_hand(layer))


def pair(n):
    return n if isinstance(n, tuple) else (n, n)


def jax_own(case):
    def convolve(params, x):
        y = lax.conv_general_dilated(
            x,
            params["W"],
            pair(case.stride),
            case.sides,
            rhs_dilation=pair(case.dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=case.groups,
        )
        return y + params["b"][None, None, None, :] if case.bias else y

    return convolve


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution_and_its_gradients_equal_jax(case):
    layer, run = by_hand_of(case)
    arguments = data(layer, case.image)
    assert ("b" in arguments[0]) == case.bias
    assert_equals_jax(layer, run, arguments, jax_own(case))


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_torch_agrees_on_convolution(torch, case):
    layer, run = by_hand_of(case)
    functional = torch.nn.functional
    params, x, dy = data(layer, case.image)
    tensors = [torch.tensor(np.array(a), requires_grad=True) for a in (x, *params.values())]
    image, W, *b = tensors
    padded = functional.pad(image.permute(0, 3, 1, 2), [*case.sides[1], *case.sides[0]])
    y = functional.conv2d(
        padded,
        W.permute(3, 2, 0, 1),
        *(b or [None]),
        stride=case.stride,
        dilation=case.dilation,
        groups=case.groups,
    ).permute(0, 2, 3, 1)
    y.backward(torch.tensor(np.array(dy)))
    got_y, got_dparams, got_dx = run(params, x, dy)
    slopes = [tensor.grad.numpy() for tensor in tensors]
    expected = y.detach().numpy(), slopes[0], slopes[1:]
    assert_trees_close((got_y, got_dx, list(got_dparams.values())), expected, 1e-12)


@pytest.mark.parametrize("case", [CONVOLUTIONS[k] for k in (2, 7, 10, 12)], ids=str)
def test_gradients_equal_central_differences(case):
    layer, run = by_hand_of(case)
    params, x, dy = data(layer, case.image)
    x, dy = x[:1], dy[:1]
    _, *gradients = run(params, x, dy)
    value = jax.jit(lambda inputs: jnp.vdot(layer(*inputs), dy))
    differences = central_differences(value, [params, x])
    assert_trees_close(gradients, jax.tree.map(jnp.asarray, differences), 1e-7)


def test_one_group_for_each_channel_sees_only_its_channel():
    layer = nn.convolution(4, 3, groups=4)
    params, x, _ = data(layer, (5, 5, 4))
    other = x.at[:, :, :, 2].set(0)
    changed = np.any(np.asarray(layer(params, x) != layer(params, other)), axis=(0, 1, 2))
    np.testing.assert_array_equal(changed, [False, False, True, False])


POOLS = [
    ((5, 6, 2), 3, 2, 1, ((1, 1), (1, 1))),
    ((6, 7, 1), (2, 3), None, (1, 2), ((1, 1), (2, 2))),
    ((4, 5, 2), 3, 1, ((0, 2), (1, 0)), ((0, 2), (1, 0))),
]


@pytest.mark.parametrize(("image", "window", "stride", "padding", "sides"), POOLS, ids=str)
@pytest.mark.parametrize("kind", ["max_pool", "average_pool"])
def test_pooling_and_its_gradients_equal_jax_and_torch(
    torch, kind, image, window, stride, padding, sides
):
    layer = getattr(nn, kind)(window, stride, padding)
    arguments = data(layer, image)
    hand = jax.jit(by_hand(layer))(*arguments)
    windows = (1, *pair(window), 1), (1, *pair(stride or window), 1), ((0, 0), *sides, (0, 0))

    def own(_, x):
        if kind == "max_pool":
            return lax.reduce_window(x, -jnp.inf, lax.max, *windows)
        total = lax.reduce_window(x, 0.0, lax.add, *windows)
        return total / lax.reduce_window(jnp.ones_like(x), 0.0, lax.add, *windows)

    assert_trees_close(hand, jax.jit(by_machine(layer))(*arguments), 1e-12)
    assert_trees_close(hand, jax.jit(by_machine(own))(*arguments), 1e-12)
    if any(before != after for before, after in sides) or max(map(max, sides)) > 1:
        return  # PyTorch pads both sides alike, by half a window at most
    _, x, dy = arguments
    tensor = torch.tensor(np.array(x), requires_grad=True)
    call = {
        "max_pool": torch.nn.functional.max_pool2d,
        "average_pool": functools.partial(torch.nn.functional.avg_pool2d, count_include_pad=False),
    }[kind]
    y = call(tensor.permute(0, 3, 1, 2), window, stride, padding).permute(0, 2, 3, 1)
    y.backward(torch.tensor(np.array(dy)))
    assert_trees_close((hand[0], hand[2]), (y.detach().numpy(), tensor.grad.numpy()), 1e-12)


def test_the_divisor_of_average_pooling_does_not_count_padding():
    y = nn.average_pool(2, 1, 1)((), jnp.ones((1, 2, 2, 1)))
    np.testing.assert_array_equal(y[0, :, :, 0], np.ones((3, 3)))


def test_a_dense_layer_without_bias():
    layer = nn.dense(3, bias=False)
    params = to_float64(layer.init(jax.random.key(0), (4,))[0])
    assert params.keys() == {"W"}
    rng = np.random.default_rng(0)
    arguments = params, jnp.asarray(rng.normal(size=(5, 4))), jnp.asarray(rng.normal(size=(5, 3)))
    hand = by_hand(layer)(*arguments)
    np.testing.assert_allclose(hand[0], arguments[1] @ params["W"], rtol=1e-14)
    assert_trees_close(hand, by_machine(layer)(*arguments), 1e-12)


def test_a_network_without_biases_learns_by_hand_as_by_machine():
    model = nn.sequential(
        nn.convolution(4, 3, padding=1, bias=False, groups=2),
        nn.activation(nn.activations.tanh),
        nn.flatten(),
        nn.dense(3, bias=False),
    )
    params = to_float64(model.init(jax.random.key(0), (4, 4, 2))[0])
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 4, 4, 2)))
    y = jnp.arange(5) % 3
    hand = nn.value_and_grad(model, nn.losses.cross_entropy)(params, x, y)
    objective = nn.objective(model, nn.losses.cross_entropy)
    assert_trees_close(hand, jax.value_and_grad(objective, has_aux=True)(params, x, y), 1e-12)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.convolution(1, 3, padding=-1), "two of them, or two pairs, got -1"),
        (lambda: nn.convolution(1, 3, padding=0.5), "a whole number of at least 0"),
        (lambda: nn.convolution(1, 3, padding=True), "a whole number of at least 0"),
        (lambda: nn.convolution(1, 3, padding=(1, 2, 3)), "two pairs, got (1, 2, 3)"),
        (lambda: nn.convolution(1, 3, padding=((1, 2), (3,))), "two pairs, got ((1, 2), (3,))"),
        (lambda: nn.convolution(1, 3, dilation=0), "dilation must be a whole number of at least 1"),
        (lambda: nn.convolution(1, 3, groups=0), "groups must be a whole number of at least 1"),
        (lambda: nn.convolution(3, 3, groups=2), "channels must be a multiple of groups, 2, got 3"),
        (
            initialise(nn.convolution(4, 3, groups=2), (5, 5, 3)),
            "the input of convolution must be of channels that 2 groups divide, got (5, 5, 3)",
        ),
        (
            initialise(nn.convolution(1, 3, dilation=2), (4, 9, 1)),
            "its window, 3x3, whose cells reach over 5x5, got (4, 9, 1)",
        ),
        (lambda: nn.convolution(1, 3, bias=True), "bias must be an initializer, or False for none"),
        (
            lambda: nn.dense(1, bias=None),
            "bias must be an initializer, or False for none, got none",
        ),
        (lambda: nn.max_pool(2, padding=2), "padding must be smaller than the window, 2x2"),
        (lambda: nn.average_pool((3, 1), padding=1), "smaller than the window, 3x1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)


def test_padding_makes_room_for_a_window():
    for padding in (2, [2, 2], [[2, 2], (2, 2)]):
        assert shapes(nn.convolution(4, 5, padding=padding), (1, 1, 2))[1] == (1, 1, 4)
    assert shapes(nn.convolution(4, 3, padding="same", dilation=2), (5, 6, 2))[1] == (5, 6, 4)
