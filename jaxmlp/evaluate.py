"""Evaluate a trained network: `python -m jaxmlp.evaluate RUN [options]`.

The network comes from the run alone; the data are those it was trained on, or others that fit it.
"""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import InputError

if TYPE_CHECKING:
    from jaxmlp.config.options import Config
    from jaxmlp.config.signature import Signature
    from jaxmlp.data import Dataset
    from jaxmlp.runs.folder import Run
    from jaxmlp.runs.network import Network

PROG = program_name("evaluate")
WORST = 24  # pictures of mistakes
MOST_CLASSES = 20  # in a printed confusion matrix


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Evaluate a trained network.")
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    parts, text = ("train", "valid", "test"), "part of the data to evaluate; default test"
    parser.add_argument("--split", choices=parts, default="test", help=text)
    text = "other data that fit the network; the command evaluates their test part"
    parser.add_argument("--dataset", metavar="TEXT", help=text)
    text = "folder with the files of the data set"
    parser.add_argument("--data-dir", metavar="TEXT", help=text)
    parser.add_argument("--json", action="store_true", help="print only JSON")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    from jaxmlp.config.factory import arithmetic
    from jaxmlp.runs.folder import Run
    from jaxmlp.runs.network import open_network

    run = Run.open(Path(options.run))
    network = open_network(run)
    with arithmetic(network.recipe.precision):
        result = _result(run, network, options)
    if options.json:
        print(json.dumps(result))
    else:
        _print(run, result)
    return 0


def _result(run: "Run", network: "Network", options: argparse.Namespace) -> dict[str, Any]:
    from jaxmlp.runs.data import load_fitting

    config = _config(run.config, options)
    dataset = load_fitting(config, network.signature)
    x, y = _part(network, dataset, options)
    return _evaluate(run, network, config.dataset, x, y, options.split)


def _config(config: "Config", options: argparse.Namespace) -> "Config":
    """Return the run's configuration, with other data where they are given."""
    from jaxmlp.data.readers import TABLE_SUFFIXES

    if options.dataset:
        target = config.target if options.dataset.lower().endswith(TABLE_SUFFIXES) else None
        config = dataclasses.replace(config, dataset=options.dataset, data_dir=None, target=target)
    if options.data_dir:
        config = dataclasses.replace(config, data_dir=options.data_dir)
    return config


def _part(
    network: "Network", dataset: "Dataset", options: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets of the part that was asked for."""
    if options.split == "test":
        return dataset.x_test, dataset.y_test
    if options.dataset:
        raise InputError(
            f"--split {options.split} is for the run's own data: other data have a test part only"
        )
    from jaxmlp.config.problem import split_training

    rest, held = split_training(network.recipe, dataset)
    chosen = rest if options.split == "train" else held
    if len(chosen) == 0:
        raise InputError("--split valid does not apply: the run has no validation part")
    return dataset.x_train[chosen], dataset.y_train[chosen]


def _evaluate(
    run: "Run", network: "Network", dataset: str, x: np.ndarray, y: np.ndarray, part: str
) -> dict[str, Any]:
    import jax

    from jaxmlp.config.signature import arrays_from
    from jaxmlp.training import Examples, Split, measure, outputs_of

    judge, signature, task = network.judge, network.signature, network.task
    examples = Examples(*jax.device_put(arrays_from(signature, x, y)))
    split = Split(examples, np.arange(len(x)), seen=len(x))
    means = measure(judge, network.params, split)
    result = {"dataset": dataset, "split": part, "examples": len(x), "task": task.name}
    result |= {"loss": means.loss, task.score: means.score}
    answers = network.interpret_outputs(outputs_of(judge, network.params, split))
    if task.name == "regression":
        return result | _errors(signature, answers, y)
    result |= _per_class(signature, answers, y)
    if task.name != "multilabel":
        _draw(run, result, signature, x, y, answers)
    return result


def _errors(signature: "Signature", answers: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return the errors of regression in the target's own units."""
    difference = answers - y
    rmse, mae = np.sqrt(np.mean(difference**2, axis=0)), np.mean(np.abs(difference), axis=0)
    return {
        f"{kind} {name}": float(value)
        for kind, values in (("rmse", rmse), ("mae", mae))
        for name, value in zip(signature.classes, values, strict=True)
    }


def _per_class(signature: "Signature", probabilities: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return the balanced accuracy, numbers of each class, and the confusion matrix."""
    from sklearn.metrics import precision_recall_fscore_support

    from jaxmlp.runs.summary import balanced_accuracy, count_pairs

    many = y.ndim == 2
    predicted = probabilities > 0.5 if many else probabilities.argmax(axis=1)
    labels = np.arange(len(signature.classes))
    columns = precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0.0)
    names = ("precision", "recall", "f1", "support")
    table = [
        {"class": name} | dict(zip(names, map(float, row), strict=True))
        for name, row in zip(signature.classes, zip(*columns, strict=True), strict=True)
    ]
    if many:
        return {"per_class": table}
    matrix = count_pairs(y, predicted, len(labels))
    balanced = balanced_accuracy(matrix)
    return {"balanced_accuracy": balanced, "per_class": table, "confusion": matrix.tolist()}


def _draw(
    run: "Run",
    result: dict[str, Any],
    signature: "Signature",
    x: np.ndarray,
    y: np.ndarray,
    probabilities: np.ndarray,
) -> None:
    """Draw the confusion matrix and the most confident mistakes into the run's folder."""
    from jaxmlp.runs import figures

    folder = run.path / "evaluation"
    folder.mkdir(exist_ok=True)
    part = result["split"]
    title = f"{result['dataset']}, {part} set: {len(y):,} examples"
    figure = figures.confusion(np.array(result["confusion"]), signature.classes, title)
    figures.save(figure, folder / f"{part}-confusion.png")
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != y)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    result["most_confident_mistakes"] = [
        {
            "index": int(i),
            "true": signature.classes[y[i]],
            "predicted": signature.classes[predicted[i]],
            "probability": float(sure[i]),
        }
        for i in worst
    ]
    if len(worst) and x.ndim == 4 and x.shape[-1] in (1, 3, 4):
        rows = result["most_confident_mistakes"]
        columns = ([row[key] for row in rows] for key in ("true", "predicted", "probability"))
        figures.save(figures.mistakes(x[worst], *columns), folder / f"{part}-mistakes.png")


def _print(run: "Run", result: dict[str, Any]) -> None:
    from jaxmlp.cli.console import print_line, print_table
    from jaxmlp.runs.words import in_digits

    plain = [(name, value) for name, value in result.items() if not isinstance(value, list)]
    scores = ("accuracy", "balanced_accuracy", "r2")
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
    if len(result.get("confusion", ())) in range(2, MOST_CLASSES + 1):
        print("\nconfusion: a row per true class, a column per predicted class")
        classes = [row["class"] for row in result["per_class"]]
        rows = [
            (name, *map(str, counts))
            for name, counts in zip(classes, result["confusion"], strict=True)
        ]
        print_table(rows, ("", *classes))
    if "confusion" in result:
        print()
        print_line(f"pictures in {run.path}/evaluation/")


if __name__ == "__main__":
    run_process(main)
