"""Evaluate a trained network: `python -m jaxmlp.evaluate RUN [options]`.

The network comes from the run alone; the data are those it was trained on, or others that fit it.
"""

import argparse
import errno
import json
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError, naming

if TYPE_CHECKING:
    from jaxmlp.config.options import Config
    from jaxmlp.config.signature import Signature
    from jaxmlp.data import Dataset
    from jaxmlp.runs.network import Network

PROG = program_name("evaluate")
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
MOST_CLASSES = 20  # in a printed confusion matrix


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Evaluate a trained network.")
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    parts, text = ("train", "valid", "test"), "part of the data to evaluate; default test"
    parser.add_argument("--split", choices=parts, default="test", help=text)
    text = (
        "other data that fit the network: all examples of a file or a folder of pictures, or the"
        " test part of a named set"
    )
    parser.add_argument("--dataset", metavar="TEXT", help=text)
    text = "folder with the files of the data set"
    parser.add_argument("--data-dir", metavar="TEXT", help=text)
    text = "folder for the pictures; default RUN/evaluation"
    parser.add_argument("--out", metavar="FOLDER", help=text)
    text = "how much worse the network becomes when a column of the table is permuted"
    parser.add_argument("--importance", action="store_true", help=text)
    text = "columns whose value is changed in all rows: what the network says on average"
    parser.add_argument("--partial", metavar="COLUMN", nargs="+", default=[], help=text)
    parser.add_argument("--json", action="store_true", help="print only JSON")
    parser.add_parts_arguments()
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    from jaxmlp.cli.console import print_line
    from jaxmlp.config.factory import arithmetic
    from jaxmlp.config.own_files import files_from
    from jaxmlp.runs.drawing import draw_evaluation
    from jaxmlp.runs.evaluation import evaluate_examples
    from jaxmlp.runs.folder import EVALUATION, Run
    from jaxmlp.runs.network import open_network
    from jaxmlp.runs.summary import try_to_draw

    run = Run.open(Path(options.run))
    network = open_network(run, files_from(vars(options)))
    with arithmetic(network.recipe.precision):
        large = _large(run.config, network, options)
        if large is None:
            part, x, y = _data(run.config, network, options)
            result, answers = evaluate_examples(network, part, x, y)
        else:
            result, x, y, answers = large
        result |= _columns(network, x, y, options)
    if options.json:
        print(json.dumps(result, allow_nan=False), flush=True)
    else:
        _print(result)
    failure, folder = None, Path(options.out or run.path / EVALUATION)
    draw = partial(draw_evaluation, folder, result, network.signature, x, y, answers)
    failure = try_to_draw(draw)
    if failure is None and not options.json:
        print()
        print_line(f"pictures in {folder}/")
    # a run of somebody else, or on a disk that is read only, is evaluated all the same
    fine = failure is None or (failure.errno in READ_ONLY and not options.out)
    return 0 if fine else 2


def _large(
    config: "Config", network: "Network", options: argparse.Namespace
) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray] | None:
    """Evaluate data that are larger than memory; `None` if they are not."""
    from jaxmlp.config.options import with_fields
    from jaxmlp.runs.data import with_whole_paths
    from jaxmlp.runs.stream_evaluation import evaluate_stream, open_fitting

    given = {"dataset": options.dataset, "task": config.task} if options.dataset else {}
    config, other = with_whole_paths(with_fields(config, given)), bool(options.dataset)
    if options.data_dir:
        return None
    stream = open_fitting(config, network.signature, other, again=not other)
    if stream is None:
        return None
    if other and options.split != "test":
        raise InputError(
            f"--split {options.split} is for the run's own data: other data have one part only"
        )
    names = {"dataset": config.dataset, "split": "all" if other else options.split}
    return evaluate_stream(network, names, stream, options.split)


def _data(
    config: "Config", network: "Network", options: argparse.Namespace
) -> tuple[dict[str, str], np.ndarray, np.ndarray]:
    """Return the names of the data set and of its part; inputs and targets."""
    from jaxmlp.config.options import with_fields
    from jaxmlp.runs.data import load_fitting, with_whole_paths
    from jaxmlp.runs.folder import CONFIG

    given = {"data_dir": options.data_dir} if options.data_dir else {}
    if options.dataset:
        given |= {"dataset": options.dataset, "task": config.task}
    own, config = with_whole_paths(config).dataset, with_whole_paths(with_fields(config, given))
    if options.dataset:
        if options.split != "test":
            raise InputError(
                f"--split {options.split} is for the run's own data: other data have one part only"
            )
        part, x, y = _other(config, network.signature)
        if config.dataset == own and part == "all":
            from jaxmlp.cli.console import say

            say(f"{PROG}: these are all examples of {own}, also those of the training part")
        return {"dataset": config.dataset, "split": part}, x, y
    with nullcontext() if given else naming(Path(options.run) / CONFIG):
        dataset = load_fitting(config, network.signature)
    return {"dataset": config.dataset, "split": options.split}, *_part(network, dataset, options)


def _other(config: "Config", signature: "Signature") -> tuple[str, np.ndarray, np.ndarray]:
    """Return all examples of a file, or the test part of a set that has one, and which it is."""
    from jaxmlp.cli.console import say
    from jaxmlp.data.picture_folders import ALL
    from jaxmlp.data.readers import is_table
    from jaxmlp.runs.data import load_fitting, load_rows

    if signature.columns is not None and is_table(config.dataset):
        rows = load_rows(config.dataset, signature)
        for note in rows.notes:
            say(f"{PROG}: {note}")
        return "all", rows.x, rows.y
    dataset = load_fitting(config, signature, other=True)
    for note in dataset.provenance.get("decisions", ()):
        say(f"{PROG}: {note}")
    source, split = (dataset.provenance[key] for key in ("source", "split"))
    if source not in ("file", "folder", "shards") or not isinstance(split, dict):
        return "all" if split == ALL else "test", dataset.x_test, dataset.y_test
    pairs = ((dataset.x_train, dataset.x_test), (dataset.y_train, dataset.y_test))
    return "all", np.concatenate(pairs[0]), np.concatenate(pairs[1])


def _part(
    network: "Network", dataset: "Dataset", options: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets of the part that was asked for."""
    if options.split == "test":
        return dataset.x_test, dataset.y_test
    from jaxmlp.config.problem import split_training

    rest, held = split_training(network.recipe, dataset)
    chosen = rest if options.split == "train" else held
    if len(chosen) == 0:
        raise InputError("--split valid does not apply: the run has no validation part")
    return dataset.x_train[chosen], dataset.y_train[chosen]


def _columns(
    network: "Network", x: np.ndarray, y: np.ndarray, options: argparse.Namespace
) -> dict[str, Any]:
    """Return what the network looks at, as far as it was asked for."""
    from jaxmlp.runs.importance import importance, partial_dependence, what_grows

    found: dict[str, Any] = {}
    if options.partial:
        found["partial"] = {name: partial_dependence(network, x, name) for name in options.partial}
    if options.importance:
        found["importance_is"] = f"growth of the {what_grows(network.signature)}"
        found["importance"] = importance(network, x, y)
    return found


def _print(result: dict[str, Any]) -> None:
    from jaxmlp.cli.console import print_table
    from jaxmlp.runs.words import in_digits

    plain = [(name, value) for name, value in result.items() if not isinstance(value, list | dict)]
    scores = ("accuracy", "balanced_accuracy", "exact_match", "auc", "r2")
    print_table(
        [
            (name, f"{value:.4f}" if name in scores else in_digits(value))
            if isinstance(value, float)
            else (name, str(value))
            for name, value in plain
        ]
    )
    if "per_class" in result:
        print()
        header = tuple(result["per_class"][0])
        rows = [
            (row["class"], *(f"{row[k]:.4f}" for k in header[1:-1]), f"{row['support']:.0f}")
            for row in result["per_class"]
        ]
        print_table(rows, header)
    if "importance" in result:
        print()
        rows = [
            (row["column"], *(in_digits(row[key]) for key in ("mean", "deviation")))
            for row in result["importance"]
        ]
        print_table(rows, ("column", result["importance_is"], "deviation"))
    if len(result.get("confusion", ())) in range(2, MOST_CLASSES + 1):
        print("\nconfusion: a row per true class, a column per predicted class")
        classes = [row["class"] for row in result["per_class"]]
        rows = [
            (name, *map(str, counts))
            for name, counts in zip(classes, result["confusion"], strict=True)
        ]
        print_table(rows, ("", *classes))


if __name__ == "__main__":
    run_process(main)
