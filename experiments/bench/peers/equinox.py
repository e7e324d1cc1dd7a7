"""Equinox: `eqx.nn.MLP`, Optax, and a step under `eqx.filter_jit`.

Its mixed precision is a cast of parameters and inputs to bfloat16 inside the loss, and of outputs
to float32.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.bench.peers import Session
from experiments.bench.peers.batching import epoch, mean_loss, rate
from experiments.bench.problem import Problem, arrays


def start(problem: Problem) -> Session:
    """A session of Equinox."""
    x, y, x_test, y_test = arrays(problem)
    outputs, width, depth = int(y_test.max()) + 1, problem.hidden[0], len(problem.hidden)
    key = jax.random.key(problem.seed)
    model = eqx.nn.MLP(x.shape[1], outputs, width, depth, key=key)
    optimizer = optax.adam(rate(problem, len(x)))
    state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))
    rng = np.random.default_rng(problem.seed)

    def run(model: Any, x: Any) -> Any:
        if problem.precision == "bfloat16":
            model, x = _short((model, x))
        return jax.vmap(model)(x)

    def loss(model: Any, x: Any, y: Any) -> Any:
        return mean_loss(problem, run(model, x), y)

    @eqx.filter_jit(donate="all" if problem.tuned else "none")
    def step(model: Any, state: Any, x: Any, y: Any) -> Any:
        value, gradient = eqx.filter_value_and_grad(loss)(model, x, y)
        updates, state = optimizer.update(gradient, state, model)
        return eqx.apply_updates(model, updates), state, value

    @eqx.filter_jit
    def labels(model: Any, x: Any) -> Any:
        return run(model, x).argmax(axis=1)

    def train(epochs: int) -> None:
        nonlocal model, state
        for _ in range(epochs):
            for rows in epoch(rng, len(x), problem.batch_size):
                model, state, value = step(model, state, x[rows], y[rows])
        jax.block_until_ready(value)

    def predict(n: int) -> np.ndarray:
        return np.asarray(labels(model, x_test[:n]))

    return Session(train, predict)


def _short(tree: Any) -> Any:
    """Return a tree with its arrays of real numbers in bfloat16."""
    return jax.tree.map(
        lambda leaf: leaf.astype(jnp.bfloat16) if eqx.is_inexact_array(leaf) else leaf, tree
    )
