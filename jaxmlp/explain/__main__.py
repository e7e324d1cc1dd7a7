"""Explain one forward and backward pass, number by number: `python -m jaxmlp.explain [options]`.

Every value, the loss, every delta and every gradient stand beside the formula they come from, as
text or as a page for a browser. The numbers are those of the layers' own `forward` and `backward`
and the loss's `gradient`; here they are only arranged. Lecture rows B5, B6, D8, E6.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from jaxmlp.cli.parser import Parser, add_fields, run_command
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check
from jaxmlp.explain.sections import explain_gates, explain_network
from jaxmlp.explain.typeset import as_page, as_text
from jaxmlp.files import write_atomically
from jaxmlp.runs.inspection import default, load_subject, training_only

PROG = "python -m jaxmlp.explain"


HIDDEN = (3,)


EXAMPLE = 1


@dataclass(frozen=True)
class Options(Config):
    """A training configuration whose defaults are small enough to be printed."""

    dataset: str = default("dataset", "xor")
    hidden: tuple[int, ...] | None = default("hidden", None, "width of each hidden layer (3)")
    activation: tuple[str, ...] = default("activation", ("sigmoid",))
    initializer: str = default("initializer", "xavier_normal")


def make_parser() -> Parser:
    """Return the command's argument parser."""
    text = "Show every number of a forward and backward pass beside its formula."
    parser = Parser(prog=PROG, description=text)
    group = parser.add_argument_group("what is shown")
    group.add_argument("--gates", action="store_true", help="graphs of gates instead of a network")
    group.add_argument("--run", metavar="RUN", help="this run's trained network")
    group.add_argument(
        "--example", type=int, metavar="N", help=f"of the training set, from 0; default {EXAMPLE}"
    )
    group.add_argument("--html", metavar="FILE", help="write a page for a browser instead of text")
    add_fields(parser, Options, skip=[*training_only(), "dropout"])
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    given = vars(make_parser().parse_args(arguments))
    gates, run, n, file = (given.pop(name) for name in ("gates", "run", "example", "html"))
    if gates:
        others = [*given, *(["run"] if run else []), *(["example"] if n is not None else [])]
        check(not others, "--gates", "given without options of a network", ", ".join(others))
        title, sections = "Gates", explain_gates()
    else:
        subject = load_subject(run, given, Options, HIDDEN)
        total = len(subject.dataset.x_train)
        n = min(EXAMPLE, total - 1) if n is None else n
        check(0 <= n < total, "example", f"from 0 to {total - 1}", n)
        title, sections = "Forward and backward", explain_network(subject, n)
    if file is None:
        encoding = sys.stdout.encoding or "utf-8"
        print(as_text(sections).encode(encoding, "replace").decode(encoding))
        return 0
    try:
        write_atomically(Path(file), as_page(title, sections))
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from None
    print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
