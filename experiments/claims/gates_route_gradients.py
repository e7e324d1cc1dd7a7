r"""Four gates and the chain rule are all of backpropagation: distribute, swap, add and route.

The graphs of the slides and our own graphs are drawn with the value above and the gradient below
each wire. Their values, and their gradients in every input, are compared with the numbers worked by
hand and with central differences at random inputs. Random inputs do not meet the ties of the
maximum, where it has no derivative (deck B, "Chain Rule for Important Gates", "A Simple Example"
and "Example: One Neuron").
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments import style
from experiments.framework import (
    BEFORE,
    HOLDS,
    About,
    Numbers,
    Settings,
    Threshold,
    Verdict,
    word_of,
)
from jaxmlp.nn import gates

ABOUT = About(
    rows=("B5", "B6"),
    section="Chain rule for important gates; a simple example; example: one neuron",
    formula=r"f = (x + y) z, \qquad \frac{\partial f}{\partial x} = \frac{\partial f}{\partial y}"
    r" = z, \quad \frac{\partial f}{\partial z} = x + y",
    number="largest distance of a gradient from central differences, over the largest gradient",
    unit="ratio",
    thresholds=(
        Threshold(
            "the worked examples come out exactly, and at random inputs every gradient agrees"
            " with central differences within 1e-6 of the largest gradient of its graph, or"
            " within 1e-6 where all of them are below 1",
            BEFORE,
        ),
    ),
    expected=HOLDS,
    seconds=1,
)
STEP = 1e-5
Make = Callable[..., gates.Graph]
GRAPHS: dict[str, tuple[Make, int]] = {
    "(x + y) z": (gates.add_and_multiply, 3),
    "x y + max(x, y)": (gates.four_gates, 2),
    "sigmoid neuron, in gates": (lambda *v: _neuron(v, False), 5),
    "sigmoid neuron, whole": (lambda *v: _neuron(v, True), 5),
}
# f and its gradients, for the slides' numbers and for x = 3, y = -2
WIDTH, HEIGHT = 9.2, 2.7  # of a drawn graph, inches
WORKED = {"(x + y) z": (-12.0, [-4.0, -4.0, 3.0]), "x y + max(x, y)": (-3.0, [-1.0, 3.0])}


DRAWN: dict[str, tuple[Callable[[], gates.Graph], str]] = {
    "f = (x + y) z": (gates.add_and_multiply, "the slides' numbers"),
    "f = x y + max(x, y)": (gates.four_gates, "a copy adds up, a maximum routes"),
    "a = sigmoid(w₀ x₀ + w₁ x₁ + w₂)": (gates.neuron, "the sigmoid in four gates"),
}
SIGNS = {"add": "+", "mul": "×", "times -1": "×(-1)"}  # how a gate is drawn


def run(settings: Settings) -> Numbers:
    """Work the examples, and compare each graph with central differences at random inputs."""
    worked = {}
    for name in WORKED:
        graph = GRAPHS[name][0]()
        worked[name] = (_result(graph), _gradients(graph))
    points = 10 if settings.quick else 40
    errors = {}
    for name, (make, inputs) in GRAPHS.items():
        errors[name] = np.array(
            [
                [
                    _error(make, row)
                    for row in np.random.default_rng(seed).normal(size=(points, inputs))
                ]
                for seed in range(settings.seeds)
            ]
        )
    drawn = {name: _wires(make()) for name, (make, _) in DRAWN.items()}
    return {"worked": worked, "errors": errors, "drawn": drawn}


def _wires(graph: gates.Graph) -> Numbers:
    """Return where gates stand, and each wire's ends, value and gradient.

    A gate stands one column right of its latest input, at the mean height of its inputs, or lower
    where another gate stands.
    """
    at: dict[int, tuple[float, float]] = {}
    for i, edge in enumerate(graph.inputs):
        at[id(edge)] = (0.0, -float(i))
    placed: list[tuple[float, float, str]] = []
    for node in graph.nodes:
        column = 1 + max(at[id(edge)][0] for edge in node.inputs)
        height = float(np.mean([at[id(edge)][1] for edge in node.inputs]))
        while any(column == there and abs(height - y) < 1 for there, y, _ in placed):
            height -= 1
        for edge in node.outputs:
            at[id(edge)] = (column, height)
        placed.append((column, height, SIGNS.get(node.gate.name, node.gate.name)))
    ends = {
        id(edge): (column, height)
        for node, (column, height, _) in zip(graph.nodes, placed, strict=True)
        for edge in node.inputs
    }
    wires = [
        {
            "name": edge.name if edge.maker is None else "",
            "value": edge.value,
            "gradient": edge.gradient,
            "from": at[id(edge)],
            "to": ends.get(id(edge), (at[id(edge)][0] + 1, at[id(edge)][1])),
        }
        for edge in graph.edges
    ]
    return {"gates": placed, "wires": wires}


def _neuron(v: Sequence[float], whole: bool) -> gates.Graph:
    """The graph of a neuron, from its inputs in the order in which the graph holds them."""
    w0, x0, w1, x1, w2 = v
    return gates.neuron((w0, w1, w2), (x0, x1), whole)


def _result(graph: gates.Graph) -> float:
    return graph.nodes[-1].outputs[0].value


def _gradients(graph: gates.Graph) -> list[float]:
    return [float(edge.gradient or 0.0) for edge in graph.inputs]


def _error(make: Make, at: np.ndarray) -> float:
    """Return the relative distance of the gradients from central differences."""
    gradients = np.array(_gradients(make(*at)))
    moves = STEP * np.eye(len(at))
    slopes = [(_result(make(*(at + d))) - _result(make(*(at - d)))) / (2 * STEP) for d in moves]
    return float(np.max(np.abs(gradients - slopes)) / max(1.0, np.max(np.abs(gradients))))


def plot(numbers: Numbers) -> Figure:
    """Draw each graph, the value above and the gradient below each wire."""
    figure, panels = style.figure(len(DRAWN), 1, width=WIDTH, height=HEIGHT)
    for panel, (name, graph) in zip(panels.ravel(), numbers["drawn"].items(), strict=True):
        panel.axis("off")
        for wire in graph["wires"]:
            _draw(panel, wire)
        for column, height, sign in graph["gates"]:
            box = {"boxstyle": "circle", "fc": "white", "ec": "k"}
            panel.text(column, height, sign, ha="center", va="center", fontsize=9, bbox=box)
        panel.set_title(f"{name}: {DRAWN[name][1]}", fontsize=10, loc="left")
        panel.margins(0.03, 0.25)
    return figure


def _draw(panel: Any, wire: Numbers) -> None:
    """Draw a wire with its name at its beginning, if it is an input, and its two numbers."""
    (x0, y0), (x1, y1) = wire["from"], wire["to"]
    panel.plot((x0, x1), (y0, y1), color="0.6", lw=1, zorder=0)
    if wire["name"]:
        panel.text(x0 - 0.05, y0, wire["name"], ha="right", va="center", style="italic")
    place = 0.3 if y0 != y1 else 0.5  # wires that cross do so in their middle
    x, y = x0 + place * (x1 - x0), y0 + place * (y1 - y0)
    for text, side, colour in (
        (wire["value"], "bottom", style.COLOURS[0]),
        (wire["gradient"], "top", style.COLOURS[1]),
    ):
        panel.text(x, y, f"{text + 0.0:.3g}", ha="center", va=side, color=colour, fontsize=9)


def verdict(numbers: Numbers) -> Verdict:
    """Check the worked numbers, and the largest error."""
    exact = all(
        value == WORKED[name][0] and list(gradients) == WORKED[name][1]
        for name, (value, gradients) in numbers["worked"].items()
    )
    worst = max(float(np.max(errors)) for errors in numbers["errors"].values())
    slide = numbers["worked"]["(x + y) z"][1]
    return Verdict(
        word_of(exact, worst <= 1e-6),
        worst,
        None,
        f"The slides' example gives {slide[0]:g}, {slide[1]:g} and {slide[2]:g}, as worked by"
        f" hand. At random inputs no gradient is further than {worst:.1e} from central"
        " differences, whether the sigmoid is one gate or four. A gate needs only its own rule.",
    )
