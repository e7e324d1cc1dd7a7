"""The rows of a network and its loss, and those of each layer by itself."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import nn
from jaxmlp.config.gradient_rows import FLOOR, Judged, Row, compared, row_of
from jaxmlp.config.referees import autodiff, gradient
from jaxmlp.config.source import error_in_line
from jaxmlp.errors import InputError
from jaxmlp.nn.layers import in_order


def network_rows(
    model: nn.Chain, loss: nn.Loss, params: Any, data: tuple[Any, ...], rng: np.random.Generator
) -> list[Row]:
    """Compare the gradient of a network's loss by hand with the other two, in float64.

    Args:
      model: the network.
      loss: the loss of its raw outputs.
      params: its parameters.
      data: `(x, targets, weights, key)`.
      rng: chooses coordinates of a large parameter.

    Returns:
      A row for each parameter, in the order of the layers, and for each layer without parameters.
    """
    (value, outputs), by_hand = jax.jit(nn.value_and_grad(model, loss))(params, *data)
    _, by_machine = jax.jit(autodiff(model, loss))(params, *data)
    floor = FLOOR * max(1.0, float(abs(value)), float(abs(outputs).max()))

    def loss_of(params: Any) -> Any:
        return nn.objective(model, loss)(params, *data)[0]

    found = compared(loss_of, params, by_hand, by_machine, floor, rng)
    leaves, _ = jax.tree_util.tree_flatten_with_path(by_hand)
    rows = []
    for (path, hand), machine, one in zip(leaves, jax.tree.leaves(by_machine), found, strict=True):
        arguments = {"x": np.asarray(data[0])}
        judged = Judged([np.asarray(hand)], [np.asarray(machine)], [arguments], ("x", 0))
        k, name = path[0].idx, jax.tree_util.keystr(path[1:], simple=True, separator=".")
        rows.append(row_of(k, model.layers[k].name, name, judged, [one]))
    seen = {row.number for row in rows}
    rows += [Row(k, layer.name) for k, layer in enumerate(model.layers) if k not in seen]
    return sorted(rows, key=lambda row: row.number)


def attempt(
    what: str, function: Callable[..., Any], *arguments: Any, code: Callable[..., Any] | None = None
) -> Any:
    """Call a part's function, and raise what goes wrong in it as one line.

    Args:
      what: the name of the function, such as `backward`.
      function: the function.
      *arguments: its arguments.
      code: the function in whose file a line is named, if it is another one.

    Returns:
      What it returns.

    Raises:
      InputError: if the function raises anything.
    """
    try:
        return function(*arguments)
    except InputError as error:
        raise InputError(f"{what} raises: {error}") from None
    except Exception as error:
        path = getattr(getattr(code or function, "__code__", None), "co_filename", "")
        raise InputError(f"{what} raises {error_in_line(error, path)}") from error


def input_layer() -> nn.Layer:
    """A layer whose output is its one parameter: so the input counts as a parameter."""
    return nn.Layer(
        init=lambda key, shape: ({}, shape),
        forward=lambda params, x, key=None: (params["x"], None),
        backward=lambda params, cache, dy: ({"x": dy}, dy),
        name="input",
        kind="input",
    )


def chain_rows(
    model: nn.Layer, params: Any, xs: Sequence[Any], key: Any, rng: np.random.Generator
) -> list[Row]:
    """Compare each layer's backward pass by itself, for a random gradient of its own output.

    So a mistake shows in its layer alone.

    Args:
      model: a layer, or a chain of layers.
      params: its parameters.
      xs: the inputs, in two cases of different numbers of examples.
      key: a random key; rows with it are added where it changes the output.
      rng: draws the gradients of the outputs.

    Returns:
      The rows, layer by layer: of each parameter and of the input x.
    """
    rows: list[Row] = []
    for number, (layer, own) in enumerate(in_order(model, params), 1):
        try:
            ys = [_output(layer, own, x, None) for x in xs]
            rows += named(partial(_layer_rows, layer, number, own, None, rng), xs)
            drawn = [_output(layer, own, x, key) for x in xs]
            if not all(map(jnp.array_equal, ys, drawn)):
                rows += named(partial(_layer_rows, layer, number, own, key, rng), xs)
        except InputError as error:
            return [*rows, Row(number, layer.name, ok=False, says=str(error))]
        xs = ys
    return rows


def _output(layer: nn.Layer, params: Any, x: Any, key: Any) -> Any:
    what = "forward" if key is None else "forward with a key"
    found = attempt(what, layer.forward, params, x, key)
    if not (isinstance(found, tuple) and len(found) == 2 and hasattr(found[0], "shape")):
        raise InputError(f"forward must return (y, cache), got {type(found).__name__}")
    return found[0]


def named(rows: Callable[[Sequence[Any]], list[Row]], cases: Sequence[Any]) -> list[Row]:
    """Return the rows of the first case; if one fails, those of all cases, which name the mistake.

    Args:
      rows: makes the rows from cases.
      cases: of different numbers of examples.

    Returns:
      The rows.
    """
    first = rows(cases[:1])
    return first if len(cases) == 1 or all(row.ok for row in first) else rows(cases)


def _layer_rows(
    layer: nn.Layer, number: int, params: Any, key: Any, rng: Any, xs: Sequence[Any]
) -> list[Row]:
    """Return the rows of a layer by itself; see `chain_rows`."""
    cases = [_Case(layer, params, x, key, rng) for x in xs]
    wrong = next((case.wrong for case in cases if case.wrong), "")
    if wrong:
        return [Row(number, layer.name, ok=False, says=wrong)]
    names = [jax.tree_util.keystr(p, simple=True, separator=".") for p, _ in cases[0].leaves]
    drawn, rows = "" if key is None else ", with a key", []
    found = [case.compared(rng) for case in cases]
    for i, name in enumerate(names):
        name = name.removeprefix("params.")
        got, want = zip(*((case.got[i], case.want[i]) for case in cases), strict=True)
        usual = _usual(cases) if name == "x" else {}
        judged = Judged(got, want, [case.arguments for case in cases], ("x", 0), usual)
        rows.append(row_of(number, layer.name, name + drawn, judged, [f[i] for f in found]))
    return rows


class _Case:
    """A layer's backward pass for one input and one random gradient of the output.

    Attributes:
      got, want: each array of the gradient, by hand and by machine.
      leaves: the arrays by hand with their paths.
      arguments: what the gradient is computed from.
      wrong: what keeps it from being compared, "" if nothing does.
    """

    def __init__(self, layer: nn.Layer, params: Any, x: Any, key: Any, rng: Any) -> None:
        y, _ = layer.forward(params, x, key)
        self.dy = jnp.asarray(rng.standard_normal(y.shape))
        self.tree = {"params": params, "x": x}
        self.y, self.x, self.wrong = y, x, ""
        self._layer, self._key = layer, key

        @jax.jit
        def hand(params: Any, x: Any, dy: Any) -> Any:
            return layer.backward(params, layer.forward(params, x, key)[1], dy)

        pair = attempt("backward", hand, params, x, self.dy, code=layer.backward)
        if not (isinstance(pair, tuple) and len(pair) == 2):
            self.wrong = f"backward must return (dparams, dx), got {type(pair).__name__}"
            return
        by_hand = {"params": pair[0], "x": pair[1]}
        structures: list[Any] = [jax.tree.structure(tree) for tree in (by_hand, self.tree)]
        if structures[0] != structures[1]:
            got, like = (str(jax.tree.structure(tree)) for tree in (pair[0], params))
            words = f"backward must return dparams like {like}, got {got}"
            self.wrong = words.replace("PyTreeDef", "")
            return
        self.hand, self.machine = by_hand, gradient(self.value)(self.tree)
        self.leaves, _ = jax.tree_util.tree_flatten_with_path(by_hand)
        self.got = [np.asarray(leaf) for leaf in jax.tree.leaves(by_hand)]
        self.want = [np.asarray(leaf) for leaf in jax.tree.leaves(self.machine)]
        named = {"x": x, "dy": self.dy, "y": y, **(params if isinstance(params, dict) else {})}
        self.arguments = {name: np.asarray(a) for name, a in named.items()}

    def value(self, tree: Any) -> Any:
        """Return `sum dy y`, whose gradient the backward pass is."""
        return jnp.sum(self.dy * self._layer.forward(tree["params"], tree["x"], self._key)[0])

    def compared(self, rng: np.random.Generator) -> list[dict[str, Any]]:
        """Return what `compared` says of each array that has the right shape."""
        floor = FLOOR * max(1.0, float(abs(self.y).max()), float(abs(self.value(self.tree))))
        fitting = jax.tree.map(lambda a, b: a if a.shape == b.shape else b, self.hand, self.machine)
        return compared(self.value, self.tree, fitting, self.machine, floor, rng)

    def at(self, x: Any) -> np.ndarray:
        """Return `dx` if the derivative is taken at another point."""
        return np.asarray(gradient(self.value)({**self.tree, "x": x})["x"])


def _usual(cases: Sequence[_Case]) -> dict[str, list[np.ndarray]]:
    """Return what `dx` is where a mask or a slope is taken from the wrong array."""
    if any(case.x.shape != case.y.shape for case in cases):
        return {}
    masks = {"x": "the input x", "y": "the output y", "dy": "dy"}
    usual = {
        "the slope is taken at the output y, not at the input x": [c.at(c.y) for c in cases],
        "the slope, or its mask, is taken at dy, not at the input x": [c.at(c.dy) for c in cases],
        "dy passes unchanged: the slope is missing": [np.asarray(c.dy) for c in cases],
    }
    for name, words in masks.items():
        arrays = [np.where(c.arguments[name] > 0, c.arguments["dy"], 0) for c in cases]
        usual[f"it is dy where {words} is positive: the mask is that of a wrong array"] = arrays
    return usual
