"""Experiments run as their users run them, with JAX's usual promotion."""

import jax
import pytest


@pytest.fixture(autouse=True)
def _usual_promotion():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
    jax.clear_caches()  # experiments share few programs
