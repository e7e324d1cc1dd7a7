"""The best fit by straight pieces, against a search over all cuts, and the count of crossings."""

from itertools import combinations

import numpy as np
import pytest

from experiments.pieces import best_fits, crossings
from jaxmlp.data.toys import sawtooth


@pytest.mark.parametrize("pieces", [1, 2, 3, 4])
def test_no_choice_of_cuts_fits_better(pieces):
    """Every choice of cuts is tried, by NumPy's least squares. Lecture row D5."""
    y = np.random.default_rng(0).normal(size=9)
    x = np.arange(9.0)

    def squares(i, j):
        if j - i == 1:
            return 0.0
        return np.sum((np.polyval(np.polyfit(x[i:j], y[i:j], 1), x[i:j]) - y[i:j]) ** 2)

    totals = [
        sum(squares(i, j) for i, j in zip((0, *cuts), (*cuts, 9), strict=True))
        for cuts in combinations(range(1, 9), pieces - 1)
    ]
    expected = np.sqrt(min(totals) / 9)
    assert best_fits(y, pieces)[-1] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("folds", [1, 2, 3, 4])
def test_a_sawtooth_needs_all_its_pieces(folds):
    """2^n pieces fit, one fewer does not; it crosses 1/2 2^n times. Lecture row D5."""
    pieces = 2**folds
    x = (np.arange(16 * pieces) + 0.5) / (16 * pieces)
    y = sawtooth(x, folds)
    errors = best_fits(y, pieces)
    assert errors[-1] < 1e-7
    assert errors[-2] > 0.01
    assert (np.diff(errors) <= 1e-12).all()
    assert crossings(y) == pieces
