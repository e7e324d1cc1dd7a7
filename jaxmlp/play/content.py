"""What goes into the page: data sets as `jaxmlp.train` prepares them, and a trained network.

The page reads it as JSON. An array is `{type, shape, data}` with its bytes as base64, which
`jaxmlp.decode` of the page turns into numbers again.
"""

import base64
import inspect
from pathlib import Path
from typing import Any

import numpy as np

from jaxmlp import __version__
from jaxmlp.config.complete import complete
from jaxmlp.config.data_options import ABOUT_DATA
from jaxmlp.config.options import Config
from jaxmlp.config.problem import signature_of
from jaxmlp.config.signature import Signature
from jaxmlp.data import Columns, Dataset, Preprocessing
from jaxmlp.data.toys import CURVES, GATES, POINTS, SEED, TEST_SIZE, TRAIN_SIZE
from jaxmlp.errors import InputError, check
from jaxmlp.play.columns import proposal
from jaxmlp.runs.data import load_data

TABLES = ("iris", "wine")
USUAL = (*POINTS, *GATES, *CURVES, *TABLES, "digits")  # what every page has
TITLES = {name: name.upper() for name in GATES} | {"digits": "Digits, 8 x 8"}
TITLES |= {name: name.capitalize() for name in (*POINTS, *CURVES, *TABLES)}
MOST_INPUTS = 16  # of a table
MOST_PIXELS = 1024  # of a picture
MOST_BYTES = 1_500_000  # of the inputs of a data set; of more examples, a part is drawn
MOST_CLASSES = 20  # classes, labels or values of a data set


def packed(array: np.ndarray) -> dict[str, Any]:
    """Return an array as the page reads it: type, shape, and its bytes as base64."""
    kind = array.dtype.newbyteorder("<")
    data = base64.b64encode(np.ascontiguousarray(array, kind).tobytes()).decode("ascii")
    return {"type": f"{kind.kind}{kind.itemsize}", "shape": list(array.shape), "data": data}


def scaling_record(scaling: Preprocessing) -> dict[str, Any]:
    """Return a scaling as the page applies it."""
    flat = {name: np.ravel(getattr(scaling, name)).tolist() for name in ("offset", "scale")}
    return {"kind": scaling.kind, **flat, "bend": scaling.bend}


def content_of(
    first: dict[str, Any] | None = None, run: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the content of a page.

    Args:
      first: the record of a data set that stands before the usual ones.
      run: the record of a trained network.

    Returns:
      What JSON can say.
    """
    records = [] if first is None else [first]
    known = {record["name"] for record in records}
    for name in USUAL:
        if name not in known:
            config = Config(dataset=name)
            records.append(dataset_record(config, load_data(config)))
    return {"version": __version__, "datasets": records, "run": run}


def dataset_record(
    config: Config, dataset: Dataset, signature: Signature | None = None, as_file: bool = False
) -> dict[str, Any]:
    """Return a data set as the page holds it, scaled by `jaxmlp.train`'s own rules.

    Args:
      config: names the data, and says how they are read.
      dataset: the data.
      signature: of a network that was trained on them, if its scaling is to be kept.
      as_file: whether `jaxmlp.train` cannot be told to take these inputs, and needs a file of them.

    Returns:
      What JSON can say: the names of inputs and classes, the scaling, and two parts, for training
      and for the test, each with inputs as the data set has them, and targets. Of many examples a
      part is drawn at random; `whole` has the numbers of all.

    Raises:
      InputError: if the data have too many inputs or classes for a page.
    """
    picture = _picture_of(dataset)
    columns = None if dataset.columns is None else Columns.from_dict(dataset.columns)
    width = int(np.prod(dataset.input_shape))
    check_size(dataset, width, picture is not None)
    if signature is None:
        recipe = complete(Config(dataset=config.dataset, valid_size=0), dataset)
        signature = signature_of(recipe, dataset, np.arange(len(dataset.x_train)))
    target = signature.target_preprocessing
    return {
        "name": without_folder(dataset.name),
        "title": TITLES.get(dataset.name, without_folder(dataset.name)),
        "kind": "pictures" if picture else "points" if width <= 2 else "table",
        "options": options_of(config),
        "as_file": as_file,
        "inputs": width,
        "columns": list(columns.input_names) if columns else None,
        "picture": picture,
        "task": dataset.task,
        "classes": list(dataset.classes),
        "noise": noise_of(dataset.name),
        "preprocessing": scaling_record(signature.preprocessing),
        "target_preprocessing": target and scaling_record(target),
        "whole": [len(dataset.x_train), len(dataset.x_test)],
        "parts": _parts(dataset, target),
    }


def options_of(config: Config) -> dict[str, Any]:
    """Return the options about the data that were given, as the page's command repeats them."""
    told = {name: getattr(config, name) for name in ABOUT_DATA}
    told = {name: value for name, value in told.items() if value != getattr(Config(), name)}
    told = {"dataset": config.dataset, **told}
    told |= {name: without_folder(told[name]) for name in ("dataset", "test") if name in told}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in told.items()}


def without_folder(name: str) -> str:
    """Return the name of a data set; of a file, without the folder in which its owner keeps it."""
    return name if name.startswith("tfds:") else Path(name).name


def noise_of(name: str) -> float | None:
    """Return the usual noise of a toy; `None` for what has no noise to change."""
    if name not in POINTS:
        return None
    return float(inspect.signature(POINTS[name]).parameters["noise"].default)


def _parts(dataset: Dataset, target: Preprocessing | None) -> list[dict[str, Any]]:
    """Return both parts: inputs before scaling, targets as labels or scaled numbers."""
    parts = []
    drawn = _clean_points(dataset.name) if dataset.name in POINTS else [None, None]
    xs, ys = (dataset.x_train, dataset.x_test), (dataset.y_train, dataset.y_test)
    share = min(1.0, MOST_BYTES / sum(x.nbytes for x in xs))
    for x, y, toy in zip(xs, ys, drawn, strict=True):
        if share < 1:
            rows = np.random.default_rng(SEED).permutation(len(x))[: max(1, int(share * len(x)))]
            x, y = x[np.sort(rows)], y[np.sort(rows)]
        clean, noise = (x.reshape(len(x), -1), None) if toy is None else toy
        labels = y.ndim == 1
        y = y.astype(np.int32) if labels else y.astype(np.float64)
        y = y if target is None else target(y)
        parts.append({"x": packed(clean), "z": noise, "y": packed(y)})
    return parts


def _clean_points(name: str) -> list[Any]:
    """Return the points of each part of a toy without noise, and its noise divided by its size."""
    drawn = []
    for noise in (0.0, 1.0):
        rng = np.random.default_rng(SEED)
        drawn.append([POINTS[name](n, rng, noise)[0] for n in (TRAIN_SIZE, TEST_SIZE)])
    return [
        (clean.astype(np.float32), packed((noisy - clean).astype(np.float32)))
        for clean, noisy in zip(*drawn, strict=True)
    ]


def _picture_of(dataset: Dataset) -> list[int] | None:
    """Return height and width of pictures; `None` for what is no picture."""
    shape = dataset.input_shape
    if len(shape) == 1:
        return None
    words = "vectors, or pictures with one channel"
    check(len(shape) == 3 and shape[2] == 1, f"the examples of {dataset.name}", words, shape)
    return [int(size) for size in shape[:2]]


def check_size(dataset: Dataset, width: int, picture: bool) -> None:
    """Refuse data that are too large for a page.

    Args:
      dataset: the data.
      width: the number of inputs.
      picture: whether the inputs are pixels.

    Raises:
      InputError: if there are too many inputs or classes; names the limit. Of a table it names
        columns to choose.
    """
    name = dataset.name
    if picture:
        most = f"at most {MOST_PIXELS:,} for the page"
        check(width <= MOST_PIXELS, f"the pixels of a picture of {name}", most, width)
    elif width > MOST_INPUTS:
        raise InputError(
            f"{name} has {width} inputs, and the page takes at most {MOST_INPUTS}"
            f"{proposal(dataset)}"
        )
    many = len(dataset.classes)
    kind = "values" if dataset.task == "regression" else "classes"
    most = f"at most {MOST_CLASSES} for the page"
    check(many <= MOST_CLASSES, f"the number of {kind} of {name}", most, many)
