"""Line search and Newton's step, counted (lecture row C13), and random search beside the gradient.

Lecture row B2.
"""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from jaxmlp.errors import InputError
from jaxmlp.optim import search

RNG = np.random.default_rng(0)
U = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
H = U @ np.diag([0.01, 0.5, 1.0, 4.0, 100.0]) @ U.T
LOWEST = RNG.normal(size=5)
START = RNG.normal(size=5) * 3


class Counted:
    """A function that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *arguments):
        """Count a call, and return what the function returns."""
        self.calls += 1
        return self.function(*arguments)


def quadratic(w):
    return (w - LOWEST) @ H @ (w - LOWEST) / 2


def bent(w):
    """A function that is neither quadratic nor convex; trees are welcome."""
    return jnp.sum(jnp.log1p(w["a"] ** 2)) + jnp.sum((w["b"] - 1) ** 4)


BENT = {"a": np.array([2.0, -3.0]), "b": np.array([[3.0]])}
SLOPES = {"a": 2 * BENT["a"] / (1 + BENT["a"] ** 2), "b": 4 * (BENT["b"] - 1) ** 3}
DOWN = {name: -slope for name, slope in SLOPES.items()}


def test_newton_lands_on_the_minimum_of_a_quadratic_at_once():
    """Lecture row C13: one step, at a condition number of 10,000."""
    step = search.newton_step(H @ (START - LOWEST), H)
    np.testing.assert_allclose(START + step, LOWEST, rtol=1e-8, atol=1e-10)


def test_damping_turns_newton_s_step_into_a_short_gradient_step():
    g = H @ (START - LOWEST)
    step = search.newton_step(g, H, damping=1e8)
    np.testing.assert_allclose(step, -g / 1e8, rtol=1e-5)
    saddle = jnp.diag(jnp.asarray([1.0, -2.0]))
    step = search.newton_step(jnp.ones(2), saddle, damping=3.0)
    np.testing.assert_allclose(step, [-1 / 4, -1 / 1], rtol=1e-12)


def test_newton_solves_logistic_regression_in_few_steps():
    """The weighted least squares of the statistician, against 200 steps of descent.

    Lecture row C13.
    """
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3)) * [1, 10, 0.1]
    y = (x[:, 0] + rng.logistic(size=40) > 0).astype(float)

    def gradient(w):
        return jnp.asarray(x.T @ (1 / (1 + np.exp(-x @ w)) - y) / 40 + 1e-3 * np.asarray(w))

    w = jnp.zeros(3)
    for _ in range(8):
        p = 1 / (1 + np.exp(-x @ np.asarray(w)))
        hessian = jnp.asarray(x.T @ np.diag(p * (1 - p)) @ x / 40 + 1e-3 * np.eye(3))
        w = w + search.newton_step(gradient(w), hessian)
    assert float(jnp.linalg.norm(gradient(w))) < 1e-12
    v = jnp.zeros(3)
    for _ in range(200):
        v = v - 0.03 * gradient(v)
    assert float(jnp.linalg.norm(gradient(v))) > 1e-4


def test_exact_search_on_a_quadratic():
    """The closed form eta = g.g / (g.H g), and no more than some thirty evaluations.

    Lecture row C13.
    """
    g = H @ (START - LOWEST)
    objective = Counted(quadratic)
    found = search.exact(objective, START, -g)
    assert found.rate == pytest.approx(float(g @ g / (g @ H @ g)), rel=1e-4)
    assert found.value == pytest.approx(float(quadratic(START - found.rate * g)), rel=1e-12)
    assert found.evaluations == objective.calls <= 45


@pytest.mark.parametrize("rate", [1e-6, 1.0, 1e6])
def test_exact_search_on_a_bent_tree(rate):
    """SciPy's bounded search finds the same minimum, whatever rate is tried first."""

    def along(rate):
        return float(bent(search.moved(BENT, DOWN, rate)))

    objective = Counted(bent)
    found = search.exact(objective, BENT, DOWN, rate, tolerance=1e-7)
    assert found.evaluations == objective.calls
    local = minimize_scalar(
        along, bounds=(found.rate / 2, 2 * found.rate), method="bounded", options={"xatol": 1e-9}
    )
    assert found.rate == pytest.approx(local.x, rel=1e-3)
    assert found.value <= local.fun * (1 + 1e-9)


def test_backtracking_stops_at_armijo_s_condition():
    """Lecture row C13: the rate fulfils it, the one before did not; the evaluations are counted."""
    slope = search.slope_along(SLOPES, DOWN)
    assert slope == pytest.approx(-sum(float(jnp.sum(s**2)) for s in SLOPES.values()), rel=1e-12)
    objective = Counted(bent)
    found = search.backtracking(objective, BENT, DOWN, slope, rate=8.0, factor=0.5, enough=0.1)
    start = float(bent(BENT))

    def enough(rate):
        return float(bent(search.moved(BENT, DOWN, rate))) <= start + 0.1 * rate * slope

    assert enough(found.rate)
    assert not enough(2 * found.rate)
    assert found.rate == 8.0 / 2 ** (found.evaluations - 2)
    assert found.evaluations == objective.calls


def test_an_objective_that_is_not_a_number_is_no_minimum():
    """Where the trial leaves the domain, the search goes back."""

    def barrier(w):
        return w - jnp.log(1 - w)  # NaN beyond 1; its minimum along -1 is none, along -w it falls

    found = search.backtracking(lambda w: -jnp.sqrt(1 - w) - w, jnp.asarray(0.0), 1.0, -0.5, 4.0)
    assert 0 < found.rate <= 1
    exact = search.exact(lambda w: barrier(-w) + 3 * w**2 - w, jnp.asarray(0.0), 1.0, 4.0)
    assert math.isfinite(exact.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: search.backtracking(quadratic, START, START, 1.0), "must be negative, got 1.0"),
        (lambda: search.backtracking(quadratic, START, START, -1.0, 0.0), "rate must be a finite"),
        (lambda: search.backtracking(quadratic, START, START, -1.0, 1.0, 1.0), "factor must be in"),
        (
            lambda: search.backtracking(quadratic, START, START, -1.0, 1.0, 0.5, 1.0),
            "enough must be in (0, 1), got 1.0",
        ),
        (
            lambda: search.backtracking(quadratic, START, H @ (START - LOWEST), -1.0),
            "lowers the objective along this direction",
        ),
        (lambda: search.exact(quadratic, START, START, -1.0), "rate must be a finite positive"),
        (lambda: search.exact(quadratic, START, START, 1.0, 0.0), "tolerance must be in (0, 1)"),
        (
            lambda: search.exact(quadratic, START, H @ (START - LOWEST)),
            "lowers the objective along this direction",
        ),
        (lambda: search.exact(jnp.sum, START, -jnp.ones(5)), "falls without end"),
        (lambda: search.newton_step(START, H, -1.0), "damping must be a finite number of at least"),
        (lambda: search.newton_step(START, jnp.eye(3)), "the shape of the Hessian must be (5, 5)"),
        (
            lambda: search.newton_step(jnp.ones(2), jnp.diag(jnp.asarray([1.0, -2.0])), 1.0),
            "damping must be greater than 2 for a positive definite Hessian, got 1",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)


def test_random_search_is_hopeless_beside_the_gradient():
    """200 evaluations each on |w|^2 / 2; the more dimensions, the less random search gains.

    Lecture row B2.
    """
    budget, left = 200, []
    for n in (2, 10, 50, 250):
        rng = np.random.default_rng(n)
        w = np.ones(n)
        for _ in range(budget):
            trial = w + rng.normal(size=n) * np.linalg.norm(w) / n
            w = trial if trial @ trial < w @ w else w
        left.append(float(w @ w) / n)
        descended = np.ones(n)
        for _ in range(budget // 2):  # a gradient costs about two evaluations
            descended = descended - 0.1 * descended
        assert descended @ descended / n < 1e-8
    assert left == sorted(left)
    assert left[0] < 1e-10
    assert left[-1] > 0.3
