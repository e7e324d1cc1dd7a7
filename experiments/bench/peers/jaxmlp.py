"""jaxmlp in the way of its commands: the configuration, the trainer, the loop.

Its mixed precision is the option `precision` of the configuration.
"""

import numpy as np

from experiments.bench.peers import Session
from experiments.bench.problem import Problem, stored, table
from jaxmlp.config.options import Config
from jaxmlp.config.problem import pose_problem
from jaxmlp.data import Dataset
from jaxmlp.training import begin, fit, outputs_of

ENDLESS = 100_000  # epochs, for a session that trains one epoch after another; steps are counted


def start(problem: Problem) -> Session:
    """A session of jaxmlp."""
    ours = pose_problem(_config(problem), _dataset(problem))
    recipe = ours.recipe
    state, best = begin(ours.trainer, recipe.seed)
    history = ours.history(best)

    def train(epochs: int) -> None:
        nonlocal state
        *_, last = fit(
            ours.trainer,
            ours.train,
            ours.valid,
            state,
            history,
            epochs=len(history.records) + epochs,
            batch_size=recipe.batch_size,
            seed=recipe.seed,
        )
        state = last.state

    def predict(n: int) -> np.ndarray:
        some = ours.test._replace(indices=ours.test.indices[:n])
        return outputs_of(ours.trainer.judge, state.params, some).argmax(axis=1)

    return Session(train, predict)


def _config(problem: Problem) -> Config:
    return Config(
        hidden=problem.hidden,
        batch_size=problem.batch_size,
        optimizer="adam",
        learning_rate=problem.learning_rate,
        schedule=problem.schedule,
        epochs=problem.epochs or ENDLESS,
        dropout=problem.dropout,
        label_smoothing=problem.smoothing,
        seed=problem.seed,
        precision=problem.precision,
        valid_size=0,
    )


def _dataset(problem: Problem) -> Dataset:
    if problem.data is None:
        assert problem.rows is not None
        x, y = table(problem.rows, problem.features, problem.classes)
        classes = tuple(map(str, range(problem.classes)))
        return Dataset("table", x, y, x[:100], y[:100], "multiclass", classes)
    x_train, y_train, x_test, y_test = stored(problem.data)
    rows, digits = problem.rows, tuple("0123456789")
    return Dataset("digits", x_train[:rows], y_train[:rows], x_test, y_test, "multiclass", digits)
