"""The same training twice: by the engine of the page in V8, and by the library in JAX."""

import contextlib
import json
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from py_mini_racer import MiniRacer

from jaxmlp import nn
from jaxmlp.config.factory import (
    arithmetic,
    build_loss,
    build_model,
    build_optimizer,
    build_schedule,
)
from jaxmlp.config.names import OPTIMIZER_TABLE, SCHEDULE_ARGUMENTS
from jaxmlp.config.options import Config
from jaxmlp.config.recipe import Recipe, recipe_of
from jaxmlp.config.signature import Signature
from jaxmlp.data import Preprocessing
from jaxmlp.play.engine import engine
from jaxmlp.training import task_for
from jaxmlp.training.step import Examples, Totals, TrainState, make_step

STEPS, BATCH, INPUTS, SEED = 100, 6, 2, 5
SETTING: dict[str, Any] = {
    "task": "multiclass", "hidden": (4, 4), "activation": ("tanh",), "loss": "cross_entropy",
    "optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant", "dropout": 0.0,
    "weight_decay": 0.0, "initializer": "he_normal",
}  # fmt: skip

# Trains with parameters, batches and masks that are given as numbers.
FOLLOW = """
const wrap = (numbers) => Float64Array.from(numbers);
const wrapAll = (params) => params.map((layer) => Object.fromEntries(Object.entries(layer)
  .map(([name, value]) => [name, Array.isArray(value) ? wrap(value) : value])));
const unwrap = (params) => JSON.stringify(params.map((layer) => Object.fromEntries(
  Object.entries(layer).filter(([, value]) => value instanceof Float64Array)
    .map(([name, value]) => [name, Array.from(value)]))));
const start = ({ net, initializer, seed, options }) => unwrap(jaxmlp.initParams(
  jaxmlp.makeNetwork(net), initializer, options, jaxmlp.makeRandom(seed)));
const follow = ({ net: made, params, batches, setting, steps, task, count }) => {
  const net = jaxmlp.makeNetwork(made);
  const { loss } = jaxmlp.taskOf(task, setting.loss, count);
  const { schedule, learning_rate: peak, course } = setting;
  const rate = jaxmlp.SCHEDULES[schedule].make(peak, steps, course);
  const rule = jaxmlp.makeRule(setting);
  let state = jaxmlp.begin({ net, params: wrapAll(params), loss, rate, rule });
  const losses = [];
  for (const { X, targets, labels, masks } of batches) {
    const found = jaxmlp.step(state, {
      X: wrap(X), N: X.length / net.inputs, masks: masks && masks.map(wrap),
      targets: labels ? Int32Array.from(targets) : wrap(targets),
    });
    state = found.state;
    losses.push(found.loss);
  }
  const both = [state.params, jaxmlp.judged(state)];
  const [now, judged] = both.map((each) => JSON.parse(unwrap(each)));
  return JSON.stringify({ params: now, judged, losses });
};
"""


@contextlib.contextmanager
def page(replaced: str = "", by: str = "", more: str = ""):
    """An engine that is ready; a part of its text may be replaced, and a script added."""
    text = engine()
    if replaced:
        assert text.count(replaced) == 1, f"{text.count(replaced)} times: {replaced}"
        text = text.replace(replaced, by)
    with MiniRacer() as v8:
        v8.eval(text + FOLLOW + more)
        yield v8


def ask(v8: MiniRacer, function: str, value: Any) -> Any:
    """Call a function of the page with one value that JSON can say, and return its answer."""
    return json.loads(str(v8.eval(f"{function}({json.dumps(value)})")))


def recipe_for(**given: Any) -> Recipe:
    """The recipe of a setting; what it leaves out is that of `SETTING`."""
    left = {"valid_size": 0, "batch_size": BATCH, "epochs": 1, "preprocessing": "none"}
    left |= {"monitor": "last", "precision": "float64"}
    own = OPTIMIZER_TABLE[given.get("optimizer", SETTING["optimizer"])].own
    return recipe_of(Config(**(SETTING | left | own | given)))


@cache
def program(**given: Any) -> tuple[Any, Any, Any, dict[str, Any]]:
    """The library's training with a setting.

    Args:
      **given: the setting, on top of `SETTING`.

    Returns:
      The model, parameters at random, `params -> last state`, and what the engine needs to do the
      same.
    """
    recipe = recipe_for(**given)
    task, loss_name = task_for(recipe.task, recipe.loss)
    values = 3 if recipe.task == "multiclass" else 2
    scaling = Preprocessing("none", np.zeros(()), np.ones(()))
    signature = Signature(
        (INPUTS,), task.name, loss_name, tuple("abc"[:values]), scaling,
        target_preprocessing=scaling if task.name == "regression" else None,
        quantiles=recipe.quantiles,
    )  # fmt: skip
    each = len(recipe.quantiles) or 1
    outputs = task.outputs(values) * each
    model = build_model(recipe, outputs)
    x, y, fed = _batches(task.name, values, outputs, each)
    objective = nn.value_and_grad(model, build_loss(recipe, signature))
    optimizer = build_optimizer(recipe, build_schedule(recipe, STEPS))
    step = make_step(objective, optimizer, lambda z, _: z[:, 0], lambda stored: stored)
    examples = Examples(x, y, jnp.ones(x.shape[:2]))

    def run(params: Any) -> TrainState:
        counts = jnp.zeros((), jnp.int32), Totals.zero(), jnp.ones(())
        begun = TrainState(params, optimizer.init(params), jax.random.key(SEED), *counts)
        return jax.lax.scan(lambda state, batch: (step(state, batch), None), begun, examples)[0]

    params = _random_params(model)
    masks = _masks(model, params, x, recipe.dropout)
    activations = list(recipe.activation) * (len(recipe.hidden) // len(recipe.activation))
    net = {"inputs": INPUTS, "hidden": list(recipe.hidden), "outputs": outputs}
    net |= {"activations": activations, "dropout": recipe.dropout, "alpha": recipe.alpha}
    batches = [batch | {"masks": mask} for batch, mask in zip(fed, masks, strict=True)]
    told = {"net": net, "batches": batches, "steps": STEPS, "setting": _setting(recipe)}
    return model, params, jax.jit(run), told | {"task": recipe.task, "count": values}


@cache
def trained(start: str | None = None, **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train by the library.

    Args:
      start: the parameters as JSON, as the engine has them; `None` for parameters at random.
      **given: the setting, on top of `SETTING`.

    Returns:
      What the engine needs to do the same, and what the library has in the end.
    """
    with arithmetic("float64"):
        _, params, run, told = program(**given)
        params = params if start is None else _params_of(start, params)
        end = run(params)
        found = {"params": plain(end.params), "judged": plain(end.judged)}
        loss = float(end.totals.loss / end.totals.weight)
        return told | {"params": plain(params)}, found | {"loss": loss}


def _setting(recipe: Recipe) -> dict[str, Any]:
    """The setting as the page has it: its names are those of the options."""
    numbers = {k: v for k, v in recipe.numbers._asdict().items() if v is not None}
    setting = {"loss": recipe.loss, "optimizer": recipe.optimizer, "schedule": recipe.schedule}
    setting |= {"momentum_schedule": recipe.momentum_schedule} | numbers
    if recipe.epsilon_inside is not None:
        setting["epsilon_inside"] = recipe.epsilon_inside
    fields = SCHEDULE_ARGUMENTS.get(recipe.schedule, {})
    return setting | {"course": {name: getattr(recipe, field) for name, field in fields.items()}}


def plain(params: Any) -> list[dict[str, Any]]:
    """The parameters as the page has them: a layer holds the slope of the activation behind it."""
    layers: list[dict[str, Any]] = []
    for layer in params:
        if "W" in layer:
            rows, columns = layer["W"].shape
            layers.append({"inputs": rows, "outputs": columns})
        for name in layer:
            layers[-1][name] = np.asarray(layer[name]).ravel().tolist()
    return layers


def _random_params(model: Any) -> Any:
    """Parameters at random; biases too."""
    rng = np.random.default_rng(3)
    like = jax.eval_shape(lambda key: model.init(key, (INPUTS,))[0], jax.random.key(0))
    return jax.tree.map(lambda p: jnp.asarray(rng.normal(0, 0.7, p.shape)), like)


def _params_of(start: str, like: Any) -> Any:
    """Parameters of the page as those of the library: a slope belongs to a layer of its own."""
    left, layer = iter(json.loads(start)), {}
    made: list[Any] = []
    for part in like:
        layer = next(left) if "W" in part else layer
        named = {name: jnp.asarray(layer[name], float).reshape(part[name].shape) for name in part}
        made.append(named if part else part)
    return tuple(made)


def _batches(task: str, values: int, outputs: int, each: int) -> tuple[Any, Any, list[Any]]:
    """Batches at random, for the library and for the page."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(STEPS, BATCH, INPUTS))
    if task == "multiclass":
        y = rng.integers(0, values, (STEPS, BATCH)).astype(np.int32)
    elif task == "regression":
        y = np.repeat(rng.normal(size=(STEPS, BATCH, values)), each, axis=2)
    else:
        y = rng.integers(0, 2, (STEPS, BATCH, outputs)).astype(float)
    fed = [
        {"X": a.ravel().tolist(), "targets": b.ravel().tolist(), "labels": b.ndim == 1}
        for a, b in zip(x, y, strict=True)
    ]
    return jnp.asarray(x), jnp.asarray(y), fed


def _masks(model: Any, params: Any, x: Any, dropout: float) -> list[Any]:
    """The masks that the library draws in each step, as numbers."""
    if not dropout:
        return [None] * STEPS

    def draw(t: Any, batch: Any) -> list[Any]:
        key = jax.random.fold_in(jax.random.key(SEED), t)
        _, caches = model.forward(params, batch, key)
        kinds = [layer.kind for layer in model.layers]
        return [cache for kind, cache in zip(kinds, caches, strict=True) if kind == "dropout"]

    drawn = jax.jit(jax.vmap(draw))(jnp.arange(STEPS, dtype=jnp.int32), x)
    return [[np.asarray(m[t], float).ravel().tolist() for m in drawn] for t in range(STEPS)]


def difference(got: list[dict[str, Any]], expected: list[dict[str, Any]]) -> float:
    """The largest difference of two sets of parameters, relative to the largest parameter."""
    worst, largest = 0.0, 0.0
    for ours, theirs in zip(got, expected, strict=True):
        for name in ours:
            a, b = np.array(ours[name]), np.array(theirs[name])
            assert a.shape == b.shape, name
            worst, largest = max(worst, np.abs(a - b).max()), max(largest, np.abs(b).max())
    assert np.isfinite(largest)
    return float(worst / largest) if largest else float(worst)
