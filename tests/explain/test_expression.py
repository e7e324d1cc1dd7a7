"""`explain --gates EXPRESSION`: every wire's numbers are right, and the drawing can be read."""

import ast
import itertools
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.errors import InputError
from jaxmlp.explain import __main__ as explain
from jaxmlp.explain import expression, typeset
from jaxmlp.explain.circuits import Picture, explain_gates
from jaxmlp.explain.expression import FUNCTIONS, MADE_OF, MOST_GATES, circuit
from jaxmlp.explain.layout import STUB
from jaxmlp.nn.gates import copy

pytestmark = pytest.mark.usefixtures("compile_quickly")

SIGMA = jax.nn.sigmoid
EXPRESSIONS = {  # the same as a function of its names, in the order in which they come
    "(x+y)*z": lambda x, y, z: (x + y) * z,
    "-x": lambda x: -x,
    "-x*-2 + +y": lambda x, y: -x * -2 + y,
    "x*x*x": lambda x: x * x * x,
    "x - y / z": lambda x, y, z: x - y / z,
    "x**2 - x**-1 + 3*x**0.5": lambda x: x**2 - x**-1 + 3 * x**0.5,
    "(x*y)**z": lambda x, y, z: (x * y) ** z,
    "max(x, y) * min(x, y, 1, z)": lambda x, y, z: (
        jnp.maximum(x, y) * jnp.minimum(jnp.minimum(x, y), jnp.minimum(1.0, z))
    ),
    "1/(1+exp(-(w0*x0+w1*x1+w2)))": lambda w0, x0, w1, x1, w2: SIGMA(w0 * x0 + w1 * x1 + w2),
    "sigmoid(x)*tanh(y)*relu(x-y)": lambda x, y: SIGMA(x) * jnp.tanh(y) * jax.nn.relu(x - y),
    "log(x)/sqrt(y) + sin(x)*cos(y) - abs(-x)": lambda x, y: (
        jnp.log(x) / jnp.sqrt(y) + jnp.sin(x) * jnp.cos(y) - jnp.abs(-x)
    ),
    "(relu(w*x+b)*v + relu(b*x+w)*w - y)**2": lambda w, x, b, v, y: (
        (jax.nn.relu(w * x + b) * v + jax.nn.relu(b * x + w) * w - y) ** 2
    ),
    "f*e1 + result/output": lambda f, e1, result, output: f * e1 + result / output,
    "+".join(["x*y"] * 30): lambda x, y: 30 * x * y,
    f"max({','.join('abcdefghijklmnop')})": lambda *x: jnp.max(jnp.stack(x)),
}
NUMBERS = (1.7, 0.6, 2.9, 1.1, 0.4, *np.linspace(3, 4, 11).tolist())


def names_of(text):
    """Return the names in an expression, from left to right, which `re` finds by itself."""
    found = dict.fromkeys(re.findall(r"[a-z]\w*", text))
    return [name for name in found if name not in FUNCTIONS]


def made(text):
    values = zip(names_of(text), NUMBERS, strict=False)
    return circuit(text, [f"{name}={number!r}" for name, number in values])


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_gradients_are_those_of_autodiff(text):
    graph, names = made(text), names_of(text)
    with jax.enable_x64(True):
        numbers = [*map(jnp.asarray, NUMBERS[: len(names)])]
        both = jax.jit(jax.value_and_grad(EXPRESSIONS[text], tuple(range(len(names)))))
        value, expected = both(*numbers)
    inputs = {wire.name: wire for wire in graph.inputs}
    assert graph.edges[-1].value == pytest.approx(float(value), rel=1e-12)
    np.testing.assert_allclose([inputs[name].gradient for name in names], expected, rtol=1e-10)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_one_gate_for_each_operation_written(text):
    """Python's own parser counts; a sign before a number is part of the number."""
    operations = sum(
        isinstance(node, ast.BinOp | ast.Call)
        or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub))
        for node in ast.walk(ast.parse(text))
    )
    signs = len(re.findall(r"[*(]-\d", text))
    graph = made(text)
    assert sum(node.gate is not copy for node in graph.nodes) == operations - signs
    for name in names_of(text):
        assert [wire.name for wire in graph.inputs].count(name) == 1
    assert len({wire.name for wire in graph.edges if wire.maker}) == len(graph.edges) - len(
        graph.inputs
    )


def boxes_of(drawing):
    """Return the rectangles in which something is drawn, each with its name: gates and numbers."""
    for box in drawing.boxes:
        if box.label:
            top = box.y - box.height / 2
            yield box, (box.x, top, box.x + box.symbol, top + box.height)
        if box.edge:  # its two numbers; digits of 14 pixels reach 17 above and 19 below a wire
            right = box.x + box.width
            yield box, (right - STUB + 1, box.y - 17, right, box.y + 19)


def bend(wire, count=41):
    """Return points of a bent piece: a cubic curve that leaves and comes in horizontally."""
    x1, y1, x2, y2 = wire
    t = np.linspace(0, 1, count)[1:-1]
    middle = (x1 + x2) / 2
    x = (1 - t) ** 3 * x1 + 3 * t * (1 - t) * middle + t**3 * x2
    return np.stack([x, (1 - t) ** 2 * (1 + 2 * t) * y1 + t**2 * (3 - 2 * t) * y2], axis=1)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_drawing_can_be_read(text):
    """No two boxes overlap, no wire runs through one, all is inside, and wires have two numbers."""
    picture = Picture(made(text))
    drawing = picture.drawing
    found = list(boxes_of(drawing))
    for (_, a), (_, b) in itertools.combinations(found, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    bends = np.concatenate([bend(wire) for wire in drawing.wires]).T
    for _, (left, top, right, bottom) in found:
        assert 0 <= left < right <= drawing.width
        assert 0 <= top < bottom <= drawing.height
        x, y = bends
        assert not ((left < x) & (x < right) & (top < y) & (y < bottom)).any()
    passing = [box for box in drawing.boxes if not box.label]
    for box in passing:  # a straight piece; its own numbers stand on it
        for other, (left, top, right, bottom) in found:
            crosses = left < box.x + box.width and box.x < right and top < box.y < bottom
            assert other is box or not crosses
    drawn = [box.edge for box in drawing.boxes if box.edge]
    assert len(drawn) == len(picture.graph.edges) == len(set(map(id, drawn)))
    kinds = [number.kind for number in picture.numbers]
    assert kinds.count("value") == kinds.count("gradient") == len(drawn)
    assert all(re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", n.text) for n in picture.numbers)


def test_a_graph_without_forks_has_no_crossing():
    text = "(a+b)*(c-d)/(exp(e)+g)-max(h,i,j)**2"
    picture = Picture(made(text))
    ends = [(w[0], w[1], w[2], w[3]) for w in picture.drawing.wires]
    for a, b in itertools.combinations(ends, 2):
        assert a[0] != b[0] or (a[1] - b[1]) * (a[3] - b[3]) >= 0


def test_operands_come_in_from_the_top():
    """Of `x - y`, where the order counts, x is above y."""
    for text in ("x - y", "(x*z) / y", "x**y"):
        drawing = Picture(made(text)).drawing
        result = next(box for box in drawing.boxes if box.edge and not box.edge.user)
        assert result.port(0) < result.port(1)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_every_number_is_computed_by_a_step(text):
    """Each gate has a step forward and one backward; a number that is not given names its step."""
    picture = Picture(made(text))
    names = [step.name for step in picture.steps]
    assert len(set(names)) == len(names)
    gates = [node for node in picture.graph.nodes if node.gate is not copy]
    assert len(names) == len(gates) + 1 + len(picture.graph.nodes)
    assert [step.direction for step in picture.steps].index("backward") == len(gates)
    needed = [number.step for number in picture.numbers if number.step]
    assert set(needed) == set(names)
    assert all(number.step for number in picture.numbers if number.kind == "gradient")


def test_the_words_of_the_steps():
    """Lecture row B6: the slide's example, and a name that is used twice."""
    steps = [step.words for step in Picture(circuit("(x+y)*z", ["x=-2", "y=5", "z=-4"])).steps]
    assert steps == [
        "e1 = x + y = (-2) + 5 = 3",
        "f = e1 × z = 3 × (-4) = -12",
        "The gradient starts at the end: ∂f/∂f = 1.",
        "mul swaps: ∂f/∂e1 = 1 × (-4) = -4, ∂f/∂z = 1 × 3 = 3",
        "add distributes: ∂f/∂x = (-4) × 1 = -4, ∂f/∂y = (-4) × 1 = -4",
    ]
    steps = [step.words for step in Picture(circuit("x**2 + relu(x)", ["x=3"])).steps]
    assert steps[0] == "e1 = x.1^2 = 3^2 = 9"
    assert steps[-1] == "copy adds up: ∂f/∂x = 6 + 1 = 7"


def said(capsys, *arguments):
    """Return the exit status of the command and what it printed and complained."""
    try:
        status = explain.main([*map(str, arguments)])
    except SystemExit as stop:
        status = stop.code
    out, err = capsys.readouterr()
    return status, out, err


def test_the_table_in_the_terminal(capsys):
    status, out, err = said(capsys, "--gates", "(x+y)*z", "x=-2", "y=5", "z=-4")
    assert (status, err) == (0, "")
    assert out.startswith("f = (x+y)*z\n")
    for wire, value, gradient in (("x", -2, -4), ("y", 5, -4), ("z", -4, 3), ("f", -12, 1)):
        assert re.search(rf"^  {wire} +{value} +{gradient}  ", out, re.MULTILINE)


@pytest.mark.parametrize("text", ["-x*y", "-(x+y)", " -x+y", "- x*y"])
def test_an_expression_may_begin_with_a_minus_sign(capsys, text):
    status, out, err = said(capsys, "--gates", text, "x=2", "y=3")
    assert (status, err) == (0, "")
    assert out.startswith(f"f = {text.strip()}\n")


def test_the_page_and_the_drawing(capsys, tmp_path):
    """Both stand alone, are well-formed, and escape what the user typed."""
    page, svg = tmp_path / "page.html", tmp_path / "graph.svg"
    text = "x*y + max(x, 1)"
    files = ["--html", page, "--svg", svg]
    status, out, err = said(capsys, "--gates", text, "x=3", "y=-2", *files)
    assert (status, out, err) == (0, f"{svg}\n{page}\n", "")
    drawn = ET.fromstring(svg.read_text())
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [element.text for element in drawn.iter() if element.tag.endswith("}text")]
    for part in ("×", "max", "+", "x", "y", "1", "-6", "-3"):
        assert part in texts
    html = page.read_text()
    assert html.count("<svg") == 1
    assert not re.search(r"src=|<link|url\(|https?://(?!www.w3.org)", html)
    inside = re.search(r"<svg.*</svg>", html, re.DOTALL)[0]
    steps = set(re.findall(r'data-step="(\S+)"', inside))
    assert steps == set(re.findall(r'data-name="(\S+)"', html))


BAD = [
    ("foo(x)", ["x=1"], f"unknown function 'foo', expected one of {', '.join(FUNCTIONS)}"),
    ("tahn(x)", ["x=1"], "did you mean 'tanh'?"),
    ("exp + x", ["x=1"], "exp is a function; write exp(...)"),
    ("x + y", ["x=1"], "no value is given for y; add y=NUMBER"),
    ("x + y", [], "no value is given for x, y; add x=NUMBER y=NUMBER"),
    ("x + 1", ["x=1", "x=2"], "x is given twice: 1 and 2"),
    ("x + y", ["x=1", "y=2", "w=3"], "w is not in the expression, which has the names x, y"),
    ("1 + 2", ["x=1"], "x is not in the expression, which has no names"),
    ("x + 1", ["x=one"], "the value of x must be a finite number, got 'one'"),
    ("x + 1", ["x=inf"], "the value of x must be a finite number, got 'inf'"),
    ("x + 1", ["x="], "the value of x must be a finite number, got ''"),
    ("x + 1", ["x"], "the value of a name must be given as NAME=NUMBER, got 'x'"),
    ("x / (y - y)", ["x=1", "y=2"], "the divisor must be a number other than 0, got 0"),
    ("log(x - 2)", ["x=1"], "the input of log must be positive, got -1"),
    ("log(x)", ["x=0"], "the input of log must be positive, got 0"),
    ("sqrt(x)", ["x=-4"], "the input of sqrt must be positive, got -4"),
    ("x ** y", ["x=-2", "y=2"], "with an exponent that is no number must be positive, got -2"),
    ("x ** 0.5", ["x=-2"], "the base of ** 0.5 must be at least 0, got -2"),
    ("x ** -1", ["x=0"], "the base of ** -1 must be a number other than 0, got 0"),
    ("x ** 0.5", ["x=0"], "the base of ** 0.5 must be a number other than 0, got 0"),
    ("exp(x)", ["x=1000"], "exp(1000) must be a finite number, got inf"),
    ("1 / x", ["x=1e-200"], "the gradient of x must be finite, got -inf"),
    ("x ** -20", ["x=1e-15"], "a gradient is too large for a floating-point number"),
    ("1e999 * x", ["x=1"], "a number in the expression must be finite, got inf"),
    ("9" * 400 + " * x", ["x=1"], "a number in the expression must be finite, got inf"),
    ("x ^ 2", ["x=1"], "a power is written **, got ^"),
    ("x // 2", ["x=1"], f"the expression must be {MADE_OF}, got x // 2"),
    ("x < 1", ["x=1"], f"the expression must be {MADE_OF}, got x < 1"),
    ("x.real + 1", ["x=1"], "got x.real"),
    ("__import__('os')", [], "unknown function '__import__'"),
    ("(lambda: x)()", ["x=1"], "got (lambda: x)()"),
    ("[x][0]", ["x=1"], "got [x][0]"),
    ("'a' + x", ["x=1"], "got 'a'"),
    ("True + x", ["x=1"], "got True"),
    ("1j * x", ["x=1"], "got 1j"),
    ("not x", ["x=1"], "got not x"),
    ("max(x)", ["x=1"], "the number of inputs of max must be 2 or more, got 1"),
    ("max(*x, 1)", ["x=1"], "got *x"),
    ("exp(x, 2)", ["x=1"], "the number of inputs of exp must be 1, got 2"),
    ("exp()", [], "the number of inputs of exp must be 1, got 0"),
    ("exp(y=x)", ["x=1"], "got exp(y=x)"),
    ("x + .a" + ".a" * 400, ["x=1"], "cannot be read"),
    ("x" + ".a" * 400, ["x=1"], f"the expression must be {MADE_OF}, got x.a"),
    ("2x", ["x=1"], "the expression cannot be read: invalid decimal literal at character 1"),
    ("(x", ["x=1"], "the expression cannot be read: '(' was never closed at character 1"),
    ("x = 1", [], "the expression cannot be read"),
    ("x\0", ["x=1"], "the expression cannot be read"),
    ("", [], "the expression cannot be read"),
    ("(" * 400 + "x" + ")" * 400, ["x=1"], "the expression cannot be read"),
    ("x", ["x=1"], f"of 1 to {MOST_GATES} operations, each of which is a gate, got 0"),
    ("+".join("x" * 62), ["x=1"], f"of 1 to {MOST_GATES} operations, each of which is a gate, got"),
    ("-" * 900 + "x", ["x=1"], f"of 1 to {MOST_GATES} operations"),
    ("x" * 1001, [], "the expression must be at most 1000 letters long, got 1001"),
    ("a" * 21 + "+1", ["x=1"], "a name must be at most 20 letters long"),
]


@pytest.mark.parametrize(("text", "values", "message"), BAD, ids=lambda value: str(value)[:20])
def test_bad_expressions(text, values, message):
    with pytest.raises(InputError) as caught:
        circuit(text, values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gates", "x/y", "x=1", "y=0"], "the divisor must be a number other than 0, got 0"),
        (["--gates", "x", "x=1", "--run", "r"], "--run does not apply to --gates"),
        (["--svg", "a.svg"], "--svg needs an expression"),
        (["--gates", "--svg", "a.svg"], "--svg needs an expression"),
        (["--gates", "x+1", "x=1", "--svg", "no/a.svg"], "no/a.svg cannot be written"),
    ],
)
def test_bad_commands(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, out, err = said(capsys, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("python -m jaxmlp.explain: error: ")
    assert message in err


def test_nothing_is_run():
    """An expression is read; `eval`, `exec` and `compile` are not called by this module."""
    tree = ast.parse(Path(expression.__file__).read_text(encoding="utf-8"))
    called = {getattr(node.func, "id", "") for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"eval", "exec", "compile", "__import__"}


def test_the_graphs_of_the_lectures_are_drawn():
    pictures = [item for part in explain_gates() for item in part.items if hasattr(item, "drawing")]
    assert [len(picture.graph.nodes) for picture in pictures] == [2, 5, 8]
    names = [step.name for picture in pictures for step in picture.steps]
    assert len(set(names)) == len(names)


def test_the_script_can_be_read():
    """V8 reads it; without Chromium nothing else here would."""
    engine = pytest.importorskip("py_mini_racer").MiniRacer()
    script = json.dumps(typeset.SCRIPT.read_text(encoding="utf-8"))
    assert engine.eval(f"new Function({script}); 1") == 1


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize(("place", "now"), [("", 0), ("#step-2", 2)])
def test_the_page_step_by_step(capsys, tmp_path, place, now):
    """At #step-2 two of five steps are seen, and the values they computed; without it all are."""
    page = tmp_path / "page.html"
    said(capsys, "--gates", "(x+y)*z", "x=-2", "y=5", "z=-4", "--html", page)
    command = [CHROMIUM, "--headless=new", "--no-sandbox", f"--user-data-dir={tmp_path / 'c'}"]
    done = subprocess.run(
        [*command, "--virtual-time-budget=2000", "--dump-dom", f"{page.as_uri()}{place}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    items = re.findall(r'<li class="step \w+ ?([\w ]*)"', done.stdout)
    assert len(items) == 5
    hidden = [i + 1 for i, classes in enumerate(items) if "later" in classes]
    assert hidden == ([] if now == 0 else [3, 4, 5])
    gradients = re.findall(r'<text class="gradient ?([\w ]*)"', done.stdout)
    assert len(gradients) == 5
    assert all(("later" in classes) == (now > 0) for classes in gradients)
