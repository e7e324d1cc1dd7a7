"""A run on disk: a folder to read results from, to continue training, and to use the network.

| file | content |
|---|---|
| `config.json` | the configuration, complete |
| `metrics.jsonl` | a line of metrics per epoch |
| `checkpoint.safetensors` | everything needed to go on |
| `model.safetensors` | the best parameters, and what the network expects and returns |
| `summary.json` | final metrics, where the data came from, versions, device, times |
| `curves.png`, `confusion.png` | the course of training, the errors on the test set |
| `evaluation/` | the pictures that `jaxmlp.evaluate` draws |

Each file is replaced in one instant, so a process killed at any moment leaves a readable run.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

from jaxmlp import __version__
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError
from jaxmlp.files import locked_folder, read_json, usable_path, write_atomically, write_json
from jaxmlp.runs.checkpoints import load_metadata, load_tree, save_tree
from jaxmlp.training import Best, History, Record, TrainState

CONFIG, METRICS, SUMMARY = "config.json", "metrics.jsonl", "summary.json"
CHECKPOINT, MODEL = "checkpoint.safetensors", "model.safetensors"
PICTURES = ("curves.png", "confusion.png")
FILES = (CONFIG, METRICS, CHECKPOINT, MODEL, SUMMARY, *PICTURES)


@contextmanager
def held_output(path: Path) -> Iterator[Path]:
    """Make an output folder if it is missing, and lock it meanwhile.

    Args:
      path: the folder.

    Yields:
      The folder.

    Raises:
      InputError: if the folder cannot be made, or another process works in it.
    """
    usable_path(path, "the output folder")
    if path.exists() and not path.is_dir():
        raise InputError(f"the output folder {path} is a file")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the output folder {path} cannot be made: {error.strerror}") from None
    with locked_folder(path):
        yield path


def empty_output(path: Path, names: tuple[str, ...], kind: str, overwrite: bool) -> Path:
    """Empty an output folder of what the project made.

    Torn files, which a killed process left, count as nothing and are deleted.

    Args:
      path: the folder; it exists.
      names: the files and folders that may be deleted. Anything else never is.
      kind: what they make up, "run".
      overwrite: whether to delete them, if they are there.

    Returns:
      The folder.

    Raises:
      InputError: if there is something that may not be overwritten.
    """
    present = {file.name for file in path.iterdir()} - torn_files(path, names)
    if present and not overwrite:
        raise InputError(
            f"the output folder {path} is not empty; replace the {kind} with --overwrite, or"
            f" continue it with --resume {path}"
        )
    strange = sorted(present - set(names))
    if strange:
        raise InputError(
            f"{path} is not overwritten: it holds {strange[0]}, which is not part of a {kind}"
        )
    if present and path.is_symlink():
        raise InputError(f"the output folder {path} is a link; not overwritten")
    for file in path.iterdir():
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink()
    return path


def torn_files(path: Path, names: tuple[str, ...]) -> set[str]:
    """Return the temporary files that killed processes left in a folder; see `write_atomically`."""
    torn = re.compile(rf"\.({'|'.join(map(re.escape, names))})\.[a-z0-9_]{{8}}")
    return {file.name for file in path.iterdir() if torn.fullmatch(file.name)}


def _present_names(names: set[str]) -> dict[str, str]:
    """Return the present names of an optimizer's leaves in a checkpoint of version 0.1.

    It named Adam's moments `v` and `s`, now `m` and `v`. It named the state of AdaGrad and RMSProp
    `s`, now `g`.
    """
    found = {name: re.match(r"(state/opt_state/(?:1/)*)([vs])/", name) for name in names}
    leaves = {name: match for name, match in found.items() if match}
    adam = {match[2] for match in leaves.values()} == {"v", "s"}
    renamed = {"v": "m", "s": "v"} if adam else {"s": "g", "v": "v"}
    return {
        name: f"{match[1]}{renamed[match[2]]}{name[match.end() - 1 :]}"
        for name, match in leaves.items()
    }


class Run:
    """The folder of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origin: dict[str, Any] = {}  # of the data: their checksum, and what was wanted

    @staticmethod
    def create(path: Path, overwrite: bool) -> "Run":
        """Begin a new run in a folder.

        Args:
          path: the folder; it exists.
          overwrite: whether to delete a run that is there. Anything else is never deleted.

        Returns:
          The run, without any file.

        Raises:
          InputError: if there is something that may not be overwritten.
        """
        return Run(empty_output(path, (*FILES, "evaluation"), "run", overwrite))

    @staticmethod
    @contextmanager
    def held(path: Path) -> Iterator["Run"]:
        """Open the run in a folder to write into it, and lock the folder meanwhile.

        Args:
          path: the folder.

        Yields:
          The run, without what a killed process left half-written.

        Raises:
          InputError: if there is no run in the folder, or another process works in it.
        """
        run = Run.open(path)
        with locked_folder(path):
            for name in torn_files(path, FILES):
                (path / name).unlink()
            yield run

    @staticmethod
    def open(path: Path) -> "Run":
        """Return the run in a folder.

        Args:
          path: the folder.

        Returns:
          The run.

        Raises:
          InputError: if there is no run in it.
        """
        if not path.is_dir():
            raise InputError(f"there is no run folder {path}")
        if not (path / CONFIG).is_file():
            raise InputError(f"{path} is not a run folder: it has no {CONFIG}")
        return Run(path)

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file of the run.

        Args:
          name: of the file.
          content: anything JSON-able.
        """
        write_json(self.path / name, content)

    def read_json(self, name: str) -> Any:
        """Return the content of a JSON file of the run.

        Args:
          name: of the file.

        Returns:
          What it holds.

        Raises:
          InputError: if it is missing or not whole.
        """
        if not (self.path / name).exists():
            raise InputError(f"{self.path} is not a complete run: it has no {name}")
        return read_json(self.path / name)

    @property
    def config(self) -> Config:
        """The run's configuration."""
        return Config.from_dict(self.read_json(CONFIG), self.path / CONFIG)

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the metrics of each epoch; none, if no epoch is complete.

        Raises:
          InputError: if the file is not whole.
        """
        file = self.path / METRICS
        if not file.exists():
            return []
        try:
            return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        except ValueError as error:
            raise InputError(f"{file} is not a whole JSON Lines file: {error}") from None

    def save_checkpoint(self, state: TrainState, history: History) -> None:
        """Write everything needed to go on; the metrics first, so that they are never behind."""
        score = history.task.score
        lines = [json.dumps(r.to_dict(score), allow_nan=False) + "\n" for r in history.records]
        write_atomically(self.path / METRICS, "".join(lines))
        record = {"epoch": len(lines), "version": __version__, **self.origin}
        save_tree(self.path / CHECKPOINT, {"state": state, "best": history.best}, record)

    def load_checkpoint(
        self, like: tuple[TrainState, Best], score: str
    ) -> tuple[TrainState, Best, list[Record]]:
        """Return where the run was left, and the records of the epochs it had completed.

        Args:
          like: the start of the run, for structure and shapes; it is the answer if the run was left
            before its first checkpoint.
          score: the name of the task's score.

        Returns:
          The state, the best so far, and the records.

        Raises:
          InputError: if a file is broken or does not fit.
        """
        file = self.path / CHECKPOINT
        if not file.exists():
            return *like, []
        saved = load_metadata(file)
        if saved["checksum"] != self.origin["checksum"]:
            raise InputError(f"{self.path} was trained on other data: their checksum has changed")
        self.origin["dataset_wanted"] = saved["dataset_wanted"]
        tree = load_tree(file, {"state": like[0], "best": like[1]}, _present_names)
        epochs = saved["epoch"]
        lines = self.read_metrics()[:epochs]
        if len(lines) < epochs:
            raise InputError(f"{self.path / METRICS} lacks epochs that {CHECKPOINT} has")
        try:
            records = [Record.from_dict(line, score) for line in lines]
        except (KeyError, TypeError) as error:
            raise InputError(f"{self.path / METRICS} is not of this run: {error}") from None
        return jax.device_put(tree["state"]), tree["best"], records
