"""The four tasks: how each encodes targets, sizes outputs and is scored.

The data decide the task, and the task the output activation (lecture row E5): the identity for real
numbers, a sigmoid for each independent yes or no (lecture row E3), softmax for one class of many,
whose score is one minus the zero-one loss (lecture row C2). Numbers that are never negative may
take a ReLU or a softplus (lecture row E13). The loss contains the activation, so a network returns
raw outputs.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxmlp.errors import InputError
from jaxmlp.nn import Activation
from jaxmlp.training.types import AnyArray, Array, HostTargets, Outputs, PerExample, Targets

Labels = Int[Array, "N"]
Numbers = Float[Array, "N K"]
Column = Float[Array, "N 1"]
TwoColumns = Float[Array, "N 2"]


@dataclass(frozen=True)
class Task:
    """A task: its losses, targets, outputs and score (lecture row E5).

    Attributes:
      name: as in `jaxmlp.data.dataset.TASKS`.
      losses: the names of the losses that suit it, the default first.
      score: the name of the score that is reported beside the loss, `accuracy` or `r2`. The
        accuracy of multilabel data is per label.
      outputs: `number of classes, labels or values -> number of raw outputs`.
      encode: `targets of the data set -> targets of the loss`.
      score_each: `(outputs (N, K), encoded targets) -> (N,)`, added up over all examples.
      finish: `(mean of score_each, encoded targets of these examples) -> score`.
      probabilities: `raw outputs -> probabilities`, `(N, classes)`; a regression's outputs stay as
        they are.
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
    """Return 1 for each example whose largest output is its class's, else 0: zero-one."""
    found = jnp.argmax(outputs, axis=1).astype(labels.dtype)
    return (found == labels).astype(outputs.dtype)


def _right_signs(outputs: Outputs, targets: Numbers) -> PerExample:
    """Return the share of right yes-or-no answers of each example (lecture row E3).

    So the accuracy of multilabel data is per label: an example with 9 of 10 labels right counts
    0.9, not 0. scikit-learn's `accuracy_score` counts only examples with all labels right.
    """
    return jnp.mean((outputs > 0) == (targets > 0.5), axis=1, dtype=outputs.dtype)


def _squared_error(outputs: Outputs, targets: Numbers) -> PerExample:
    """Return the mean squared error of each example."""
    return jnp.mean((outputs - targets) ** 2, axis=1)


def _r2(mean_squared_error: float, targets: HostTargets) -> float:
    """Return the coefficient of determination, `1 - MSE / Var(targets)`.

    Several outputs are weighted by their variance, `1 - sum_k MSE_k / sum_k Var_k`: scikit-learn's
    `r2_score` with `multioutput="variance_weighted"`. Its default is the plain mean of the
    outputs' own values. Encoded targets vary about as much as each other, so the two are close.

    Encoded targets have variance 1 in the training part. This value replaces the variance of a part
    whose targets are all equal, such as a part of one example.
    """
    variance = float(np.mean(np.var(targets, axis=0)))
    return 1 - mean_squared_error / (variance or 1.0)


@jax.jit
def _two_columns(outputs: Column) -> TwoColumns:
    """Return the probabilities of both classes from one sigmoid output."""
    p = jax.nn.sigmoid(outputs)
    return jnp.concatenate([1 - p, p], axis=1)


def _same(mean: float, _: HostTargets) -> float:
    return mean


ERRORS = ("mse", "half_mse", "quadratic", "mae", "huber")  # for numbers and for one-hot targets
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
    (*ERRORS, "quantile"),
    "r2",
    outputs=lambda values: values,
    encode=lambda y: y.astype(float),
    score_each=_squared_error,
    finish=_r2,
    probabilities=lambda outputs: outputs,
)

TASKS = {task.name: task for task in (MULTICLASS, BINARY, MULTILABEL, REGRESSION)}


def quantile_task(quantiles: Sequence[float]) -> Task:
    """The regression that answers with several quantiles of each value.

    A value has an output for each quantile, in a row, and its target stands as often in a row. The
    score is that of the answer nearest to the median. The answers are the outputs in ascending
    order, as a network predicts them.

    Args:
      quantiles: in (0, 1), ascending; none for the regression that answers with one number.

    Returns:
      The task.
    """
    if not quantiles:
        return REGRESSION
    many, middle = len(quantiles), central(quantiles)

    def score_each(outputs: Outputs, targets: Numbers) -> PerExample:
        answers = jnp.sort(outputs.reshape(len(outputs), -1, many), axis=2)
        return _squared_error(answers[:, :, middle], targets[:, middle::many])

    return dataclasses.replace(
        REGRESSION,
        outputs=lambda values: values * many,
        encode=lambda y: np.repeat(y.astype(float), many, axis=1),
        score_each=score_each,
    )


def task_behind(activation: Activation, task: Task) -> Task:
    """The regression whose predictions are an activation of the raw outputs (lecture rows E5, E13).

    Args:
      activation: from raw outputs to predictions, in the scale of the encoded targets.
      task: the regression of the predictions.

    Returns:
      The task of the raw outputs.
    """

    def score_each(outputs: Outputs, targets: Numbers) -> PerExample:
        return task.score_each(activation(outputs), targets)

    return dataclasses.replace(task, score_each=score_each)


def central(quantiles: Sequence[float]) -> int:
    """Return the place of the quantile that is nearest to the median."""
    return int(np.argmin(np.abs(np.asarray(quantiles) - 0.5)))


def task_for(kind: str, loss: str | None) -> tuple[Task, str]:
    """Return the task for a data set's kind of targets and a loss, and the loss's name.

    Two classes take one sigmoid output if the loss is for one, and otherwise one output per class,
    as any number of classes does (lecture row D7: softmax over two classes is a sigmoid).

    Args:
      kind: `multiclass`, `binary`, `multilabel` or `regression`.
      loss: a loss's name; `None` for the task's default.

    Returns:
      The task and the name of the loss.

    Raises:
      InputError: if the loss does not suit the task.
    """
    task = TASKS[kind]
    if task is BINARY and loss not in (None, *BINARY.losses):
        task = MULTICLASS
    if loss is not None and loss not in task.losses:
        expected = " or ".join(task.losses)
        raise InputError(f"loss for {task.name} data must be {expected}, got {loss!r}")
    return task, loss or task.losses[0]
