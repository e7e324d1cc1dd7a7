"""From an estimator's attributes to the training loop of `jaxmlp.training`, and back."""

import math
import warnings
from typing import Any

import jax
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from jaxmlp.config.factory import arithmetic
from jaxmlp.errors import InputError
from jaxmlp.estimators.arguments import LBFGS, LOGISTIC, hidden_widths
from jaxmlp.estimators.base import BaseMLP, Given
from jaxmlp.estimators.curve import Curve, Progress
from jaxmlp.estimators.programs import (
    DECAY,
    Numbers,
    Plan,
    Program,
    begin_from,
    kernels_and_biases,
    params_of,
    program_for,
)
from jaxmlp.estimators.rows import Layout, lay_out, padded, room_for, room_for_inputs
from jaxmlp.training import Best, Diverged, Examples, Split, fit
from jaxmlp.training.judge import EXAMPLES_AT_ONCE

EPOCHS_AT_ONCE = 12  # of small data: one more than the usual patience, and the first look
USUAL_BATCH = 200
BROKEN = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need"
    " to be preprocessed."
)


class Parts:
    """The rows of a fit on the device: the training part, and maybe a validation part."""

    def __init__(self, model: BaseMLP, given: Given, random: np.random.RandomState) -> None:
        layout = lay_out(given.x, given.targets, given.weights, given.factors, model.shuffle)
        self.train, valid = layout.indices, None
        x, targets = given.x, given.targets
        if given.valid is not None:
            valid = np.arange(len(x), len(x) + len(given.valid[0]), dtype=np.int32)
            x, targets = (
                np.concatenate(both) for both in zip((x, targets), given.valid, strict=True)
            )
        elif model.early_stopping:
            self.train, valid = _held_out(model, layout, given, random)
        self.n, self.valid_rows = len(self.train), valid
        self.batch = self._batch_size(model.batch_size)
        self.steps = -(-self.n // self.batch)
        self.arrays = x, targets, layout.weights

    def _batch_size(self, asked: Any) -> int:
        if asked == "auto":
            return min(USUAL_BATCH, self.n)
        if asked > self.n:
            warnings.warn(
                f"batch_size {asked} is larger than the {self.n} examples, which are taken instead",
                stacklevel=6,
            )
        return min(int(asked), self.n)

    @property
    def width(self) -> int:
        """The number of places of a batch; a step of all examples leaves some empty."""
        if self.steps > 1:
            return self.batch
        return USUAL_BATCH if self.n <= USUAL_BATCH else room_for(self.n)

    def splits(self, dtype: str) -> tuple[Split, Split | None]:
        """Put the rows on the device, in a number that similar data share."""
        x, targets, weights = self.arrays
        rows = room_for(len(x))
        weights = np.ones(len(x)) if weights is None else weights
        weights = np.concatenate((weights, np.ones(len(x) - len(weights)))).astype(dtype)
        with np.errstate(over="ignore"):  # what is too large for the type breaks the first step
            x, targets = (a.astype(dtype, copy=False) if a.ndim > 1 else a for a in (x, targets))
        x = padded(x, rows, room_for_inputs(x.shape[1]))
        arrays = x, padded(targets, rows), padded(weights, rows)
        examples = Examples(*jax.device_put(arrays))
        seen = max(rows, EXAMPLES_AT_ONCE // EPOCHS_AT_ONCE)
        valid = None if self.valid_rows is None else Split(examples, self.valid_rows, seen)
        return Split(examples, self.train, seen), valid


def _held_out(
    model: BaseMLP, layout: Layout, given: Given, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the training and of the validation part."""
    indices = layout.indices
    train, valid = train_test_split(
        indices,
        random_state=random,
        test_size=model.validation_fraction,
        stratify=None if given.strata is None else given.strata[indices],
    )
    if len(valid) < 2:
        raise InputError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your"
            " dataset."
        )
    return train, valid


def plan_of(model: BaseMLP, given: Given, steps: int) -> Plan:
    """Return the form of the computation that the arguments ask for.

    Args:
      model: the estimator.
      given: the rows.
      steps: the number of steps of an epoch.

    Returns:
      The plan.
    """
    precision = model.precision
    if precision == "auto":
        precision = "float64" if model.solver == LBFGS else "float32"
    solver = model.solver
    if solver in ("sgd", LBFGS):
        solver = "nesterov" if model.nesterovs_momentum else "momentum"
    rate = model.schedule or "constant"
    if model.solver == "sgd" and model.learning_rate == "invscaling":
        rate = "invscaling"
    return Plan(
        task=model._task(),
        loss=model._loss(),
        inputs=room_for_inputs(given.x.shape[1]),
        outputs=model.n_outputs_,
        hidden=hidden_widths(model.hidden_layer_sizes),
        activation=LOGISTIC.get(model.activation, model.activation),
        dropout=float(model.dropout),
        solver=solver,
        decays=model.weight_decay > 0,
        rate=rate,
        steps=steps * model.max_iter if model.schedule else 0,
        precision=precision,
    )


def numbers_of(model: BaseMLP, plan: Plan, parts: Parts | None = None, begun: int = 0) -> Numbers:
    """Return the numbers that the arguments ask for, in the type of the computation.

    Args:
      model: the estimator.
      plan: the form of the computation.
      parts: the rows of an epoch; `None` if there are no epochs.
      begun: the number of steps before the fit, of the same update rule.

    Returns:
      The numbers.
    """
    values = {
        "learning_rate": model.learning_rate_init,
        "alpha": model.alpha,
        "momentum": model.momentum,
        "beta1": model.beta_1,
        "beta2": model.beta_2,
        "epsilon": model.epsilon,
        "decay": DECAY,
        "weight_decay": model.weight_decay,
        "power": model.power_t,
        "first": (1 + model.t_) ** -model.power_t if begun else 1.0,
        "seen": model.t_,
        "examples": parts.n if parts else 0,
    }
    typed = {name: np.asarray(value, plan.dtype) for name, value in values.items()}
    return Numbers(**typed, begun=np.int32(begun), steps=np.int32(parts.steps if parts else 1))


def train(model: BaseMLP, given: Given, random: np.random.RandomState, incremental: bool) -> None:
    """Train an estimator by the loop of `jaxmlp.training`, and set its attributes.

    Args:
      model: the estimator, with parameters to begin from.
      given: the rows.
      random: draws the validation part, the order of the rows and dropout.
      incremental: whether to take one epoch, with the update rule as it was left.

    Raises:
      InputError: if the loss is not finite, and there is no validation part that could tell which
        earlier parameters were good.
    """
    parts = Parts(model, given, random)
    plan = plan_of(model, given, parts.steps)
    kept = getattr(model, "_rule_state", None) if incremental else None
    kept = kept if kept is not None and kept[0] == plan.solver else None
    seed = int(random.randint(2**31 - 1))
    with arithmetic(plan.dtype):
        program = program_for(plan)
        numbers = numbers_of(model, plan, parts, kept[1] if kept else 0)
        params = params_of(program.model, model.coefs_, model.intercepts_, plan.dtype)
        history = _curve(model, plan, program, params, incremental)
        state = begin_from(
            program,
            params,
            kept[2] if kept else None,
            jax.random.key((seed + model.t_) % 2**31, impl="threefry2x32"),
            history.progress.factor,
        )
        progress = fit(
            program.trainer(numbers),
            *parts.splits(plan.dtype),
            state,
            history,
            epochs=1 if incremental else model.max_iter,
            batch_size=parts.width,
            seed=(seed + model.t_) % 2**31,
            shuffle=model.shuffle and parts.steps > 1,
        )
        broken = None
        try:
            for now in progress:
                state = now.state
            rule = jax.device_get(jax.tree.leaves(state.opt_state))
            model._rule_state = plan.solver, numbers.begun + int(state.step), rule
        except Diverged as error:
            broken = error
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=4)
    _set_attributes(model, history, parts.n, broken)
    if not incremental and not broken and history.reason_to_stop() is None:
        _warn_of_the_end(model)


def _curve(model: BaseMLP, plan: Plan, program: Program, params: Any, incremental: bool) -> Curve:
    """Begin the history of a fit, with what the rules remember of earlier ones."""
    score = getattr(model, "best_validation_score_", None) if model.early_stopping else None
    loss = getattr(model, "best_loss_", None)  # none after early_stopping, or after lbfgs
    progress = Progress(
        best_loss=math.inf if loss is None else loss,
        best_score=-math.inf if score is None else score,
        waited=model._no_improvement_count,
        factor=getattr(model, "_rate_factor", 1.0) if incremental else 1.0,
    )
    best = Best.before(params)
    if score is not None and score > -math.inf:  # of an earlier fit
        best = best._replace(epoch=np.int64(1), score=np.float64(score))
    return Curve(
        program.judge.task,
        best,
        progress,
        tol=model.tol,
        patience=model.n_iter_no_change,
        rate=model.learning_rate_init,
        adaptive=model.solver == "sgd" and model.learning_rate == "adaptive",
        verbose=bool(model.verbose),
    )


def _set_attributes(model: BaseMLP, history: Curve, n: int, broken: Diverged | None) -> None:
    """Set what a fit leaves in its estimator; raise if it has broken and nothing good is kept."""
    records, progress = history.records, history.progress
    if broken and (not model.early_stopping or not records):
        raise InputError(f"{BROKEN} {broken}") from broken
    losses = [record.train.loss for record in records] + [math.nan] * bool(broken)
    scores = [record.valid.score for record in records if record.valid] + [math.nan] * bool(broken)
    model.coefs_, model.intercepts_ = kernels_and_biases(history.best.params, model.coefs_)
    earlier = getattr(model, "validation_scores_", None) or ()
    model.n_iter_ = len(losses)
    model.t_ += n * len(losses)
    model._no_improvement_count, model._rate_factor = progress.waited, progress.factor
    if losses:
        model.loss_ = losses[-1]
    model.loss_curve_ = [*getattr(model, "loss_curve_", ()), *losses]
    model.best_loss_ = model.validation_scores_ = model.best_validation_score_ = None
    if model.early_stopping:
        model.validation_scores_ = [*earlier, *scores]
        model.best_validation_score_ = progress.best_score
    else:
        model.best_loss_ = progress.best_loss
    if broken:
        warnings.warn(
            f"{broken}; the parameters of the best epoch before it are kept",
            ConvergenceWarning,
            stacklevel=5,
        )


def _warn_of_the_end(model: BaseMLP) -> None:
    if model.n_iter_ == model.max_iter:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the"
            " optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=5,
        )
