"""The numbers that the page shows: courses, products, drawings, and the claims of its lessons."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.data import load
from jaxmlp.data.drawings import Drawing
from jaxmlp.data.photographs import _placed
from jaxmlp.training import TASKS
from tests.play.page_cases import LESSON_BY_ID, PageScripts

pytestmark = pytest.mark.usefixtures("compile_quickly")

SMALL = {"hidden": [3, 2], "act": ["tanh"], "batch": 5, "train": 23, "rate": 0.1}
SETTINGS = {
    "plain": SMALL,
    "dropout and adam": {**SMALL, "drop": 0.4, "opt": "adam", "rate": 0.01},
    "classes": {**SMALL, "data": "spirals", "act": ["leaky_relu", "tanh"], "loss": "mse"},
    "numbers": {**SMALL, "data": "sine", "act": ["leaky_relu"], "decay": 0.1},
    "no hidden layer": {**SMALL, "hidden": []},
    "a rule that looks ahead": {**SMALL, "opt": "schedule_free_adamw", "rate": 0.01},
}


@pytest.fixture(scope="module")
def scripts():
    ready = PageScripts()
    yield ready
    ready.v8.close()


@pytest.fixture(params=SETTINGS.values(), ids=SETTINGS)
def setting(request):
    return request.param


def test_the_same_setting_gives_the_same_course(scripts, setting):
    """Bit by bit; another seed gives another one."""
    one, again = (scripts.ask("params", [setting, 12]) for _ in range(2))
    assert one == again
    assert one != scripts.ask("params", [{**setting, "seed": 1}, 12])


def test_steps_are_taken_back_and_again(scripts, setting):
    """Also across the end of an epoch; the curves lose what came later."""
    end, undone, points, again = scripts.ask("back", [setting, 12, 9])
    assert undone == scripts.ask("params", [setting, 3])
    assert max(points) == 3
    assert again == end


def test_a_hundred_steps_can_be_taken_back(scripts):
    """Of a large network not every state is kept, and those between are computed again."""
    assert scripts.ask("reach", [SMALL, 250]) >= 199
    wide = {**SMALL, "hidden": [150, 150], "train": 10}
    assert scripts.ask("reach", [wide, 120]) >= 100
    end, undone, _, again = scripts.ask("back", [wide, 10, 4])
    assert undone == scripts.ask("params", [wide, 6])
    assert again == end


def test_curves_stay_short(scripts):
    """At most 300 points, evenly spread, and the start is among them."""
    steps = scripts.ask("points", [{**SMALL, "hidden": [1]}, 1000])
    assert len(steps) <= 301
    assert steps[0] == 0
    assert steps[-1] == 1000
    assert set(np.diff(steps)) == {4}


def test_a_weight_s_products_sum_to_its_gradient(scripts, setting):
    """Activation times delta, and the mean over the batch (lecture rows D8, D11)."""
    shown = np.array(scripts.ask("weights", [setting, 4]), float)
    assert len(shown) > 2
    assert np.abs(shown[:, 2]).max() > 1e-4
    np.testing.assert_allclose(shown[:, 0], shown[:, 2], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(shown[:, 1], shown[:, 2], rtol=1e-12, atol=1e-15)


def test_a_unit_s_sums_are_its_value_and_its_delta(scripts, setting):
    """The sum of `x w` and b is z, f(z) is a, and `f'(z)` times the sum of `w delta` is delta."""
    shown = np.array(scripts.ask("units", [setting, 4]), float)
    np.testing.assert_allclose(shown[:, 0], shown[:, 2], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(shown[:, 1], shown[:, 2], rtol=1e-12, atol=1e-15)


def test_an_output_s_delta_is_prediction_minus_target(scripts):
    """Lecture rows A4, D8."""
    for given in (SMALL, {**SMALL, "data": "spirals"}):
        found = scripts.ask("answer", given)
        assert found["output"]
        assert found["target"] in (0, 1)
        assert found["value"] == pytest.approx(found["answer"] - found["target"], rel=1e-12)


@pytest.mark.parametrize("task", ["regression", "multilabel", "binary", "multiclass"])
def test_the_score_is_that_of_the_task(scripts, task):
    """The same number as the library's, for several outputs too."""
    rng = np.random.default_rng(4)
    outputs = 1 if task == "binary" else 3
    z = rng.normal(0, 2, (12, outputs))
    y = z + rng.normal(size=z.shape) if task == "regression" else (rng.uniform(size=z.shape) > 0.5)
    y = rng.integers(0, 3, 12) if task == "multiclass" else np.asarray(y, float)
    known = TASKS[task]
    with jax.enable_x64(True):
        each = known.score_each(jnp.asarray(z), jnp.asarray(y))
        expected = known.finish(float(jnp.mean(each)), y)
    found = scripts.ask("score", [task, outputs, None, z.ravel().tolist(), y.ravel().tolist()])
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_middle_quantile_is_scored(scripts):
    """R² of the outputs for the quantile 0.5 alone."""
    z, y = np.random.default_rng(5).normal(size=(2, 10))
    outputs = np.stack([z - 3, z, z + 5], axis=1)
    expected = 1 - np.mean((z - y) ** 2) / np.var(y)
    given = ["regression", 3, [0.1, 0.5, 0.9], outputs.ravel().tolist(), np.repeat(y, 3).tolist()]
    assert scripts.ask("score", given) == pytest.approx(expected, rel=1e-12)


# what each lesson claims, of the results of its settings after its steps

CLAIMS = {
    "zeros": lambda own, he, _: (
        abs(own["loss"] - np.log(2)) < 0.01
        and not np.any([*own["weights"][0][0], *own["weights"][2][0]])
        and own["weights"][2][1] != [0]
        and he["score"] > 0.95
    ),
    "ones": lambda own, xavier, one: (
        np.ptp(own["weights"][0][0][:8]) < 1e-12
        and np.ptp(xavier["weights"][0][0][:8]) > 0.1
        and abs(own["score"] - one["score"]) < 0.03
    ),
    "sigmoid-deep": lambda own, tanh, two: (
        own["gradients"][0] < 1e-4 * own["gradients"][-1]
        and tanh["gradients"][0] > 0.01 * tanh["gradients"][-1]
        and own["score"] < 0.6 < 0.85 < min(tanh["score"], two["score"])
    ),
    "start-scale": lambda own, he, large: (
        own["score"] < 0.6 < 0.9 < he["score"] and large["score"] < 0.6
    ),
    "rate-high": lambda own, good, low, sine: (
        own["loss"] > 0.5 > 0.1 > good["loss"]
        and low["loss"] > 2 * good["loss"]
        and sine["loss"] is None
    ),
    "sure-and-wrong": lambda own, entropy, small: (
        own["score"] < 0.3 and min(entropy["score"], small["score"]) > 0.8
    ),
    "xor": lambda own, none, relu: (
        own["loss"] < 0.05
        and own["score"] == 1
        and abs(none["loss"] - np.log(2)) < 1e-3
        and relu["score"] < 1
    ),
    "linear": lambda own, relu, single: max(own["score"], single["score"]) < 0.65 < relu["score"],
    "dead-relu": lambda own, leaky, low: (
        own["dead"][1] >= 8 and leaky["dead"] == [0, 0] and sum(low["dead"]) < 6
    ),
    "valley": lambda own, momentum, half: (
        momentum["loss"] < 0.5 * own["loss"] and momentum["loss"] < half["loss"] < own["loss"]
    ),
    "batch": lambda own, some, whole: max(own["loss"], some["loss"], whole["loss"]) < 0.3,
    "dropout": lambda own, dropped, more: (
        own["loss"] < 0.01
        and dropped["lossTest"] < 0.7 * own["lossTest"]
        and more["lossTest"] < 0.3
    ),
    "unscaled": lambda own, adam, scaled: (
        own["score"] < 0.5 < 0.7 < adam["score"] and scaled["loss"] < adam["loss"]
    ),
    "bends": lambda own, four, many, tanh: (
        own["loss"] > 0.1 and max(many["loss"], tanh["loss"]) < 0.02 and four["loss"] < own["loss"]
    ),
}


@pytest.mark.parametrize("name", LESSON_BY_ID)
def test_lessons_show_their_claims(scripts, name):
    lesson = LESSON_BY_ID[name]
    changes = [{}, *(tried["set"] for tried in lesson["tries"])]
    results = [scripts.ask("result", [{**lesson["set"], **c}, lesson["steps"]]) for c in changes]
    assert CLAIMS[name](*results), [
        {k: v for k, v in result.items() if k != "weights"} for result in results
    ]


def test_one_epoch_of_one_example_is_ahead(scripts):
    """The lesson on batches: after one epoch the batch of one has learned most."""
    given = LESSON_BY_ID["batch"]["set"]
    losses = [
        scripts.ask("result", [{**given, "batch": size}, -(-1000 // size)])["loss"]
        for size in (1, 32, 1000)
    ]
    assert losses[0] < 0.5 * losses[1] < losses[1] < 0.7 * losses[2]


@pytest.mark.parametrize("form", [Drawing(20, True, (14.0, 14.0)), Drawing(16, True, (13.5, 14.5))])
def test_a_drawing_is_placed_as_the_library_places_it(scripts, form):
    """Digits of MNIST, enlarged, shifted and cut: scaled into the box, centred by their mass."""
    digits = load("mnist_5k").x_test[:12, :, :, 0]
    told = {"box": form.box, "centre": form.centre, "shape": [28, 28]}
    for digit in digits:
        large = np.kron(digit, np.ones((4, 4), np.uint8)).astype(float)
        strokes = np.where(large > 0.1 * large.max(), large, 0)  # what both call ink
        rows, columns = (np.flatnonzero(strokes.any(axis=axis)) for axis in (1, 0))
        cut = strokes[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        paper = np.zeros((150, 140))
        paper[20 : 20 + cut.shape[0], 7 : 7 + cut.shape[1]] = cut
        found = np.array(scripts.ask("digit", [paper.ravel().tolist(), 150, 140, told]))
        expected = _placed(cut / cut.max(), (28, 28), form).astype(float)
        np.testing.assert_allclose(found.reshape(28, 28), expected, atol=2)


def test_paper_without_ink_is_no_digit(scripts):
    assert scripts.ask("digit", [[0] * 100, 10, 10, None]) is None


def test_a_digit_is_drawn_by_keys(scripts):
    """The pen leaves a line only while it is down; Delete clears; other keys mean nothing."""
    known, lines = scripts.ask("keys", ["ArrowUp", " ", "ArrowDown", "ArrowDown", " ", "ArrowLeft"])
    assert known == [True] * 6
    assert [len(line) for line in lines] == [3]
    known, lines = scripts.ask("keys", [" ", "ArrowDown", "x", "Delete"])
    assert known == [True, True, False, True]
    assert lines == []


def test_keys_choose_weights_and_units(scripts):
    start = {"kind": "weight", "layer": 0, "from": 0, "to": 0}
    keys = ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight"]
    assert scripts.ask("moves", [start, keys]) == {**start, "from": 1, "to": 2}
    keys = ["Enter", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"]
    assert scripts.ask("moves", [start, keys]) == {**start, "kind": "unit", "layer": 2, "to": 0}


def test_drawing_keeps_its_budget(scripts):
    """A frame ends with the task that uses up its time; what waited longest comes first."""
    frames = scripts.ask("paint", {"slow": 1, "large": 8, "one": 2, "two": 2})
    assert frames == [
        ["slow", "large"],
        ["one", "two", "large"],
        ["one", "two", "large"],
        ["one", "two", "large"],
    ]
