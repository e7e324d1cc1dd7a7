"""Use a trained network: `python -m jaxmlp.predict RUN INPUT...`.

Inputs are pictures (PNG, JPEG, of any size), arrays (.npy, .npz) or tables (.csv, .parquet).
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.cli.parser import Parser, run_command

if TYPE_CHECKING:
    from jaxmlp.config.signature import Spec
    from jaxmlp.runs.folder import Run

PROG = "python -m jaxmlp.predict"
BATCH = 1000


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Let a trained network judge new inputs.")
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="+", help="picture, .npy, .npz, .csv or .parquet"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per example")
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
        return _predict(run, options)


def _predict(run: "Run", options: argparse.Namespace) -> int:
    from jaxmlp.cli.console import print_table, say
    from jaxmlp.data import read_inputs

    model, params, spec = run.load_model()
    read = [
        read_inputs(path, spec.input_shape, spec.columns, spec.background, spec.white)
        for path in options.inputs
    ]
    answers = []
    for path, inputs in zip(options.inputs, read, strict=True):
        for note in inputs.notes:
            say(f"{PROG}: {note}")
        names = [name if name == path else f"{path} {name}" for name in inputs.names]
        answers += _answers(model, params, spec, inputs.x, names)
    if options.json:
        for answer in answers:
            print(json.dumps(answer))
    else:
        print_table([_row(answer) for answer in answers], ("input", "prediction", "probability"))
    return 0


def _answers(
    model: Any, params: Any, spec: "Spec", x: np.ndarray, names: list[str]
) -> list[dict[str, Any]]:
    """Return what the network says of each example."""
    import jax

    from jaxmlp.config.signature import prepare, stored
    from jaxmlp.training import TASKS

    task, ready = TASKS[spec.task], prepare(spec)
    judge = jax.jit(lambda params, x: task.probabilities(model(params, ready(x))))
    pieces = np.array_split(stored(spec, x), -(-len(x) // BATCH))
    values = np.concatenate([judge(params, piece) for piece in pieces])
    if spec.target_preprocessing is not None:
        values = spec.target_preprocessing.undo(values.astype(np.float64))
    return [_answer(spec, name, row) for name, row in zip(names, values, strict=True)]


def _answer(spec: "Spec", name: str, row: np.ndarray) -> dict[str, Any]:
    named = {label: float(value) for label, value in zip(spec.classes, row, strict=True)}
    if spec.task == "regression":
        return {"input": name, "prediction": named}
    if spec.task == "multilabel":
        chosen = [label for label, p in named.items() if p > 0.5]
        return {"input": name, "prediction": chosen, "probabilities": named}
    best = spec.classes[int(np.argmax(row))]
    answer = {"input": name, "prediction": best, "probability": named[best]}
    return answer | {"probabilities": named}


def _row(answer: dict[str, Any]) -> tuple[str, ...]:
    prediction = answer["prediction"]
    if isinstance(prediction, dict):
        prediction = ", ".join(f"{name} {value:.4g}" for name, value in prediction.items())
    elif isinstance(prediction, list):
        prediction = ", ".join(prediction) or "none"
    probability = f"{answer['probability']:.4f}" if "probability" in answer else ""
    return answer["input"], prediction, probability


if __name__ == "__main__":
    sys.exit(main())
