"""Use a trained network: `python -m jaxmlp.predict RUN INPUT...`.

Inputs are pictures (PNG, JPEG, of any size), arrays (.npy, .npz) or tables (.csv, .parquet).
"""

import json
from typing import Any

from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process

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
    from jaxmlp.runs.answers import answer_in_record
    from jaxmlp.runs.network import load

    network = load(options.run)
    read = [network.read(path) for path in options.inputs]
    answers = []
    for path, inputs in zip(options.inputs, read, strict=True):
        for note in inputs.notes:
            say(f"{PROG}: {note}")
        names = [name if name == path else f"{path} {name}" for name in inputs.names]
        rows = zip(names, network.answers(inputs.x), strict=True)
        answers += [{"input": name} | answer_in_record(network, row) for name, row in rows]
    if options.json:
        for answer in answers:
            print(json.dumps(answer, allow_nan=False))
    else:
        table = [_row(answer, network.deviations) for answer in answers]
        print_table(table, ("input", "prediction", "probability"))
    return 0


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
