"""Losses against Optax, the slides' worked examples, and the ends of float32.

Lecture rows A1, A2, A3, A4, A5, B9, D6.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp.config.names import LOSSES
from jaxmlp.errors import InputError
from jaxmlp.nn import losses

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(7, 4)) * 3
LABELS = RNG.integers(4, size=7).astype(np.int32)
ONE_HOT = np.eye(4)[LABELS]
NUMBERS = RNG.normal(size=(7, 4))
BITS = RNG.integers(2, size=(7, 4)).astype(float)

CASES = {
    "cross_entropy": (LABELS, lambda z, y: optax.softmax_cross_entropy_with_integer_labels(z, y)),
    "binary_cross_entropy": (BITS, lambda z, y: optax.sigmoid_binary_cross_entropy(z, y).sum(1)),
    "mse": (NUMBERS, lambda z, y: optax.squared_error(z, y).sum(1)),
    "half_mse": (NUMBERS, lambda z, y: optax.l2_loss(z, y).sum(1)),
    "quadratic": (NUMBERS, lambda z, y: optax.squared_error(z, y).sum(1)),
    "mae": (NUMBERS, lambda z, y: jnp.abs(z - y).sum(1)),
    "huber": (NUMBERS, lambda z, y: optax.huber_loss(z, y).sum(1)),
    "quantile": (NUMBERS, lambda z, y: jnp.abs(z - y).sum(1) / 2),
    "softmax_squared_error": (LABELS, lambda z, y: softmax_squared(z, y)),
    "perceptron": (BITS, lambda z, y: jnp.maximum(0, (1 - 2 * y) * z).sum(1)),
}


def softmax_squared(z, y):
    """Lecture row A3, from its definition."""
    a = jnp.exp(z) / jnp.exp(z).sum(1)[:, None]
    return ((a - jax.nn.one_hot(y, z.shape[1])) ** 2).sum(1)


def test_every_loss_has_a_referee():
    assert CASES.keys() == set(LOSSES.names)


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_equal_optax(name):
    targets, referee = CASES[name]
    loss = getattr(losses, name)
    np.testing.assert_allclose(loss(Z, targets), referee(Z, targets).mean(), rtol=1e-13)
    expected = jax.grad(lambda z: referee(z, targets).mean())(Z)
    np.testing.assert_allclose(loss.gradient(Z, targets), expected, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("name", CASES)
def test_weights_make_a_weighted_mean(name):
    targets, referee = CASES[name]
    w = jnp.asarray(RNG.uniform(size=7))
    expected = np.average(referee(Z, targets), weights=w)
    np.testing.assert_allclose(getattr(losses, name)(Z, targets, w), expected, rtol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_labels_are_one_hot_rows(name):
    """Lecture row A2."""
    loss = getattr(losses, name)
    np.testing.assert_allclose(loss(Z, LABELS), loss(Z, ONE_HOT), rtol=1e-14)
    np.testing.assert_allclose(loss.gradient(Z, LABELS), loss.gradient(Z, ONE_HOT), rtol=1e-14)


def test_the_slides_examples():
    """Squared error 0.24, absolute error 0.4, binary cross-entropy 0.273, all as printed.

    Lecture row B9.
    """
    said, true = jnp.asarray([[4.2], [3.8], [5.1]]), jnp.asarray([[5.0], [4.0], [4.9]])
    assert float(losses.mse(said, true)) == pytest.approx(0.24, rel=1e-12)
    assert float(losses.mae(said, true)) == pytest.approx(0.4, rel=1e-12)
    p = jnp.asarray([[0.7], [0.3], [0.9]])
    bits = jnp.asarray([[1.0], [0.0], [1.0]])
    value = float(losses.binary_cross_entropy(jnp.log(p / (1 - p)), bits))
    assert value == pytest.approx(0.2729034678, abs=5e-11)
    assert round(value, 3) == 0.273


def test_the_slides_categorical_cross_entropy_is_rounded_too_early():
    """The slide prints 0.691, a third of 0.357 + 0.511 + 1.204; right is 0.690.

    Lecture row B9, erratum 17.
    """
    p = jnp.asarray([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.1, 0.6, 0.3]])
    value = float(losses.cross_entropy(jnp.log(p), jnp.asarray([1, 0, 2], jnp.int32)))
    assert value == pytest.approx(0.6904911240, abs=5e-11)
    printed = (0.357 + 0.511 + 1.204) / 3
    assert (round(value, 3), round(printed, 3)) == (0.690, 0.691)


@pytest.mark.parametrize("size", [1.0, 100.0, 1e4])
def test_cross_entropy_is_exact_for_large_logits_in_float32(size):
    """Lecture rows A1, A5: shifted logits; log(a + 1e-9) would stop at 20.7 (erratum 9)."""
    z = jnp.asarray([[size, 0.0, -size]], jnp.float32)
    for label in range(3):
        y = jnp.asarray([label], jnp.int32)
        exact = float(np.logaddexp.reduce(np.float64(z[0])) - np.float64(z[0, label]))
        assert float(losses.cross_entropy(z, y)) == pytest.approx(exact, rel=1e-6, abs=1e-6)
        assert np.all(np.isfinite(losses.cross_entropy.gradient(z, y)))
    bits = jnp.zeros((1, 3), jnp.float32)
    total = sum(np.logaddexp(0, np.float64(v)) for v in z[0])
    assert float(losses.binary_cross_entropy(z, bits)) == pytest.approx(total, rel=1e-6)


def test_the_sign_of_the_logistic_loss_and_its_gradient():
    """With f = 3/4, y = 1: loss 0.2877, slope -1/4; printed -0.2877 and 1/4.

    Lecture row D6, errata 2 and 3.

    The slope y - f is that of the printed loss, which lacks its minus.
    """
    z, y = jnp.log(jnp.asarray([[3.0]])), jnp.asarray([[1.0]])
    slope = jax.grad(lambda z: losses.binary_cross_entropy(z, y))(z)
    assert float(losses.binary_cross_entropy(z, y)) == pytest.approx(0.2876820725, abs=5e-11)
    assert float(slope[0, 0]) == pytest.approx(-0.25, rel=1e-12)

    def printed(z):
        f = jax.nn.sigmoid(z)
        return jnp.mean(y * jnp.log(f) + (1 - y) * jnp.log(1 - f))

    assert float(printed(z)) == pytest.approx(-0.2876820725, abs=5e-11)
    assert float(jax.grad(printed)(z)[0, 0]) == pytest.approx(0.25, rel=1e-12)


def test_the_slope_of_the_loss_of_many_classes_is_prediction_minus_target():
    """With a = (9, 3, 1) / 13, class 1: (9, -10, 1) / 13; printed (-9, 10, -1) / 13.

    Lecture row D6, erratum 3.
    """
    z, y = jnp.log(jnp.asarray([[9.0, 3.0, 1.0]])), jnp.asarray([1], jnp.int32)
    slope = jax.grad(lambda z: losses.cross_entropy(z, y))(z)
    np.testing.assert_allclose(slope, np.array([[9, -10, 1]]) / 13, rtol=1e-12)
    printed = np.array([[0, 1, 0]]) - np.array([[9, 3, 1]]) / 13
    np.testing.assert_allclose(printed, np.array([[-9, 10, -1]]) / 13, rtol=1e-12)


def test_log_of_a_plus_epsilon_caps_the_loss_and_bends_its_gradient():
    """The printed form stops at 20.7 and no longer says prediction minus target.

    Lecture row A5, erratum 9.
    """

    def printed(z, y):
        return -jnp.log(jax.nn.softmax(z)[0, y] + 1e-9)

    z = jnp.asarray([[60.0, 0.0]])
    y = jnp.asarray([1], jnp.int32)
    assert float(printed(z, 1)) == pytest.approx(-np.log(1e-9), rel=1e-6)
    assert float(losses.cross_entropy(z, y)) == pytest.approx(60)
    assert float(jnp.abs(jax.grad(printed)(z, 1)).max()) < 1e-10
    np.testing.assert_allclose(losses.cross_entropy.gradient(z, y), [[1, -1]], rtol=1e-12)


def test_squared_error_on_softmax_fades_where_cross_entropy_does_not():
    """Lecture rows A3, A4: sure and wrong, a = (0.99.., 0.00..): slope 0 against slope 1."""
    z, y = jnp.asarray([[20.0, 0.0]]), jnp.asarray([1], jnp.int32)
    assert float(jnp.abs(losses.softmax_squared_error.gradient(z, y)).max()) < 1e-7
    assert float(jnp.abs(losses.cross_entropy.gradient(z, y)).min()) > 0.999


def test_the_diagonal_of_the_softmax_jacobian_is_not_enough():
    """With a = (0.01, 0.99), class 0: slope -0.0392; a_i (1 - a_i) alone gives -0.0196.

    Lecture row A3, erratum 8.

    The slope of the cross-entropy is -0.99 there (lecture row A4).
    """
    z, y = jnp.log(jnp.asarray([[0.01, 0.99]])), jnp.asarray([0], jnp.int32)
    a = jax.nn.softmax(z)
    true = losses.softmax_squared_error.gradient(z, y)
    np.testing.assert_allclose(true, [[-0.039204, 0.039204]], rtol=1e-12)
    diagonal = 2 * (a - jnp.asarray([[1.0, 0.0]])) * a * (1 - a)
    np.testing.assert_allclose(diagonal, [[-0.019602, 0.019602]], rtol=1e-12)
    np.testing.assert_allclose(losses.cross_entropy.gradient(z, y), [[-0.99, 0.99]], rtol=1e-12)


def test_the_two_class_cross_entropy_is_a_softmax_of_two():
    """Lecture row D7: softmax over (0, z) is (1 - sigmoid(z), sigmoid(z))."""
    z, y = Z[:, :1], BITS[:, :1]
    pair = jnp.concatenate([jnp.zeros_like(z), z], axis=1)
    labels = y[:, 0].astype(np.int32)
    two, one = losses.cross_entropy(pair, labels), losses.binary_cross_entropy(z, y)
    np.testing.assert_allclose(two, one, rtol=1e-13)


def test_the_second_term_of_the_two_class_cross_entropy():
    """With f = 3/4, y = 0: -log(1 - f) = 1.3863; the slide's -log f is 0.2877.

    Lecture row D6, erratum 2.
    """
    z, y = jnp.log(jnp.asarray([[3.0]])), jnp.asarray([[0.0]])
    assert float(losses.binary_cross_entropy(z, y)) == pytest.approx(1.3862943611, abs=5e-11)
    f = jax.nn.sigmoid(z)
    printed = jnp.mean(-y * jnp.log(f) - (1 - y) * jnp.log(f))
    assert float(printed) == pytest.approx(0.2876820725, abs=5e-11)


def test_the_slope_of_the_squared_error_is_linear():
    """Lecture row B9, erratum 18: at errors 1, 2, 3 the slopes are 2, 4, 6, the losses 1, 4, 9."""
    z, y = jnp.asarray([[1.0], [2.0], [3.0]]), jnp.zeros((3, 1))
    np.testing.assert_array_equal(losses.mse.per_example_gradient(z, y), [[2], [4], [6]])
    np.testing.assert_array_equal(losses.mse.per_example(z, y), [1, 4, 9])


def test_the_two_class_loss_is_the_same_for_both_classes_and_one_bit_in_the_middle():
    """Lecture row C11: l(1, p) = l(0, 1 - p), and at p = 1/2 it is log 2, one bit."""
    z = jnp.linspace(-6, 6, 25)[:, None]
    one, none = jnp.ones_like(z), jnp.zeros_like(z)
    of_one = losses.binary_cross_entropy.per_example(z, one)
    np.testing.assert_allclose(
        of_one, losses.binary_cross_entropy.per_example(-z, none), rtol=1e-12
    )
    assert float(of_one[12]) / np.log(2) == pytest.approx(1, rel=1e-12)


def test_smoothing_equals_optax():
    soft = optax.smooth_labels(jnp.asarray(ONE_HOT), 0.2)
    expected = optax.softmax_cross_entropy(Z, soft).mean()
    loss = losses.smoothed(losses.cross_entropy, 0.2)
    np.testing.assert_allclose(loss(Z, LABELS), expected, rtol=1e-13)
    slope = jax.grad(lambda z: loss(z, LABELS))(jnp.asarray(Z))
    np.testing.assert_allclose(loss.gradient(Z, LABELS), slope, rtol=1e-11, atol=1e-15)


def test_a_loss_has_no_gradient_before_it_is_defined():
    @losses.loss
    def double(z, y):
        """Twice the sum."""
        return 2 * jnp.sum(z, axis=1)

    assert (double.name, double.__doc__) == ("double", "Twice the sum.")
    with pytest.raises(InputError, match="this loss has no gradient yet"):
        double.gradient(Z, LABELS)
    double.defgradient(lambda z, y: jnp.full_like(z, 2))
    np.testing.assert_allclose(double.gradient(Z, LABELS), np.full(Z.shape, 2 / len(Z)))


def test_the_zero_one_loss_counts_and_has_no_gradient():
    """Lecture row C2: what is meant; no descent on it, and no silent zero."""
    wrong = np.mean(Z.argmax(1) != LABELS)
    assert float(losses.zero_one(Z, LABELS)) == pytest.approx(wrong)
    with pytest.raises(InputError, match="zero-one loss has no gradient"):
        losses.zero_one.gradient(Z, LABELS)
    with pytest.raises(InputError, match="zero-one loss has no derivative"):
        jax.grad(lambda z: losses.zero_one(z, LABELS))(jnp.asarray(Z))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.mse(Z[0], NUMBERS[0]), r"outputs must be of shape \(N, K\)"),
        (lambda: losses.mse(Z, NUMBERS[:, :2]), r"targets must be of shape \(7, 4\), got \(7, 2\)"),
        (lambda: losses.mse(Z, NUMBERS, jnp.ones(3)), r"weights must be of shape \(7,\)"),
        (lambda: losses.cross_entropy(Z, LABELS[:3]), r"labels must be of shape \(7,\)"),
        (lambda: losses.cross_entropy.gradient(Z, LABELS[:3]), r"labels must be of shape \(7,\)"),
        (lambda: losses.binary_cross_entropy(Z, BITS[:, :1]), r"targets must be of shape \(7, 4\)"),
        (lambda: losses.smoothed(losses.mse, 1.0), r"label smoothing must be in \[0, 1\)"),
    ],
)
def test_shapes_that_do_not_fit(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_smoothing_of_one_output_is_divided_between_yes_and_no():
    """Keras: 0 becomes s/2 and 1 becomes 1 - s/2; for every loss of a single output."""
    z, y = jnp.asarray(Z[:, :1]), jnp.asarray(BITS[:, :1])
    soft = jnp.where(y == 1, 0.9, 0.1)
    for loss in (losses.binary_cross_entropy, losses.mse, losses.binary_cross_entropy_of(3.0)):
        own = losses.smoothed(loss, 0.2)
        np.testing.assert_allclose(own(z, y), loss(z, soft), rtol=1e-13)
        np.testing.assert_allclose(own.gradient(z, y), loss.gradient(z, soft), rtol=1e-12)


def test_smoothing_of_independent_outputs_and_of_classes():
    """Numbers of a yes-or-no loss are smoothed each by itself; classes share, as rows as labels."""
    binary = losses.smoothed(losses.binary_cross_entropy, 0.2)
    each = losses.binary_cross_entropy(Z, np.where(BITS == 1, 0.9, 0.1))
    np.testing.assert_allclose(binary(Z, BITS), each, rtol=1e-13)
    shared = losses.binary_cross_entropy(Z, np.where(ONE_HOT == 1, 0.85, 0.05))
    np.testing.assert_allclose(binary(Z, LABELS), shared, rtol=1e-13)
    classes = losses.smoothed(losses.cross_entropy, 0.2)
    np.testing.assert_allclose(classes(Z, ONE_HOT), classes(Z, LABELS), rtol=1e-13)


def test_two_labels_can_be_ignored():
    """The mean is over the examples that have neither; smoothing comes first."""
    z, y = jnp.asarray([[2.0, 0.0], [1.0, 3.0], [0.0, 5.0]]), jnp.asarray([1, -1, -100])
    both = losses.ignoring(losses.ignoring(losses.cross_entropy, -1), -100)
    assert float(both(z, y)) == pytest.approx(float(losses.cross_entropy(z[:1], y[:1])))
    with pytest.raises(InputError, match="smooth the loss first, and then ignore a label"):
        losses.smoothed(losses.ignoring(losses.cross_entropy, -1), 0.1)


@pytest.mark.parametrize("name", ["cross_entropy", "softmax_squared_error"])
def test_a_softmax_of_one_output_never_learns_zeros_in_silence(name):
    """The softmax of one number is 1, so nothing would be learned (lecture rows A1, B10)."""
    z, y = jnp.zeros((3, 1)), jnp.array([[0], [1], [1]])
    with pytest.raises(InputError, match="the number of outputs must be at least 2 for a softmax"):
        getattr(losses, name)(z, y)
