"""What a network is for: per task, how targets, outputs and the score hang together.

The task is read off the data (E5): the identity for real numbers, a sigmoid for each independent
yes-or-no, softmax for one class out of many. The output activation itself stands in the loss.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxmlp.errors import InputError
from jaxmlp.training.types import AnyArray, Array, HostTargets, Outputs, PerExample, Targets

Labels = Int[Array, "N"]
Numbers = Float[Array, "N K"]
Column = Float[Array, "N 1"]
TwoColumns = Float[Array, "N 2"]


@dataclass(frozen=True)
class Task:
    """How a kind of problem is posed to a network.

    Attributes:
      name: as in `jaxmlp.data.dataset.TASKS`.
      losses: the losses that make sense, the usual one first.
      score: what is reported beside the loss, `accuracy` or `r2`.
      outputs: `number of classes, labels or values -> number of raw outputs`.
      encode: from targets as the data set has them to targets as the loss takes them.
      score_each: `(outputs (N, K), encoded targets) -> (N,)`, summed up over a split.
      finish: `(mean of score_each, encoded targets of the split) -> score`.
      probabilities: from raw outputs to what is shown: `(N, classes)`, or the outputs themselves.
    """

    name: str
    losses: tuple[str, ...]
    score: str
    outputs: Callable[[int], int]
    encode: Callable[[HostTargets], HostTargets]
    score_each: Callable[[Outputs, Targets], PerExample]
    finish: Callable[[float, HostTargets], float]
    probabilities: Callable[[AnyArray], AnyArray]


def _right_class(outputs: Outputs, labels: Labels) -> PerExample:
    return (jnp.argmax(outputs, axis=1) == labels).astype(outputs.dtype)


def _right_signs(outputs: Outputs, targets: Numbers) -> PerExample:
    """Return the share of an example's yes-or-no answers that are right."""
    return jnp.mean((outputs > 0) == (targets > 0.5), axis=1, dtype=outputs.dtype)


def _squared_error(outputs: Outputs, targets: Numbers) -> PerExample:
    return jnp.mean((outputs - targets) ** 2, axis=1)


def _r2(mean_squared_error: float, targets: HostTargets) -> float:
    """Return the coefficient of determination, `1 - MSE / Var(targets)`.

    Targets are encoded with variance 1 in the training part, which stands in where a part's own
    do not vary, as in a part of one example.
    """
    variance = float(np.mean(np.var(targets, axis=0)))
    return 1 - mean_squared_error / (variance or 1.0)


@jax.jit
def _two_columns(outputs: Column) -> TwoColumns:
    p = jax.nn.sigmoid(outputs)
    return jnp.concatenate([1 - p, p], axis=1)


def _same(mean: float, _: HostTargets) -> float:
    return mean


ERRORS = ("mse", "half_mse", "quadratic", "mae", "huber")  # of numbers, or of one-hot rows
MULTICLASS = Task(
    "multiclass",
    ("cross_entropy", "binary_cross_entropy", "softmax_squared_error", *ERRORS),
    "accuracy",
    outputs=lambda classes: classes,
    encode=lambda y: y.astype(np.int32),
    score_each=_right_class,
    finish=_same,
    probabilities=jax.jit(jax.nn.softmax),
)
BINARY = Task(
    "binary",
    ("binary_cross_entropy", "perceptron"),
    "accuracy",
    outputs=lambda classes: 1,
    encode=lambda y: y.astype(float)[:, None],
    score_each=_right_signs,
    finish=_same,
    probabilities=_two_columns,
)
MULTILABEL = Task(
    "multilabel",
    ("binary_cross_entropy",),
    "accuracy",
    outputs=lambda labels: labels,
    encode=lambda y: y.astype(float),
    score_each=_right_signs,
    finish=_same,
    probabilities=jax.nn.sigmoid,
)
REGRESSION = Task(
    "regression",
    ERRORS,
    "r2",
    outputs=lambda values: values,
    encode=lambda y: y.astype(float),
    score_each=_squared_error,
    finish=_r2,
    probabilities=lambda outputs: outputs,
)

TASKS = {task.name: task for task in (MULTICLASS, BINARY, MULTILABEL, REGRESSION)}


def task_for(kind: str, loss: str | None) -> tuple[Task, str]:
    """Return the task for a data set's kind of targets and a loss, and the loss's name.

    Two classes are told apart by one sigmoid output where the loss is for that, and otherwise by
    one output per class, like any other number of classes (D7: softmax over two is a sigmoid).

    Args:
      kind: `multiclass`, `binary`, `multilabel` or `regression`.
      loss: a loss's name, or `None` for the usual one.

    Returns:
      The task and the name of the loss.

    Raises:
      InputError: if the loss makes no sense for the task.
    """
    task = TASKS[kind]
    if task is BINARY and loss not in (None, *BINARY.losses):
        task = MULTICLASS
    if loss is not None and loss not in task.losses:
        expected = " or ".join(task.losses)
        raise InputError(f"loss for {task.name} data must be {expected}, got {loss!r}")
    return task, loss or task.losses[0]
