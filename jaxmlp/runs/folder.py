"""A run on disk: a folder that can be read, gone on from, and used, without user code.

| file | content |
|---|---|
| `config.json` | the configuration, complete |
| `metrics.jsonl` | a line of metrics per epoch |
| `checkpoint.safetensors` | everything needed to go on |
| `model.safetensors` | the best parameters, and what the network expects and returns |
| `summary.json` | final metrics, where the data came from, versions, device, times |
| `curves.png`, `confusion.png` | the course of training, the errors on the test set |

Each file is replaced in one instant, so a process killed at any moment leaves a readable run.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmlp.config.factory import model_from
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError
from jaxmlp.files import write_atomically
from jaxmlp.nn import Layer
from jaxmlp.config.signature import Spec
from jaxmlp.runs.checkpoints import load_metadata, load_tree, save_tree
from jaxmlp.training import TASKS, Best, Progress, TrainState

CONFIG, METRICS, SUMMARY = "config.json", "metrics.jsonl", "summary.json"
CHECKPOINT, MODEL = "checkpoint.safetensors", "model.safetensors"
PICTURES = ("curves.png", "confusion.png")
FILES = (CONFIG, METRICS, CHECKPOINT, MODEL, SUMMARY, *PICTURES)


def claim(path: Path, names: tuple[str, ...], kind: str, overwrite: bool) -> Path:
    """Make an output folder, empty.

    Args:
      path: the folder.
      names: the files and folders that may be deleted. Anything else never is.
      kind: what they make up, "run".
      overwrite: whether to delete them, if they are there.

    Returns:
      The folder.

    Raises:
      InputError: if there is something that may not be overwritten.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"the output folder {path} is a file")
    present = {file.name for file in path.iterdir()} if path.exists() else set()
    if present and not overwrite:
        raise InputError(f"the output folder {path} is not empty; add --overwrite or --resume")
    torn = {name for name in present if name.startswith(tuple(f".{file}." for file in names))}
    strange = sorted(present - torn - set(names))
    if strange:
        raise InputError(
            f"{path} is not only a {kind}, it also holds {strange[0]}; not overwritten"
        )
    try:
        if present:
            shutil.rmtree(path)
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the output folder {path} cannot be made: {error.strerror}") from None
    return path


class Run:
    """The folder of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origin: dict[str, Any] = {}  # of the data: their checksum, and what was wanted

    @staticmethod
    def create(path: Path, overwrite: bool) -> "Run":
        """Make the folder of a new run.

        Args:
          path: the folder.
          overwrite: whether to delete a run that is there. Anything else is never deleted.

        Returns:
          The run, without any file.

        Raises:
          InputError: if there is something that may not be overwritten.
        """
        return Run(claim(path, (*FILES, "evaluation"), "run", overwrite))

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
        """Write a JSON file.

        Args:
          name: of the file.
          content: anything JSON-able.
        """
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
        write_atomically(self.path / name, text)

    def read_json(self, name: str) -> Any:
        """Return the content of a JSON file.

        Args:
          name: of the file.

        Returns:
          What it holds.

        Raises:
          InputError: if it is missing or not whole.
        """
        file = self.path / name
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{self.path} is not a complete run: it has no {name}") from None
        except ValueError as error:
            raise InputError(f"{file} is not a whole JSON file: {error}") from None

    @property
    def config(self) -> Config:
        """The run's configuration."""
        return Config.from_dict(self.read_json(CONFIG), self.path / CONFIG)

    def write_metrics(self, records: list[dict[str, Any]]) -> None:
        """Write one line of metrics per epoch."""
        lines = (json.dumps(record, allow_nan=False) + "\n" for record in records)
        write_atomically(self.path / METRICS, "".join(lines))

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

    def save_checkpoint(self, progress: Progress, records: list[dict[str, Any]]) -> None:
        """Write everything needed to go on; the metrics first, so that they are never behind."""
        self.write_metrics(records)
        tree = {"state": progress.state, "best": progress.best}
        save_tree(self.path / CHECKPOINT, tree, {"epoch": progress.epoch, **self.origin})

    def load_checkpoint(
        self, like: tuple[TrainState, Best]
    ) -> tuple[tuple[TrainState, Best], list[dict[str, Any]]]:
        """Return where the run was left, and the metrics of the epochs it had completed.

        Args:
          like: the start of the run, for structure and shapes; it is the answer if the run was left
            before its first checkpoint.

        Returns:
          The state and the best so far, and the records.

        Raises:
          InputError: if a file is broken or does not fit.
        """
        file = self.path / CHECKPOINT
        if not file.exists():
            return like, []
        saved = load_metadata(file)
        if saved["checksum"] != self.origin["checksum"]:
            raise InputError(f"{self.path} was trained on other data: their checksum has changed")
        self.origin["dataset_wanted"] = saved["dataset_wanted"]
        tree = load_tree(file, {"state": like[0], "best": like[1]})
        epochs = saved["epoch"]
        records = self.read_metrics()[:epochs]
        if len(records) < epochs:
            raise InputError(f"{self.path / METRICS} lacks epochs that {CHECKPOINT} has")
        return (jax.device_put(tree["state"]), tree["best"]), records

    def save_model(self, params: Any, config: Config, spec: Spec) -> None:
        """Write the network: its parameters, and all that is needed to use them."""
        record = {"config": config.to_dict(), "spec": spec.to_dict()}
        save_tree(self.path / MODEL, params, record)

    def load_model(self) -> tuple[Layer, Any, Spec]:
        """Return the network as it was saved.

        Returns:
          The model, its parameters, and what it expects and returns.

        Raises:
          InputError: if the file is missing, broken, or of another version.
        """
        file = self.path / MODEL
        if not file.exists():
            raise InputError(f"{self.path} is not a complete run: it has no {MODEL}")
        saved = load_metadata(file)
        config, spec = Config.from_dict(saved["config"], file), Spec.from_dict(saved["spec"])
        model = model_from(config, TASKS[spec.task].outputs(len(spec.classes)))
        like = jax.eval_shape(lambda key: model.init(key, spec.input_shape)[0], jax.random.key(0))
        return model, jax.tree.map(np.asarray, load_tree(file, like)), spec
