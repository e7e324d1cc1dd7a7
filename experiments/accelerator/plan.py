"""The plan of one run of the script, and the numbers that a section keeps while it works."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp.files import write_atomically

FULL, SMALL = "mnist", "mnist_5k"


class Plan(NamedTuple):
    """The settings that every section needs.

    Attributes:
      platform: what JAX calls the device: `cpu`, `cuda`, `rocm` or `tpu`.
      dataset: the name of the digits in our commands.
      data: the same digits as a `.npz` file.
      libraries: the libraries beside ours that are installed.
      scratch: a folder that is deleted afterwards.
      quick: whether sizes are reduced to check that all works; the numbers then mean nothing.
    """

    platform: str
    dataset: str
    data: str
    libraries: tuple[str, ...]
    scratch: str
    quick: bool

    @property
    def accelerated(self) -> bool:
        """Whether the device is an accelerator."""
        return self.platform != "cpu"

    @property
    def gpu(self) -> bool:
        """Whether the device is a GPU, to which the processor sends every kernel."""
        return self.platform in ("cuda", "rocm")

    def folder(self, name: str) -> Path:
        """Return the path of a folder in the scratch folder."""
        return Path(self.scratch) / name


class Notes:
    """The numbers and the errors of a section, on file after every piece of its work."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.numbers: dict[str, Any] = {}
        self.errors: dict[str, str] = {}

    def keep(self, **numbers: Any) -> None:
        """Add numbers, and write the file."""
        self.numbers |= numbers
        self._write()

    def fail(self, piece: str, error: BaseException | str) -> None:
        """Add an error of a piece of the work, by type and text, and write the file."""
        text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        self.errors[piece] = text
        self._write()

    def attempt(self, piece: str, measure: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a measurement returns, or note its error and return `None`.

        Args:
          piece: what is measured, in words.
          measure: the measurement.
          *arguments: its arguments.
        """
        try:
            return measure(*arguments)
        except Exception as error:  # noted in the file, and the script's exit status is 1
            self.fail(piece, error)
            return None

    def _write(self) -> None:
        found = {"numbers": self.numbers, "errors": self.errors}
        write_atomically(self._file, json.dumps(found, indent=1, allow_nan=False) + "\n")


def read_notes(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the numbers and the errors on a section's file, which need not exist yet."""
    if not file.exists():
        return {}, {}
    found = json.loads(file.read_text(encoding="utf-8"))
    return found["numbers"], found["errors"]
