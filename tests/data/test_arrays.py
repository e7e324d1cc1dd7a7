"""What an array stands for: labels or values."""

import numpy as np
import pytest

from jaxmlp.data.arrays import are_labels

NUMBERS = {  # values, the largest number of labels, whether they are labels (lecture row E5)
    "two": ([7, 9], None, True),
    "counted from 0": ([0, 1, 2, 0], None, True),
    "counted from 1": ([1, 2, 3, 3], None, True),
    "counted from 2": ([2, 3, 4, 4], None, False),
    "a gap": ([0, 2, 5, 5], None, False),
    "half as many": ([3, 5, 8] * 2, None, True),
    "all different": ([0, 1, 2, 3], None, False),
    "salaries": (range(20_000, 95_000, 5_000), None, False),
    "ages": ([*range(18, 60)] * 3, 20, False),
    "a hundred classes": ([*range(100)] * 5, None, True),
    "zeros and ones": ([0.0, 1.0, 1.0], None, True),
    "ones and twos": ([1.0, 2.0, 1.0], None, False),
    "only zeros": ([0.0, 0.0], None, False),
    "shares": ([0.0, 1.0, 0.5], None, False),
}


@pytest.mark.parametrize(("values", "most", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_what_looks_like_labels(values, most, expected):
    """Nearly all different numbers are values; zeros and ones are labels, whatever their type."""
    values = np.array(values)
    assert are_labels(values, whole=values.dtype.kind == "i", most=most) == expected
