"""Keeping compiled programs between runs, so that the second start is quicker than the first.

JAX keys the programs by their text and options; here their folder is keyed by the versions and the
processor as well, since a program holds the instructions of the machine it was compiled on.
"""

import hashlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path


def remember_compilations() -> None:
    """Let JAX keep and reuse compiled programs, in the user's cache folder.

    Works by JAX's own environment variables, so it must come before JAX is imported, and whoever
    has set `JAX_COMPILATION_CACHE_DIR` keeps the last word. A folder that cannot be written is left
    alone, and everything is compiled anew.
    """
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # not writable, or nobody's home is known
        return  # a cache is a convenience
    if os.access(folder, os.W_OK):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def spread_over_cores() -> None:
    """Let JAX see each core of the processor as a device of its own, so that runs share none.

    Works by `XLA_FLAGS`, so it must come before JAX is imported, and does nothing after; whoever
    has chosen a number of host devices keeps the last word.
    """
    option, flags = "--xla_force_host_platform_device_count", os.environ.get("XLA_FLAGS", "")
    if option not in flags and "jax" not in sys.modules:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        os.environ["XLA_FLAGS"] = f"{flags} {option}={cores or 1}".strip()


def cache_folder() -> Path:
    """Return the folder for the programs of these versions on this processor."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    versions = f"jax-{metadata.version('jax')}-jaxlib-{metadata.version('jaxlib')}"
    return Path(root) / "jaxmlp" / "compiled" / f"{versions}-{_processor()}"


def _processor() -> str:
    """Return a short name for the machine and the instructions it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = [platform.processor()]
    telling = sorted(
        {line for line in lines if line.startswith(("flags", "Features", "model name"))}
    )
    digest = hashlib.sha256("\n".join(telling or lines).encode()).hexdigest()
    return f"{platform.machine()}-{digest[:12]}"
