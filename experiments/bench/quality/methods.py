"""The ways to learn a table: ours, through the door of every user, and those of scikit-learn."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import jaxmlp
from jaxmlp.config.options import Config

OURS = "ours"
Parts = Sequence[np.ndarray]  # x_train, y_train, x_test, y_test
Method = Callable[[Parts, bool, int], np.ndarray]  # parts, classes, seed -> answers


def ours(config: Config) -> Method:
    """Our network: `jaxmlp.fit` on arrays, with everything else left to its defaults.

    Args:
      config: what is changed of the defaults.

    Returns:
      A method: `(parts, classes, seed) -> answers`, probabilities `(N, classes)` or numbers `(N,)`.
    """

    def learn(parts: Parts, classes: bool, seed: int) -> np.ndarray:
        x_train, y_train, x_test, y_test = parts
        chosen = replace(config, seed=seed, task=None if classes else "regression")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jaxmlp.DataWarning)
            network = jaxmlp.fit(chosen, ((x_train, y_train), (x_test, y_test))).network
        return network.predict_proba(x_test) if classes else network.predict(x_test)

    return learn


def _of_sklearn(make: Callable[[bool, int], Any]) -> Method:
    """A method of scikit-learn, on standardised inputs; a target of numbers is standardised too."""

    def learn(parts: Parts, classes: bool, seed: int) -> np.ndarray:
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        x_train, y_train, x_test, _ = parts
        model = make_pipeline(StandardScaler(), make(classes, seed))
        if not classes:
            model = TransformedTargetRegressor(model, transformer=StandardScaler())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x_train, y_train)
        return model.predict_proba(x_test) if classes else model.predict(x_test)

    return learn


def _mlp(classes: bool, seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    return (MLPClassifier if classes else MLPRegressor)(random_state=seed)


def _linear(classes: bool, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    return LogisticRegression(max_iter=2000) if classes else Ridge()


def _forest(classes: bool, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    return (RandomForestClassifier if classes else RandomForestRegressor)(random_state=seed)


def _boosting(classes: bool, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return kind(random_state=seed)


METHODS: dict[str, Method] = {
    OURS: ours(Config()),
    "mlp": _of_sklearn(_mlp),
    "linear": _of_sklearn(_linear),
    "forest": _of_sklearn(_forest),
    "boosting": _of_sklearn(_boosting),
}
WORDS = {
    "mlp": "scikit-learn's MLP",
    "linear": "logistic or ridge regression",
    "forest": "random forest",
    "boosting": "histogram gradient boosting",
}
