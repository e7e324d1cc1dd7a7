"""Evaluate a trained network: `python -m jaxmlp.evaluate RUN [options]`.

The network comes from the run alone; the data are those it was trained on, or others that fit it.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.cli.parser import Parser, run_command
from jaxmlp.errors import check

if TYPE_CHECKING:
    from jaxmlp.config.options import Config
    from jaxmlp.config.signature import Spec
    from jaxmlp.data import Dataset
    from jaxmlp.runs.folder import Run

PROG = "python -m jaxmlp.evaluate"
WORST = 24  # pictures of mistakes
MOST_CLASSES = 20  # in a printed confusion matrix


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Evaluate a trained network.")
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    parser.add_argument(
        "--split", choices=("train", "valid", "test"), default="test", help="default test"
    )
    parser.add_argument(
        "--dataset", help="other data than the run's, their test part; they must fit the network"
    )
    parser.add_argument("--data-dir", help="where the data set's files are")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    from jaxmlp.config.problem import arithmetic
    from jaxmlp.runs.folder import Run

    run = Run.open(Path(options.run))
    with arithmetic(run.config):
        result = _result(run, options)
    if options.json:
        print(json.dumps(result))
    else:
        _print(run, result)
    return 0


def _result(run: "Run", options: argparse.Namespace) -> dict[str, Any]:
    from jaxmlp.data.readers import TABLE_SUFFIXES

    config = run.config
    _, params, spec = run.load_model()
    if options.dataset:
        target = config.target if options.dataset.lower().endswith(TABLE_SUFFIXES) else None
        config = dataclasses.replace(config, dataset=options.dataset, data_dir=None, target=target)
    if options.data_dir:
        config = dataclasses.replace(config, data_dir=options.data_dir)
    dataset = _dataset(config, spec)
    x, y = _part(config, dataset, options)
    return _evaluate(run, config, spec, params, x, y, options.split)


def _dataset(config: "Config", spec: "Spec") -> "Dataset":
    from jaxmlp.data import load, with_task

    dataset = load(config.dataset, data_dir=config.data_dir, target=config.target)
    dataset = with_task(dataset, config.task)
    expected = (spec.input_shape, spec.classes)
    got = (dataset.input_shape, dataset.classes)
    check(got == expected, f"{dataset.name}'s input shape and classes", f"{expected}", got)
    same = dataset.columns == spec.columns
    check(same, f"{dataset.name}'s columns and categories", "those of the run's table", "others")
    return dataset


def _part(
    config: "Config", dataset: "Dataset", options: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and targets of the part that was asked for."""
    if options.split == "test":
        return dataset.x_test, dataset.y_test
    check(not options.dataset, "--split", "test with --dataset", options.split)
    from jaxmlp.config.problem import split_training

    rest, held = split_training(config, dataset)
    chosen = rest if options.split == "train" else held
    check(len(chosen) > 0, "--split", "train or test, the run has no validation part", "valid")
    return dataset.x_train[chosen], dataset.y_train[chosen]


def _evaluate(
    run: "Run",
    config: "Config",
    spec: "Spec",
    params: Any,
    x: np.ndarray,
    y: np.ndarray,
    part: str,
) -> dict[str, Any]:
    from jaxmlp.config.factory import schedule_from
    from jaxmlp.config.problem import trainer_from
    from jaxmlp.config.signature import examples_from
    from jaxmlp.training import TASKS, Split, measure
    from jaxmlp.training.evaluation import outputs_of

    task = TASKS[spec.task]
    trainer = trainer_from(config, spec, schedule_from(config, steps=1))
    split = Split(examples_from(spec, x, y), np.arange(len(x)), seen=len(x))
    result = {"dataset": config.dataset, "split": part, "examples": len(x), "task": task.name}
    result |= measure(trainer, task, params, split)
    outputs = outputs_of(trainer, params, split)
    if task.name == "regression":
        return result | _errors(spec, outputs, y)
    probabilities = np.asarray(task.probabilities(outputs))
    result |= _per_class(spec, probabilities, y)
    if task.name != "multilabel":
        _draw(run, result, spec, x, y, probabilities)
    return result


def _errors(spec: "Spec", outputs: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return the errors of regression in the target's own units."""
    assert spec.target_preprocessing is not None
    difference = spec.target_preprocessing.undo(outputs.astype(np.float64)) - y
    rmse, mae = np.sqrt(np.mean(difference**2, axis=0)), np.mean(np.abs(difference), axis=0)
    return {
        f"{kind} {name}": float(value)
        for kind, values in (("rmse", rmse), ("mae", mae))
        for name, value in zip(spec.classes, values, strict=True)
    }


def _per_class(spec: "Spec", probabilities: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return precision, recall, F1 and support of each class, and the confusion matrix."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    many = y.ndim == 2
    predicted = probabilities > 0.5 if many else probabilities.argmax(axis=1)
    labels = np.arange(len(spec.classes))
    columns = precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0.0)
    names = ("precision", "recall", "f1", "support")
    table = [
        {"class": name} | dict(zip(names, map(float, row), strict=True))
        for name, row in zip(spec.classes, zip(*columns, strict=True), strict=True)
    ]
    if many:
        return {"per_class": table}
    return {"per_class": table, "confusion": confusion_matrix(y, predicted, labels=labels).tolist()}


def _draw(
    run: "Run",
    result: dict[str, Any],
    spec: "Spec",
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
    figure = figures.confusion(np.array(result["confusion"]), spec.classes, title)
    figures.save(figure, folder / f"{part}-confusion.png")
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != y)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    result["most_confident_mistakes"] = [
        {
            "index": int(i),
            "true": spec.classes[y[i]],
            "predicted": spec.classes[predicted[i]],
            "probability": float(sure[i]),
        }
        for i in worst
    ]
    if len(worst) and x.ndim == 4 and x.shape[-1] in (1, 3, 4):
        rows = result["most_confident_mistakes"]
        columns = ([row[key] for row in rows] for key in ("true", "predicted", "probability"))
        figures.save(figures.mistakes(x[worst], *columns), folder / f"{part}-mistakes.png")


def _print(run: "Run", result: dict[str, Any]) -> None:
    from jaxmlp.cli.console import print_table

    plain = {k: v for k, v in result.items() if not isinstance(v, list)}
    print_table([(k, f"{v:.4f}" if isinstance(v, float) else str(v)) for k, v in plain.items()])
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
        print(f"\npictures in {run.path}/evaluation/")


if __name__ == "__main__":
    sys.exit(main())
