"""Losses of parameters: Huber's delta, the weight of a yes, an ignored label; and Poisson's."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp.errors import InputError
from jaxmlp.nn import losses
from tests.helpers import central_differences

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(7, 4)) * 3
LABELS = RNG.integers(4, size=7).astype(np.int32)
NUMBERS = RNG.normal(size=(7, 4))
BITS = RNG.integers(2, size=(7, 4)).astype(float)


def yes_weighted(z, y, p):
    return (
        -(p * y * jnp.log(jax.nn.sigmoid(z)) + (1 - y) * jnp.log(jax.nn.sigmoid(-z))).sum(1).mean()
    )


def pinball(z, y):
    """The quantile loss of 0.1 and 0.8, from its definition."""
    q, r = np.array([[0.1, 0.8, 0.1, 0.8]]), y - z
    return jnp.maximum(q * r, (q - 1) * r)


def pinball_in_torch(z, y):
    q, r = z.new_tensor([[0.1, 0.8, 0.1, 0.8]]), y - z
    return r.clamp(min=0) * q + (-r).clamp(min=0) * (1 - q)


MADE = {  # a loss of parameters, its targets, its definition, and PyTorch's function of (f, z, y)
    "huber_of(0.3)": (
        losses.huber_of(0.3),
        NUMBERS,
        lambda z, y: optax.huber_loss(z, y, delta=0.3).sum(1).mean(),
        lambda f, z, y: f.huber_loss(z, y, delta=0.3, reduction="none").sum(1).mean(),
    ),
    "huber_of(2.5)": (
        losses.huber_of(2.5),
        NUMBERS,
        lambda z, y: optax.huber_loss(z, y, delta=2.5).sum(1).mean(),
        lambda f, z, y: f.huber_loss(z, y, delta=2.5, reduction="none").sum(1).mean(),
    ),
    "quantile_of(0.1, 0.8)": (
        losses.quantile_of((0.1, 0.8)),
        np.repeat(NUMBERS[:, :2], 2, axis=1),
        lambda z, y: pinball(z, y).sum(1).mean(),
        lambda f, z, y: pinball_in_torch(z, y).sum(1).mean(),
    ),
    "a yes weighs 3": (
        losses.binary_cross_entropy_of(3),
        BITS,
        lambda z, y: yes_weighted(z, y, 3),
        lambda f, z, y: yes_in_torch(f, z, y, [3.0]),
    ),
    "each yes weighs its own": (
        losses.binary_cross_entropy_of((0.5, 1, 2, 7.5)),
        BITS * 0.8 + 0.1,
        lambda z, y: yes_weighted(z, y, np.array([[0.5, 1, 2, 7.5]])),
        lambda f, z, y: yes_in_torch(f, z, y, [0.5, 1, 2, 7.5]),
    ),
    "poisson": (
        losses.poisson,
        np.floor(np.exp(NUMBERS)),
        lambda z, y: (jnp.exp(z) - y * z).sum(1).mean(),
        lambda f, z, y: f.poisson_nll_loss(z, y, reduction="none").sum(1).mean(),
    ),
    "cross_entropy, ignoring 2": (
        losses.ignoring(losses.cross_entropy, 2),
        LABELS,
        lambda z, y: losses.cross_entropy(z[y != 2], y[y != 2]),
        lambda f, z, y: f.cross_entropy(z, y.long(), ignore_index=2),
    ),
    "cross_entropy, ignoring -100": (
        losses.ignoring(losses.cross_entropy, -100),
        np.where(LABELS == 1, -100, LABELS),
        lambda z, y: losses.cross_entropy(z[y != -100], y[y != -100]),
        lambda f, z, y: f.cross_entropy(z, y.long(), ignore_index=-100),
    ),
    "cross_entropy, smoothed and ignoring": (
        losses.ignoring(losses.smoothed(losses.cross_entropy, 0.3), 3),
        LABELS,
        lambda z, y: optax.softmax_cross_entropy(
            z[y != 3], optax.smooth_labels(jnp.eye(4)[y[y != 3]], 0.3)
        ).mean(),
        lambda f, z, y: f.cross_entropy(z, y.long(), ignore_index=3, label_smoothing=0.3),
    ),
}


def yes_in_torch(f, z, y, weights):
    many = {"pos_weight": z.new_tensor(weights), "reduction": "none"}
    return f.binary_cross_entropy_with_logits(z, y, **many).sum(1).mean()


@pytest.mark.parametrize("name", MADE)
def test_losses_with_parameters_equal_their_definition(name):
    """Value and gradient: by the definition, by differences, and compiled."""
    loss, y, referee, _ = MADE[name]
    np.testing.assert_allclose(loss(Z, y), referee(Z, y), rtol=1e-13)
    expected = jax.grad(referee)(jnp.asarray(Z), y)
    np.testing.assert_allclose(loss.gradient(Z, y), expected, rtol=1e-11, atol=1e-15)
    machine = jax.jit(jax.grad(loss))(jnp.asarray(Z), y)
    np.testing.assert_allclose(machine, expected, rtol=1e-11, atol=1e-15)
    differences = central_differences(jax.jit(lambda z: loss(z, y)), Z)
    np.testing.assert_allclose(loss.gradient(Z, y), differences, atol=1e-8)


@pytest.mark.parametrize("name", MADE)
def test_losses_with_parameters_equal_torch(torch, name):
    loss, y, _, function = MADE[name]
    z = torch.tensor(Z, requires_grad=True)
    value = function(torch.nn.functional, z, torch.tensor(y))
    value.backward()
    np.testing.assert_allclose(loss(Z, y), value.detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(loss.gradient(Z, y), z.grad.numpy(), rtol=1e-11, atol=1e-15)


def test_an_ignored_label_weighs_nothing_beside_other_weights():
    loss, w = losses.ignoring(losses.cross_entropy, 2), jnp.asarray(RNG.uniform(size=7))
    seen = LABELS != 2
    expected = losses.cross_entropy(Z[seen], LABELS[seen], w[seen])
    np.testing.assert_allclose(loss(Z, LABELS, w), expected, rtol=1e-13)
    assert np.isnan(loss(Z, np.full(7, 2)))  # the mean of nothing, as in PyTorch
    other = np.where(LABELS == 2, 9, LABELS)
    with pytest.raises(InputError, match=r"labels must be in \[0, 4\), got 9"):
        loss(Z, other)


def test_one_weight_for_two_classes_makes_them_alike():
    """With p the number of noes for each yes, the best constant answer is one half."""
    y = np.array([[1.0], [0.0], [0.0], [0.0]])
    slope = losses.binary_cross_entropy_of(3.0).gradient(np.zeros((4, 1)), y)
    assert float(slope.sum()) == pytest.approx(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.huber_of(0.0), "delta must be positive and finite, got 0.0"),
        (lambda: losses.huber_of(np.nan), "delta must be positive and finite, got nan"),
        (lambda: losses.huber_of(np.inf), "delta must be positive and finite, got inf"),
        (lambda: losses.quantile_of(()), r"quantiles must be in \(0, 1\), got none"),
        (lambda: losses.quantile_of((0.5, 1.0)), r"quantiles must be in \(0, 1\), got 0.5 1.0"),
        (
            lambda: losses.quantile_of((0.1, 0.5, 0.9))(Z, NUMBERS),
            "the number of outputs must be a multiple of 3, the number of quantiles, got 4",
        ),
        (lambda: losses.binary_cross_entropy_of(-1), "pos_weight must be positive and finite"),
        (lambda: losses.binary_cross_entropy_of([1, 0]), "pos_weight must be positive and finite"),
        (lambda: losses.binary_cross_entropy_of([]), "pos_weight must be positive and finite"),
        (
            lambda: losses.binary_cross_entropy_of([1.0, 2.0])(Z, BITS),
            "pos_weight must be one number, or one for each of 4 outputs, got 2 numbers",
        ),
        (
            lambda: losses.ignoring(losses.cross_entropy, 0)(Z, NUMBERS),
            r"must be integer labels \(N,\), got float64 of shape \(7, 4\)",
        ),
    ],
)
def test_parameters_that_make_no_loss(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    "make",
    [
        losses.huber_of,
        losses.binary_cross_entropy_of,
        lambda number: losses.smoothed(losses.cross_entropy, number),
    ],
)
def test_a_number_of_numpy_does_not_change_the_type_of_the_loss(make):
    loss, z = make(np.float64(0.5)), jnp.asarray(Z, jnp.float32)
    y = jnp.asarray(BITS, jnp.float32)
    assert loss(z, y).dtype == loss.gradient(z, y).dtype == jnp.float32
