"""Check a network's hand-written gradient: `python -m jaxmlp.gradcheck [options]`.

A row per layer and parameter compares backpropagation by hand with `jax.value_and_grad` and with
central differences, in float64. The input counts as a parameter, so the whole chain is checked,
from the loss down to `dL/dx`. An error is the norm of the difference, divided by the norm of the
gradient. A gradient that is nearly zero has no useful relative error: the divisor is at least a
thousandth of 1, of the loss and of the largest output.
"""

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import files_from
from jaxmlp.errors import InputError, check, unknown
from jaxmlp.runs.inspection import Inspected, default, load_inspected, training_only

if TYPE_CHECKING:
    from jaxmlp.nn import Chain, Layer, Loss


PROG = program_name("gradcheck")
MACHINE, DIFFERENCES = 1e-12, 1e-6  # the largest errors that pass
STEP = 6e-6  # of the differences: the cube root of float64's epsilon
MOST = 200  # coordinates of a parameter at which differences are taken
EXAMPLES = 8
FLOOR = 1e-3  # of the scale of the loss: the smallest divisor of an error
HIDDEN = (8, 8)  # small, so that every coordinate of the default network is compared


@dataclasses.dataclass(frozen=True)
class Options(Config):
    """A training configuration whose defaults are small and need no files."""

    dataset: str = default("dataset", "moons")
    hidden: tuple[int, ...] | None = default(
        "hidden", None, "width of each hidden layer, default 8 8"
    )
    dropout: float | None = default("dropout", 0.0, "probability of dropping a hidden unit")


class Row(NamedTuple):
    """The errors of one parameter's gradient, or a layer that has no parameters.

    Attributes:
      number: the layer's number; 0 is the input.
      layer: the layer's name.
      parameter: the parameter's name, or "".
      shape: the parameter's shape.
      taken: the number of coordinates at which differences were taken.
      kinks: the number of these that do not count, because the loss has a kink there.
      machine: the error against `jax.value_and_grad`.
      differences: the error against central differences.
      ok: whether both errors are small enough.
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


def make_parser() -> Parser:
    """The command's argument parser."""
    parser = Parser(prog=PROG, description="Check the hand-written gradient of a network.")
    group = parser.add_argument_group("the check")
    group.add_argument("--run", metavar="RUN", help="check the trained network of this run")
    text = f"number of training examples; default {EXAMPLES}, or all if there are fewer"
    group.add_argument("--examples", type=int, metavar="N", help=text)
    text = "plant a wrong sign in this layer, a number or a name; the check should fail"
    group.add_argument("--break", dest="broken", metavar="LAYER", help=text)
    group.add_argument("--json", action="store_true", help="print only JSON")
    parser.add_parts_arguments()
    add_fields(parser, Options, skip=training_only())
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 1 if a gradient is wrong."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    given = vars(make_parser().parse_args(arguments))
    run, n, broken, as_json = (given.pop(name) for name in ("run", "examples", "broken", "json"))
    parts = files_from(given)
    inspected = load_inspected(run, given, Options, HIDDEN, parts)
    layer = None if broken is None else _find(broken, inspected.model)
    total = len(inspected.train)
    n = min(EXAMPLES, total) if n is None else n
    check(1 <= n <= total, "--examples", f"from 1 to {total}, the number of training examples", n)
    rows = check_gradient(inspected, n, layer)
    ok = all(row.ok for row in rows)
    if as_json:
        tolerances = {"machine": MACHINE, "differences": DIFFERENCES}
        found = {"ok": ok, "tolerances": tolerances, "rows": [row._asdict() for row in rows]}
        print(json.dumps({"dataset": inspected.recipe.dataset, "examples": n} | found))
    else:
        _print(inspected, n, rows, layer)
    return 0 if ok else 1


def _find(wanted: str, model: "Layer") -> int:
    """Return the number, from 1, of the layer with this number or name."""
    from jaxmlp.nn.layers import parts

    names = [layer.name for layer in parts(model)]
    numbers = [str(k) for k, name in enumerate(names, 1) if wanted in (str(k), name)]
    if not numbers:
        raise unknown("layer", wanted, (f"{k} {name}" for k, name in enumerate(names, 1)))
    if len(numbers) > 1:
        raise InputError(
            f"layers {', '.join(numbers)} are all {wanted}: give one number to --break"
        )
    return int(numbers[0])


def check_gradient(inspected: Inspected, n: int, broken: int | None = None) -> list[Row]:
    """Compare the gradient by hand with `jax.value_and_grad` and with differences, in float64.

    Args:
      inspected: the network with its data.
      n: the number of training examples, drawn at random.
      broken: the number of a layer whose backward gets a wrong sign, if any.

    Returns:
      A row for each parameter, in the order of the layers, and for each layer without parameters.
    """
    import jax

    from jaxmlp import nn
    from jaxmlp.config.problem import example_weights
    from jaxmlp.config.signature import arrays_from
    from jaxmlp.nn.layers import in_order

    rng = np.random.default_rng(inspected.recipe.seed)
    some = np.sort(rng.choice(inspected.train, n, replace=False))
    x, y = inspected.dataset.x_train[some], inspected.dataset.y_train[some]
    _, targets, _ = arrays_from(inspected.signature, x, y)
    weights = example_weights(inspected.recipe, inspected.dataset, inspected.train)
    inner, own = zip(*in_order(inspected.model, inspected.params), strict=True)
    layers = [_input(), *inner]
    if broken is not None:
        layers[broken] = _spoilt(layers[broken])
    with jax.enable_x64(True):
        x = jax.numpy.asarray(inspected.signature.preprocessing(x), "float64")
        tree = ({"x": x}, *own)
        params = jax.tree.map(lambda w: jax.numpy.asarray(w, "float64"), tree)
        drops, seed = inspected.recipe.dropout, inspected.recipe.seed
        key = jax.random.key(seed, impl="threefry2x32") if drops else None
        data = (x, targets, None if weights is None else weights[some], key)
        return _compare(nn.sequential(*layers), inspected.loss, params, data, rng)


def _input() -> "Layer":
    """Return a layer whose output is its one parameter: so the input counts as a parameter."""
    from jaxmlp.nn import Layer

    return Layer(
        init=lambda key, shape: ({}, shape),
        forward=lambda params, x, key=None: (params["x"], None),
        backward=lambda params, cache, dy: ({"x": dy}, dy),
        name="input",
        kind="input",
    )


def _spoilt(layer: "Layer") -> "Layer":
    """Return the layer with a wrong sign in its backward."""
    import jax

    def backward(*arguments: Any) -> Any:
        return jax.tree.map(lambda gradient: -gradient, layer.backward(*arguments))

    return dataclasses.replace(layer, backward=backward)


def _compare(
    model: "Chain", loss: "Loss", params: Any, data: tuple[Any, ...], rng: np.random.Generator
) -> list[Row]:
    import jax

    from jaxmlp import nn
    from jaxmlp.config.referees import autodiff

    (value, outputs), by_hand = jax.jit(nn.value_and_grad(model, loss))(params, *data)
    _, by_machine = jax.jit(autodiff(model, loss))(params, *data)
    floor = FLOOR * max(1.0, float(abs(value)), float(abs(outputs).max()))
    gradients, _ = jax.tree_util.tree_flatten_with_path(by_hand)
    some = [_coordinates(hand.size, rng) for _, hand in gradients]
    slopes = _slopes(lambda params: nn.objective(model, loss)(params, *data)[0], params, some)
    referees = zip(jax.tree.leaves(by_machine), some, slopes, strict=True)
    rows = []
    for (path, hand), (machine, part, sides) in zip(gradients, referees, strict=True):
        first = _error(np.asarray(hand - machine), np.asarray(machine), floor)
        second, kinks = _against_differences(np.ravel(hand)[part], sides, floor)
        name = jax.tree_util.keystr(path[1:], simple=True, separator=".")
        found = (len(part), kinks, first, second, first <= MACHINE and second <= DIFFERENCES)
        rows.append(Row(path[0].idx, model.layers[path[0].idx].name, name, hand.shape, *found))
    seen = {row.number for row in rows}
    rows += [Row(k, layer.name) for k, layer in enumerate(model.layers) if k not in seen]
    return sorted(rows, key=lambda row: row.number)


def _slopes(value: Any, params: Any, some: list[np.ndarray]) -> list[np.ndarray]:
    """Return each parameter's slopes, `(4, coordinates)`: right, left, and with a smaller step."""
    import jax
    from jax.flatten_util import ravel_pytree

    from jaxmlp.nn.gradients import slopes

    w, unravel = ravel_pytree(params)
    starts = np.cumsum([0, *(leaf.size for leaf in jax.tree.leaves(params))])
    indices = np.concatenate([start + part for start, part in zip(starts, some, strict=False)])

    @jax.jit
    def one_sided(indices: Any, h: Any) -> Any:
        return slopes(lambda w: value(unravel(w)), w, indices, h, central=False)

    sides = np.stack([one_sided(indices, h) for h in (STEP, -STEP, STEP / 4, -STEP / 4)])
    return np.split(sides, np.cumsum([len(part) for part in some])[:-1], axis=1)


def _coordinates(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the coordinates of a parameter at which differences are taken: all, or a sample."""
    return np.arange(size) if size <= MOST else np.sort(rng.choice(size, MOST, replace=False))


def _error(difference: np.ndarray, expected: np.ndarray, floor: float) -> float:
    return float(np.linalg.norm(difference)) / max(float(np.linalg.norm(expected)), floor)


def _against_differences(hand: np.ndarray, sides: np.ndarray, floor: float) -> tuple[float, int]:
    """Return a gradient's error against central differences, and the number of kinks.

    If the loss has a kink within the step (a ReLU switches), the difference is not a derivative.
    A coordinate with a large error is therefore compared again, with a quarter of the step. It
    counts as a kink and has no error in two cases:

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
    return _error(np.where(kinks, 0, error), central, floor), int(kinks.sum())


def _print(inspected: Inspected, n: int, rows: list[Row], broken: int | None) -> None:
    from jaxmlp.cli.console import print_line, print_table
    from jaxmlp.nn.layers import parts

    drops = ", with dropout" if inspected.recipe.dropout else ""
    print_line(f"{n} examples of {inspected.recipe.dataset}, {inspected.loss.name}, float64{drops}")
    if broken is not None:
        print(f"a wrong sign is planted in {broken} {parts(inspected.model)[broken - 1].name}")
    print()
    header = ("layer", "parameter", "shape", "jax.grad", "differences", "coordinates", "verdict")
    print_table([_cells(row) for row in rows], header)
    print(f"\nrelative errors; the limits are {MACHINE:g} and {DIFFERENCES:g}")
    wrong = [f"{row.number} {row.layer} {row.parameter}" for row in rows if not row.ok]
    if wrong:
        print(f"FAILED: {', '.join(wrong)}")
        print("the error is in the last of these layers, or in a layer without parameters after it")
    elif broken is not None:
        print("ok: the wrong sign does not show, because the gradient there is zero")
    else:
        print("ok")


def _cells(row: Row) -> tuple[Any, ...]:
    """Return the cells of a row, as they are printed."""
    from rich.text import Text

    layer = f"{row.number} {row.layer}"
    if not row.parameter:
        return (layer, *[""] * 6)
    size = math.prod(row.shape)
    taken = f"all {size}" if row.taken == size else f"{row.taken} of {size:,}"
    kinks = f", {row.kinks} kinks" if row.kinks else ""
    verdict = Text("ok", "green") if row.ok else Text("FAILED", "bold red")
    differences = f"{row.differences:.1e}" if row.kinks < row.taken else "-"
    shape, machine = " x ".join(map(str, row.shape)), f"{row.machine:.1e}"
    return layer, row.parameter, shape, machine, differences, taken + kinks, verdict


if __name__ == "__main__":
    run_process(main)
