"""A formula typed by the user as a graph of gates: read, never run.

Python's own parser reads the text, and only what stands in the tables below becomes a gate. Nothing
is evaluated as code. Lecture rows B5, B6.
"""

import ast
import math
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from jaxmlp.errors import InputError, Shown, check, shortened, unknown
from jaxmlp.nn import elementary_gates as elementary
from jaxmlp.nn import gates
from jaxmlp.nn.gates import Edge, Gate, Graph

MOST_GATES = 60
LONGEST = 1000  # letters of an expression
LONGEST_NAME = 20  # letters, which a drawing has room for
OPERATORS: dict[type[ast.AST], Gate] = {
    ast.Add: gates.add,
    ast.Sub: elementary.sub,
    ast.Mult: gates.mul,
    ast.Div: elementary.div,
    ast.Pow: elementary.power,
}
FUNCTIONS = {
    "max": gates.maximum,
    "min": elementary.minimum,
    "exp": gates.exp,
    "log": elementary.log,
    "sqrt": elementary.sqrt,
    "sigmoid": gates.sigmoid,
    "tanh": elementary.tanh,
    "relu": elementary.relu,
    "sin": elementary.sin,
    "cos": elementary.cos,
    "abs": elementary.absolute,
}
SEVERAL = ("max", "min")  # functions of two numbers or more
MADE_OF = f"made of numbers, names, + - * / ** and the functions {', '.join(FUNCTIONS)}"
INTERNAL = ("e", "g", "q", "u", "gate")  # letters for the wires between gates, the first free one
RESULTS = ("f", "result", "output", "the_result")

_positive = "positive", lambda x: x > 0
DOMAINS: dict[str, tuple[int, str, tuple[str, Callable[[float], bool]]]] = {
    "div": (1, "the divisor", ("a number other than 0", lambda x: x != 0)),
    "log": (0, "the input of log", _positive),
    "sqrt": (0, "the input of sqrt", _positive),  # at 0 its slope is infinite
    "power": (0, "the base of ** with an exponent that is no number", _positive),
}


def circuit(text: str, assignments: list[str]) -> Graph:
    """Return an expression as a graph of gates, with values and gradients on every wire.

    Each operation and each function written is one gate; a name is one input, copied where it is
    used several times; a number is an input of its own, but an exponent belongs to its gate. The
    last wire of the graph is the result.

    Args:
      text: the expression, such as `(x + y) * z`.
      assignments: the value of each name, such as `x=-2`.

    Returns:
      The graph after its backward pass.

    Raises:
      InputError: if the text is no such expression or has more than 60 operations; if a name has
        no value, two, or is not in the expression; or if a value or gradient is not finite.
    """
    tree = _parse(text)
    names = Counter(node.id for node in _names(tree))
    values = _values(assignments, names)
    graph = Graph()
    sources = {name: iter([graph.input(name, values[name])]) for name in names}
    for name, times in names.items():
        if times > 1:
            sources[name] = iter(graph.copy(next(sources[name]), times))
    result = next(name for name in RESULTS if name not in names)
    letter = next((a for a in INTERNAL if not any(map(partial(_clash, a), names))), "wire_")
    numbered = (f"{letter}{i}" for i in range(1, MOST_GATES + 1))
    output = _Builder(graph, sources, tree, numbered, result).build(tree)
    try:
        graph.backward(output)
    except OverflowError:
        raise InputError("a gradient is too large for a floating-point number") from None
    for edge in graph.edges:
        gradient = edge.gradient
        check(math.isfinite(gradient or 0), f"the gradient of {edge.name}", "finite", gradient)
    return graph


def _clash(letter: str, name: str) -> bool:
    return name.startswith(letter) and name[len(letter) :].isdigit()


def _parse(text: str) -> ast.expr:
    """Return the tree of an expression, which has names, numbers and operations only."""
    check(len(text) <= LONGEST, "the expression", f"at most {LONGEST} letters long", len(text))
    text = text.strip()
    try:
        with warnings.catch_warnings(action="ignore"):  # the parser's own, on strange text
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        where = f" at character {error.offset}" if error.offset else ""
        raise InputError(f"the expression cannot be read: {error.msg}{where}") from None
    except (RecursionError, MemoryError, ValueError):
        raise InputError("the expression cannot be read: too deep, or not text") from None
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    for node in nodes:
        if isinstance(node, ast.Name):
            _check_name(node.id, node in called)
        elif type(node) not in CHECKS or not CHECKS[type(node)](node):
            raise InputError(f"the expression must be {MADE_OF}, got {_source(text, node)}")
    operations = sum(map(_is_gate, nodes))
    expected = f"of 1 to {MOST_GATES} operations, each of which is a gate"
    check(1 <= operations <= MOST_GATES, "the expression", expected, operations)
    return tree


def _source(text: str, node: ast.expr) -> str:
    return shortened(ast.get_source_segment(text, node) or text, 60)


def _check_name(name: str, called: bool) -> None:
    if called and name not in FUNCTIONS:
        raise unknown("function", name, FUNCTIONS)
    if not called and name in FUNCTIONS:
        raise InputError(f"{name} is a function; write {name}(...)")
    check(len(name) <= LONGEST_NAME, "a name", f"at most {LONGEST_NAME} letters long", name)


def _check_operator(node: ast.BinOp) -> bool:
    if isinstance(node.op, ast.BitXor):
        raise InputError("a power is written **, got ^")
    return type(node.op) in OPERATORS


def _check_call(node: ast.Call) -> bool:
    if node.keywords or not isinstance(node.func, ast.Name):
        return False
    name, several = node.func.id, node.func.id in SEVERAL
    if name in FUNCTIONS:
        good = len(node.args) >= 2 if several else len(node.args) == 1
        expected = "2 or more" if several else "1"
        check(good, f"the number of inputs of {name}", expected, len(node.args))
    return True


CHECKS: dict[type[ast.expr], Callable[[Any], bool]] = {  # what may stand in an expression
    ast.Constant: lambda node: type(node.value) in (int, float),
    ast.UnaryOp: lambda node: isinstance(node.op, ast.USub | ast.UAdd),
    ast.BinOp: _check_operator,
    ast.Call: _check_call,
}


def _is_gate(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and _number(node) is None
    return isinstance(node, ast.BinOp | ast.Call)


def _names(tree: ast.expr) -> Iterator[ast.Name]:
    """Yield the names of inputs, from left to right."""
    if isinstance(tree, ast.Name):
        yield tree
    parts = tree.args if isinstance(tree, ast.Call) else ast.iter_child_nodes(tree)
    for part in parts:
        if isinstance(part, ast.expr):
            yield from _names(part)


def _values(assignments: list[str], names: Counter[str]) -> dict[str, float]:
    """Return the value of each name, which is given once."""
    values: dict[str, float] = {}
    for assignment in assignments:
        given, sign, number = assignment.partition("=")
        check(bool(sign), "the value of a name", "given as NAME=NUMBER", assignment)
        name = unicodedata.normalize("NFKC", given.strip())  # as Python reads names
        if name not in names:
            known = f"has the names {', '.join(names)}" if names else "has no names"
            raise InputError(f"{name} is not in the expression, which {known}")
        if name in values:
            raise InputError(f"{name} is given twice: {values[name]:g} and {number}")
        try:
            values[name] = float(number)
        except ValueError:
            values[name] = math.nan
        check(math.isfinite(values[name]), f"the value of {name}", "a finite number", number)
    if missing := [name for name in names if name not in values]:
        add = " ".join(f"{name}=NUMBER" for name in missing)
        raise InputError(f"no value is given for {', '.join(missing)}; add {add}")
    return values


class _Builder:
    """Sends the values of an expression through gates, operands first."""

    def __init__(
        self,
        graph: Graph,
        sources: dict[str, Iterator[Edge]],
        tree: ast.expr,
        numbered: Iterator[str],
        result: str,
    ) -> None:
        self.graph, self.sources, self.tree = graph, sources, tree
        self.numbered, self.result = numbered, result

    def build(self, node: ast.expr) -> Edge:
        """Return the wire that carries the value of a part of the expression."""
        number = _number(node)
        if number is not None:
            check(math.isfinite(number), "a number in the expression", "finite", number)
            return self.graph.input(f"{number:g}", number)
        match node:
            case ast.Name(name):
                return next(self.sources[name])
            case ast.UnaryOp(ast.UAdd(), operand):
                return self.build(operand)
            case ast.UnaryOp(_, operand):
                return self._send(node, elementary.neg, operand)
            case ast.BinOp(base, ast.Pow(), exponent) if _number(exponent) is not None:
                return self._send(node, elementary.power_of(_number(exponent) or 0.0), base)
            case ast.BinOp(left, operator, right):
                return self._send(node, OPERATORS[type(operator)], left, right)
            case ast.Call(ast.Name(name), inputs):
                return self._send(node, FUNCTIONS[name], *inputs)
        raise AssertionError(node)  # _check_node lets nothing else pass

    def _send(self, node: ast.expr, gate: Gate, *operands: ast.expr) -> Edge:
        wires = [self.build(operand) for operand in operands]
        x = [wire.value for wire in wires]
        if gate.name in DOMAINS:
            place, what, (expected, good) = DOMAINS[gate.name]
            check(good(x[place]), what, expected, Shown(f"{x[place]:g}"))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            _check_power(x[0], _number(node.right) or 0.0)
        name = self.result if node is self.tree else next(self.numbered)
        return self.graph(gate, *wires, name=name)


def _number(node: ast.expr) -> float | None:
    """Return the number that stands in an expression as such, with its sign; else `None`."""
    match node:
        case ast.Constant(int() | float() as value):
            try:
                return float(value)
            except OverflowError:
                return math.inf
        case ast.UnaryOp(ast.USub(), ast.Constant() as constant):
            unsigned = _number(constant)
            return None if unsigned is None else -unsigned
    return None


def _check_power(base: float, exponent: float) -> None:
    """Reject a power that has no value or no slope."""
    what, got = f"the base of ** {exponent:g}", Shown(f"{base:g}")
    if not float(exponent).is_integer():
        check(base >= 0, what, "at least 0", got)
    if exponent < 1 and exponent != 0:
        check(base != 0, what, "a number other than 0", got)
