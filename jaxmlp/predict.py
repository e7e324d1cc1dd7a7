"""Use a trained network: `python -m jaxmlp.predict RUN INPUT...`.

Inputs are pictures (PNG, JPEG, of any size), folders of them, arrays (.npy, .npz) or tables, such
as .csv. The rows of a table may have further columns, another order, gaps, and no target.
"""

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, Shown, check
from jaxmlp.files import usable_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxmlp.data import Inputs
    from jaxmlp.runs.answers import Answers
    from jaxmlp.runs.network import Network

PROG = program_name("predict")
NOTES = 10  # lines about inputs that come in many pieces


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Predict with a trained network.")
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        help="picture, .npy, .npz, a table such as .csv, or a folder of pictures or shards",
    )
    text = "draw what the network saw of each picture, with its answer, into a .png file"
    parser.add_argument("--show", metavar="FILE", help=text)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--json", action="store_true", help="print one JSON object per example")
    text = "write a table: all columns of the input, prediction and probabilities"
    kinds.add_argument("--out", metavar="FILE", help=f"{text}; .csv or .parquet")
    text = "replace the file in --out, if there is one"
    parser.add_argument("--overwrite", action="store_true", help=text)
    parser.add_parts_arguments()
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    from jaxmlp.cli.console import print_rows, say
    from jaxmlp.runs.answers import Answers, table_of, write_table
    from jaxmlp.runs.large_inputs import large_files
    from jaxmlp.runs.network import load

    if options.out:
        check_output(options.out, options.inputs, options.overwrite)
    network = load(options.run, parts=options.parts, changed_parts=options.changed_parts)
    if options.show:
        _check_show(options.show, network)
    large = {path: large_files(path) for path in options.inputs}
    if any(large.values()):
        return _answer_large(network, large, options)
    read = [network.read(path) for path in options.inputs]
    found = []
    for path, inputs in zip(options.inputs, read, strict=True):
        for note in inputs.notes:
            say(f"{PROG}: {note}")
        names = [f"{path} {n}" if n.startswith("row ") else n for n in inputs.names]
        found.append(Answers(network, names, inputs.rows, network.answers(inputs.x)))
    if options.out:
        write_table(table_of(found), Path(options.out))
    elif options.json:
        for answers in found:
            for record in answers.records():
                print(json.dumps(record, allow_nan=False))
    else:
        rows = [row for answers in found for row in answers.in_words()]
        print_rows(rows, ("input", "prediction", "probability"))
    if options.show:
        _show(Path(options.show), network, read, found)
    return 0


def _answer_large(network: "Network", large: dict[str, list[Path]], options: Any) -> int:
    """Answer inputs of which some are larger than memory, piece by piece."""
    from jaxmlp.cli.console import print_rows, say
    from jaxmlp.runs.answers import Answers
    from jaxmlp.runs.large_inputs import pieces_of, write_answers

    check(options.show is None, "--show", "left out for inputs of many shards", options.show)
    noted = 0

    def found() -> "Iterator[Answers]":
        nonlocal noted
        for path, files in large.items():
            for inputs in pieces_of(network, files) if files else [network.read(path)]:
                for note in inputs.notes:
                    noted += 1
                    if noted <= NOTES:
                        say(f"{PROG}: {note}")
                yield Answers(network, inputs.names, inputs.rows, network.answers(inputs.x))

    if options.out:
        write_answers(found(), Path(options.out))
    for answers in () if options.out else found():
        if options.json:
            for record in answers.records():
                print(json.dumps(record, allow_nan=False))
        else:
            print_rows([*answers.in_words()], ("input", "prediction", "probability"))
    if noted > NOTES:
        say(f"{PROG}: and {noted - NOTES} more such lines")
    return 0


def _check_show(file: str, network: "Network") -> None:
    """Reject a file that no picture can be drawn into, or a network that sees no pictures."""
    shape = network.signature.input_shape
    check(file.lower().endswith(".png"), "--show", "a .png file", file)
    pictures = len(shape) == 3 and shape[-1] in (1, 3, 4)
    check(pictures, "--show", "for a network that sees pictures", Shown(f"inputs of shape {shape}"))


def _show(file: Path, network: "Network", read: list["Inputs"], found: list["Answers"]) -> None:
    """Draw the first examples as the network saw them."""
    from jaxmlp.cli.console import say
    from jaxmlp.runs import figures

    most, total = figures.MOST_SEEN, sum(len(inputs.x) for inputs in read)
    x = np.concatenate([inputs.x[:most] for inputs in read])[:most]
    rows = list(islice((row for answers in found for row in answers.in_words()), most))
    names = [Path(name).name for name, *_ in rows]
    said = [" ".join(words).strip() for _, *words in rows]
    figures.save(figures.seen(x / network.signature.white, names, said), file)
    more = f", the first {len(x)} of {total}" if len(x) < total else ""
    say(f"{PROG}: what the network saw is drawn in {file}{more}")


def check_output(out: str, inputs: list[str], overwrite: bool) -> None:
    """Reject a file that cannot or must not be written, before anything is computed.

    Args:
      out: the file.
      inputs: the files that are read.
      overwrite: whether another file may be replaced.

    Raises:
      InputError: names what was expected and what came.
    """
    path = usable_path(out, "--out")
    check(path.suffix.lower() in (".csv", ".parquet"), "--out", "a .csv or .parquet file", out)
    if any(path.exists() and Path(one).exists() and path.samefile(one) for one in inputs):
        raise InputError(f"--out {out} is an input, and would be lost: name another file")
    if path.exists() and not overwrite:
        raise InputError(f"{out} exists: name another file, or add --overwrite")
    check(path.parent.is_dir(), "--out", "in a folder that exists", out)


if __name__ == "__main__":
    run_process(main)
