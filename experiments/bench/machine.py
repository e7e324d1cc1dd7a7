"""A description of the machine, made without importing any of the libraries."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")
SHORT = ("avx512_bf16", "amx_bf16", "bf16", "svebf16")  # x86's names, then those of ARM
PACKAGES = ("jax", "jaxlib", "numpy", "optax", "scikit-learn", "torch", "keras", "flax", "equinox")


def machine() -> dict[str, Any]:
    """Return the processor, its cores, the memory and the versions of the libraries.

    `bfloat16` holds the instructions of the processor for products in bfloat16, without which mixed
    precision gains nothing. It is `None` where the system does not tell.
    """
    info = CPUINFO.read_text(encoding="utf-8") if CPUINFO.exists() else ""
    return {
        "processor": _processor(info),
        "bfloat16": short_products(info) if info else None,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cores(),
        "gigabytes": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _cores() -> int:
    return os.cpu_count() or 1


def _processor(info: str) -> str:
    named = _values(info, "model name")
    return named[0] if named else platform.processor() or platform.machine()


def short_products(info: str) -> list[str]:
    """Return the instructions for products in bfloat16 that a text like `/proc/cpuinfo` lists."""
    listed = {word for line in _values(info, "flags", "Features") for word in line.split()}
    return [name for name in SHORT if name in listed]


def _values(info: str, *keys: str) -> list[str]:
    """Return the values of the lines `key: value` with one of these keys."""
    pairs = (line.partition(":") for line in info.splitlines())
    return [value.strip() for key, _, value in pairs if key.strip() in keys]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
