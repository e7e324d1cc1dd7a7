"""A trained network as a list of operations with arrays, which every writer reads.

One walk over the layers makes the description. `jaxmlp.export.onnx_graph` turns it into a graph of
ONNX, `jaxmlp/export/runtime.py` and `runtime.js` compute it in NumPy and in JavaScript. An
operation has the name of its layer's kind, so a new kind of layer takes an entry in `ARRAYS` here
and one in the table of each of the three.
"""

import base64
import dataclasses
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxmlp import __version__
from jaxmlp.config.factory import arithmetic
from jaxmlp.config.names import ACTIVATIONS, FORWARD_ONLY
from jaxmlp.config.signature import Signature
from jaxmlp.data import Columns, Preprocessing
from jaxmlp.errors import InputError, check
from jaxmlp.nn.ensemble import MEAN, SIGMOID, SOFTMAX
from jaxmlp.nn.layers import Chain, Layer, in_order
from jaxmlp.nn.noise import ONLY_IN_TRAINING

if TYPE_CHECKING:
    from jaxmlp.runs.network import Network

ARRAYS = {  # the operations, and the parameters of each; one without parameters may be left out
    "dense": ("W", "b"),
    "convolution": ("W", "b"),
    "layer_norm": ("gamma", "beta"),
    "prelu": ("alpha",),
    "max_pool": (),
    "average_pool": (),
    "flatten": (),
    "ensemble": (),
    **dict.fromkeys((*ACTIVATIONS.names, *FORWARD_ONLY.names), ()),
}
IDLE = (*ONLY_IN_TRAINING, "identity")  # they change nothing in a trained network
MIXES = {MEAN: "mean", SOFTMAX: "softmax", SIGMOID: "sigmoid"}  # of an ensemble's outputs
LINE = 96  # letters of a line of weights
ANSWERS = {  # how the outputs of each task become answers
    "multiclass": "softmax",
    "binary": "two_classes",
    "multilabel": "sigmoid",
    "regression": "numbers",
}


@dataclass(frozen=True, eq=False)
class Step:
    """One operation.

    Attributes:
      op: its name, a key of `ARRAYS`.
      arrays: its parameters.
      numbers: what it needs beside them: strides, margins, a small number.
      members: of an ensemble, the operations of each member, first to last.
    """

    op: str
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    numbers: dict[str, Any] = field(default_factory=dict)
    members: tuple[tuple["Step", ...], ...] = ()

    @property
    def every_array(self) -> list[np.ndarray]:
        """Its own parameters, and those of its members."""
        inside = [a for member in self.members for step in member for a in step.every_array]
        return [*self.arrays.values(), *inside]


@dataclass(frozen=True, eq=False)
class Description:
    """A trained network without a line of code: how inputs are encoded, computed and answered.

    Attributes:
      task: the name of the task.
      classes: the names of classes, labels or values.
      shape: the shape of one example.
      columns: how a table's row becomes inputs, in order, as `Column.to_dict` says it but for a
        `fill` of `None` where no cell may be missing; `None` where inputs are arrays.
      markers: what stands in a cell that holds nothing, in small letters.
      precise: whether inputs are scaled in float64.
      offset: subtracted from the inputs.
      scale: multiplied with them afterwards.
      bend: where it is not `None`, `z` becomes `z / sqrt(1 + (z / bend)^2)` after that.
      steps: the operations, first to last.
      temperature: what outputs are divided by before they become probabilities.
      threshold: of two classes, the probability of the second above which it is the answer.
      target_offset: of a regression, added to the answers at the end.
      target_scale: of a regression, by which they are divided before.
      facts: what a reader wants to know of the network's origin.
    """

    task: str
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    columns: list[dict[str, Any]] | None
    markers: tuple[str, ...]
    precise: bool
    offset: np.ndarray
    scale: np.ndarray
    bend: float | None
    steps: list[Step]
    temperature: float
    threshold: float
    target_offset: np.ndarray | None
    target_scale: np.ndarray | None
    facts: dict[str, Any]

    @property
    def answer(self) -> str:
        """How outputs become answers, one of the values of `ANSWERS`."""
        return ANSWERS[self.task]

    def to_plain(self) -> tuple[dict[str, Any], str]:
        """Return the description as plain numbers and lists, and its parameters as base64.

        Returns:
          The record, in which an array of the parameters is `[offset, shape]`, counted in numbers;
          and all parameters as text, in lines.
        """
        every = [array for step in self.steps for array in step.every_array]
        kinds = [array.dtype for array in every]
        dtype = np.result_type(*kinds) if kinds else np.dtype(np.float32)
        content = b"".join(np.asarray(a, dtype.newbyteorder("<")).tobytes() for a in every)
        starts = accumulate((array.size for array in every), initial=0)
        text = base64.b64encode(content).decode()
        weights = "\n".join(text[i : i + LINE] for i in range(0, len(text), LINE))
        arrays = ("offset", "scale", "target_offset", "target_scale")
        values = {name: getattr(self, name) for name in arrays}
        return {
            "task": self.task,
            "answer": self.answer,
            "classes": list(self.classes),
            "shape": list(self.shape),
            "columns": self.columns,
            "markers": list(self.markers),
            "precise": self.precise,
            "bend": self.bend,
            "temperature": self.temperature,
            "threshold": self.threshold,
            **{name: None if v is None else np.ravel(v).tolist() for name, v in values.items()},
            "weights": f"{dtype.kind}{dtype.itemsize}",
            "steps": _plain_steps(self.steps, starts),
            "facts": self.facts,
        }, weights


def _plain_steps(steps: Sequence[Step], starts: Iterator[int]) -> list[dict[str, Any]]:
    """Return operations as plain records; each array takes the next place where one starts."""
    found = []
    for step in steps:
        record = {"op": step.op, **step.numbers}
        for name, array in step.arrays.items():
            record[name] = [next(starts), list(array.shape)]
        if step.members:
            record["members"] = [_plain_steps(member, starts) for member in step.members]
        found.append(record)
    return found


def describe(network: "Network") -> Description:
    """Return the description of a trained network.

    Args:
      network: the network.

    Returns:
      The description; without the layers that change nothing outside training.

    Raises:
      InputError: if the network has a layer that no description knows, answers with quantiles, or
        its columns do not make up its inputs.
    """
    signature, recipe = network.signature, network.recipe
    if signature.quantiles:
        raise InputError("export does not know networks that answer with quantiles")
    with arithmetic(recipe.precision):
        steps = [*steps_of(network.model, network.params, signature.input_shape)]
    scaling, target = signature.preprocessing, signature.target_preprocessing
    if signature.output_activation != "identity":
        steps, target = _behind(steps, signature)
    precise = not signature.raw or recipe.precision == "float64"
    kept = np.float64 if precise else np.float32
    known = signature.columns and Columns.from_dict(signature.columns)
    if known:
        width, found = math.prod(signature.input_shape), len(known.input_names)
        check(found == width, "the columns of the network", f"for {width} inputs", found)
    return Description(
        task=signature.task,
        classes=signature.classes,
        shape=signature.input_shape,
        columns=[_column(column) for column in known.to_dict()["inputs"]] if known else None,
        markers=known.markers if known else (),
        precise=precise,
        offset=scaling.offset.astype(kept).astype(np.float64),
        scale=scaling.scale.astype(kept).astype(np.float64),
        bend=scaling.bend,
        steps=steps,
        temperature=signature.temperature,
        threshold=signature.threshold,
        target_offset=None if target is None else target.offset,
        target_scale=None if target is None else target.scale,
        facts=_facts(network),
    )


def _behind(steps: list[Step], signature: Signature) -> tuple[list[Step], Preprocessing]:
    """Return the steps of `s f(z + m / s)`: the last bias takes m / s, f follows, and then s."""
    target = signature.target_preprocessing
    assert target is not None
    shifted = _shifted(steps, np.ravel(target.offset * target.scale))
    unshifted = dataclasses.replace(target, offset=np.zeros_like(target.offset))
    return [*shifted, Step(signature.output_activation)], unshifted


def _shifted(steps: Sequence[Step], by: np.ndarray) -> tuple[Step, ...]:
    """Return the steps of `z + by`: the last bias takes it, that of each member where there are."""
    *first, last = steps
    if last.members:
        inside = tuple(_shifted(member, by) for member in last.members)
        return (*first, dataclasses.replace(last, members=inside))
    b = last.arrays["b"]
    return (*first, Step("dense", {**last.arrays, "b": (b + by).astype(b.dtype)}))


def _facts(network: "Network") -> dict[str, Any]:
    recipe = network.recipe
    names = ("dataset", "model", "hidden", "activation", "precision")
    record = {name: getattr(recipe, name) for name in names}
    return {
        "producer": f"jaxmlp {__version__}",
        **{name: [*v] if isinstance(v, tuple) else v for name, v in record.items()},
        "loss": network.signature.loss,
        "output_activation": network.signature.output_activation,
    }


def _column(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a column, with `None` for a fill that is not known."""
    fill = record.get("fill")
    return record | {"fill": None} if isinstance(fill, float) and math.isnan(fill) else record


def steps_of(model: Layer, params: Any, shape: tuple[int, ...]) -> Iterator[Step]:
    """Go through the layers of a model, first to last.

    Args:
      model: any layer, or a chain.
      params: its parameters.
      shape: of its input, without the batch axis.

    Yields:
      Each layer as an operation, without those that change nothing outside training.

    Raises:
      InputError: if a layer is none of `ARRAYS`.
    """
    for layer, own in in_order(model, params):
        if isinstance(layer, Chain):
            yield from steps_of(layer, own, shape)
        elif layer.kind == "ensemble":
            yield _ensemble(layer, own, shape)
        elif layer.kind not in IDLE:
            yield _step(layer, own, shape)
        shape = _output_shape(layer, own, shape)


def _ensemble(layer: Layer, params: Any, shape: tuple[int, ...]) -> Step:
    count = len(jax.tree.leaves(params)[0])
    each = [jax.tree.map(operator.itemgetter(k), params) for k in range(count)]
    members = tuple((*steps_of(layer.settings["member"], own, shape),) for own in each)
    return Step("ensemble", {}, {"mix": MIXES[layer.settings["mix"]]}, members)


def _output_shape(layer: Layer, params: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    kinds = [np.asarray(leaf).dtype for leaf in jax.tree.leaves(params)]
    one = jax.ShapeDtypeStruct((1, *shape), kinds[0] if kinds else np.float32)
    return tuple(jax.eval_shape(layer, params, one).shape[1:])


def _step(layer: Layer, params: Any, shape: tuple[int, ...]) -> Step:
    if layer.kind not in ARRAYS:
        raise InputError(f"export does not know the layer {layer.name!r} of this network")
    known = ARRAYS[layer.kind]
    arrays = {name: np.asarray(params[name]) for name in known if name in params}
    numbers: dict[str, Any] = {}
    if "windows" in layer.settings:
        windows = layer.settings["windows"]
        numbers = {
            "window": [*windows.size],
            "stride": [*windows.stride],
            "dilation": [*windows.dilation],
            # where no window sees the end of the image, nothing is added there
            "margins": [[before, max(after, 0)] for before, after in windows.margins(shape)],
        }
    rest = {name: value for name, value in layer.settings.items() if name != "windows"}
    return Step(layer.kind, arrays, numbers | rest)
