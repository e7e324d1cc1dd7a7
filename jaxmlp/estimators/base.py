"""What both estimators share: from a call of `fit` to the training loop, and back to attributes."""

import math
from dataclasses import KW_ONLY, dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from jaxmlp.errors import InputError, check
from jaxmlp.estimators.arguments import LBFGS, LOGISTIC, check_arguments, hidden_widths
from jaxmlp.estimators.forward import forward
from jaxmlp.estimators.rows import checked_weights, dense

TYPES = (np.float64, np.float32)


@dataclass
class Given:
    """Rows as `fit` learns from them: dense, checked, and without those of weight 0.

    Attributes:
      x: inputs, `(n, features)`.
      targets: as the loss takes them, `(n,)` or `(n, outputs)`.
      weights: the weights of the rows, `(n,)`, positive; `None` for all alike.
      factors: weights of their classes, `(n,)`; `None` for all alike.
      strata: what a validation part has equal shares of, `(n,)`, or `None`.
      valid: inputs and targets of the validation part, if `fit` was given one.
    """

    x: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None
    factors: np.ndarray | None = None
    strata: np.ndarray | None = None
    valid: tuple[np.ndarray, np.ndarray] | None = None


def learns_by_steps(estimator: Any) -> bool:
    """Return whether the solver takes steps; scikit-learn hides `partial_fit` otherwise."""
    if estimator.solver == LBFGS:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers, got solver 'lbfgs'"
        )
    return True


@dataclass(eq=False, repr=False)
class BaseMLP(BaseEstimator):
    """What `MLPClassifier` and `MLPRegressor` share; use one of these."""

    hidden_layer_sizes: Any = (100,)
    activation: str = "relu"
    _: KW_ONLY
    solver: str = "adam"
    alpha: float = 0.0001
    batch_size: Any = "auto"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: Any = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: Any = 10
    max_fun: int = 15000
    dropout: float = 0.0
    weight_decay: float = 0.0
    schedule: str | None = None
    precision: str = "auto"

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Train the network.

        Args:
          X: inputs, `(n, features)`: an array, a data frame or a sparse matrix of finite numbers.
          y: targets, `(n,)` or `(n, outputs)`.
          sample_weight: how much each row counts, `(n,)`; `None` for all alike.
          X_val: inputs of the validation part of `early_stopping`; by default it is taken from the
            rows.
          y_val: its targets.

        Returns:
          The estimator itself.

        Raises:
          ValueError: if an argument, the data, or both together cannot be used, or the loss is not
            finite; most of them are `InputError`.

        Warns:
          ConvergenceWarning: if the last epoch has come before a rule ends the run.
        """
        return self._learn(X, y, sample_weight, (X_val, y_val), incremental=False)

    def _learn(
        self, X: Any, y: Any, sample_weight: Any, valid: tuple[Any, Any], incremental: bool
    ) -> Self:
        check_arguments(self.get_params(deep=False))
        if incremental and self.early_stopping:
            raise InputError("partial_fit does not support early_stopping=True")
        if (valid[0] is None) != (valid[1] is None):
            raise InputError("X_val and y_val must be given together, got one of them")
        if valid[0] is not None and not (self.early_stopping and self.solver != LBFGS):
            raise InputError(
                "X_val and y_val need early_stopping=True and a solver that takes steps"
            )
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        given = self._given(X, y, sample_weight, first, incremental)
        if valid[0] is not None:
            given.valid = self._given_validation(*valid, given)
        random = check_random_state(self.random_state)
        sizes = self._sizes(given)
        if first:
            self._begin(sizes, given.x.dtype, random)
        else:
            before = [*map(len, self.coefs_), len(self.intercepts_[-1])]
            check(sizes == before, "the widths of the layers", f"{before} as before", sizes)
        if self.solver == LBFGS:
            from jaxmlp.estimators.lbfgs import descend  # it imports JAX

            descend(self, given)
        else:
            from jaxmlp.estimators.run import train  # it imports JAX

            train(self, given, random, incremental)
        return self

    def _given(self, X: Any, y: Any, sample_weight: Any, first: bool, incremental: bool) -> Given:
        """Check the data, and leave out the rows of weight 0."""
        X, y = self._validated(X, y, first)
        weights = None
        if sample_weight is not None:
            weights = weights_of(sample_weight, X.shape[0])
            kept = np.flatnonzero(weights)
            X, y, weights = X[kept], y[kept], weights[kept]
        return self._encoded(dense(X), y, weights, incremental)

    def _given_validation(self, X: Any, y: Any, given: Given) -> tuple[np.ndarray, np.ndarray]:
        """Check a validation part that `fit` was given."""
        X, y = self._validated(X, y, first=False)
        self._check_seen(y)
        targets = self._targets(y, given.x.dtype)
        same = targets.shape[1:] == given.targets.shape[1:]
        check(same, "y_val", "of the shape of y, but for its rows", np.shape(y))
        return dense(X).astype(given.x.dtype), targets

    def _check_seen(self, y: Any) -> None:
        """Reject targets that have no output; numbers always have."""

    def _sizes(self, given: Given) -> list[int]:
        """Return the widths of the layers, with inputs and outputs."""
        hidden = hidden_widths(self.hidden_layer_sizes)
        return [given.x.shape[1], *hidden, self._outputs(given.targets)]

    def _begin(self, sizes: list[int], dtype: np.dtype, random: np.random.RandomState) -> None:
        """Draw the first parameters as scikit-learn does, and count from 0.

        Kernels and biases are uniform up to `sqrt(6 / (in + out))`, with 2 in place of 6 for
        `logistic` (Glorot and Bengio 2010).
        """
        self.n_layers_, self.n_outputs_ = len(sizes), sizes[-1]
        self.out_activation_ = self._out_activation()
        self.coefs_, self.intercepts_ = [], []
        factor = 2.0 if self.activation in LOGISTIC else 6.0
        for fan_in, fan_out in pairwise(sizes):
            bound = np.sqrt(factor / (fan_in + fan_out))
            self.coefs_.append(random.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype))
            self.intercepts_.append(random.uniform(-bound, bound, fan_out).astype(dtype))
        self.n_iter_ = self.t_ = self._no_improvement_count = 0
        if self.solver != LBFGS:
            self.loss_curve_: list[float] = []
            self.best_loss_ = None if self.early_stopping else math.inf
            self.best_validation_score_ = -math.inf if self.early_stopping else None
            self.validation_scores_: list[float] | None = [] if self.early_stopping else None

    def _activations(self, X: Any) -> np.ndarray:
        """Return the activations of the output layer, `(n, outputs)`."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=TYPES, reset=False)
        activation = LOGISTIC.get(self.activation, self.activation)
        return forward(X, self.coefs_, self.intercepts_, activation, self.out_activation_)

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn may ask of the estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def weights_of(sample_weight: Any, n: int) -> np.ndarray:
    """Return sample weights as an array, checked.

    Args:
      sample_weight: one number for each row, or one for all.
      n: the number of rows.

    Returns:
      `(n,)` in float64.

    Raises:
      ValueError: if they are not one finite number of at least 0 for each row, some positive.
    """
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.ndim == 0:
        weights = np.full(n, weights)
    check(weights.shape == (n,), "the shape of sample_weight", f"{(n,)}", weights.shape)
    return checked_weights(weights)
