"""Gates and their local rules (lecture row B5), and the slides' graphs (lecture row B6)."""

import doctest
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.errors import InputError
from jaxmlp.nn import elementary_gates as elementary
from jaxmlp.nn import gates
from jaxmlp.nn.gates import Graph, add, copy, exp, maximum, mul, reciprocal, scale, shift, sigmoid

GATES = {
    "add": (add, jnp.add, 2),
    "mul": (mul, jnp.multiply, 2),
    "max": (maximum, jnp.maximum, 2),
    "copy": (copy, lambda x: x, 1),
    "exp": (exp, jnp.exp, 1),
    "1/x": (reciprocal, lambda x: 1 / x, 1),
    "sigmoid": (sigmoid, jax.nn.sigmoid, 1),
    "+1.5": (shift(1.5), lambda x: x + 1.5, 1),
    "times -2": (scale(-2.0), lambda x: -2 * x, 1),
    "sub": (elementary.sub, jnp.subtract, 2),
    "neg": (elementary.neg, jnp.negative, 1),
    "div": (elementary.div, jnp.divide, 2),
    "power": (elementary.power, jnp.power, 2),
    "power 3": (elementary.power_of(3.0), lambda x: x**3, 1),
    "power -2": (elementary.power_of(-2.0), lambda x: x**-2, 1),
    "power 0": (elementary.power_of(0.0), lambda x: x**0, 1),
    "power 0.5": (elementary.power_of(0.5), lambda x: x**0.5, 1),
    "min": (elementary.minimum, jnp.minimum, 2),
    "log": (elementary.log, jnp.log, 1),
    "sqrt": (elementary.sqrt, jnp.sqrt, 1),
    "tanh": (elementary.tanh, jnp.tanh, 1),
    "relu": (elementary.relu, jax.nn.relu, 1),
    "sin": (elementary.sin, jnp.sin, 1),
    "cos": (elementary.cos, jnp.cos, 1),
    "abs": (elementary.absolute, jnp.abs, 1),
}
POSITIVE = ("power", "power 0.5", "log", "sqrt")  # of these the numbers must be


def gradients(graph):
    return {edge.name: edge.gradient for edge in graph.edges}


@pytest.mark.parametrize("name", GATES)
def test_each_rule_is_the_derivative(name):
    gate, function, arity = GATES[name]
    assert gate.name == name
    for numbers in np.random.default_rng(0).normal(size=(20, arity)) * 3:
        numbers = abs(numbers) if name in POSITIVE else numbers
        graph = Graph()
        wires = [graph.input(f"x{i}", float(x)) for i, x in enumerate(numbers)]
        graph.backward(graph(gate, *wires))
        x = [*map(jnp.asarray, numbers)]
        np.testing.assert_allclose(graph.edges[-1].value, function(*x), rtol=1e-12)
        expected = jax.grad(function, argnums=tuple(range(arity)))(*x)
        found = [wire.gradient for wire in wires]
        # 1 - f² of a saturated tanh keeps the rounding of f, which is near 1
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_add_distributes_mul_swaps_max_routes():
    for gate, expected in ((add, (1, 1)), (mul, (5, 3)), (maximum, (0, 1))):
        graph = Graph()
        x, y = graph.input("x", 3.0), graph.input("y", 5.0)
        graph.backward(graph(gate, x, y))
        assert (x.gradient, y.gradient) == expected


def test_copy_adds_up():
    """X is used four times, by one copy gate with four wires, whose gradients meet in it.

    Lecture row B5.
    """
    graph = Graph()
    x = graph.input("x", 3.0)
    wires = graph.copy(x, 4)
    assert [(wire.name, wire.value) for wire in wires] == [(f"x.{i}", 3) for i in (1, 2, 3, 4)]
    fourth = graph(mul, graph(mul, *wires[:2]), graph(mul, *wires[2:]), name="x^4")
    graph.backward(fourth)
    assert (fourth.value, x.gradient) == (81, 4 * 27)
    assert x.user.gate is copy
    assert x.user.outputs == wires
    assert [wire.gradient for wire in wires] == [27] * 4
    assert [node.gate for node in graph.nodes] == [copy, mul, mul, mul]


def test_copies_that_differ_in_their_gradients():
    """Lecture row B5: f = (x + 2) x at 3; the gradients that meet in the copy are 3 and 5."""
    graph = Graph()
    x = graph.input("x", 3.0)
    first, second = graph.copy(x)
    graph.backward(graph(mul, graph(shift(2.0), first), second))
    assert (first.gradient, second.gradient, x.gradient) == (3, 5, 8)


def test_a_wire_ends_at_one_gate():
    graph = Graph()
    x, y = graph.input("x", 3.0), graph.input("y", 5.0)
    message = "x ends at one gate only; copy it to use it again"
    with pytest.raises(InputError, match=message):
        graph(mul, x, x)
    assert (x.user, graph.nodes) == (None, [])
    graph(mul, x, y)
    for use in (lambda: graph(exp, x), lambda: graph.copy(x)):
        with pytest.raises(InputError, match=message):
            use()
    assert len(graph.nodes) == 1


def test_a_tie_goes_to_the_first():
    graph = Graph()
    x, y = graph.input("x", 2.0), graph.input("y", 2.0)
    graph.backward(graph(maximum, x, y))
    assert (x.gradient, y.gradient) == (1, 0)


def test_max_and_min_take_any_number_of_inputs():
    for gate, expected in ((maximum, [0, 1, 0, 0]), (elementary.minimum, [0, 0, 1, 0])):
        graph = Graph()
        wires = [graph.input(f"x{i}", x) for i, x in enumerate((2.0, 5.0, -1.0, 5.0))]
        graph.backward(graph(gate, *wires))
        assert [wire.gradient for wire in wires] == expected


@pytest.mark.parametrize("gate", [elementary.relu, elementary.absolute])
def test_the_slope_at_a_kink_is_0(gate):
    """Lecture row B10; `jax.nn.relu` and `jnp.abs` agree."""
    graph = Graph()
    x = graph.input("x", 0.0)
    graph.backward(graph(gate, x))
    assert x.gradient == 0


def test_how_gates_are_written():
    """Values put into what is written and computed by Python give the gate's value."""
    for name, (gate, _, arity) in GATES.items():
        if gate.written:
            text = gate.apply("(3.0)", "(2.5)") if arity == 2 else gate.apply("(3.0)")
            python = text.replace("×", "*").replace("^", "**")
            assert eval(python) == pytest.approx(gate.forward(*(3.0, 2.5)[:arity])), name
    assert maximum.apply("x", "y", "z") == "max(x, y, z)"


def test_the_slide_s_graph():
    """Lecture row B6: f = (x + y) z at (-2, 5, -4) is -12, its gradient (-4, -4, 3)."""
    graph = gates.add_and_multiply()
    assert [edge.value for edge in graph.edges] == [-2, 5, -4, 3, -12]
    assert gradients(graph) == {"x": -4, "y": -4, "z": 3, "q": -4, "f": 1}


def test_all_four_gates():
    graph = gates.four_gates()
    assert {node.gate.name for node in graph.nodes} == {"add", "mul", "copy", "max"}
    expected = jax.grad(lambda x, y: x * y + jnp.maximum(x, y), (0, 1))(3.0, -2.0)
    assert [wire.gradient for wire in graph.inputs] == [*map(float, expected)] == [-1, 3]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("w", "x"), [((2.0, -3.0, -3.0), (-1.0, -2.0)), ((0.5, 1.5, -0.25), (3.0, 0.1))]
)
def test_the_sigmoid_neuron(w, x, whole):
    graph = gates.neuron(w, x, whole)

    def neuron(w, x):
        return jax.nn.sigmoid(jnp.dot(w[:2], x) + w[2])

    w, x = jnp.asarray(w), jnp.asarray(x)
    (dw, dx), found = jax.grad(neuron, (0, 1))(w, x), gradients(graph)
    assert graph.edges[-1].value == pytest.approx(float(neuron(w, x)), rel=1e-12)
    np.testing.assert_allclose([found[f"w{i}"] for i in range(3)], dw, rtol=1e-12)
    np.testing.assert_allclose([found[f"x{i}"] for i in range(2)], dx, rtol=1e-12)


def test_the_sigmoid_is_one_gate_or_four():
    """Lecture row B6: s'(z) = s(z) (1 - s(z)) is what the four gates' rules multiply up to."""
    apart, whole = gates.neuron(), gates.neuron(whole=True)
    assert len(apart.nodes) == len(whole.nodes) + 3
    assert gradients(apart)["z"] == pytest.approx(gradients(whole)["z"], rel=1e-12)
    a = whole.edges[-1].value
    assert gradients(whole)["z"] == pytest.approx(a * (1 - a), rel=1e-12)


@pytest.mark.parametrize("z", [-1000.0, 1000.0])
def test_the_sigmoid_gate_does_not_overflow(z):
    assert sigmoid.forward(z) == (z > 0)


def test_gradients_of_an_inner_wire():
    """Backward may start anywhere; what does not lead there gets 0."""
    graph = gates.add_and_multiply()
    q = next(edge for edge in graph.edges if edge.name == "q")
    graph.backward(q)
    assert gradients(graph) == {"x": 1, "y": 1, "z": 0, "q": 1, "f": 0}


def test_what_is_printed():
    lines = str(gates.add_and_multiply()).splitlines()
    assert lines[0].split() == ["wire", "value", "gradient", "value", "from", "gradient", "from"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["x", "-2", "-4"],
        ["y", "5", "-4"],
        ["z", "-4", "3"],
        ["q", "3", "-4"],
        ["f", "-12", "1"],
    ]
    assert "copy adds up" in str(gates.four_gates())
    assert not [line for line in str(gates.neuron()).splitlines() if len(line) > 100]
    graph = Graph()
    graph.input("x", 1.0)
    assert str(graph).splitlines()[1].split() == ["x", "1", "input", "the", "end"]


def test_bad_input():
    graph, other = Graph(), Graph()
    x = graph.input("x", 0.0)
    with pytest.raises(InputError, match=r"x must be a finite number, got nan"):
        graph.input("x", math.nan)
    with pytest.raises(InputError, match=r"1/x\(0\) must be a finite number, got inf"):
        graph(reciprocal, x)
    with pytest.raises(InputError, match=r"log\(0\) must be a finite number, got nan"):
        graph(elementary.log, x)
    with pytest.raises(InputError, match=r"exp\(1000\) must be a finite number"):
        graph(exp, graph.input("y", 1000.0))
    with pytest.raises(InputError, match="must be a wire of this graph, got 'x'"):
        other(exp, x)
    with pytest.raises(InputError, match="must be a wire of this graph, got 'x'"):
        other.backward(x)
    with pytest.raises(InputError, match="times must be at least 1, got 0"):
        graph.copy(x, 0)
    with pytest.raises(InputError, match=r"must be three and two numbers, got \(2, 2\)"):
        gates.neuron(w=(1.0, 2.0))
    assert graph.nodes == []


def test_the_example_in_the_documentation():
    failed, tried = doctest.testmod(gates)
    assert (failed, tried) == (0, 5)
