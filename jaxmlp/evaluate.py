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
from jaxmlp.errors import InputError, check, naming

if TYPE_CHECKING:
    from jaxmlp.config.options import Config
    from jaxmlp.config.signature import Signature
    from jaxmlp.data import Dataset
    from jaxmlp.runs.network import Network

PROG = program_name("evaluate")
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
WORST = 24  # pictures of mistakes
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
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    from jaxmlp.cli.console import print_line
    from jaxmlp.config.factory import arithmetic
    from jaxmlp.runs.folder import EVALUATION, Run
    from jaxmlp.runs.network import open_network
    from jaxmlp.runs.summary import try_to_draw

    run = Run.open(Path(options.run))
    network = open_network(run)
    with arithmetic(network.recipe.precision):
        config, x, y = _data(run.config, network, options)
        result, answers = _evaluate(network, config.dataset, x, y, options.split)
        result |= _columns(network, x, y, options)
    if options.json:
        print(json.dumps(result, allow_nan=False), flush=True)
    else:
        _print(result)
    failure, folder = None, Path(options.out or run.path / EVALUATION)
    failure = try_to_draw(partial(_draw, folder, result, network.signature, x, y, answers))
    if failure is None and not options.json:
        print()
        print_line(f"pictures in {folder}/")
    # a run of somebody else, or on a disk that is read only, is evaluated all the same
    fine = failure is None or (failure.errno in READ_ONLY and not options.out)
    return 0 if fine else 2


def _data(
    config: "Config", network: "Network", options: argparse.Namespace
) -> tuple["Config", np.ndarray, np.ndarray]:
    """Return the configuration, with other data where they are given; inputs and targets."""
    from jaxmlp.config.options import with_fields
    from jaxmlp.runs.data import load_fitting, with_whole_paths
    from jaxmlp.runs.folder import CONFIG

    given = {"data_dir": options.data_dir} if options.data_dir else {}
    if options.dataset:
        given |= {"dataset": options.dataset, "task": config.task}
    own, config = config.dataset, with_whole_paths(with_fields(config, given))
    if options.dataset:
        if options.split != "test":
            raise InputError(
                f"--split {options.split} is for the run's own data: other data have one part only"
            )
        if config.dataset == own:
            from jaxmlp.cli.console import say

            say(f"{PROG}: these are all examples of {own}, also those of the training part")
        return config, *_other(config, network.signature)
    with nullcontext() if given else naming(Path(options.run) / CONFIG):
        dataset = load_fitting(config, network.signature)
    return config, *_part(network, dataset, options)


def _other(config: "Config", signature: "Signature") -> tuple[np.ndarray, np.ndarray]:
    """Return all examples of a file, or the test part of a set that has one."""
    from jaxmlp.cli.console import say
    from jaxmlp.data.readers import is_table
    from jaxmlp.runs.data import load_fitting, load_rows

    if signature.columns is not None and is_table(config.dataset):
        rows = load_rows(config.dataset, signature)
        for note in rows.notes:
            say(f"{PROG}: {note}")
        return rows.x, rows.y
    dataset = load_fitting(config, signature, other=True)
    for note in dataset.provenance.get("decisions", ()):
        say(f"{PROG}: {note}")
    ours = dataset.provenance["source"] in ("file", "folder")
    if not (ours and isinstance(dataset.provenance["split"], dict)):
        return dataset.x_test, dataset.y_test
    pairs = ((dataset.x_train, dataset.x_test), (dataset.y_train, dataset.y_test))
    return np.concatenate(pairs[0]), np.concatenate(pairs[1])


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


def _evaluate(
    network: "Network", dataset: str, x: np.ndarray, y: np.ndarray, part: str
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the numbers that the command prints, and what the network says."""
    import jax

    from jaxmlp.config.signature import arrays_from
    from jaxmlp.runs.calibration import reliability
    from jaxmlp.runs.scores import scores_of, share_crossed
    from jaxmlp.training import Examples, Split, measure, outputs_of

    judge, signature, task = network.judge, network.signature, network.task
    examples = Examples(*jax.device_put(arrays_from(signature, x, y)))
    split = Split(examples, np.arange(len(x)), seen=len(x))
    means = measure(judge, network.params, split)
    result = {"dataset": dataset, "split": part, "examples": len(x), "task": task.name}
    outputs = outputs_of(judge, network.params, split)
    answers = network.interpret_outputs(outputs)
    for name, value in (("loss", means.loss), (task.score, means.score)):
        check(bool(np.isfinite(value)), f"the {name} of the network", "a finite number", value)
        result[name] = value
    result |= scores_of(signature, answers, y)
    if task.name == "regression":
        if signature.quantiles:
            result["expected_coverage"] = signature.quantiles[-1] - signature.quantiles[0]
            result["quantiles_crossed"] = share_crossed(signature, outputs)
        return result, answers
    found = reliability(signature, answers, y)
    result["calibration_error"] = found.error
    result |= _per_class(signature, answers, y)
    result["calibration"] = [
        dict(zip(found._fields, map(float, group), strict=True))
        for group in zip(*found, strict=True)
    ]
    if task.name != "multilabel":
        result["most_confident_mistakes"] = _mistakes(signature, answers, y)
    return result, answers


def _per_class(signature: "Signature", probabilities: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return numbers of each class, and the confusion matrix."""
    from sklearn.metrics import precision_recall_fscore_support

    from jaxmlp.runs.scores import count_pairs

    many = y.ndim == 2
    predicted = signature.decide(probabilities)
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
    return {"per_class": table, "confusion": matrix.tolist()}


def _mistakes(
    signature: "Signature", probabilities: np.ndarray, y: np.ndarray
) -> list[dict[str, Any]]:
    """Return the mistakes to which the network gives the highest probabilities."""
    predicted = signature.decide(probabilities)
    sure = np.take_along_axis(probabilities, predicted[:, None], axis=1)[:, 0]
    wrong = np.flatnonzero(predicted != y)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    return [
        {
            "index": int(i),
            "true": signature.classes[y[i]],
            "predicted": signature.classes[predicted[i]],
            "probability": float(sure[i]),
        }
        for i in worst
    ]


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


def _draw(
    folder: Path,
    result: dict[str, Any],
    signature: "Signature",
    x: np.ndarray,
    y: np.ndarray,
    answers: np.ndarray,
) -> None:
    """Draw into a folder how good the network is, and its most confident mistakes."""
    from jaxmlp.runs import figures, score_figures
    from jaxmlp.runs.calibration import reliability
    from jaxmlp.runs.drawing import whose_probability
    from jaxmlp.runs.folder import EVALUATION_FILES
    from jaxmlp.runs.output import remove_abandoned

    folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder, EVALUATION_FILES)
    part, drawn = result["split"], {}
    title = f"{result['dataset']}, {part} set: {len(y):,} examples"
    if signature.task == "regression":
        drawn["predicted"] = score_figures.predicted(
            y, signature.middle(answers), signature.classes, title
        )
    else:
        curve = {"this network": reliability(signature, answers, y)}
        what = whose_probability(signature)
        drawn["calibration"] = score_figures.calibration(curve, what, title)
    if "confusion" in result:
        matrix = np.array(result["confusion"])
        drawn["confusion"] = figures.confusion(matrix, signature.classes, title)
    worst = result.get("most_confident_mistakes")
    if worst and x.ndim == 4 and x.shape[-1] in (1, 3, 4):
        columns = ([row[key] for row in worst] for key in ("true", "predicted", "probability"))
        drawn["mistakes"] = figures.mistakes(x[[row["index"] for row in worst]], *columns)
    if "importance" in result:
        grows = result["importance_is"].removeprefix("growth of the ")
        drawn["importance"] = score_figures.importance(result["importance"], grows, title)
    if "partial" in result:
        unit = "mean answer (its own unit)" if "r2" in result else "mean probability"
        drawn["partial"] = score_figures.partial(result["partial"], unit, title)
    for name, figure in drawn.items():
        figures.save(figure, folder / f"{part}-{name}.png")


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
