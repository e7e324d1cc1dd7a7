"""A run on disk: a folder to read results from, to continue training, and to use the network.

| file | content |
|---|---|
| `config.json` | the configuration, complete |
| `metrics.jsonl` | a line of metrics per epoch |
| `checkpoint.safetensors` | everything needed to go on |
| `model.safetensors` | the best parameters, and what the network expects and returns |
| `summary.json` | final metrics, where the data came from, versions, device, times |
| `curves.png` | the course of training |
| `confusion.png`, `predicted.png` | the errors on the test set, of classes or of numbers |
| `calibration.png` | probabilities against what came true, with `--calibrate` |
| `watch.jsonl` | what was seen inside the network after each epoch, with `--watch` |
| `path.safetensors` | the parameters after epochs, with `--watch`; see `jaxmlp.runs.path` |
| `members.json` | of which runs the network is the mean, if it was not trained itself |
| `evaluation/` | the pictures that `jaxmlp.evaluate` draws |
| `diagnosis/` | the pictures that `jaxmlp.diagnose` draws |
| `export/` | what `jaxmlp.export` writes, unless told where |
| `tensorboard/` | the log of TensorBoard, with `--log tensorboard` |

Each file is replaced in one instant, so a process killed at any moment leaves a readable run.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jaxmlp import __version__
from jaxmlp.config import schema
from jaxmlp.config.options import Config
from jaxmlp.errors import InputError, check, shown
from jaxmlp.files import (
    parse_json,
    read_json,
    read_text,
    usable_path,
    write_atomically,
    write_json,
)
from jaxmlp.optim.base import Params
from jaxmlp.runs.checkpoints import load_metadata, load_tree, save_tree
from jaxmlp.runs.output import Kind, held_output
from jaxmlp.training import Best, History, Record, TrainState
from jaxmlp.training.mesh import put_state

CONFIG, METRICS, SUMMARY = "config.json", "metrics.jsonl", "summary.json"
EPOCH_START = "epoch_start"  # a part of a checkpoint, if a rule asks for it
MEMBERS = "members.json"
CHECKPOINT, MODEL = "checkpoint.safetensors", "model.safetensors"
WATCH, PATH = "watch.jsonl", "path.safetensors"
PICTURES = ("curves.png", "confusion.png", "predicted.png", "calibration.png")
FILES = (CHECKPOINT, METRICS, WATCH, PATH, MODEL, SUMMARY, *PICTURES, CONFIG)
EVALUATION = "evaluation"
PAINTED = "confusion|mistakes|predicted|calibration|importance|partial"
EVALUATION_FILES = Kind("evaluation", "", (rf"(train|valid|test|all)-({PAINTED})\.png",))
EXPORT, TENSORBOARD, DIAGNOSIS = "export", "tensorboard", "diagnosis"
RUN = Kind(
    "run",
    CONFIG,
    (
        *map(re.escape, (MEMBERS, *FILES)),
        *(f"{EVALUATION}/{file}" for file in EVALUATION_FILES.files),
        rf"{EXPORT}/(model\.(onnx|py|js)|card\.(md|html))",
        rf"{TENSORBOARD}/events\.out\.tfevents\..*",
        rf"{DIAGNOSIS}/[a-z0-9-]+\.(png|gif|apng)",
    ),
)


class Saved(NamedTuple):
    """Where a run was left.

    Attributes:
      state: everything that a step needs.
      best: the best parameters so far.
      records: the records of the complete epochs.
      epoch_start: the parameters before the current epoch, if a rule compares them with its end.
    """

    state: TrainState
    best: Best
    records: list[Record]
    epoch_start: Params | None


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
        self.origin: dict[str, Any] = {}  # what the checkpoint says of the run, see `begin`

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
        with held_output(path, RUN):
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
        if not usable_path(path, "the run").is_dir():
            raise InputError(f"there is no run folder {path}")
        if not (path / CONFIG).is_file():
            raise InputError(f"{path} is not a run folder: it has no {CONFIG}")
        return Run(path)

    def begin(
        self, checksum: str, wanted: str | None, taken_over: dict[str, Any] | None = None
    ) -> None:
        """Note what the checkpoint says of the run, beside where it was left.

        Args:
          checksum: of the data.
          wanted: the data set that the data replace, or `None`.
          taken_over: the signature of the network at which the run starts, if there is one.
        """
        config, saved = self.config_to_resume.to_dict(), self._saved
        self.origin = {"checksum": checksum, "dataset_wanted": wanted, "config": config}
        if taken_over is not None:
            self.origin["taken_over"] = taken_over
        lengthened = saved.get("lengthened", [])
        if config["epochs"] > saved.get("config", config)["epochs"]:
            lengthened = [*lengthened, saved["epoch"]]
        if lengthened:
            self.origin["lengthened"] = lengthened

    def lengthen(self, config: Config) -> None:
        """Give the run more epochs, in one instant.

        The schedule of the learning rate is then that of the longer run. The checkpoint tells after
        which epoch this happened.

        Args:
          config: the configuration, with the new number.
        """
        self.write_json(CONFIG, config.to_dict())

    @property
    def _saved(self) -> dict[str, Any]:
        """What the checkpoint says; nothing, before the first one."""
        file = self.path / CHECKPOINT
        return load_metadata(file, schema.CHECKPOINT) if file.exists() else {}

    @property
    def taken_over(self) -> dict[str, Any] | None:
        """The signature of the network at which the run started, once it has a checkpoint."""
        return self._saved.get("taken_over")

    @property
    def is_mean(self) -> bool:
        """Whether the run is the mean of others, and had no training of its own."""
        return (self.path / MEMBERS).exists()

    @property
    def config_to_resume(self) -> Config:
        """The configuration, if it is the one that the run was trained with so far.

        More epochs are no other configuration: the run goes on for longer.

        Raises:
          InputError: if it has been changed since the run's first checkpoint, or the run is the
            mean of others.
        """
        if self.is_mean:
            raise InputError(f"{self.path} is the mean of other runs: there is nothing to continue")
        now, file = self.config, self.path / CHECKPOINT
        saved = self._saved
        if "config" not in saved:  # before the first checkpoint, or of version 0.1
            return now
        before = Config.from_dict(saved["config"], file)
        for name, value in vars(before).items():
            longer = name == "epochs" and (now.epochs or 0) > value
            if getattr(now, name) != value and not longer:
                raise InputError(
                    f"{self.path / CONFIG} has been changed: {name} was {shown(value)} in training,"
                    f" now {shown(getattr(now, name))}"
                )
        return now

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
        lines = read_text(file).splitlines()
        return [parse_json(line, f"{file}, line {i}") for i, line in enumerate(lines, 1)]

    def save_checkpoint(self, state: TrainState, history: History) -> None:
        """Write everything needed to go on; the metrics first, so that they are never behind."""
        score = history.task.score
        lines = [json.dumps(r.to_dict(score), allow_nan=False) + "\n" for r in history.records]
        write_atomically(self.path / METRICS, "".join(lines))
        record = {"epoch": len(lines), "version": __version__, **self.origin}
        tree: dict[str, Any] = {"state": state, "best": history.best}
        if history.epoch_start is not None:
            tree[EPOCH_START] = history.epoch_start
        save_tree(self.path / CHECKPOINT, tree, record)

    def load_checkpoint(self, start: Saved, score: str) -> Saved:
        """Return where the run was left.

        Args:
          start: the start of the run, for structure and shapes; it is the answer if the run was
            left before its first checkpoint. Its `epoch_start` is `None` if no rule asks for it.
          score: the name of the task's score.

        Returns:
          Where the run was left. Version 0.1 did not save `epoch_start`: it is `None` then.

        Raises:
          InputError: if a file is broken or does not fit, or the configuration has been changed.
        """
        file = self.path / CHECKPOINT
        if not file.exists():
            return start
        saved = load_metadata(file, schema.CHECKPOINT)
        if saved["checksum"] != self.origin["checksum"]:
            raise InputError(f"{self.path} was trained on other data: their checksum has changed")
        self.origin["dataset_wanted"] = saved["dataset_wanted"]
        like: dict[str, Any] = {"state": start.state, "best": start.best}
        if start.epoch_start is not None:
            like[EPOCH_START] = start.epoch_start
        tree = load_tree(file, like, _present_names, may_lack=EPOCH_START)
        records, best = self.read_records(score, saved["epoch"]), tree["best"]
        if len(records) < saved["epoch"]:
            raise InputError(f"{self.path / METRICS} lacks epochs that {CHECKPOINT} has")
        known = f"an epoch up to {len(records)}"
        check(0 <= best.epoch <= len(records), f"{file}: best/epoch", known, best.epoch)
        return Saved(put_state(tree["state"]), best, records, tree.get(EPOCH_START))

    def read_records(self, score: str, most: int | None = None) -> list[Record]:
        """Return the records of the complete epochs.

        Args:
          score: the name of the task's score.
          most: the number of epochs to read at most.

        Returns:
          A record for each epoch.

        Raises:
          InputError: if the file is not whole, or a line of it cannot be; it names the line.
        """
        file, records = self.path / METRICS, []
        judged, shape = self.config.valid_size != 0, schema.metrics(score)
        for i, line in enumerate(self.read_metrics()[:most], 1):
            where = f"{file}, line {i}"
            line = schema.checked(line, shape, where)
            check(line["epoch"] == i, f"{where}: epoch", str(i), line["epoch"])
            for name in (f"valid_{part}" for part in ("loss", score)):
                good = (line[name] is not None) == judged
                words = "a number where there is a validation part, and null elsewhere"
                check(good, f"{where}: {name}", words, line[name])
            records.append(Record.from_dict(line, score))
        return records
