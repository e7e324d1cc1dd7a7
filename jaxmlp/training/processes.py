"""Several processes that train one network together, each on devices of its own.

JAX connects them. Each runs the same program on the same examples in the same order, and what they
must agree on is told by the first process: where the run was left, when to look, when to end. The
first process alone prints and writes files. Of data that are larger than memory each reads its
share (`jaxmlp.training.spreading`, `jaxmlp.training.shares`).

A function of this module that speaks to the other processes must be called by all of them.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from jaxmlp.errors import InputError, check, shortened, shown
from jaxmlp.training.mesh import fetch

PATIENCE = 30  # seconds to wait for the coordinator and the other processes
HEARTBEAT = 20  # seconds without a sign of life, after which a process counts as dead
LOST = "another process has ended or cannot be reached"
Value = TypeVar("Value")


class AgreedError(InputError):
    """An error that all processes have, so that they end together."""


class Meeting(NamedTuple):
    """Where processes meet. What is `None` JAX finds out from Slurm, Open MPI, Kubernetes or a TPU.

    Attributes:
      coordinator: the address of the first process, `HOST:PORT`.
      processes: their number.
      process: the number of this one, from 0.
    """

    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
          InputError: if something is missing or out of range.
        """
        given = [name for name, value in self._asdict().items() if value is not None]
        if given and len(given) < len(self):
            (first, *_) = [name for name in self._fields if name not in given]
            raise InputError(f"--{given[0]} needs --{first}: the three belong together")
        if self.coordinator is None or self.processes is None or self.process is None:
            return
        host, _, port = self.coordinator.rpartition(":")
        good = bool(host) and port.isdecimal() and 0 < int(port) < 2**16
        check(good, "coordinator", "HOST:PORT", self.coordinator)
        check(self.processes >= 1, "processes", "at least 1", self.processes)
        check(
            0 <= self.process < self.processes,
            "process",
            f"from 0 to {self.processes - 1}",
            self.process,
        )


def several() -> bool:
    """Return whether several processes train together."""
    return jax.process_count() > 1


def is_first() -> bool:
    """Return whether this process prints and writes files."""
    return jax.process_index() == 0


@contextmanager
def joined(meeting: Meeting | None, prog: str) -> Iterator[None]:
    """A context in which this process is one of several.

    A process that fails alone ends at once, so that the others hear of it. So does one that has
    lost another.

    Args:
      meeting: where they meet; `None` for a process alone.
      prog: the name of the command, which starts a line that it prints.

    Yields:
      Nothing.

    Raises:
      InputError: if the processes do not meet within half a minute.
    """
    if meeting is None:
        yield
        return
    meeting.check()
    _connect(meeting, prog)
    try:
        yield
    except AgreedError:
        jax.distributed.shutdown()
        raise
    except jax.errors.JaxRuntimeError as error:
        _end(prog, f"{LOST}: {_first_line(error)}", 1)
    except (InputError, OSError) as error:
        _end(prog, f"error: {error}", 2)
    except KeyboardInterrupt:
        _end(prog, "interrupted", 130)
    jax.distributed.shutdown()  # waits for the others


def _connect(meeting: Meeting, prog: str) -> None:
    """Meet the other processes, or end: JAX itself would abort without a word that helps."""
    where = meeting.coordinator or "that JAX found"
    late = f"error: the processes have not met at coordinator {where} within {PATIENCE} seconds"
    patience = threading.Timer(PATIENCE, _end, (prog, late, 2))
    patience.daemon = True
    patience.start()
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            *meeting,
            initialization_timeout=2 * PATIENCE,
            heartbeat_timeout_seconds=HEARTBEAT,
        )
        jax.process_count()  # which makes the devices known to each other
    except (RuntimeError, ValueError) as error:
        raise InputError(f"the processes cannot meet: {_first_line(error)}") from None
    finally:
        patience.cancel()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _end(prog: str, words: str, status: int) -> None:
    """Say one line and end at once, without waiting for the others."""
    print(f"{prog}: {shortened(words)}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(status)


def told(say: Callable[[], bytes]) -> bytes:
    """Return what the first process says.

    Args:
      say: what it says; called there alone.

    Returns:
      The same bytes in every process.

    Raises:
      AgreedError: if the first process cannot say it.
    """
    if not several():
        return say()
    words, failure = b"", b""
    if is_first():
        try:
            words = say()
        except (InputError, OSError) as error:
            failure = str(error).encode()
    sizes = np.array([len(words), len(failure)], np.int32)
    sizes = np.asarray(multihost_utils.broadcast_one_to_all(sizes))
    text = np.zeros(int(sizes.sum()), np.uint8)
    if is_first():
        text = np.frombuffer(words + failure, np.uint8)
    heard = bytes(np.asarray(multihost_utils.broadcast_one_to_all(text)).astype(np.uint8))
    if sizes[1]:
        raise AgreedError(heard.decode())
    return heard


def told_number(number: int) -> int:
    """Return the first process's number."""
    if not several():
        return number
    return int(multihost_utils.broadcast_one_to_all(np.int32(number)))


def least_number(number: int) -> int:
    """Return the least of the processes' numbers."""
    if not several():
        return number
    return int(np.min(multihost_utils.process_allgather(np.int32(number))))


def any_process(here: bool) -> bool:
    """Return whether something holds in any process."""
    if not several():
        return here
    return bool(np.any(multihost_utils.process_allgather(np.int32(here))))


def on_first(do: Callable[[], Value]) -> Value | None:
    """Do something in the first process alone.

    Args:
      do: what it does.

    Returns:
      What it returns; `None` in the other processes.

    Raises:
      AgreedError: in all processes, if it fails.
    """
    done: list[Value] = []

    def say() -> bytes:
        done.append(do())
        return b"done"

    told(say)
    return done[0] if done else None


def told_tree(tree: Any) -> Any:
    """Return the first process's arrays, to the byte.

    Args:
      tree: arrays and random keys, of the same structure, shapes and types in every process.

    Returns:
      The arrays, on the host.
    """
    if not several():
        return tree
    keys = [_is_key(leaf) for leaf in jax.tree.leaves(tree)]
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(_bare(fetch(tree)))]
    heard, at, found = told(lambda: b"".join(a.tobytes() for a in leaves)), 0, []
    for leaf, is_key in zip(leaves, keys, strict=True):
        array = np.frombuffer(heard, leaf.dtype, leaf.size, at).reshape(leaf.shape)
        at += leaf.nbytes
        key = jax.random.wrap_key_data(jnp.asarray(array), impl="threefry2x32") if is_key else None
        found.append(array if key is None else key)
    return jax.tree.unflatten(jax.tree.structure(tree), found)


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _bare(tree: Any) -> Any:
    """Return a tree with the data of its random keys."""
    return jax.tree.map(lambda a: jax.random.key_data(a) if _is_key(a) else a, tree)


def check_alike(facts: dict[str, Any], what: str) -> None:
    """Refuse processes that differ.

    Args:
      facts: what must be the same in all, anything JSON-able by its name.
      what: what the facts are about, such as "configuration".

    Raises:
      AgreedError: in all processes, if one differs from the first; it names the first difference.
    """
    if not several():
        return
    said = json.loads(told(lambda: json.dumps(facts, default=str).encode()))
    own = json.loads(json.dumps(facts, default=str))
    differing = [name for name in {**said, **own} if said.get(name) != own.get(name)]
    words = ""
    if differing:
        name = differing[0]
        words = (
            f"process {jax.process_index()} has another {what} than process 0:"
            f" {name} is {shown(own.get(name))}, there {shown(said.get(name))}"
        )
    text = np.zeros(500, np.uint8)
    letters = np.frombuffer(words.encode()[: len(text)], np.uint8)
    text[: len(letters)] = letters
    for row in np.asarray(multihost_utils.process_allgather(text)):
        if row.any():
            raise AgreedError(bytes(row.astype(np.uint8)).rstrip(b"\0").decode(errors="replace"))
