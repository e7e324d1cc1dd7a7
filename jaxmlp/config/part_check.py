"""`jaxmlp.check`: a part of one's own against `jax.grad`, differences, or its contract."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import nn
from jaxmlp.config import kinds, part_facts
from jaxmlp.config.function_rows import activation_rows, cases_of, elements_of, loss_rows
from jaxmlp.config.gradient_rows import HEADER, LIMITS, Row
from jaxmlp.config.network_rows import (
    attempt,
    chain_rows,
    input_layer,
    named,
    network_rows,
)
from jaxmlp.config.own_parts import looks_own, raw_part
from jaxmlp.errors import InputError
from jaxmlp.errors import check as require
from jaxmlp.nn.layers import in_order

KINDS = ("activation", "layer", "model", "loss", "optimizer", "initializer")
SHAPES = ((5,), (6, 6, 2), (4, 3))  # of an example, of which a layer takes the first that fits
OUTPUTS = 3
TAKEN = {  # what may be given beside a part
    "activation": ("x",),
    "layer": ("x", "params", "loss", "targets"),
    "model": ("x", "loss", "targets"),
    "loss": ("x", "targets"),
    "optimizer": ("params", "reference"),
    "initializer": (),
}


@dataclass(frozen=True, repr=False)
class Check:
    """What `check` has found; printed, it is a table with a verdict.

    Attributes:
      title: what was checked.
      header: the titles of the columns.
      rows: one for each gradient, or for each property.
      note: a line below the table, or "".
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[Row | part_facts.Fact, ...]
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything is right."""
        return all(row.ok for row in self.rows)

    def __str__(self) -> str:
        """Return the table, and the verdict with what is wrong."""
        cells = [self.header, *(row.cells() for row in self.rows)]
        wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(f"{cell:{width}}" for cell, width in zip(row, wide, strict=True)).rstrip()
            for row in cells
        ]
        wrong = [row for row in self.rows if not row.ok]
        said = [f"  {row.place}: {row.says}" for row in wrong if row.says]
        failed = f"FAILED: {', '.join(row.place for row in wrong)}"
        note = [self.note] if self.note else []
        return "\n".join([self.title, "", *lines, "", *note, failed if wrong else "ok", *said])

    __repr__ = __str__


def check(
    part: Any,
    *,
    kind: str | None = None,
    x: Any = None,
    targets: Any = None,
    params: Any = None,
    loss: nn.Loss | None = None,
    reference: Any = None,
    seed: int = 0,
) -> Check:
    """Check a part of one's own: what `gradcheck` prints, as a value, in float64.

    The gradient of an activation, a layer, a model or a loss is compared with `jax.grad` and with
    central differences, kinks apart; the layers of a chain one by one. An optimizer is compared
    with a reference, step by step, or else held to its contract: shapes, types, no side effects,
    under `jax.jit` as without. An initializer is held to its contract too, and its mean and
    deviation are reported. What is wrong is named where it can be told: a shape, a factor such as
    the number of examples, a transposition, a sign, a mask from the wrong array.

    Args:
      part: an `nn.Activation`, `nn.Layer`, `nn.Loss`, a function `outputs -> nn.Layer`, a pair
        `(init, update)` or a function `rate -> (init, update)`, a function `(key, shape, dtype) ->
        array`; or such a part as `"my_parts.py:mish"`.
      kind: activation, layer, model, loss, optimizer or initializer, if the part does not show it.
      x: the inputs of a layer, the z of an activation or the outputs for a loss, `(N, ...)`; by
        default drawn at random.
      targets: of the loss, `(N,)` or `(N, K)`.
      params: of a layer or an optimizer; by default drawn at random.
      loss: of a layer; then the whole network with this loss is compared, as `gradcheck` does.
      reference: of an optimizer, a pair or a function like the part.
      seed: of the random numbers.

    Returns:
      The rows, `ok`, and the table as text.

    Raises:
      InputError: if the part is of no such kind, has no derivative, or an argument does not apply.
    """
    name = part if isinstance(part, str) else getattr(part, "name", None)
    if isinstance(part, str):
        require(looks_own(part), "part", "a part, or FILE.py:NAME", part)
        part = raw_part(part)
    name = name or getattr(part, "__name__", None) or "part"
    part, kind = _sorted_out(part, kind, name)
    given = {"x": x, "targets": targets, "params": params, "loss": loss, "reference": reference}
    for argument in given:
        if given[argument] is not None and argument not in TAKEN[kind]:
            raise InputError(f"{argument} does not apply to a check of kind {kind}")
    with jax.enable_x64(True):
        title, rng = f"{name}, {kind}, seed {seed}", np.random.default_rng(seed)
        if kind == "optimizer":
            facts = part_facts.of_optimizer(part, reference, params, rng)
            return Check(title, part_facts.HEADER, tuple(facts))
        if kind == "initializer":
            facts = part_facts.of_initializer(part, seed)
            return Check(title, part_facts.HEADER, tuple(facts))
        if kind == "activation":
            rows = named(partial(activation_rows, part, name, rng), elements_of(x, rng))
        elif kind == "loss":
            rows = loss_rows(part, name, x, targets, rng)
        else:
            rows = _model_rows(part, x, params, loss, targets, seed, rng)
        return Check(f"{title}, float64", HEADER, tuple(rows), LIMITS)


def _sorted_out(part: Any, kind: str | None, name: str) -> tuple[Any, str]:
    """Return a part with its kind: a model and a factory of layers become a layer."""
    require(kind in (None, *KINDS), "kind", f"one of {', '.join(KINDS)}", kind)
    kind = kind or kinds.kind_of(part, name)
    if kind in ("model", "layer", "activation") and kinds.required(part) is not None:
        count = kinds.required(part)
        if kind == "activation" and count == 1:
            raise InputError(kinds.without_derivative(name))
        part = attempt(f"{name}", part, *((OUTPUTS,) if count else ()))
        kind = "layer" if kind != "model" else kind
    classes = {"activation": nn.Activation, "loss": nn.Loss, "layer": nn.Layer, "model": nn.Layer}
    if kind == "loss" and kinds.required(part) == 2:
        raise InputError(kinds.without_gradient(name))
    if kind in classes:
        require(isinstance(part, classes[kind]), name, kinds.EXPECTED[kind], kinds.in_words(part))
    else:
        fits = kinds.is_pair(part) and kind == "optimizer"
        good = fits or kinds.required(part) in kinds.ARGUMENTS[kind]
        require(good, name, kinds.EXPECTED[kind], kinds.in_words(part))
    if kind == "activation" and not part.has_derivative:
        raise InputError(kinds.without_derivative(name))
    if kind == "loss" and not part.has_gradient:
        raise InputError(kinds.without_gradient(name))
    return part, kind


def _model_rows(
    part: nn.Layer, x: Any, params: Any, loss: Any, targets: Any, seed: int, rng: Any
) -> list[Row]:
    key = jax.random.key(seed, impl="threefry2x32")
    shapes = SHAPES if x is None else [np.shape(x)[1:]]
    refused: list[str] = []
    for shape in shapes:
        xs = cases_of(x, rng, *shape)
        try:
            drawn, output = attempt("init", part.init, key, tuple(shape))
            own = _drawn(drawn, rng) if params is None else _in_float64(params)
            y = attempt("forward", part.forward, own, xs[0], None)[0]
        except (InputError, TypeError, ValueError) as error:
            refused.append(str(error))
            continue
        rows = chain_rows(part, own, xs, key, rng)
        if loss is not None:
            rows = _whole_rows(part, loss, own, xs[0], targets, rng)
        if tuple(y.shape[1:]) != tuple(output):
            says = f"init says the output has the shape {tuple(output)}, forward {y.shape[1:]}"
            rows.append(Row(1, part.name, ok=False, says=says))
        return rows
    return [Row(1, part.name, ok=False, says=refused[0])]


def _drawn(params: Any, rng: np.random.Generator) -> Any:
    """Return parameters in float64, moved a little: no bias is zero, and no gain one."""
    return jax.tree.map(
        lambda w: jnp.asarray(w, jnp.float64) + 0.1 * rng.standard_normal(np.shape(w)), params
    )


def _in_float64(params: Any) -> Any:
    return jax.tree.map(lambda w: jnp.asarray(w, jnp.float64), params)


def _whole_rows(
    part: nn.Layer, loss: Any, params: Any, x: Any, targets: Any, rng: Any
) -> list[Row]:
    """Return the rows of a network with its loss, as `gradcheck` has them."""
    require(isinstance(loss, nn.Loss), "loss", kinds.EXPECTED["loss"], kinds.in_words(loss))
    layers, own = zip(*in_order(part, params), strict=True)
    outputs = part.forward(params, x)[0]
    y = jax.nn.one_hot(rng.integers(outputs.shape[1], size=len(x)), outputs.shape[1], dtype=x.dtype)
    y = y if targets is None else jnp.asarray(targets)
    chain, data = nn.sequential(input_layer(), *layers), (x, y, None, None)
    try:
        found = attempt("backward", network_rows, chain, loss, ({"x": x}, *own), data, rng)
    except InputError as error:
        return [Row(1, part.name, ok=False, says=str(error))]
    rows: list[Row] = found
    return rows
