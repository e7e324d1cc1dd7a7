"""A trained network as a module of Python that needs NumPy alone, and as a module of JavaScript.

Both are a file of this folder, the runtime, followed by the record of the operations and their
parameters. Names of columns and classes stand in literals only, never in code or comments.
"""

import json
from pathlib import Path
from pprint import pformat

from jaxmlp.export.description import Description

HERE = Path(__file__).parent
WIDTH = 100  # letters of a line


def numpy_source(description: Description) -> str:
    """Return a module of Python that computes a network with NumPy alone.

    Args:
      description: the network.

    Returns:
      The source: `predict`, `predict_proba`, `answers` and `classes`.
    """
    plain, weights = description.to_plain()
    runtime = (HERE / "runtime.py").read_text(encoding="utf-8")
    return (
        f"{runtime}\n\nMODEL: dict[str, Any] = {pformat(plain, width=WIDTH, sort_dicts=False)}\n"
        f'WEIGHTS = """\n{weights}\n"""\n'
        "NETWORK = Network(MODEL, WEIGHTS)\n"
        "predict, predict_proba = NETWORK.predict, NETWORK.predict_proba\n"
        "answers, classes = NETWORK.answers, NETWORK.classes\n"
    )


def javascript_source(description: Description) -> str:
    """Return a module of JavaScript that computes a network.

    Args:
      description: the network.

    Returns:
      The source, which exports `predict`, `predictProba`, `answers` and `classes`.
    """
    plain, weights = description.to_plain()
    runtime = (HERE / "runtime.js").read_text(encoding="utf-8")
    return (
        f"{runtime}\nconst MODEL = {json.dumps(plain, allow_nan=False, indent=1)};\n"
        f"const WEIGHTS = `\n{weights}\n`;\n"
        "export const { predict, predictProba, answers, classes } = network(MODEL, WEIGHTS);\n"
    )
