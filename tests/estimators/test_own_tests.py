"""A few of scikit-learn's own tests of its MLP, with the import swapped to our estimators.

`make torture` runs all but three of them, which read private attributes.
"""

import types
import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning

from tests.torture.estimators import LEFT_OUT, swapped_source

QUICK = (
    "test_fit",
    "test_partial_fit_classes_error",
    "test_partial_fit_errors",
    "test_nonfinite_params",
    "test_tolerance",
    "test_early_stopping_stratified",
    "test_mlp_diverging_loss",
    "test_minimum_input_sample_size",
)
WITH_CLASS = ("test_warm_start_full_iteration", "test_mlp_partial_fit_after_fit")


@pytest.fixture(scope="module")
def theirs():
    """scikit-learn's module of tests, which knows our estimators."""
    module = types.ModuleType("swapped")
    exec(compile(swapped_source(), "test_mlp.py", "exec"), module.__dict__)
    return module


@pytest.fixture(autouse=True)
def _quietly():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.mark.parametrize("name", QUICK)
def test_scikit_learns_own_tests_pass(theirs, name):
    getattr(theirs, name)()


@pytest.mark.parametrize("name", WITH_CLASS)
@pytest.mark.parametrize("estimator", ["MLPClassifier", "MLPRegressor"])
def test_its_tests_of_both_classes_pass(theirs, name, estimator):
    getattr(theirs, name)(getattr(theirs, estimator))


def test_what_is_left_out_is_there(theirs):
    """A name that scikit-learn no longer has is no reason to leave anything out."""
    assert all(hasattr(theirs, name) for name in LEFT_OUT)
