"""The shared modules: the word of a verdict, training, timing, and bands in figures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import descent, statistics, style, timing, training, tuning
from experiments.framework import HOLDS, IN_PART, NOT_SHOWN, REFUTED, Settings, all_of, word_of
from jaxmlp import nn, optim


@pytest.mark.parametrize(
    ("clauses", "word"),
    [
        ([True], HOLDS),
        ([np.True_, True], HOLDS),
        ([True, np.False_], IN_PART),
        ([True, True, None], IN_PART),
        ([False, True, True], REFUTED),  # the main clause decides
        ([np.False_], REFUTED),
        ([None, True], NOT_SHOWN),
    ],
)
def test_the_word_of_a_verdict(clauses, word):
    assert word_of(*clauses) == word


@pytest.mark.parametrize(
    ("clauses", "joined"),
    [
        ([], True),
        ([True, np.True_], True),
        ([True, None], None),
        ([np.True_, None, np.False_], False),  # the opposite of one clause was shown
    ],
)
def test_clauses_are_joined(clauses, joined):
    assert all_of(*clauses) is joined


def test_a_rate_at_the_edge_is_named():
    low, inside = (
        tuning.best([0.1, 1, 10], scores) for scores in ([[1], [2], [3]], [[2], [1], [3]])
    )
    assert tuning.edge_note({"inside": inside}) == ""
    expected = " The best rate lies at an edge of the grid for low."
    assert tuning.edge_note({"low": low, "inside": inside}) == expected


def test_descent_by_another_rule():
    """One step of the rule that is named: Adam's first is the rate times the gradient's sign."""
    model, rate = nn.mlp((), 1), 0.25
    learn = descent.by_rate(
        model, nn.losses.mse, lambda params, x, y: params[-1]["W"], rule=optim.adam
    )
    start = jax.tree.map(jnp.zeros_like, model.init(jax.random.key(0), (1,))[0])
    x, y = jnp.ones((2, 1)), jnp.full((2, 1), -3.0)
    found = learn(jnp.float32(rate), start, jnp.asarray([[[0, 1]]]), x, y)
    np.testing.assert_allclose(found.ravel(), [0, -rate], atol=1e-5)


def test_spreads_and_intervals_divide_by_n_minus_one():
    """By hand: 1, 2, 6 have mean 3, squares 4 + 1 + 9 and t(0.975, 2) = 4.30265.

    Lecture row A11.
    """
    s = np.sqrt(14 / 2)
    assert statistics.spread([1, 2, 6]) == pytest.approx(s)
    half = 4.302652729911275 * s / np.sqrt(3)
    found = statistics.paired([3, 5, 10], [2, 3, 4])
    np.testing.assert_allclose(found, [3, 3 - half, 3 + half])
    assert found.above is None
    assert found.below is None
    assert statistics.interval([2.0, 2.0]) == (2, 2, 2)


@pytest.mark.parametrize(("sign", "above"), [(1, True), (-1, False)])
def test_a_difference_counts_when_its_interval_excludes_zero(sign, above):
    found = statistics.paired(sign * np.array([5.0, 6, 7, 6]), np.zeros(4))
    assert found.above is above
    assert found.below is not above


def test_the_interval_covers_the_mean_as_often_as_it_says():
    """Of 4,000 samples of five normal numbers, 95 % of the intervals cover zero."""
    draws = np.random.default_rng(0).normal(size=(4000, 5))
    covered = [statistics.interval(draw).above is None for draw in draws]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_the_rate_with_the_lowest_mean_is_chosen():
    """A run that is not finite spoils its rate, and the edge of the grid is named."""
    table = {0.1: [3.0, 3.0], 0.2: [1.0, 2.0], 0.4: [0.0, np.nan]}
    found = tuning.tune(list(table), table.get)
    assert (found.rate, found.place, found.at_edge) == (0.2, 1, False)
    assert tuning.best([1, 2], [[2, 2], [1, 1]]).at_edge


def test_descent_takes_the_steps_it_says():
    """One weight, `L = (w x - y)^2`: two steps an epoch, by hand."""
    x, y = jnp.array([[1.0], [2.0]]), jnp.array([[3.0], [4.0]])

    def gradient(w, x, y):
        return None, jnp.sum(2 * (w * x - y) * x)

    learn = descent.descent(gradient, optim.sgd(0.1), lambda w: w)
    weights, last = learn(jnp.zeros(()), x, y, jnp.array([[[0], [1]], [[1], [0]]]))
    expected, w = [0.0], 0.0
    for epoch in ((0, 1), (1, 0)):
        for n in epoch:
            a, b = float(x[n, 0]), float(y[n, 0])
            w -= 0.1 * 2 * (w * a - b) * a
        expected.append(w)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    np.testing.assert_allclose(last, expected[-1], rtol=1e-6)


def test_orders_show_every_example_once_an_epoch():
    drawn = np.asarray(descent.orders(Settings(seeds=2), epochs=3, n=12, batch_size=4))
    assert drawn.shape == (2, 3, 3, 4)
    for order in drawn.reshape(6, 12):
        assert sorted(order) == list(range(12))
    assert len({order.tobytes() for order in drawn.reshape(6, 12)}) == 6


def test_one_compiled_trainer_serves_other_starts():
    data = (
        (np.ones((4, 3), np.float32), np.array([0, 1, 0, 1])),
        (
            np.ones((2, 3), np.float32),
            np.array([0, 1]),
        ),
    )
    model, optimizer = nn.mlp((2,), 2), optim.sgd(0.0)
    zeros = nn.mlp((2,), 2, kernel=nn.initializers.zeros)
    runs = training.train(model, optimizer, data, Settings(seeds=1), 1, start=zeros)
    assert not any(leaf.any() for leaf in jax.tree.leaves(runs["params"]))
    np.testing.assert_allclose(runs["test_loss"], np.log(2), rtol=1e-6)
    own = training.train(model, optimizer, data, Settings(), 1, seeds=[7], parts=("test",))
    assert set(own) == {"test_loss", "test_accuracy", "params"}
    assert any(leaf.any() for leaf in jax.tree.leaves(own["params"]))


def test_exponents_of_powers():
    sizes = [10, 20, 40]
    values = [[3.0 * n**2, 0.1 * n] for n in sizes]
    np.testing.assert_allclose(timing.exponents(sizes, values), [2, 1], rtol=1e-12)


def test_memory_and_seconds_grow_with_the_work():
    small, large = (timing.compiled(lambda x: x @ x, jnp.ones((n, n))) for n in (8, 512))
    assert timing.memory(large[0]) >= 512 * 512 * 4 > timing.memory(small[0])
    times = timing.seconds([small, large], 3)
    assert times.shape == (2, 3)
    assert times[1].min() > times[0].min() > 0


@pytest.mark.parametrize("log", [False, True])
def test_bands_leave_out_what_is_not_finite(log):
    runs = [[1.0, np.nan, np.nan], [4.0, 2.0, np.inf]]
    _, ((panel,),) = style.figure()
    style.band(panel, [1, 2, 3], runs, "label", 0, log=log)
    line = panel.get_lines()[0].get_ydata()
    np.testing.assert_allclose(line, [2 if log else 2.5, 2, np.nan])
    assert panel.get_yscale() == ("log" if log else "linear")
    low = panel.collections[0].get_paths()[0].vertices[:, 1].min()
    lowest = 2 / 4 ** (1 / np.sqrt(2)) if log else 2.5 - 3 / np.sqrt(2)  # deviation by n - 1
    np.testing.assert_allclose(low, lowest)
