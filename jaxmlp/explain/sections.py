"""Build the sections of an explanation: the two passes of one example through a network.

The layers' own `forward` and `backward` and the loss's `gradient` compute the numbers; this module
only arranges them. Lecture rows A4, D6, D8, E6.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.errors import InputError, check
from jaxmlp.explain.batch import Batch, batch_sections, take_means
from jaxmlp.explain.formulas import (
    LAYERS,
    Formulas,
    equation,
    fill,
    formulas_of,
    with_respect_to,
)
from jaxmlp.explain.losses import loss_backward, loss_forward
from jaxmlp.explain.remarks import remarks_of
from jaxmlp.explain.rows import source
from jaxmlp.explain.typeset import Line, Parameter, Remark, Section
from jaxmlp.explain.updates import Stepper, check_step, update_sections, why_not
from jaxmlp.runs.inspection import Inspected

if TYPE_CHECKING:
    from jaxmlp.nn import Layer


WIDEST = 8  # numbers in a layer: the rows of a matrix then fit on a line of 100 characters


CONVENTION = (
    "As in the lectures, an example is a column, W has one row per output, and z = W a + b. The "
    "library stores an example as a row and W with one column per output, z = x W + b. Its W and "
    "dL/dW are the transposes of those shown here."
)


MOST_LAYERS = 40
MOST_EXAMPLES = 16


NO_GRADIENT = "Every slope is 0 here: of this example no gradient passes to the layers below."


UNCHANGED = {
    "dropout": "Dropout is off here: every value passes unchanged.",
    "gaussian_noise": "Noise is off here: every value passes unchanged.",
}


class Stage(NamedTuple):
    """A layer with its values in the forward pass.

    Attributes:
      place: its number in the chain, from 1.
      title: the number of the layer, as the lectures count, and its name.
      layer: the layer.
      params: its parameters.
      cache: what `forward` saved for `backward`.
      y: its output.
      formulas: the formulas of its kind.
      names: LaTeX for `$x`, `$y` and the other placeholders of the formulas.
    """

    place: int
    title: str
    layer: "Layer"
    params: Any
    cache: Any
    y: Any
    formulas: Formulas
    names: dict[str, str]


def explain_network(
    inspected: Inspected, n: int, examples: int = 1, step: int = 1
) -> list[Section]:
    """Return the sections of the forward and backward pass and of the update, in float64.

    Lecture rows D8, E6.

    Args:
      inspected: the network with its data.
      n: the number of the example in the training set, from 0.
      examples: the size of the batch: this example and those after it.
      step: the number of the step that is shown; those before it take the same batch.

    Returns:
      The example, a section for each layer, the loss, and a section for each layer backward; the
      mean of the batch, if it has several examples; and the update.

    Raises:
      InputError: if the input or the output of a layer has more than 8 numbers, or there are more
        than 40 layers; if there are no such examples, or no such step.
    """
    import jax

    check_step(step)
    reason = why_not(inspected, finite=True)
    check(not reason or step == 1, "--step", "1 for this run", step)
    batch = _examples(inspected, n, examples)
    with jax.enable_x64(True):
        params = jax.tree.map(lambda w: jax.numpy.asarray(w, "float64"), inspected.params)
        _forward(inspected.model, params, batch.x[:1])  # which looks at the sizes
        stepper = Stepper(inspected, params)
        for t in range(1, step + 1):
            params = stepper.params
            means = take_means(inspected, params, batch)
            finite = bool(jax.numpy.isfinite(means.loss))
            if t < step:
                check(finite, "--step", f"at most {t}, since the loss is not finite there", step)
                stepper.step(means.gradient)
        stages = _forward(inspected.model, params, batch.x[:1])
        parameters = _parameters(stages)
        reason = why_not(inspected, finite)
        updates = [Section("Update", [reason], "update")]
        if not reason:
            update = stepper.step(means.gradient)
            updates = update_sections(inspected, update, params, parameters)
        return [
            *_passes(inspected, params, stages, batch),
            *batch_sections(batch, means, parameters),
            *updates,
        ]


def _examples(inspected: Inspected, n: int, examples: int) -> Batch:
    """Return the examples of the batch as the network takes them, in float64."""
    import jax

    from jaxmlp.config.problem import example_weights
    from jaxmlp.config.signature import arrays_from

    data, total = inspected.dataset, len(inspected.dataset.x_train)
    check(0 <= n < total, "--example", f"from 0 to {total - 1}", n)
    most = min(MOST_EXAMPLES, total - n)
    check(1 <= examples <= most, "--examples", f"from 1 to {most}", examples)
    numbers = [*range(n, n + examples)]
    raw, y = data.x_train[numbers], data.y_train[numbers]
    _check_size("the input", raw[0])
    weights = example_weights(inspected.recipe, data, inspected.train)
    _, encoded, _ = arrays_from(inspected.signature, raw, y)
    with jax.enable_x64(True):
        x = jax.numpy.asarray(inspected.signature.preprocessing(raw), "float64")
        shares = None if weights is None else jax.numpy.asarray(weights[numbers], "float64")
        return Batch(numbers, raw, y, x, jax.numpy.asarray(encoded), shares)


def _passes(inspected: Inspected, params: Any, stages: list[Stage], batch: Batch) -> list[Section]:
    """Return the sections of the two passes of the first example of a batch."""
    z, name = stages[-1].y, stages[-1].names["y"]
    remarks, targets = remarks_of(inspected, params), batch.targets[:1]
    title = f"{inspected.dataset.name}, training example {batch.numbers[0]}"
    return [
        Section(title, _example(inspected, batch.raw[:1], batch.x[:1])),
        *(_forward_section(stage, remarks.get(stage.place)) for stage in stages),
        loss_forward(inspected, z, name, targets, batch.y[:1]),
        loss_backward(inspected, z, name, targets),
        *_backward(stages, inspected.loss.gradient(z, targets)),
    ]


def _parameters(stages: list[Stage]) -> list[Parameter]:
    return [
        Parameter(stage.title, _parameter(path, stage.names), stage.layer.kind == "dense")
        for stage in stages
        for path, _ in _leaves(stage, stage.params)
    ]


def _check_size(what: str, x: Any) -> None:
    if x.size > WIDEST:
        raise InputError(
            f"{what} must be at most {WIDEST} numbers wide to be shown, got {x.size};"
            " --summary shows the layers of a network of any size"
        )


def _example(inspected: Inspected, raw: np.ndarray, x: Any) -> list[Any]:
    kind = inspected.signature.preprocessing.kind
    given = ", ".join(f"{value:g}" for value in raw.ravel())
    after = "." if kind == "none" else f"; after preprocessing ({kind}):"
    return [
        CONVENTION,
        f"The inputs are {given}{after}",
        Line("a^{[0]} = x", x[0], source("input")),
    ]


def _forward(model: "Layer", params: Any, x: Any) -> list[Stage]:
    from jaxmlp.nn.layers import in_order
    from jaxmlp.nn.noise import ONLY_IN_TRAINING

    stages, name, number = [], "a^{[0]}", 0
    layers = in_order(model, params)
    if len(layers) > MOST_LAYERS:
        raise InputError(
            f"the network must have at most {MOST_LAYERS} layers to be shown, got {len(layers)};"
            " --summary shows the layers of a network of any size"
        )
    for k, (layer, w) in enumerate(layers, 1):
        y, cache = layer.forward(w, x)
        _check_size(f"the output of {layer.name}", y)
        if layer.kind == "flatten" and y.shape == x.shape:
            continue  # it changes nothing
        unknown = Formulas(f"h_{{{k}}}", rf"\text{{{layer.name}}}($x)", {})
        formulas, names = formulas_of(layer) or unknown, {"x": name, "xT": _transposed(name)}
        names |= {"alpha": f"{layer.settings.get('alpha', 0):g}"}
        number += formulas.symbol == "z"
        if layer.kind not in ONLY_IN_TRAINING:
            name = f"{formulas.symbol}^{{[{number}]}}" if layer.kind in LAYERS else formulas.symbol
        names |= {"y": name, "dy": with_respect_to(name), "l": str(number)}
        title = f"layer {number}, {layer.name}"
        stages.append(Stage(k, title, layer, w, cache, y, formulas, names))
        x = y
    return stages


def _forward_section(stage: Stage, remark: Remark | None) -> Section:
    names, kind = stage.names, stage.layer.kind
    items: list[Any] = [
        Line(_parameter(path, names), w) for path, w in _leaves(stage, stage.params)
    ]
    if names["y"] != names["x"]:
        formula = fill(f"$y = {stage.formulas.forward}", names)
        items.append(Line(formula, stage.y[0], source(kind)))
    items += [] if remark is None else [remark]
    return Section(f"Forward: {stage.title}", items or [UNCHANGED[kind]], "forward")


def _backward(stages: list[Stage], dy: Any) -> list[Section]:
    """Return the gradients layer by layer, from `dy`, the gradient of the loss."""
    import jax

    sections = []
    for layer, names, rules in ((s, s.names, s.formulas) for s in reversed(stages)):
        lines: list[Any] = []
        kind = layer.layer.kind
        if rules.slope:
            ones = jax.numpy.ones_like(dy)
            _, slopes = layer.layer.backward(layer.params, layer.cache, ones)
            lines.append(Line(fill(f"f'($x) = {rules.slope}", names), slopes[0], source(kind)))
            if not slopes.any():
                lines.append(Remark(NO_GRADIENT, source("dead"), loud=True))
        dparams, dy = layer.layer.backward(layer.params, layer.cache, dy)
        for path, dw in _leaves(layer, dparams):
            left = with_respect_to(_parameter(path, names))
            formula = equation(left, rules.gradients.get(path, ""), names)
            lines.append(Line(formula, dw, source("delta" if kind == "dense" else kind)))
        if names["y"] != names["x"]:
            left = with_respect_to(names["x"], True)
            if names["x"] == "a^{[0]}":
                left += rf" = {with_respect_to('x')}"
            formula = equation(left, rules.gradients.get("x", ""), names)
            lines.append(Line(formula, dy[0], source("delta")))
        items = [*lines] or [UNCHANGED[kind]]
        sections.append(Section(f"Backward: {layer.title}", items, "backward"))
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
