"""What every rule holds to, ours, wrapped and Optax's: keywords, types of arrays, counts."""

import jax
import jax.numpy as jnp
import optax
import pytest

from jaxmlp import optim
from jaxmlp.errors import InputError
from tests.helpers import assert_trees_identical

PARAMS = {"W": jnp.asarray([[2.0, -1.0], [0.5, 3.0]]), "b": jnp.asarray([0.3, -2.0])}
RULES = {
    "sgd": optim.sgd(0.1),
    "momentum": optim.momentum(0.1),
    "nesterov": optim.nesterov(0.1),
    "adagrad": optim.adagrad(0.1),
    "rmsprop": optim.rmsprop(0.1),
    "adam": optim.adam(0.1),
    "adamw": optim.adamw(0.1),
    "decayed": optim.with_weight_decay(optim.sgd(0.1), 0.1, 0.2),
    "clipped": optim.with_clipping(optim.adam(0.1), 0.5),
    "both, of Optax": optim.with_clipping(
        optim.with_weight_decay(optax.scale_by_adam(), 0.1, 0.2), 0.5
    ),
}


def updated(optimizer, **further):
    """Return the updates and the state after an update of parameters by themselves."""
    with jax.numpy_dtype_promotion("standard"):  # Optax needs it
        state = optimizer.init(PARAMS)
        return optimizer.update(PARAMS, state, PARAMS, **further)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_ignores_keywords_that_it_does_not_need(name):
    """As in Optax, where a chain hands every keyword to every part."""
    plain = updated(RULES[name])
    assert_trees_identical(updated(RULES[name], value=1.0, grad=PARAMS, anything="else"), plain)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda rule: optim.with_clipping(rule, 1e9),
        lambda rule: optim.with_weight_decay(rule, 0.1, 0.0),
        lambda rule: optim.with_weight_decay(optim.with_clipping(rule, 1e9), 0.1, 0.0),
    ],
    ids=["clipped", "decayed", "both"],
)
@pytest.mark.parametrize("value", [0.1, 3.0])
def test_a_wrapper_hands_on_what_the_inner_rule_needs(wrap, value):
    """Polyak's step is `value / |dw|^2`: it cannot be computed without the value."""
    with pytest.raises(TypeError, match="value"):
        updated(wrap(optax.polyak_sgd(100.0)))
    got, _ = updated(wrap(optax.polyak_sgd(100.0)), value=value, more=1)
    square = sum(float(jnp.sum(w**2)) for w in PARAMS.values())
    assert float(got["W"][0, 0]) == pytest.approx(-value / square * 2.0)


def test_a_keyword_goes_to_a_rule_that_names_it_and_only_that():
    """A rule of one's own, with an argument of its own and none for the rest."""

    def update(gradients, state, params=None, scale=1.0):
        return jax.tree.map(lambda dw: -scale * dw, gradients), state

    rule = optim.with_clipping((lambda params: (), update), 1e9)
    got, _ = updated(rule, scale=3.0, value=1.0)
    assert float(got["b"][1]) == pytest.approx(6.0)


def test_rules_stand_in_a_chain_of_optax():
    """`chain` hands `value` to the rule that needs it and to ours beside it."""
    chain = optax.chain(optim.with_clipping(optim.sgd(1.0), 1e9), optax.polyak_sgd(100.0))
    got, _ = updated(chain, value=1.0)
    assert jnp.all(jnp.sign(got["W"]) == jnp.sign(PARAMS["W"]))  # two signs turned


def test_weight_decay_without_the_parameters_is_refused():
    decayed = RULES["decayed"]
    with pytest.raises(InputError, match="weight decay needs the parameters"):
        decayed.update(PARAMS, decayed.init(PARAMS))
