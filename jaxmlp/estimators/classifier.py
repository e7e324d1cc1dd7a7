"""A classifier for scikit-learn."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from jaxmlp.errors import InputError, check, shown
from jaxmlp.estimators.arguments import is_number
from jaxmlp.estimators.base import TYPES, BaseMLP, Given, learns_by_steps


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron that predicts classes, with the ways of scikit-learn.

    It minimises the cross-entropy of a softmax over the classes (of a sigmoid for two classes, and
    for each label of multilabel targets) by the same loop as `jaxmlp.fit`.

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
      class_weight: ours: `balanced`, or a dictionary from classes to weights, which multiply the
        loss; classes that it lacks weigh 1.

    Attributes:
      coefs_, intercepts_: the kernels and the biases of the layers.
      n_layers_, n_outputs_, out_activation_: the layers, with inputs and outputs; the outputs; and
        the activation of the last layer.
      n_features_in_, feature_names_in_: the inputs, and their names if `X` has any.
      n_iter_, t_: the epochs of the last fit, and the examples seen in all.
      loss_, loss_curve_, best_loss_: the mean training loss with the penalty, of the last epoch, of
        each, and the lowest (`None` with `early_stopping`).
      validation_scores_, best_validation_score_: the accuracy of the
        validation part after each epoch, and the greatest; `None` without `early_stopping`.
      classes_: the classes, in the order of `predict_proba`; of multilabel targets the columns.
    """

    class_weight: Any = None

    @available_if(learns_by_steps)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Take one epoch over the rows, from where the last call left off.

        Args:
          X: inputs, as for `fit`.
          y: targets, as for `fit`.
          sample_weight: as for `fit`.
          classes: all classes of all calls; needed in the first one.

        Returns:
          The estimator itself.

        Raises:
          ValueError: as from `fit`; if the first call names no classes, or a later one others; with
            `early_stopping`.
        """
        if classes is None and not hasattr(self, "classes_"):
            raise InputError("classes must be passed on the first call to partial_fit")
        if not hasattr(self, "classes_"):
            several = type_of_target(y).startswith("multilabel")
            self._binarizer = LabelBinarizer().fit(y if several else unique_labels(classes))
            self.classes_ = self._binarizer.classes_
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            got = unique_labels(classes)
            raise InputError(f"classes must be {self.classes_} as in the first call, got {got}")
        return self._learn(X, y, sample_weight, (None, None), incremental=True)

    def _validated(self, X: Any, y: Any, first: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, dtype=TYPES, reset=first
        )
        check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _encoded(
        self, x: np.ndarray, y: Any, weights: np.ndarray | None, incremental: bool
    ) -> Given:
        """Return the rows with encoded targets; learn the classes where they are new."""
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._binarizer.classes_
        else:
            self._check_classes(y)
        targets = self._targets(y, x.dtype)
        binary = self._task() == "binary"
        return Given(
            x,
            targets,
            weights,
            factors=self._class_factors(targets, weights),
            strata=np.where(targets[:, 0] > 0.5, "True", "False") if binary else None,
        )

    def _check_classes(self, y: Any) -> None:
        """Reject classes that do not fit those of the calls before."""
        classes = unique_labels(y)
        if self.warm_start and set(classes) != set(self.classes_):
            raise InputError(
                "warm_start can only be used where `y` has the same classes as in the previous call"
                f" to fit. Previously got {self.classes_}, `y` has {classes}"
            )
        self._check_seen(y)

    def _check_seen(self, y: Any) -> None:
        """Reject classes that have no output."""
        classes = unique_labels(y)
        if len(np.setdiff1d(classes, self.classes_)):
            raise InputError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y'"
                f" has {classes}."
            )

    def _task(self) -> str:
        kind = self._binarizer.y_type_
        if kind.startswith("multilabel"):
            return "multilabel"
        return "multiclass" if kind == "multiclass" else "binary"

    def _loss(self) -> str:
        return "log_loss"

    def _out_activation(self) -> str:
        return "softmax" if self._task() == "multiclass" else "logistic"

    def _outputs(self, targets: np.ndarray) -> int:
        return len(self.classes_) if targets.ndim == 1 else targets.shape[1]

    def _targets(self, y: Any, dtype: np.dtype) -> np.ndarray:
        """Return labels `(n,)`, or zeros and ones `(n, outputs)`."""
        if self._task() == "multiclass":
            return np.searchsorted(self.classes_, y).astype(np.int32)
        rows = self._binarizer.transform(y)
        return (rows.toarray() if hasattr(rows, "toarray") else rows).astype(dtype)

    def _class_factors(self, targets: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        """Return the weight of each row's class, `(n,)`; `None` for all alike."""
        if self.class_weight is None:
            return None
        task = self._task()
        if task == "multilabel":
            raise InputError("class_weight is for classes of which one is right, got labels")
        labels = targets if targets.ndim == 1 else targets[:, 0].astype(np.int32)
        if self.class_weight == "balanced":
            counts = np.bincount(labels, weights, minlength=len(self.classes_))
            present = np.count_nonzero(counts)
            return (counts.sum() / (present * np.where(counts > 0, counts, 1)))[labels]
        return self._given_factors()[labels]

    def _given_factors(self) -> np.ndarray:
        """Return the weight of each class from the dictionary that was given."""
        given = self.class_weight
        check(isinstance(given, dict), "class_weight", "'balanced' or a dictionary", given)
        unseen = [name for name in given if name not in self.classes_]
        check(not unseen, "class_weight", f"for classes of {self.classes_}", shown(unseen))
        for name, weight in given.items():
            good = is_number(weight) and weight >= 0
            check(good, f"class_weight of {name}", "a finite number of at least 0", weight)
        return np.array([float(given.get(name, 1)) for name in self.classes_])

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row, or for labels, 1 for each that applies.

        Args:
          X: inputs, `(n, features)`.

        Returns:
          `(n,)`, or `(n, labels)`.
        """
        found = self._activations(X)
        return self._binarizer.inverse_transform(found.ravel() if self.n_outputs_ == 1 else found)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, or of each label.

        Args:
          X: inputs, `(n, features)`.

        Returns:
          `(n, classes)`, in the order of `classes_`.
        """
        found = self._activations(X)
        if self._task() != "binary":
            return found
        if len(self.classes_) == 1:
            return np.ones_like(found)
        return np.concatenate((1 - found, found), axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`.

        Args:
          X: inputs, `(n, features)`.

        Returns:
          `(n, classes)`, in the order of `classes_`.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn may ask of the estimator."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
