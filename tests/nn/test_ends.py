"""What is not finite, tiny or huge: one table, by hand, by machine and in PyTorch.

The expected numbers are limits, found on paper. Where an input is NaN, so are value and derivative.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.config.names import ACTIVATIONS, LOSSES
from jaxmlp.nn import activations, losses
from jaxmlp.nn.prelu import prelu

INF, NAN = np.inf, np.nan
TYPES = [jnp.float32, jnp.float64]

# value and slope at minus infinity, at 0, and at infinity
LIMITS = {
    "identity": ((-INF, 1), (0, 1), (INF, 1)),
    "relu": ((0, 0), (0, 0), (INF, 1)),
    "leaky_relu": ((-INF, 0.01), (0, 0.01), (INF, 1)),
    "elu": ((-1, 0), (0, 1), (INF, 1)),
    "sigmoid": ((0, 0), (0.5, 0.25), (1, 0)),
    "tanh": ((-1, 0), (0, 1), (1, 0)),
    "softplus": ((0, 0), (np.log(2), 0.5), (INF, 1)),
    "gelu": ((0, 0), (0, 0.5), (INF, 1)),
    "silu": ((0, 0), (0, 0.5), (INF, 1)),
    "prelu": ((-INF, 0.25), (0, 0.25), (INF, 1)),
}
POINTS = [-INF, -1e38, -1e30, -0.0, 0.0, 1e30, 1e38, INF]


def expected_at(name, z):
    """Return value and slope: far out they are those at infinity, or a straight line's."""
    value, slope = LIMITS[name][1 + int(np.sign(z))]
    return (slope * z if np.isinf(value) else value), slope


def by_hand(name, z):
    if name == "prelu":
        params = {"alpha": jnp.full(1, 0.25, z.dtype)}
        a, cache = prelu().forward(params, z[:, None])
        return a[:, 0], prelu().backward(params, cache, jnp.ones_like(a))[1][:, 0]
    function = ACTIVATIONS[name]
    a = function(z)
    return a, function.derivative(z, a)


def by_machine(name, z):
    value = functools.partial(lambda name, z: by_hand(name, z[None])[0][0], name)
    return jax.vmap(jax.value_and_grad(value))(z)


WAYS = {
    "hand": by_hand,
    "compiled": lambda name, z: jax.jit(functools.partial(by_hand, name))(z),
    "machine": lambda name, z: jax.jit(functools.partial(by_machine, name))(z),
}


def test_every_activation_has_its_limits():
    assert {*ACTIVATIONS.names, "prelu"} == LIMITS.keys()


@pytest.mark.parametrize("dtype", TYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LIMITS)
def test_activations_at_the_ends(name, way, dtype):
    value, slope = WAYS[way](name, jnp.asarray(POINTS, dtype))
    assert value.dtype == slope.dtype == dtype
    expected = np.transpose([expected_at(name, z) for z in POINTS])
    np.testing.assert_allclose(value, expected[0], rtol=1e-6)
    np.testing.assert_allclose(slope, expected[1], rtol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LIMITS)
def test_activations_at_what_is_not_a_number(name, way):
    value, slope = WAYS[way](name, jnp.asarray([NAN]))
    assert np.isnan(value[0])
    assert slope[0] == 1 if name == "identity" else np.isnan(slope[0])


@pytest.mark.parametrize("z", [1e-310, -1e-310], ids=str)
@pytest.mark.parametrize("name", LIMITS)
def test_activations_at_numbers_too_small_to_be_normal(name, z):
    """The machine may take them for 0, or for what they are."""
    zero = LIMITS[name][1]
    either = {zero[1], LIMITS[name][2][1]} if "relu" in name and z > 0 else {zero[1]}
    for way in WAYS.values():
        value, slope = way(name, jnp.asarray([z]))
        np.testing.assert_allclose(value, [zero[0]], atol=1e-300)
        assert float(slope[0]) in either


def test_the_step_function_of_what_is_not_a_number():
    z = jnp.asarray([NAN, -INF, -0.0, 0.0, INF])
    np.testing.assert_array_equal(activations.step(z), [NAN, 0, 1, 1, 1])


def test_an_infinite_input_has_no_part_in_the_slope_of_prelu_that_it_does_not_use():
    """By machine, 0 times infinity would be NaN."""
    z, params = jnp.asarray([[INF], [-2.0]]), {"alpha": jnp.asarray([0.25])}
    _, cache = prelu().forward(params, z)
    dparams, _ = prelu().backward(params, cache, jnp.ones_like(z))
    machine = jax.grad(lambda params: jnp.sum(prelu()(params, z)))(params)
    assert float(dparams["alpha"][0]) == float(machine["alpha"][0]) == -2


TORCH = {
    "identity": lambda f, z: 1 * z,
    "softplus": lambda f, z: f.softplus(z, threshold=1e9),
    "prelu": lambda f, z: f.prelu(z, z.new_full((1,), 0.25)),
}


@pytest.mark.parametrize("name", LIMITS)
def test_torch_agrees_on_activations_where_it_has_a_number(torch, name):
    """It has none for gelu and silu at infinity."""
    z = torch.tensor([*POINTS, -2.0, -0.3, 0.7, 3.0], dtype=torch.float64, requires_grad=True)
    function = TORCH.get(name) or (lambda f, z: getattr(f, name)(z))
    a = function(torch.nn.functional, z)
    a.sum().backward()
    ours = by_hand(name, jnp.asarray(z.detach().numpy()))
    for own, theirs in zip(ours, (a.detach().numpy(), z.grad.numpy()), strict=True):
        number = ~np.isnan(theirs)
        assert number.sum() >= len(theirs) - 2
        np.testing.assert_allclose(np.asarray(own)[number], theirs[number], rtol=1e-12)


def one(loss, z, y, value, slope):
    return loss, [[z]], [[y]], value, [[slope]]


def huge(loss, half=1.0):
    """A squared error of factor `half`."""
    return [
        one(loss, INF, 0, INF, INF),
        one(loss, -INF, 1, INF, -INF),
        one(loss, 1e30, 0, half * 1e60, 2 * half * 1e30),
        one(loss, -1e38, 1, half * 1e76, -2 * half * 1e38),
        one(loss, -0.0, 0, 0, 0),
    ]


def linear(loss, slope=1.0):
    """A loss that is linear far out."""
    return [
        one(loss, INF, 0, INF, slope),
        one(loss, -INF, 1, INF, -slope),
        one(loss, 1e30, 0, slope * 1e30, slope),
        one(loss, -1e38, 1, slope * 1e38, -slope),
        one(loss, -0.0, 0, 0, 0),
    ]


def ruled_out(loss, others, meant):
    """The first of three classes is ruled out, or as good as that, and one class is right."""
    return [
        (loss, [[z, 0, 0]], [label], *expected)
        for z in (-INF, -1e38)
        for label, expected in ((1, others), (0, (meant[z], *meant["slope"])))
    ]


ROWS = [
    *huge("mse"),
    *huge("quadratic"),
    *huge("half_mse", 0.5),
    *linear("mae"),
    *linear("huber"),
    *linear("quantile", 0.5),
    *linear("huber 2.5", 2.5),
    one("binary_cross_entropy", INF, 0, INF, 1),
    one("binary_cross_entropy", INF, 1, 0, 0),
    one("binary_cross_entropy", -INF, 0, 0, 0),
    one("binary_cross_entropy", -INF, 1, INF, -1),
    one("binary_cross_entropy", INF, 0.25, INF, 0.75),
    one("binary_cross_entropy", 1e30, 0, 1e30, 1),
    one("binary_cross_entropy", -1e38, 1, 1e38, -1),
    one("binary_cross_entropy", 1e38, 1, 0, 0),
    one("binary_cross_entropy", -0.0, 1, np.log(2), -0.5),
    one("binary_cross_entropy 3", INF, 1, 0, 0),
    one("binary_cross_entropy 3", -INF, 1, INF, -3),
    one("binary_cross_entropy 3", 1e30, 0, 1e30, 1),
    one("perceptron", INF, 0, INF, 1),
    one("perceptron", INF, 1, 0, 0),
    one("perceptron", -INF, 0, 0, 0),
    one("perceptron", -INF, 1, INF, -1),
    one("perceptron", 1e30, 0, 1e30, 1),
    one("perceptron", 1e38, 1, 0, 0),
    one("poisson", -INF, 0, 0, 0),
    one("poisson", -INF, 2, INF, -2),
    one("poisson", INF, 0, INF, INF),
    one("poisson", INF, 2, INF, INF),
    one("poisson", 1e30, 2, INF, INF),
    one("poisson", -1e30, 2, 2e30, -2),
    one("poisson", -0.0, 3, 1, -2),
    *ruled_out(
        "cross_entropy",
        others=(np.log(2), [[0, -0.5, 0.5]]),
        meant={-INF: INF, -1e38: 1e38, "slope": [[[-1, 0.5, 0.5]]]},
    ),
    ("cross_entropy", [[1e38, 0, 0]], [0], 0, [[0, 0, 0]]),
    ("cross_entropy", [[1e38, 0, 0]], [1], 1e38, [[1, -1, 0]]),
    ("cross_entropy", [[INF, 0, 0]], [0], NAN, [[NAN] * 3]),
    ("cross_entropy", [[-INF] * 3], [0], NAN, [[NAN] * 3]),
    *ruled_out(
        "softmax_squared_error",
        others=(0.5, [[0, -0.5, 0.5]]),
        meant={-INF: 1.5, -1e38: 1.5, "slope": [[[0, 0, 0]]]},
    ),
    ("softmax_squared_error", [[1e38, 0, 0]], [1], 2, [[0, 0, 0]]),
]


def loss_named(name):
    first, _, number = name.partition(" ")
    made = getattr(losses, f"{first}_of" if number else first)
    return made(float(number)) if number else made


def test_every_loss_has_rows():
    assert set(LOSSES.names) <= {row[0] for row in ROWS}


def rows_of(name, dtype):
    """Return outputs, targets, losses and slopes of all rows of a loss, one example each."""
    z, y, value, slope = zip(*(row[1:] for row in ROWS if row[0] == name), strict=True)
    with np.errstate(over="ignore"):
        numbers = [np.asarray(a, dtype) for a in (np.concatenate(z), value, np.concatenate(slope))]
    y = np.concatenate(y)
    y = y.astype(dtype if y.ndim == 2 else np.int32)
    return jnp.asarray(numbers[0]), jnp.asarray(y), *numbers[1:]


NAMES = sorted({row[0] for row in ROWS})


@pytest.mark.parametrize("dtype", TYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_losses_at_the_ends(name, dtype):
    """Each row is an example, and the loss that of one example."""
    loss = loss_named(name)
    z, y, value, slope = rows_of(name, dtype)

    def machine(z, y):
        return jax.vmap(jax.value_and_grad(lambda z, y: loss(z[None], y[None])))(z, y)

    def hand(z, y):
        alone = jax.vmap(lambda z, y: (loss(z[None], y[None]), loss.gradient(z[None], y[None])[0]))
        return alone(z, y)

    for way in (hand, jax.jit(hand), jax.jit(machine)):
        got_value, got_slope = way(z, y)
        np.testing.assert_allclose(got_value, value, rtol=1e-6)
        np.testing.assert_allclose(got_slope, slope, rtol=1e-6)


@pytest.mark.parametrize("name", [*NAMES, "zero_one"])
def test_losses_of_what_is_not_a_number(name):
    """In one output, its own loss and slope; in a softmax, those of all classes."""
    loss = loss_named(name)
    bad, good = jnp.asarray([[NAN, 1.0]]), jnp.asarray([[0.0, 1.0]])
    assert np.isnan(loss(bad, good))
    assert np.isnan(loss(good, bad))
    if name == "zero_one":
        return
    for z, y in ((bad, good), (good, bad)):
        machine = jax.grad(loss)(z, y)
        np.testing.assert_array_equal(np.isnan(loss.gradient(z, y)), np.isnan(machine))
        assert np.isnan(machine[0, 0])


@pytest.mark.parametrize("name", NAMES)
def test_what_weighs_nothing_may_be_anything(name):
    """By hand and by machine: an example of weight 0 does not count, NaN or not."""
    loss = loss_named(name)
    z, y = jnp.asarray([[NAN, INF], [0.5, 1.0]]), jnp.asarray([[NAN, 1.0], [0.0, 1.0]])
    w = jnp.asarray([0.0, 2.0])
    assert float(loss(z, y, w)) == pytest.approx(float(loss(z[1:], y[1:])))
    for gradient in (loss.gradient(z, y, w), jax.grad(loss)(z, y, w)):
        np.testing.assert_array_equal(gradient[0], [0, 0])
        np.testing.assert_allclose(gradient[1:], loss.gradient(z[1:], y[1:]))


def torch_loss(torch, name, z, y):
    f = torch.nn.functional
    first, _, number = name.partition(" ")
    many = {"reduction": "sum"}
    return {
        "mse": lambda: f.mse_loss(z, y, **many),
        "quadratic": lambda: f.mse_loss(z, y, **many),
        "half_mse": lambda: f.mse_loss(z, y, **many) / 2,
        "mae": lambda: f.l1_loss(z, y, **many),
        "quantile": lambda: f.l1_loss(z, y, **many) / 2,
        "huber": lambda: f.huber_loss(z, y, delta=float(number or 1), **many),
        "binary_cross_entropy": lambda: f.binary_cross_entropy_with_logits(
            z, y, pos_weight=torch.tensor(float(number or 1)), **many
        ),
        "poisson": lambda: f.poisson_nll_loss(z, y, **many),
        "cross_entropy": lambda: f.cross_entropy(z, y, **many),
        "softmax_squared_error": lambda: (
            (f.softmax(z, 1) - f.one_hot(y, z.shape[1])).square().sum()
        ),
    }[first]()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "perceptron"])
def test_torch_agrees_on_losses_where_it_has_a_number(torch, name):
    loss = loss_named(name)
    z, y, *_ = rows_of(name, jnp.float64)
    ours = loss.per_example(z, y), loss.per_example_gradient(z, y)
    for k in range(len(z)):
        tensor = torch.tensor(np.array(z[k : k + 1]), requires_grad=True)
        targets = torch.tensor(np.array(y[k : k + 1]))
        value = torch_loss(torch, name, tensor, targets if y.ndim == 2 else targets.long())
        value.backward()
        theirs = value.detach().numpy(), tensor.grad.numpy()[0]
        for own, other in zip(ours, theirs, strict=True):
            number = ~np.isnan(other)
            np.testing.assert_allclose(np.asarray(own[k])[number], other[number], rtol=1e-12)


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_where_a_gate_is_cut_the_slope_is_that_of_both_sides(name):
    function, z = ACTIVATIONS[name], jnp.asarray([-1000.0, 1000.0])
    slopes = jax.vmap(jax.grad(function))(z)
    assert slopes.tolist() == function.derivative(z, function(z)).tolist() == [0, 1]
