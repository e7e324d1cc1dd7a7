"""Where the gates and wires of a graph are drawn: in columns, from left to right.

Every wire has a box of its own in some column, in which it runs straight and carries its numbers;
where it passes a column it has a box without numbers. So boxes of one column only have to keep
their distance, and wires bend in the gaps between columns, where nothing else is: no box overlaps
another, and no wire runs through one. It is the method of Sugiyama, Tagawa and Toda (1981): columns
by longest paths, order in a column by the mean place of the neighbours.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from jaxmlp.nn.gates import Edge, Gate, Graph, copy

ROW = 56.0  # the distance of two boxes in a column: a wire with a number above and one below
HEIGHT = 40.0  # of a box
GAP = 30.0  # the distance of two columns, and more for each wire between them:
SPREAD = 4.0
LEAST = 28.0  # the width and height of a small box
LETTER = 8.2  # the width of a letter
STUB = 92.0  # the straight piece of a wire that carries numbers
PORT = 11.0  # the distance of two wires that come into a gate
SWEEPS = 30


@dataclass(eq=False)
class Box:
    """A gate or an input with the wire that leaves it, or a piece of a wire.

    Attributes:
      label: what is written in it; empty for a piece of a wire.
      edge: the wire whose numbers it carries, `None` if it carries none.
      forks: whether the wire ends in a dot, from which several go on.
      above: the boxes from which wires come, in the order of the operands.
      below: the boxes to which wires go.
      column: the number of its column.
      x, y, width: its left end, the height of its wire, and its width with the wire.
    """

    label: str
    edge: Edge | None = None
    forks: bool = False
    above: list["Box"] = field(default_factory=list, repr=False)
    below: list["Box"] = field(default_factory=list, repr=False)
    column: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0

    @property
    def height(self) -> float:
        """The height of the part with the label: room for the wires that come in."""
        return HEIGHT if len(self.above) > 1 else LEAST

    @property
    def symbol(self) -> float:
        """The width of the part with the label."""
        return max(LEAST, len(self.label) * LETTER + 14) if self.label else 0.0

    def port(self, k: int) -> float:
        """Return the height at which the wire of operand k comes in."""
        n = len(self.above)
        return self.y + (k - (n - 1) / 2) * min(PORT, (HEIGHT - 8) / max(1, n - 1))


class Drawing(NamedTuple):
    """A graph with places.

    Attributes:
      boxes: every box.
      wires: the bent pieces, as `x, y` of the left and of the right end.
      width, height: of the whole.
    """

    boxes: list[Box]
    wires: list[tuple[float, float, float, float]]
    width: float
    height: float


def draw(graph: Graph, symbol: Callable[[Gate], str]) -> Drawing:
    """Return places for the gates and wires of a graph.

    Args:
      graph: the graph; its last wire is the result.
      symbol: what is written in the box of a gate.

    Returns:
      The drawing.
    """
    columns = _columns(_boxes(graph, symbol))
    _order(columns)
    _place(columns)
    boxes = [box for column in columns for box in column]
    wires = [
        (source.x + source.width, source.y, box.x, box.port(k))
        for box in boxes
        for k, source in enumerate(box.above)
    ]
    width = max(box.x + box.width for box in boxes)
    return Drawing(boxes, wires, width, max(box.y for box in boxes) + ROW / 2)


def _boxes(graph: Graph, symbol: Callable[[Gate], str]) -> list[Box]:
    """Return a box for each input, gate and branch, joined by their wires, sources first."""
    makers: dict[Edge, Box] = {}
    for edge in graph.inputs:
        makers[edge] = Box(edge.name, edge)
    for node in graph.nodes:
        for edge in node.outputs:
            makers[edge] = Box("" if node.gate is copy else symbol(node.gate), edge)
            for wire in node.inputs:
                _join(makers[wire], makers[edge])
                makers[wire].forks = node.gate is copy
    return list(makers.values())


def _join(source: Box, user: Box) -> None:
    source.below.append(user)
    user.above.append(source)


def _columns(boxes: list[Box]) -> list[list[Box]]:
    """Return the boxes in columns, with a box in each column that a wire passes."""
    for box in boxes:
        box.column = max((source.column + 1 for source in box.above), default=0)
    for box in reversed(boxes):  # inputs stand next to their users
        if box.below and not (box.above and box.label):  # branches too
            box.column = min(user.column for user in box.below) - 1
    every = list(boxes)
    for box in boxes:
        for k, source in enumerate(box.above):
            for column in range(source.column + 1, box.column):
                passing = Box("", column=column)
                source.below[source.below.index(box)] = passing
                passing.above, passing.below = [source], [box]
                box.above[k], source = passing, passing
                every.append(passing)
    return [
        [box for box in every if box.column == k] for k in range(1 + max(b.column for b in every))
    ]


def _order(columns: list[list[Box]]) -> None:
    """Order each column so that few wires cross: first as the operands come, then by means."""
    seen: dict[Box, int] = {}
    stack = [columns[-1][0]]
    while stack:  # depth first from the result: a graph without forks gets no crossing
        box = stack.pop()
        if box not in seen:
            seen[box] = len(seen)
            stack += reversed(box.above)
    for column in columns:
        column.sort(key=lambda box: seen[box])
    best = _crossings(columns), [list(column) for column in columns]
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            places = {box: i for other in columns for i, box in enumerate(other)}
            column.sort(key=lambda box: _mean(box, places, forward))
        best = min(best, (_crossings(columns), [list(column) for column in columns]), key=_first)
    columns[:] = best[1]


def _first(pair: tuple[int, list[list[Box]]]) -> int:
    return pair[0]


def _mean(box: Box, places: dict[Box, int], forward: bool) -> float:
    near = box.above if forward else box.below
    ports = [places[other] + (0 if forward else other.above.index(box) / 100) for other in near]
    return sum(ports) / len(ports) if ports else places[box]


def _crossings(columns: list[list[Box]]) -> int:
    """Return how many pairs of wires cross."""
    total = 0
    for column in columns:
        places = {box: i for i, box in enumerate(column)}
        ends = (
            [
                (places[source], i + k / 100)
                for i, box in enumerate(columns[column[0].column + 1])
                for k, source in enumerate(box.above)
            ]
            if column[0].column + 1 < len(columns)
            else []
        )
        total += sum((a - c) * (b - d) < 0 for a, b in ends for c, d in ends) // 2
    return total


def _place(columns: list[list[Box]]) -> None:
    """Give each box its place: columns side by side, and each box near its neighbours' height."""
    x = 0.0
    for column in columns:
        symbol = max(box.symbol or LEAST for box in column)
        numbers = STUB if any(box.edge for box in column) else 0.0
        for i, box in enumerate(column):
            box.x, box.y, box.width = x, ROW * i, symbol + numbers
        x += symbol + numbers + GAP + SPREAD * sum(len(box.below) for box in column)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = [_height(box) - ROW * i for i, box in enumerate(column)]
            for i, (box, y) in enumerate(zip(column, _rising(wanted), strict=True)):
                box.y = y + ROW * i
    top = min(box.y for column in columns for box in column) - ROW / 2
    for column in columns:
        for box in column:
            box.y -= top


def _height(box: Box) -> float:
    near = [other.y for other in (*box.above, *box.below)]
    return sum(near) / len(near) if near else box.y


def _rising(values: list[float]) -> list[float]:
    """Return the nearest numbers that never fall: falling ones are pooled to their mean."""
    pools: list[list[float]] = []
    for value in values:
        pools.append([value, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [[(a * n + b * m) / (n + m), n + m]]
    return [value for value, n in pools for _ in range(int(n))]
