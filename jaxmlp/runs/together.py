"""What the processes of one run do alone and together; a process by itself is the first of one."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import numpy as np

from jaxmlp.config.options import Config
from jaxmlp.config.problem import Problem
from jaxmlp.data import Source
from jaxmlp.errors import InputError
from jaxmlp.runs.environment import versions
from jaxmlp.runs.folder import WATCH, Run, Saved
from jaxmlp.training import Record
from jaxmlp.training.mesh import is_sharded, parts, put_state
from jaxmlp.training.processes import any_process, check_alike, on_first, several, told, told_tree

PLACES = ("dataset", "data_dir")  # of the data, which may differ: their checksum may not


def check_versions(**more: Any) -> None:
    """Refuse processes of different versions.

    Args:
      more: what else must be the same before the run is known.

    Raises:
      AgreedError: if they differ.
    """
    named = {name: words for name, words in versions().items() if name != "python"}
    check_alike(named | more, "version")


def check_given(config: Config) -> None:
    """Refuse processes that were given other configurations, before they look at data together.

    Args:
      config: the configuration as given.

    Raises:
      AgreedError: if they differ; it names what differs.
    """
    check_alike(_beside_places(config), "configuration")


def _beside_places(config: Config) -> dict[str, Any]:
    return {k: v for k, v in config.to_dict().items() if k not in PLACES}


def large_for_any(checksum: str | None, large: bool) -> bool:
    """Return whether data are read window by window, because one of the processes must do so.

    Args:
      checksum: of the shards that this process has found; `None` if it has found none.
      large: whether they are larger than its memory.

    Raises:
      AgreedError: if another process has found other shards.
    """
    check_alike({"checksum": checksum}, "data set")
    return any_process(large)


def check_problem(problem: Problem, source: Source) -> None:
    """Refuse processes that would train other networks, or on other data.

    Args:
      problem: what is trained.
      source: where its data come from.

    Raises:
      AgreedError: if they differ; it names what differs.
    """
    check_alike({"checksum": source.provenance["checksum"]}, "data set")
    config = _beside_places(problem.recipe.to_config())
    check_alike(config | {"devices": parts(), "shard_parameters": is_sharded()}, "configuration")


@contextmanager
def held_by_first(
    folder: Callable[[], AbstractContextManager[Run | None]],
) -> Iterator[Run | None]:
    """Hold the folder of a run in the first process.

    Args:
      folder: opens it.

    Yields:
      The run; `None` in the other processes.

    Raises:
      AgreedError: if the first of several processes cannot hold it.
    """
    with ExitStack() as stack:
        yield on_first(lambda: stack.enter_context(folder()))


def check_watch(run: Run | None, asked: bool) -> None:
    """Refuse to look inside a network that several processes train.

    Args:
      run: the folder, which may have been watched before.
      asked: whether the user asks for it.

    Raises:
      AgreedError: if there are several processes.
    """

    def refuse() -> None:
        if asked or (run is not None and (run.path / WATCH).exists()):
            raise InputError("watch is for a run of one process")

    if several():
        on_first(refuse)


def left_for_all(
    where_left: Callable[[Problem, Source, str | None, Run | None], Saved],
    problem: Problem,
    source: Source,
    wanted: str | None,
    run: Run | None,
) -> Saved:
    """Return where a run was left, as the first process finds it.

    Args:
      where_left: finds it.
      problem: what is trained.
      source: where its data come from.
      wanted: the name of the data set that they replace, or `None`.
      run: the folder; `None` in the other processes, or for a run that has none.

    Returns:
      The state, with what was recorded up to it.

    Raises:
      InputError: if the checkpoint does not fit.
    """
    if not several():
        return where_left(problem, source, wanted, run)
    start = where_left(problem, source, wanted, None)
    left = on_first(lambda: where_left(problem, source, wanted, run)) or start
    score = problem.task.score
    words = told(
        lambda: json.dumps(
            [left.epoch_start is not None, [r.to_dict(score) for r in left.records]]
        ).encode()
    )
    known, lines = json.loads(words)
    before = start.epoch_start if left.epoch_start is None else left.epoch_start
    state, best, before = told_tree((left.state, left.best, before))
    best = best._replace(
        epoch=np.int64(best.epoch), score=np.float64(best.score), loss=np.float64(best.loss)
    )
    records = [Record.from_dict(line, score) for line in lines]
    return Saved(put_state(state), best, records, before if known else None)


def told_config(read: Callable[[], Config], complete: Callable[[Config], Config]) -> Config:
    """Return the configuration of a run to continue, which the first process reads.

    Args:
      read: reads it.
      complete: adds the parts of one's own, in the other processes.

    Returns:
      The configuration.

    Raises:
      InputError: if there is no such run, or it is continued with other options.
    """
    found: list[Config] = []

    def say() -> bytes:
        found.append(read())
        return json.dumps(found[0].to_dict()).encode()

    words = told(say)
    return found[0] if found else complete(Config.from_dict(json.loads(words), "process 0"))
