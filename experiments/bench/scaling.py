"""The growth of our time and memory with width, depth, batch size and number of examples."""

from statistics import median
from typing import Any

from experiments.bench.measures import exponent, slope
from experiments.bench.peers import OURS
from experiments.bench.plan import Plan
from experiments.bench.problem import Problem
from experiments.bench.workers import workers

DIGITS, COLUMNS = 10_000, 28
ROW_BYTES = 4 * (COLUMNS + 1)  # bytes of a row of the made-up table, with its label
AXES: dict[str, tuple[int, ...]] = {
    "width": (64, 128, 256, 512, 1024, 2048),
    "depth": (1, 2, 4, 8, 16),
    "batch size": (32, 64, 128, 256, 512, 1024, 2048),
    "examples": (10_000, 30_000, 100_000, 300_000, 1_000_000),
}


def growth(plan: Plan) -> dict[str, Any]:
    """Return seconds per epoch, peak memory and the fitted exponents along each axis.

    Width: 784-w-w-10 on 10,000 digits at 128. Depth: hidden layers of 128. Batch size: 784-128-10.
    Examples: 28-128-2 on a made-up table, at 128. There, `copies` is the growth of the peak memory
    per row, divided by the bytes of a row. Each point has a process of its own.
    """
    found = {}
    for axis, values in AXES.items():
        values = values[:2] if plan.quick else values
        points = [_point(plan, axis, value) for value in values]
        seconds, megabytes = zip(*points, strict=True)
        found[axis] = {
            "values": values,
            "seconds": seconds,
            "megabytes": megabytes,
            "time exponent": exponent(values, seconds),
            "late time exponent": exponent(values[-3:], seconds[-3:]),
            "memory exponent": exponent(values, megabytes),
        }
    found["examples"]["copies"] = slope(values, megabytes) * 1e6 / ROW_BYTES
    return found


def _point(plan: Plan, axis: str, value: int) -> tuple[float, float]:
    """Return the median time of an epoch after the first, and the peak memory of the process."""
    with workers([OURS]) as crew:
        worker = crew[OURS]
        worker.ask("start", problem=_problem(plan, axis, value).to_dict())
        turns = [worker.seconds("train") for _ in range(plan.rounds + 1)]
        return median(turns[1:]), worker.ask("peak")["megabytes"]


def _problem(plan: Plan, axis: str, value: int) -> Problem:
    if axis == "examples":
        return Problem(rows=value, features=COLUMNS, classes=2)
    rows = 2000 if plan.quick else DIGITS
    if axis == "width":
        return Problem(data=plan.data, rows=rows, hidden=(value, value))
    if axis == "depth":
        return Problem(data=plan.data, rows=rows, hidden=(128,) * value)
    return Problem(data=plan.data, rows=rows, batch_size=value)
