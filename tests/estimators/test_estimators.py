"""What the estimators have beside scikit-learn's, and how they stand among its tools."""

import pickle
import subprocess
import sys
import warnings

import jax
import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jaxmlp
from jaxmlp import InputError, MLPClassifier, MLPRegressor
from jaxmlp.config.names import ACTIVATIONS
from jaxmlp.estimators import forward, programs
from jaxmlp.estimators.arguments import LBFGS, SOLVERS
from jaxmlp.estimators.rows import room_for
from jaxmlp.nn import mlp
from tests.helpers import assert_trees_identical

X, Y = make_blobs(120, 3, centers=4, random_state=0)
Y = np.array(["no", "yes"])[Y % 2]
USUAL = {"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0, "learning_rate_init": 0.02}


@pytest.fixture(autouse=True)
def _quietly():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def classifier(**given):
    return MLPClassifier(**USUAL | given)


def assert_same_network(first, second):
    assert_trees_identical([first.coefs_, first.intercepts_], [second.coefs_, second.intercepts_])


@pytest.mark.parametrize("given", [{}, {"batch_size": 32}, {"early_stopping": True}])
def test_two_equals_twice_and_zero_is_absent(given):
    """Whole weights give the network of repeated rows to the last bit, in any order of the rows."""
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    rows = np.random.default_rng(1).permutation(np.repeat(np.arange(len(X)), weights))
    weighted = classifier(**given).fit(X, Y, sample_weight=weights)
    assert_same_network(weighted, classifier(**given).fit(X[rows], Y[rows]))


def test_other_weights_of_a_step_of_all_rows_are_a_scale():
    """Weights that are all a half change nothing but the penalty, which is set to 0."""
    half = classifier(alpha=0.0).fit(X, Y, sample_weight=np.full(len(X), 0.5))
    for a, b in zip(half.coefs_, classifier(alpha=0.0).fit(X, Y).coefs_, strict=True):
        np.testing.assert_allclose(a, b, 1e-3, 1e-4)


def test_a_search_compiles_once():
    """Numbers are arguments of a program, and similar data share it."""
    classifier().fit(X, Y)
    program = programs.program_for.cache_info().misses
    model = classifier().fit(X, Y)
    search = GridSearchCV(classifier(), {"alpha": [0.1, 10.0], "momentum": [0.5]}, cv=3)
    assert search.fit(X[:, :2], Y).best_score_ > 0.8
    assert programs.program_for.cache_info().misses == program
    assert room_for(79) == room_for(80)
    assert model.score(X, Y) > 0.9


def test_it_stands_in_scikit_learns_tools():
    """Pipelines, scores, calibration, thresholds, importance, copies; frames keep their names."""
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    pipe = make_pipeline(StandardScaler(), classifier()).set_output(transform="pandas")
    assert cross_val_score(pipe, frame, Y, cv=3).mean() > 0.8
    model = pipe.fit(frame, Y)[-1]
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    assert list(classifier().fit(pl.DataFrame(frame.to_dict("list")), Y).feature_names_in_) == [
        *"abc"
    ]
    assert permutation_importance(model, frame, Y, n_repeats=2).importances_mean.shape == (3,)
    for tool in (CalibratedClassifierCV, TunedThresholdClassifierCV):
        assert set(tool(classifier(), cv=2).fit(X, Y == "yes").predict(X)) <= {True, False}
    assert not hasattr(clone(model), "coefs_")


def test_routing_takes_weights_and_a_validation_part():
    with sklearn.config_context(enable_metadata_routing=True):
        model = classifier().set_fit_request(sample_weight=True, X_val=False, y_val=False)
        model.set_score_request(sample_weight=False)
        assert len(cross_val_score(model, X, Y, params={"sample_weight": np.ones(len(X))}, cv=2))


def test_copies_predict_the_same(tmp_path):
    """Pickles and joblib's files predict the same, go on learning, and predict without JAX."""
    model = classifier().fit(X, Y)
    file = tmp_path / "model.joblib"
    joblib.dump(model, file)
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(file)):
        np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    copy.partial_fit(X, Y)
    assert copy.t_ == model.t_ + len(X)
    code = f"import sys, joblib; joblib.load({str(file)!r}).predict([[1., 2., 3.]])"
    code += "; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", ACTIVATIONS.names)
def test_the_numpy_pass_is_the_network(name):
    """The forward pass in NumPy agrees with that of `jaxmlp.nn`, dense and sparse."""
    with jax.enable_x64(True):
        random = np.random.default_rng(0)
        layers = [
            (random.normal(size=s), random.normal(size=s[1])) for s in ((3, 5), (5, 5), (5, 2))
        ]
        chain = mlp((5, 5), 2, ACTIVATIONS[name])
        own = programs.params_of(chain, *zip(*layers, strict=True), "float64")
        wide = np.zeros((len(X), own[1]["W"].shape[0]))
        wide[:, :3] = X
        expected = np.asarray(chain(own, wide))
    coefs, intercepts = zip(*layers, strict=True)
    for x in (X, csr_array(X)):
        found = forward.forward(x, coefs, intercepts, name, "identity")
        np.testing.assert_allclose(found, expected, 1e-12, 1e-12)


def test_every_rule_begins_with_zeros():
    """A fit needs no compiled start: what a rule remembers is zeros before the first step."""
    params = [np.ones((2, 3), np.float32)]
    for solver in [name for name in SOLVERS if name != LBFGS]:
        plan = programs.Plan(
            "binary", "log_loss", 8, 1, (8,), "relu", 0.0, solver, True, "constant", 0, "float32"
        )
        state = programs.program_for(plan).init_rule(params)
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(state)), solver


OURS = {
    "dropout": {"dropout": 0.2},
    "adamw": {"solver": "adamw", "weight_decay": 0.1, "schedule": "one_cycle"},
    "bfloat16": {"precision": "bfloat16", "activation": "gelu", "solver": "rmsprop"},
    "class weights": {"class_weight": "balanced"},
    "validation": {"early_stopping": True},
}


@pytest.mark.parametrize("case", OURS)
def test_what_is_ours_learns(case):
    more = {"X_val": X[::3], "y_val": Y[::3]} if case == "validation" else {}
    model = classifier(**OURS[case]).fit(X, Y, **more)
    assert model.score(X, Y) > 0.85
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, 1e-6)


def test_class_weights_move_the_border():
    """A class that weighs a hundred times as much is predicted for nearly all rows."""
    rows = np.random.default_rng(0).normal(size=(100, 3))
    model = classifier(class_weight={"yes": 100.0}).fit(rows, Y[:100])
    assert np.mean(model.predict(rows) == "yes") > 0.9


BAD = {
    "alpha must be a finite number of at least 0, got -1": {"alpha": -1},
    "hidden_layer_sizes must be > 0": {"hidden_layer_sizes": (3, 0)},
    "did you mean 'relu'": {"activation": "rellu"},
    "unknown solver 'adm'": {"solver": "adm"},
    "batch_size must be 'auto' or a whole number": {"batch_size": 2.5},
    "max_iter must be a whole number": {"max_iter": True},
    "schedule cosine needs learning_rate 'constant'": {
        "schedule": "cosine",
        "learning_rate": "adaptive",
    },
    "dropout does not apply to solver 'lbfgs'": {"solver": "lbfgs", "dropout": 0.5},
    "class_weight must be for classes of": {"class_weight": {"maybe": 2}},
    "class_weight of yes must be": {"class_weight": {"yes": -1.0}},
    "class_weight must be positive for some rows": {"class_weight": {"yes": 0, "no": 0}},
    "class_weight must be 'balanced' or a dictionary": {"class_weight": 3},
    "unknown precision": {"precision": "float16"},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_arguments_are_named(message):
    with pytest.raises(InputError) as caught:
        classifier(**BAD[message]).fit(X, Y)
    assert message in str(caught.value)


def test_bad_calls_are_named():
    model = classifier()
    calls = {
        "sample_weight of row 0 must be >= 0": lambda: model.fit(X, Y, np.full(len(X), -1.0)),
        "X_val and y_val must be given together": lambda: model.fit(X, Y, X_val=X),
        "X_val and y_val need early_stopping=True": lambda: model.fit(X, Y, X_val=X, y_val=Y),
        "classes must be passed on the first call": lambda: model.partial_fit(X, Y),
        "`y` has classes not in": lambda: classifier(early_stopping=True).fit(
            X, Y, X_val=X, y_val=np.full(len(X), "new")
        ),
        "the widths of the layers must be": lambda: (
            classifier(warm_start=True).fit(X, Y).set_params(hidden_layer_sizes=(4,)).fit(X, Y)
        ),
        "class_weight is for classes": lambda: classifier(class_weight="balanced").fit(
            X, np.eye(3, dtype=int)[np.arange(len(X)) % 3][:, [0, 1, 1]]
        ),
        "y for loss 'poisson' must be at least 0": lambda: MLPRegressor(loss="poisson").fit(
            X, -np.ones(len(X))
        ),
        "unknown loss": lambda: MLPRegressor(loss="huber").fit(X, X[:, 0]),
        "Solver produced non-finite parameter weights": lambda: MLPRegressor().fit(
            X * 1e38, X[:, 0]
        ),
    }
    for message, call in calls.items():
        with pytest.raises(InputError) as caught:
            call()
        assert message in str(caught.value)


def test_the_door_is_light():
    """`import jaxmlp` imports no scikit-learn, and names the estimators."""
    assert {"MLPClassifier", "MLPRegressor"} <= set(jaxmlp.__all__)
    code = "import sys, jaxmlp; print('sklearn' in sys.modules, 'jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
