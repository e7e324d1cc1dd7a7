"""Explain one forward and backward pass, number by number: `python -m jaxmlp.explain [options]`.

The command shows every value, the loss, every delta and every gradient beside its formula, as text
or as a page for a browser. With `--summary` it shows the layers of a network of any size: the shape
of each output, and the number of parameters. Lecture rows B5, B6, D8, E3, E6, E14.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import files_from
from jaxmlp.errors import InputError, check, printable
from jaxmlp.explain.sections import explain_gates, explain_network
from jaxmlp.explain.typeset import as_page, as_text
from jaxmlp.files import write_atomically
from jaxmlp.runs.inspection import Inspected, default, load_inspected, training_only

PROG = program_name("explain")


HIDDEN = (3,)  # widths of the hidden layers unless given


EXAMPLE = 1  # number of the example unless given


@dataclass(frozen=True)
class Options(Config):
    """A configuration whose default network is small enough to be printed."""

    dataset: str = default("dataset", "xor")
    hidden: tuple[int, ...] | None = default(
        "hidden", None, "width of each hidden layer; default 3"
    )
    dropout: float | None = default("dropout", 0.0, "probability of dropping a hidden unit")
    activation: tuple[str, ...] = default("activation", ("sigmoid",))
    initializer: str = default("initializer", "xavier_normal")


def make_parser() -> Parser:
    """Return the command's argument parser."""
    text = "Show every number of a forward and backward pass beside its formula."
    parser = Parser(prog=PROG, description=text)
    group = parser.add_argument_group("what is shown")
    group.add_argument(
        "--gates", action="store_true", help="show graphs of gates instead of a network"
    )
    text = "show the layers of the network: shapes and numbers of parameters"
    group.add_argument("--summary", action="store_true", help=text)
    group.add_argument("--run", metavar="RUN", help="show the trained network of this run")
    text = f"number of the example in the training set, from 0; default {EXAMPLE}"
    group.add_argument("--example", type=int, metavar="N", help=text)
    group.add_argument("--html", metavar="FILE", help="write a page for a browser instead of text")
    parser.add_parts_arguments()
    add_fields(parser, Options, skip=[*training_only(), "dropout"])
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    given = vars(make_parser().parse_args(arguments))
    gates, summary, run, n, file = (
        given.pop(name) for name in ("gates", "summary", "run", "example", "html")
    )
    parts = files_from(given)
    if gates:
        others = {**given, "run": run, "example": n, "summary": summary or None}
        _check_idle("--gates", others)
        title, sections = "Gates", explain_gates()
    elif summary:
        _check_idle("--summary", {"example": n, "html": file})
        print(_summary(load_inspected(run, given, Options, HIDDEN, parts)))
        return 0
    else:
        inspected = load_inspected(run, given, Options, HIDDEN, parts)
        total = len(inspected.dataset.x_train)
        n = min(EXAMPLE, total - 1) if n is None else n
        check(0 <= n < total, "--example", f"from 0 to {total - 1}", n)
        title, sections = "Forward and backward", explain_network(inspected, n)
    if file is None:
        print(as_text(sections))
        return 0
    try:
        write_atomically(Path(file), as_page(title, sections))
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from None
    print(printable(file))
    return 0


def _summary(inspected: Inspected) -> str:
    """Return the layers of a network as a table (lecture rows E3, E14)."""
    from jaxmlp.nn.summary import summary, summary_text

    return summary_text(summary(inspected.model, inspected.signature.input_shape))


def _check_idle(flag: str, options: dict[str, Any]) -> None:
    """Reject options that another makes idle; those not given are missing or `None`."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        do = "does" if len(given) == 1 else "do"
        raise InputError(f"{', '.join(given)} {do} not apply to {flag}")


if __name__ == "__main__":
    run_process(main)
