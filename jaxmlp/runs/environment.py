"""What numbers depend on besides the recipe: versions and the device."""

import os
import platform
from importlib import metadata
from typing import Any

import jax

from jaxmlp import __version__


def versions() -> dict[str, str]:
    """Return the versions that numbers depend on."""
    packages = ("jax", "jaxlib", "numpy", "optax")
    found = {name: metadata.version(name) for name in packages}
    return {"jaxmlp": __version__, "python": platform.python_version(), **found}


def device() -> dict[str, Any]:
    """Return what the run was computed on."""
    first = jax.devices()[0]
    return {
        "platform": first.platform,
        "kind": first.device_kind,
        "devices": jax.device_count(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
