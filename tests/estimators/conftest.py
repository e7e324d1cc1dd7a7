"""Compile quickly: the tests here compile many small programs, and take few steps with each."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def _quickly(compile_quickly):
    """Every module here uses it."""
