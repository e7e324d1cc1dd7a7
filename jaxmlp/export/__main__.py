"""Write a trained network for other programs: `python -m jaxmlp.export RUN FILE...`.

The suffix of a file says what is written: .onnx a graph of ONNX, .py a module that needs NumPy
alone, .js or .mjs a module of JavaScript, .md or .html the model card. Without a file all of them
are written into RUN/export. Each network encodes its inputs by itself: a table's row comes with its
numbers and texts, a picture with its pixels. Each is checked against the run before it is written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmlp.cli.extras import need
from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, check
from jaxmlp.files import write_atomically

if TYPE_CHECKING:
    from jaxmlp.export.description import Description
    from jaxmlp.runs.folder import Run
    from jaxmlp.runs.network import Network

PROG = program_name("export")
FOLDER = "export"  # of a run, as jaxmlp.runs.folder knows it
FILES = ("model.onnx", "model.py", "model.js", "card.md", "card.html")
KINDS = {
    ".onnx": "onnx",
    ".py": "numpy",
    ".js": "javascript",
    ".mjs": "javascript",
    ".md": "markdown",
    ".html": "page",
}


def make_parser() -> Parser:
    """Return the command's argument parser."""
    text = "Write a trained network for other programs, and its model card."
    parser = Parser(prog=PROG, description=text)
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    text = "a .onnx, .py (NumPy), .js or .mjs file, or the card as .md or .html; default all of"
    parser.add_argument("files", metavar="FILE", nargs="*", help=f"{text} them, in RUN/{FOLDER}")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_parts_arguments()
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    kinds = {file: _kind_of(file) for file in options.files}
    from jaxmlp.cli.console import print_table
    from jaxmlp.config.own_files import files_from, reject_parts
    from jaxmlp.runs.folder import Run
    from jaxmlp.runs.network import open_network

    run = Run.open(Path(options.run))
    files = [Path(file) for file in options.files] or [run.path / FOLDER / name for name in FILES]
    for file in files:
        _check_place(file, options.overwrite)
    if not kinds or {*kinds.values()} - {"markdown", "page"}:
        hint = "only the card can be written, into a .md or .html file"
        reject_parts("export", run.config, run.path, ("model", "activation"), hint)
    if "onnx" in kinds.values() or not kinds:
        need(("onnx",), "onnx", "a .onnx file")
    network = open_network(run, files_from(vars(options)))
    rows = [(str(file), *_write(file, run, network)) for file in files]
    print_table(rows, ("file", "bytes", "largest difference from the run"))
    return 0


def _kind_of(file: str) -> str:
    suffix = Path(file).suffix.lower()
    check(suffix in KINDS, f"the suffix of {file}", ", ".join(KINDS), suffix or None)
    return KINDS[suffix]


def _check_place(file: Path, overwrite: bool) -> None:
    if file.exists() and not overwrite:
        raise InputError(f"{file} exists; replace it with --overwrite")
    folder = file.parent
    if folder.name != FOLDER and not folder.is_dir():
        raise InputError(f"the folder of {file} does not exist")


def _write(file: Path, run: "Run", network: "Network") -> tuple[str, str]:
    """Write a file, and return its size and how far its answers are from the run's."""
    kind, said = KINDS[file.suffix.lower()], ""
    if kind in ("markdown", "page"):
        from jaxmlp.export.card import card_of
        from jaxmlp.export.card_forms import as_markdown, as_page

        title = f"{run.path.resolve().name}: {network.recipe.model} for {network.recipe.dataset}"
        card = {"markdown": as_markdown, "page": as_page}[kind]
        content = card(title, card_of(run, network)).encode()
    else:
        content, said = checked_content(network, kind)
    file.parent.mkdir(exist_ok=True)
    write_atomically(file, content)
    return f"{len(content):,}", said


def checked_content(network: "Network", kind: str) -> tuple[bytes, str]:
    """Return the content of a file, and how far its answers are from the run's.

    Args:
      network: the network.
      kind: `onnx`, `numpy` or `javascript`.

    Returns:
      The content, and the largest differences in words.

    Raises:
      InputError: if a difference is above 1e-5.
    """
    from jaxmlp.export.check import answers_of, check_against_run, engines_of, examples_for
    from jaxmlp.export.description import describe

    description = describe(network)
    content = _writer(kind)(description)
    engines = engines_of(description, kind, content)
    if not engines:
        return content, "not checked: there is no node on the PATH"
    examples = examples_for(description)
    wanted = answers_of(network, examples)
    found = check_against_run(description, wanted, examples, engines)
    unit = " (relative)" if network.task.name == "regression" else ""
    return content, ", ".join(f"{name} {value:.1e}" for name, value in found.items()) + unit


def _writer(kind: str) -> Callable[["Description"], bytes]:
    """Return what writes the content of a file from a description."""
    if kind == "onnx":
        from jaxmlp.export.onnx_graph import onnx_model

        return lambda description: onnx_model(description).SerializeToString()
    from jaxmlp.export.sources import javascript_source, numpy_source

    source: Any = {"numpy": numpy_source, "javascript": javascript_source}[kind]
    return lambda description: source(description).encode()


if __name__ == "__main__":
    run_process(main, writes_files=True)
