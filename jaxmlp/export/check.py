"""Check at once that what was written gives the answers of the run, on examples that are made up.

The examples are drawn from what the network knows of its training part: numbers around the mean,
each category, and gaps where there were some. The difference of a probability is absolute; that of
a number is relative to the deviation of the target in the training part, or to its own distance
from the target's mean where this is larger.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmlp.data.column import Column
from jaxmlp.errors import InputError, check
from jaxmlp.export.description import Description

if TYPE_CHECKING:
    from jaxmlp.runs.network import Network

LARGEST = 1e-5  # difference from the run
EXAMPLES = 256
NODE_SECONDS = 120
FIRST_TIME = datetime(1990, 1, 1)
MINUTES = 20_000_000  # of the times that are made up: 38 years
UNSEEN = "unseen in training"  # a category
GAPS = 0.1  # share of missing cells, where a column had some
Compute = Callable[[Any], np.ndarray]
Differences = dict[str, float]


def examples_for(description: Description, seed: int = 0) -> Any:
    """Return made-up examples: the rows of a table, or an array.

    Args:
      description: the network.
      seed: of the numbers drawn.

    Returns:
      A list of rows, each a mapping; or `(N, *shape)`.
    """
    rng = np.random.default_rng(seed)
    if description.columns is None:
        size = (EXAMPLES, *description.shape)
        picture = len(description.shape) == 3 and not description.precise
        drawn = rng.uniform(size=size) if picture else _spread(rng, size)
        x = description.offset + drawn / description.scale
        return x if description.precise else x.astype(np.float32)
    cells, place = {}, 0
    offsets, scales = (
        np.broadcast_to(a, description.shape[-1:]) for a in (description.offset, description.scale)
    )
    for column in description.columns:
        cells[column["name"]] = _cells(column, rng, offsets[place], scales[place])
        place += len(Column.from_dict(column | {"fill": ()}).input_names)
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _spread(rng: np.random.Generator, size: Any) -> np.ndarray:
    """Draw numbers with mean 0 and longer tails than the normal distribution, up to 5."""
    return np.clip(rng.standard_t(4, size), -5, 5)


def _cells(
    column: dict[str, Any], rng: np.random.Generator, offset: float, scale: float
) -> list[Any]:
    if column["kind"] == "category":
        found = rng.choice([*column["categories"], UNSEEN], EXAMPLES).tolist()
    elif column["kind"] == "time":
        minutes = rng.integers(MINUTES, size=EXAMPLES).tolist()
        found = [FIRST_TIME + timedelta(minutes=count) for count in minutes]
    else:
        found = (offset + _spread(rng, EXAMPLES) / scale).tolist()
    gaps = rng.uniform(size=EXAMPLES) < (GAPS if column["gaps"] else 0)
    return [None if gap else cell for cell, gap in zip(found, gaps, strict=True)]


def answers_of(network: "Network", examples: Any) -> np.ndarray:
    """Return what the run itself says: probabilities, or values `(N, K)`."""
    array = isinstance(examples, np.ndarray)  # in the form of the data set already
    return network.answers(examples if array else network.inputs_of(examples).x)


def difference(description: Description, found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference of two answers.

    Args:
      description: the network; of a regression it has the deviations of the target.
      found: probabilities or values, `(N, K)`.
      wanted: likewise.

    Returns:
      The largest difference of probabilities; of values, relative to the deviation of the target
      in the training part, or to their own distance from its mean where this is larger.
    """
    apart = np.abs(np.asarray(found, np.float64) - wanted)
    if description.target_scale is not None:
        z = (wanted - description.target_offset) * description.target_scale
        apart = apart * description.target_scale / np.maximum(1, np.abs(z))
    return float(np.max(apart))


def check_against_run(
    description: Description, wanted: np.ndarray, examples: Any, engines: dict[str, Compute]
) -> Differences:
    """Compare what engines compute with what the run says.

    Args:
      description: the network.
      wanted: what the run says of the examples, `(N, K)`.
      examples: made up by `examples_for`.
      engines: `examples -> answers`, by their names.

    Returns:
      The largest difference of each engine.

    Raises:
      InputError: if one is above 1e-5, or not finite.
    """
    found = {}
    for name, compute in engines.items():
        found[name] = difference(description, compute(examples), wanted)
        good = found[name] <= LARGEST
        check(
            good,
            f"the largest difference of {name} from the run",
            f"at most {LARGEST}",
            found[name],
        )
    return found


def onnx_inputs(description: Description, examples: Any) -> dict[str, np.ndarray]:
    """Return examples in the form of a graph's inputs: an array for each, by its name.

    Args:
      description: the network.
      examples: the rows of a table, or an array.

    Returns:
      Arrays `(N, 1)` of numbers or texts, or the one array `x`.
    """
    from jaxmlp.export.onnx_graph import input_types
    from jaxmlp.export.runtime import TIME

    types = input_types(description)
    if description.columns is None:
        return {"x": np.asarray(examples).astype(types["x"][0])}
    found: dict[str, np.ndarray] = {}
    for column in description.columns:
        cells = [row[column["name"]] for row in examples]
        if column["kind"] == "category":
            texts = ["" if cell is None else str(cell) for cell in cells]
            found[column["name"]] = np.array(texts, object)[:, None]
        elif column["kind"] == "time":
            times = np.array([*cells], "datetime64[us]")
            gaps = np.isnat(times)
            times[gaps] = 0
            for part in column["parts"]:
                numbers = np.where(gaps, np.nan, TIME[part](times))
                found[f"{column['name']}.{part}"] = numbers[:, None]
        else:
            known = [np.nan if cell is None else cell for cell in cells]
            found[column["name"]] = np.array(known, np.float64)[:, None]
    return found


def onnx_engines(description: Description, content: bytes) -> dict[str, Compute]:
    """Return what can compute a graph of ONNX: the reference, and onnxruntime if it is installed.

    Args:
      description: the network.
      content: the model, serialised.

    Returns:
      `examples -> answers`, by their names.
    """
    from onnx.reference import ReferenceEvaluator

    engines: dict[str, Any] = {"onnx.reference": ReferenceEvaluator(content).run}
    if find_spec("onnxruntime") is not None:
        import onnxruntime

        engines["onnxruntime"] = onnxruntime.InferenceSession(content).run

    def compute(run: Any, examples: Any) -> np.ndarray:
        answers: np.ndarray = run(None, onnx_inputs(description, examples))[-1]
        return answers

    return {name: partial(compute, run) for name, run in engines.items()}


def numpy_engine(source: str) -> dict[str, Compute]:
    """Return the module that was written, as it computes answers."""
    module: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "<exported>", "exec"), module)
    return {"NumPy": module["NETWORK"].answers}


def node_engine(source: str) -> dict[str, Compute]:
    """Return the JavaScript that was written, as Node computes answers; nothing without Node."""
    node = shutil.which("node")

    def compute(examples: Any) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "model.mjs").write_text(source, encoding="utf-8")
            script = Path(folder) / "run.mjs"
            script.write_text(RUN_IN_NODE, encoding="utf-8")
            done = subprocess.run(
                [str(node), str(script)],
                input=json.dumps(_plain(examples), default=datetime.isoformat),
                capture_output=True,
                text=True,
                timeout=NODE_SECONDS,
                check=False,
            )
        if done.returncode:
            raise InputError(f"node cannot run what was written: {done.stderr.strip()[-300:]}")
        return np.array(json.loads(done.stdout))

    return {"JavaScript": compute} if node else {}


RUN_IN_NODE = """
import { readFileSync } from "node:fs";
import { answers } from "./model.mjs";
console.log(JSON.stringify(answers(JSON.parse(readFileSync(0, "utf8")))));
"""


def _plain(examples: Any) -> Any:
    return examples.tolist() if isinstance(examples, np.ndarray) else examples


def engines_of(description: Description, kind: str, content: bytes) -> dict[str, Compute]:
    """Return what can compute a file that was written.

    Args:
      description: the network.
      kind: `onnx`, `numpy` or `javascript`.
      content: of the file.

    Returns:
      `examples -> answers`, by their names; nothing where none is installed.
    """
    if kind == "onnx":
        return onnx_engines(description, content)
    return {"numpy": numpy_engine, "javascript": node_engine}[kind](content.decode())
