"""Keep compiled programs between runs, so that the second start is faster than the first.

JAX finds a program by its text and options. The name of the folder adds the versions and the
processor, because a program holds instructions of the machine that compiled it.

A process that is killed while it writes, or a full disk, leaves a damaged entry. JAX compiles such
a program again, but it neither replaces the entry nor ceases to warn of it.
"""

import contextlib
import glob
import hashlib
import os
import platform
import re
import shutil
import sys
import warnings
import zlib
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import Any


def remember_compilations() -> None:
    """Let JAX keep and reuse compiled programs in the user's cache folder.

    This sets JAX's environment variables, so it must run before JAX is imported. A variable that
    the user has set, such as `JAX_COMPILATION_CACHE_DIR`, keeps its value. If the folder cannot be
    written, JAX compiles everything again in every run.
    """
    _mend_damaged_entries()
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # it cannot be written, or there is no home folder
        return  # the command works without a cache
    if os.access(folder, os.W_OK):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


TROUBLE = "Error (?:reading|writing) persistent compilation cache entry for '(.+?)'"  # as JAX says
ZSTANDARD = b"\x28\xb5\x2f\xfd"  # the start of an entry, if Python has this compression


class _Mender:
    """What shows warnings; it deletes an entry that JAX warns of, and JAX writes it anew."""

    def __init__(self, usual: Callable[..., None]) -> None:
        self._usual = usual

    def __call__(self, message: Warning | str, *where: Any, **more: Any) -> None:
        trouble = re.match(TROUBLE, str(message))
        if trouble is None:
            self._usual(message, *where, **more)
        elif folder := os.environ.get("JAX_COMPILATION_CACHE_DIR"):
            _delete_damaged(Path(folder), trouble[1])


def _mend_damaged_entries() -> None:
    if not isinstance(warnings.showwarning, _Mender):
        warnings.showwarning = _Mender(warnings.showwarning)
        warnings.filterwarnings("always", TROUBLE)  # also the second time


def _delete_damaged(folder: Path, program: str) -> None:
    """Delete the entries of a program that are not whole, or all if JAX has another complaint.

    The warning does not say which entry it means, and a program of this name has one entry for each
    shape of its arguments.
    """
    entries = [*folder.glob(f"{glob.escape(program)}-*-cache")]
    for entry in [entry for entry in entries if not _is_whole(entry)] or entries:
        with contextlib.suppress(OSError):  # such as a disk that has become read-only
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _is_whole(entry: Path) -> bool:
    """Return whether an entry can be unpacked; its checksum shows every damage."""
    try:
        content = entry.read_bytes()
        if not content.startswith(ZSTANDARD):
            return bool(zlib.decompress(content))
        library = import_module("compression.zstd" if sys.version_info >= (3, 14) else "zstandard")
    except (OSError, zlib.error, ImportError):
        return False
    try:
        return bool(library.decompress(content))
    except library.ZstdError:
        return False


def spread_over_cores() -> None:
    """Let JAX use each core of the processor as a device, so that each run has its own core.

    This sets `XLA_FLAGS`. It does nothing if JAX is already imported, or if the user has chosen a
    number of host devices.
    """
    option, flags = "--xla_force_host_platform_device_count", os.environ.get("XLA_FLAGS", "")
    if option not in flags and "jax" not in sys.modules:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        os.environ["XLA_FLAGS"] = f"{flags} {option}={cores or 1}".strip()


def cache_folder() -> Path:
    """Return the folder for programs of these versions on this processor."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    root = root if os.path.isabs(root) else str(Path.home() / ".cache")  # as the standard says
    versions = f"jax-{metadata.version('jax')}-jaxlib-{metadata.version('jaxlib')}"
    return Path(root) / "jaxmlp" / "compiled" / f"{versions}-{_processor()}"


def _processor() -> str:
    """Return a short name for the processor and the instructions that it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = [platform.processor()]
    telling = sorted(
        {line for line in lines if line.startswith(("flags", "Features", "model name"))}
    )
    digest = hashlib.sha256("\n".join(telling or lines).encode()).hexdigest()
    return f"{platform.machine()}-{digest[:12]}"
