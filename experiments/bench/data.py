"""The digits as one file that every library reads: `python -m experiments.bench.data NAME FILE`.

In a process of its own, so that what it takes to read them is nobody's peak memory.
"""

import sys

import numpy as np

from jaxmlp.cli.parser import run_command
from jaxmlp.data import load


def main(arguments: list[str] | None = None) -> int:
    """Write the file; where the digits cannot be had, say so in one line and return 2."""
    return run_command(_main, "python -m experiments.bench", arguments)


def _main(arguments: list[str]) -> int:
    name, file = arguments
    digits = load(name)
    parts = ("x_train", "y_train", "x_test", "y_test")
    np.savez(file, **{part: getattr(digits, part) for part in parts})
    return 0


if __name__ == "__main__":
    sys.exit(main())
