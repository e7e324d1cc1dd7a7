"""The estimators against scikit-learn's: where a name is the same, so is what it does."""

import warnings
from inspect import signature

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning

from jaxmlp import MLPClassifier, MLPRegressor

X, LABELS = load_iris(return_X_y=True)
X = X / 4
_, MANY = make_multilabel_classification(len(X), random_state=0)
NUMBERS = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]])
TARGETS = {
    "classes": LABELS,
    "names": np.array(["no", "yes"])[(LABELS == 1).astype(int)],
    "labels": MANY,
    "number": NUMBERS[:, 0],
    "numbers": NUMBERS,
    "counts": LABELS.astype(float),
}
SLOW = {"max_iter": 12, "tol": 0}
ADAM = {"epsilon": 1e-300}  # where it stands makes no difference then
# targets, arguments: one form for many numbers, so that few programs are compiled
CASES = {
    "adam": ("classes", ADAM),
    "strings, alpha": ("names", ADAM | {"alpha": 3.0}),
    "labels": ("labels", ADAM),
    "sgd": ("number", {"solver": "sgd"}),
    "outputs": ("numbers", {"solver": "sgd", "alpha": 1.0, "momentum": 0.5}),
    "counts": ("counts", {"solver": "sgd", "loss": "poisson", "learning_rate_init": 1e-4}),
    "inverse rate": ("number", {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3}),
    "batches": ("number", {"solver": "sgd", "batch_size": 64, "shuffle": False}),
    "heavy ball": (
        "number",
        {"solver": "sgd", "nesterovs_momentum": False, "activation": "logistic"},
    ),
    "stopping": ("number", {"solver": "sgd", "tol": 1e-2, "max_iter": 80, "n_iter_no_change": 3}),
    "lbfgs": ("number", {"solver": "lbfgs", "max_iter": 5}),
}


@pytest.fixture(autouse=True)
def _quietly():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def both(target, **given):
    """Return our estimator and theirs for a target, not fitted."""
    name = "MLPClassifier" if target in ("classes", "names", "labels") else "MLPRegressor"
    ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[name]
    usual = SLOW | {"hidden_layer_sizes": (9,), "random_state": 3} | given
    return ours(precision="float64", **usual), getattr(neural_network, name)(**usual)


def assert_same(ours, theirs, tolerance=1e-9):
    """Compare everything that scikit-learn's fit leaves behind."""
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(a, b, tolerance, tolerance)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    found = ours.predict(X), theirs.predict(X)
    assert found[0].dtype == found[1].dtype
    np.testing.assert_allclose(*map(numbers, found), 1e-7)
    if ours.n_outputs_ == 1 or hasattr(
        ours, "classes_"
    ):  # scikit-learn reports a mean over outputs
        np.testing.assert_allclose(ours.loss_, theirs.loss_, 1e-9)


def numbers(found):
    """Return predictions as numbers; names of classes by whether they are `yes`."""
    return found if found.dtype.kind in "fiu" else (found == "yes").astype(float)


@pytest.mark.parametrize("case", CASES)
def test_parameters_are_scikit_learns(case):
    """Parameters, losses and predictions after a dozen steps agree to nine digits."""
    target, given = CASES[case]
    ours, theirs = both(target, **given)
    assert_same(ours.fit(X, TARGETS[target]), theirs.fit(X, TARGETS[target]))
    if hasattr(ours, "loss_curve_") and target != "numbers":
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, 1e-9)


def test_weights_are_scikit_learns():
    """Weights that are no whole numbers multiply the loss, also that of the penalty."""
    ours, theirs = both("number", solver="sgd", alpha=2.0)
    if "sample_weight" not in signature(theirs.fit).parameters:
        pytest.skip("this scikit-learn takes no weights")
    weights = np.linspace(0.1, 2, len(X))
    y = TARGETS["number"]
    assert_same(ours.fit(X, y, weights), theirs.fit(X, y, weights))


@pytest.mark.parametrize("call", ["partial_fit", "warm_start"])
def test_further_calls_go_on_as_scikit_learns(call):
    """Three calls agree: the rule goes on in `partial_fit`, and begins anew in `fit`."""
    given = {"solver": "sgd", "learning_rate": "invscaling", "warm_start": call == "warm_start"}
    ours, theirs = both("number", **given)
    for _ in range(3):
        for estimator in (ours, theirs):
            getattr(estimator, "fit" if call == "warm_start" else call)(X, TARGETS["number"])
    assert_same(ours, theirs)


def test_early_stopping_is_scikit_learns():
    """On the same validation part, the scores and the chosen parameters agree."""
    ours, theirs = both(
        "number", solver="sgd", early_stopping=True, shuffle=False, batch_size=64, max_iter=30
    )
    assert_same(ours.fit(X, TARGETS["number"]), theirs.fit(X, TARGETS["number"]))
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, 1e-8)
    assert ours.best_validation_score_ == pytest.approx(theirs.best_validation_score_)
    assert ours.best_loss_ is theirs.best_loss_ is None
