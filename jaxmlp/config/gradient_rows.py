"""A gradient by hand beside `jax.grad` and central differences, in rows: one for each array.

An error is the norm of the difference, divided by the norm of the gradient. A gradient that is
nearly zero has no useful relative error: the divisor is at least a thousandth of 1, of the value
and of the largest output. `jaxmlp.check` and `python -m jaxmlp.gradcheck` both compare here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxmlp.config.differences import all_close, described, reasons
from jaxmlp.nn.gradients import slopes

MACHINE, DIFFERENCES = 1e-12, 1e-6  # the largest errors that pass
STEP = 6e-6  # of the differences: the cube root of float64's epsilon
MOST = 200  # coordinates of an array at which differences are taken
FLOOR = 1e-3  # of the scale of the value: the smallest divisor of an error
HEADER = ("layer", "parameter", "shape", "jax.grad", "differences", "coordinates", "verdict")
LIMITS = f"relative errors; the limits are {MACHINE:g} and {DIFFERENCES:g}"


class Row(NamedTuple):
    """The errors of one array's gradient, or a layer that has no parameters.

    Attributes:
      number: the layer's number; 0 is the input.
      layer: the layer's name.
      parameter: the parameter's name, or "".
      shape: the parameter's shape.
      taken: the number of coordinates at which differences were taken.
      kinks: the number of these that do not count, because the loss has a kink there.
      machine: the error against `jax.grad`.
      differences: the error against central differences.
      ok: whether both errors are small enough.
      says: what is wrong, "" if nothing is or it cannot be told.
    """

    number: int
    layer: str
    parameter: str = ""
    shape: tuple[int, ...] = ()
    taken: int = 0
    kinks: int = 0
    machine: float = 0.0
    differences: float = 0.0
    ok: bool = True
    says: str = ""

    @property
    def place(self) -> str:
        """Where the row belongs, such as `2 dense 3 W`."""
        return f"{self.number} {self.layer} {self.parameter}".strip()

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row, as they are printed under `HEADER`."""
        layer, verdict = f"{self.number} {self.layer}", "ok" if self.ok else "FAILED"
        if not self.parameter:
            return (layer, *[""] * 5, "" if self.ok else verdict)
        size = math.prod(self.shape)
        taken = f"all {size}" if self.taken == size else f"{self.taken} of {size:,}"
        kinks = f", {self.kinks} kink{'s'[: self.kinks != 1]}" if self.kinks else ""
        differences = f"{self.differences:.1e}" if self.kinks < self.taken else "-"
        shape, machine = " x ".join(map(str, self.shape)), f"{self.machine:.1e}"
        if not self.taken:
            machine, differences, taken = "-", "-", "none"
        return layer, self.parameter, shape, machine, differences, taken + kinks, verdict


def compared(
    value: Callable[[Any], Any],
    tree: Any,
    hand: Any,
    machine: Any,
    floor: float,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Compare a gradient by hand with that by machine and with differences, array by array.

    Args:
      value: the function of the tree whose gradient it is.
      tree: where the gradient is taken.
      hand: the gradient by hand, a tree of the same structure and shapes.
      machine: the gradient by `jax.grad`.
      floor: the least divisor of an error.
      rng: chooses coordinates of a large array.

    Returns:
      The fields of a `Row` from `shape` to `ok`, for each array.
    """
    pairs = [
        (np.asarray(a), np.asarray(b))
        for a, b in zip(jax.tree.leaves(hand), jax.tree.leaves(machine), strict=True)
    ]
    some = [_coordinates(a, b, floor, rng) for a, b in pairs]
    found = []
    for (a, b), part, sides in zip(pairs, some, _slopes(value, tree, some), strict=True):
        second, kinks, subgradient = _against_differences(np.ravel(a)[part], sides, floor)
        apart = np.ravel(a - b)
        apart[part[subgradient]] = 0
        first = _error(apart, b, floor)
        ok = first <= MACHINE and second <= DIFFERENCES
        errors = {"machine": first, "differences": second, "ok": ok}
        found.append({"shape": a.shape, "taken": len(part), "kinks": kinks, **errors})
    return found


def _slopes(value: Any, tree: Any, some: list[np.ndarray]) -> list[np.ndarray]:
    """Return each array's slopes, `(4, coordinates)`: right, left, and with a smaller step."""
    w, unravel = ravel_pytree(tree)
    starts = np.cumsum([0, *(leaf.size for leaf in jax.tree.leaves(tree))])
    indices = np.concatenate([start + part for start, part in zip(starts, some, strict=False)])

    @jax.jit
    def one_sided(indices: Any, h: Any) -> Any:
        return slopes(lambda w: value(unravel(w)), w, indices, h, central=False)

    sides = np.stack([one_sided(indices, h) for h in (STEP, -STEP, STEP / 4, -STEP / 4)])
    return np.split(sides, np.cumsum([len(part) for part in some])[:-1], axis=1)


def _coordinates(
    hand: np.ndarray, machine: np.ndarray, floor: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the coordinates at which differences are taken: all, or a sample of a large array.

    Where the two gradients disagree, the differences decide: these coordinates come first.
    """
    if hand.size <= MOST:
        return np.arange(hand.size)
    sample = np.sort(rng.choice(hand.size, MOST, replace=False))
    most = MACHINE * max(float(np.linalg.norm(machine)), floor)
    off = np.flatnonzero(~(np.abs(np.ravel(hand - machine)) <= most))
    return sample if len(off) == 0 else off[:MOST]


def _error(difference: np.ndarray, expected: np.ndarray, floor: float) -> float:
    return float(np.linalg.norm(difference)) / max(float(np.linalg.norm(expected)), floor)


def _against_differences(
    hand: np.ndarray, sides: np.ndarray, floor: float
) -> tuple[float, int, np.ndarray]:
    """Return a gradient's error against central differences, the kinks, and the subgradients.

    If the function has a kink within the step (a ReLU switches), the difference is not a
    derivative. A coordinate with a large error is therefore compared again, with a quarter of the
    step. It counts as a kink and has no error in two cases:

    - the gradient lies between the slopes to the right and to the left, as a subgradient does;
    - the two slopes still differ by more than half as much as before, so there is no derivative
      (several kinks in one place, as for the input 0).

    Without a kink the two slopes are nearly equal, and neither case excuses a wrong gradient.
    """
    right, left, near_right, near_left = sides
    central = (right + left) / 2
    error = np.abs(hand - central)
    most = DIFFERENCES * max(float(np.linalg.norm(central)), floor)
    low, high = np.minimum(near_right, near_left), np.maximum(near_right, near_left)
    between = (low - most <= hand) & (hand <= high + most)
    lasting = high - low > np.maximum(most, np.abs(right - left) / 2)
    kinks = (error > most) & (between | lasting)
    subgradient = between & (high - low > most)
    return _error(np.where(kinks, 0, error), central, floor), int(kinks.sum()), subgradient


class Judged(NamedTuple):
    """One array of a gradient in several cases, to be made a row.

    Attributes:
      got: the gradient by hand, in each case.
      want: that by `jax.grad`.
      arguments: what it was computed from, in each case.
      batch: the argument and the axis that count the examples.
      usual: what usual mistakes would give, by their reasons.
    """

    got: Sequence[np.ndarray]
    want: Sequence[np.ndarray]
    arguments: Sequence[Mapping[str, Any]]
    batch: tuple[str, int] | None = None
    usual: Mapping[str, Sequence[np.ndarray]] = {}

    @property
    def fits(self) -> bool:
        """Whether all shapes are right, so that numbers can be compared."""
        return all(a.shape == b.shape for a, b in zip(self.got, self.want, strict=True))

    def reason(self) -> str:
        """Return what is wrong with the array."""
        for words, wrong in self.usual.items():
            if all_close(self.got, wrong) and not all_close(wrong, self.want):
                return words
        found = reasons(self.got, self.want, self.arguments, self.batch)
        return next(found, "") or described(self.got, self.want, "jax.grad")


def row_of(number: int, layer: str, name: str, judged: Judged, found: Sequence[Any]) -> Row:
    """Return the row of an array in several cases.

    Args:
      number: of the layer.
      layer: its name.
      name: of the array.
      judged: the array.
      found: what `compared` says of it in each case; nothing where a shape is wrong.

    Returns:
      The row of the first case that fails, or of the first.
    """
    if not judged.fits:
        return Row(number, layer, name, judged.want[-1].shape, ok=False, says=judged.reason())
    worst = next((case for case in found if not case["ok"]), found[0])
    return Row(number, layer, name, **worst, says="" if worst["ok"] else judged.reason())
