"""What the page holds: data, scaled as in training, and a trained network that answers alike."""

import json

import numpy as np
import pytest

import jaxmlp
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import dataset_in_memory, toys
from jaxmlp.data import load as load_dataset
from jaxmlp.errors import InputError
from jaxmlp.play.content import (
    MOST_BYTES,
    MOST_CLASSES,
    MOST_INPUTS,
    USUAL,
    content_of,
    dataset_record,
    packed,
)
from jaxmlp.play.page import as_json
from jaxmlp.play.trained import MOST_PARAMETERS, run_record
from jaxmlp.runs.data import load_data
from tests.networks import network_of
from tests.play.engine_cases import ask, page

OPENED = """
const opened = (record, loss, noise) => {
  const { X, targets, labels, XTest, outputs, task, raw } = jaxmlp.open(record, loss, noise);
  return JSON.stringify({ X: [...X], targets: [...targets], XTest: [...XTest], outputs, task,
    raw: [...raw], whole: targets instanceof Int32Array });
};
const answered = (record, x, N) => JSON.stringify([...jaxmlp.answer(
  jaxmlp.openRun(record), Float64Array.from(x), N).answers]);
const decoded = (array) => JSON.stringify([...jaxmlp.decode(array)]);
"""


@pytest.fixture(scope="module")
def v8():
    with page(more=OPENED) as ready:
        yield ready


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 10])
def test_arrays_arrive_as_they_were(v8, dtype, size):
    array = np.random.default_rng(size).uniform(0, 200, size).astype(dtype)
    assert ask(v8, "decoded", packed(array)) == array.tolist()


@pytest.mark.parametrize("name", [*USUAL, "diabetes"])
def test_the_page_trains_on_what_train_trains_on(v8, name):
    """The same inputs, scaled alike, and the same targets, in the same order."""
    config = Config(dataset=name, valid_size=0)
    dataset = load_data(config)
    problem = pose_problem(config, dataset)
    loss = problem.recipe.loss
    found = ask(v8, "opened", dataset_record(config, dataset), loss, None)
    examples, train = problem.train.examples, problem.train.indices
    signature = problem.signature
    x = np.asarray(examples.x)
    ready = signature.preprocessing(x.astype(np.float32)) if signature.raw else x
    ready = ready.reshape(len(x), -1)
    expected = np.split(ready, [len(train)])
    for part, key in zip(expected, ("X", "XTest"), strict=True):
        np.testing.assert_allclose(found[key], part.ravel(), rtol=1e-5, atol=2e-6)
    targets = np.asarray(examples.targets)[: len(train)]
    np.testing.assert_allclose(found["targets"], targets.ravel(), atol=1e-6)
    assert found["whole"] == (targets.ndim == 1)
    assert found["outputs"] == problem.task.outputs(len(dataset.classes))
    assert found["task"] == problem.task.name


@pytest.mark.parametrize("name", toys.POINTS)
def test_the_noise_of_a_toy_is_that_of_its_generator(v8, name):
    config = Config(dataset=name)
    record = dataset_record(config, load_data(config))
    rng = np.random.default_rng(toys.SEED)
    x, _ = toys.POINTS[name](toys.TRAIN_SIZE, rng, 0.3)
    found = ask(v8, "opened", record, "cross_entropy", 0.3)
    np.testing.assert_allclose(found["raw"], x.ravel(), atol=1e-6)
    scaled = np.array(found["X"]).reshape(x.shape)
    np.testing.assert_allclose(scaled, (x - x.mean(0)) / x.std(0), atol=1e-5)


def test_two_classes_take_the_outputs_of_their_loss(v8):
    config = Config(dataset="xor")
    record = dataset_record(config, load_data(config))
    for loss, outputs, whole in (("binary_cross_entropy", 1, False), ("cross_entropy", 2, True)):
        found = ask(v8, "opened", record, loss, None)
        assert (found["outputs"], found["whole"]) == (outputs, whole)
        assert found["targets"] == [0, 1, 1, 0]


RUNS = {
    "classes": ("multiclass", 3, {}),
    "two classes": ("binary", 1, {"activation": ("gelu",)}),
    "labels": ("multilabel", 4, {"activation": ("silu",)}),
    "numbers": ("regression", 2, {"activation": ("softplus",)}),
    "no hidden layer": ("multiclass", 3, {"hidden": ()}),
    "alpha": ("multiclass", 3, {"activation": ("elu",), "alpha": 0.4}),
    "step": ("multiclass", 3, {"activation": ("step",)}),
    "learned slopes": (
        "multiclass", 3, {"hidden": (5, 4), "activation": ("prelu", "shared_prelu")},
    ),
    "dropout": ("multiclass", 3, {"dropout": 0.4, "input_dropout": 0.2, "input_noise": 0.5}),
}  # fmt: skip


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("case", RUNS)
def test_a_trained_network_answers_alike(v8, case, precision):
    """To 1e-12 where the run computes in float64, relative to the largest answer."""
    task, outputs, options = RUNS[case]
    network = network_of(task, (4,), outputs, precision=precision, **options)
    x = np.random.default_rng(2).normal(size=(20, 4))
    expected = network.answers(x)
    found = ask(v8, "answered", run_record("run", network), x.ravel().tolist(), len(x))
    close = 1e-12 if precision == "float64" else 2e-6
    got = np.array(found).reshape(expected.shape)
    assert np.abs(got - expected).max() <= close * np.abs(expected).max()


def test_a_run_of_pictures_answers_alike(v8, digits_run):
    network = jaxmlp.load(digits_run)
    x = load_dataset("digits").x_test[:30]
    record = run_record("digits", network, x)
    assert record["picture"] == [8, 8]
    assert ask(v8, "decoded", record["examples"]) == x.ravel().tolist()
    found = ask(v8, "answered", record, x.ravel().tolist(), len(x))
    expected = network.predict_proba(x)
    assert np.abs(np.array(found).reshape(expected.shape) - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((28, 28, 1), {"model": "lenet"}, "an mlp, softmax_regression or perceptron for the page"),
        ((4,), {"ensemble": 2}, "the ensemble of it must be 1 for the page, got 2"),
        ((4,), {"layer_norm": True}, "it has a layer layer_norm, which the page does not know"),
        ((4,), {"embed": "periodic"}, "which the page does not know"),
        ((4,), {"hidden": (1000, 600)}, f"at most {MOST_PARAMETERS:,} for the page, got 60"),
    ],
)
def test_a_network_that_the_page_does_not_know_is_refused(shape, options, message):
    with pytest.raises(InputError, match=message):
        run_record("it", network_of("multiclass", shape, 3, **options))


@pytest.mark.parametrize(
    ("x", "classes", "message"),
    [
        (np.zeros((100, MOST_INPUTS + 1)), 2, "17 inputs, and the page takes at most 16"),
        (np.zeros((100, 33, 32, 1), np.uint8), 2, "at most 1,024 for the page, got 1056"),
        (np.zeros((100, 8, 8, 3), np.uint8), 2, r"pictures with one channel, got \(8, 8, 3\)"),
        (np.zeros((100, 2)), 30, f"at most {MOST_CLASSES} for the page, got 30"),
    ],
)  # fmt: skip
def test_data_that_are_too_large_are_refused(x, classes, message):
    x = x + np.arange(len(x)).astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
    dataset = dataset_in_memory((x, np.arange(len(x)) % classes))
    with pytest.raises(InputError, match=message):
        dataset_record(Config(), dataset)


def test_of_many_examples_a_part_is_drawn(v8):
    """It has the share of each part that the page holds, examples with their own targets."""
    x = np.repeat(np.arange(8000, dtype=np.uint16)[:, None], 784, 1).astype(np.uint8)
    y = (x[:, 0] % 2).astype(int)
    dataset = dataset_in_memory(((x[:6000].reshape(-1, 28, 28, 1), y[:6000]),
                                 (x[6000:].reshape(-1, 28, 28, 1), y[6000:])))  # fmt: skip
    record = dataset_record(Config(), dataset)
    assert record["whole"] == [6000, 2000]
    assert [part["x"]["shape"][0] for part in record["parts"]] == [1434, 478]
    for part in record["parts"]:
        pixels = np.reshape(ask(v8, "decoded", part["x"]), (-1, 784))
        assert pixels.size <= MOST_BYTES
        assert (pixels[:, 0] % 2).tolist() == ask(v8, "decoded", part["y"])


def test_no_text_of_the_content_ends_its_script():
    """A class may be called `</script>`; the page shows it, and does not obey it."""
    hostile = '</script><script>alert("&<!--")</script>'
    text = as_json({"classes": [hostile]})
    assert not set("<>&") & set(text)
    assert text.isascii()
    assert json.loads(text) == {"classes": [hostile]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json([float("nan")])


def test_the_usual_content_is_small():
    """A page is sent by mail: it has less than a megabyte of data."""
    assert len(as_json(content_of())) < 1_000_000
