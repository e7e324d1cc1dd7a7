"""Flax NNX: a module, `nnx.Optimizer`, and a step under `nnx.jit`.

Its mixed precision is the `dtype` of its layers, whose parameters stay in float32.
"""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from experiments.bench.peers import Session
from experiments.bench.peers.batching import epoch, mean_loss, rate
from experiments.bench.problem import Problem, arrays


class MLP(nnx.Module):
    """Dense layers with ReLU between them."""

    def __init__(self, widths: tuple[int, ...], dtype: Any, rngs: nnx.Rngs) -> None:
        pairs = itertools.pairwise(widths)
        self.layers = nnx.List([nnx.Linear(a, b, dtype=dtype, rngs=rngs) for a, b in pairs])

    def __call__(self, x: Any) -> Any:
        """Return the raw outputs."""
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
        return self.layers[-1](x)


def start(problem: Problem) -> Session:
    """A session of Flax NNX."""
    x, y, x_test, y_test = arrays(problem)
    widths = (x.shape[1], *problem.hidden, int(y_test.max()) + 1)
    dtype = jnp.bfloat16 if problem.precision == "bfloat16" else None  # None: as the inputs
    model = MLP(widths, dtype, nnx.Rngs(problem.seed))
    optimizer = nnx.Optimizer(model, optax.adam(rate(problem, len(x))), wrt=nnx.Param)
    rng = np.random.default_rng(problem.seed)

    def loss(model: MLP, x: Any, y: Any) -> Any:
        return mean_loss(problem, model(x), y)

    @nnx.jit
    def step(model: MLP, optimizer: nnx.Optimizer, x: Any, y: Any) -> Any:
        value, gradient = nnx.value_and_grad(loss)(model, x, y)
        optimizer.update(model, gradient)
        return value

    @nnx.jit
    def labels(model: MLP, x: Any) -> Any:
        return model(x).argmax(axis=1)

    bind = nnx.cached_partial if problem.tuned else functools.partial  # as in its performance guide
    bound = bind(step, model, optimizer)

    def train(epochs: int) -> None:
        for _ in range(epochs):
            for rows in epoch(rng, len(x), problem.batch_size):
                value = bound(x[rows], y[rows])
        jax.block_until_ready(value)

    def predict(n: int) -> np.ndarray:
        return np.asarray(labels(model, x_test[:n]))

    return Session(train, predict)
