"""Mathematics is proved in float64, and compiled with little effort: only the numbers count."""

import warnings

import jax
import jaxtyping
import pytest


@pytest.fixture(autouse=True)
def _float64():
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        with jax.enable_x64(True):
            yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def unchecked():
    """Leave annotations unchecked, as for a user, so that a bad argument meets its own error."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def torch():
    """PyTorch, the second referee."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch", reason="PyTorch, the second referee, is not installed")
