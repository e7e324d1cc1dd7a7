"""Explain one forward and backward pass, number by number: `python -m jaxmlp.explain [options]`.

Every value, the loss, every delta and every gradient stand beside the formula they come from, as
text or as a page for a browser. The numbers are those of the layers' own `forward` and `backward`
and the loss's `gradient`; here they are only arranged. Lecture rows B5, B6, D8, E6.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.cli.parser import Parser, add_fields, run_command
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check
from jaxmlp.explain.formulas import LAYERS, LOSSES, OUTPUTS, Formulas
from jaxmlp.explain.typeset import Line, Section, as_page, as_text
from jaxmlp.files import write_atomically
from jaxmlp.runs.inspection import Subject, default, load_subject, training_only

if TYPE_CHECKING:
    from jaxmlp.nn import Layer


PROG = "python -m jaxmlp.explain"


HIDDEN = (3,)


EXAMPLE = 1


MOST = 8  # numbers in a layer, so that a matrix fits on a line of 100 characters


CONVENTION = (
    "As in the lectures an example is a column, W has a row per output, and z = W a + b. The "
    "library keeps examples in rows and W with a column per output, z = x W + b: its W and dL/dW "
    "are the transposes of those shown."
)


UNCHANGED = "Nothing is dropped where nothing is drawn: everything passes."


GATES = (
    "Values go forward, gradients back: an add gate distributes what comes back, a mul gate swaps "
    "its inputs, a copy gate adds up, a max gate routes to the larger (if equal, to the first)."
)


@dataclass(frozen=True)
class Options(Config):
    """A training configuration whose defaults are small enough to be printed."""

    dataset: str = default("dataset", "xor")
    hidden: tuple[int, ...] | None = default("hidden", None, "width of each hidden layer (3)")
    activation: tuple[str, ...] = default("activation", ("sigmoid",))
    initializer: str = default("initializer", "xavier_normal")


class Stage(NamedTuple):
    """A layer at work.

    Attributes:
      title: its number in the lecture's sense, and its name.
      layer: the layer.
      params: its parameters.
      cache: what `forward` left for `backward`.
      y: its output.
      formulas: of its kind.
      names: LaTeX for what `$x`, `$y` and so on stand for.
    """

    title: str
    layer: "Layer"
    params: Any
    cache: Any
    y: Any
    formulas: Formulas
    names: dict[str, str]


def make_parser() -> Parser:
    """Return the command's argument parser."""
    text = "Show every number of a forward and backward pass beside its formula."
    parser = Parser(prog=PROG, description=text)
    group = parser.add_argument_group("what is shown")
    group.add_argument("--gates", action="store_true", help="graphs of gates instead of a network")
    group.add_argument("--run", metavar="RUN", help="this run's trained network")
    group.add_argument(
        "--example", type=int, metavar="N", help=f"of the training set, from 0; default {EXAMPLE}"
    )
    group.add_argument("--html", metavar="FILE", help="write a page for a browser instead of text")
    add_fields(parser, Options, skip=[*training_only(), "dropout"])
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    given = vars(make_parser().parse_args(arguments))
    gates, run, n, file = (given.pop(name) for name in ("gates", "run", "example", "html"))
    if gates:
        others = [*given, *(["run"] if run else []), *(["example"] if n is not None else [])]
        check(not others, "--gates", "given without options of a network", ", ".join(others))
        title, sections = "Gates", explain_gates()
    else:
        subject = load_subject(run, given, Options, HIDDEN)
        total = len(subject.dataset.x_train)
        n = min(EXAMPLE, total - 1) if n is None else n
        check(0 <= n < total, "example", f"from 0 to {total - 1}", n)
        title, sections = "Forward and backward", explain_network(subject, n)
    if file is None:
        encoding = sys.stdout.encoding or "utf-8"
        print(as_text(sections).encode(encoding, "replace").decode(encoding))
        return 0
    try:
        write_atomically(Path(file), as_page(title, sections))
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from None
    print(file)
    return 0


def explain_gates() -> list[Section]:
    """Return the graphs of lecture B, forward and backward (B5, B6)."""
    from jaxmlp.nn.gates import add_and_multiply, four_gates, neuron

    shown = (
        ("A sum and a product", "f = (x + y) z", add_and_multiply()),
        ("All four gates", r"f = x y + \max(x, y)", four_gates()),
        ("A sigmoid neuron", r"a = \sigma(w_0 x_0 + w_1 x_1 + w_2)", neuron()),
    )
    graphs = (
        Section(title, [Line(formula, graph.edges[-1].value), graph])
        for title, formula, graph in shown
    )
    return [Section("Gates and their rules", [GATES]), *graphs]


def explain_network(subject: Subject, n: int) -> list[Section]:
    """Return the forward and backward pass of one example, in float64.

    Args:
      subject: the network with its data.
      n: the number of the example in the training set.

    Returns:
      The sections of the explanation.

    Raises:
      InputError: if the network is too large to be printed.
    """
    import jax

    from jaxmlp.config.signature import arrays_from

    raw, y = subject.dataset.x_train[n : n + 1], subject.dataset.y_train[n : n + 1]
    _check_size("the input", raw)
    _, encoded, _ = arrays_from(subject.spec, raw, y)
    with jax.enable_x64(True):
        x = jax.numpy.asarray(subject.spec.preprocessing(raw), "float64")
        params = jax.tree.map(lambda w: jax.numpy.asarray(w, "float64"), subject.params)
        stages, targets = _forward(subject.model, params, x), jax.numpy.asarray(encoded)
        z, name = stages[-1].y, stages[-1].names["y"]
        return [
            Section(f"{subject.dataset.name}, training example {n}", _example(subject, raw, x)),
            *(_forward_section(stage) for stage in stages),
            Section(f"Loss: {subject.loss.name}", _loss(subject, z, name, targets, y), "forward"),
            *_backward(subject, stages, subject.loss.gradient(z, targets)),
        ]


def _check_size(what: str, x: Any) -> None:
    check(x.size <= MOST, what, f"at most {MOST} numbers wide, to be printed", x.size)


def _example(subject: Subject, raw: np.ndarray, x: Any) -> list[Any]:
    kind = subject.spec.preprocessing.kind
    given = ", ".join(f"{value:g}" for value in raw.ravel())
    made = "" if kind == "none" else f"; preprocessing ({kind}) makes of them what follows"
    return [CONVENTION, f"The data have the inputs {given}{made}.", Line("a^{[0]} = x", x[0])]


def _forward(model: "Layer", params: Any, x: Any) -> list[Stage]:
    from jaxmlp.nn.layers import in_order

    stages, name, number = [], "a^{[0]}", 0
    for k, (layer, w) in enumerate(in_order(model, params), 1):
        y, cache = layer.forward(w, x)
        _check_size(layer.name, y)
        if layer.kind == "flatten" and y.shape == x.shape:
            continue  # there is nothing to see
        unknown = Formulas(f"h_{{{k}}}", rf"\text{{{layer.name}}}($x)", {})
        formulas, names = LAYERS.get(layer.kind, unknown), {"x": name, "xT": _transposed(name)}
        number += formulas.symbol == "z"
        if layer.kind != "dropout":
            name = f"{formulas.symbol}^{{[{number}]}}" if layer.kind in LAYERS else formulas.symbol
        names |= {"y": name, "dy": _with_respect_to(name), "l": str(number)}
        stages.append(Stage(f"layer {number}, {layer.name}", layer, w, cache, y, formulas, names))
        x = y
    return stages


def _forward_section(stage: Stage) -> Section:
    names = stage.names
    lines = [Line(_parameter(path, names), w) for path, w in _leaves(stage, stage.params)]
    if names["y"] != names["x"]:
        lines.append(Line(_fill(f"$y = {stage.formulas.forward}", names), stage.y[0]))
    return Section(f"Forward: {stage.title}", [*lines] or [UNCHANGED], "forward")


def _loss(subject: Subject, z: Any, name: str, targets: Any, y: np.ndarray) -> list[Any]:
    """Return the loss of the raw outputs `z`, and what they predict."""
    import jax

    from jaxmlp.nn.losses import softened
    from jaxmlp.training import TASKS

    output, value, _ = LOSSES.get(subject.spec.loss, ("", "", ""))
    items: list[Any] = [Line("y", softened(z, targets, subject.config.label_smoothing)[0])]
    if output:
        predicted = getattr(jax.nn, output)(z)[0]
        items.append(Line(rf"\hat{{y}} = {OUTPUTS[output]}({name})", predicted))
    formula = _fill(f"L = {value}", {"z": name}) if value else "L"
    items.append(Line(formula, subject.loss(z, targets)))
    if subject.spec.task in ("multiclass", "binary"):
        p = np.asarray(TASKS[subject.spec.task].probabilities(z))[0]
        names = subject.spec.classes
        answer = names[int(y[0])]
        sure = f" ({p.max():.1%})" if output else ""
        items.append(f"The network says {names[p.argmax()]}{sure}; it is {answer}.")
    return items


def _backward(subject: Subject, stages: list[Stage], dy: Any) -> list[Section]:
    """Return what comes back from `dy`, the loss's gradient, layer by layer."""
    import jax

    name, rule = stages[-1].names["y"], LOSSES.get(subject.spec.loss, ("", "", ""))[2]
    line = Line(_equation(_with_respect_to(name, True), rule, {"z": name}), dy[0])
    sections = [Section(f"Backward: {subject.loss.name}", [line], "backward")]
    for layer, names, rules in ((s, s.names, s.formulas) for s in reversed(stages)):
        lines = []
        if rules.slope:
            ones = jax.numpy.ones_like(dy)
            _, slopes = layer.layer.backward(layer.params, layer.cache, ones)
            lines.append(Line(_fill(f"f'($x) = {rules.slope}", names), slopes[0]))
        dparams, dy = layer.layer.backward(layer.params, layer.cache, dy)
        for path, dw in _leaves(layer, dparams):
            left = _with_respect_to(_parameter(path, names))
            lines.append(Line(_equation(left, rules.gradients.get(path, ""), names), dw))
        if names["y"] != names["x"]:
            left = _with_respect_to(names["x"], True)
            lines.append(Line(_equation(left, rules.gradients.get("x", ""), names), dy[0]))
        sections.append(Section(f"Backward: {layer.title}", [*lines] or [UNCHANGED], "backward"))
    return sections


def _leaves(stage: Stage, tree: Any) -> list[tuple[str, Any]]:
    """Return the name and value of each parameter, or gradient, as the lectures have it."""
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


def _with_respect_to(name: str, first: bool = False) -> str:
    """Return LaTeX for `dL/dname`; that of a z is called delta, which is said first."""
    derivative = rf"\frac{{\partial L}}{{\partial {name}}}"
    if not name.startswith("z"):
        return derivative
    delta = name.replace("z", r"\delta", 1)
    return f"{delta} = {derivative}" if first else delta


def _transposed(name: str) -> str:
    return name[:-1] + r"\top}" if name.endswith("]}") else name + r"^{\top}"


def _equation(left: str, right: str, names: dict[str, str]) -> str:
    return f"{left} = {_fill(right, names)}" if right else left


def _fill(latex: str, names: dict[str, str]) -> str:
    return Template(latex).substitute(names)


if __name__ == "__main__":
    sys.exit(main())
