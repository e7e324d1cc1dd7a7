"""scikit-learn: `MLPClassifier.fit`; with `warm_start`, each call adds `max_iter` epochs."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from experiments.bench.peers import Session
from experiments.bench.problem import Problem, arrays


def start(problem: Problem) -> Session:
    """A session of scikit-learn, which has no schedule, no smoothing and no mixed precision."""
    assert problem.schedule == "constant"
    assert not problem.smoothing
    assert problem.precision == "float32"
    x, y, x_test, _ = arrays(problem)
    if not problem.tuned:
        x, x_test = x.astype(np.float64), x_test.astype(np.float64)
    model = MLPClassifier(
        problem.hidden,
        batch_size=min(problem.batch_size, len(x)),
        learning_rate_init=problem.learning_rate,
        n_iter_no_change=1_000_000,  # train for all epochs
        random_state=problem.seed,
        warm_start=True,
    )

    def train(epochs: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is fixed
            model.set_params(max_iter=epochs).fit(x, y)

    def predict(n: int) -> np.ndarray:
        return model.predict(x_test[:n])

    return Session(train, predict)
