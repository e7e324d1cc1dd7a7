"""The device, its driver and the versions, as JAX sees them."""

import shutil
import subprocess
from importlib import metadata
from typing import Any

import jax
import jax.extend.backend

from experiments.accelerator.plan import Notes, Plan

QUERIES = {  # what tells the driver's version, where it is installed
    "nvidia-smi": ("--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"),
    "rocm-smi": ("--showproductname", "--showdriverversion", "--csv"),
}
OF_DEVICES = ("plugin", "pjrt", "libtpu", "nvidia-", "pytest", "beartype")  # parts of names


def describe(plan: Plan, notes: Notes) -> None:
    """Note the devices, the driver and the versions."""
    first, backend = jax.devices()[0], jax.extend.backend.get_backend()
    notes.keep(
        platform=platform_of(first.platform, backend.platform_version),
        kind=first.device_kind,
        devices=[str(device) for device in jax.devices()],
        platform_version=backend.platform_version,
        memory_bytes=_memory(first),
        driver={name: said for name, line in QUERIES.items() if (said := _said(name, line))},
        packages=_packages(),
    )


def platform_of(platform: str, version: str) -> str:
    """Return the platform in the words of `JAX_PLATFORMS`, where a GPU is `cuda` or `rocm`."""
    if platform != "gpu":
        return platform
    return "rocm" if "rocm" in version.lower() else "cuda"


def _memory(device: Any) -> int | None:
    found = device.memory_stats()  # a processor has none
    return None if found is None else found.get("bytes_limit")


def _said(program: str, arguments: tuple[str, ...]) -> list[str]:
    """Return the lines that a program of the driver prints, none if it is not installed."""
    if shutil.which(program) is None:
        return []
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30)
    return (done.stdout + done.stderr).strip().splitlines()


def _packages() -> dict[str, str]:
    """Return the versions of JAX's plugins and of NVIDIA's libraries."""
    found = {each.name: each.version for each in metadata.distributions()}
    return {name: found[name] for name in sorted(found) if any(part in name for part in OF_DEVICES)}
