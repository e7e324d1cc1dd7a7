"""Check a network's hand-written gradient: `python -m jaxmlp.gradcheck [options]`.

A row per layer and parameter compares backpropagation by hand with `jax.value_and_grad` and with
central differences, in float64 (`jaxmlp.config.gradient_rows`). The input counts as a parameter,
so the whole chain is checked, from the loss down to `dL/dx`. For a single part see `jaxmlp.check`.
"""

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import files_from
from jaxmlp.errors import InputError, check, unknown
from jaxmlp.runs.inspection import Inspected, default, load_inspected, training_only

if TYPE_CHECKING:
    from jaxmlp.config.gradient_rows import Row
    from jaxmlp.nn import Layer


PROG = program_name("gradcheck")
EXAMPLES = 8
HIDDEN = (8, 8)  # small, so that every coordinate of the default network is compared


@dataclasses.dataclass(frozen=True)
class Options(Config):
    """A training configuration whose defaults are small and need no files."""

    dataset: str = default("dataset", "moons")
    hidden: tuple[int, ...] | None = default(
        "hidden", None, "width of each hidden layer, default 8 8"
    )
    dropout: float | None = default("dropout", 0.0, "probability of dropping a hidden unit")


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
        from jaxmlp.config.gradient_rows import DIFFERENCES, MACHINE

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


def check_gradient(inspected: Inspected, n: int, broken: int | None = None) -> list["Row"]:
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
    from jaxmlp.config.network_rows import input_layer, network_rows
    from jaxmlp.config.problem import example_weights
    from jaxmlp.config.signature import arrays_from
    from jaxmlp.nn.layers import in_order

    rng = np.random.default_rng(inspected.recipe.seed)
    some = np.sort(rng.choice(inspected.train, n, replace=False))
    x, y = inspected.dataset.x_train[some], inspected.dataset.y_train[some]
    _, targets, _ = arrays_from(inspected.signature, x, y)
    weights = example_weights(inspected.recipe, inspected.dataset, inspected.train)
    inner, own = zip(*in_order(inspected.model, inspected.params), strict=True)
    layers = [input_layer(), *inner]
    if broken is not None:
        layers[broken] = _spoilt(layers[broken])
    with jax.enable_x64(True):
        x = jax.numpy.asarray(inspected.signature.preprocessing(x), "float64")
        tree = ({"x": x}, *own)
        params = jax.tree.map(lambda w: jax.numpy.asarray(w, "float64"), tree)
        seed = inspected.recipe.seed
        key = jax.random.key(seed, impl="threefry2x32") if _drawn(inspected) else None
        data = (x, targets, None if weights is None else weights[some], key)
        return network_rows(nn.sequential(*layers), inspected.loss, params, data, rng)


def _drawn(inspected: Inspected) -> list[str]:
    """Return what of a step is drawn at random."""
    recipe = inspected.recipe
    drawn = {"dropout": recipe.dropout or recipe.input_dropout, "noise": recipe.input_noise}
    return [words for words, given in drawn.items() if given]


def _spoilt(layer: "Layer") -> "Layer":
    """Return the layer with a wrong sign in its backward."""
    import jax

    def backward(*arguments: Any) -> Any:
        return jax.tree.map(lambda gradient: -gradient, layer.backward(*arguments))

    return dataclasses.replace(layer, backward=backward)


def _print(inspected: Inspected, n: int, rows: list["Row"], broken: int | None) -> None:
    from jaxmlp.cli.console import print_line, print_table
    from jaxmlp.config.gradient_rows import HEADER, LIMITS
    from jaxmlp.nn.layers import parts

    drawn = "".join(f", with {words}" for words in _drawn(inspected))
    print_line(f"{n} examples of {inspected.recipe.dataset}, {inspected.loss.name}, float64{drawn}")
    if broken is not None:
        print(f"a wrong sign is planted in {broken} {parts(inspected.model)[broken - 1].name}")
    print()
    print_table([_cells(row) for row in rows], HEADER)
    print(f"\n{LIMITS}")
    wrong = [row.place for row in rows if not row.ok]
    if wrong:
        print(f"FAILED: {', '.join(wrong)}")
        last = max(row.number for row in rows if not row.ok)
        for row in rows:
            if not row.ok and row.number == last and row.says:
                print(f"  {row.place}: {row.says}")
        print("the error is in the last of these layers, or in a layer without parameters after it")
    elif broken is not None:
        print("ok: the wrong sign does not show, because the gradient there is zero")
    else:
        print("ok")


def _cells(row: "Row") -> tuple[Any, ...]:
    """Return the cells of a row, its verdict in colours."""
    from rich.text import Text

    *cells, verdict = row.cells()
    return (*cells, Text(verdict, "green" if row.ok else "bold red"))


if __name__ == "__main__":
    run_process(main)
