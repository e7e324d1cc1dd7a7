"""A trained network that needs NumPy alone.

    import model                                 # this file, whatever its name is
    model.predict([{"age": 41, "town": "Bern"}])   # a table: a list of rows, or a data frame
    model.predict_proba(x)                       # or an array, a batch of examples (N, ...)

`predict` returns the names of the classes `(N,)`, for labels whether each applies `(N, labels)`,
for numbers the values. `predict_proba` returns the probabilities of `classes`, in their order. A
number that is missing is None, NaN or an empty text; so is a category, and an unseen one is none of
those known. A time is an ISO text such as 2024-05-17T09:30 or a datetime.
"""

import base64
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

DAY = np.timedelta64(1, "D")


class Network:
    """A trained network.

    Args:
      model: the record of its operations.
      weights: their parameters in base64.
    """

    def __init__(self, model: dict[str, Any], weights: str) -> None:
        self.model = model
        self.classes = tuple(model["classes"])
        self._weights = np.frombuffer(base64.b64decode(weights), "<" + model["weights"])

    def predict(self, inputs: Any) -> np.ndarray:
        """Return the class of each example, whether each label applies, or the values."""
        found = self.answers(inputs)
        if self.model["task"] == "regression":
            return found[:, 0] if found.shape[1] == 1 else found
        if self.model["task"] == "multilabel":
            return found > 0.5
        if len(self.classes) == 2:
            best = (found[:, 1] > self.model["threshold"]).astype(int)
        else:
            best = found.argmax(axis=1)
        return np.array(self.classes)[best]

    def predict_proba(self, inputs: Any) -> np.ndarray:
        """Return the probability of each class, or of each label, `(N, classes)`."""
        if self.model["task"] == "regression":
            raise ValueError("predict_proba is for classes, and this network predicts numbers")
        return self.answers(inputs)

    def answers(self, inputs: Any) -> np.ndarray:
        """Return probabilities of classes or labels, or values, `(N, K)`."""
        steps = [self._with_arrays(step) for step in self.model["steps"]]
        x = _after(self._scaled(self._encoded(inputs)), steps)
        return ANSWERS[self.model["answer"]](
            x / x.dtype.type(self.model["temperature"]), self.model
        )

    def _encoded(self, inputs: Any) -> np.ndarray:
        columns, shape = self.model["columns"], tuple(self.model["shape"])
        if columns is None:
            x = np.asarray(inputs)
            if x.shape[1:] != shape and x[0].size != math.prod(shape):
                raise ValueError(f"inputs must be of shape (N, *{shape}), got {x.shape}")
            return x.reshape(-1, *shape)
        rows = list(_rows(inputs))
        markers = self.model["markers"]
        parts = [part for column in columns for part in _inputs_of(column, rows, markers)]
        return np.stack(parts, axis=1).reshape(-1, *shape)

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        kind: Any = np.float64 if self.model["precise"] else np.float32
        offset, scale = (np.array(self.model[name], kind) for name in ("offset", "scale"))
        ready: np.ndarray = (x.astype(kind) - offset) * scale
        if self.model["bend"] is not None:
            ready = ready.clip(-1e9, 1e9)  # whose square is finite
            ready = ready / (1 + (ready / self.model["bend"]) ** 2) ** 0.5
        return ready.astype(self._weights.dtype)

    def _with_arrays(self, step: dict[str, Any]) -> dict[str, Any]:
        """Return a step with its arrays in place of where they lie."""
        found = dict(step)
        for name in ("W", "b", "gamma", "beta", "alpha"):
            if isinstance(step.get(name), list):
                start, shape = step[name]
                found[name] = self._weights[start : start + math.prod(shape)].reshape(shape)
        each = step.get("members", [])
        return found | {"members": [[self._with_arrays(s) for s in member] for member in each]}


def _rows(table: Any) -> Any:
    """Return the rows of a list of rows, of a data frame, or of columns by their names."""
    if hasattr(table, "to_dict") and hasattr(table, "iloc"):  # pandas
        return table.to_dict("records")
    if hasattr(table, "to_dicts"):  # polars
        return table.to_dicts()
    if isinstance(table, dict):
        return [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]
    return table


def _inputs_of(column: dict[str, Any], rows: list[Any], markers: list[str]) -> list[np.ndarray]:
    """Return the inputs that a column becomes, each `(N,)`."""
    name = column["name"]
    for number, row in enumerate(rows, 1):
        if name not in row:
            raise ValueError(f"row {number} needs the column {name!r}")
    cells = [row[name] for row in rows]
    gaps = np.array([_is_missing(cell, markers) for cell in cells])
    if column["kind"] != "category" and column["fill"] is None and gaps.any():
        raise ValueError(f"row {gaps.argmax() + 1}: the column {name!r} must have a value")
    found: list[np.ndarray] = COLUMNS[column["kind"]](column, cells, gaps)
    return [*found, gaps.astype(np.float64)] if column["gaps"] else found


def _is_missing(cell: Any, markers: list[str]) -> bool:
    return (
        cell is None or cell != cell or (isinstance(cell, str) and cell.strip().lower() in markers)
    )


def _number(column: dict[str, Any], cells: list[Any], gaps: np.ndarray) -> list[np.ndarray]:
    pairs = zip(cells, gaps, strict=True)
    return [np.array([column["fill"] if gap else float(cell) for cell, gap in pairs], np.float64)]


def _category(column: dict[str, Any], cells: list[Any], gaps: np.ndarray) -> list[np.ndarray]:
    pairs = list(zip(cells, gaps, strict=True))
    return [
        np.array([not gap and _text(cell) == _like(cell, value) for cell, gap in pairs], np.float64)
        for value in column["categories"]
    ]


def _text(cell: Any) -> str:
    """Return a cell as a training table has it: true for a boolean, 3 for 3.0."""
    if isinstance(cell, (bool, np.bool_)):
        return str(bool(cell)).lower()
    whole = isinstance(cell, (float, np.floating)) and math.isfinite(cell) and cell == int(cell)
    return str(int(cell)) if whole else str(cell).strip()


def _like(cell: Any, value: str) -> str:
    """Return a category for the comparison with a cell; `True` and `true` are one boolean."""
    return value.lower() if isinstance(cell, (bool, np.bool_)) else value


def _time(column: dict[str, Any], cells: list[Any], gaps: np.ndarray) -> list[np.ndarray]:
    moments = [0 if gap else _moment(cell) for cell, gap in zip(cells, gaps, strict=True)]
    times = np.array(moments, "datetime64[us]")
    parts = column["parts"]
    return [np.where(gaps, column["fill"][p], TIME[p](times)).astype(np.float64) for p in parts]


def _moment(cell: Any) -> np.datetime64:
    """Return an ISO text or a datetime as a moment in UTC."""
    cell = datetime.fromisoformat(cell.strip()) if isinstance(cell, str) else cell
    if isinstance(cell, datetime) and cell.tzinfo is not None:
        cell = cell.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(cell, "us")


def _days(times: np.ndarray) -> np.ndarray:
    return times.astype("datetime64[D]").astype(int)


COLUMNS = {"number": _number, "category": _category, "time": _time}
TIME = {
    "days": lambda t: (t - np.datetime64(0, "us")) / DAY,  # since 1970
    "year": lambda t: t.astype("datetime64[Y]").astype(int) + 1970,
    "month": lambda t: t.astype("datetime64[M]").astype(int) % 12 + 1,
    "weekday": lambda t: (_days(t) + 3) % 7,  # Monday is 0, and the first of January 1970 was 3
    "hour": lambda t: (t - t.astype("datetime64[D]")) / np.timedelta64(1, "h"),
}


def _after(x: np.ndarray, steps: list[dict[str, Any]]) -> np.ndarray:
    """Return what the operations make of `x`."""
    for step in steps:
        x = OPERATIONS[step["op"]](x, step)
    return x


def _dense(x: np.ndarray, step: dict[str, Any]) -> np.ndarray:
    z = x @ step["W"]
    return z + step["b"] if "b" in step else z


def _convolution(x: np.ndarray, step: dict[str, Any]) -> np.ndarray:
    """Return the sum over the cells of the window, each a product of pixels and channels."""
    W, groups = step["W"], step["groups"]
    out = W.shape[-1] // groups
    outputs = []
    for g in range(groups):
        part = x[..., g * W.shape[2] : (g + 1) * W.shape[2]]
        kernel = W[..., g * out : (g + 1) * out]
        outputs.append(sum(pixels @ kernel[cell] for cell, pixels in _cells(part, step, 0.0)))
    y = np.concatenate(outputs, axis=-1)
    return y + step["b"] if "b" in step else y


def _max_pool(x: np.ndarray, step: dict[str, Any]) -> np.ndarray:
    return np.max([pixels for _, pixels in _cells(x, step, -np.inf)], axis=0)


def _average_pool(x: np.ndarray, step: dict[str, Any]) -> np.ndarray:
    total = sum(pixels for _, pixels in _cells(x, step, 0.0))
    return total / sum(pixels for _, pixels in _cells(np.ones_like(x), step, 0.0))


def _cells(x: np.ndarray, step: dict[str, Any], outside: float) -> Any:
    """Yield each cell of the windows, with its pixel in every window, `(N, I, J, C)`."""
    margins = [(0, 0), *map(tuple, step["margins"]), (0, 0)]
    framed = np.pad(x, margins, constant_values=outside)
    axes = list(zip(step["window"], step["stride"], step["dilation"], strict=True))
    reach = [(k - 1) * d + 1 for k, _, d in axes]
    ends = [
        (size - r) // s * s + 1
        for size, r, (_, s, _) in zip(framed.shape[1:], reach, axes, strict=False)
    ]
    (rows, s, d), (columns, t, e) = axes
    for u in range(rows):
        for v in range(columns):
            yield (u, v), framed[:, u * d : u * d + ends[0] : s, v * e : v * e + ends[1] : t]


def _layer_norm(x: np.ndarray, step: dict[str, Any]) -> np.ndarray:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    epsilon = x.dtype.type(step["epsilon"])
    return step["gamma"] * (centred / np.sqrt(variance + epsilon)) + step["beta"]


def _ensemble(x: np.ndarray, step: dict[str, Any]) -> np.ndarray:
    return MIXES[step["mix"]](np.stack([_after(x, member) for member in step["members"]]))


def _log_mean_exp(log_p: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.logaddexp.reduce(log_p, axis=0) - math.log(len(log_p))
    return found


def _log_softmax(z: np.ndarray) -> np.ndarray:
    found: np.ndarray = z - np.logaddexp.reduce(z, axis=-1, keepdims=True)
    return found


def _sigmoid(z: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(z))  # never overflows
    return np.where(z >= 0, 1, small) / (1 + small)


def _gelu(z: np.ndarray) -> np.ndarray:
    erfc = np.vectorize(math.erfc, otypes=[z.dtype])
    return z * erfc(-z / math.sqrt(2)) / 2


def _softmax(z: np.ndarray, _: Any = None) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _two_classes(z: np.ndarray, _: Any = None) -> np.ndarray:
    p = _sigmoid(z)
    return np.concatenate([1 - p, p], axis=1)


def _numbers(z: np.ndarray, model: dict[str, Any]) -> np.ndarray:
    return z.astype(np.float64) / model["target_scale"] + model["target_offset"]


OPERATIONS = {
    "dense": _dense,
    "convolution": _convolution,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "layer_norm": _layer_norm,
    "flatten": lambda x, _: x.reshape(len(x), -1),
    "ensemble": _ensemble,
    "prelu": lambda z, step: np.where(z > 0, z, step["alpha"] * z),
    "identity": lambda z, _: z,
    "relu": lambda z, _: np.maximum(z, 0),
    "leaky_relu": lambda z, step: np.where(z > 0, z, step["alpha"] * z),
    "elu": lambda z, step: np.where(z > 0, z, step["alpha"] * np.expm1(np.minimum(z, 0))),
    "sigmoid": lambda z, _: _sigmoid(z),
    "tanh": lambda z, _: np.tanh(z),
    "softplus": lambda z, _: np.logaddexp(z, 0),
    "gelu": lambda z, _: _gelu(z),
    "silu": lambda z, _: z * _sigmoid(z),
    "step": lambda z, _: (z >= 0).astype(z.dtype),
}
MIXES = {  # the outputs of an ensemble's members (members, N, K) as those of one network
    "mean": lambda z: z.mean(axis=0),
    "softmax": lambda z: _log_mean_exp(_log_softmax(z)),
    "sigmoid": lambda z: _log_mean_exp(-np.logaddexp(0, -z)) - _log_mean_exp(-np.logaddexp(0, z)),
}
ANSWERS = {
    "softmax": _softmax,
    "two_classes": _two_classes,
    "sigmoid": lambda z, _: _sigmoid(z),
    "numbers": _numbers,
}
