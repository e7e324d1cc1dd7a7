"""Every gradient written by hand equals `jax.grad` and central differences.

Lecture rows A4, B7, B9, B10, C3, C8, D8, E6: the case table crosses networks of one to five layers
with activations, losses, initializers, example weights and dropout.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmlp import nn
from jaxmlp.config.names import ACTIVATIONS, LEARNED_ACTIVATIONS, LOSSES
from jaxmlp.nn import initializers, losses
from tests.helpers import assert_trees_close, central_differences, named_leaves, to_float64

N, FEATURES, CLASSES = 6, 4, 3


class Case(NamedTuple):
    """One network with its loss and data."""

    hidden: tuple[int, ...]
    activation: str = "tanh"
    loss: str = "cross_entropy"
    kernel: str = "xavier_normal"
    weighted: bool = False
    dropout: float = 0.0
    targets: str = "labels"
    normalised: bool = False
    noise: float = 0.0

    def __str__(self) -> str:
        parts = ["x".join(map(str, (FEATURES, *self.hidden, CLASSES))), self.activation, self.loss]
        parts += [self.kernel, self.targets, f"drop{self.dropout}"]
        parts += [f"noise{self.noise}"] * (self.noise > 0)
        return "-".join(parts + ["weighted"] * self.weighted + ["normalised"] * self.normalised)


DEPTHS = [(), (5,), (5, 4), (5, 4, 3), (5, 4, 4, 3)]
CASES = [
    *(Case(hidden) for hidden in DEPTHS),
    *(Case(hidden, "relu", kernel="he_normal", weighted=True, dropout=0.4) for hidden in DEPTHS),
    *(Case((5, 4), name) for name in ACTIVATIONS.names),
    *(Case((5, 4), name, dropout=0.3, weighted=True) for name in ACTIVATIONS.names),
    *(Case((5, 4), name, weighted=True) for name in LEARNED_ACTIVATIONS.names),
    *(Case((5, 4), name, normalised=True, dropout=0.3) for name in ("relu", "prelu")),
    *(Case((5, 4), dropout=drop, noise=0.3) for drop in (0.0, 0.4)),
    *(Case((5,), loss=name, weighted=w) for name in LOSSES.names for w in (False, True)),
    *(Case((5,), loss=name, targets="numbers") for name in LOSSES.names),
    *(Case((5,), "sigmoid", kernel=name) for name in ("zeros", "he_uniform", "lecun_normal")),
    Case((5,), "sigmoid", "binary_cross_entropy", "ones"),
]


def build(case: Case):
    learned = case.activation in LEARNED_ACTIVATIONS.names
    bend = (LEARNED_ACTIVATIONS if learned else ACTIVATIONS)[case.activation]
    kernel = getattr(initializers, case.kernel)
    corruption = [nn.dropout(case.dropout), nn.gaussian_noise(case.noise)] if case.noise else []
    shape = (case.dropout, case.normalised, None, corruption)
    model = nn.mlp(case.hidden, CLASSES, bend, kernel, *shape)
    loss = getattr(losses, case.loss)
    params, shape = model.init(jax.random.key(7), (FEATURES,))
    assert shape == (CLASSES,)
    rng = np.random.default_rng(3)
    x = jnp.asarray(rng.normal(size=(N, FEATURES)))
    if case.targets == "labels":
        y = jnp.asarray(rng.integers(CLASSES, size=N), jnp.int32)
    else:
        y = jnp.asarray(rng.dirichlet(np.ones(CLASSES), size=N))
    weights = jnp.asarray(rng.uniform(0, 2, size=N)) if case.weighted else None
    key = jax.random.key(11) if case.dropout or case.noise else None
    # biases that are not zero keep ReLU off its kink where a unit's inputs were all dropped
    params = to_float64(params)
    shifts = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape) / 10), params)
    params = jax.tree.map(lambda w, s: w + s if w.ndim == 1 else w, params, shifts)
    return model, loss, params, (x, y, weights, key)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_manual_gradient_equals_autodiff(case):
    model, loss, params, data = build(case)
    by_hand = nn.value_and_grad(model, loss)(params, *data)
    by_machine = jax.value_and_grad(nn.objective(model, loss), has_aux=True)(params, *data)
    assert_trees_close(by_hand, by_machine, 1e-12)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.hidden in ((), (5,)) or case.dropout == 0.3], ids=str
)
def test_manual_gradient_equals_central_differences(case):
    model, loss, params, data = build(case)
    _, gradient = nn.value_and_grad(model, loss)(params, *data)
    value = jax.jit(lambda params: nn.objective(model, loss)(params, *data)[0])
    differences = central_differences(value, params)
    assert_trees_close(gradient, jax.tree.map(jnp.asarray, differences), 1e-7)


@pytest.mark.parametrize("name", ["relu", "sigmoid"])
def test_float32_gradients_agree(name):
    model, loss, params, (x, y, *_) = build(Case((5, 4), name))
    params, x = jax.tree.map(lambda a: a.astype(jnp.float32), (params, x))
    by_hand = nn.value_and_grad(model, loss)(params, x, y)
    by_machine = jax.value_and_grad(nn.objective(model, loss), has_aux=True)(params, x, y)
    assert_trees_close(by_hand, by_machine, 1e-5)


def test_a_wrong_gradient_is_noticed():
    wrong = nn.Activation("wrong", jnp.tanh, lambda z, a: a * a - 1)
    model = nn.sequential(nn.dense(5), nn.activation(wrong), nn.dense(CLASSES))
    _, loss, _, data = build(Case((5,)))
    params = to_float64(model.init(jax.random.key(0), (FEATURES,))[0])
    by_hand = nn.value_and_grad(model, loss)(params, *data)
    by_machine = jax.value_and_grad(nn.objective(model, loss), has_aux=True)(params, *data)
    with pytest.raises(AssertionError, match="relative error"):
        assert_trees_close(by_hand, by_machine, 1e-12)


def test_an_example_of_weight_zero_does_not_count():
    model, loss, params, (x, y, *_) = build(Case((5, 4)))
    weights = jnp.asarray([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    (value, _), gradient = nn.value_and_grad(model, loss)(params, x, y, weights)
    (without, _), expected = nn.value_and_grad(model, loss)(params, x[:4], y[:4])
    assert_trees_close((value, gradient), (without, expected), 1e-12)


def test_the_gradient_reaches_the_input():
    """Lecture row B7: the chain ends at dL/dx, which central differences confirm at every pixel."""
    model, loss, params, (x, y, *_) = build(Case((5, 4), "elu"))
    outputs, caches = model.forward(params, x)
    _, dx = model.backward(params, caches, loss.gradient(outputs, y))
    value = jax.jit(lambda x: loss(model(params, x), y))
    assert_trees_close(dx, jnp.asarray(central_differences(value, x)), 1e-7)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.data())
def test_drawn_networks_ties_and_zeros_included(data):
    """Any depth, width and batch, values of -1, 0 and 1, so that kinks and ties are met."""
    hidden = tuple(data.draw(st.lists(st.integers(1, 3), max_size=3)))
    bend = ACTIVATIONS[data.draw(st.sampled_from(ACTIVATIONS.names))]
    loss = LOSSES[data.draw(st.sampled_from(LOSSES.names))]
    n = data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    model = nn.mlp(hidden, CLASSES, bend)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), (2,))[0])
    params = jax.tree.map(lambda s: jnp.asarray(rng.integers(-1, 2, s.shape), float), shapes)
    x = jnp.asarray(rng.integers(-1, 2, (n, 2)), float)
    y = jnp.asarray(rng.integers(CLASSES, size=n), jnp.int32)
    by_hand = nn.value_and_grad(model, loss)(params, x, y)
    by_machine = jax.value_and_grad(nn.objective(model, loss), has_aux=True)(params, x, y)
    for (name, a), (_, b) in zip(named_leaves(by_hand), named_leaves(by_machine), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13, err_msg=name)
