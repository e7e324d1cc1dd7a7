"""Shuffled batches, and the loss and schedule of Optax, for the loops written with JAX."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.bench.problem import Problem


def epoch(rng: np.random.Generator, rows: int, batch_size: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; an incomplete last batch is dropped, as in the tutorials."""
    order, whole = rng.permutation(rows), rows // batch_size * batch_size
    for first in range(0, whole, batch_size):
        yield order[first : first + batch_size]


def mean_loss(problem: Problem, outputs: Any, y: Any) -> Any:
    """Return the mean cross-entropy of raw outputs and labels, computed in float32."""
    outputs = outputs.astype(jnp.float32)
    if not problem.smoothing:
        return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()
    targets = optax.smooth_labels(jax.nn.one_hot(y, outputs.shape[1]), problem.smoothing)
    return optax.softmax_cross_entropy(outputs, targets).mean()


def rate(problem: Problem, rows: int) -> Any:
    """The learning rate, a number or a schedule of Optax."""
    if problem.schedule == "constant":
        return problem.learning_rate
    assert problem.epochs is not None
    steps = problem.epochs * (rows // problem.batch_size)
    return optax.cosine_onecycle_schedule(steps, problem.learning_rate)
