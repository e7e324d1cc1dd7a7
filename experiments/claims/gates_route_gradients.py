r"""Four gates and the chain rule are all of backpropagation: distribute, swap, add and route.

The graphs of the slides and our own graphs are evaluated. Their values, and their gradients in
every input, are compared with the numbers worked by hand and with central differences at random
inputs. Random inputs do not meet the ties of the maximum, where it has no derivative (deck B,
"Chain Rule for Important Gates" and "A Simple Example").
"""

from collections.abc import Callable, Sequence

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
    section="Chain rule for important gates; a simple example",
    formula=r"f = (x + y) z, \qquad \frac{\partial f}{\partial x} = \frac{\partial f}{\partial y}"
    r" = z, \quad \frac{\partial f}{\partial z} = x + y",
    number="largest difference from central differences",
    unit="relative to the largest gradient",
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
WORKED = {"(x + y) z": (-12.0, [-4.0, -4.0, 3.0]), "x y + max(x, y)": (-3.0, [-1.0, 3.0])}


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
    return {"worked": worked, "errors": errors}


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
    """Draw the errors of all random points, sorted, for each graph."""
    figure, ((panel,),) = style.figure(1, 1, width=5.6)
    for i, (name, errors) in enumerate(numbers["errors"].items()):
        values = np.sort(np.maximum(np.ravel(errors), 1e-17))
        share = 100 * np.arange(1, len(values) + 1) / len(values)
        panel.plot(values, share, label=name, color=style.COLOURS[i], ls=style.LINES[i])
    panel.set_xscale("log")
    panel.set_xlabel("relative distance from central differences")
    panel.set_ylabel("random inputs within this distance, %")
    panel.legend(frameon=False, loc="upper left", fontsize=8)
    return figure


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
