"""A trained network as a graph of ONNX, with the encoding of its inputs inside.

A network of a table has an input for each column, `(N, 1)`: a float64 for a number, NaN where it is
missing; a text for a category, empty where it is missing; float64 `NAME.PART` for each part of a
time. A network of arrays has one input `x`, `(N, ...)`. The outputs are `label`, `(N,)`, the names
of the classes, and `probabilities`, `(N, classes)`; of several labels `labels`, `(N, labels)`,
whether each applies; of a regression `values`, float64 `(N, values)`. An output takes a `_` at its
end where a column has its name. The metadata hold the classes, and what the network was made of.

The operations are those of 2020, opset 13, which every runtime has. The network is computed in
float32, the inputs before it are scaled in the type that the run scales them in.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from jaxmlp.export.description import Description, Step

OPSETS = {"": 13, "ai.onnx.ml": 2}
IR_VERSION = 7  # the format of the file that opset 13 came with
TYPES = {"float64": TensorProto.DOUBLE, "float32": TensorProto.FLOAT, "str": TensorProto.STRING}


class Graph:
    """A graph in the making: nodes and constants, each with a name of its own.

    Args:
      taken: names that are in use.
    """

    def __init__(self, taken: set[str]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._taken = set(taken)

    def name(self, wanted: str) -> str:
        """Return a name that no other value has."""
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """Add a constant and return its name."""
        name = self.name(f"constant_{len(self.constants)}")
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(
        self, op: str, *inputs: str, output: str = "", domain: str = "", **settings: Any
    ) -> str:
        """Add an operation and return the name of what it computes."""
        name = output or self.name(f"{op.lower()}_{len(self.nodes)}")
        self.nodes.append(helper.make_node(op, inputs, [name], domain=domain, **settings))
        return name

    def cast(self, x: str, kind: int) -> str:
        """Add a change of type."""
        return self.add("Cast", x, to=kind)


def onnx_model(description: Description) -> onnx.ModelProto:
    """Return a network as a model of ONNX.

    Args:
      description: the network.

    Returns:
      The model, which ONNX's own checker has passed.
    """
    inputs = input_types(description)
    graph = Graph(set(inputs))
    x = _encoded(graph, description, inputs)
    x = graph.cast(_scaled(graph, x, description), TensorProto.FLOAT)
    x = _after(graph, x, description.steps)
    if description.temperature != 1:
        x = graph.add("Div", x, graph.constant(description.temperature))
    outputs = ANSWERS[description.answer](graph, x, description)
    infos = [
        helper.make_tensor_value_info(name, TYPES[kind], ["N", *shape])
        for name, (kind, shape) in inputs.items()
    ]
    made = helper.make_graph(graph.nodes, "jaxmlp", infos, outputs, graph.constants)
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    facts = description.facts
    name, _, version = facts["producer"].partition(" ")
    model = helper.make_model(
        made, opset_imports=opsets, producer_name=name, producer_version=version
    )
    model.ir_version = IR_VERSION
    metadata = {"classes": description.classes, "task": description.task, **facts}
    if description.columns is not None:
        metadata["columns"] = description.columns
    helper.set_model_props(model, {k: _as_text(v) for k, v in metadata.items()})
    onnx.checker.check_model(model, full_check=True)
    return model


def _after(graph: Graph, x: str, steps: Sequence[Step]) -> str:
    """Add operations, first to last, and return the name of what they compute."""
    for step in steps:
        x = OPERATIONS[step.op](graph, x, step)
    return x


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def input_types(description: Description) -> dict[str, tuple[str, list[int]]]:
    """Return the type and the shape of each input, without the batch axis, by their names."""
    number = "float64" if description.precise else "float32"
    if description.columns is None:
        return {"x": (number, list(description.shape))}
    found: dict[str, tuple[str, list[int]]] = {}
    for column in description.columns:
        for name in _names(column):
            found[name] = ("str" if column["kind"] == "category" else "float64", [1])
    return found


def _names(column: dict[str, Any]) -> list[str]:
    if column["kind"] != "time":
        return [column["name"]]
    return [f"{column['name']}.{part}" for part in column["parts"]]


def _encoded(graph: Graph, description: Description, inputs: dict[str, Any]) -> str:
    if description.columns is None:
        return next(iter(inputs))
    markers = description.markers
    parts = [part for column in description.columns for part in _parts(graph, column, markers)]
    x = graph.add("Concat", *parts, axis=1)
    if len(description.shape) == 1:
        return x
    return graph.add("Reshape", x, graph.constant([-1, *description.shape], np.int64))


def _parts(graph: Graph, column: dict[str, Any], markers: Sequence[str]) -> list[str]:
    """Add the inputs that a column becomes, each float64 `(N, k)`."""
    if column["kind"] == "category":
        return [_one_hot(graph, column, markers)]
    fills = column["fill"] if column["kind"] == "time" else {column["name"]: column["fill"]}
    found, gap = [], ""
    for name, fill in zip(_names(column), fills.values(), strict=True):
        if fill is None:  # nothing may be missing
            found.append(name)
            continue
        gap = graph.add("IsNaN", name)
        found.append(graph.add("Where", gap, graph.constant(fill, np.float64), name))
    return [*found, graph.cast(gap, TensorProto.DOUBLE)] if column["gaps"] else found


def _one_hot(graph: Graph, column: dict[str, Any], markers: Sequence[str]) -> str:
    """Add the comparison of a text with every category, and with the signs of a gap."""
    places = {text: place for place, text in enumerate(column["categories"])}
    width = len(places) + column["gaps"]
    for marker in markers:
        for text in (marker, marker.upper(), marker.capitalize()):
            places.pop(text, None)
            if column["gaps"]:
                places[text] = width - 1
    code = graph.add(
        "LabelEncoder",
        column["name"],
        domain="ai.onnx.ml",
        keys_strings=list(places),
        values_int64s=list(places.values()),
        default_int64=-1,
    )
    each = graph.constant(np.arange(width)[None], np.int64)
    return graph.cast(graph.add("Equal", code, each), TensorProto.DOUBLE)


def _scaled(graph: Graph, x: str, description: Description) -> str:
    kind = np.float64 if description.precise else np.float32
    offset, scale = (graph.constant(a, kind) for a in (description.offset, description.scale))
    z = graph.add("Mul", graph.add("Sub", x, offset), scale)
    if description.bend is None:
        return z
    z = graph.add("Clip", z, graph.constant(-1e9, kind), graph.constant(1e9, kind))
    share = graph.add("Div", z, graph.constant(description.bend, kind))
    square = graph.add("Add", graph.add("Mul", share, share), graph.constant(1, kind))
    return graph.add("Div", z, graph.add("Sqrt", square))


def _dense(graph: Graph, x: str, step: Step) -> str:
    z = graph.add("MatMul", x, graph.constant(step.arrays["W"]))
    return graph.add("Add", z, graph.constant(step.arrays["b"])) if "b" in step.arrays else z


def _channels_first(graph: Graph, x: str, op: str, *arrays: str, **settings: Any) -> str:
    """Add an operation on images whose channels come first, as ONNX has them."""
    y = graph.add(op, graph.add("Transpose", x, perm=[0, 3, 1, 2]), *arrays, **settings)
    return graph.add("Transpose", y, perm=[0, 2, 3, 1])


def _windows(step: Step) -> dict[str, Any]:
    (top, bottom), (left, right) = step.numbers["margins"]
    return {
        "kernel_shape": step.numbers["window"],
        "strides": step.numbers["stride"],
        "pads": [top, left, bottom, right],
    }


def _convolution(graph: Graph, x: str, step: Step) -> str:
    arrays = [graph.constant(np.transpose(step.arrays["W"], (3, 2, 0, 1)))]
    arrays += [graph.constant(step.arrays["b"])] if "b" in step.arrays else []
    more = {"dilations": step.numbers["dilation"], "group": step.numbers["groups"]}
    return _channels_first(graph, x, "Conv", *arrays, **_windows(step), **more)


def _layer_norm(graph: Graph, x: str, step: Step) -> str:
    centred = graph.add("Sub", x, graph.add("ReduceMean", x, axes=[-1], keepdims=1))
    square = graph.add("Mul", centred, centred)
    variance = graph.add("ReduceMean", square, axes=[-1], keepdims=1)
    epsilon = graph.constant(step.numbers["epsilon"])
    sigma = graph.add("Sqrt", graph.add("Add", variance, epsilon))
    gain = graph.add("Mul", graph.add("Div", centred, sigma), graph.constant(step.arrays["gamma"]))
    return graph.add("Add", gain, graph.constant(step.arrays["beta"]))


def _gelu(graph: Graph, z: str, _: Step) -> str:
    erf = graph.add("Erf", graph.add("Mul", z, graph.constant(np.sqrt(0.5))))
    twice = graph.add("Mul", z, graph.add("Add", erf, graph.constant(1)))
    return graph.add("Mul", twice, graph.constant(0.5))


def _step_function(graph: Graph, z: str, _: Step) -> str:
    below = graph.add("Less", z, graph.constant(0))
    return graph.cast(graph.add("Not", below), TensorProto.FLOAT)


def _ensemble(graph: Graph, x: str, step: Step) -> str:
    outputs = [_after(graph, x, member) for member in step.members]
    return MIXES[step.numbers["mix"]](graph, outputs)


def _log_mean(graph: Graph, probabilities: list[str]) -> str:
    return graph.add("Log", graph.add("Mean", *probabilities))


def _logit_of_mean(graph: Graph, outputs: list[str]) -> str:
    yes = [graph.add("Sigmoid", z) for z in outputs]
    no = [graph.add("Sigmoid", graph.add("Neg", z)) for z in outputs]
    return graph.add("Sub", _log_mean(graph, yes), _log_mean(graph, no))


MIXES: dict[str, Callable[[Graph, list[str]], str]] = {
    "mean": lambda g, outputs: g.add("Mean", *outputs),
    "softmax": lambda g, outputs: _log_mean(g, [g.add("Softmax", z, axis=1) for z in outputs]),
    "sigmoid": _logit_of_mean,
}


def _alone(op: str, **settings: Any) -> Callable[[Graph, str, Step], str]:
    """An operation that ONNX has by itself."""
    return lambda graph, x, _: graph.add(op, x, **settings)


OPERATIONS: dict[str, Callable[[Graph, str, Step], str]] = {
    "dense": _dense,
    "convolution": _convolution,
    "layer_norm": _layer_norm,
    "max_pool": lambda g, x, step: _channels_first(g, x, "MaxPool", **_windows(step)),
    "average_pool": lambda g, x, step: _channels_first(g, x, "AveragePool", **_windows(step)),
    "flatten": _alone("Flatten"),
    "ensemble": _ensemble,
    "prelu": lambda g, z, step: g.add("PRelu", z, g.constant(step.arrays["alpha"])),
    "identity": _alone("Identity"),
    "relu": _alone("Relu"),
    "leaky_relu": lambda g, z, step: g.add("LeakyRelu", z, alpha=step.numbers["alpha"]),
    "elu": lambda g, z, step: g.add("Elu", z, alpha=step.numbers["alpha"]),
    "sigmoid": _alone("Sigmoid"),
    "tanh": _alone("Tanh"),
    "softplus": _alone("Softplus"),
    "gelu": _gelu,
    "silu": lambda g, z, _: g.add("Mul", z, g.add("Sigmoid", z)),
    "step": _step_function,
}


def _classes(graph: Graph, probabilities: str, description: Description) -> list[Any]:
    """Add the name of the most probable class, beside the probabilities."""
    classes, label = description.classes, graph.name("label")
    if len(classes) == 2:
        second = graph.add("Gather", probabilities, graph.constant(1, np.int64), axis=1)
        yes = graph.add("Greater", second, graph.constant(description.threshold))
        best = graph.cast(yes, TensorProto.INT64)
    else:
        best = graph.add("ArgMax", probabilities, axis=1, keepdims=0)
    names = {"keys_int64s": list(range(len(classes))), "values_strings": list(classes)}
    graph.add("LabelEncoder", best, output=label, domain="ai.onnx.ml", **names)
    return [
        helper.make_tensor_value_info(label, TensorProto.STRING, ["N"]),
        helper.make_tensor_value_info(probabilities, TensorProto.FLOAT, ["N", len(classes)]),
    ]


def _softmax(graph: Graph, z: str, description: Description) -> list[Any]:
    p = graph.add("Softmax", z, output=graph.name("probabilities"), axis=1)
    return _classes(graph, p, description)


def _two_classes(graph: Graph, z: str, description: Description) -> list[Any]:
    p = graph.add("Sigmoid", z)
    q = graph.add("Sub", graph.constant(1), p)
    both = graph.add("Concat", q, p, output=graph.name("probabilities"), axis=1)
    return _classes(graph, both, description)


def _labels(graph: Graph, z: str, description: Description) -> list[Any]:
    p = graph.add("Sigmoid", z, output=graph.name("probabilities"))
    labels = graph.add("Greater", p, graph.constant(0.5), output=graph.name("labels"))
    shape: list[str | int | None] = ["N", len(description.classes)]
    return [
        helper.make_tensor_value_info(labels, TensorProto.BOOL, shape),
        helper.make_tensor_value_info(p, TensorProto.FLOAT, shape),
    ]


def _numbers(graph: Graph, z: str, description: Description) -> list[Any]:
    """Undo the scaling of the target, in float64: it may be far from zero."""
    found, name = graph.cast(z, TensorProto.DOUBLE), graph.name("values")
    scale, offset = description.target_scale, description.target_offset
    found = graph.add("Div", found, graph.constant(scale, np.float64))
    graph.add("Add", found, graph.constant(offset, np.float64), output=name)
    shape: list[str | int | None] = ["N", len(description.classes)]
    return [helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape)]


ANSWERS = {
    "softmax": _softmax,
    "two_classes": _two_classes,
    "sigmoid": _labels,
    "numbers": _numbers,
}
