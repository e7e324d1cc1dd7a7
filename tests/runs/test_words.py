"""Numbers in words: four significant digits of the scale that counts."""

import pytest

from jaxmlp.runs.words import in_digits

NUMBERS = {  # value, scale, text
    "a price": (1238412.3, None, "1238412"),
    "a price among prices": (1238412.3, 300_000.0, "1238412"),
    "a small error": (3.412345e-5, None, "0.00003412"),
    "seconds since 1970": (1_700_000_123.44, 100.0, "1700000123.4"),
    "a latitude": (48.13715, 0.003, "48.137150"),
    "a loss": (2.30214, None, "2.302"),
    "negative": (-0.123456, None, "-0.1235"),
    "zero": (0.0, None, "0"),
    "zero among hundreds": (0.0, 250.0, "0.0"),
    "a constant target": (7.0, 0.0, "7"),
    "tiny": (1.23456e-12, None, "1.235e-12"),
    "huge": (1.23456e20, None, "1.235e+20"),
    "unknown": (float("nan"), None, "nan"),
}


@pytest.mark.parametrize(("value", "scale", "text"), NUMBERS.values(), ids=NUMBERS)
def test_digits(value, scale, text):
    assert in_digits(value, scale) == text
