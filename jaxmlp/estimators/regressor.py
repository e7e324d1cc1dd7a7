"""A regressor for scikit-learn."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from jaxmlp.errors import check, unknown
from jaxmlp.estimators.base import TYPES, BaseMLP, Given, learns_by_steps
from jaxmlp.estimators.rows import dense

LOSSES = ("squared_error", "poisson")


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, BaseMLP):
    """A multi-layer perceptron that predicts numbers, with the ways of scikit-learn.

    It minimises half the squared error, or half the Poisson deviance of a mean `e^z`, by the same
    loop as `jaxmlp.fit`. Targets are not scaled.

    What is the same as in scikit-learn has the same name, and its manual holds: the first
    parameters (the same numbers for the same `random_state`), `alpha`, the losses, the rules to
    stop, `early_stopping`, `warm_start`, `partial_fit`, and the attributes. With `precision`
    float64 and rows in one order the two give the same coefficients to the last digits. These
    differ:

    - `precision`: training computes in float32, which is faster; scikit-learn computes in the type
      of `X`. Parameters and predictions have the type of `X` in both, and predictions are computed
      in it.
    - `sample_weight`: whole weights are repetitions (2 is the same as two equal rows, 0 as none),
      exactly, also in batches. This holds if they add up to at most ten times the rows. Other
      weights multiply the loss of a row, which is exact where a step takes all rows, and right on
      average in batches. The score of `early_stopping` counts all rows alike.
    - `shuffle`: rows are shuffled from an order that their content decides. The same rows in
      another order give the same network. The order of the batches is not scikit-learn's.
    - `solver` may also be `momentum`, `nesterov`, `adagrad`, `rmsprop` or `adamw`; `sgd` has
      momentum, as in scikit-learn. `adam` and `adamw` add `epsilon` to the corrected root of the
      second moment: their first steps differ where gradients are near `epsilon` (see
      `jaxmlp.optim.adam`). `adaptive` divides the whole update by 5, the momentum too. `lbfgs` is
      SciPy's in both.
    - `activation` may also be `leaky_relu`, `elu`, `softplus`, `gelu` or `silu`.
    - `batch_size`: a step of all rows is not shuffled, since its sum has no order.
    - Training ends at the first epoch whose loss is not finite. With `early_stopping` this is a
      warning, and the best parameters of the epochs before it stay; without, or in the first epoch,
      it is an error. Arguments are checked by `fit`, with an `InputError`.
    - Sparse inputs become dense for training, and block by block for predicting.
    - Several outputs: the loss is their sum, whose gradient training follows; scikit-learn follows
      the same gradient and reports the mean. The score of `early_stopping` is their R2 weighted by
      variance, where scikit-learn takes the plain mean.
    - The first arguments by place are `hidden_layer_sizes` and `activation`; `loss` has a name.

    Args:
      hidden_layer_sizes: the widths of the hidden layers; none for a linear model.
      activation: `relu`, `identity`, `logistic`, `tanh`, or one of ours.
      solver: `adam`, `sgd`, `lbfgs`, or one of ours.
      alpha: the L2 penalty `alpha / (2 N) |W|^2` of a batch of `N` rows, or of their weights' sum.
      batch_size: the rows of a step; `auto` is 200, or all if there are fewer.
      learning_rate: `constant`, `invscaling` or `adaptive`; for `sgd` only.
      learning_rate_init: the rate, or the peak of a `schedule`.
      power_t: the exponent of `invscaling`.
      max_iter: the greatest number of epochs; of iterations, for `lbfgs`.
      shuffle: whether each epoch has an order of its own.
      random_state: a seed, a `RandomState`, or `None` for another network in each fit.
      tol: the least improvement that counts.
      verbose: whether to print each epoch.
      warm_start: whether `fit` begins with the parameters of the last call.
      momentum: of `sgd`, `momentum` and `nesterov`.
      nesterovs_momentum: whether `sgd` looks ahead.
      early_stopping: whether a validation part ends training and chooses the parameters.
      validation_fraction: its share of the rows, unless `fit` is given one.
      beta_1: how much `adam` and `adamw` keep of the first moment.
      beta_2: how much they keep of the second.
      epsilon: keeps a divisor from 0, of `adam`, `adamw`, `adagrad` and `rmsprop`.
      n_iter_no_change: the epochs in a row without improvement that are allowed; may be infinity.
      max_fun: the greatest number of evaluations of `lbfgs`.
      dropout: ours: the probability of dropping a hidden unit in training.
      weight_decay: ours: decoupled decay of the kernels (Loshchilov and Hutter 2019).
      schedule: ours: the course of the rate over `max_iter` epochs, such as `one_cycle` or
        `cosine`, for all solvers that take steps; see `jaxmlp.optim.schedules`.
      precision: ours: the arithmetic of training, `float32`, `float64` or `bfloat16`; `auto` is
        float64 for `lbfgs` and float32 for the others.
      loss: `squared_error` or `poisson`.

    Attributes:
      coefs_, intercepts_: the kernels and the biases of the layers.
      n_layers_, n_outputs_, out_activation_: the layers, with inputs and outputs; the outputs; and
        the activation of the last layer.
      n_features_in_, feature_names_in_: the inputs, and their names if `X` has any.
      n_iter_, t_: the epochs of the last fit, and the examples seen in all.
      loss_, loss_curve_, best_loss_: the mean training loss with the penalty, of the last epoch, of
        each, and the lowest (`None` with `early_stopping`).
      validation_scores_, best_validation_score_: the R2 of the
        validation part after each epoch, and the greatest; `None` without `early_stopping`.
    """

    loss: str = "squared_error"

    @available_if(learns_by_steps)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Take one epoch over the rows, from where the last call left off.

        Args:
          X: inputs, as for `fit`.
          y: targets, as for `fit`.
          sample_weight: as for `fit`.

        Returns:
          The estimator itself.

        Raises:
          ValueError: as from `fit`; with `early_stopping`.
        """
        return self._learn(X, y, sample_weight, (None, None), incremental=True)

    def _validated(self, X: Any, y: Any, first: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=True,
            dtype=TYPES,
            reset=first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _encoded(
        self, x: np.ndarray, y: Any, weights: np.ndarray | None, incremental: bool
    ) -> Given:
        if self.loss not in LOSSES:
            raise unknown("loss", self.loss, LOSSES)
        return Given(x, self._targets(y, x.dtype), weights)

    def _task(self) -> str:
        return "counts" if self.loss == "poisson" else "regression"

    def _loss(self) -> str:
        return self.loss

    def _out_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _outputs(self, targets: np.ndarray) -> int:
        return targets.shape[1]

    def _targets(self, y: Any, dtype: np.dtype) -> np.ndarray:
        y = dense(y).astype(dtype).reshape(len(y), -1)
        if self.loss == "poisson":
            check(bool((y >= 0).all()), "y for loss 'poisson'", "at least 0", float(y.min()))
        return y

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted values of each row.

        Args:
          X: inputs, `(n, features)`.

        Returns:
          `(n,)`, or `(n, outputs)` for several.
        """
        found = self._activations(X)
        return found.ravel() if self.n_outputs_ == 1 else found
