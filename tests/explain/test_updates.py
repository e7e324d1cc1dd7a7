"""The batch and the update of `explain`: training's own numbers, beside formulas that give them."""

import dataclasses
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.lectures.rows import ROWS
from jaxmlp import nn
from jaxmlp.config.complete import complete
from jaxmlp.config.factory import build_optimizer, build_schedule
from jaxmlp.config.names import OPTIMIZER_TABLE
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.config.signature import prepare, task_of
from jaxmlp.errors import InputError
from jaxmlp.explain import rows, typeset
from jaxmlp.explain.__main__ import Options
from jaxmlp.explain.sections import explain_network
from jaxmlp.runs.data import load_data
from jaxmlp.training.step import Examples, Totals, TrainState, make_step
from tests.explain.test_explain import inspected, lines

pytestmark = pytest.mark.usefixtures("compile_quickly")

BATCH = slice(3, 6)


def explained(step=1, n=3, examples=3, **given):
    """Return what is shown of iris: values by their names, section by section of the update."""
    chosen = inspected(dataset="iris", hidden=(3,))
    config = Options(dataset="iris", hidden=(3,), **given)
    chosen = chosen._replace(recipe=complete(config, chosen.dataset))  # the start is the same
    sections = explain_network(chosen, n, examples, step)
    parts = [s for s in sections if s.direction == "update"]
    return chosen, sections, {s.title: lines([s]) for s in parts}


def trained(chosen, steps):
    """Return the parameters after some steps of training on the batch, in float64."""
    x, y = (a[BATCH] for a in (chosen.dataset.x_train, chosen.dataset.y_train))
    with jax.enable_x64(True):
        rate = build_schedule(chosen.recipe, 1000)
        optimizer = build_optimizer(chosen.recipe, rate)
        task, signature = task_of(chosen.signature), chosen.signature
        objective = nn.value_and_grad(chosen.model, chosen.loss)
        step = make_step(objective, optimizer, task.score_each, prepare(signature))
        params = jax.tree.map(lambda w: jnp.asarray(w, "float64"), chosen.params)
        x = jnp.asarray(x if signature.raw else signature.preprocessing(x))
        batch = Examples(x, jnp.asarray(y), jnp.ones(3))
        key, zero = jax.random.key(0), jnp.int32(0)
        state = TrainState(params, optimizer[0](params), key, zero, Totals.zero(), jnp.ones(()))
        for _ in range(steps):
            state = step(state, batch)
        return state.params


def new_parameters(sections):
    """Return the new parameters that are shown, transposed back, in the order of the tree."""
    found = [(text, value) for part in sections.values() for text, value in part]
    return [value.T for text, value in found if text.split(" = ")[0].endswith("_new")]


MORE = {  # beyond each optimizer's defaults: the options, and the number of the step
    "adam late": ({"optimizer": "adam"}, 3),
    "muon late": ({"optimizer": "muon", "clip_norm": 0.1}, 2),
    "clipped": ({"optimizer": "momentum", "clip_norm": 0.1}, 2),
    "not clipped": ({"optimizer": "sgd", "clip_norm": 100.0}, 1),
    "decay": ({"optimizer": "nesterov", "weight_decay": 0.3}, 2),
    "inside": ({"optimizer": "adam", "epsilon_inside": True, "epsilon": 1e-3}, 2),
    "outside": ({"optimizer": "rmsprop", "epsilon_inside": False, "epsilon": 1e-3}, 2),
    "free late": ({"optimizer": "schedule_free_adamw", "weight_decay": 0.2}, 3),
}
CASES = {**{name: ({"optimizer": name}, 1) for name in OPTIMIZER_TABLE}, **MORE}


@pytest.mark.parametrize("case", CASES)
def test_the_update_is_that_of_training(case):
    """The new parameters that are shown are those of `make_step`, for every optimizer."""
    given, step = CASES[case]
    chosen, _, sections = explained(step, **given)
    expected = jax.tree.leaves(trained(chosen, step))
    shown = new_parameters(sections)
    assert len(shown) == len(expected) == 4
    for got, right in zip(shown, expected, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-12, atol=1e-15)


def test_the_update_is_that_of_the_compiled_trainer():
    """The loop of `jaxmlp.train` in float64 takes the same first step."""
    given = {"dataset": "iris", "hidden": (3,), "activation": ("sigmoid",), "dropout": 0.0}
    given |= {"initializer": "xavier_normal", "optimizer": "adamw", "schedule": "constant"}
    chosen, _, sections = explained(optimizer="adamw")
    config = Config(**given, precision="float64", batch_size=3)
    with jax.enable_x64(True):
        problem = pose_problem(config, load_data(config))
        state, _ = problem.begin()
        params = jax.tree.map(lambda w: jnp.asarray(w, "float64"), chosen.params)
        state = state._replace(params=params, opt_state=problem.trainer.init_optimizer(params))
        order = np.array([[[3, 4, 5]]], np.int32)
        state, _ = problem.trainer.run(state, problem.train.examples, order, 0, 1)
    for got, right in zip(new_parameters(sections), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-9)


def root(a, inside):
    return np.sqrt(a + 1e-3) if inside else np.sqrt(a) + 1e-3


def orthogonal(u):
    """Return Newton and Schulz' five iterations, by the singular values."""
    U, s, V = np.linalg.svd(u, full_matrices=False)
    s = s / np.linalg.norm(s)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (U * s) @ V


ADAM = [
    ("m", "β_1 m_0 + (1 - β_1) D", lambda v: 0.8 * v["m_0"] + 0.2 * v["D"]),
    ("v", "β_2 v_0 + (1 - β_2) D ⊙ D", lambda v: 0.9 * v["v_0"] + 0.1 * v["D"] ** 2),
    ("m̂", "m / (1 - β_1^t)", lambda v: v["m"] / (1 - 0.8**3)),
    ("v̂", "v / (1 - β_2^t)", lambda v: v["v"] / (1 - 0.9**3)),
    ("new", "w - η m̂ / (√(v̂) + ε)", lambda v: v["w"] - 0.1 * v["m̂"] / root(v["v̂"], False)),
]
FREE = [
    ("x", "(1 - c) x_0 + c z", lambda v: (2 * v["x_0"] + v["z"]) / 3),
    ("new", "(1 - β_1) z + β_1 x", lambda v: 0.2 * v["z"] + 0.8 * v["x"]),
]
MOMENTUM = ("v", "μ v_0 - η D", lambda v: 0.7 * v["v_0"] - 0.1 * v["D"])
ROOT = ("new", "w - η D / (√(g + ε))", lambda v: v["w"] - 0.1 * v["D"] / root(v["g"], True))
RULES = {  # of the third step: each name, the right-hand side as printed, and the same by hand
    "sgd": [("new", "w - η D", lambda v: v["w"] - 0.1 * v["D"])],
    "momentum": [MOMENTUM, ("new", "w + v", lambda v: v["w"] + v["v"])],
    "nesterov": [
        MOMENTUM,
        ("new", "w + μ v - η D", lambda v: v["w"] + 0.7 * v["v"] - 0.1 * v["D"]),
    ],
    "adagrad": [("g", "g_0 + D ⊙ D", lambda v: v["g_0"] + v["D"] ** 2), ROOT],
    "rmsprop": [
        ("g", "β g_0 + (1 - β) D ⊙ D", lambda v: 0.6 * v["g_0"] + 0.4 * v["D"] ** 2),
        ROOT,
    ],
    "adam": ADAM,
    "adamw": [
        *ADAM[:-1],
        (
            "new",
            "w - η m̂ / (√(v̂) + ε) - η λ w",
            lambda v: v["w"] - 0.1 * v["m̂"] / root(v["v̂"], False) - 0.1 * 0.5 * v["w"],
        ),
    ],
    "muon": [
        ("m", "μ m_0 + D", lambda v: 0.7 * v["m_0"] + v["D"]),
        ("u", "D + μ m", lambda v: v["D"] + 0.7 * v["m"]),
        ("O", "newton-schulz(u)", lambda v: orthogonal(v["u"])),
        (
            "new",
            "w - η 0.2 √(max(n, k)) O - η λ w",
            lambda v: v["w"] - 0.1 * 0.2 * 2 * v["O"] - 0.1 * 0.5 * v["w"],
        ),
    ],
    "lion": [
        ("c", "β_1 m_0 + (1 - β_1) D", lambda v: 0.8 * v["m_0"] + 0.2 * v["D"]),
        ("m", "β_2 m_0 + (1 - β_2) D", lambda v: 0.9 * v["m_0"] + 0.1 * v["D"]),
        (
            "new",
            "w - η sign(c) - η λ w",
            lambda v: v["w"] - 0.1 * np.sign(v["c"]) - 0.1 * 0.5 * v["w"],
        ),
    ],
    "sign_sgd": [("new", "w - η sign(D)", lambda v: v["w"] - 0.1 * np.sign(v["D"]))],
    "schedule_free_sgd": [
        ("z", "z_0 - η D - η λ w", lambda v: v["z_0"] - 0.1 * v["D"] - 0.1 * 0.5 * v["w"]),
        *FREE,
    ],
    "schedule_free_adamw": [
        *ADAM[1:2],
        *ADAM[3:4],
        (
            "z",
            "z_0 - η D / (√(v̂) + ε) - η λ w",
            lambda v: v["z_0"] - 0.1 * v["D"] / root(v["v̂"], False) - 0.1 * 0.5 * v["w"],
        ),
        *FREE,
    ],
}
NUMBERS = {"mu": 0.7, "beta": 0.6, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3, "weight_decay": 0.5}


@pytest.mark.parametrize("name", OPTIMIZER_TABLE)
def test_each_printed_formula_gives_the_value_beside_it(name):
    """Lecture rows B1, C4, D10: the update of the first kernel in the third step, by hand."""
    fields = OPTIMIZER_TABLE[name].arguments
    given = {field: NUMBERS[argument] for argument, field in fields.items()}
    step = functools.partial(explained, n=3, examples=3, optimizer=name, learning_rate=0.1, **given)
    _, sections, updates = step(3)
    title = "Update: layer 1, dense 3, W[1]"
    shown = dict(text.split(" = ") for text, _ in updates[title] if " = " in text)
    values = {text.split(" = ")[0].replace("W[1]_new", "new"): v for text, v in updates[title]}
    _, _, before = step(2)
    values["w"] = before[title][-1][1]
    values["D"] = dict(lines(sections))["∂L/∂W[1] = 1/3 Σ_i ∂L_(i)/∂W[1]"]
    for left, right, value in RULES[name]:
        printed = shown[left.replace("new", "W[1]_new")]
        assert printed.replace("∂L/∂W[1]", "D").replace("W[1]", "w") == right
        near = 1e-6 if left == "O" else 1e-9  # which has a small number beside its divisor
        np.testing.assert_allclose(values[left], value(values), rtol=near, atol=1e-13)


def test_a_clipped_gradient_is_named_so():
    """The length is that over all parameters, and the factor s is in the formula."""
    chosen, _, updates = explained(optimizer="sgd", learning_rate=0.5, clip_norm=0.1)
    numbers = dict(updates["Update: step 1 of sgd"])
    with jax.enable_x64(True):
        x = chosen.signature.preprocessing(chosen.dataset.x_train[BATCH])
        y = jnp.asarray(chosen.dataset.y_train[BATCH])
        params = jax.tree.map(lambda w: jnp.asarray(w, "float64"), chosen.params)
        slope = jax.grad(lambda w: chosen.loss(chosen.model(w, jnp.asarray(x)), y))(params)
    length = np.sqrt(sum(np.sum(np.asarray(leaf) ** 2) for leaf in jax.tree.leaves(slope)))
    assert numbers["length of the gradient"] == pytest.approx(length, rel=1e-12)
    assert numbers["s = min(1, 0.1 / length)"] == pytest.approx(0.1 / length, rel=1e-12)
    text = [text for text, _ in updates["Update: layer 2, dense 3, b[2]"]]
    assert text == ["b[2]_new = b[2] - η (s ∂L/∂b[2])"]


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_the_mean_of_the_batch(tmp_path, weights):
    """It is the (weighted) mean of the gradients shown, and what `jax.grad` says of the batch.

    Lecture rows C3, C6, D11: the bias's gradient is the sum of the deltas over the batch.
    """
    table = [f"{k % 7},{k % 5},{k % 4},{k % 11},{'abbccc'[k % 6]}" for k in range(60)]
    (tmp_path / "table.csv").write_text("\n".join(["p,q,r,s,class", *table]))
    chosen = inspected(dataset=str(tmp_path / "table.csv"), hidden=(3,))
    chosen = chosen._replace(recipe=dataclasses.replace(chosen.recipe, class_weights=weights))
    train = chosen.dataset.y_train
    n = next(n for n in range(len(train)) if len(set(train[n : n + 3])) == 3)  # of all classes
    rows_shown = slice(n, n + 3)
    sections = explain_network(chosen, n, 3)
    shown = dict(lines(sections))
    with jax.enable_x64(True):
        x = jnp.asarray(chosen.signature.preprocessing(chosen.dataset.x_train[rows_shown]))
        labels = chosen.dataset.y_train[rows_shown]
        y = jnp.asarray(labels)
        counts = np.bincount(chosen.dataset.y_train[chosen.train])
        w = jnp.asarray(counts.sum() / (3 * counts))[labels] if weights != "none" else jnp.ones(3)
        params = jax.tree.map(lambda p: jnp.asarray(p, "float64"), chosen.params)
        value = lambda p: chosen.loss(chosen.model(p, x), y, w)  # noqa: E731
        slope = [part for part in jax.grad(value)(params) if part]
        w = np.asarray(w)
    mean = "1/3 Σ_i " if weights == "none" else f"1/{float(w.sum()):g} Σ_i w_i "
    for layer, part in enumerate(slope, 1):
        for name in "Wb":
            each = [shown[f"∂L_({i})/∂{name}[{layer}]"] for i in range(n, n + 3)]
            got = shown[f"∂L/∂{name}[{layer}] = {mean}∂L_(i)/∂{name}[{layer}]"]
            np.testing.assert_allclose(got, np.average(each, axis=0, weights=w), rtol=1e-9)
            np.testing.assert_allclose(got, part[name].T, rtol=1e-9)
        np.testing.assert_array_equal(shown[f"∂L/∂b[{layer}] = {mean}δ[{layer}]_(i)"], got)
    losses = [shown[f"L_({i})"] for i in range(n, n + 3)]
    assert shown[f"L = {mean}L_(i)"] == pytest.approx(np.average(losses, weights=w), rel=1e-12)


def remarks(sections):
    return [item.remark for s in sections for item in s.items if getattr(item, "loud", False)]


def changed(chosen, **arrays):
    """Return the network with other arrays in its first dense layer."""
    params = [dict(part) if part else part for part in chosen.params]
    first = next(part for part in params if part)
    first |= {name: jnp.asarray(value, "float32") for name, value in arrays.items()}
    return chosen._replace(params=tuple(params))


def test_dead_units_are_named():
    """Lecture row B11: a bias far below 0 keeps a ReLU unit off on every example."""
    chosen = inspected(dataset="iris", hidden=(3,), activation=("relu",))
    assert remarks(explain_network(chosen, 3)) == []
    (one,) = remarks(explain_network(changed(chosen, b=[0, -100, 0]), 3))
    assert one.startswith(f"1 of 3 units is dead: on all {len(chosen.train)} training examples")
    three, nothing = remarks(explain_network(changed(chosen, b=[-99, -99, -99]), 3))
    assert three.startswith("3 of 3 units are dead")
    assert nothing.startswith("Every slope is 0 here")


@pytest.mark.parametrize(("name", "steepest"), [("sigmoid", "0.25"), ("tanh", "1")])
def test_saturated_units_are_named(name, steepest):
    """Lecture row B11; with weights thirty times too large."""
    chosen = inspected(dataset="iris", hidden=(3,), activation=(name,))
    assert remarks(explain_network(chosen, 3)) == []
    first = next(part for part in chosen.params if part)
    (words,) = remarks(explain_network(changed(chosen, W=30 * first["W"]), 3))
    assert f"below a tenth of the steepest, {steepest}: the units are saturated" in words


def test_an_update_that_cannot_be_shown_says_why():
    """With sam, with moved inputs, and where a loss is not finite: training changes nothing."""
    chosen = inspected(dataset="iris", hidden=(3,))
    numbers = chosen.recipe.numbers._replace(sam=0.05)
    sharp = chosen._replace(recipe=dataclasses.replace(chosen.recipe, numbers=numbers))
    numbers = chosen.recipe.numbers._replace(adversarial=0.05)
    moved = chosen._replace(recipe=dataclasses.replace(chosen.recipe, numbers=numbers))
    broken = changed(chosen, b=[np.nan, 0, 0])
    for other, words in (
        (sharp, "with sam its gradient is taken at another point."),
        (moved, "with adversarial its gradient is a mean with that of other inputs."),
        (broken, "the loss is not finite, and such a step changes no parameter."),
    ):
        (part,) = [s for s in explain_network(other, 3, 3) if s.direction == "update"]
        assert part.items == [f"The update is not shown: {words}"]
    with pytest.raises(InputError, match="--step must be 1 for this run, got 2"):
        explain_network(sharp, 3, 3, 2)
    with pytest.raises(InputError, match="--step must be at most 1, since the loss is not finite"):
        explain_network(broken, 3, 3, 2)


def test_an_ensemble_is_shown_without_an_update():
    """Its members are inside one layer, of which no remark is made."""
    chosen = inspected(dataset="iris", hidden=(3,))
    model = nn.ensemble(chosen.model, 2, nn.SOFTMAX)
    params = model.init(jax.random.key(0), (4,))[0]
    recipe = dataclasses.replace(chosen.recipe, ensemble=2)
    chosen = chosen._replace(model=model, params=params, recipe=recipe)
    *_, last = explain_network(chosen, 3, 3)
    assert last.items[0].endswith("each member of an ensemble has an optimizer of its own.")


def test_the_rows_that_are_cited_are_those_of_the_index():
    """Title, deck and section of every row; papers have none."""
    index = {row.id: row for row in (ROWS.values() if isinstance(ROWS, dict) else ROWS)}
    assert {name: index[name].title for name in rows.TITLES} == rows.TITLES
    for topic, cited in rows.SOURCES.items():
        assert cited.section in index[cited.row].sections if cited.row else cited.section, topic
    used = {cited.row for cited in rows.SOURCES.values() if cited.row}
    assert used == rows.TITLES.keys()


def test_a_formula_leads_to_its_row_on_the_page():
    sections = explain_network(inspected(dataset="iris", hidden=(3,)), 1)
    page = typeset.as_page("title", sections)
    assert '<a class="row" href="#row-D8">D8: Backpropagation</a>' in page
    assert '<dt id="row-D8">D8: Backpropagation with delta</dt>' in page
    for place in set(re.findall(r'href="#(row-\w+)"', page)):
        assert f'id="{place}"' in page
    assert "Lecture rows\n" in typeset.as_text(sections)
