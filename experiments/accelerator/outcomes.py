"""A plugin of pytest that writes each test's outcome to a file as soon as it is known.

The file is named by `ACCELERATOR_OUTCOMES`. Each line is a JSON object: the test, its outcome, the
device on which JAX computes in its process, and the first line of its error.
"""

import json
import os
from typing import Any

import jax
import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note the device in the process that runs the test."""
    item.user_properties.append(("device", str(jax.devices()[0])))


def pytest_configure(config: pytest.Config) -> None:
    """Write outcomes in the process that collects them from all others."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Writer(os.environ["ACCELERATOR_OUTCOMES"]))


class _Writer:
    def __init__(self, file: str) -> None:
        self._file = file

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when != "call" and report.passed:
            return
        crash = getattr(report.longrepr, "reprcrash", None)
        message = str(crash.message if crash else report.longrepr or "")
        line = {
            "test": report.nodeid,
            "outcome": report.outcome,
            "device": dict(report.user_properties).get("device"),
            "message": message.strip().partition("\n")[0][:500],
        }
        with open(self._file, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
