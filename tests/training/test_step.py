"""The compiled step and loop: what they compute, and that they are compiled once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import nn, optim
from jaxmlp.config import referees
from jaxmlp.nn import losses
from jaxmlp.training import (
    MULTICLASS,
    Examples,
    TrainState,
    batches,
    make_judge,
    make_step,
    make_trainer,
)
from jaxmlp.training.judge import means_of
from jaxmlp.training.step import Totals
from jaxmlp.training.trainer import Ends
from tests.helpers import assert_trees_close, assert_trees_identical

N, FEATURES, CLASSES = 53, 6, 3
RNG = np.random.default_rng(5)
X = RNG.normal(size=(N, FEATURES)).astype(np.float32)
Y = RNG.integers(CLASSES, size=N).astype(np.int32)
EXAMPLES = Examples(jnp.asarray(X), jnp.asarray(Y), jnp.ones(N, jnp.float32))


def trainer(optimizer=None, gradient=nn.value_and_grad, dropout=0.0):
    model = nn.mlp((8,), CLASSES, dropout_rate=dropout)
    judge = make_judge(model, losses.cross_entropy, MULTICLASS, lambda x: x)
    slope = gradient(model, losses.cross_entropy)
    return make_trainer(judge, slope, optimizer or optim.sgd(0.3), (FEATURES,))


@pytest.mark.parametrize("factor", [1.0, 0.1])
def test_a_step_is_gradient_and_update_by_hand(factor):
    """Softmax regression in NumPy, `w <- w - factor eta dL/dw`, with weights.

    Lecture rows B1, A4, C5.
    """
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        W, b, x = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(5, 4))
        labels, weights = np.array([0, 2, 1, 1, 0]), np.array([1.0, 2.0, 0.5, 1.0, 0.0])
        layer, sgd, key = nn.dense(3), optim.sgd(0.3), jax.random.key(0)
        gradient, params = nn.value_and_grad(layer, losses.cross_entropy), {"W": W, "b": b}
        step = make_step(gradient, sgd, MULTICLASS.score_each, lambda x: 2 * x)
        sums = Totals(*np.array([1.0, 2.0, 3.0]))
        before = TrainState(params, sgd.init(params), key, jnp.int32(7), sums, jnp.float32(factor))
        after = step(before, Examples(*map(jnp.asarray, (x, labels, weights))))

    a = np.exp(2 * x @ W + b)
    a /= a.sum(axis=1, keepdims=True)
    dz = (a - np.eye(3)[labels]) * (weights / weights.sum())[:, None]
    dW, db = (2 * x).T @ dz, dz.sum(axis=0)
    updated = {"W": W - factor * 0.3 * dW, "b": b - factor * 0.3 * db}
    assert_trees_close(after.params, updated, 1e-14 if factor == 1 else 1e-7)  # 0.1 is a float32
    loss = -np.log(a[np.arange(5), labels]) @ weights
    right = (a.argmax(axis=1) == labels) @ weights
    expected = [1 + loss, 2 + right, 3 + weights.sum()]
    np.testing.assert_allclose(after.totals, expected, rtol=1e-14)
    assert (int(after.step), float(after.factor)) == (8, pytest.approx(factor))
    assert after.key is key


@pytest.mark.parametrize("make", [lambda: optim.sgd(0.3), lambda: optim.adamw(0.01)])
def test_a_batch_that_weighs_nothing_changes_no_parameter_and_is_no_divergence(make):
    """It has no mean loss; the means of the epoch are those of the other batches."""
    t, order = trainer(make()), batches(np.arange(N), 16)
    weightless = jnp.ones(N, jnp.float32).at[order[1]].set(0)
    examples = EXAMPLES._replace(weights=weightless)
    start, _ = t.run(t.init(1), examples, order[None], 0, 1)
    before = jax.tree.map(np.array, start.params)
    after, _ = t.run(start, examples, order[None], 1, 2)
    assert_trees_identical(jax.tree.map(np.array, after.params), before)
    end, _ = t.run(after, examples, order[None], 2, 4)
    assert float(end.totals.weight) == N - 16
    means = means_of(end.totals, MULTICLASS, Y)
    assert 0 < means.loss < 10
    assert means.loss == pytest.approx(float(end.totals.loss) / (N - 16))


def test_the_means_of_what_weighs_nothing_are_nan():
    assert np.isnan(means_of(Totals.zero(), MULTICLASS, Y)).all()


def test_batches_hold_every_example_once():
    order = batches(np.arange(10, 63), 16)
    assert order.shape == (4, 16)
    assert sorted(order[order >= 0]) == list(range(10, 63))
    assert list(order[3, 5:]) == [-1] * 11


def test_an_epoch_is_its_steps_in_order():
    """Against one step at a time with the last, incomplete batch as an array of its own size."""
    t = trainer()
    order = batches(RNG.permutation(N), 16)
    state, ends = t.run(t.init(1), EXAMPLES, order[None], 0, len(order))
    params = t.init(1).params
    gradient = nn.value_and_grad(t.judge.model, losses.cross_entropy)
    total = 0.0
    for row in order:
        row = row[row >= 0]
        (value, _), g = gradient(params, X[row], Y[row])
        total += float(value) * len(row)
        params = jax.tree.map(lambda w, g: w - 0.3 * g, params, g)
    assert_trees_close(state.params, params, 1e-5)
    assert float(state.totals.loss) == pytest.approx(total, rel=1e-5)
    assert float(state.totals.weight) == N
    assert int(state.step) == len(order)
    assert_trees_identical(
        jax.tree.map(lambda leaf: leaf[0], ends), Ends(state.params, state.totals)
    )


def test_a_run_in_pieces_is_the_same_run():
    t, order = trainer(optim.adam(0.01), dropout=0.5), batches(np.arange(N), 8)
    whole, _ = t.run(t.init(1), EXAMPLES, order[None], 0, 7)
    pieces = t.init(1)
    for start, stop in ((0, 1), (1, 4), (4, 7)):
        pieces, _ = t.run(pieces, EXAMPLES, order[None], start, stop)
    whole, pieces = (s._replace(key=jax.random.key_data(s.key)) for s in (whole, pieces))
    assert_trees_identical(pieces, whole)


def test_several_epochs_at_once_are_the_same_as_one_by_one():
    t = trainer(optim.adam(0.01), dropout=0.5)
    orders = np.stack([batches(RNG.permutation(N), 8) for _ in range(5)])
    first = t.init(1)
    together, ends = t.run(t.init(1), EXAMPLES, orders, 0, 3 * 7 + 2)
    state = first
    for e, order in enumerate(orders[:3]):
        state, end = t.run(state, EXAMPLES, order[None], 0, 7)
        assert_trees_identical(jax.tree.map(lambda leaf, e=e: leaf[e : e + 1], ends), end)
    state, _ = t.run(state, EXAMPLES, orders[3:4], 0, 2)
    assert_trees_identical((together.params, together.totals), (state.params, state.totals))
    assert int(together.step) == 3 * 7 + 2


def test_the_second_step_does_not_compile():
    t, order = trainer(), batches(np.arange(N), 16)
    state = t.init(0)
    for start, stop in ((0, 1), (1, 2), (2, 4), (0, 4)):
        state, ends = t.run(state, EXAMPLES, order[None], start, stop)
        t.judge.evaluate(ends.params, EXAMPLES, order, 1)
    assert t.run._cache_size() == t.judge.evaluate._cache_size() == t.init._cache_size() == 1


@pytest.mark.parametrize("machine", ["gradient", "optimizer"])
def test_the_machine_made_parts_are_drop_ins(machine):
    ours = trainer(optim.adam(0.02))
    theirs = {
        "gradient": lambda: trainer(optim.adam(0.02), referees.autodiff),
        "optimizer": lambda: trainer(referees.adam(0.02)),
    }[machine]()
    order = batches(np.arange(N), 8)
    with jax.numpy_dtype_promotion("standard"):  # Optax needs it
        ends = [t.run(t.init(2), EXAMPLES, order[None], 0, 7)[0].params for t in (ours, theirs)]
    assert_trees_close(*ends, 1e-5)


def test_evaluation_counts_every_example_once():
    t = trainer()
    several = [t.init(seed).params for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *several)
    totals = t.judge.evaluate(stacked, EXAMPLES, batches(np.arange(N), 20), 2)
    assert float(totals.weight[2]) == 0  # not asked for
    for k, params in enumerate(several[:2]):
        outputs = t.judge.model(params, X)
        assert float(totals.weight[k]) == N
        assert int(totals.score[k]) == int(np.sum(np.argmax(outputs, 1) == Y))
        assert float(totals.loss[k] / N) == pytest.approx(
            float(losses.cross_entropy(outputs, Y)), rel=1e-6
        )


def test_a_step_that_is_not_finite_changes_nothing_and_is_the_last():
    t = trainer()
    x = X.copy()
    x[20] = np.inf
    order = batches(np.arange(N), 8)
    bad = EXAMPLES._replace(x=jnp.asarray(x))
    before = t.run(t.init(0), EXAMPLES, order[None], 0, 2)[0].params
    state, _ = t.run(t.init(0), bad, np.stack([order, order]), 0, 14)
    assert int(state.step) == 3
    assert not np.isfinite(state.totals.loss)
    assert_trees_identical(state.params, before)
