"""Write a page to play with: `python -m jaxmlp.play [DATA] [--run RUN] [--out FILE.html]`.

The page is one file without a network: networks are trained in the browser of whoever opens it. It
holds the toys and the small digits, and what is named: a data set such as one's own table, or a
trained network. Where neither is named, a network that reads drawn digits is trained first.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxmlp.cli.parser import Parser, add_fields, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.config.data_options import DataOptions
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check, printable

if TYPE_CHECKING:
    from jaxmlp.data import Dataset

PROG = program_name("play")
OUT = "play.html"
TITLE = "Networks to play with"
IDLE = (  # what the page chooses by itself, or has no use for
    *("preprocessing", "augment", "augment_strength", "valid_size", "fold"),
    *("weight", "group", "time"),
)


def make_parser() -> Parser:
    """Return the command's argument parser."""
    text = "Write a page to play with: one HTML file in which networks learn."
    parser = Parser(prog=PROG, description=text)
    page = parser.add_argument_group("the page")
    page.add_argument("--out", metavar="FILE", default=OUT, help=f"the page; default {OUT}")
    page.add_argument("--run", metavar="RUN", help="put the trained network of this run in it")
    text = "columns of a table that are the inputs; regions are shown for two"
    page.add_argument("--columns", metavar="NAME", nargs="+", help=text)
    text = "train no network that reads drawn digits"
    page.add_argument("--no-drawing", action="store_true", help=text)
    parser.add_data_argument()
    add_fields(parser, DataOptions, skip=IDLE)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    given = vars(make_parser().parse_args(arguments))
    out, run, columns, no_drawing = (
        given.pop(name) for name in ("out", "run", "columns", "no_drawing")
    )
    file = Path(out)
    check(file.suffix.lower() in (".html", ".htm"), "--out", "a file that ends in .html", out)
    if not file.parent.is_dir():
        raise InputError(f"the folder of {file} does not exist")
    from jaxmlp.play.content import content_of
    from jaxmlp.play.page import page_of

    first = _first(given, columns)
    network = None
    if run is not None:
        network, own = _of_run(run)
        first = first or own
    elif first is None and not no_drawing:
        network = _that_reads_digits()
    from jaxmlp.files import write_atomically

    if first is not None:
        _tell_part(first)
    text = page_of(TITLE, content_of(first, network))
    try:
        write_atomically(file, text)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from None
    print(f"{printable(str(file))}  {len(text.encode()) / 1e6:.1f} MB; open it in a browser")
    return 0


def _tell_part(record: dict[str, Any]) -> None:
    """Say how many examples of a large data set the page holds."""
    from jaxmlp.cli.console import print_line

    held = [part["y"]["shape"][0] for part in record["parts"]]
    if held != record["whole"]:
        (train, test), (all_train, all_test) = held, record["whole"]
        print_line(
            f"the page holds {train:,} of {all_train:,} training examples and {test:,} of"
            f" {all_test:,} test examples, drawn at random"
        )


def _first(given: dict[str, Any], columns: list[str] | None) -> dict[str, Any] | None:
    """Return the record of the data set that is named, if one is."""
    if "dataset" not in given:
        others = [f"--{name.replace('_', '-')}" for name in given] + ["--columns"] * bool(columns)
        if others:
            raise InputError(f"{', '.join(others)} needs a data set: --dataset FILE")
        return None
    from jaxmlp.data import with_task
    from jaxmlp.play.content import dataset_record
    from jaxmlp.runs.data import load_data

    config = Config(**given)
    dataset = with_task(load_data(config), config.task)
    if columns:
        config = _with_columns(config, dataset, columns)
        dataset = with_task(load_data(config), config.task)
    return dataset_record(config, dataset)


def _with_columns(config: Config, dataset: "Dataset", columns: list[str]) -> Config:
    """Return the configuration that leaves out all other columns of a table."""
    import dataclasses

    from jaxmlp.data import Columns
    from jaxmlp.errors import unknown

    if dataset.columns is None:
        raise InputError(f"--columns is for a table, got {dataset.name}")
    table = Columns.from_dict(dataset.columns)
    known = [name for name in table.names or table.input_names if name not in table.target]
    for name in columns:
        if name not in known:
            raise unknown("column", name, known)
    drop = tuple(name for name in known if name not in columns)
    keep = tuple(name for name in columns if name in table.left_out)
    return dataclasses.replace(config, drop=drop, keep=keep)


def _of_run(path: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the records of a run: its trained network, and its data if they are at hand.

    The data are scaled as in the run, so that the page can train on from where the run ended.
    """
    from jaxmlp.cli.console import print_line
    from jaxmlp.config.own_files import reject_parts
    from jaxmlp.data import Unavailable
    from jaxmlp.play.content import dataset_record
    from jaxmlp.play.trained import EXAMPLES, run_record
    from jaxmlp.runs.data import load_fitting
    from jaxmlp.runs.folder import Run
    from jaxmlp.runs.network import open_network

    run = Run.open(Path(path))
    reject_parts("the page", run.config, run.path)
    network = open_network(run)
    config = network.recipe.to_config()
    try:
        data = load_fitting(config, network.signature)
    except (InputError, Unavailable) as error:
        print_line(f"without examples: {error}")
        return run_record(str(run.path), network), None
    record = run_record(str(run.path), network, data.x_test[:EXAMPLES])
    try:
        return record, dataset_record(config, data, network.signature)
    except InputError as error:
        print_line(f"without the data of the run: {error}")
        return record, None


def _that_reads_digits() -> dict[str, Any]:
    """Train a small network on 5,000 digits of MNIST, which come with a package."""
    from jaxmlp.cli.console import print_line
    from jaxmlp.play.trained import EXAMPLES, run_record
    from jaxmlp.runs.data import load_data
    from jaxmlp.runs.fit import fit

    config = Config(dataset="mnist_5k", hidden=(64,), augment=("affine",), epochs=30)
    print_line("training 784-64-10 on mnist_5k, to read drawn digits; --no-drawing leaves it out")
    result = fit(config)
    print_line(f"test accuracy {result.summary['test_accuracy']:.3f}")
    return run_record("mnist_5k", result.network, load_data(config).x_test[:EXAMPLES])


if __name__ == "__main__":
    run_process(main, writes_files=True)
