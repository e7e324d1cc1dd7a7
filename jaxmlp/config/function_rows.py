"""The rows of an activation and of a loss, which have a gradient and no parameters."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import nn
from jaxmlp.config.differences import all_close
from jaxmlp.config.gradient_rows import FLOOR, Judged, Row, compared, row_of
from jaxmlp.config.network_rows import attempt, named
from jaxmlp.config.referees import gradient
from jaxmlp.errors import InputError
from jaxmlp.errors import check as require

EXAMPLES = (5, 7)  # in two cases: so a factor N is told from any other number


def cases_of(x: Any, rng: np.random.Generator, *shape: int) -> list[Any]:
    """Return the inputs in two cases; a user's own, and once more without the last example."""
    if x is None:
        return [jnp.asarray(rng.standard_normal((n, *shape)) * 2) for n in EXAMPLES]
    x = jnp.asarray(x, jnp.float64)
    require(x.ndim >= 1 and x.size > 0, "x", "an array (N, ...)", x.shape)
    return [x, x[:-1]] if len(x) > 2 else [x]


def elements_of(x: Any, rng: Any) -> list[Any]:
    """Return the z of an activation in two cases; see `cases_of`."""
    zs = cases_of(x, rng, 4)  # with a 0, where many a function has its kink
    return zs if x is not None else [z.at[0, 0].set(0.0) for z in zs]


def activation_rows(part: nn.Activation, name: str, rng: Any, zs: Sequence[Any]) -> list[Row]:
    """Return the row of an activation: its derivative beside the slope of each element.

    Args:
      part: the activation.
      name: how the row calls it.
      rng: chooses coordinates.
      zs: its inputs, in one case or several.

    Returns:
      One row.
    """
    try:
        values = [attempt("the value", part.value, z) for z in zs]
        for z, a in zip(zs, values, strict=True):
            require(np.shape(a) == z.shape, "the value a", f"of shape {z.shape}", np.shape(a))
        pairs = list(zip(zs, values, strict=True))
        hand = [
            attempt("the derivative", jax.jit(part.derivative), *pair, code=part.derivative)
            for pair in pairs
        ]
    except InputError as error:
        return [Row(1, name, "z", zs[0].shape, ok=False, says=str(error))]

    def value(tree: Any) -> Any:
        return jnp.sum(part.value(tree["z"]))

    at = gradient(value)
    # one number for all elements is right where the slope is the same everywhere
    got = [
        np.broadcast_to(slope, z.shape) if np.ndim(slope) == 0 else np.asarray(slope)
        for z, slope in zip(zs, hand, strict=True)
    ]
    want = [np.asarray(at({"z": z})["z"]) for z in zs]
    usual = {
        "it is the slope at a, not at z": [np.asarray(at({"z": a})["z"]) for a in values],
        "it is the value a, not its slope": [np.asarray(a) for a in values],
        "it is 1 where z is positive: the mask is that of a wrong array": [z > 0 for z in zs],
        "it is 1 where a is positive: the mask is that of a wrong array": [a > 0 for a in values],
    }
    for point, words in ((1, "z is taken where a is meant"), (0, "a is taken where z is meant")):
        swapped = [np.asarray(part.derivative(pair[point], pair[point])) for pair in pairs]
        if all_close(swapped, want):
            usual[f"{words}: the slope comes from the wrong array"] = got
    usual = {words: [np.asarray(a, float) for a in arrays] for words, arrays in usual.items()}
    arguments = [{"z": np.asarray(z), "a": np.asarray(a)} for z, a in pairs]
    judged = Judged(got, want, arguments, ("z", 0), usual)
    found = []
    if judged.fits:
        for z, a, d, w in zip(zs, values, judged.got, want, strict=True):
            floor = FLOOR * max(1.0, float(abs(a).max()))
            found.append(compared(value, {"z": z}, {"z": jnp.asarray(d)}, {"z": w}, floor, rng))
    return [row_of(1, name, "z", judged, [one[0] for one in found])]


def loss_rows(part: nn.Loss, name: str, x: Any, targets: Any, rng: Any) -> list[Row]:
    """Return the rows of a loss: one for each form of targets that it takes.

    Args:
      part: the loss.
      name: how the rows call it.
      x: the outputs `(N, K)`, or `None`.
      targets: the targets, or `None`.
      rng: draws what is not given.

    Returns:
      The rows.
    """
    rows, refused = [], ""
    for words, pairs in _targets(x, targets, rng).items():
        try:
            for z, y in pairs:
                each = attempt("the loss", part.per_example, z, y)
                shape = f"of shape ({len(z)},), one number for each example"
                require(np.shape(each) == (len(z),), "the loss", shape, np.shape(each))
        except InputError as error:
            refused = refused or str(error)
            continue
        rows += named(partial(_rows_for, part, name, words, rng), pairs)
    return rows or [Row(1, name, "z", ok=False, says=refused)]


def _targets(x: Any, targets: Any, rng: Any) -> dict[str, list[tuple[Any, Any]]]:
    """Return outputs with targets of each form that a loss may take, in two cases."""
    zs = cases_of(x, rng, 3)
    for z in zs:
        require(z.ndim == 2, "x", "the outputs (N, K)", z.shape)
    if targets is not None:
        y = jnp.asarray(targets)
        require(len(y) == len(zs[0]), "targets", f"for {len(zs[0])} examples", len(y))
        y = y if jnp.issubdtype(y.dtype, jnp.integer) and y.ndim == 1 else y.astype(jnp.float64)
        return {"z": [(z, y[: len(z)]) for z in zs]}
    labels = [jnp.asarray(rng.integers(z.shape[1], size=len(z))) for z in zs]
    rows = [jax.nn.one_hot(y, z.shape[1], dtype=z.dtype) for z, y in zip(zs, labels, strict=True)]
    yes = [jnp.asarray(rng.integers(2, size=(len(z), 1)), jnp.float64) for z in zs]
    return {
        "z": list(zip(zs, rows, strict=True)),
        "z, for labels": list(zip(zs, labels, strict=True)),
        "z, one output": [(z[:, :1], y) for z, y in zip(zs, yes, strict=True)],
    }


def _rows_for(part: nn.Loss, name: str, words: str, rng: Any, pairs: Sequence[Any]) -> list[Row]:
    def value_for(y: Any) -> Any:
        return lambda tree: part(tree["z"], y)

    try:
        hand = [attempt("the gradient", part.per_example_gradient, z, y) / len(z) for z, y in pairs]
    except InputError as error:
        return [Row(1, name, words, pairs[0][0].shape, ok=False, says=str(error))]
    want = [np.asarray(gradient(value_for(y))({"z": z})["z"]) for z, y in pairs]
    arguments = [{"z": np.asarray(z), "y": np.asarray(y)} for z, y in pairs]
    judged = Judged([np.asarray(d) for d in hand], want, arguments, ("z", 0))
    found = []
    if judged.fits:
        for (z, y), d, w in zip(pairs, judged.got, want, strict=True):
            floor = FLOOR * max(1.0, float(abs(part(z, y))))
            grads = ({"z": z}, {"z": jnp.asarray(d)}, {"z": w})
            found.append(compared(value_for(y), *grads, floor, rng)[0])
    return [row_of(1, name, words, judged, found)]
