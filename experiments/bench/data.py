"""Write the digits to one file for all libraries: `python -m experiments.bench.data NAME FILE`.

This runs in a process of its own, so that it adds to no library's peak memory.
"""

import numpy as np

from jaxmlp.cli.parser import run_command
from jaxmlp.cli.process import run_process
from jaxmlp.data import load


def main(arguments: list[str] | None = None) -> int:
    """Write the file; if the digits are not available, print one line and return 2."""
    return run_command(_main, "python -m experiments.bench", arguments)


def _main(arguments: list[str]) -> int:
    name, file = arguments
    digits = load(name)
    parts = ("x_train", "y_train", "x_test", "y_test")
    np.savez(file, **{part: getattr(digits, part) for part in parts})
    return 0


if __name__ == "__main__":
    run_process(main, writes_files=True)
