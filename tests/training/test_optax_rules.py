"""Optax's rules that need more than a gradient train in the step: `value`, `grad`, `value_fn`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmlp import nn, optim
from jaxmlp.config import referees
from jaxmlp.nn import losses
from jaxmlp.training import MULTICLASS, Examples, batches, make_judge, make_trainer
from tests.helpers import assert_trees_close, assert_trees_identical

pytestmark = pytest.mark.usefixtures("compile_quickly")

N, FEATURES, CLASSES = 40, 4, 3
MOST = 30  # steps that are laid out, so that one program serves every number of steps
RNG = np.random.default_rng(5)
X = RNG.normal(size=(N, FEATURES)).astype(np.float32)
Y = np.argmax(X[:, :CLASSES], axis=1).astype(np.int32)
RULES = {
    "polyak_sgd": lambda: optax.polyak_sgd(1.0),
    "reduce_on_plateau": lambda: optax.chain(
        optax.adam(0.1), optax.contrib.reduce_on_plateau(patience=3)
    ),
    "lbfgs": optax.lbfgs,
    "backtracking": lambda: optax.chain(
        optax.sgd(1.0), optax.scale_by_backtracking_linesearch(max_backtracking_steps=20)
    ),
    "clipped polyak_sgd": lambda: optim.with_clipping(optax.polyak_sgd(1.0), 5.0),
}


@pytest.fixture(autouse=True)
def _standard():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # Optax needs it
        yield


@functools.cache
def rule_of(name):
    return RULES[name]()


@functools.cache
def trainer_of(rule, gradient, dropout):
    """The compiled functions, which all tests of a rule share."""
    model = nn.mlp((6,), CLASSES, nn.activations.tanh, dropout_rate=dropout)
    judge = make_judge(model, losses.cross_entropy, MULTICLASS, lambda x: x)
    slope = gradient(model, losses.cross_entropy)
    return make_trainer(judge, slope, rule, (FEATURES,))


def train(rule, steps=MOST, x=X, gradient=nn.value_and_grad, dropout=0.0):
    """Train on whole batches; return the state and the loss of each step."""
    trainer = trainer_of(rule, gradient, dropout)
    examples = Examples(jnp.asarray(x), jnp.asarray(Y), jnp.ones(N, jnp.float32))
    orders = np.stack([batches(np.arange(N), N)] * MOST)
    state, ends = trainer.run(trainer.init(0), examples, orders, 0, steps)
    return state, np.asarray(ends.totals.loss)[:steps] / N


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_needs_the_value_trains(name):
    _, path = train(rule_of(name))
    assert np.all(np.isfinite(path))
    assert path[-1] < 0.5 * path[0]
    _, by_machine = train(rule_of(name), gradient=referees.autodiff)
    np.testing.assert_allclose(by_machine[:6], path[:6], rtol=1e-3)


def test_polyak_s_step_is_the_loss_over_the_squared_gradient():
    """Loizou et al. (2021): `w <- w - L dw / |dw|^2`, of one step, by JAX's own gradient."""
    trainer_start, _ = train(optax.polyak_sgd(1e9), steps=1)
    model = nn.mlp((6,), CLASSES, nn.activations.tanh)
    judge = make_judge(model, losses.cross_entropy, MULTICLASS, lambda x: x)
    slope = nn.value_and_grad(model, losses.cross_entropy)
    start = make_trainer(judge, slope, optim.sgd(0.0), (FEATURES,)).init(0).params
    loss, g = jax.value_and_grad(lambda p: losses.cross_entropy(model(p, X), Y))(start)
    square = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(g))
    expected = jax.tree.map(lambda w, dw: w - loss / square * dw, start, g)
    assert_trees_close(trainer_start.params, expected, 1e-5)


def test_the_rate_falls_when_the_loss_does_not():
    """The loss must halve within three steps; it does not, so the scale falls by tenths."""
    rule = optax.chain(optax.sgd(1e-4), optax.contrib.reduce_on_plateau(patience=3, rtol=0.5))
    state, _ = train(rule, steps=10)
    assert float(state.opt_state[1].scale) == pytest.approx(1e-3)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_line_search_sees_the_loss_of_the_batch(dropout):
    """L-BFGS descends in every step: its search compares with `value_fn` at the same dropout."""
    state, path = train(rule_of("lbfgs"), steps=2, dropout=dropout)
    found = optax.tree.get(state.opt_state, "value")  # at the parameters after the last step
    assert float(found) < path[-1]


@pytest.mark.parametrize("name", RULES)
def test_a_step_that_is_not_finite_changes_nothing(name):
    x = X.copy()
    x[7] = np.inf
    start, _ = train(rule_of(name), steps=0)
    state, _ = train(rule_of(name), steps=3, x=x)
    assert int(state.step) == 1
    assert_trees_identical(state.params, start.params)
