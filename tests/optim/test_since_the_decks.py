"""Rules younger than the decks: what each of them is known for, in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import nn, optim
from jaxmlp.config import referees
from jaxmlp.errors import InputError
from jaxmlp.nn import losses
from jaxmlp.optim.averaging import judged_params
from jaxmlp.optim.muon import newton_schulz
from tests.helpers import assert_trees_close, assert_trees_identical

RNG = np.random.default_rng(3)
SHAPES = {"W": (2, 3), "b": (3,), "out": (3, 2)}
with jax.enable_x64(True):
    START = {name: jnp.asarray(RNG.normal(size=shape)) for name, shape in SHAPES.items()}


def path_of(optimizer, start, gradient, steps=30):
    """Follow a gradient; return the points of training and those that are judged."""

    def step(carry, _):
        w, state = carry
        updates, state = optimizer.update(gradient(w), state, w)
        w = jax.tree.map(jnp.add, w, updates)
        return (w, state), (w, judged_params(w, state), state)

    with jax.numpy_dtype_promotion("standard"):  # Optax needs it
        run = jax.jit(lambda w: jax.lax.scan(step, (w, optimizer.init(w)), length=steps)[1])
        return run(start)


# Muon


@pytest.mark.parametrize("shape", [(5, 5), (3, 9), (40, 7), (1, 6), (4, 1)])
def test_newton_schulz_is_near_the_polar_factor(shape):
    """`U S' V^T` with the same singular vectors, and `S'` in [0.68, 1.21] from 0.003 |G| on."""
    G = RNG.normal(size=shape)
    U, s, Vt = np.linalg.svd(G, full_matrices=False)
    assert s.min() > 0.003 * np.linalg.norm(s)
    inner = U.T @ np.asarray(newton_schulz(jnp.asarray(G))) @ Vt.T
    values = np.diag(inner)
    np.testing.assert_allclose(inner, np.diag(values), atol=1e-12)
    assert 0.68 < values.min() <= values.max() < 1.21


def test_newton_schulz_keeps_its_bound_over_five_decades():
    """One matrix with singular values from its length down to a three hundredth of it."""
    s = np.geomspace(1, 0.004, 60)
    Q, R = (np.linalg.qr(RNG.normal(size=(n, 60)))[0] for n in (80, 60))
    found = np.linalg.svd(newton_schulz(jnp.asarray(Q * s @ R.T)), compute_uv=False)
    assert 0.6 < found.min() <= found.max() < 1.21
    assert np.linalg.norm(found - 1) < 0.3 * np.sqrt(60)


def test_newton_schulz_has_no_scale_and_turns_with_its_matrix():
    G = jnp.asarray(RNG.normal(size=(6, 4)))
    X = newton_schulz(G)
    np.testing.assert_allclose(newton_schulz(1e5 * G), X, rtol=1e-6)
    np.testing.assert_allclose(newton_schulz(G.T), X.T, rtol=1e-12)
    assert not newton_schulz(jnp.zeros((3, 2))).any()


def network(key=0):
    """Parameters of an embedding, a convolution, two dense layers and a dense output."""
    draw = iter(jax.random.split(jax.random.key(key), 9))
    shapes = ((3, 4, 2), (2, 2, 3, 5), (20, 6), (6, 4), (4, 3))
    return [
        {"W": jax.random.normal(next(draw), shape, float), "b": jnp.ones(shape[-1])}
        for shape in shapes
    ]


def pull(w):
    """The gradient of a curved bowl, another slope for each number."""
    return jax.tree.map(lambda a: jnp.sin(a) * jnp.arange(1.0, a.size + 1).reshape(a.shape), w)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_muon_equals_optax_on_a_network(decay):
    """Convolution and dense kernels by Muon; embedding, biases and output kernel by AdamW."""
    ours, theirs = (make.muon(0.03, 0.9, 0.8, 0.95, 1e-3, decay) for make in (optim, referees))
    start = network()
    got, expected = (path_of(rule, start, pull, 20)[0] for rule in (ours, theirs))
    assert_trees_close(got, expected, 1e-10)
    with_adam = path_of(optim.adamw(0.03, 0.8, 0.95, 1e-3, decay), start, pull, 20)[0]
    same = [
        jax.tree.map(lambda a, b: bool(np.allclose(a, b, rtol=1e-9)), a, b)
        for a, b in zip(got, with_adam, strict=True)
    ]
    kernels = [layer["W"] for layer in same]
    assert kernels == [True, False, False, False, True]
    assert all(layer["b"] for layer in same)


def test_a_step_of_muon_moves_alike_in_all_directions():
    """`w <- w - eta 0.2 sqrt(max(n, k)) U S' V^T`: a root mean square of about 0.2 eta."""
    start = [jnp.asarray(RNG.normal(size=shape)) for shape in ((30, 8), (8, 2))]
    dw = [jnp.asarray(RNG.normal(size=w.shape) * 1e-3) for w in start]
    rule = optim.muon(0.5, weight_decay=0.0)
    (step, _), _ = rule.update(dw, rule.init(start), start)
    values = np.linalg.svd(step, compute_uv=False) / (0.5 * 0.2 * np.sqrt(30))
    assert 0.68 < values.min() <= values.max() < 1.21
    assert float(jnp.sqrt(jnp.mean(step**2))) == pytest.approx(0.1, rel=0.2)


# Signs


@pytest.mark.parametrize("make", [optim.sign_sgd, optim.lion])
@pytest.mark.parametrize("scale", [2.0**-20, 2.0**10])
def test_descent_by_the_sign_is_free_of_scale(make, scale):
    start = START
    plain = path_of(make(0.03), start, pull)[0]
    scaled = path_of(make(0.03), start, lambda w: jax.tree.map(lambda g: scale * g, pull(w)))[0]
    assert_trees_identical(scaled, plain)


def test_sign_descent_is_adam_without_memory():
    """Balles and Hennig (2018): `beta1 = beta2 = epsilon = 0`."""
    adam = path_of(optim.adam(0.03, 0.0, 0.0, 0.0), START, pull)[0]
    assert_trees_close(path_of(optim.sign_sgd(0.03), START, pull)[0], adam, 1e-12)


def test_lion_s_two_betas_by_hand():
    """Chen et al. (2023): the step mixes with beta1, the momentum with beta2."""
    rule = optim.lion(0.1, beta1=0.5, beta2=0.75)
    state = rule.init(jnp.zeros(1))
    signs = []
    for dw in (2.0, -0.4, -0.5, 0.0):
        step, state = rule.update(jnp.full(1, dw), state, jnp.zeros(1))
        signs.append(float(step[0]) / -0.1)
    # m: 0, 0.5, 0.275, 0.08125; c: 1, 0.05, -0.1125, 0.040625
    assert signs == pytest.approx([1, 1, -1, 1])
    assert float(state[1].m[0]) == pytest.approx(0.08125 * 0.75)


# An average of the weights


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_the_average_equals_optax(decay, factor):
    """`optax.ema` of the weights after each step, corrected for its start at zero."""
    rule, ema = optim.with_average(optim.adam(0.1), decay), optax.ema(decay)
    w = plain = START
    state, theirs, inner = rule.init(w), ema.init(w), optim.adam(0.1)
    alone = inner.init(w)
    for _ in range(12):
        updates, state = rule.update(pull(w), state, w, factor=factor)
        w = jax.tree.map(lambda a, u: a + factor * u, w, updates)
        with jax.numpy_dtype_promotion("standard"):  # Optax needs it
            expected, theirs = ema.update(w, theirs)
        assert_trees_close(state.judged, expected, 1e-12)
        step, alone = inner.update(pull(plain), alone, plain)
        plain = jax.tree.map(lambda a, u: a + factor * u, plain, step)
    assert_trees_identical(w, plain)  # the average does not disturb the rule


@pytest.mark.parametrize("decay", [0.9, 0.9999])
def test_the_average_of_a_constant_is_the_constant(decay):
    rule = optim.with_average(optim.sgd(0.1), decay)
    still = jax.tree.map(jnp.zeros_like, START)
    state = rule.init(START)
    for _ in range(5):
        _, state = rule.update(still, state, START)
    assert_trees_identical(state.judged, START)


def test_the_first_average_is_the_first_point_also_in_float32():
    """The share is exact where `1 - d^t` would lose half of its digits."""
    rule = optim.with_average(optim.sgd(1.0), jnp.asarray(0.9999, "float32"))
    w = jnp.asarray([4.0, -3.0], "float32")
    _, state = rule.update(jnp.asarray([1.0, 2.0], "float32"), rule.init(w), w)
    np.testing.assert_allclose(state.judged, [3.0, -5.0], rtol=1e-6)


def test_which_parameters_are_judged():
    """Those that are trained, or the average, wherever it stands in the state."""
    plain = optim.with_weight_decay(optim.adam(0.1), 0.1, 0.1)
    assert judged_params(START, plain.init(START)) is START
    for rule in (
        optim.with_clipping(optim.schedule_free_sgd(0.1), 1.0),
        optim.with_average(plain, 0.9),
        referees.schedule_free_sgd(0.1),
    ):
        w, judged, _ = path_of(rule, START, pull)
        gap = jax.tree.map(lambda a, b: float(jnp.max(jnp.abs(a[-1] - b[-1]))), w, judged)
        assert min(jax.tree.leaves(gap)) > 1e-6


# Schedule-free


def test_x_is_the_mean_of_z_and_y_lies_between():
    """Defazio et al. (2024), equations 1 to 3, at a constant rate."""
    beta = 0.7
    y, x, state = path_of(optim.schedule_free_adamw(0.05, beta), START, pull)
    z = state.z
    for name, shape in SHAPES.items():
        many = np.arange(1, 31).reshape(-1, *[1] * len(shape))
        mean = np.cumsum(np.asarray(z[name]), axis=0) / many
        np.testing.assert_allclose(x[name], mean, rtol=1e-12)
        np.testing.assert_allclose(y[name], (1 - beta) * z[name] + beta * x[name], rtol=1e-12)


def test_x_weighs_each_z_by_the_square_of_the_greatest_rate_so_far():
    rates = jnp.asarray([0.01, 0.02, 0.04, 0.03], float)
    _, x, state = path_of(optim.schedule_free_sgd(lambda t: rates[t]), START, pull, 4)
    weights = np.array([1.0, 4.0, 16.0, 16.0])
    for name in START:
        expected = np.tensordot(weights / weights.sum(), state.z[name], 1)
        np.testing.assert_allclose(x[name][-1], expected, rtol=1e-12)


def test_without_beta_it_is_descent_beside_its_mean():
    """`beta = 0`: the gradient is taken at z, and x is Polyak's average."""
    y, x, _ = path_of(optim.schedule_free_sgd(0.05, 0.0), START, pull)
    plain = path_of(optim.sgd(0.05), START, pull)[0]
    assert_trees_close(y, plain, 1e-12)
    means = jax.tree.map(lambda p: jnp.mean(p, axis=0), plain)
    assert_trees_close(jax.tree.map(lambda p: p[-1], x), means, 1e-12)


@pytest.mark.parametrize("name", ["schedule_free_sgd", "schedule_free_adamw"])
@pytest.mark.parametrize("rate", [0.05, lambda t: 0.05 * jnp.minimum(1, (t + 1) / 10)])
def test_the_judged_point_equals_optax(name, rate):
    ours, theirs = (getattr(make, name)(rate, 0.8) for make in (optim, referees))
    got, expected = (path_of(rule, START, pull)[:2] for rule in (ours, theirs))
    assert_trees_close(got, expected, 1e-10)


# SAM


def objective():
    model = nn.mlp((5,), 3, nn.activations.tanh, dropout_rate=0.4)
    params, _ = model.init(jax.random.key(1), (4,), "float64")
    x, y = jnp.asarray(RNG.normal(size=(9, 4))), jnp.asarray(RNG.integers(3, size=9))
    return nn.value_and_grad(model, losses.cross_entropy), params, (x, y, None, jax.random.key(2))


def test_sam_is_the_gradient_at_the_perturbed_point():
    """With the same dropout; the value stays that of the point itself."""
    slope, params, batch = objective()
    (value, _), dw = slope(params, *batch)
    length = jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(dw)))
    nearby = jax.tree.map(lambda w, d: w + 0.3 * d / length, params, dw)
    (got, _), gradient = optim.sharpness_aware(slope, 0.3)(params, *batch)
    assert_trees_close(gradient, slope(nearby, *batch)[1], 1e-12)
    assert float(got) == float(value)


@pytest.mark.parametrize("rho", [0.01, 0.5])
def test_sam_equals_optax(rho):
    """`optax.contrib.sam` takes two calls for a step: up the slope, then down from where it was."""
    slope, params, batch = objective()
    ours = functools.partial(optim.sharpness_aware(slope, rho))
    rule = optim.momentum(0.2)
    w, state = params, rule.init(params)
    up = optax.chain(optax.contrib.normalize(), optax.sgd(rho))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        sam = optax.contrib.sam(referees.momentum(0.2), up)
        v, theirs = params, sam.init(params)
        for _ in range(5):
            updates, state = rule.update(ours(w, *batch)[1], state, w)
            w = jax.tree.map(jnp.add, w, updates)
            for _ in range(2):
                updates, theirs = sam.update(slope(v, *batch)[1], theirs, v)
                v = optax.apply_updates(v, updates)
    assert_trees_close(w, v, 1e-12)


def test_sam_of_a_gradient_of_zeros_stays():
    def flat(w):
        return jnp.zeros(()), jnp.zeros_like(w)

    _, gradient = optim.sharpness_aware(flat, 0.5)(jnp.ones(3))
    assert not gradient.any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optim.muon(-0.1), "learning rate must be"),
        (lambda: optim.muon(0.1, mu=1.0), "momentum must be in [0, 1), got 1.0"),
        (lambda: optim.muon(0.1, beta1=1.0), "beta1 must be in [0, 1)"),
        (lambda: optim.muon(0.1, epsilon=-1.0), "epsilon must be at least 0"),
        (lambda: optim.muon(0.1, weight_decay=-1.0), "weight decay must be"),
        (lambda: optim.lion(-0.1), "learning rate must be"),
        (lambda: optim.lion(0.1, beta1=1.0), "beta1 must be in [0, 1), got 1.0"),
        (lambda: optim.lion(0.1, beta2=-0.5), "beta2 must be in [0, 1), got -0.5"),
        (lambda: optim.lion(0.1, weight_decay=-1.0), "weight decay must be"),
        (lambda: optim.sign_sgd(float("inf")), "learning rate must be"),
        (lambda: optim.schedule_free(optim.sgd(0.1), -0.1), "learning rate must be"),
        (lambda: optim.schedule_free(optim.sgd(0.1), 0.1, 1.0), "beta1 must be in [0, 1)"),
        (lambda: optim.schedule_free_sgd(-0.1), "learning rate must be"),
        (lambda: optim.schedule_free_sgd(0.1, 1.5), "beta1 must be in [0, 1), got 1.5"),
        (lambda: optim.schedule_free_sgd(0.1, weight_decay=-1.0), "weight decay must be"),
        (lambda: optim.schedule_free_adamw(-0.1), "learning rate must be"),
        (lambda: optim.schedule_free_adamw(0.1, beta2=1.0), "beta2 must be in [0, 1)"),
        (lambda: optim.schedule_free_adamw(0.1, epsilon=-1.0), "epsilon must be at least 0"),
        (lambda: optim.schedule_free_adamw(0.1, weight_decay=-1.0), "weight decay must be"),
        (lambda: optim.with_average(optim.sgd(0.1), 1.0), "ema must be in [0, 1), got 1.0"),
        (lambda: optim.sharpness_aware(pull, 0.0), "sam must be a finite positive number, got 0.0"),
        (
            lambda: (r := optim.with_average(optim.sgd(0.1), 0.9)).update(START, r.init(START)),
            "an average needs the parameters",
        ),
        (
            lambda: (r := optim.schedule_free_sgd(0.1)).update(START, r.init(START)),
            "schedule_free needs the parameters",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
