"""Explain one forward and backward pass, number by number: `python -m jaxmlp.explain [options]`.

The command shows every value, the loss, every delta and every gradient beside its formula, as text
or as a page for a browser. With `--summary` it shows the layers of a network of any size: the shape
of each output, and the number of parameters. Lecture rows B5, B6, D8, E3, E6, E14.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import files_from
from jaxmlp.errors import InputError, printable
from jaxmlp.explain.sections import explain_network
from jaxmlp.explain.typeset import Section, as_drawing, as_page, as_text
from jaxmlp.files import write_atomically
from jaxmlp.runs.inspection import Inspected, default, load_inspected, training_only

PROG = program_name("explain")


HIDDEN = (3,)  # widths of the hidden layers unless given


EXAMPLE = 1  # number of the example unless given


RANDOM = ("dropout", "input_dropout", "input_noise")  # off in what is shown


RULE = (  # the fields of the update; the rate is constant unless a run has a schedule
    *("optimizer", "learning_rate", "momentum", "decay", "beta1", "beta2", "epsilon"),
    *("epsilon_inside", "weight_decay", "clip_norm"),
)


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
    optimizer: str | None = default("optimizer", "sgd", "update rule of the step that is shown")
    learning_rate: float | None = default(
        "learning_rate", None, "learning rate; default the optimizer's own"
    )
    schedule: str | None = default("schedule", "constant")


def make_parser() -> Parser:
    """Return the command's argument parser."""
    text = "Show every number of a forward and backward pass beside its formula."
    parser = Parser(prog=PROG, description=text)
    group = parser.add_argument_group("what is shown")
    text = (
        'show an expression as a graph of gates, such as "(x+y)*z" x=-2 y=5 z=-4; it may have'
        " + - * / **, exp, log, sqrt, sigmoid, tanh, relu, sin, cos, abs, max and min; without an"
        " expression, show the graphs of the lectures"
    )
    group.add_argument("--gates", nargs="*", metavar=("EXPRESSION", "NAME=NUMBER"), help=text)
    text = "show the layers of the network: shapes and numbers of parameters"
    group.add_argument("--summary", action="store_true", help=text)
    group.add_argument("--run", metavar="RUN", help="show the trained network of this run")
    text = f"number of the example in the training set, from 0; default {EXAMPLE}"
    group.add_argument("--example", type=int, metavar="N", help=text)
    text = "size of the batch: the example and those after it; default 1"
    group.add_argument("--examples", type=int, metavar="N", help=text)
    text = "number of the training step that is shown, from 1; the steps before it take the same"
    group.add_argument("--step", type=int, metavar="N", help=f"{text} batch; default 1")
    group.add_argument("--html", metavar="FILE", help="write a page for a browser instead of text")
    text = "write the drawing of an expression's gates instead of text"
    group.add_argument("--svg", metavar="FILE", help=text)
    parser.add_parts_arguments()
    skip = [name for name in [*training_only(), *RANDOM] if name not in RULE]
    add_fields(parser, Options, skip=skip)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    given = vars(make_parser().parse_args(_protected(arguments)))
    gates, summary, run, file, svg = (
        given.pop(name) for name in ("gates", "summary", "run", "html", "svg")
    )
    shown = {name: given.pop(name) for name in ("example", "examples", "step")}
    parts = files_from(given)
    if svg is not None and not gates:
        raise InputError('--svg needs an expression: --gates "(x+y)*z" x=-2 y=5 z=-4')
    if gates is not None:
        others = {**given, "run": run, **shown, "summary": summary or None}
        _check_idle("--gates", others)
        title, sections = _explain_gates(gates)
    elif summary:
        _check_idle(
            "--summary", {**shown, "html": file, **{name: given.get(name) for name in RULE}}
        )
        print(_summary(load_inspected(run, given, Options, HIDDEN, parts)))
        return 0
    else:
        inspected = load_inspected(run, given, Options, HIDDEN, parts)
        n = min(EXAMPLE, len(inspected.dataset.x_train) - 1)
        asked = {"n": n, "examples": 1, "step": 1}
        names = {"example": "n"}
        asked |= {names.get(k, k): v for k, v in shown.items() if v is not None}
        title, sections = "Forward, backward and update", explain_network(inspected, **asked)
    if svg is not None:
        _write(svg, as_drawing(sections[0].items[-1]))
    if file is not None:
        _write(file, as_page(title, sections))
    if file is None and svg is None:
        print(as_text(sections))
    return 0


def _protected(arguments: list[str]) -> list[str]:
    """Return the arguments with a space before an expression that begins with a minus sign.

    `argparse` would take `-x*y` for an option.
    """
    protected = list(arguments)
    for i, word in enumerate(arguments):
        if arguments[i - 1 : i] == ["--gates"] and re.match("-[^-]", word):
            protected[i] = f" {word}"
    return protected


def _explain_gates(gates: list[str]) -> tuple[str, list[Section]]:
    """Return the title and the sections of an expression, or of the graphs of the lectures."""
    from jaxmlp.explain.circuits import explain_expression, explain_gates

    if not gates:
        return "Gates", explain_gates()
    return "Gates, forward and backward", explain_expression(gates[0], gates[1:])


def _write(file: str, text: str) -> None:
    try:
        write_atomically(Path(file), text)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from None
    print(printable(file))


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
