"""Functions that exercises hand to a student's function; any array library can compute them."""

from typing import Any


def cubic(w: Any) -> Any:
    """Return `sum w_i^3 + w_0 w_1`, whose central differences have an error of h^2."""
    return (w**3).sum() + w[0] * w[1]


def steep(w: Any) -> Any:
    """Return `sum w_i^4 - 3 sum w_i`."""
    return (w**4).sum() - 3.0 * w.sum()
