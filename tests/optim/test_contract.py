"""What every rule holds to, ours, wrapped and Optax's: keywords, types of arrays, counts."""

import jax
import jax.numpy as jnp
import numpy as np
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
    "muon": optim.muon(0.1),
    "lion": optim.lion(0.1),
    "sign_sgd": optim.sign_sgd(0.1),
    "schedule_free_sgd": optim.schedule_free_sgd(0.1),
    "schedule_free_adamw": optim.schedule_free_adamw(0.1),
    "averaged": optim.with_average(optim.momentum(0.1), 0.9),
    "decayed": optim.with_weight_decay(optim.sgd(0.1), 0.1, 0.2),
    "clipped": optim.with_clipping(optim.adam(0.1), 0.5),
    "max-norm": optim.with_max_norm(optim.adam(0.1), 2.0),
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
        lambda rule: optim.with_max_norm(rule, 1e9),
        lambda rule: optim.with_weight_decay(optim.with_clipping(rule, 1e9), 0.1, 0.0),
    ],
    ids=["clipped", "decayed", "max-norm", "both"],
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


@pytest.mark.parametrize(("name", "words"), [("decayed", "weight decay"), ("max-norm", "max_norm")])
def test_a_rule_that_needs_the_parameters_says_so(name, words):
    rule = RULES[name]
    with pytest.raises(InputError, match=f"{words} needs the parameters"):
        rule.update(PARAMS, rule.init(PARAMS))


MAKERS = {
    "sgd": lambda rate: optim.sgd(rate),
    "momentum": lambda rate, mu: optim.momentum(rate, mu),
    "nesterov": lambda rate, mu: optim.nesterov(rate, mu),
    "adagrad": lambda rate, epsilon: optim.adagrad(rate, epsilon),
    "adagrad outside": lambda rate, epsilon: optim.adagrad(rate, epsilon, False),
    "rmsprop": lambda rate, beta, epsilon: optim.rmsprop(rate, beta, epsilon),
    "adam": lambda rate, beta1, beta2, epsilon: optim.adam(rate, beta1, beta2, epsilon),
    "adam inside": lambda rate, beta1, beta2, epsilon: optim.adam(
        rate, beta1, beta2, epsilon, True
    ),
    "adamw": lambda rate, beta1, beta2, epsilon, decay: optim.adamw(
        rate, beta1, beta2, epsilon, decay
    ),
    "muon": lambda rate, mu, beta1, beta2, epsilon, decay: optim.muon(
        rate, mu, beta1, beta2, epsilon, decay
    ),
    "lion": lambda rate, beta1, beta2, decay: optim.lion(rate, beta1, beta2, decay),
    "sign_sgd": lambda rate: optim.sign_sgd(rate),
    "schedule_free_sgd": lambda rate, beta1, decay: optim.schedule_free_sgd(rate, beta1, decay),
    "schedule_free_adamw": lambda rate, beta1, beta2, epsilon, decay: optim.schedule_free_adamw(
        rate, beta1, beta2, epsilon, decay
    ),
    "averaged": lambda rate, decay: optim.with_average(optim.adam(rate), decay),
    "decayed": lambda rate, decay: optim.with_weight_decay(optim.momentum(0.1), rate, decay),
    "clipped": lambda rate, norm: optim.with_clipping(optim.adam(rate), norm),
    "max-norm": lambda rate, radius: optim.with_max_norm(optim.adam(rate), radius),
    "scheduled": lambda rate, end: optim.sgd(optim.schedules.exponential(rate, 5, end)),
}
KINDS = {
    "NumPy's float64": np.float64,
    "NumPy's array": np.array,
    **{
        f"an array in {dtype}": lambda value, dtype=dtype: jnp.asarray(value, dtype)
        for dtype in ("bfloat16", "float16", "float32", "float64")
    },
}


def types_of(tree):
    return [leaf.dtype for leaf in jax.tree.leaves(tree)]


def two_updates(optimizer, dtype):
    w = jax.tree.map(lambda leaf: leaf.astype(dtype), PARAMS)
    state = optimizer.init(w)
    _, state = optimizer.update(w, state, w)
    return optimizer.update(w, state, w)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", MAKERS)
def test_the_kind_of_a_number_changes_no_type(name, dtype):
    """All arguments of each kind, and traced: updates and moments have the parameters' type."""
    maker = MAKERS[name]
    many = maker.__code__.co_argcount

    def outcome(*values):
        return two_updates(maker(*values), dtype)

    kinds = [
        jax.eval_shape(lambda kind=kind: outcome(*[kind(0.5)] * many)) for kind in KINDS.values()
    ]
    traced = [
        jax.eval_shape(outcome, *[jax.ShapeDtypeStruct((), given)] * many)
        for given in ("bfloat16", "float32", "float64")
    ]
    for updates, state in (*kinds, *traced):
        assert set(types_of(updates)) == {jnp.dtype(dtype)}
        sums = {jnp.dtype(float)} if name.startswith("schedule_free") else set()
        assert set(types_of(state)) <= {jnp.dtype(dtype), jnp.dtype("int32"), *sums}


@pytest.mark.parametrize("name", MAKERS)
def test_the_state_keeps_its_type_whatever_the_gradient_s(name):
    """Moments of bfloat16 parameters stay bfloat16, so a compiled loop can carry them."""
    optimizer = MAKERS[name](*[0.5] * MAKERS[name].__code__.co_argcount)
    w = jax.tree.map(lambda leaf: leaf.astype("bfloat16"), PARAMS)
    before = optimizer.init(w)
    _, after = optimizer.update(PARAMS, before, w)
    assert types_of(after) == types_of(before)


def test_a_decay_near_one_is_not_rounded_to_one():
    """In bfloat16 0.999 is 1: `1 - beta2` is computed before."""
    for kind in (float, np.float64, jnp.asarray):
        _, state = two_updates(optim.adam(0.1, beta2=kind(0.999)), "bfloat16")
        assert float(state.v["W"][1, 1]) == pytest.approx(9 * (1 - 0.999**2), rel=0.02)


def test_the_length_of_a_gradient_of_several_types_is_that_of_all():
    w = {"half": jnp.full(3, 2.0, "bfloat16"), "single": jnp.full(2, 2.0, "float32")}
    optimizer = optim.with_clipping(optim.sgd(1.0), 1.0)
    updates, _ = optimizer.update(w, optimizer.init(w), w)
    np.testing.assert_allclose(updates["single"], -2 / np.sqrt(20), rtol=1e-6)
    assert types_of(updates) == types_of(w)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", ["complex64", "complex128", "int32", "bool"])
def test_what_is_not_real_is_refused(name, dtype):
    """Outside and inside of `jit`; whole numbers would round every update to 0."""
    w = {"W": PARAMS["W"], "b": PARAMS["b"].astype(dtype)}
    words = rf"\(b\) must be real floating-point numbers, got {dtype}"
    for init in (RULES[name].init, jax.jit(RULES[name].init)):
        with pytest.raises(InputError, match=f"the parameters {words}"):
            init(w)
    with jax.numpy_dtype_promotion("standard"):
        state = RULES[name].init(PARAMS)
    with pytest.raises(InputError, match=f"the gradients {words}"):
        RULES[name].update(w, state, PARAMS)


def test_a_tree_of_one_complex_array_is_refused():
    with pytest.raises(InputError, match=r"the parameters must be real .* got complex64"):
        optim.adam(0.1).init(jnp.ones(2, "complex64"))


@pytest.mark.parametrize("name", RULES)
def test_the_count_stops_at_its_greatest_value(name):
    """2^31 - 1: another update would make it negative."""
    most = jnp.iinfo(jnp.int32).max
    with jax.numpy_dtype_promotion("standard"):
        state = RULES[name].init(PARAMS)

        state = jax.tree.map(
            lambda leaf: leaf if jnp.issubdtype(leaf.dtype, jnp.floating) else most - 1 + 0 * leaf,
            state,
        )
        for _ in range(3):
            updates, state = RULES[name].update(PARAMS, state, PARAMS)
            counts = [leaf for leaf in jax.tree.leaves(state) if leaf.dtype == jnp.int32]
            assert counts
            assert {int(count) for count in counts} == {int(most)}
            assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(updates))
