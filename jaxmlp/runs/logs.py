"""Logs of training for other programs: TensorBoard and MLflow, each by its own library.

A log gets every record of the run, those before a resumption too, so each log is a whole one.
TensorBoard's lies in the run's folder, `RUN/tensorboard`. Where MLflow keeps its own is its affair:
the variables `MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME` say it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jaxmlp.cli.console import say
from jaxmlp.cli.extras import need
from jaxmlp.config.recipe import Recipe
from jaxmlp.errors import InputError, unknown
from jaxmlp.runs.folder import TENSORBOARD
from jaxmlp.training import Record

EVENTS = "events.out.tfevents."  # how the names of its files begin
NAMES = {"tensorboard": "tensorboard", "mlflow": "mlflow"}  # of the logs, and their packages
Write = Callable[[int, Mapping[str, float]], None]


class Log:
    """A log of a run: the numbers of each epoch, and those at the end.

    Args:
      write: `(epoch, numbers by their names) -> None`.
      score: the name of the task's score.
    """

    def __init__(self, write: Write, score: str) -> None:
        self._write, self._score, self._written = write, score, 0
        self.failed = False

    def add(self, records: Sequence[Record]) -> None:
        """Write the records that are new since the last call.

        Args:
          records: all of the run so far.
        """
        for record in records[self._written :]:
            line = record.to_dict(self._score)
            epoch = line.pop("epoch")
            self._try(epoch, {name: value for name, value in line.items() if value is not None})
        self._written = len(records)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the scores of the kept epoch.

        Args:
          summary: what `summary.json` holds.
        """
        parts = ("train_", "valid_", "test_")
        found = {n: v for n, v in summary.items() if n.startswith(parts) and isinstance(v, float)}
        self._try(summary["best_epoch"], {f"kept_{name}": value for name, value in found.items()})

    def _try(self, epoch: int, numbers: dict[str, float]) -> None:
        """Write numbers; a log that fails, as its server is gone, does not end the training."""
        if self.failed:
            return
        try:
            self._write(epoch, numbers)
        except Exception as error:  # what the libraries raise has many types
            self.failed = True
            say(f"WARNING: nothing more is logged, training goes on: {_first_line(error)}")


def check_log(name: str) -> None:
    """Reject a log that is not known, or whose library is not installed.

    Args:
      name: of the log.

    Raises:
      InputError: names the logs there are, or how to install what is missing.
    """
    if name not in NAMES:
        raise unknown("log", name, NAMES)
    need((NAMES[name],), name, f"--log {name}")


@contextmanager
def open_log(name: str | None, path: Path, recipe: Recipe, score: str) -> Iterator[Log]:
    """Open the log of a run, and close it at the end, however that comes.

    Args:
      name: `tensorboard`, `mlflow`, or `None` for a log that keeps nothing.
      path: the folder of the run.
      recipe: what the run is made of.
      score: the name of the task's score.

    Yields:
      The log.

    Raises:
      InputError: if there is no such log, its library is not installed, or it cannot begin.
    """
    if name is None:
        yield Log(lambda epoch, numbers: None, score)
        return
    check_log(name)
    opened = _tensorboard(path) if name == "tensorboard" else _mlflow(path, recipe)
    with opened as write:
        yield Log(write, score)


@contextmanager
def _tensorboard(path: Path) -> Iterator[Write]:
    from tensorboard.summary import Writer

    folder = path / TENSORBOARD
    for file in folder.glob(f"{EVENTS}*"):  # of the part before a resumption
        file.unlink()
    writer = Writer(str(folder))

    def write(epoch: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            writer.add_scalar(name, value, epoch)

    try:
        yield write
    finally:
        writer.close()


@contextmanager
def _mlflow(path: Path, recipe: Recipe) -> Iterator[Write]:
    import mlflow

    config = recipe.to_config().to_dict()
    try:
        run = mlflow.start_run(run_name=path.name)
        mlflow.log_params({name: value for name, value in config.items() if value is not None})
        mlflow.set_tag("jaxmlp.run", str(path.resolve()))
    except Exception as error:  # a server that is not there, a store that MLflow does not take
        raise InputError(f"--log mlflow cannot begin: {_first_line(error)}") from error
    with run:
        yield lambda epoch, numbers: mlflow.log_metrics(dict(numbers), step=epoch)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
