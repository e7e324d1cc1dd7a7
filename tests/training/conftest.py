"""Data that runs in several modules learn."""

from dataclasses import replace

import pytest

from jaxmlp.data import load


@pytest.fixture(scope="session")
def small():
    """60 digits, all of them for training."""
    whole = load("digits")
    return replace(whole, x_train=whole.x_train[:60], y_train=whole.y_train[:60])
