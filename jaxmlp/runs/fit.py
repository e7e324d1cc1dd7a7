"""Train a run from its start, or from where it was left, to its end."""

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from jaxmlp.cli.console import Reporter, print_table
from jaxmlp.config.data_options import READING
from jaxmlp.config.factory import arithmetic
from jaxmlp.config.options import Config
from jaxmlp.config.own_files import NO_FILES, Files, Paths
from jaxmlp.config.problem import Problem, pose_problem
from jaxmlp.config.streaming import pose_stream
from jaxmlp.data import Dataset, Source, dataset_in_memory
from jaxmlp.data.item_shards import is_source
from jaxmlp.data.streams import Stream
from jaxmlp.errors import DataWarning, InputError, check
from jaxmlp.runs.data import (
    load_data,
    open_if_large,
    open_source,
    table_options,
    whole_path,
    with_whole_paths,
)
from jaxmlp.runs.facts import facts_of
from jaxmlp.runs.fine_tuning import take_over
from jaxmlp.runs.folder import CHECKPOINT, RUN, Run, Saved
from jaxmlp.runs.layers import layers_in_words
from jaxmlp.runs.network import Network
from jaxmlp.runs.output import new_output
from jaxmlp.runs.scores import rmse_by_r2
from jaxmlp.runs.summary import Outcome, finish_run
from jaxmlp.runs.together import (
    check_given,
    check_problem,
    check_watch,
    held_by_first,
    left_for_all,
)
from jaxmlp.runs.watching import open_watch, watched
from jaxmlp.runs.words import record_in_words
from jaxmlp.training import Progress, Record, TrainState, finite
from jaxmlp.training import fit as fit_parameters
from jaxmlp.training.mesh import fetch, on_devices
from jaxmlp.training.processes import any_process, is_first, told_number

CHECKPOINT_EVERY = 1.0  # seconds, or longer where saving takes more than a twentieth of the time


@dataclass(frozen=True)
class Result:
    """What `fit` returns.

    Attributes:
      network: the trained network, with the best parameters.
      summary: the final numbers, as `summary.json` has them.
      records: the metrics of each epoch.
      path: the run's folder, if it has one.
      watched: what was seen inside the network, a record an epoch; see `jaxmlp.runs.watching`.
    """

    network: Network
    summary: dict[str, Any]
    records: list[Record]
    path: Path | None
    watched: list[dict[str, Any]] = field(default_factory=list)


def fit(
    config: Config,
    data: Any = None,
    *,
    out: str | PathLike[str] | None = None,
    overwrite: bool = False,
    quiet: bool = True,
    watch: bool = False,
    parts: Paths = (),
    devices: int | None = None,
    shard_parameters: bool = False,
) -> Result:
    """Train a network.

    Args:
      config: what is trained, and how.
      data: what it learns from: the name of a data set, the path of a file, arrays `(x, y)` or
        `((x_train, y_train), (x_test, y_test))`, a table (see
        `jaxmlp.data.dataset_in_memory`), or a source of items, such as Grain's (see
        `jaxmlp.data.item_shards`); `None` for the configuration's data set.
      out: the run's folder; without it nothing is written.
      overwrite: whether to replace a run that is there.
      quiet: whether to print nothing but warnings.
      watch: whether to look inside the network after each epoch; it changes nothing in the run.
      parts: the files with the parts of one's own of the run that `init_from` names.
      devices: how many devices share the examples of each batch; `None` for all accelerators, or
        one processor. Only the last digits of the result depend on it.
      shard_parameters: whether each device keeps only its share of the parameters and of the
        optimizer's state.

    Returns:
      The trained network and its numbers.

    Raises:
      InputError: if the configuration and the data do not fit together, the folder cannot be used,
        or there are not so many devices.
      Diverged: if the loss, the validation loss or, without a validation part, a parameter is not
        finite.

    Warns:
      DataWarning: if a score says less than it seems to, such as that of a single example.
    """
    began = time.perf_counter()
    config = with_whole_paths(config)
    check_given(config)
    large: Dataset | Stream | None = None
    if data is None or isinstance(data, str | PathLike):
        name = config.dataset if data is None else whole_path(str(data))
        large = open_if_large(dataclasses.replace(config, dataset=name))
    elif is_source(data):
        large = open_source(config, data)
    dataset = large or data_of(config, data)
    config, source = dataclasses.replace(config, dataset=dataset.name), dataset.source
    with arithmetic(config.precision), on_devices(devices, shard_parameters):
        problem = pose(config, dataset, None, Files.of(parts))
        del dataset, large  # the examples are on the device, and need not lie in memory twice
        check_problem(problem, source)

        def folder() -> AbstractContextManager[Run | None]:
            return nullcontext() if out is None else new_run(Path(out), problem, overwrite)

        with held_by_first(folder) as run:
            facts = facts_of(problem, source)
            for line in facts.warnings():
                warnings.warn(line, DataWarning, stacklevel=2)
            quiet = quiet or not is_first()
            if not quiet:
                print_table(facts.rows())
                print(layers_in_words(problem.recipe, problem.signature))
            outcome = train_problem(
                problem, source, None, run, began, quiet, lambda: False, watch=watch
            )
            finished = finish_run(outcome, run, quiet)
    network, summary, _ = finished
    path, seen = run.path if run else None, outcome.watched
    network = dataclasses.replace(network, path=path)
    return Result(network, summary, outcome.history.records, path, seen)


def pose(
    config: Config, data: Dataset | Stream, run: Run | None = None, parts: Files = NO_FILES
) -> Problem:
    """Pose the training problem of a configuration on data of any size.

    Args:
      config: the configuration.
      data: the data.
      run: the run's folder if it goes on.
      parts: the files of the parts of one's own of the run that `init_from` names.

    Returns:
      The problem.

    Raises:
      InputError: if the two do not fit together.
    """
    if isinstance(data, Stream):
        return pose_stream(config, data)
    config, data, start = take_over(config, data, run, parts)
    return pose_problem(config, data, start=start)


def data_of(config: Config, data: Any) -> Dataset:
    """Return the data that a caller from Python names or gives.

    Args:
      config: says how they are read.
      data: as `fit` takes them.

    Returns:
      The data.

    Raises:
      InputError: if there are no such data, or the configuration has what does not apply to them.
    """
    if data is None or isinstance(data, str | PathLike):
        name = config.dataset if data is None else whole_path(str(data))
        return load_data(dataclasses.replace(config, dataset=name))
    for name in (*READING, "data_dir", "picture_size", "window_rows"):
        if getattr(config, name) is not None:
            raise InputError(f"{name} does not apply to data in memory")
    return dataset_in_memory(data, table_options(config))


@contextmanager
def new_run(path: Path, problem: Problem, overwrite: bool) -> Iterator[Run]:
    """Make the folder of a new run, with its configuration, and lock it.

    Args:
      path: the folder.
      problem: what is trained.
      overwrite: whether to replace a run that is there.

    Yields:
      The run.

    Raises:
      InputError: if there is something that may not be overwritten, or another process works in
        the folder.
    """
    with new_output(path, RUN, problem.recipe.to_config().to_dict(), overwrite):
        yield Run(path)


def train_problem(
    problem: Problem,
    source: Source,
    wanted: str | None,
    run: Run | None,
    began: float,
    quiet: bool,
    interrupted: Callable[[], bool],
    log: Callable[[Sequence[Record]], None] = lambda records: None,
    watch: bool = False,
) -> Outcome:
    """Train until the last epoch, until a rule ends the run, or until the user does.

    Args:
      problem: what to train.
      source: where its data come from.
      wanted: the name of the data set that they replace, or `None`.
      run: the folder, which may hold a checkpoint to go on from; `None` to write nothing.
      began: when the command began, for its seconds.
      quiet: whether to show nothing.
      interrupted: `() -> bool`, whether the user asked to end now.
      log: takes all records of the run so far, again and again.
      watch: whether to look inside the network after each epoch. A run that has been watched goes
        on so.

    Returns:
      The outcome.

    Raises:
      InputError: if the checkpoint does not fit.
      Diverged: if the loss, the validation loss or, without a validation part, a parameter is not
        finite; the last good checkpoint stays.
    """
    recipe, task = problem.recipe, problem.task
    check_watch(run, watch)
    seen = open_watch(problem, run, watch)
    left = left_for_all(where_left, problem, source, wanted, run)
    state, history = left.state, problem.history(left.best, left.records, left.epoch_start)
    if seen is not None:
        seen.take_up(state, len(left.records))

    def save(state: TrainState) -> None:
        state = fetch(state)
        if run is not None:
            if seen is not None:
                seen.write()  # first, as the metrics, so that it is never behind
            run.save_checkpoint(state, history)

    save(state)
    if run is not None:
        wanted = run.origin["dataset_wanted"]
    progress = fit_parameters(
        problem.trainer,
        problem.train,
        problem.valid,
        state,
        history,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        shuffle=recipe.shuffle,
        each_alone=seen is not None,
    )
    ended_early, rmse = False, rmse_by_r2(problem, problem.valid or problem.train)
    log(history.records)  # those before a resumption
    with Reporter(recipe.epochs, quiet) as reporter:
        for now in _saving(save, watched(seen, progress)):
            state = now.state
            log(history.records)
            metrics = None if now.record is None else record_in_words(now.record, task.score, rmse)
            reporter.show(now.epoch, now.step, now.steps, metrics)
            if any_process(interrupted()):
                ended_early = True
                break
    save(state)
    seconds, lines = time.perf_counter() - began, [] if seen is None else seen.lines
    return Outcome(problem, source, wanted, state, history, ended_early, seconds, lines)


def where_left(problem: Problem, source: Source, wanted: str | None, run: Run | None) -> Saved:
    """Return where a run was left, or its start.

    Args:
      problem: what is trained.
      source: where its data come from.
      wanted: the name of the data set that they replace, or `None`.
      run: the folder; `None` for a run that has none.

    Returns:
      The state, with what was recorded up to it.

    Raises:
      InputError: if the checkpoint does not fit.
    """
    recipe = problem.recipe
    state, best = problem.begin()
    start = Saved(state, best, [], best.params if recipe.min_change else None)
    if run is None:
        return start
    taken_over = None if problem.start is None else problem.start.signature.to_dict()
    run.begin(source.provenance["checksum"], wanted, taken_over)
    left = run.load_checkpoint(start, problem.task.score)
    steps = math.ceil(problem.train.size / recipe.batch_size)
    epoch, records = int(left.state.step) // steps, len(left.records)
    check(epoch == records, f"{run.path / CHECKPOINT}: epoch", f"{epoch}, as its steps", records)
    return left


def _saving(save: Callable[[TrainState], None], progress: Iterator[Progress]) -> Iterator[Progress]:
    """Pass the progress on, and save it from time to time."""
    saved, pause = time.perf_counter(), CHECKPOINT_EVERY
    for now in progress:
        yield now
        due = told_number(time.perf_counter() - saved >= pause)
        if due and finite(fetch(now.state.params)):
            began = time.perf_counter()
            save(now.state)
            saved = time.perf_counter()
            pause = max(CHECKPOINT_EVERY, 20 * (saved - began))
