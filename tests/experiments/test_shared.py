"""The shared modules: the word of a verdict, training, timing, and bands in figures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import descent, style, timing, training
from experiments.framework import CONDITIONALLY, FAILS, HOLDS, Settings, verdict_word
from jaxmlp import nn, optim


@pytest.mark.parametrize(
    ("checks", "partly", "word"),
    [
        ([True, True], None, HOLDS),
        (np.array([True, False]), None, CONDITIONALLY),
        ([np.False_, False], None, FAILS),
        ([True, True], False, HOLDS),  # what is met in full holds without conditions
        ([True, False], False, FAILS),
        ([False, False], True, CONDITIONALLY),
    ],
)
def test_the_word_of_a_verdict(checks, partly, word):
    assert verdict_word(checks, partly) == word
    assert verdict_word(iter(checks), partly) == word


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
    np.testing.assert_allclose(low, 1.0)
