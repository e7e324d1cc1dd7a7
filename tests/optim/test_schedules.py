"""Schedules against Optax's."""

import jax
import numpy as np
import optax
import pytest

from jaxmlp.optim import schedules

CASES = {
    "constant": (schedules.constant(0.3), optax.constant_schedule(0.3)),
    "cosine": (schedules.cosine(0.3, 40), optax.cosine_decay_schedule(0.3, 40)),
    "step": (
        schedules.step(0.3, 40, drops=3),
        optax.piecewise_constant_schedule(0.3, {10: 0.1, 20: 0.1, 30: 0.1, 40: 0.1}),
    ),
    "exponential": (
        schedules.exponential(1e-4, 40, 10.0),
        optax.exponential_decay(1e-4, 40, 1e5),
    ),
    "warmup_cosine": (
        schedules.warmup_cosine(0.3, 40),
        optax.warmup_cosine_decay_schedule(0.0, 0.3, 4, 40),
    ),
    "one_cycle": (schedules.one_cycle(0.3, 40), optax.cosine_onecycle_schedule(40, 0.3)),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_optax(name):
    ours, theirs = CASES[name]
    steps = np.arange(50)
    with jax.numpy_dtype_promotion("standard"):
        expected = [float(theirs(t)) for t in steps]
    np.testing.assert_allclose([float(ours(t)) for t in steps], expected, rtol=1e-12, atol=1e-16)


def test_momentum_grows_as_sutskever_et_al_have_it():
    """C4, figure 4: 1 - 2^(-1 - log2(floor(t / 250) + 1)), at most mu_max."""
    t = np.array([0, 249, 250, 500, 2_000, 10_000, 10**6])
    printed = np.minimum(1 - 2.0 ** (-1 - np.log2(t // 250 + 1)), 0.95)
    np.testing.assert_allclose(schedules.sutskever(0.95)(t), printed, rtol=1e-12)
    assert list(printed[:3]) == [0.5, 0.5, 0.75]


def test_a_staircase_drops_at_the_right_update():
    """In floating point 23 of 380 lengths dropped one update late."""
    t = np.arange(400)
    for steps in range(20, 400):
        rates = np.asarray(schedules.step(1.0, steps, 6, 0.5)(t))[:steps]
        np.testing.assert_allclose(rates, 0.5 ** (t[:steps] * 7 // steps), rtol=1e-6)
    assert float(jax.jit(schedules.step(1.0, 49, 6, 0.5))(7)) == 0.5
