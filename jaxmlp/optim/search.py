"""Line search and Newton's step: what the lectures find too expensive, so that it can be counted.

A step along a direction `d` needs a rate `eta`. Line search looks for one by trying: each trial
evaluates the risk on all examples, where a fixed rate costs nothing (lecture row C13). Newton's
step needs no rate, but the Hessian's `n^2` numbers and a solution in about `n^3 / 3` products.

The searches run on the host, one trial after the other, with any function of any tree.
Nocedal and Wright (2006), chapters 3.1, 3.4 and 3.5.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from jaxmlp.errors import InputError, check
from jaxmlp.optim.base import Params, Updates

Objective = Callable[[Params], Float[Array, ""] | float]
MOST = 100  # trials, after which the search has failed
GOLDEN = (math.sqrt(5) - 1) / 2


class Found(NamedTuple):
    """What a line search found.

    Attributes:
      rate: the rate `eta`.
      value: the objective at `w + eta d`.
      evaluations: how many times the objective was evaluated.
    """

    rate: float
    value: float
    evaluations: int


def moved(params: Params, direction: Updates, rate: float) -> Params:
    """Return `w + eta d`, in the types of `w`."""
    return jax.tree.map(
        lambda w, d: jnp.asarray(w + rate * d, jnp.result_type(w)), params, direction
    )


def slope_along(gradient: Updates, direction: Updates) -> float:
    """Return `g . d`, how fast the objective changes along a direction."""
    products = jax.tree.map(lambda g, d: float(jnp.vdot(g, d)), gradient, direction)
    return sum(jax.tree.leaves(products))


def backtracking(
    objective: Objective,
    params: Params,
    direction: Updates,
    slope: float,
    rate: float = 1.0,
    factor: float = 0.5,
    enough: float = 1e-4,
) -> Found:
    """The first of `rate, factor rate, factor^2 rate, ...` that descends far enough.

    Lecture row C13.

    Far enough is Armijo's condition, `L(w + eta d) <= L(w) + c eta g . d`: a share `c` of what the
    slope promises (Armijo 1966).

    Args:
      objective: `params -> L`.
      params: where the search starts, `w`.
      direction: `d`, a tree like the parameters.
      slope: `g . d` at `w`, below 0.
      rate: the first rate that is tried.
      factor: what each further rate is multiplied by.
      enough: `c`.

    Returns:
      The rate, the value there, and the number of evaluations, that at `w` included.

    Raises:
      InputError: if the slope is not negative, the rate not positive, `factor` or `enough` outside
        (0, 1), or no rate is small enough.
    """
    check(slope < 0, "the slope along the direction", "negative", slope)
    check(0 < rate < math.inf, "rate", "a finite positive number", rate)
    check(0 < factor < 1, "factor", "in (0, 1)", factor)
    check(0 < enough < 1, "enough", "in (0, 1)", enough)
    first = objective(params)
    start = float(first)
    resolution = float(jnp.finfo(jnp.result_type(first, float)).eps) * abs(start)
    for trial in range(1, MOST + 1):
        value = float(objective(moved(params, direction, rate)))
        if value < start and value <= start + enough * rate * slope:
            return Found(rate, value, trial + 1)
        rate *= factor
        if -rate * slope < resolution:
            break  # what is left to gain would be lost in rounding
    raise InputError(f"no rate down to {rate:.0e} lowers the objective along this direction")


def exact(
    objective: Objective,
    params: Params,
    direction: Updates,
    rate: float = 1.0,
    tolerance: float = 1e-5,
) -> Found:
    """The rate of a minimum along a direction, by bracketing and golden sections (lecture row C13).

    The first rate is halved until the objective falls, then doubled until it rises. So a minimum
    lies between 0 and the last rate. Each golden section keeps 0.618 of the interval and takes one
    evaluation. Of several minima along the direction it finds one. Values alone tell a minimum only
    to the root of the precision, 1e-8 in float64 and 3e-4 in float32.

    Args:
      objective: `params -> L`.
      params: where the search starts, `w`.
      direction: `d`, a tree like the parameters, along which the objective falls at first.
      rate: the first rate that is tried.
      tolerance: the length of the last interval, as a share of the first.

    Returns:
      The rate, the value there, and the number of evaluations, that at `w` included.

    Raises:
      InputError: if the rate is not positive, the tolerance lies outside (0, 1), or no minimum
        along the direction is found.
    """
    check(0 < rate < math.inf, "rate", "a finite positive number", rate)
    check(0 < tolerance < 1, "tolerance", "in (0, 1)", tolerance)
    values: dict[float, float] = {}

    def at(rate: float) -> float:
        if rate not in values:
            value = float(objective(moved(params, direction, rate)))
            values[rate] = math.inf if math.isnan(value) else value
        return values[rate]

    top = _bracket(at, rate)
    low, high = 0.0, top
    near, far = (1 - GOLDEN) * top, GOLDEN * top
    while high - low > tolerance * top:
        if at(near) <= at(far):  # each step keeps one of the two points, and its value
            high, far = far, near
            near = high - GOLDEN * (high - low)
        else:
            low, near = near, far
            far = low + GOLDEN * (high - low)
    best = min(values, key=lambda rate: values[rate])
    return Found(best, values[best], len(values))


def _bracket(at: Callable[[float], float], rate: float) -> float:
    """Return a rate beyond a minimum: smaller rates have smaller values."""
    start = at(0.0)
    for _ in range(MOST):
        if at(rate) < start:
            break
        rate /= 2
    else:
        raise InputError(f"no rate down to {rate:.0e} lowers the objective along this direction")
    for _ in range(MOST):
        if not at(2 * rate) < at(rate):
            return 2 * rate
        rate *= 2
    raise InputError(f"the objective falls without end along this direction, up to {rate:.0e}")


def newton_step(
    gradient: Float[ArrayLike, " n"],
    hessian: Float[ArrayLike, "rows columns"],
    damping: float = 0.0,
) -> Float[Array, " n"]:
    """Return Newton's step, `-(H + lambda I)^-1 g` (lecture row C13).

    It lands on the minimum of a quadratic at once, however flat some directions are. Where `H` is
    not positive definite, the step without damping leads to a saddle or a maximum, so it is
    refused. With a large damping it is a short step of gradient descent, `-g / lambda`.

    Args:
      gradient: `g`, `(n,)`.
      hessian: `H`, symmetric, `(n, n)`.
      damping: `lambda`.

    Returns:
      The step, `(n,)`.

    Raises:
      InputError: if the damping is negative or not finite, the shapes do not fit, or `H + lambda I`
        is not positive definite.
    """
    check(0 <= damping < math.inf, "damping", "a finite number of at least 0", damping)
    gradient, hessian = jnp.asarray(gradient), jnp.asarray(hessian)
    n = gradient.size
    check(hessian.shape == (n, n), "the shape of the Hessian", f"({n}, {n})", hessian.shape)
    raised = hessian + damping * jnp.eye(n, dtype=hessian.dtype)
    root = jnp.linalg.cholesky(raised)
    if not bool(jnp.all(jnp.isfinite(root))):
        least = float(jnp.linalg.eigvalsh(hessian)[0])
        raise InputError(
            f"damping must be greater than {max(-least, 0.0):g} for a positive definite Hessian,"
            f" got {damping:g}"
        )
    return -jax.scipy.linalg.cho_solve((root, True), gradient)
