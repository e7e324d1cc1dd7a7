"""The loss of probabilities, and from it to delta step by step.

Lecture rows A4, B9, C11, D6, D7, D13, E6.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn
from jaxmlp.errors import InputError
from jaxmlp.nn import losses, probabilities
from jaxmlp.nn.activations import sigmoid
from jaxmlp.nn.information import cross_entropy as information_cross_entropy

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(6, 4)) * 2
LABELS = RNG.integers(4, size=6).astype(np.int32)
ONE_HOT = np.eye(4)[LABELS]
SHARES = RNG.dirichlet(np.ones(4), size=6)
BITS = RNG.integers(2, size=(6, 4)).astype(float)
LN2 = math.log(2)


@pytest.mark.parametrize("targets", [LABELS, ONE_HOT, SHARES], ids=["labels", "one-hot", "shares"])
def test_from_the_loss_through_the_softmax_to_delta(targets):
    """Lecture rows A4, D6: dl/dp = -y / p, dp/dz = diag(p) - p p^T, and their product is p - y."""
    p = nn.softmax(Z)
    dp = probabilities.cross_entropy_slope(p, targets)
    y = ONE_HOT if targets.ndim == 1 else targets
    np.testing.assert_allclose(dp, -y / p, rtol=1e-14)
    delta = np.einsum("ni,nij->nj", dp, nn.softmax_jacobian(p))
    np.testing.assert_allclose(delta, p - y, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(nn.softmax_vjp(p, dp), delta, rtol=1e-11, atol=1e-14)
    in_one = losses.cross_entropy.per_example_gradient(Z, targets)
    np.testing.assert_allclose(delta, in_one, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("targets", [LABELS, BITS, SHARES], ids=["labels", "bits", "shares"])
def test_from_the_loss_through_the_sigmoid_to_delta(targets):
    """Dl/dp = (p - y) / (p (1 - p)), dp/dz = p (1 - p), and their product is p - y.

    Lecture rows D6, E6.
    """
    p = sigmoid(Z)
    dp = probabilities.binary_cross_entropy_slope(p, targets)
    y = ONE_HOT if targets.ndim == 1 else targets
    delta = dp * sigmoid.derivative(Z, p)
    np.testing.assert_allclose(delta, p - y, rtol=1e-12, atol=1e-15)
    in_one = losses.binary_cross_entropy.per_example_gradient(Z, targets)
    np.testing.assert_allclose(delta, in_one, rtol=1e-12, atol=1e-15)


def test_from_the_squared_error_through_the_softmax_to_delta():
    """Lecture row A3: dl/dp = 2 (p - y), and then the same Jacobian."""
    p = nn.softmax(Z)
    delta = nn.softmax_vjp(p, probabilities.squared_error_slope(p, LABELS))
    in_one = losses.softmax_squared_error.per_example_gradient(Z, LABELS)
    np.testing.assert_allclose(delta, in_one, rtol=1e-12, atol=1e-16)


def test_the_steps_by_hand():
    """Y = 1, p = 1/4: l = log 4, dl/dp = -4, dp/dz = 3/16, delta = -3/4; softmax likewise.

    Lecture row E6.
    """
    p, y = jnp.asarray([[0.25]]), jnp.asarray([[1.0]])
    assert float(probabilities.binary_cross_entropy(p, y)[0]) == pytest.approx(2 * LN2, rel=1e-15)
    assert float(probabilities.binary_cross_entropy_slope(p, y)[0, 0]) == -4
    assert float(sigmoid.derivative(p, p)[0, 0]) == 3 / 16
    p, y = jnp.asarray([[0.5, 0.25, 0.25]]), jnp.asarray([1], jnp.int32)
    assert float(probabilities.cross_entropy(p, y)[0]) == pytest.approx(2 * LN2, rel=1e-15)
    dp = probabilities.cross_entropy_slope(p, y)
    np.testing.assert_array_equal(dp, [[0, -4, 0]])
    np.testing.assert_array_equal(nn.softmax_vjp(p, dp), [[0.5, -0.75, 0.25]])


def test_the_recap_s_slope_of_the_sigmoid():
    """P = 1/4, y = 0: dp/dz = p (1 - p) = 3/16; the recap's y (1 - p) is 0.

    Lecture row E6, erratum 23.
    """
    z, y = jnp.log(jnp.asarray(1 / 3)), 0.0
    p = sigmoid(z)
    assert float(jax.grad(jax.nn.sigmoid)(z)) == pytest.approx(3 / 16, rel=1e-14)
    assert float(sigmoid.derivative(z, p)) == pytest.approx(3 / 16, rel=1e-14)
    assert float(y * (1 - p)) == 0


CASES = {  # the loss of p, its slope, the loss of z, p of z, targets
    "softmax": (
        probabilities.cross_entropy,
        probabilities.cross_entropy_slope,
        losses.cross_entropy,
        nn.softmax,
        SHARES,
    ),
    "sigmoid": (
        probabilities.binary_cross_entropy,
        probabilities.binary_cross_entropy_slope,
        losses.binary_cross_entropy,
        sigmoid,
        BITS,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_slope(name):
    """The value is that of the loss of logits; the slope is `jax.grad`'s, p being free."""
    value, slope, of_logits, output, y = CASES[name]
    p = output(Z)
    np.testing.assert_allclose(value(p, y), of_logits.per_example(Z, y), rtol=1e-12)
    by_machine = jax.grad(lambda p: value(p, y).sum())(p)
    np.testing.assert_allclose(slope(p, y), by_machine, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, 1.5, math.nan, math.inf])
@pytest.mark.parametrize("name", CASES)
def test_what_is_no_probability_is_refused(name, bad):
    """Where the value is known; under `jax.jit` it shows as a number that is not finite."""
    value, slope, *_ = CASES[name]
    p, y = jnp.asarray([[0.5, 0.5], [0.5, bad]]), jnp.asarray([[1.0, 0.0], [0.5, 0.5]])
    for call in (value, slope, probabilities.likelihood):
        with pytest.raises(InputError, match=rf"probabilities must be in \(0, 1\), got {bad}"):
            call(p, y)
    if bad in (0, 1) and name == "sigmoid":
        assert not np.isfinite(jax.jit(value)(p, y)).all()


def test_targets_that_do_not_fit_are_refused():
    p = jnp.full((6, 4), 0.25)
    for call in (
        *(function for case in CASES.values() for function in case[:2]),
        probabilities.squared_error_slope,
        probabilities.likelihood,
    ):
        with pytest.raises(InputError, match=r"labels must be of shape \(6,\), got \(3,\)"):
            call(p, LABELS[:3])
        with pytest.raises(InputError, match=r"targets must be of shape \(6, 4\), got \(6, 2\)"):
            call(p, BITS[:, :2])


def two_class(y, p):
    """Return lecture C's two-class loss l(y, p), in bits."""
    value = probabilities.binary_cross_entropy(jnp.asarray([[p]]), jnp.asarray([[float(y)]]))
    return float(value[0]) / LN2


@pytest.mark.parametrize("p", [0.01, 0.25, 0.5, 0.7, 0.999])
def test_the_two_labels_are_symmetric(p):
    """L(1, p) = l(0, 1 - p); it is the cross-entropy of (1 - y, y) and (1 - p, p).

    Lecture row C11.
    """
    assert two_class(1, p) == pytest.approx(two_class(0, 1 - p), rel=1e-12)
    assert two_class(1, p) == pytest.approx(-math.log2(p), rel=1e-12)
    q, believed = jnp.asarray([0.0, 1.0]), jnp.asarray([1 - p, p])
    assert two_class(1, p) == pytest.approx(float(information_cross_entropy(q, believed)))


def test_at_one_half_both_labels_cost_one_bit():
    """Lecture row C11: l(1, 1/2) = l(0, 1/2) = 1 in base 2, log 2 in nats; at 1/8 three bits."""
    assert two_class(1, 0.5) == two_class(0, 0.5) == pytest.approx(1, rel=1e-15)
    assert two_class(1, 0.125) == pytest.approx(3, rel=1e-15)
    nothing = losses.binary_cross_entropy(jnp.asarray([[0.0]]), jnp.asarray([[1.0]]))
    assert float(nothing) == pytest.approx(LN2, rel=1e-15)


def test_sigmoid_outputs_do_not_sum_to_one():
    """Sigmoids of (log 3, 0, -log 3) are 3/4, 1/2, 1/4, which sum to 3/2; softmax's sum to 1.

    Lecture row D13.

    The same logits through the softmax are 9/13, 3/13, 1/13.
    """
    z = jnp.log(jnp.asarray([3.0, 1.0, 1 / 3]))
    np.testing.assert_allclose(sigmoid(z), [0.75, 0.5, 0.25], rtol=1e-14)
    assert float(sigmoid(z).sum()) == pytest.approx(1.5, rel=1e-14)
    np.testing.assert_allclose(nn.softmax(z), np.array([9, 3, 1]) / 13, rtol=1e-14)


def test_cross_entropy_is_maximum_likelihood_of_classes():
    """Three examples of 1/2, 1/4 and 1/8: together 1/64, so L = log 64 / 3 = log 4.

    Lecture row D13.
    """
    p = jnp.asarray([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.125, 0.75, 0.125]])
    y = jnp.asarray([0, 1, 2], jnp.int32)
    together = probabilities.likelihood(p, y)
    assert float(together) == pytest.approx(1 / 64, rel=1e-15)
    assert -math.log(together) / 3 == pytest.approx(2 * LN2, rel=1e-14)
    assert float(losses.cross_entropy(jnp.log(p), y)) == pytest.approx(2 * LN2, rel=1e-14)


def test_cross_entropy_is_maximum_likelihood_of_coins():
    """Lecture row D13: yes at 3/4, no at 1/4, yes at 1/2: together 9/32, so L = log(32/9) / 3."""
    p, y = jnp.asarray([[0.75], [0.25], [0.5]]), jnp.asarray([[1.0], [0.0], [1.0]])
    together = probabilities.likelihood(p, y, independent=True)
    assert float(together) == pytest.approx(9 / 32, rel=1e-15)
    value = losses.binary_cross_entropy(jnp.log(p / (1 - p)), y)
    assert float(value) == pytest.approx(math.log(32 / 9) / 3, rel=1e-14)


def test_the_likelihood_is_greatest_where_the_cross_entropy_is_least():
    """Lecture row D13: seven yes of ten: both prefer p = 7/10, and there dL/dp = 0."""
    y = jnp.asarray([[1.0]] * 7 + [[0.0]] * 3)
    grid = np.arange(0.05, 1, 0.05)
    each = [jnp.full((10, 1), p) for p in grid]
    likely = [float(probabilities.likelihood(p, y, independent=True)) for p in each]
    costs = [float(probabilities.binary_cross_entropy(p, y).mean()) for p in each]
    assert grid[np.argmax(likely)] == grid[np.argmin(costs)] == pytest.approx(0.7)
    slope = probabilities.binary_cross_entropy_slope(jnp.full((10, 1), 0.7), y)
    assert float(slope.mean()) == pytest.approx(0, abs=1e-14)


def test_many_examples_leave_no_likelihood():
    """Lecture row D13: 2^-1100 is 0 in float64; the mean cross-entropy is log 2."""
    p, y = jnp.full((1100, 1), 0.5), jnp.ones((1100, 1))
    assert float(probabilities.likelihood(p, y, independent=True)) == 0
    assert float(probabilities.binary_cross_entropy(p, y).mean()) == pytest.approx(LN2)
