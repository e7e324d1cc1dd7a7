"""Experiments run as their users run them, with JAX's usual promotion."""

import itertools

import jax
import pytest

COUNT = itertools.count(1)
TOGETHER = 10  # tests whose programs stay: what they share is traced once, and memory stays small


@pytest.fixture(autouse=True)
def _usual_promotion():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
    if next(COUNT) % TOGETHER == 0:
        jax.clear_caches()
