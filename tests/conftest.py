"""What holds in every test: strict promotion, so that no array changes its type or rank unseen."""

import os
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# the user's cache stays as it is
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="jaxmlp-test-cache-")
os.environ["MPLCONFIGDIR"] = os.environ["XDG_CACHE_HOME"]

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True, scope="module")
def _forget_programs():
    """Drop the programs that a module compiled: together they would fill several gigabytes."""
    yield
    jax.clear_caches()
