"""Backpropagation at its smallest: numbers that flow through gates, and gradients that flow back.

A gate computes its output `f`. Its local rule takes `df`, the derivative of the graph's result with
respect to `f`, and computes those with respect to its inputs. The graph is the chain rule.
`jaxmlp.nn.layers` does the same with arrays. Lecture rows B5, B6.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jaxmlp.errors import InputError, check


class Gate(NamedTuple):
    """A function of a few numbers, and its rule for the gradient that comes back.

    Attributes:
      name: what it is called.
      rule: what it does with the gradient, in a word or two.
      forward: `(*x) -> f`.
      backward: `(x, f, df) -> dx`, with the tuple `x` of its inputs; a `dx` for each of them. Only
        a copy has several wires that go out, and a `df` for each.
      written: how people write it, with braces for its inputs; empty for `name(x, y)`.
    """

    name: str
    rule: str
    forward: Callable[..., float]
    backward: Callable[..., tuple[float, ...]]
    written: str = ""

    def apply(self, *inputs: str) -> str:
        """Return the gate with its inputs as people write it: `x + y`, `max(x, y)`."""
        return self.written.format(*inputs) or f"{self.name}({', '.join(inputs)})"


add = Gate("add", "distributes", lambda x, y: x + y, lambda x, f, df: (df, df), "{} + {}")
"""`f = x + y`; `dx = dy = df`: the gradient is distributed (lecture row B5)."""

mul = Gate("mul", "swaps", lambda x, y: x * y, lambda x, f, df: (df * x[1], df * x[0]), "{} × {}")
"""`f = x y`; `dx = df y` and `dy = df x`: the factors swap places (lecture row B5)."""

copy = Gate("copy", "adds up", lambda x: x, lambda x, f, *df: (sum(df),))
"""`f = x`, on any number of wires; `dx = sum_i df_i`: gradients add up (lecture row B5)."""


def routed(x: tuple[float, ...], f: float, df: float) -> tuple[float, ...]:
    """Return the gradients of a gate that passes on one of its inputs: that one gets all."""
    chosen = x.index(f)  # the first of equal ones
    return tuple(df if i == chosen else 0.0 for i in range(len(x)))


maximum = Gate("max", "routes", max, routed)
"""`f = max(x, y, ...)`; the gradient is routed to the largest, the others get 0 (lecture row B5).

In a tie, where there is no derivative, it goes to the first.
"""

exp = Gate("exp", "times f", math.exp, lambda x, f, df: (df * f,))
"""`f = e^x`; `dx = df f` (lecture row B6)."""

reciprocal = Gate("1/x", "times -f²", lambda x: 1 / x, lambda x, f, df: (-df * f * f,), "1 / {}")
"""`f = 1 / x`; `dx = -df / x^2 = -df f^2` (lecture row B6)."""


def _sigmoid(x: float) -> float:
    small = math.exp(-abs(x))  # never overflows
    return (1 if x >= 0 else small) / (1 + small)


sigmoid = Gate("sigmoid", "times f (1 - f)", _sigmoid, lambda x, f, df: (df * f * (1 - f),))
"""`f = 1 / (1 + e^-x)`; `dx = df f (1 - f)`: four gates in one (lecture row B6)."""


def shift(c: float) -> Gate:
    """The gate `f = x + c` for a constant `c`; `dx = df` (lecture row B6)."""
    written = f"{{}} {'-' if c < 0 else '+'} {abs(c):g}"
    return Gate(f"{c:+g}", "passes on", lambda x: x + c, lambda x, f, df: (df,), written)


def scale(c: float) -> Gate:
    """The gate `f = c x` for a constant `c`; `dx = c df` (lecture row B6)."""
    return Gate(
        f"times {c:g}", "scales", lambda x: c * x, lambda x, f, df: (c * df,), f"{c:g} × {{}}"
    )


@dataclass(eq=False)
class Edge:
    """A wire, with the number it carries forward and the one it carries backward.

    Attributes:
      name: its name in the table.
      value: the number that it carries forward.
      maker: the gate from which it comes, `None` for an input.
      user: the gate at which it ends, `None` if it ends at none.
      gradient: the number that it carries backward, `None` before the backward pass.
    """

    name: str
    value: float
    maker: "Node | None" = field(default=None, repr=False)
    user: "Node | None" = field(default=None, repr=False)
    gradient: float | None = None


@dataclass(eq=False)
class Node:
    """A gate in its place: the wires that come in, and those that go out."""

    gate: Gate
    inputs: tuple[Edge, ...]
    outputs: tuple[Edge, ...] = ()


class Graph:
    """Gates and wires, in the order in which the values were computed.

    A wire ends at one gate. To use a value twice, copy it; so only copy gates add gradients up.

    >>> graph = Graph()
    >>> x = graph.input("x", 3.0)
    >>> square = graph(mul, *graph.copy(x), name="square")
    >>> graph.backward(square)
    >>> x.gradient
    6.0
    """

    HEADER = ("wire", "value", "gradient", "value from", "gradient from")

    def __init__(self) -> None:
        self.inputs: list[Edge] = []
        self.nodes: list[Node] = []
        self._known: set[Edge] = set()

    @property
    def edges(self) -> list[Edge]:
        """Every wire: the inputs, then the outputs of each gate."""
        return self.inputs + [edge for node in self.nodes for edge in node.outputs]

    def input(self, name: str, value: float) -> Edge:
        """Return a new wire that comes from outside.

        Args:
          name: its name in the table.
          value: a finite number.

        Returns:
          The wire.

        Raises:
          InputError: if the number is not finite.
        """
        check(math.isfinite(value), name, "a finite number", value)
        self.inputs.append(Edge(name, value))
        self._known.add(self.inputs[-1])
        return self.inputs[-1]

    def __call__(self, gate: Gate, *inputs: Edge, name: str = "") -> Edge:
        """Send values through a gate, and return the wire that comes out.

        Args:
          gate: any gate.
          *inputs: wires of this graph, as many as the gate takes.
          name: of the new wire.

        Returns:
          The new wire.

        Raises:
          InputError: if a wire is not this graph's or not free, or the result is not finite.
        """
        return self._send(gate, inputs, [name or f"e{len(self.nodes) + 1}"])[0]

    def copy(self, edge: Edge, times: int = 2) -> tuple[Edge, ...]:
        """Send a value through a copy gate, and return the wires that come out.

        Args:
          edge: a wire of this graph.
          times: how many wires come out.

        Returns:
          The new wires.

        Raises:
          InputError: if the wire is not this graph's or not free, or `times` is below 1.
        """
        check(times >= 1, "times", "at least 1", times)
        return self._send(copy, (edge,), [f"{edge.name}.{i}" for i in range(1, times + 1)])

    def _send(self, gate: Gate, inputs: tuple[Edge, ...], names: list[str]) -> tuple[Edge, ...]:
        for i, edge in enumerate(inputs):
            check(edge in self._known, "the input of a gate", "a wire of this graph", edge.name)
            if edge.user is not None or edge in inputs[:i]:
                raise InputError(f"{edge.name} ends at one gate only; copy it to use it again")
        try:
            value = gate.forward(*(edge.value for edge in inputs))
        except (OverflowError, ZeroDivisionError):
            value = math.inf
        except ValueError:  # such as the logarithm of a negative number
            value = math.nan
        words = f"{gate.name}({', '.join(f'{edge.value:g}' for edge in inputs)})"
        check(math.isfinite(value), words, "a finite number", value)
        node = Node(gate, inputs)
        node.outputs = tuple(Edge(name, value, maker=node) for name in names)
        for edge in inputs:
            edge.user = node
        self.nodes.append(node)
        self._known.update(node.outputs)
        return node.outputs

    def backward(self, output: Edge) -> None:
        """Fill in every wire's gradient, the derivative of `output` with respect to its value.

        The gates take turns from the last to the first; each applies its own rule. Wires that do
        not lead to the output get 0.

        Args:
          output: any wire of the graph.

        Raises:
          InputError: if the wire is another graph's.
        """
        check(output in self._known, "the output", "a wire of this graph", output.name)
        for edge in self.edges:
            edge.gradient = 0.0
        output.gradient = 1.0
        upstream = self.nodes[: self.nodes.index(output.maker) + 1] if output.maker else []
        for node in reversed(upstream):
            x = tuple(edge.value for edge in node.inputs)
            df = (edge.gradient for edge in node.outputs)
            dx = node.gate.backward(x, node.outputs[0].value, *df)
            for edge, gradient in zip(node.inputs, dx, strict=True):
                edge.gradient = gradient

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Return each wire as text, in the columns of `HEADER`."""
        return [self._row(edge) for edge in self.edges]

    def _row(self, edge: Edge) -> tuple[str, str, str, str, str]:
        maker, user = edge.maker, edge.user
        names = ", ".join(wire.name for wire in maker.inputs) if maker else ""
        source = f"{maker.gate.name} of {names}" if maker else "input"
        rule = f"{user.gate.name} {user.gate.rule}" if user else "the end"
        return edge.name, short(edge.value), short(edge.gradient), source, rule

    def __str__(self) -> str:
        """Return a table of text: every wire with its value and gradient."""
        table = [self.HEADER, *self.rows()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        pads = (str.ljust, str.rjust, str.rjust, str.ljust, str.ljust)
        lines = (
            "  ".join(pad(cell, width) for pad, cell, width in zip(pads, row, widths, strict=True))
            for row in table
        )
        return "\n".join(line.rstrip() for line in lines)


def short(number: float | None) -> str:
    """Return a number with four digits, and nothing as no text."""
    return "" if number is None else f"{number + 0.0:.4g}"  # + 0.0 turns -0.0 into 0.0


def add_and_multiply(x: float = -2.0, y: float = 5.0, z: float = -4.0) -> Graph:
    """The graph of `f = (x + y) z` with its gradients; on the slide they are -4, -4, 3.

    Lecture row B6.
    """
    graph = Graph()
    q = graph(add, graph.input("x", x), graph.input("y", y), name="q")
    f = graph(mul, q, graph.input("z", z), name="f")
    graph.backward(f)
    return graph


def four_gates(x: float = 3.0, y: float = -2.0) -> Graph:
    """The graph of `f = x y + max(x, y)` with its gradients; it uses both inputs twice.

    Lecture row B5.

    For `x > y` the derivatives are `df/dx = y + 1` and `df/dy = x`. The numbers are ours.
    """
    graph = Graph()
    inputs = graph.input("x", x), graph.input("y", y)
    (x1, x2), (y1, y2) = (graph.copy(edge) for edge in inputs)
    f = graph(add, graph(mul, x1, y1, name="p"), graph(maximum, x2, y2, name="m"), name="f")
    graph.backward(f)
    return graph


def neuron(
    w: Sequence[float] = (2.0, -3.0, -3.0), x: Sequence[float] = (-1.0, -2.0), whole: bool = False
) -> Graph:
    """The graph of the sigmoid neuron `a = 1 / (1 + e^-(w0 x0 + w1 x1 + w2))` (lecture row B6).

    Args:
      w: the two weights and the bias. The slides' picture is lost; the numbers are ours.
      x: the two inputs.
      whole: whether the sigmoid is one gate instead of four.

    Returns:
      The graph, with its gradients.

    Raises:
      InputError: if there are not three weights and two inputs.
    """
    check((len(w), len(x)) == (3, 2), "w and x", "three and two numbers", (len(w), len(x)))
    graph = Graph()
    products = [
        graph(mul, graph.input(f"w{i}", w[i]), graph.input(f"x{i}", x[i]), name=f"w{i}x{i}")
        for i in (0, 1)
    ]
    z = graph(add, graph(add, *products, name="s"), graph.input("w2", w[2]), name="z")
    if whole:
        a = graph(sigmoid, z, name="a")
    else:
        e = graph(exp, graph(scale(-1.0), z, name="-z"), name="e")
        a = graph(reciprocal, graph(shift(1.0), e, name="1+e"), name="a")
    graph.backward(a)
    return graph
