"""Keep compiled programs between runs, so that the second start is faster than the first.

JAX finds a program by its text and options. The name of the folder adds the versions and the
processor, because a program holds instructions of the machine that compiled it.
"""

import hashlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path


def remember_compilations() -> None:
    """Let JAX keep and reuse compiled programs in the user's cache folder.

    This sets JAX's environment variables, so it must run before JAX is imported. A variable that
    the user has set, such as `JAX_COMPILATION_CACHE_DIR`, keeps its value. If the folder cannot be
    written, JAX compiles everything again in every run.
    """
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # it cannot be written, or there is no home folder
        return  # the command works without a cache
    if os.access(folder, os.W_OK):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


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
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
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
