"""All commands by one name: `jaxmlp COMMAND ...` or `python -m jaxmlp COMMAND ...`.

`jaxmlp train` is `python -m jaxmlp.train`, with the same options.
"""

import sys
from importlib import import_module

from jaxmlp import __version__
from jaxmlp.cli.parser import run_command
from jaxmlp.cli.process import run_process
from jaxmlp.errors import unknown

PROG = "jaxmlp"
COMMANDS = {  # the module of each, and what it does
    "train": ("jaxmlp.train", "Train a network; the default learns to read digits."),
    "evaluate": ("jaxmlp.evaluate", "Evaluate a trained network."),
    "predict": ("jaxmlp.predict", "Predict with a trained network."),
    "runs": ("jaxmlp.compare", "List runs and compare them."),
    "sweep": ("jaxmlp.sweep.__main__", "Try many configurations."),
    "find_rate": ("jaxmlp.find_rate", "Find a learning rate by a range test."),
    "gradcheck": ("jaxmlp.gradcheck", "Check the hand-written gradient of a network."),
    "explain": (
        "jaxmlp.explain.__main__",
        "Show every number of a forward and backward pass beside its formula.",
    ),
    "diagnose": (
        "jaxmlp.diagnose.__main__",
        "Say what went on inside a run, and what to try.",
    ),
    "exercise": (
        "jaxmlp.exercise.__main__",
        "Write a formula by hand or find a fault, and let a referee name the mistake.",
    ),
    "play": (
        "jaxmlp.play.__main__",
        "Write a page to play with: one HTML file in which networks learn.",
    ),
    "export": (
        "jaxmlp.export.__main__",
        "Write a trained network for other programs, and its model card.",
    ),
    "serve": ("jaxmlp.serve.__main__", "Answer over HTTP with a trained network."),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command that is named, and return its exit status."""
    return run_command(_main, PROG, arguments)


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: {PROG} COMMAND [options]\n")
        for name, (_, text) in COMMANDS.items():
            print(f"  {name:10}  {text}")
        print(f"\n{PROG} COMMAND --help lists the options of a command.")
        return 0
    if arguments[0] == "--version":
        print(f"{PROG} {__version__}")
        return 0
    name, *rest = arguments
    name = name.replace("-", "_")
    if name not in COMMANDS:
        raise unknown("command", name, COMMANDS)
    status: int = import_module(COMMANDS[name][0]).main(rest)
    return status


def run() -> None:
    """Run as the console script does."""
    run_process(main, writes_files=sys.argv[1:2] in (["train"], ["sweep"]))


if __name__ == "__main__":
    run()
