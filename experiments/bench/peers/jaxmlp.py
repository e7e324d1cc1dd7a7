"""jaxmlp in the way of its commands: the configuration, the trainer, the loop."""

import numpy as np

from experiments.bench.peers import Session
from experiments.bench.problem import Problem, stored, table
from jaxmlp.config.options import Config
from jaxmlp.config.problem import problem_from
from jaxmlp.data import Dataset
from jaxmlp.training import begin, fit
from jaxmlp.training.evaluation import outputs_of

ENDLESS = 1_000_000  # epochs, for a session that trains one epoch after another


def start(problem: Problem) -> Session:
    """A session of jaxmlp."""
    ours = problem_from(_config(problem), _dataset(problem))
    batch, seed = ours.config.batch_size, ours.config.seed
    assert batch is not None
    reached, done = begin(ours.trainer, seed), 0

    def train(epochs: int) -> None:
        nonlocal reached, done
        done += epochs
        *_, last = fit(
            ours.trainer,
            ours.task,
            ours.train,
            ours.valid,
            reached,
            epochs=done,
            batch_size=batch,
            seed=seed,
            learning_rate=ours.learning_rate,
        )
        reached = last.state, last.best

    def predict(n: int) -> np.ndarray:
        some = ours.test._replace(indices=ours.test.indices[:n])
        return outputs_of(ours.trainer, reached[0].params, some).argmax(axis=1)

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
