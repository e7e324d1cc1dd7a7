"""Every engine gives the answers of the network: ONNX by two, NumPy, JavaScript."""

import dataclasses
import shutil
from datetime import datetime

import jax
import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from jaxmlp import nn
from jaxmlp.config.names import ACTIVATIONS, FORWARD_ONLY, LEARNED_ACTIVATIONS
from jaxmlp.errors import InputError
from jaxmlp.export.check import (
    answers_of,
    check_against_run,
    difference,
    engines_of,
    examples_for,
)
from jaxmlp.export.description import ARRAYS, Description, describe, steps_of
from jaxmlp.export.onnx_graph import OPERATIONS, onnx_model
from jaxmlp.export.runtime import OPERATIONS as NUMPY_OPERATIONS
from jaxmlp.export.runtime import Network as Runtime
from jaxmlp.export.sources import javascript_source, numpy_source
from tests.networks import drawn, network_of

pytestmark = pytest.mark.usefixtures("compile_quickly")

WRITERS = {
    "onnx": lambda d: onnx_model(d).SerializeToString(),
    "numpy": lambda d: numpy_source(d).encode(),
    "javascript": lambda d: javascript_source(d).encode(),
}
EVERY = (*ACTIVATIONS.names, *LEARNED_ACTIVATIONS.names, *FORWARD_ONLY.names)
TABLE = {
    "numeric": ["age", "label"],  # the name of an output of the graph, too
    "categorical": [["town", ["Bern", "Zürich", 'a "b" \\ `${c}`']], ["odd", ["-", "x"]]],
    "target": ["kind"],
}
KINDS = ("onnx", "numpy", "javascript")


@pytest.fixture(params=KINDS)
def kind(request):
    if request.param == "javascript" and shutil.which("node") is None:
        pytest.skip("there is no node to run JavaScript")
    return request.param


NETWORKS = {
    "every activation": (
        *("multiclass", (5,), 4),
        {"hidden": (6,) * len(EVERY), "activation": EVERY},
    ),
    "another alpha": (
        *("multiclass", (5,), 4),
        {"hidden": (6, 6, 6), "activation": ("leaky_relu", "elu", "prelu"), "alpha": 0.3},
    ),
    "table": ("binary", (7,), 1, {"columns": TABLE}),
    "labels": ("multilabel", (3,), 3, {"dropout": 0.5, "input_noise": 1.0, "precision": "float64"}),
    "numbers": ("regression", (3,), 2, {"hidden": ()}),
    "numbers cut off at 0": (
        *("regression", (3,), 2, {"mean": 50.0, "output_activation": "relu"}),
    ),
    "numbers bent above 0": (
        *("regression", (3,), 1, {"mean": 50.0, "output_activation": "softplus"}),
    ),
    "pictures": ("multiclass", (12, 12, 3), 3, {"model": "lenet", "raw": True}),
    "several": ("multiclass", (5,), 4, {"ensemble": 3, "activation": ("prelu",)}),
    "several, two classes": ("binary", (7,), 1, {"columns": TABLE, "ensemble": 2}),
    "several, labels": ("multilabel", (3,), 3, {"ensemble": 2, "precision": "float64"}),
    "several, numbers cut off at 0": (
        *("regression", (3,), 2, {"ensemble": 3, "mean": 50.0, "output_activation": "relu"}),
    ),
    "several, pictures": ("multiclass", (12, 12, 1), 3, {"model": "lenet", "ensemble": 2}),
}


@pytest.fixture(scope="module", params=NETWORKS)
def judged(request):
    """A network's description, made-up examples, and what the network says of them."""
    *given, more = NETWORKS[request.param]
    network = network_of(*given, **more)
    description = describe(network)
    examples = examples_for(description)
    return description, examples, answers_of(network, examples)


def test_every_task_and_activation(judged, kind):
    """All engines agree with the network, at far targets and odd names too."""
    description, examples, wanted = judged
    engines = engines_of(description, kind, WRITERS[kind](description))
    assert len(engines) == (2 if kind == "onnx" else 1)
    check_against_run(description, wanted, examples, engines)


LAYERS = {
    "convolutions": lambda: (
        nn.convolution(6, (3, 2), (2, 1), ((2, 1), (0, 3))),
        nn.prelu(),
        nn.convolution(6, 3, 1, "same", dilation=2, groups=3, bias=False),
        nn.convolution(2, 2, 3),
    ),
    "pools": lambda: (
        nn.layer_norm(1e-3),
        nn.sequential(nn.max_pool((2, 3), 1, 1), nn.average_pool(2, 1, 1)),
        nn.max_pool(3, 2, "same"),
        nn.average_pool(3, 2, "same"),
    ),
}


def bare(shape, steps, outputs):
    """A description of these operations alone, whose answers are their outputs."""
    zero, one = np.zeros(()), np.ones(())
    names = tuple(f"y{k}" for k in range(outputs))
    facts = {"producer": "test 1"}
    return Description(
        *("regression", names, shape, None, ("", "?"), True, zero, one, None, steps, 1.0, 0.5),
        *(zero, one, facts),
    )


@pytest.fixture(scope="module", params=LAYERS)
def layered(request):
    """The description of some layers, inputs, and what the layers make of them."""
    shape = (8, 9, 3)
    model = nn.sequential(*LAYERS[request.param](), nn.flatten())
    params = drawn(model, shape)
    x = np.random.default_rng(2).normal(size=(3, *shape))
    wanted = np.asarray(jax.jit(model)(params, x.astype(np.float32)))
    return bare(shape, [*steps_of(model, params, shape)], wanted.shape[1]), x, wanted


def test_windows_of_every_sort(layered, kind):
    description, x, wanted = layered
    for compute in engines_of(description, kind, WRITERS[kind](description)).values():
        np.testing.assert_allclose(compute(x), wanted, atol=1e-5)


COLUMNS = [
    {"name": "age", "kind": "number", "fill": 30.5, "gaps": True},
    {"name": "size", "kind": "number", "fill": 2.0, "gaps": False},
    {"name": "town", "kind": "category", "categories": ["a", "b"], "gaps": True},
    {"name": "yes", "kind": "category", "categories": ["false", "true"], "gaps": False},
    {
        "name": "when",
        "kind": "time",
        "gaps": True,
        "parts": ["days", "year", "month", "weekday", "hour"],
        "fill": {"days": 1.5, "year": 2001, "month": 2, "weekday": 3, "hour": 4},
    },
]
ROWS = [
    {"age": 7, "size": None, "town": "b", "yes": "true", "when": datetime(1970, 1, 2, 18, 45)},
    {"age": None, "size": 1.25, "town": None, "yes": "?", "when": None},
    {"age": 0, "size": -1, "town": "c", "yes": "false", "when": datetime(2024, 2, 29)},
]
ENCODED = [  # age, gap, size, a, b, gap, false, true, days, year, month, weekday, hour, gap
    [7, 0, 2, 0, 1, 0, 0, 1, 1.78125, 1970, 1, 4, 18.75, 0],
    [30.5, 1, 1.25, 0, 0, 1, 0, 0, 1.5, 2001, 2, 3, 4, 1],
    [0, 0, -1, 0, 0, 0, 1, 0, 19782, 2024, 2, 3, 0, 0],
]


def test_columns_become_inputs(kind):
    """Gaps take their fill and indicator, unseen categories are all zeros, times have parts."""
    width = len(ENCODED[0])
    description = dataclasses.replace(bare((width,), [], width), columns=COLUMNS)
    for compute in engines_of(description, kind, WRITERS[kind](description)).values():
        np.testing.assert_array_equal(compute(ROWS), ENCODED)


def test_temperature_and_threshold(kind):
    """`p = sigmoid(z / T)`, and the second class is the answer above its threshold."""
    x = np.array([[-4.0], [0.0], [1.0], [4.0]])
    wanted = 1 / (1 + np.exp(-x / 2))
    description = dataclasses.replace(
        bare((1,), [], 1),
        task="binary",
        classes=("no", "yes"),
        temperature=2.0,
        threshold=0.6,
    )
    content = WRITERS[kind](description)
    for compute in engines_of(description, kind, content).values():
        np.testing.assert_allclose(compute(x), np.hstack([1 - wanted, wanted]), atol=1e-6)
    if kind == "onnx":
        labels = ReferenceEvaluator(content).run(["label"], {"x": x})[0]
    else:
        labels = Runtime(*description.to_plain()).predict(x)
    assert [*map(str, labels)] == ["no", "no", "yes", "yes"]


def test_every_operation_has_every_writer():
    assert ARRAYS.keys() == OPERATIONS.keys() == NUMPY_OPERATIONS.keys()


def test_an_unknown_layer_is_refused():
    layer = dataclasses.replace(nn.flatten(), name="odd 3", kind="odd")
    with pytest.raises(InputError, match="export does not know the layer 'odd 3'"):
        list(steps_of(layer, (), (4,)))


def test_quantiles_are_refused():
    network = network_of("regression", (3,), 1)
    signature = dataclasses.replace(network.signature, quantiles=(0.1, 0.9))
    with pytest.raises(InputError, match="does not know networks that answer with quantiles"):
        describe(dataclasses.replace(network, signature=signature))


def test_columns_that_do_not_make_up_the_inputs_are_refused():
    with pytest.raises(InputError, match="for 9 inputs, got 7"):
        describe(network_of("binary", (9,), 1, columns=TABLE))


def test_a_difference_is_refused(judged):
    """Probabilities by their difference, numbers by deviations of the target, or relatively."""
    description, examples, wanted = judged
    unit = np.ones(())
    if description.task == "regression":  # its deviation is 100
        unit = np.maximum(100.0, np.abs(wanted - description.target_offset))
    off = wanted + 3e-5 * unit
    assert difference(description, off, wanted) == pytest.approx(3e-5, rel=0.01)
    for bad in (off, wanted * np.nan):
        with pytest.raises(InputError, match="difference of E from the run must be at most 1e-05"):
            check_against_run(description, wanted, examples, {"E": lambda _, bad=bad: bad})
