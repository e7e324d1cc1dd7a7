"""Schedules against Optax's."""

import jax
import numpy as np
import optax
import pytest

from jaxmlp.optim import schedules

CASES = {
    "constant": (schedules.constant(0.3), optax.constant_schedule(0.3)),
    "cosine": (schedules.cosine(0.3, 40), optax.cosine_decay_schedule(0.3, 40)),
    "one_cycle": (schedules.one_cycle(0.3, 40), optax.cosine_onecycle_schedule(40, 0.3)),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_optax(name):
    ours, theirs = CASES[name]
    steps = np.arange(50)
    with jax.numpy_dtype_promotion("standard"):
        expected = [float(theirs(t)) for t in steps]
    np.testing.assert_allclose([float(ours(t)) for t in steps], expected, rtol=1e-12, atol=1e-18)
