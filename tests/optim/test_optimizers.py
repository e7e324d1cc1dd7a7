"""Optimizers beside Optax's for 50 steps in float64, at values that matter.

Lecture rows B1, C4, D10.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import optim
from jaxmlp.config import referees
from jaxmlp.config.names import OPTIMIZER_TABLE
from jaxmlp.errors import InputError
from jaxmlp.optim import schedules
from tests.helpers import assert_trees_close, assert_trees_identical

RATE = 0.03
CHANGING = schedules.one_cycle(0.1, 50)
CASES = {
    "sgd": {},
    "momentum": {"mu": 0.8},
    "nesterov": {"mu": 0.7},
    "adagrad": {"epsilon": 1e-3},
    "rmsprop": {"beta": 0.8, "epsilon": 1e-3},
    "adam": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
    "adamw": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.3},
    "muon": {"mu": 0.8, "beta1": 0.7, "beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.3},
    "lion": {"beta1": 0.8, "beta2": 0.95, "weight_decay": 0.3},
    "sign_sgd": {},
    "schedule_free_sgd": {"beta1": 0.7, "weight_decay": 0.3},
    "schedule_free_adamw": {"beta1": 0.7, "beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.3},
}
START = {
    "W": jnp.asarray([[2.0, -1.0], [0.5, 3.0]], float),
    "b": jnp.asarray([0.3, -2.0], float),
    "out": jnp.asarray([[0.4, -0.2, 1.0], [-1.0, 0.1, 0.6]], float),
}


def descend(optimizer, steps=50):
    """Follow a curved valley, where every coordinate has another slope, and return the path."""

    def f(w):
        bend = jnp.sum(jnp.sin(w["W"]) ** 2 * jnp.asarray([[1.0, 10.0], [0.1, 3.0]]))
        out = jnp.sum((w["W"] @ w["out"]) ** 2) / 10
        return bend + out + jnp.sum(w["b"] ** 4) / 4 + w["W"][0, 0] * w["b"][1]

    def step(carry, _):
        w, state = carry
        updates, state = optimizer.update(jax.grad(f)(w), state, w)
        w = jax.tree.map(jnp.add, w, updates)
        return (w, state), w

    start = jax.tree.map(lambda w: jnp.asarray(w, float), START)
    with jax.numpy_dtype_promotion("standard"):  # Optax needs it
        return jax.jit(
            lambda: jax.lax.scan(step, (start, optimizer.init(start)), length=steps)[1]
        )()


@pytest.mark.parametrize("rate", [RATE, CHANGING], ids=["constant", "changing"])
@pytest.mark.parametrize("name", CASES)
def test_equals_optax(name, rate):
    ours = getattr(optim, name)(rate, **CASES[name])
    theirs = getattr(referees, name)(rate, **CASES[name])
    assert_trees_close(descend(ours), descend(theirs), 1e-12)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "adamw"])
def test_epsilon_inside_equals_optax(name, inside):
    """Lecture row D10, erratum 10: Optax names both places; its AdaGrad has the inner one only."""
    if name == "adagrad" and not inside:
        with pytest.raises(InputError, match="optax has epsilon inside the root only"):
            referees.adagrad(RATE, epsilon_inside=False)
        return
    numbers = CASES[name] | {"epsilon": 0.01, "epsilon_inside": inside}
    ours, theirs = (getattr(room, name)(RATE, **numbers) for room in (optim, referees))
    assert_trees_close(descend(ours), descend(theirs), 1e-12)
    other = getattr(optim, name)(RATE, **numbers | {"epsilon_inside": not inside})
    with pytest.raises(AssertionError):
        assert_trees_close(descend(ours), descend(other), 1e-3)


def test_every_optimizer_is_compared():
    assert CASES.keys() == OPTIMIZER_TABLE.keys()


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam"])
def test_epsilon_inside_or_outside_the_root(name, inside):
    """Against a transcription of the printed rules in NumPy, where eps matters.

    Lecture row D10, erratum 10.
    """
    eta, eps, b1, b2 = 0.05, 0.1, 0.9, 0.8
    w, g, m = 1.5, 0.0, 0.0
    path = []
    for t in range(50):
        dw = 2 * w + np.cos(w)
        if name == "adagrad":
            g = g + dw**2
            direction, g_hat = dw, g
        elif name == "rmsprop":
            g = b2 * g + (1 - b2) * dw**2
            direction, g_hat = dw, g
        else:
            m = b1 * m + (1 - b1) * dw
            g = b2 * g + (1 - b2) * dw**2
            direction, g_hat = m / (1 - b1 ** (t + 1)), g / (1 - b2 ** (t + 1))
        w -= eta * direction / (np.sqrt(g_hat + eps) if inside else np.sqrt(g_hat) + eps)
        path.append(w)
    arguments = {"adagrad": {}, "rmsprop": {"beta": b2}, "adam": {"beta1": b1, "beta2": b2}}[name]
    optimizer = getattr(optim, name)(eta, epsilon=eps, epsilon_inside=inside, **arguments)
    w, state, ours = jnp.asarray(1.5, float), None, []
    state = optimizer.init(w)
    for _ in range(50):
        update, state = optimizer.update(2 * w + jnp.cos(w), state, w)
        w = w + update
        ours.append(float(w))
    np.testing.assert_allclose(ours, path, rtol=1e-12)


def after(optimizer, *gradients):
    """Return the state after gradients of one weight."""
    state = optimizer.init(jnp.zeros(1))
    for gradient in gradients:
        _, state = optimizer.update(jnp.full(1, gradient), state)
    return {name: np.asarray(value).item() for name, value in state._asdict().items()}


def test_states_hold_the_quantities_of_the_rules():
    """Lecture rows C4, D10: two updates by hand, with gradients 2 and then -3."""
    close = functools.partial(pytest.approx, rel=1e-12)
    assert after(optim.sgd(0.1), 2.0, -3.0) == {"t": 2}
    assert after(optim.momentum(0.1, 0.5), 2.0, -3.0) == close({"t": 2, "v": 0.5 * -0.2 + 0.3})
    assert after(optim.adagrad(0.1), 2.0, -3.0) == close({"t": 2, "g": 4 + 9})
    assert after(optim.rmsprop(0.1, beta=0.8), 2.0, -3.0) == close(
        {"t": 2, "g": 0.8 * 0.8 + 0.2 * 9}
    )
    adam = after(optim.adam(0.1, beta1=0.5, beta2=0.75), 2.0, -3.0)
    assert adam == close({"t": 2, "m": 0.5 * 1 - 0.5 * 3, "v": 0.75 * 1 + 0.25 * 9})
    assert list(adam) == ["t", "m", "v"]  # the order in which checkpoints hold them


@pytest.mark.parametrize("name", CASES)
def test_every_array_keeps_its_own_type(name):
    w = {"single": jnp.ones((2, 2), "float32"), "double": jnp.ones((2, 2), "float64")}
    optimizer = getattr(optim, name)(jnp.asarray(0.1, "float64"), **CASES[name])
    updates, state = optimizer.update(w, optimizer.init(w), w)
    assert jax.tree.map(lambda u: u.dtype, updates) == jax.tree.map(lambda u: u.dtype, w)
    again = optimizer.update(w, state, w)[1]
    assert [leaf.dtype for leaf in jax.tree.leaves(again)] == [
        leaf.dtype for leaf in jax.tree.leaves(optimizer.init(w))
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_network_without_parameters_has_no_updates(name):
    optimizer = getattr(optim, name)(0.1)
    updates, _ = optimizer.update(((), {}), optimizer.init(((), {})), ((), {}))
    assert updates == ((), {})


def test_the_slide_s_first_step():
    """Lecture row B1: L = (10 - 3w)^2 at w = 2 has gradient -24; a rate of 0.1 leads to 4.4."""
    gradient = jax.grad(lambda w: (10 - 3 * w) ** 2)(2.0)
    assert float(gradient) == pytest.approx(-24)
    update, _ = (optimizer := optim.sgd(0.1)).update(gradient, optimizer.init(2.0))
    assert 2 + float(update) == pytest.approx(4.4)


def test_momentum_takes_a_schedule_for_mu():
    """Lecture row C4: v' = mu_t v - eta g, w' = w + v', against three steps by hand."""
    mus = jnp.asarray([0.0, 0.5, 0.9], float)
    optimizer = optim.momentum(0.1, lambda t: mus[t])
    state = optimizer.init(jnp.zeros(1))
    seen = []
    for g in (1.0, 2.0, -1.0):
        update, state = optimizer.update(jnp.full(1, g), state)
        seen.append(float(update[0]))
    v1 = -0.1
    v2 = 0.5 * v1 - 0.2
    v3 = 0.9 * v2 + 0.1
    np.testing.assert_allclose(seen, [v1, v2, v3], rtol=1e-12)


def test_weight_decay_spares_biases_and_none_changes_nothing():
    w = jax.tree.map(lambda w: jnp.asarray(w, float), START)
    optimizer = optim.with_weight_decay(optim.sgd(0.5), 0.5, 0.2)
    still = jax.tree.map(jnp.zeros_like, w)
    updates, _ = optimizer.update(still, optimizer.init(w), w)
    np.testing.assert_allclose(updates["W"], -0.5 * 0.2 * w["W"])
    assert not updates["b"].any()
    zero = optim.with_weight_decay(optim.adam(RATE), RATE, 0.0)
    assert_trees_identical(descend(zero), descend(optim.adam(RATE)))


@pytest.mark.parametrize("norm", [0.5, 5.0, 1e9])
def test_clipping_equals_optax(norm):
    ours = optim.with_clipping(optim.momentum(RATE, mu=0.5), norm)
    theirs = optax.chain(optax.clip_by_global_norm(norm), referees.momentum(RATE, mu=0.5))
    assert_trees_close(descend(ours), descend(theirs), 1e-12)


@pytest.mark.parametrize("radius", [0.5, 2.0, 1e9])
@pytest.mark.parametrize("axes", [2, 4], ids=["dense", "convolution"])
def test_the_max_norm_is_optax_s_projection_of_each_unit_s_weights(radius, axes):
    """After every step, the weights of a unit are the nearest in the ball; all else is free."""
    rng = np.random.default_rng(axes)
    w = {"W": rng.normal(size=(3, 2, 2, 4)[-axes:]), "b": 5 * rng.normal(size=4)}
    w |= {"embedding": 5 * rng.normal(size=(2, 3, 2))}
    w = theirs = jax.tree.map(jnp.asarray, w)
    ours, plain = optim.with_max_norm(optim.momentum(0.3), radius), optim.momentum(0.3)
    state, alone = ours.init(w), plain.init(w)
    for _ in range(5):
        dw = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), w)
        updates, state = ours.update(dw, state, w)
        w = jax.tree.map(jnp.add, w, updates)
        updates, alone = plain.update(dw, alone, theirs)
        theirs = jax.tree.map(jnp.add, theirs, updates)
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            units = [theirs["W"][..., j] for j in range(4)]
            nearest = [optax.projections.projection_l2_ball(unit, radius) for unit in units]
        theirs |= {"W": jnp.stack(nearest, axis=-1)}
        assert_trees_close(w, theirs, 1e-12)
    lengths = np.sqrt(np.sum(np.asarray(w["W"]) ** 2, axis=tuple(range(axes - 1))))
    assert np.all(lengths <= radius * (1 + 1e-12))


def test_a_max_norm_that_is_not_reached_changes_no_bit():
    """Nor does one where an update is multiplied by a factor leave the ball."""
    jax.config.update("jax_disable_most_optimizations", False)  # as a user: bits are compared
    assert_trees_identical(
        descend(optim.with_max_norm(optim.adam(RATE), 1e3)), descend(optim.adam(RATE))
    )
    rule = optim.with_max_norm(optim.sgd(1.0), 2.0)
    w = jnp.asarray([[2.0, 0.1], [0.0, 0.2]])
    for factor in (1.0, 0.3, 0.0):
        updates, _ = rule.update(jnp.asarray([[0.5, -9.0], [-3.0, 4.0]]), rule.init(w), w)
        moved = w + factor * updates
        assert np.all(np.linalg.norm(moved, axis=0) <= 2 + 1e-12)
        assert (factor == 0) == np.array_equal(moved, w)


def test_adagrad_of_optax_starts_at_a_tenth():
    """With its default accumulator Optax takes other, shorter first steps.

    Lecture row D10, erratum 10.
    """
    ours, theirs = descend(optim.adagrad(RATE), 1), descend(optax.adagrad(RATE), 1)
    moved = [np.abs(np.asarray(path["b"][0]) - np.asarray(START["b"])) for path in (ours, theirs)]
    assert np.all(moved[0] > moved[1])


def test_the_rate_may_be_traced():
    """A sweep trains many rates in one program."""

    def last(rate):
        return descend(optim.momentum(rate, mu=0.5), 10)["b"][-1]

    with jax.numpy_dtype_promotion("standard"):
        many = jax.vmap(last)(jnp.asarray([0.01, 0.05]))
    np.testing.assert_allclose(many, [last(0.01), last(0.05)], rtol=1e-12)


@pytest.mark.parametrize("kind", [float, np.float32, np.float64, jnp.asarray])
@pytest.mark.parametrize("name", CASES)
def test_numbers_may_be_of_any_kind(name, kind):
    """Each number here is exact in float32, so the kind changes no update."""
    numbers = dict.fromkeys(CASES[name], 0.5)
    expected = descend(getattr(optim, name)(0.25, **numbers), 3)
    given = {argument: kind(number) for argument, number in numbers.items()}
    assert_trees_identical(descend(getattr(optim, name)(kind(0.25), **given), 3), expected)


def test_every_number_of_adam_may_be_traced():
    """A sweep trains many of them in one program."""
    grid = [jnp.asarray(values) for values in ([0.8, 0.9], [0.9, 0.99], [1e-3, 1e-1], [0.1, 0.3])]

    def last(beta1, beta2, epsilon, weight_decay):
        return descend(optim.adamw(RATE, beta1, beta2, epsilon, weight_decay), 5)["b"][-1]

    with jax.numpy_dtype_promotion("standard"):
        many = jax.vmap(last)(*grid)
    alone = [last(*(float(values[i]) for values in grid)) for i in range(2)]
    np.testing.assert_allclose(many, alone, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optim.sgd(-1.0), "learning rate must be a finite number of at least 0, got -1.0"),
        (lambda: optim.adam(float("nan")), "learning rate must be"),
        (lambda: optim.momentum(0.1, 1.0), "momentum must be in [0, 1), got 1.0"),
        (lambda: optim.momentum(-0.1), "learning rate must be"),
        (lambda: optim.nesterov(-0.1), "learning rate must be"),
        (lambda: optim.nesterov(0.1, -0.1), "momentum must be in [0, 1)"),
        (lambda: optim.adagrad(np.float32(-0.5)), "of at least 0, got -0.5"),
        (lambda: optim.adagrad(0.1, -1.0), "epsilon must be at least 0"),
        (lambda: optim.rmsprop(jnp.asarray(-0.5)), "of at least 0, got -0.5"),
        (lambda: optim.rmsprop(0.1, beta=1.5), "beta must be in [0, 1)"),
        (lambda: optim.rmsprop(0.1, epsilon=-1.0), "epsilon must be at least 0"),
        (lambda: optim.adam(0.1, beta1=1.0), "beta1 must be in [0, 1)"),
        (lambda: optim.adam(0.1, beta2=-1.0), "beta2 must be in [0, 1)"),
        (lambda: optim.adam(0.1, epsilon=-1.0), "epsilon must be at least 0"),
        (lambda: optim.with_weight_decay(optim.sgd(0.1), 0.1, -1.0), "weight decay must be"),
        (lambda: optim.with_clipping(optim.sgd(0.1), 0.0), "clip_norm must be positive, got 0.0"),
        (lambda: optim.with_max_norm(optim.sgd(0.1), 0.0), "max_norm must be a finite positive"),
        (lambda: optim.with_max_norm(optim.sgd(0.1), np.inf), "positive number, got inf"),
        (lambda: optim.adamw(-0.1), "learning rate must be"),
        (lambda: optim.adamw(0.1, beta1=1.0), "beta1 must be in [0, 1)"),
        (lambda: optim.adamw(0.1, epsilon=-1.0), "epsilon must be at least 0"),
        (lambda: optim.adamw(0.1, weight_decay=-1.0), "weight decay must be"),
        (lambda: schedules.cosine(-0.1, 10), "learning rate must be"),
        (lambda: schedules.step(-0.1, 10), "learning rate must be"),
        (lambda: schedules.warmup_cosine(-0.1, 10), "learning rate must be"),
        (lambda: schedules.cosine(0.1, 0), "steps must be at least 1"),
        (lambda: schedules.step(0.1, 10, drops=0), "drops must be at least 1"),
        (lambda: schedules.step(0.1, 10, factor=1.0), "factor must be in (0, 1)"),
        (lambda: schedules.step(0.1, 0), "steps must be at least 1"),
        (lambda: schedules.cosine(0.1, 10, 1.5), "end must be in [0, 1], got 1.5"),
        (lambda: schedules.warmup_cosine(0.1, 10, end=-0.5), "end must be in [0, 1]"),
        (lambda: schedules.cosine_restarts(-0.1, 10), "learning rate must be"),
        (lambda: schedules.cosine_restarts(0.1, 0), "steps must be at least 1"),
        (lambda: schedules.cosine_restarts(0.1, 10, 0), "restarts must be from 1 to 1000, got 0"),
        (lambda: schedules.cosine_restarts(0.1, 10, 1, 2.0), "end must be in [0, 1]"),
        (
            lambda: schedules.cosine_restarts(0.1, 10, growth=0.5),
            "growth must be a finite number of at least 1, got 0.5",
        ),
        (lambda: schedules.exponential(0.0, 10, 1.0), "start must be a finite positive number"),
        (lambda: schedules.exponential(0.1, 10, -1.0), "end must be a finite positive number"),
        (lambda: schedules.exponential(0.1, 0, 1.0), "steps must be at least 1"),
        (lambda: schedules.warmup_cosine(0.1, 10, 0.0), "warmup must be in (0, 1)"),
        (lambda: schedules.warmup_cosine(0.1, 0), "steps must be at least 1"),
        (lambda: schedules.sutskever(1.0), "momentum must be in [0, 1)"),
        (lambda: schedules.sutskever(0.9, 0), "every must be at least 1"),
        (lambda: schedules.constant(float("inf")), "learning rate must be"),
        (lambda: schedules.one_cycle(0.1, 0), "steps must be at least 1"),
        (lambda: schedules.one_cycle(0.1, 10, rise=1.0), "rise must be in (0, 1)"),
        (lambda: schedules.one_cycle(0.1, 10, start=2.0), "start must be in [0, 1], got 2.0"),
        (lambda: schedules.one_cycle(0.1, 10, end=-1.0), "end must be in [0, 1], got -1.0"),
        (lambda: schedules.one_cycle(-0.1, 10), "learning rate must be"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
