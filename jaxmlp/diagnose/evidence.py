"""What a run left that tells how its training went."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxmlp.config.factory import arithmetic
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import NO_FILES, Files, parts_of, with_parts
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import Dataset
from jaxmlp.errors import InputError
from jaxmlp.runs.data import load_data, with_whole_paths
from jaxmlp.runs.fine_tuning import take_over
from jaxmlp.runs.fit import where_left
from jaxmlp.runs.folder import SUMMARY, Run
from jaxmlp.runs.watching import Line, Watch, read_watch
from jaxmlp.training import TASKS, Record

NEEDS_PARTS = "it has parts of your own: name their file again by --parts"
IS_MEAN = "it is the mean of other runs, and each of them had a training of its own"
NO_KERNEL = ("prelu", "layer")  # how the names of layers begin whose parameters are no kernel


class Track(NamedTuple):
    """One layer over the epochs that were seen.

    Attributes:
      number, name: its place in the network, counted from 1, and what it is.
      units: the number of its units.
      seen: what was seen of it, a record an epoch.
      kernel: whether it has a kernel.
    """

    number: int
    name: str
    units: int
    seen: list[dict[str, Any]]
    kernel: bool

    def of(self, field: str) -> np.ndarray:
        """Return a number of each epoch; NaN where it has none."""
        return np.array([np.nan if row[field] is None else row[field] for row in self.seen], float)

    @property
    def words(self) -> str:
        """The layer in words."""
        return f"layer {self.number} ({self.name})"


@dataclass(frozen=True)
class Evidence:
    """What a run left.

    Attributes:
      path: its folder.
      config: its configuration.
      score: the name of its score.
      records: the metrics of each epoch.
      watched: what was seen inside the network; a single epoch if the run was not watched.
      whole: whether the run was watched.
      diverged: where a number was not finite, in words, if training broke off there.
      complete: whether the run came to its end.
      unseen: why nothing could be seen of the network; empty if something was.
      needs_parts: whether the network has parts of one's own whose file was not named.
    """

    path: Path
    config: Config
    score: str
    records: list[Record]
    watched: list[Line]
    whole: bool
    diverged: str | None
    complete: bool
    unseen: str = ""
    needs_parts: bool = False

    @property
    def epochs(self) -> np.ndarray:
        """The epochs that were seen."""
        return np.array([line["epoch"] for line in self.watched])

    @property
    def tracks(self) -> list[Track]:
        """The layers over the epochs, first to last."""
        if not self.watched:
            return []
        found = []
        for k, layer in enumerate(self.watched[-1]["layers"]):
            seen = [line["layers"][k] for line in self.watched]
            kernel = layer["weight_norm"] is not None and layer["name"].split()[0] not in NO_KERNEL
            found.append(Track(layer["number"], layer["name"], layer["units"], seen, kernel))
        return found

    @property
    def kernels(self) -> list[Track]:
        """The layers that have a kernel, first to last."""
        return [track for track in self.tracks if track.kernel]

    @property
    def start_loss(self) -> float | None:
        """The loss before the first step, if it was seen."""
        first = self.watched[0] if self.watched else {"epoch": None}
        return first["loss"] if first["epoch"] == 0 else None

    @property
    def training(self) -> np.ndarray:
        """The training loss of each epoch."""
        return np.array([record.train.loss for record in self.records])

    @property
    def validation(self) -> np.ndarray:
        """The validation loss of each epoch; empty without a validation part."""
        return np.array([record.valid.loss for record in self.records if record.valid is not None])


def gather(run: Run, parts: Files = NO_FILES) -> Evidence:
    """Gather what a run left. If it was not watched, look once at where its checkpoint left it.

    Args:
      run: the run.
      parts: the files of the parts of one's own that it was made with.

    Returns:
      The evidence. If the run was not watched, and its data or its parts cannot be had, it is only
      that of the losses; of the mean of other runs there is none.

    Raises:
      InputError: if a file of the run is damaged, its data are others than they were, or the files
        are not those of its parts.
    """
    config, unseen = run.config, ""
    needs_parts = bool(parts_of(config)) and not parts.paths
    if not needs_parts:
        config = with_parts(config, parts)
    score = TASKS[str(config.task)].score
    lines = read_watch(run)
    diverged = next((line["diverged"] for line in lines if "diverged" in line), None)
    watched = [line for line in lines if "diverged" not in line]
    whole = bool(watched)
    if run.is_mean:
        unseen = IS_MEAN
    elif not whole and needs_parts:
        unseen = NEEDS_PARTS
    elif not whole:
        try:
            dataset = load_data(with_whole_paths(config))
        except InputError as error:
            unseen = str(error)
        else:
            watched = look_once(run, dataset, parts)
    complete = (run.path / SUMMARY).is_file()
    records = run.read_records(score)
    seen = watched, whole, diverged, complete, unseen, needs_parts
    return Evidence(run.path, config, score, records, *seen)


def look_once(run: Run, dataset: Dataset, parts: Files) -> list[Line]:
    """Look inside the network as the run's checkpoint has it.

    Args:
      run: the run.
      dataset: its data.
      parts: the files of its parts of one's own.

    Returns:
      What was seen, a single line as `watch.jsonl` has it.

    Raises:
      InputError: if the checkpoint is damaged or does not fit the data.
    """
    config = with_parts(with_whole_paths(run.config_to_resume), parts)
    with arithmetic(config.precision):
        config, dataset, start = take_over(config, dataset, run, parts)
        problem = pose_problem(config, dataset, start=start)
        left = where_left(problem, dataset.source, None, run)
        watch = Watch(problem)
        watch.add(left.state, len(left.records))
    return watch.lines
