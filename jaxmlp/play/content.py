"""What goes into the page: data sets, a trained network, and the names that the options take."""

import base64
from typing import Any

import numpy as np

from jaxmlp import __version__
from jaxmlp.data import Dataset, Preprocessing
from jaxmlp.data import load as load_data
from jaxmlp.data.toys import CURVES, GATES, POINTS, SEED, TEST_SIZE, TRAIN_SIZE

TITLES = {
    "moons": "Moons",
    "circles": "Circles",
    "spirals": "Spirals",
    "xor": "XOR",
    "and": "AND",
    "or": "OR",
    "sine": "Sine",
    "sawtooth": "Sawtooth",
    "digits": "Digits, 8 x 8",
}
NOISE = {"moons": 0.1, "circles": 0.1, "spirals": 0.05}


def packed(array: np.ndarray) -> dict[str, Any]:
    """Return an array as `jaxmlp.decode` of the page reads it: type, shape and base64."""
    kind = array.dtype.newbyteorder("<")
    data = base64.b64encode(np.ascontiguousarray(array, kind).tobytes()).decode("ascii")
    return {"type": f"{kind.kind}{kind.itemsize}", "shape": list(array.shape), "data": data}


def default_content() -> dict[str, Any]:
    """Return the content of a page without options: all toys, and the digits."""
    names = [*POINTS, *GATES, *CURVES, "digits"]
    return {
        "version": __version__,
        "datasets": [dataset_record(load_data(name)) for name in names],
        "run": None,
    }


def dataset_record(data: Dataset) -> dict[str, Any]:
    """Return a data set as the page holds it."""
    x = data.x_train
    picture = x.shape[1:3] if x.ndim == 4 else None
    flat = [part.reshape(len(part), -1) for part in (x, data.x_test)]
    toy = data.name in POINTS
    scaling = Preprocessing.fit("auto", x)
    values = Preprocessing.fit("zscore", data.y_train) if data.task == "regression" else None
    targets = [
        y.astype(np.int32) if values is None else values(y.astype(np.float64))
        for y in (data.y_train, data.y_test)
    ]
    parts = [
        {"x": packed(x), "z": None, "y": packed(y)} for x, y in zip(flat, targets, strict=True)
    ]
    if toy:
        parts = [
            part | {"x": packed(x), "z": packed(z)}
            for part, (x, z) in zip(parts, _clean(data.name), strict=True)
        ]
    return {
        "name": data.name,
        "title": TITLES.get(data.name, data.name),
        "kind": "pictures" if picture else "points" if flat[0].shape[1] <= 2 else "table",
        "argument": data.name,
        "inputs": flat[0].shape[1],
        "columns": None,
        "picture": picture and list(picture),
        "task": data.task,
        "classes": list(data.classes),
        "noise": NOISE.get(data.name),
        "preprocessing": _scaling(scaling),
        "target_preprocessing": values and _scaling(values),
        "parts": parts,
    }


def _scaling(scaling: Preprocessing) -> dict[str, Any]:
    record = scaling.to_dict()
    return {
        "kind": record["kind"],
        "offset": np.ravel(record["offset"]).tolist(),
        "scale": np.ravel(record["scale"]).tolist(),
        "bend": scaling.bend,
    }


def _clean(name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the points of each part of a toy without noise, and its noise divided by its size."""
    drawn = []
    for noise in (0.0, 1.0):
        rng = np.random.default_rng(SEED)
        drawn.append([POINTS[name](n, rng, noise)[0] for n in (TRAIN_SIZE, TEST_SIZE)])
    return [
        (clean.astype(np.float32), (noisy - clean).astype(np.float32))
        for clean, noisy in zip(*drawn, strict=True)
    ]
