"""The sections of graphs of gates: a picture, every step forward and backward, and a table.

The gates' own rules compute the numbers; this module only words them. Lecture rows B5, B6.
"""

from typing import NamedTuple

from jaxmlp.explain.expression import circuit
from jaxmlp.explain.layout import STUB, Drawing, draw
from jaxmlp.explain.rows import source
from jaxmlp.explain.typeset import Line, Section
from jaxmlp.nn.gates import (
    Edge,
    Gate,
    Graph,
    Node,
    add_and_multiply,
    copy,
    four_gates,
    neuron,
    short,
)

GATES = (
    "Values go forward and gradients go back. An add gate distributes the gradient: it passes to "
    "every input. A mul gate swaps its inputs: each input gets the gradient times the other input. "
    "A copy gate adds up the gradients that come back. A max gate routes the gradient to the "
    "larger input, and to the first input if they are equal."
)
SYMBOLS = {"add": "+", "sub": "−", "neg": "−", "mul": "×", "div": "÷", "power": "^", "sigmoid": "σ"}


class Step(NamedTuple):
    """A step of a pass through a graph.

    Attributes:
      name: its name on the page.
      words: what is computed.
      direction: `forward` or `backward`.
    """

    name: str
    words: str
    direction: str


class Number(NamedTuple):
    """A number on a wire of a drawing.

    Attributes:
      kind: `value` or `gradient`.
      text: the number.
      x, y: where its middle is written.
      step: the name of the step that computes it, empty if it is given.
    """

    kind: str
    text: str
    x: float
    y: float
    step: str


class Picture:
    """A graph of gates with its drawing and its steps; as text it is the table of its wires."""

    LEGEND = (
        "Above each wire stands its value, below it the gradient: the derivative of the result "
        "with respect to this value. The first operand of a gate comes in at the top. A wire that "
        "forks carries one value to several gates; their gradients add up."
    )

    def __init__(self, graph: Graph, name: str = "g") -> None:
        self.graph, self.name, self.cited = graph, name, source("graph")
        self.drawing: Drawing = draw(graph, _symbol)
        self.steps = _steps(graph, name)
        self.numbers = self._numbers()
        self.title = f"{graph.edges[-1].name} = {short(graph.edges[-1].value)}"

    def _numbers(self) -> list[Number]:
        found = []
        for box in self.drawing.boxes:
            if box.edge is not None:
                edge, x = box.edge, box.x + box.width - STUB / 2
                after = _step_of_value(self.graph, edge, self.name)
                found.append(Number("value", short(edge.value), x, box.y - 6, after))
                gradient = short(edge.gradient or 0.0)
                after = _step_of_gradient(self.graph, edge, self.name)
                found.append(Number("gradient", gradient, x, box.y + 16, after))
        return found

    def __str__(self) -> str:
        """Return the table of the wires."""
        return str(self.graph)


def explain_gates() -> list[Section]:
    """Return a section for each graph of gates, with values and gradients."""
    shown = (
        ("A sum and a product", "f = (x + y) z", add_and_multiply()),
        ("All four gates", r"f = x y + \max(x, y)", four_gates()),
        ("A sigmoid neuron", r"a = \sigma(w_0 x_0 + w_1 x_1 + w_2)", neuron()),
    )
    graphs = (
        Section(title, [Line(formula, graph.edges[-1].value), Picture(graph, f"g{i}")])
        for i, (title, formula, graph) in enumerate(shown)
    )
    return [Section("Gates and their rules", [GATES]), *graphs]


def explain_expression(text: str, assignments: list[str]) -> list[Section]:
    """Return the section of an expression as a graph of gates.

    Args:
      text: the expression.
      assignments: the values of its names, such as `x=-2`.

    Returns:
      The section.

    Raises:
      InputError: see `jaxmlp.explain.expression.circuit`.
    """
    graph = circuit(text, assignments)
    result = graph.edges[-1]
    title = f"{result.name} = {text.strip()}"
    return [Section(title, [Picture(graph)])]


def _symbol(gate: Gate) -> str:
    """Return what is written in the box of a gate, which is at best its sign."""
    name = gate.name.replace("power ", "^").replace("times ", "×").replace("-", "−")
    return SYMBOLS.get(gate.name, name)


def _gates(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.gate is not copy]


def _step_of_value(graph: Graph, edge: Edge, name: str) -> str:
    maker = edge.maker
    while maker is not None and maker.gate is copy:
        maker = maker.inputs[0].maker
    return "" if maker is None else f"{name}-f{graph.nodes.index(maker)}"


def _step_of_gradient(graph: Graph, edge: Edge, name: str) -> str:
    return f"{name}-b{graph.nodes.index(edge.user)}" if edge.user else f"{name}-end"


def _steps(graph: Graph, name: str) -> list[Step]:
    """Return every step: each gate forward, then the result, then each gate backward."""
    end = graph.edges[-1].name
    index = graph.nodes.index
    forward = [Step(f"{name}-f{index(n)}", _forward(n), "forward") for n in _gates(graph)]
    first = Step(f"{name}-end", f"The gradient starts at the end: ∂{end}/∂{end} = 1.", "backward")
    backward = [
        Step(f"{name}-b{index(node)}", _backward(node, end), "backward")
        for node in reversed(graph.nodes)
    ]
    return [*forward, first, *backward]


def _forward(node: Node) -> str:
    names = node.gate.apply(*(edge.name for edge in node.inputs))
    form = _bracketed if node.gate.written else short
    values = node.gate.apply(*(form(edge.value) for edge in node.inputs))
    return f"{node.outputs[0].name} = {names} = {values} = {short(node.outputs[0].value)}"


def _backward(node: Node, end: str) -> str:
    """Return what a gate's rule makes of the gradient, as product of it and the local slope."""
    wires, df = node.inputs, [edge.gradient or 0.0 for edge in node.outputs]
    head = f"{node.gate.name} {node.gate.rule}: "
    if node.gate is copy:
        total = short(wires[0].gradient or 0.0)
        return f"{head}∂{end}/∂{wires[0].name} = {' + '.join(map(_bracketed, df))} = {total}"
    x, f = tuple(edge.value for edge in wires), node.outputs[0].value
    slopes = node.gate.backward(x, f, 1.0)
    return head + ", ".join(
        f"∂{end}/∂{wire.name} = {_bracketed(df[0])} × {_bracketed(slope)} ="
        f" {short(wire.gradient or 0.0)}"
        for wire, slope in zip(wires, slopes, strict=True)
    )


def _bracketed(number: float) -> str:
    text = short(number)
    return f"({text})" if text.startswith("-") else text
