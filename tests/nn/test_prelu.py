"""The parametric ReLU: its gradient against JAX, differences and PyTorch, zeros included.

Lecture row B10.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import activations, losses
from jaxmlp.nn.prelu import prelu, shared_prelu
from tests.helpers import assert_trees_close, central_differences, to_float64

CASES = [(shape, shared) for shape in ((1,), (4,), (3, 2), (2, 3, 4)) for shared in (False, True)]


def data(shape, shared, seed=0):
    """Return parameters, inputs of which some are exactly 0, and dL/da."""
    rng = np.random.default_rng(seed)
    params = {"alpha": jnp.asarray(rng.normal(size=(1,) if shared else shape[-1:]))}
    z = rng.normal(size=(6, *shape))
    z[0] = 0
    return params, jnp.asarray(z), jnp.asarray(rng.normal(size=(6, *shape)))


def both(layer):
    """Return the compiled functions `(params, z, da) -> (a, dparams, dz)` by hand and machine."""

    def by_hand(params, z, da):
        a, cache = layer.forward(params, z)
        return a, *layer.backward(params, cache, da)

    def by_machine(params, z, da):
        a, pull_back = jax.vjp(layer, params, z)
        return a, *pull_back(da)

    return jax.jit(by_hand), jax.jit(by_machine)


@pytest.mark.parametrize(("shape", "shared"), CASES)
def test_gradients_equal_autodiff(shape, shared):
    params, z, da = data(shape, shared)
    by_hand, by_machine = both(prelu(shared))
    hand = by_hand(params, z, da)
    expected = np.where(z > 0, z, np.asarray(params["alpha"]) * np.asarray(z))
    np.testing.assert_array_equal(hand[0], expected)
    assert_trees_close(hand, by_machine(params, z, da), 1e-12)


@pytest.mark.parametrize("shared", [False, True])
def test_gradients_equal_central_differences(shared):
    params, z, da = data((3, 2), shared)
    z, da = z[1:], da[1:]  # where there is a derivative
    _, *gradients = both(prelu(shared))[0](params, z, da)
    value = jax.jit(lambda inputs: jnp.vdot(prelu(shared)(*inputs), da))
    differences = central_differences(value, [params, z])
    assert_trees_close(gradients, jax.tree.map(jnp.asarray, differences), 1e-7)


def test_float32():
    arguments = jax.tree.map(lambda a: a.astype(jnp.float32), data((4,), False))
    by_hand, by_machine = both(prelu())
    assert_trees_close(by_hand(*arguments), by_machine(*arguments), 1e-5)


def test_by_numbers():
    """The slide's derivative for z < 0 has lost its factor alpha; here `dz = alpha da`."""
    params = {"alpha": jnp.asarray([0.5, -2.0])}
    z = jnp.asarray([[3.0, -1.0], [-2.0, 0.0], [-4.0, -3.0]])
    da = jnp.asarray([[1.0, 10.0], [2.0, 7.0], [3.0, 1.0]])
    a, cache = prelu().forward(params, z)
    np.testing.assert_array_equal(a, [[3, 2], [-1, 0], [-2, 6]])
    dparams, dz = prelu().backward(params, cache, da)
    np.testing.assert_array_equal(dz, [[1, -20], [1, -14], [1.5, -2]])
    np.testing.assert_array_equal(dparams["alpha"], [-2 * 2 - 4 * 3, -1 * 10 - 3 * 1])
    shared = {"alpha": jnp.asarray([0.5])}
    dshared, _ = prelu(shared=True).backward(shared, cache, da)
    np.testing.assert_array_equal(dshared["alpha"], [-29])


def test_a_wrong_gradient_is_noticed():
    params, z, da = data((4,), False)
    a, dparams, _ = both(prelu())[0](params, z, da)
    wrong = a, dparams, da  # as on the slide
    with pytest.raises(AssertionError, match="relative error"):
        assert_trees_close(wrong, both(prelu())[1](params, z, da), 1e-12)


@pytest.mark.parametrize(
    ("slope", "same"), [(0.0, activations.relu), (0.01, activations.leaky_relu)], ids=str
)
def test_relu_and_leaky_relu_are_two_of_its_slopes(slope, same):
    _, z, da = data((4,), False)
    params = {"alpha": jnp.full(4, slope)}
    a, _, dz = both(prelu())[0](params, z, da)
    np.testing.assert_array_equal(a, same(z))
    np.testing.assert_array_equal(dz, da * same.derivative(z, a))


def test_what_is_not_a_number_stays_so():
    params = {"alpha": jnp.zeros(1)}
    assert np.isnan(prelu()(params, jnp.asarray([[jnp.nan]]))[0, 0])


def test_slopes_start_where_they_are_told_and_have_one_axis():
    params, shape = prelu(start=0.1).init(jax.random.key(0), (28, 28, 6))
    assert shape == (28, 28, 6)
    np.testing.assert_array_equal(params["alpha"], np.full(6, 0.1, np.float32))
    for layer in (prelu(shared=True), shared_prelu()):
        params, _ = layer.init(jax.random.key(0), (28, 28, 6))
        np.testing.assert_array_equal(params["alpha"], np.float32([0.25]))


@pytest.mark.parametrize("shared", [False, True])
def test_inside_a_network(shared):
    model = nn.sequential(nn.dense(5), prelu(shared), nn.dropout(0.4), nn.dense(3))
    params = to_float64(jax.jit(lambda key: model.init(key, (4,))[0])(jax.random.key(1)))
    rng = np.random.default_rng(2)
    x, labels = (
        jnp.asarray(rng.normal(size=(6, 4))),
        jnp.asarray(rng.integers(3, size=6), jnp.int32),
    )
    arguments = (params, x, labels, None, jax.random.key(3))
    hand = jax.jit(nn.value_and_grad(model, losses.cross_entropy))(*arguments)
    objective = nn.objective(model, losses.cross_entropy)
    machine = jax.jit(jax.value_and_grad(objective, has_aux=True))(*arguments)
    assert_trees_close(hand, machine, 1e-12)


@pytest.mark.parametrize(("shape", "shared"), [case for case in CASES if len(case[0]) != 2])
def test_torch_agrees(torch, shape, shared):
    """Where z is 0, too, PyTorch takes the slope from the left."""
    params, z, da = data(shape, shared)
    alpha, z_torch = (torch.tensor(np.array(a), requires_grad=True) for a in (params["alpha"], z))
    channels_second = torch.movedim(z_torch, -1, 1)
    a = torch.movedim(torch.nn.functional.prelu(channels_second, alpha), 1, -1)
    a.backward(torch.tensor(np.array(da)))
    expected = a.detach().numpy(), {"alpha": alpha.grad.numpy()}, z_torch.grad.numpy()
    assert_trees_close(both(prelu(shared))[0](params, z, da), expected, 1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prelu(start=float("inf")), "start must be finite, got inf"),
        (lambda: prelu(start=float("nan")), "start must be finite, got nan"),
        (
            lambda: prelu().init(jax.random.key(0), ()),
            "the input of prelu must be a vector or an image, got ()",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
