"""Use a trained network: `python -m jaxmlp.predict RUN INPUT...`.

Inputs are pictures (PNG, JPEG, of any size), arrays (.npy, .npz) or tables (.csv, .parquet).
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process

if TYPE_CHECKING:
    from jaxmlp.runs.network import Network

PROG = program_name("predict")


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Predict with a trained network.")
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
    from jaxmlp.cli.console import print_table, say
    from jaxmlp.runs.network import load

    network = load(options.run)
    read = [network.read(path) for path in options.inputs]
    answers = []
    for path, inputs in zip(options.inputs, read, strict=True):
        for note in inputs.notes:
            say(f"{PROG}: {note}")
        names = [name if name == path else f"{path} {name}" for name in inputs.names]
        rows = zip(names, network.answers(inputs.x), strict=True)
        answers += [_answer(network, name, row) for name, row in rows]
    if options.json:
        for answer in answers:
            print(json.dumps(answer, allow_nan=False))
    else:
        table = [_row(answer, network.deviations) for answer in answers]
        print_table(table, ("input", "prediction", "probability"))
    return 0


def _answer(network: "Network", name: str, row: np.ndarray) -> dict[str, Any]:
    """Return what the network says of one example."""
    named = {label: float(value) for label, value in zip(network.classes, row, strict=True)}
    if network.task.name == "regression":
        return {"input": name, "prediction": named}
    if network.task.name == "multilabel":
        applies = network.signature.decide(row)
        chosen = [label for label, yes in zip(named, applies, strict=True) if yes]
        return {"input": name, "prediction": chosen, "probabilities": named}
    best = network.classes[int(network.signature.decide(row[None])[0])]
    answer = {"input": name, "prediction": best, "probability": named[best]}
    return answer | {"probabilities": named}


def _row(answer: dict[str, Any], deviations: list[float]) -> tuple[str, ...]:
    from jaxmlp.runs.words import in_digits

    prediction = answer["prediction"]
    if isinstance(prediction, dict):
        values = zip(prediction.items(), deviations, strict=True)
        prediction = ", ".join(f"{name} {in_digits(value, d)}" for (name, value), d in values)
    elif isinstance(prediction, list):
        prediction = ", ".join(prediction) or "none"
    probability = f"{answer['probability']:.4f}" if "probability" in answer else ""
    return answer["input"], prediction, probability


if __name__ == "__main__":
    run_process(main)
