"""Build the sections of an explanation: the two passes of one example through a network.

The layers' own `forward` and `backward` and the loss's `gradient` compute the numbers; this module
only arranges them. Lecture rows A4, D6, D8, E6.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.errors import check
from jaxmlp.explain.formulas import (
    LAYERS,
    Formulas,
    equation,
    fill,
    formulas_of,
    with_respect_to,
)
from jaxmlp.explain.losses import loss_backward, loss_forward
from jaxmlp.explain.typeset import Line, Section
from jaxmlp.runs.inspection import Inspected

if TYPE_CHECKING:
    from jaxmlp.nn import Layer


WIDEST = 8  # numbers in a layer: the rows of a matrix then fit on a line of 100 characters


CONVENTION = (
    "As in the lectures, an example is a column, W has one row per output, and z = W a + b. The "
    "library stores an example as a row and W with one column per output, z = x W + b. Its W and "
    "dL/dW are the transposes of those shown here."
)


UNCHANGED = "Dropout is off here: every value passes unchanged."


class Stage(NamedTuple):
    """A layer with its values in the forward pass.

    Attributes:
      title: the number of the layer, as the lectures count, and its name.
      layer: the layer.
      params: its parameters.
      cache: what `forward` saved for `backward`.
      y: its output.
      formulas: the formulas of its kind.
      names: LaTeX for `$x`, `$y` and the other placeholders of the formulas.
    """

    title: str
    layer: "Layer"
    params: Any
    cache: Any
    y: Any
    formulas: Formulas
    names: dict[str, str]


def explain_network(inspected: Inspected, n: int) -> list[Section]:
    """Return the sections of the forward and backward pass of one example, in float64.

    Lecture rows D8, E6.

    Args:
      inspected: the network with its data.
      n: the number of the example in the training set, from 0.

    Returns:
      The example, a section for each layer, the loss, and a section for each layer backward.

    Raises:
      InputError: if the input or the output of a layer has more than 8 numbers.
    """
    import jax

    from jaxmlp.config.signature import arrays_from

    raw, y = inspected.dataset.x_train[n : n + 1], inspected.dataset.y_train[n : n + 1]
    _check_size("the input", raw)
    _, encoded, _ = arrays_from(inspected.signature, raw, y)
    with jax.enable_x64(True):
        x = jax.numpy.asarray(inspected.signature.preprocessing(raw), "float64")
        params = jax.tree.map(lambda w: jax.numpy.asarray(w, "float64"), inspected.params)
        stages, targets = _forward(inspected.model, params, x), jax.numpy.asarray(encoded)
        z, name, loss = stages[-1].y, stages[-1].names["y"], inspected.loss
        return [
            Section(f"{inspected.dataset.name}, training example {n}", _example(inspected, raw, x)),
            *(_forward_section(stage) for stage in stages),
            loss_forward(inspected, z, name, targets, y),
            loss_backward(inspected, z, name, targets),
            *_backward(stages, loss.gradient(z, targets)),
        ]


def _check_size(what: str, x: Any) -> None:
    check(x.size <= WIDEST, what, f"at most {WIDEST} numbers wide to be shown", x.size)


def _example(inspected: Inspected, raw: np.ndarray, x: Any) -> list[Any]:
    kind = inspected.signature.preprocessing.kind
    given = ", ".join(f"{value:g}" for value in raw.ravel())
    after = "." if kind == "none" else f"; after preprocessing ({kind}):"
    return [CONVENTION, f"The inputs are {given}{after}", Line("a^{[0]} = x", x[0])]


def _forward(model: "Layer", params: Any, x: Any) -> list[Stage]:
    from jaxmlp.nn.layers import in_order

    stages, name, number = [], "a^{[0]}", 0
    for k, (layer, w) in enumerate(in_order(model, params), 1):
        y, cache = layer.forward(w, x)
        _check_size(f"the output of {layer.name}", y)
        if layer.kind == "flatten" and y.shape == x.shape:
            continue  # it changes nothing
        unknown = Formulas(f"h_{{{k}}}", rf"\text{{{layer.name}}}($x)", {})
        formulas, names = formulas_of(layer) or unknown, {"x": name, "xT": _transposed(name)}
        names |= {"alpha": f"{layer.settings.get('alpha', 0):g}"}
        number += formulas.symbol == "z"
        if layer.kind != "dropout":
            name = f"{formulas.symbol}^{{[{number}]}}" if layer.kind in LAYERS else formulas.symbol
        names |= {"y": name, "dy": with_respect_to(name), "l": str(number)}
        stages.append(Stage(f"layer {number}, {layer.name}", layer, w, cache, y, formulas, names))
        x = y
    return stages


def _forward_section(stage: Stage) -> Section:
    names = stage.names
    lines = [Line(_parameter(path, names), w) for path, w in _leaves(stage, stage.params)]
    if names["y"] != names["x"]:
        lines.append(Line(fill(f"$y = {stage.formulas.forward}", names), stage.y[0]))
    return Section(f"Forward: {stage.title}", [*lines] or [UNCHANGED], "forward")


def _backward(stages: list[Stage], dy: Any) -> list[Section]:
    """Return the gradients layer by layer, from `dy`, the gradient of the loss."""
    import jax

    sections = []
    for layer, names, rules in ((s, s.names, s.formulas) for s in reversed(stages)):
        lines = []
        if rules.slope:
            ones = jax.numpy.ones_like(dy)
            _, slopes = layer.layer.backward(layer.params, layer.cache, ones)
            lines.append(Line(fill(f"f'($x) = {rules.slope}", names), slopes[0]))
        dparams, dy = layer.layer.backward(layer.params, layer.cache, dy)
        for path, dw in _leaves(layer, dparams):
            left = with_respect_to(_parameter(path, names))
            lines.append(Line(equation(left, rules.gradients.get(path, ""), names), dw))
        if names["y"] != names["x"]:
            left = with_respect_to(names["x"], True)
            lines.append(Line(equation(left, rules.gradients.get("x", ""), names), dy[0]))
        sections.append(Section(f"Backward: {layer.title}", [*lines] or [UNCHANGED], "backward"))
    return sections


def _leaves(stage: Stage, tree: Any) -> list[tuple[str, Any]]:
    """Return the name and value of each leaf, with the kernel `W` transposed as in the lectures."""
    import jax

    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    dense = stage.layer.kind == "dense"
    return [
        (jax.tree_util.keystr(path, simple=True, separator="."), leaf.T if dense else leaf)
        for path, leaf in leaves
    ]


def _parameter(path: str, names: dict[str, str]) -> str:
    letter = {"alpha": r"\alpha"}.get(path, path if len(path) == 1 else rf"\text{{{path}}}")
    return f"{letter}^{{[{names['l']}]}}"


def _transposed(name: str) -> str:
    return name[:-1] + r"\top}" if name.endswith("]}") else name + r"^{\top}"
