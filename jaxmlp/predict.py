"""Use a trained network: `python -m jaxmlp.predict RUN INPUT...`.

Inputs are pictures (PNG, JPEG, of any size), folders of them, arrays (.npy, .npz) or tables (.csv,
.parquet).
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.cli.parser import Parser, program_name, run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import Shown, check

if TYPE_CHECKING:
    from jaxmlp.data import Inputs
    from jaxmlp.runs.network import Network

PROG = program_name("predict")


def make_parser() -> Parser:
    """Return the command's argument parser."""
    parser = Parser(prog=PROG, description="Predict with a trained network.")
    parser.add_argument("run", metavar="RUN", help="folder of a run")
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="+", help="picture, folder of pictures, array or table"
    )
    text = "draw what the network saw of each picture, with its answer, into a .png file"
    parser.add_argument("--show", metavar="FILE", help=text)
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
    if options.show:
        _check_show(options.show, network)
    read = [network.read(path) for path in options.inputs]
    answers = []
    for path, inputs in zip(options.inputs, read, strict=True):
        for note in inputs.notes:
            say(f"{PROG}: {note}")
        names = [f"{path} {n}" if n.startswith("row ") else n for n in inputs.names]
        rows = zip(names, network.answers(inputs.x), strict=True)
        answers += [_answer(network, name, row) for name, row in rows]
    if options.json:
        for answer in answers:
            print(json.dumps(answer, allow_nan=False))
    else:
        table = [_row(answer, network.deviations) for answer in answers]
        print_table(table, ("input", "prediction", "probability"))
    if options.show:
        _show(Path(options.show), network, read, answers)
    return 0


def _check_show(file: str, network: "Network") -> None:
    """Reject a file that no picture can be drawn into, or a network that sees no pictures."""
    shape = network.signature.input_shape
    check(file.lower().endswith(".png"), "--show", "a .png file", file)
    pictures = len(shape) == 3 and shape[-1] in (1, 3, 4)
    check(pictures, "--show", "for a network that sees pictures", Shown(f"inputs of shape {shape}"))


def _show(
    file: Path, network: "Network", read: list["Inputs"], answers: list[dict[str, Any]]
) -> None:
    """Draw the first examples as the network saw them."""
    from jaxmlp.cli.console import say
    from jaxmlp.runs import figures

    x = np.concatenate([inputs.x[: figures.MOST_SEEN] for inputs in read])[: figures.MOST_SEEN]
    rows = [_row(answer, network.deviations) for answer in answers[: len(x)]]
    names = [Path(row[0]).name for row in rows]
    said = [" ".join(row[1:]).strip() for row in rows]
    figures.save(figures.seen(x / network.signature.white, names, said), file)
    more = f", the first {len(x)} of {len(answers)}" if len(x) < len(answers) else ""
    say(f"{PROG}: what the network saw is drawn in {file}{more}")


def _answer(network: "Network", name: str, row: np.ndarray) -> dict[str, Any]:
    """Return what the network says of one example."""
    named = {label: float(value) for label, value in zip(network.classes, row, strict=True)}
    if network.task.name == "regression":
        return {"input": name, "prediction": named}
    if network.task.name == "multilabel":
        chosen = [label for label, p in named.items() if p > 0.5]
        return {"input": name, "prediction": chosen, "probabilities": named}
    best = network.classes[int(np.argmax(row))]
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
