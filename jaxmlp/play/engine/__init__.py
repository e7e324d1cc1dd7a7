"""The arithmetic of the page: plain scripts in a fixed order, which become one global object."""

from pathlib import Path

SCRIPTS = (  # a script may use what stands in those before it
    "arrays",
    "random",
    "activations",
    "losses",
    "initializers",
    "network",
    "descent",
    "adaptive",
    "younger",
    "optimizers",
    "schedules",
    "training",
    "data",
    "trained",
    "command",
)


def engine() -> str:
    """Return the scripts as one, which defines `jaxmlp` and no other name."""
    folder = Path(__file__).parent
    text = "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return f'const jaxmlp = (() => {{\n"use strict";\n{text}\nreturn jaxmlp;\n}})();\n'
