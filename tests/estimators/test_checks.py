"""scikit-learn's checks of an estimator's conventions: none may fail, and none is expected to."""

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

from jaxmlp import MLPClassifier, MLPRegressor

QUICKLY = {"max_iter": 20, "learning_rate_init": 0.05}  # `make torture` checks the usual ones
ABSENT = {  # checks that need what neither estimator has
    "check_array_api_input",
    "check_classifiers_multilabel_output_format_decision_function",
}


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_no_check_fails(estimator):
    """`check_estimator` passes without expected failures; among much else, 2 equals twice."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        results = check_estimator(estimator(**QUICKLY), on_skip=None)
    other = {r["check_name"] for r in results if r["status"] != "passed"}
    assert other <= ABSENT
    assert len(results) > 50
